"""Stages of the group playground."""

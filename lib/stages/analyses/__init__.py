"""Stages of the group analyses."""

"""Stages of the group concepts."""

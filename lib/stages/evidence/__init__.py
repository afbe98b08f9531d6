"""Stages of the group evidence."""

"""Stages of the group downloads."""

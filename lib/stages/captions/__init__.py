"""Stages of the group captions."""

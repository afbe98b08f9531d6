"""Stages of the group exemplars."""

"""Stages of the group report."""

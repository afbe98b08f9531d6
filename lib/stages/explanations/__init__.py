"""Stages of the group explanations."""

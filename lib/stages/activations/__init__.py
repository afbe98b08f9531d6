"""Stages of the group activations."""

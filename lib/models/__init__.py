"""Torch room: networks, their weights and their activations."""

"""Scenes of the playground."""

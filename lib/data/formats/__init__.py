"""Formats of labelled images, annotations and exemplars."""

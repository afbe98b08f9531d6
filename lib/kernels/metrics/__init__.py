"""Metrics of formulas and of text."""

"""Catalog pages, plots and pictures."""

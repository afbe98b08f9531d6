"""Stores of the workflow: Zarr arrays, tables, tallies."""

"""What the workflow stores: Zarr, tables, tallies."""

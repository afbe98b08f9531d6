"""Disk room: paths in, arrays out."""

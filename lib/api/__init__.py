"""What the Python API is made of."""

"""Safe reading and writing of weights."""

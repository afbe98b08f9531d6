"""Pure functions on arrays, without files, config and logging."""

"""MILANNOTATIONS: human annotations of units."""

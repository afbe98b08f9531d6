"""MILANNOTATIONS: what people said about units."""

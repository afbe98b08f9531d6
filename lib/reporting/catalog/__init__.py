"""The catalog: pages, tables, pictures."""

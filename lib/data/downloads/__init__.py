"""Downloads: sources, transfers, archives."""

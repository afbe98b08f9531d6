"""Images: reading them, and which there are."""

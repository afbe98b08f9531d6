"""Training of the playground's networks."""

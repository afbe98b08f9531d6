"""Networks built from the zoo, factories and archives."""

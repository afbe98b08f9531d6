"""Pure room: arrays in, arrays out."""

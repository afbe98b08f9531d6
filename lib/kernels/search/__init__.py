"""Search for formulas: atoms, formulas, beam and optimal search, estimates."""

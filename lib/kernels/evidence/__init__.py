"""Evidence for formulas: chance."""

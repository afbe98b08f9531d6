"""Planted units: units whose cause is known, to check the search and the evidence."""

"""MILAN: a sentence for a unit."""

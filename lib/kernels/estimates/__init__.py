"""The published estimates of a formula's IoU and the searches that they guide, for comparison with the exact ones."""

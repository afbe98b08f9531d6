"""Activations of a unit: values, quantiles, ranges, top images, upsampling."""

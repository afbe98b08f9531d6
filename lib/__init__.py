"""Neuron Lexicon: what every unit of a vision network responds to."""

__version__ = "0.2.0"

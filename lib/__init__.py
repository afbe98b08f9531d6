"""Everything that Neuron Lexicon computes."""

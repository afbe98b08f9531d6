"""Captioning models: encoder, decoder, language model, vocabulary."""

"""Decoding: beam search, reranking, CLIP."""

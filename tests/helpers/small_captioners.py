"""A captioning model of a few numbers."""

import torch

from lib.captioning.model.captioner import Captioner, EncoderRecord, Settings
from lib.captioning.model.decoder import Decoder, DecoderSizes
from lib.captioning.model.language_model import LanguageModel
from lib.captioning.model.vocabulary import Indexer

WORDS = ("a", "red", "thing")


def small_captioner():
    indexer = Indexer(WORDS)
    decoder = Decoder(DecoderSizes(indexer.n_symbols, 1024, embedding_size=4, hidden_size=6, attention_size=5))
    model = LanguageModel(indexer.n_symbols, embedding_size=4, hidden_size=5, layers=2)
    record = EncoderRecord("pyramid", "resnet18", (0.1, 0.2, 0.3), (1.0, 2.0, 3.0), {"fc.bias": torch.zeros(3)})
    return Captioner(indexer, decoder.eval(), model.eval(), record, Settings(beam_size=7))

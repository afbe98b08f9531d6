"""The captioning model of the reference data, without its encoder."""

import json
from types import SimpleNamespace

import numpy as np
import torch
from places import FIXTURE

from lib.captioning.model.captioner import Settings
from lib.captioning.model.decoder import Decoder, DecoderSizes
from lib.captioning.model.language_model import LanguageModel
from lib.captioning.model.vocabulary import Indexer


def read_fixture():
    """Return the model's decoder, language_model, indexer and settings, as `read_captioner` would."""
    about = json.loads((FIXTURE / "captioner.json").read_text())
    indexer = Indexer(tuple(about["indexer"].pop("tokens")), **about["indexer"])
    decoder = Decoder(DecoderSizes(**about["sizes"]))
    language_model = LanguageModel(indexer.n_symbols, **about["language_model"])
    with np.load(FIXTURE / "captioner.npz") as stored:
        for name, module in (("decoder", decoder), ("language_model", language_model)):
            prefix = f"{name}."
            state = {k.removeprefix(prefix): torch.from_numpy(stored[k]) for k in stored if k.startswith(prefix)}
            module.load_state_dict(state)
            module.eval()
    return SimpleNamespace(
        decoder=decoder, language_model=language_model, indexer=indexer, settings=Settings(**about["settings"])
    )

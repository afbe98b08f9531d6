"""Training that resumes after a kill: same weights, only its own states, nothing executed from a file."""

import logging
import os

import numpy as np
import pytest
import torch

from lib.captioning.model.decoder import Decoder, DecoderSizes
from lib.captioning.model.language_model import LanguageModel
from lib.captioning.model.vocabulary import Indexer
from lib.captioning.training import fitting
from lib.captioning.training.fitting import TrainingSettings, seeded
from lib.captioning.training.resuming import read_state, remove_state, training_key, write_state
from lib.captioning.training.train import train_decoder, train_language_model

INDEXER = Indexer(("a", "red", "green", "thing"))
CAPTIONS = [("a red thing", "red")] * 6 + [("a green thing", "green")] * 6
SETTINGS = {"epochs": 5, "patience": 5, "batch_size": 4, "learning_rate": 0.05, "seed": 0, "threads": 1}


class Killed(BaseException):
    """Stands for a kill between two epochs."""


def train(which, path, *, captions=CAPTIONS, scale=1.0, penalty=1.0, dropout=0.3, **changed):
    """Train the language model or the decoder, and return its weights."""
    parts = {"indexer": INDEXER, "held_out": np.array([1, 8]), "excluded": np.array([2])}
    parts |= {"settings": TrainingSettings(**SETTINGS | changed), "checkpoint": path}
    with seeded(0):
        if which == "decoder":
            module = Decoder(DecoderSizes(INDEXER.n_symbols, 6, embedding_size=4, hidden_size=8, dropout=dropout))
            features = (scale * np.random.default_rng(0).normal(size=(12, 3, 6))).astype(np.float32)
            train_decoder(module, features, captions, penalty=penalty, **parts)
        else:
            sizes = {"embedding_size": 4, "hidden_size": 8, "layers": 2, "dropout": dropout}
            module = LanguageModel(INDEXER.n_symbols, **sizes)
            train_language_model(module, captions, **parts)
    return module.state_dict()


def train_and_kill(which, path, monkeypatch, *, epochs):
    left = iter(range(epochs))

    def write(*arguments, **keywords):
        write_state(*arguments, **keywords)
        if next(left) == epochs - 1:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(fitting, "write_state", write)
        with pytest.raises(Killed):
            train(which, path)


def epochs_of(caplog):
    return sum(", epoch " in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("which", ["language model", "decoder"])
@pytest.mark.parametrize("epochs", [1, 3, 5])
def test_training_goes_on_to_the_same_weights(which, epochs, tmp_path, monkeypatch, caplog):
    path, expected = str(tmp_path / "state"), train(which, None)
    train_and_kill(which, path, monkeypatch, epochs=epochs)
    with caplog.at_level(logging.INFO):
        found = train(which, path, threads=2)
    assert epochs_of(caplog) == 5 - epochs
    assert all(torch.equal(tensor, expected[name]) for name, tensor in found.items())
    remove_state(path)
    assert not list(tmp_path.iterdir())


def test_patience_counts_the_epochs_before_the_kill(tmp_path, monkeypatch, caplog):
    scores = [3.0, 1.0, 2.0, 2.0, 2.0]

    def fit(left):
        module, left = torch.nn.Linear(1, 1), iter(left)
        with torch.no_grad():
            module.weight.fill_(0.5)
            module.bias.fill_(0.5)
        return module, fitting.fit(
            module,
            lambda places, _: [lambda: module(places[:, None].float()).sum()],
            lambda: next(left),
            n_items=4,
            settings=TrainingSettings(**SETTINGS | {"patience": 2}),
            decisive=(),
            checkpoint=str(tmp_path / "state"),
        )

    with caplog.at_level(logging.INFO), pytest.raises(StopIteration):
        fit(scores[:2])
    after = torch.load(tmp_path / "state", weights_only=True)["state"]
    assert (after["epoch"], after["stopping"]["without_improvement"]) == (2, 1)
    caplog.clear()
    with caplog.at_level(logging.INFO):
        module, best = fit(scores[2:])
    assert epochs_of(caplog) == 2 and best == 3.0, "the third epoch without improvement ends the training"
    assert torch.equal(module.weight, after["stopping"]["weights"]["weight"])
    assert not torch.equal(module.weight, after["module"]["weight"]), "the best weights are not the last"


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"learning_rate": 0.06},
        {"epochs": 6},
        {"batch_size": 5},
        {"scale": 2.0},
        {"penalty": 0.5},
        {"dropout": 0.4},
        {"captions": [*CAPTIONS[:-1], ("a green thing", "red")]},
    ],
    ids=lambda change: next(iter(change)),
)
def test_state_of_another_training_is_ignored(change, tmp_path, monkeypatch, caplog):
    """D20: what was kept of one version of data or settings serves no other."""
    path = str(tmp_path / "state")
    train_and_kill("decoder", path, monkeypatch, epochs=2)
    with caplog.at_level(logging.INFO):
        train("decoder", path, **change)
    assert "another training" in caplog.text and epochs_of(caplog) == change.get("epochs", 5)


def test_state_of_other_code_or_another_device_is_ignored(monkeypatch):
    key = training_key("cpu", torch.zeros(2))
    assert key == training_key("cpu", torch.zeros(2))
    others = [training_key("cuda", torch.zeros(2)), training_key("cpu", torch.zeros(1, 2))]
    others += [training_key("cpu", torch.zeros(2, dtype=torch.int32))]
    monkeypatch.setattr(torch, "__version__", "0")
    assert len({key, *others, training_key("cpu", torch.zeros(2))}) == 5


class Hostile:
    """Runs a program when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


def test_damaged_and_hostile_states_are_ignored(tmp_path, caplog):
    path = tmp_path / "state"
    write_state(str(path), {"tensor": torch.arange(1000)}, key="k")
    assert torch.equal(read_state(str(path), key="k")["tensor"], torch.arange(1000))
    whole = path.read_bytes()
    for size in (0, 1, 3, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        assert read_state(str(path), key="k") is None
    for content in ({"key": "k", "state": Hostile(tmp_path / "trace")}, [1, 2]):
        torch.save(content, path)
        assert read_state(str(path), key="k") is None
    assert not (tmp_path / "trace").exists()
    assert len(caplog.records) == 8, "each says why"

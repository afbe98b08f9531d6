"""Checkpoints: the native round trip, published payloads, and what is refused."""

import os
from pathlib import Path

import pytest
import torch
from published_milan import indexer_entry, payload_of
from safetensors import safe_open
from safetensors.torch import save_file

from lib.captioning.checkpoint import (
    Captioner,
    EncoderRecord,
    Settings,
    read_captioner,
    read_published,
    write_captioner,
)
from lib.captioning.decoder import Decoder, DecoderSizes
from lib.captioning.language_model import LanguageModel
from lib.captioning.vocabulary import Indexer

GOLDEN = Path(__file__).resolve().parents[2] / "../shared/golden/milan/weights"
needs_golden = pytest.mark.skipif(not GOLDEN.exists(), reason="golden data of MILAN are not beside the repository")
WORDS = ("a", "red", "thing")


@pytest.fixture
def captioner():
    indexer = Indexer(WORDS)
    decoder = Decoder(DecoderSizes(indexer.n_symbols, 1024, embedding_size=4, hidden_size=6, attention_size=5))
    model = LanguageModel(indexer.n_symbols, embedding_size=4, hidden_size=5, layers=2)
    record = EncoderRecord("pyramid", "resnet18", (0.1, 0.2, 0.3), (1.0, 2.0, 3.0), {"fc.bias": torch.zeros(3)})
    return Captioner(indexer, decoder.eval(), model.eval(), record, Settings(beam_size=7))


def same_tensors(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_native_round_trip_and_equal_bytes(captioner, tmp_path):
    paths = [str(tmp_path / name) for name in ("a.safetensors", "b.safetensors")]
    for path in paths:
        write_captioner(path, captioner)
    assert Path(paths[0]).read_bytes() == Path(paths[1]).read_bytes()
    read = read_captioner(paths[0])
    assert read.indexer == captioner.indexer and read.settings == captioner.settings
    assert (read.encoder.mean, read.encoder.std) == ((0.1, 0.2, 0.3), (1.0, 2.0, 3.0))
    assert same_tensors(read.decoder.state_dict(), captioner.decoder.state_dict())
    assert same_tensors(read.language_model.state_dict(), captioner.language_model.state_dict())
    assert same_tensors(read.encoder.weights, captioner.encoder.weights)
    assert not read.decoder.training and not read.language_model.training
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".part")] == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tensors: tensors.pop("decoder.lstm.weight_hh"), "missing: decoder.lstm.weight_hh"),
        (lambda tensors: tensors.pop("lm.embedding.weight"), "missing: lm.embedding.weight"),
        (lambda tensors: tensors.update({"decoder.more": torch.zeros(1)}), "surplus: decoder.more"),
        (
            lambda tensors: tensors.update({"decoder.init_h.0.bias": torch.zeros(9)}),
            r"init_h.0.bias \(9,\) instead of \(6,\)",
        ),
        (lambda tensors: tensors.pop("encoder.fc.bias"), "missing: the encoder's network"),
    ],
)
def test_damaged_native_files_are_refused_by_name(captioner, tmp_path, change, message):
    path = str(tmp_path / "model.safetensors")
    write_captioner(path, captioner)
    with safe_open(path, framework="pt") as file:
        metadata, tensors = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    change(tensors)
    save_file(tensors, path, metadata=metadata)
    with pytest.raises(ValueError, match=message):
        read_captioner(path)


def test_files_of_other_kinds_are_refused(tmp_path):
    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match="format None"):
        read_captioner(str(tmp_path / "other.safetensors"))
    (tmp_path / "text.pth").write_text("hello")
    with pytest.raises(ValueError, match="neither a safetensors file nor"):
        read_captioner(str(tmp_path / "text.pth"))
    torch.save({"weight": torch.zeros(1)}, tmp_path / "plain.pth")
    with pytest.raises(ValueError, match="no payload"):
        read_captioner(str(tmp_path / "plain.pth"))


def test_payload_is_read(captioner, tmp_path):
    torch.save(payload_of(captioner), tmp_path / "model.pth", pickle_protocol=2)
    read = read_captioner(str(tmp_path / "model.pth"))
    assert read.settings == Settings(lm_sum="published") and read.indexer.tokens == WORDS
    assert same_tensors(read.decoder.state_dict(), captioner.decoder.state_dict())
    assert same_tensors(read.language_model.state_dict(), captioner.language_model.state_dict())
    assert same_tensors(read.encoder.weights, captioner.encoder.weights)


def swap_words(payload):
    payload["properties"]["lm"]["properties"]["indexer"] = indexer_entry(WORDS[::-1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda payload: payload["state_dict"].pop("attend.output.0.weight"), "missing: attend.output.0.weight"),
        (lambda payload: payload["state_dict"].pop("encoder.std"), "lacks the tensor encoder.std"),
        (lambda payload: payload["state_dict"].update({"reranker.x": torch.zeros(1)}), "surplus: reranker.x"),
        (lambda payload: payload["children"].update({"encoder": "OtherEncoder"}), "type 'OtherEncoder'"),
        (lambda payload: payload["properties"]["encoder"]["properties"].update({"config": "vgg16"}), "'vgg16'"),
        (swap_words, "not the same in the same order"),  # D8: equal as sets
    ],
)
def test_wrong_payloads_are_refused_by_name(captioner, tmp_path, change, message):
    payload = payload_of(captioner)
    change(payload)
    torch.save(payload, tmp_path / "model.pth")
    with pytest.raises(ValueError, match=message):
        read_captioner(str(tmp_path / "model.pth"))


class Hostile:
    """Runs a program when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


def test_hostile_payload_is_refused_and_does_nothing(captioner, tmp_path):
    payload, trace = payload_of(captioner), tmp_path / "trace"
    payload["properties"]["indexer"]["properties"]["tokenize"]["properties"]["nlp"] = Hostile(trace)
    torch.save(payload, tmp_path / "model.pth")
    with pytest.raises(ValueError, match="more than tensors and plain values"):
        read_captioner(str(tmp_path / "model.pth"))
    assert not trace.exists()


def test_allowed_names_are_forgotten_after_reading(captioner, tmp_path):
    torch.save(payload_of(captioner), tmp_path / "model.pth")
    before = set(map(str, torch.serialization.get_safe_globals()))
    read_captioner(str(tmp_path / "model.pth"))
    assert set(map(str, torch.serialization.get_safe_globals())) == before


@needs_golden
@pytest.mark.parametrize("name", ["milan-synthetic.pth", "published_like_structure.pth", "no_lm_structure.pth"])
def test_golden_payloads_are_read(name):
    read = read_published(str(GOLDEN / name), needs_encoder=name.startswith("milan"))
    assert len(read.indexer.tokens) == 151 and read.decoder.sizes.n_symbols == 155
    assert (read.language_model is None) == name.startswith("no_lm")
    assert read.settings.lm_sum == "published" and read.encoder.config == "resnet18"
    if not name.startswith("milan"):
        with pytest.raises(ValueError, match="the encoder's network"):
            read_published(str(GOLDEN / name))

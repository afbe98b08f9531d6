"""Checkpoints: the native round trip, published payloads, and what is refused."""

import os
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path

import pytest
import spacy
import torch
from places import GOLDEN, NO_GOLDEN
from published_milan import indexer_entry, payload_of
from safetensors.torch import save_file
from small_captioners import WORDS, small_captioner

from lib.captioning.checkpoints.native import read_captioner, write_captioner
from lib.captioning.checkpoints.published import CONFIGURATIONS, read_published
from lib.captioning.checkpoints.published_writer import write_published
from lib.captioning.model.captioner import Settings
from lib.captioning.model.vocabulary import Tokenizer
from lib.models.build.zoo import build_network
from lib.models.weights.safetensors_files import read_safetensors, write_safetensors

FOLDER = GOLDEN / "weights"
needs_golden = pytest.mark.skipif(not FOLDER.exists(), reason=NO_GOLDEN)


@pytest.fixture
def captioner():
    return small_captioner()


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


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_a_model_may_be_read_by_whom_the_umask_lets(captioner, tmp_path, umask):
    before = os.umask(umask)
    try:
        write_captioner(str(tmp_path / "model.safetensors"), captioner)
    finally:
        os.umask(before)
    assert (tmp_path / "model.safetensors").stat().st_mode & 0o777 == 0o666 & ~umask


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tensors: tensors.pop("decoder.lstm.weight_hh"), "missing: decoder.lstm.weight_hh"),
        (lambda tensors: tensors.pop("lm.embedding.weight"), "missing: lm.embedding.weight"),
        (lambda tensors: tensors.update({"decoder.more": torch.zeros(1)}), "surplus: decoder.more"),
        (
            lambda tensors: tensors.update({"decoder.init_h.0.bias": torch.zeros(9)}),
            r"init_h.0.bias \(9,\) float32 instead of \(6,\) float32",
        ),
        (lambda tensors: tensors.pop("encoder.fc.bias"), "missing: the encoder's network"),
    ],
)
def test_damaged_native_files_are_refused_by_name(captioner, tmp_path, change, message):
    """D28: no tensor may be missing."""
    path = str(tmp_path / "model.safetensors")
    write_captioner(path, captioner)
    tensors, about = read_safetensors(path)
    change(tensors)
    write_safetensors(path, tensors, about=about)
    with pytest.raises(ValueError, match=rf"model\.safetensors is damaged .*{message}"):
        read_captioner(path)


def test_files_of_other_kinds_are_refused(tmp_path):
    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match="format None"):
        read_captioner(str(tmp_path / "other.safetensors"))
    write_safetensors(tmp_path / "weights.safetensors", {"a": torch.zeros(1)}, about={"format": "weights 1"})
    with pytest.raises(ValueError, match="format 'weights 1', expected 'milan 2'; train it again, or convert it again"):
        read_captioner(str(tmp_path / "weights.safetensors"))
    (tmp_path / "text.pth").write_text("hello")
    with pytest.raises(ValueError, match=r"no readable safetensors file.*or a published payload"):
        read_captioner(str(tmp_path / "text.pth"))
    torch.save({"weight": torch.zeros(1)}, tmp_path / "plain.pth")
    with pytest.raises(ValueError, match="no payload"):
        read_captioner(str(tmp_path / "plain.pth"))


def test_payload_is_read(captioner, tmp_path):
    """D28: what is read is in evaluation mode."""
    torch.save(payload_of(captioner), tmp_path / "model.pth", pickle_protocol=2)
    read = read_captioner(str(tmp_path / "model.pth"))
    assert not read.decoder.training and not read.language_model.training
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
        (
            lambda payload: payload["state_dict"].update({"lm.output.0.bias": torch.zeros(9)}),
            r"wrong shape or type: lm.output.0.bias \(9,\) float32 instead of \(7,\) float32",
        ),
        (
            lambda payload: payload["state_dict"].update({"lstm.bias_hh": torch.zeros(24, dtype=torch.float64)}),
            "wrong shape or type: lstm.bias_hh",
        ),
        (lambda payload: payload["state_dict"].update({"lstm.bias_hh": 3}), "other things than tensors"),
        (
            lambda payload: payload["properties"].update({"hidden_size": 60_000}),
            "wrong shape",
        ),  # 10^11 bytes, not taken
        (lambda payload: payload["properties"].pop("indexer"), "no payload .*'indexer'"),
        (lambda payload: payload["children"].update({"encoder": "OtherEncoder"}), "type of encoder='OtherEncoder'"),
        (lambda payload: payload["properties"]["encoder"]["properties"].update({"config": "vgg16"}), "'vgg16'"),
        (swap_words, "not the same in the same order"),
    ],
)
def test_wrong_payloads_are_refused_by_name(captioner, tmp_path, change, message):
    """D8 and D28: the words must agree in their order, and no tensor may be missing."""
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


def in_the_pipeline(payload, hostile):
    payload["properties"]["indexer"]["properties"]["tokenize"]["properties"]["nlp"] = hostile


def among_the_tensors(payload, hostile):
    payload["state_dict"]["lm.output.0.bias"] = hostile


def beside_everything(payload, hostile):
    payload["more"] = hostile


@pytest.mark.parametrize("place", [in_the_pipeline, among_the_tensors, beside_everything])
@pytest.mark.parametrize("protocol", [2, 5])
@pytest.mark.filterwarnings("ignore:Detected pickle protocol 5")
def test_hostile_payload_is_refused_and_does_nothing(captioner, tmp_path, place, protocol):
    payload, trace = payload_of(captioner), tmp_path / "trace"
    place(payload, Hostile(trace))
    torch.save(payload, tmp_path / "model.pth", pickle_protocol=protocol)
    with pytest.raises(ValueError, match="more than tensors and plain values") as refused:
        read_captioner(str(tmp_path / "model.pth"))
    assert protocol > 2 or f"namely {os.system.__module__}.system" in str(refused.value)
    assert "\n" not in str(refused.value) and "weights_only" not in str(refused.value), "no advice to let it run"
    assert not trace.exists()
    torch.load(tmp_path / "model.pth", weights_only=False)
    assert trace.exists(), "the file is hostile indeed"


@pytest.mark.parametrize("kind", ["native", "published"])
def test_truncated_files_are_refused(captioner, tmp_path, kind):
    path = tmp_path / "model"
    {"native": write_captioner, "published": write_published}[kind](str(path), with_network(captioner))
    whole = path.read_bytes()
    for size in (0, 1, 2, 9, 1000, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match="truncated|no readable safetensors file") as refused:
            read_captioner(str(path))
        assert "\n" not in str(refused.value)


def test_a_payload_with_damaged_text_is_refused(captioner, tmp_path):
    path = tmp_path / "model.pth"
    write_published(str(path), with_network(captioner))
    whole = path.read_bytes()
    assert whole.count(b"properties") == 1
    path.write_bytes(whole.replace(b"properties", b"prop\xffrties"))
    with pytest.raises(ValueError, match=r"model\.pth is truncated or otherwise damaged"):
        read_captioner(str(path))


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ("{", "damaged .*no JSON"),
        ("[" * 100_000, "damaged .*no JSON"),
        ("[]", "damaged .*no JSON object"),
        ('{"format": "milan 1"}', "no checksum.*older version .*'milan 1'.*train it again, or convert it again"),
        ('{"format": "milan 2"}', "no checksum"),
        ('{"format": "milan 2", "sha256": "0"}', "damaged .*its checksum"),
    ],
)
def test_native_files_that_say_nonsense_of_themselves_are_refused(tmp_path, metadata, message):
    path = str(tmp_path / "model.safetensors")
    save_file({"a": torch.zeros(1)}, path, metadata={"neuron-lexicon": metadata})
    with pytest.raises(ValueError, match=rf"model\.safetensors .*{message}"):
        read_captioner(path)


@pytest.mark.parametrize("about", [{}, {"indexer": 3}, {"indexer": {"tokens": "abc", "tokenizer": {}}}])
def test_native_files_without_a_part_are_refused(tmp_path, about):
    path = str(tmp_path / "model.safetensors")
    write_safetensors(path, {"a": torch.zeros(1)}, about={"format": "milan 2", **about})
    with pytest.raises(ValueError, match=r"model\.safetensors has an incomplete or unknown entry"):
        read_captioner(path)


def structure(value):
    """Return names and types of a payload, its tensors by shape; the pipeline's bytes depend on spaCy's version."""
    if isinstance(value, dict):
        return {key: structure(item) for key, item in value.items() if key != "nlp"}
    return tuple(value.shape) if isinstance(value, torch.Tensor) else type(value)


def with_network(captioner, n_classes=5):
    weights = build_network("resnet18", n_classes=n_classes, seed=0).state_dict()
    return replace(captioner, encoder=replace(captioner.encoder, weights=weights))


@pytest.mark.parametrize("with_model", [True, False])
def test_payload_that_is_written_holds_plain_things_and_is_read_again(captioner, tmp_path, with_model):
    path = str(tmp_path / "new" / "model.pth")
    model = with_network(captioner if with_model else replace(captioner, language_model=None))
    write_published(path, model)
    assert torch.serialization.get_unsafe_globals_in_checkpoint(path) == []
    torch.load(path, weights_only=True)  # without any allowed name
    read = read_captioner(path)
    assert read.settings == replace(captioner.settings, lm_sum="published") and read.indexer == captioner.indexer
    assert read.encoder.mean == pytest.approx((0.1, 0.2, 0.3)) and read.encoder.std == (1.0, 2.0, 3.0)
    assert same_tensors(read.decoder.state_dict(), captioner.decoder.state_dict())
    assert (read.language_model is not None) == with_model
    if with_model:
        assert same_tensors(read.language_model.state_dict(), captioner.language_model.state_dict())
    published = build_network("resnet18", n_classes=1000, seed=1)  # what the published program builds
    published.load_state_dict(read.encoder.weights)
    assert torch.equal(published.layer4[1].conv2.weight, model.encoder.weights["layer4.1.conv2.weight"])


def test_pipeline_that_is_written_can_be_rebuilt_by_spacy(captioner, tmp_path):
    """As the published program does with every pair of a configuration and bytes."""
    write_published(str(tmp_path / "model.pth"), with_network(captioner))
    properties = torch.load(tmp_path / "model.pth", weights_only=True)["properties"]
    for indexer in (properties["indexer"], properties["lm"]["properties"]["indexer"]):
        config, content = indexer["properties"]["tokenize"]["properties"]["nlp"]
        assert type(config) is dict and type(content) is bytes
        language = spacy.util.get_lang_class(config["nlp"]["lang"]).from_config(config).from_bytes(content)
        text = "Dogs' heads, e.g. 3.5 m-wide (isn't it?)"
        assert tuple(token.text.lower() for token in language(text)) == Tokenizer()(text)


def test_payload_without_a_network_is_not_written(captioner, tmp_path):
    with pytest.raises(ValueError, match="needs the encoder's network"):
        write_published(str(tmp_path / "model.pth"), replace(captioner, encoder=replace(captioner.encoder, weights={})))


@needs_golden
def test_payload_that_is_written_has_the_published_structure(tmp_path):
    golden = read_published(str(FOLDER / "milan-synthetic.pth"))
    write_published(str(tmp_path / "model.pth"), golden)
    ours = torch.load(tmp_path / "model.pth", weights_only=True)
    with torch.serialization.safe_globals([(OrderedDict, name) for name in CONFIGURATIONS]):
        theirs = torch.load(FOLDER / "milan-synthetic.pth", weights_only=True)
    assert structure(ours) == structure(theirs)
    assert list(ours["state_dict"]) == list(theirs["state_dict"])
    assert same_tensors(ours["state_dict"], theirs["state_dict"])
    values = [{**payload["properties"], "indexer": None, "lm": None} for payload in (ours, theirs)]
    assert values[0] == values[1]


@needs_golden
@pytest.mark.parametrize("name", ["milan-synthetic.pth", "published_like_structure.pth", "no_lm_structure.pth"])
def test_golden_payloads_are_read(name):
    read = read_published(str(FOLDER / name), needs_encoder=name.startswith("milan"))
    assert len(read.indexer.tokens) == 151 and read.decoder.sizes.n_symbols == 155
    assert (read.language_model is None) == name.startswith("no_lm")
    assert read.settings.lm_sum == "published" and read.encoder.config == "resnet18"
    if not name.startswith("milan"):
        with pytest.raises(ValueError, match="the encoder's network"):
            read_published(str(FOLDER / name))

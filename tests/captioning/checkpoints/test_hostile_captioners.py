"""Captioning models that would hang, crash or fill the machine, or that no search could run, are refused in one message."""

import random
from dataclasses import replace

import hostile_files
import pytest
import torch
from measured_reads import read_in_another_process
from published_milan import indexer_entry, payload_of
from small_captioners import small_captioner

from lib.captioning.checkpoints.native import read_captioner, write_captioner
from lib.models.weights.safetensors_files import read_safetensors, write_safetensors

SECONDS, BYTES = 1.0, 200 * 10**6
NAN, INFINITE = float("nan"), float("inf")


def expanded(*shape):
    """Return a tensor that says it is large and holds one number."""
    return torch.zeros(1).expand(*shape)


def properties(**changed):
    return lambda payload: payload["properties"].update(changed)


def state(**changed):
    return lambda payload: payload["state_dict"].update(
        {name.replace("__", "."): value for name, value in changed.items()}
    )


def language_model(**changed):
    return lambda payload: payload["properties"]["lm"]["properties"].update(changed)


def words(*tokens):
    def change(payload):
        payload["properties"] |= {"indexer": indexer_entry(tokens)}
        payload["properties"]["lm"]["properties"]["indexer"] = indexer_entry(tokens)

    return change


def vocabulary(tokens):
    def change(payload):
        payload["properties"]["indexer"]["properties"]["vocab"]["properties"]["tokens"] = tokens

    return change


def hidden_size_of_one_number(payload):
    """All tensors of a decoder of 50,000 values, 250 GB, in a file of some kilobytes."""
    n = 50_000
    payload["properties"]["hidden_size"] = n
    shapes = {"lstm.weight_hh": (4 * n, n), "lstm.weight_ih": (4 * n, 4 + 1024), "output.1.weight": (7, n)}
    payload["state_dict"] |= {name: expanded(*shape) for name, shape in shapes.items()}


def tensors_of_one_memory(payload):
    """Each is in the file, and all of them are the same part of it."""
    layers, size = 40, 200
    payload["properties"]["lm"]["properties"] |= {"layers": layers, "hidden_size": size}
    memory = torch.zeros(4 * size * size)
    for layer in range(layers):
        payload["state_dict"] |= {
            f"lm.lstm.{kind}_{side}_l{layer}": memory if kind == "bias" else memory.view(4 * size, size)
            for kind in ("weight", "bias")
            for side in ("ih", "hh")
        }


def encoder_of_many_classes(payload):
    payload["state_dict"]["encoder.encoder.model.fc.weight"] = expanded(3_000_000, 512)


def nothing_but_a_tensor(payload):
    payload.clear()


# what is changed in a payload, and what the message says of it
PAYLOADS = {
    "expanded decoder": (hidden_size_of_one_number, "several values are one"),
    "expanded encoder": (encoder_of_many_classes, "several values are one"),
    "one memory": (tensors_of_one_memory, "larger than the file"),
    "expanded words": (vocabulary(expanded(10**9)), "several values are one"),
    "words that are a tensor": (vocabulary(torch.zeros(3)), "sequence of texts"),
    "words that are numbers": (vocabulary((1, 2, 3)), "word 0 must be a text"),
    "words that are a text": (vocabulary("abc"), "sequence of texts"),
    "words that nest": (vocabulary((("a",),)), "word 0 must be a text"),
    "repeated words": (words("a", "a", "thing"), "occur twice"),
    "an empty word": (words("a", "", "thing"), "word 1"),
    "a control character": (words("a", "re\x1bd", "thing"), r"'re\x1bd' must hold no control characters"),
    "an end of a line": (words("a", "re\u2028d", "thing"), r"'re\u2028d' must hold no control characters"),
    "a word that turns the text": (words("a", "re\u202ed", "thing"), r"'re\u202ed' must hold no control characters"),
    "many layers": (language_model(layers=10**7), "layers=10000000 must be a whole number from 1 to 64"),
    "no layers": (language_model(layers=0), "layers=0"),
    "layers -1": (language_model(layers=-1), "layers=-1"),
    "layers that are a text": (language_model(layers="2"), "layers='2'"),
    "dropout of the language model": (language_model(dropout=5), "dropout=5 must be a number from 0 to 1"),
    "hidden size 0 of the language model": (language_model(hidden_size=0), "hidden_size=0"),
    "embedding size of the language model": (language_model(embedding_size=2**40), "embedding_size=1099511627776"),
    "hidden size 0": (properties(hidden_size=0), "hidden_size=0 must be a whole number from 1 to 65,536"),
    "hidden size -6": (properties(hidden_size=-6), "hidden_size=-6"),
    "hidden size 10^12": (properties(hidden_size=10**12), "hidden_size=1000000000000"),
    "hidden size NaN": (properties(hidden_size=NAN), "hidden_size=nan"),
    "hidden size true": (properties(hidden_size=True), "hidden_size=True"),
    "embedding size 0": (properties(embedding_size=0), "embedding_size=0"),
    "attention size 0": (properties(attention_hidden_size=0), "attention_size=0"),
    "dropout 5": (properties(dropout=5), "dropout=5 must be a number from 0 to 1"),
    "dropout NaN": (properties(dropout=NAN), "dropout=nan"),
    "length 0": (properties(length=0), "length=0 must be a whole number from 1 to 1,000"),
    "length -3": (properties(length=-3), "length=-3"),
    "length 10^12": (properties(length=10**12), "length=1000000000000"),
    "length that is a text": (properties(length="15"), "length='15'"),
    "beam size 0": (properties(beam_size=0), "beam_size=0 must be a whole number from 1 to 10,000"),
    "beam size 10^9": (properties(beam_size=10**9), "beam_size=1000000000"),
    "T NaN": (properties(temperature=NAN), "temperature=nan must be a number from 0 to 100"),
    "T None": (properties(temperature=None), "temperature=None"),
    "T -1": (properties(temperature=-1.0), "temperature=-1.0"),
    "T infinite": (properties(temperature=INFINITE), "temperature=inf"),
    "unknown strategy": (properties(strategy="guess"), "strategy='guess' must be one of"),
    "unknown encoder": (
        lambda payload: payload["children"].update(encoder=["x"]),
        "type of encoder=['x'] must be one of",
    ),
    "NaN weights": (state(lstm__bias_hh=torch.full((24,), NAN)), "NaN or infinite values: lstm.bias_hh"),
    "infinite weights": (state(lstm__bias_hh=torch.full((24,), INFINITE)), "NaN or infinite values: lstm.bias_hh"),
    "NaN in the encoder": (
        state(encoder__encoder__model__fc__bias=torch.full((3,), NAN)),
        "NaN or infinite values: encoder.fc.bias",
    ),
    "std 0": (state(encoder__std=torch.zeros(1, 3, 1, 1)), "std=0.0 must be a number from 1e-06 to 1e+06"),
    "std NaN": (state(encoder__std=torch.full((1, 3, 1, 1), NAN)), "std=nan"),
    "mean infinite": (state(encoder__mean=torch.full((1, 3, 1, 1), INFINITE)), "mean=inf"),
    "sparse tensor": (state(lstm__bias_hh=torch.zeros(24).to_sparse()), "a tensor that is sparse"),
    "complex tensor": (state(lstm__bias_hh=torch.zeros(24, dtype=torch.complex64)), "(24,) complex64 instead of"),
    "whole numbers": (state(lstm__bias_hh=torch.zeros(24, dtype=torch.int8)), "(24,) int8 instead of (24,) float32"),
    "truth values": (state(lstm__bias_hh=torch.zeros(24, dtype=torch.bool)), "(24,) bool instead of (24,) float32"),
    "tensor without values": (state(lstm__bias_hh=torch.zeros(24, device="meta")), "on the device meta"),
    "a list of tensors": (lambda payload: payload.update(state_dict=[torch.zeros(1)]), "no payload"),
    "no properties": (lambda payload: payload.update(properties=None), "no payload"),
    "an odd name": (state(**{"a\n\x1b[2J": torch.zeros(1)}), r"surplus: 'a\n\x1b[2J'"),
}
# what is changed in the metadata of a native file
NATIVE = {
    "length 0": ("settings", {"length": 0}, "length=0"),
    "length 10^12": ("settings", {"length": 10**12}, "length=1000000000000"),
    "length that is a text": ("settings", {"length": "15"}, "length='15'"),
    "T NaN": ("settings", {"temperature": NAN}, "temperature=nan"),
    "T None": ("settings", {"temperature": None}, "temperature=None"),
    "unknown sum": ("settings", {"lm_sum": "both"}, "lm_sum='both' must be one of exact, published"),
    "an unknown setting": ("settings", {"more": 1}, "incomplete or unknown entry"),
    "layers": ("lm", {"layers": 10**7}, "layers=10000000"),
    "dropout 5": ("decoder", {"dropout": 5}, "dropout=5"),
    "hidden size 0": ("decoder", {"hidden_size": 0}, "hidden_size=0"),
    "hidden size 60,000": ("decoder", {"hidden_size": 60_000}, "wrong shape or type"),
    "other symbols": ("decoder", {"n_symbols": 8}, "8 symbols"),
    "other features": ("decoder", {"feature_size": 8}, "8 values per exemplar"),
    "std 0": ("encoder", {"std": [1.0, 1.0, 0]}, "std=0 must be a number"),
    "mean of two": ("encoder", {"mean": [0.5, 0.5]}, "mean must be three numbers"),
    "unknown encoder": ("encoder", {"config": "vgg16"}, "pyramid encoder='vgg16' must be one of"),
    "unknown kind": ("encoder", {"kind": "cubic"}, "encoder kind='cubic' must be one of"),
    "repeated words": ("indexer", {"tokens": ["a", "a", "thing"]}, "occur twice"),
    "a control character": ("indexer", {"tokens": ["a", "b\0", "thing"]}, r"'b\x00' must hold no control characters"),
    "half a character": ("indexer", {"tokens": ["a", "\ud800", "thing"]}, r"'\ud800' must hold no control characters"),
    "a flag that is none": ("indexer", {"start": "yes"}, "start='yes' must be true or false"),
    "a length of the indexer": ("indexer", {"length": -1}, "indexer's length=-1"),
}


def write_payload(path, change):
    payload = payload_of(small_captioner())
    change(payload)
    torch.save(payload or torch.zeros(3), path, pickle_protocol=2)
    return path


def write_native(path, part, changed):
    write_captioner(str(path), small_captioner())
    tensors, about = read_safetensors(path)
    about[part] |= changed
    write_safetensors(path, tensors, about=about)
    return path


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """What reading each file took, all in one process."""
    root = tmp_path_factory.mktemp("hostile")
    paths = {name: make(root / name) for name, make in hostile_files.ALL.items()}
    paths |= {f"payload, {name}": write_payload(root / name, change) for name, (change, _) in PAYLOADS.items()}
    paths["payload, a tensor"] = write_payload(root / "a tensor", nothing_but_a_tensor)
    paths |= {
        f"native, {name}": write_native(root / f"native {name}", part, changed)
        for name, (part, changed, _) in NATIVE.items()
    }
    good = write_payload(root / "good", lambda payload: None)
    found = read_in_another_process("captioner", [good, *paths.values()])
    assert found[str(good)]["kind"] == "read"
    return {name: (path, found[str(path)]) for name, path in paths.items()}


MESSAGES = {
    **dict.fromkeys(hostile_files.ALL, ""),
    **{f"payload, {name}": message for name, (_, message) in PAYLOADS.items()},
    "payload, a tensor": "no payload",
    **{f"native, {name}": message for name, (*_, message) in NATIVE.items()},
}


@pytest.mark.parametrize("name", MESSAGES)
def test_hostile_captioning_models_are_refused_at_once(results, name):
    path, result = results[name]
    message = result["message"]
    assert result["kind"] == "ValueError" and str(path) in message and MESSAGES[name] in message, result
    assert message.isprintable() and len(message) < 1000
    assert result["seconds"] < SECONDS and result["bytes"] < BYTES


def flips(content, *, n, seed):
    """Yield copies of some bytes with one bit changed."""
    for bit in random.Random(seed).sample(range(8 * len(content)), n):
        changed = bytearray(content)
        changed[bit // 8] ^= 1 << bit % 8
        yield bit, bytes(changed)


def parts_of(captioner):
    """Return all of a captioning model as plain values, which can be compared."""
    encoder = captioner.encoder
    tensors = {"decoder": captioner.decoder.state_dict(), "lm": captioner.language_model.state_dict()}
    tensors |= {"encoder": encoder.weights}
    plain = {part: {name: tensor.tolist() for name, tensor in own.items()} for part, own in tensors.items()}
    return captioner.indexer, captioner.settings, replace(encoder, weights={}), captioner.decoder.sizes, plain


def test_no_changed_bit_of_a_native_model_passes(tmp_path):
    """Half of the bits that are tried are in the header, of which each part is read in another way."""
    path = tmp_path / "model.safetensors"
    write_captioner(str(path), small_captioner())
    content = path.read_bytes()
    header = 8 + int.from_bytes(content[:8], "little")
    changed = [*flips(content[:header], n=400, seed=0), *flips(content, n=400, seed=1)]
    for bit, start in changed:
        path.write_bytes(start + content[len(start) :])
        with pytest.raises(ValueError, match=r"model\.safetensors"):
            pytest.fail(f"bit {bit} passes: {read_captioner(str(path))}")


def test_no_changed_bit_of_a_payload_changes_the_model(tmp_path):
    """An archive has a few bits that mean nothing, such as dates; any other is noticed by its checksums."""
    path = write_payload(tmp_path / "model.pth", lambda payload: None)
    whole, content, refused = read_captioner(str(path)), path.read_bytes(), 0
    for _, changed in flips(content, n=400, seed=0):
        path.write_bytes(changed)
        try:
            read = read_captioner(str(path))
        except ValueError as error:
            assert "model.pth" in str(error)
            refused += 1
            continue
        assert parts_of(read) == parts_of(whole)
    assert refused > 300


def test_unusual_words_pass(tmp_path):
    unusual = (
        "\N{LATIN SMALL LETTER E WITH ACUTE}t\N{LATIN SMALL LETTER E WITH ACUTE}",
        "e.g.",
        "zero\N{ZERO WIDTH SPACE}",
    )
    assert read_captioner(str(write_payload(tmp_path / "model.pth", words(*unusual)))).indexer.tokens == unusual

"""The tokenizer, the vocabulary and the indexer."""

import json
from itertools import product

import pytest
from places import FIXTURE

from lib.captioning.model.vocabulary import Indexer, Tokenizer, count_vocabulary

FOLDER = FIXTURE / "golden"


@pytest.fixture(scope="module")
def golden():
    return json.loads((FOLDER / "indexer.json").read_text())


@pytest.fixture(scope="module")
def indexer(golden):
    return Indexer(tuple(golden["vocab"]))


def test_tokenizer_equals_golden_for_all_settings(golden):
    for name, expected in golden["tokenize"].items():
        settings = {key: value == "True" for key, value in (item.split("=") for item in name.split(","))}
        assert [list(Tokenizer(**settings)(text)) for text in golden["strings"]] == expected, name


def test_index_equals_golden_for_all_flags(golden, indexer):
    names = ("start", "stop", "pad", "unk")
    for case in golden["cases"]:
        assert list(indexer(case["text"])) == case["call"]
        for flags in product((True, False), repeat=4):
            key = "".join(letter if flag else "-" for letter, flag in zip("SEPU", flags, strict=True))
            for length, expected in case["flags"][key].items():
                size = None if length == "None" else int(length)
                (row,) = indexer.index([case["tokens"]], **dict(zip(names, flags, strict=True)), length=size)
                assert list(row) == expected, (case["text"], key, length)


def test_unindex_and_reconstruct_equal_golden(golden, indexer):
    for case in golden["cases"]:
        ids = case["call"]
        assert list(indexer.unindex(ids)) == case["unindex"]
        assert list(indexer.unindex(ids, start=False, stop=False, pad=False, unk=False)) == case["unindex_no_specials"]
        assert list(indexer.unindex(ids, start=False, stop=False, pad=False)) == case["unindex_keep_unk_only"]
        assert indexer.reconstruct(ids) == case["reconstruct_indices"]
        assert indexer.reconstruct(case["tokens"]) == case["reconstruct_tokens"]
    for case in golden["reconstruct"]:
        assert indexer.reconstruct(case["tokens"]) == case["text"]
    batch = indexer(golden["batch"]["texts"])
    assert [list(row) for row in batch] == golden["batch"]["indices"]
    assert [indexer.reconstruct(row) for row in batch] == golden["batch"]["reconstruct"]


def test_vocabulary_order_equals_golden(golden):
    order = golden["vocab_order"]
    assert list(count_vocabulary(order["texts"], Tokenizer())) == order["tokens"]
    assert list(count_vocabulary(order["texts"], Tokenizer(), ignore_rarer_than=1)) == order["rarer_than_1"]


def test_words_are_ordered_by_count_then_appearance():
    assert count_vocabulary(["b a a", "c b d"], Tokenizer()) == ("b", "a", "c", "d")
    assert count_vocabulary(["b a a", "c b d"], Tokenizer(), ignored=["a"]) == ("b", "c", "d")


def test_single_sequence_has_its_own_length():
    """D7: the length of one token sequence is not the number of letters of its longest word."""
    indexer = Indexer(("the", "heads", "of", "birds"))
    assert indexer.index(["the", "heads"]) == (4, 0, 1, 5)
    assert indexer.index(["birds"]) == (4, 3, 5)
    assert indexer.index([]) == () and indexer("") == (4, 5)


def test_symbols_of_another_vocabulary_are_refused():
    indexer = Indexer(("a", "b"))
    for number in (6, -1):
        with pytest.raises(ValueError, match=r"must be in \[0, 6\)"):
            indexer.unindex([number])
    with pytest.raises(ValueError, match="empty"):
        indexer.reconstruct([])


def test_vocabulary_with_double_meaning_is_refused():
    with pytest.raises(ValueError, match="twice"):
        Indexer(("a", "a"))
    with pytest.raises(ValueError, match="<pad>"):
        Indexer(("a", "<pad>"))

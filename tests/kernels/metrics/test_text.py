"""BLEU, chrF, and the captions that any description has to beat."""

import json

import pytest
from places import FIXTURE

from lib.kernels.metrics.text import bleu, chrf, constant_caption, most_frequent_caption, normalise, shuffled_captions

FOLDER = FIXTURE / "golden/metrics.json"


def test_bleu_equals_golden():
    golden = json.loads(FOLDER.read_text())
    measured = bleu(golden["predictions"], golden["references"])
    assert measured.score == pytest.approx(golden["bleu"], abs=1e-9)
    assert measured.precisions == pytest.approx(golden["bleu_precisions"], abs=1e-9)


def test_case_and_full_stops_at_the_ends_do_not_count():
    assert normalise(" . A Red thing. on grass . ") == "a red thing. on grass"
    references = [["the red door of a house"], ["green leaves of a tree"]]
    said = ["The red door of a house.", "Green leaves of a tree ."]
    assert bleu(said, references).score == pytest.approx(100) and chrf(said, references) == pytest.approx(100)


def test_fewest_references_limit_all():
    said = ["a red car on the road", "green leaves of a tree"]
    long = [["nothing in common with it", "a red car on the road"], ["green leaves of a tree"]]
    assert bleu(said, long).score == bleu(said, [long[0][:1], long[1]]).score < 100


def test_any_reference_can_match():
    said = ["a red car on the road"]
    both = [["nothing in common with it", "a red car on the road"]]
    assert bleu(said, both).score == pytest.approx(100)


@pytest.mark.parametrize(("said", "references"), [([], []), (["a"], []), (["a"], [[]])])
def test_nothing_to_compare_is_refused(said, references):
    for measure in (bleu, chrf):
        with pytest.raises(ValueError, match="reference"):
            measure(said, references)


def test_constant_caption_suits_most_units():
    references = [["blue sky"], ["blue sky"], ["green leaves"], ["green leaf"], ["green leaved"], ["green leavings"]]
    assert most_frequent_caption(references) == "blue sky"
    assert constant_caption(references, n_candidates=1) == "blue sky"
    assert constant_caption(references, n_candidates=9).startswith("green lea")
    with pytest.raises(ValueError, match="no"):
        constant_caption([[]], n_candidates=3)


def test_shuffling_leaves_nobody_their_own():
    said = [f"caption {number}" for number in range(25)]
    for seed in range(20):
        shuffled = shuffled_captions(said, seed=seed)
        assert sorted(shuffled) == sorted(said) and all(map(str.__ne__, said, shuffled))
        assert shuffled == shuffled_captions(said, seed=seed)
    assert shuffled_captions(said, seed=0) != shuffled_captions(said, seed=1)
    assert shuffled_captions(["one"], seed=0) == ["one"]

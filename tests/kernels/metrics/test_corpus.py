import numpy as np
import pytest

from lib.kernels.metrics.captions import measure_captions
from lib.kernels.metrics.corpus import MEASURES, collect_statistics, measure_against
from lib.kernels.metrics.text import bleu

WORDS = ["red", "green", "blue", "things", "water", "of", "the", "sky", "on", "big", "houses"]
N, C = 12, 3


@pytest.fixture
def texts():
    rng = np.random.default_rng(0)

    def text():
        return " ".join(rng.choice(WORDS, rng.integers(1, 7))).capitalize() + "."

    return [text() for _ in range(N)], [[text() for _ in range(C)] for _ in range(N)]


@pytest.mark.parametrize("seed", [None, 1, 2])
def test_sums_give_what_the_corpus_gives(texts, seed):
    """Also of replicates, in which units occur several times or not at all."""
    said, known = texts
    drawn = np.arange(N) if seed is None else np.random.default_rng(seed).integers(0, N, N)
    found = collect_statistics(said, known).measure(np.bincount(drawn, minlength=N))
    repeated = [said[unit] for unit in drawn], [known[unit] for unit in drawn]
    wanted = measure_captions(*repeated, bert_score_model=None)
    assert tuple(found) == MEASURES
    for name in ("bleu", "chrf", "rouge1", "rouge2", "rougeL"):
        assert found[name] == pytest.approx(wanted[name], abs=1e-5), name
    precisions = [found[f"bleu{order}"] for order in range(1, 5)]
    assert precisions == pytest.approx(bleu(*repeated).precisions)


def test_an_annotator_is_compared_with_the_others(texts):
    said, known = texts
    weights = np.ones((1, N), np.int64)
    found = measure_against({"own": said, "first": [own[0] for own in known]}, known, weights)
    assert set(found) == {
        *((name, kind) for name in ("own", "first") for kind in ("all", "others")),
        ("annotator", "others"),
    }
    chrf = MEASURES.index("chrf")
    assert found["first", "all"][0, chrf] == pytest.approx(100)
    turns = []
    for turn in range(C):
        others = [[text for place, text in enumerate(own) if place != turn] for own in known]
        one = measure_captions([own[turn] for own in known], others, bert_score_model=None)
        turns.append([one["bleu"], one["rougeL"]])
    wanted = np.mean(turns, axis=0)
    row = found["annotator", "others"][0]
    assert [row[0], row[MEASURES.index("rougeL")]] == pytest.approx(wanted.tolist(), abs=1e-5)
    assert ("annotator", "others") not in measure_against({"own": said}, [own[:1] for own in known], weights)


def test_uneven_annotations_are_refused(texts):
    said, known = texts
    known[3] = known[3][:2]
    with pytest.raises(ValueError, match=r"sets of \[2, 3\] references"):
        collect_statistics(said, known)

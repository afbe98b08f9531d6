"""ROUGE and BERTScore."""

import math

import pytest

from lib.kernels.metrics.captions import bert_score, measure_captions, rouge

SAID = ["Red cars.", "Green leaves of a tree"]
KNOWN = [["red cars", "cars on a road"], ["leaves"]]


def test_rouge_is_the_mean_over_all_pairs():
    # unigrams: (red cars | red cars) 1; (red cars | cars on a road) P 1/2, R 1/4; (green leaves of a tree | leaves) P 1/5, R 1
    f = [1.0, 2 * (1 / 2) * (1 / 4) / (1 / 2 + 1 / 4), 2 * (1 / 5) / (1 / 5 + 1)]
    found = rouge(SAID, KNOWN)
    assert found["rouge1"] == pytest.approx(100 * sum(f) / 3, abs=1e-4) == found["rougeL"]
    assert found["rouge2"] == pytest.approx(100 / 3, abs=1e-4)


def test_without_a_model_bert_score_is_empty():
    assert math.isnan(bert_score(SAID, KNOWN, model=None))
    found = measure_captions(SAID, KNOWN, bert_score_model=None)
    assert math.isnan(found.pop("bert_score")) and all(0 <= value <= 100 for value in found.values())


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="milan.bert_score_model"):
        bert_score(SAID, KNOWN, model=str(tmp_path))


def test_bert_score_by_a_local_model_takes_the_best_reference(tmp_path):
    transformers = pytest.importorskip("transformers")
    words = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        "red",
        "cars",
        "on",
        "a",
        "road",
        "green",
        "leaves",
        "of",
        "tree",
    ]
    (tmp_path / "vocab.txt").write_text("\n".join(words) + "\n")
    transformers.BertTokenizerFast(vocab_file=str(tmp_path / "vocab.txt")).save_pretrained(tmp_path)
    sizes = {"hidden_size": 16, "num_attention_heads": 2, "num_hidden_layers": 2, "intermediate_size": 16}
    transformers.BertModel(transformers.BertConfig(vocab_size=len(words), **sizes)).save_pretrained(tmp_path)
    assert bert_score(["Red cars."], [["on a road", "red cars"]], model=str(tmp_path)) == pytest.approx(100, abs=1e-3)
    apart = bert_score(["Red cars."], [["on a road"]], model=str(tmp_path))
    assert apart < 99.9

"""Measures of captions: BLEU and chrF, ROUGE and BERTScore, the latter two by torchmetrics."""

import logging
from collections.abc import Sequence
from pathlib import Path

from torchmetrics.functional.text import rouge_score

from .text import bleu, chrf, normalise

logger = logging.getLogger(__name__)

ROUGE_KEYS = ("rouge1", "rouge2", "rougeL")


def measure_captions(
    descriptions: Sequence[str], references: Sequence[Sequence[str]], *, bert_score_model: str | None
) -> dict[str, float]:
    """Compute all measures of agreement of descriptions with references.

    Parameters
    ----------
    descriptions : sequence of str
        One for each of U units.
    references : sequence of sequences of str
        One or more for each unit.
    bert_score_model : str or None
        As for `bert_score`.

    Returns
    -------
    dict of str to float
        The measures of the table `description_metrics`, all in [0, 100]; NaN without a model.
    """
    return {
        "bleu": bleu(descriptions, references).score,
        "chrf": chrf(descriptions, references),
        **rouge(descriptions, references),
        "bert_score": bert_score(descriptions, references, model=bert_score_model),
    }


def rouge(descriptions: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, float]:
    """Measure the words, pairs of words and longest common subsequences that descriptions share with references.

    Parameters
    ----------
    descriptions : sequence of str
        One for each of U units.
    references : sequence of sequences of str
        One or more for each unit.

    Returns
    -------
    dict of str to float
        F measures `rouge1`, `rouge2`, `rougeL` in [0, 100], averaged over all pairs of description and reference.

    References
    ----------
    Lin, "ROUGE", ACL workshop 2004; averaged over pairs as in Hernandez et al., ICLR 2022.
    """
    compared, known = _pairs(descriptions, references)
    values = rouge_score(compared, known, rouge_keys=ROUGE_KEYS)
    return {key: 100 * float(values[f"{key}_fmeasure"]) for key in ROUGE_KEYS}


def bert_score(descriptions: Sequence[str], references: Sequence[Sequence[str]], *, model: str | None) -> float:
    """Compute BERTScore with a local language model, if there is one.

    Parameters
    ----------
    descriptions, references
        As for `rouge`.
    model : str or None
        Folder of a Hugging Face model, such as a copy of roberta-large; nothing is downloaded.

    Returns
    -------
    float
        The mean F measure of each unit's best reference, in [0, 100]; NaN if `model` is None.

    Raises
    ------
    FileNotFoundError
        If the folder holds no model.
    ModuleNotFoundError
        If the package transformers is missing.

    References
    ----------
    Zhang et al., "BERTScore", ICLR 2020.
    """
    if model is None:
        logger.info("no BERTScore: milan.bert_score_model names no local model")
        return float("nan")
    if not (Path(model) / "config.json").is_file():
        raise FileNotFoundError(
            f"{model} holds no Hugging Face model (no config.json); config key milan.bert_score_model names a folder, or "
            "is null for no BERTScore"
        )
    try:
        import transformers
        from torchmetrics.functional.text.bert import bert_score as embed_and_compare
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("BERTScore needs the package transformers: pip install transformers") from error
    layers = transformers.AutoConfig.from_pretrained(model, local_files_only=True).num_hidden_layers
    compared, known = _pairs(descriptions, references)
    found = embed_and_compare(compared, known, model_name_or_path=model, num_layers=layers, truncation=True)["f1"]
    best, place = [], 0
    for own in references:
        best.append(float(found.reshape(-1)[place : place + len(own)].max()))
        place += len(own)
    return 100 * sum(best) / len(best)


def _pairs(descriptions: Sequence[str], references: Sequence[Sequence[str]]) -> tuple[list[str], list[str]]:
    compared = [normalise(text) for text, own in zip(descriptions, references, strict=True) for _ in own]
    return compared, [normalise(text) for own in references for text in own]

"""Stage: how often people prefer the labels of units, by layer and verdict, from the answers that the catalog saves."""

import logging
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

from ...data.stores.columns import COLUMNS
from ...data.stores.tables import read_table, write_table
from ...kernels.evidence.ratings import PREFERENCE, equal_answers, label_agreement
from ...kernels.evidence.verdicts import VERDICTS

logger = logging.getLogger(__name__)
RUNNER_UP, SENTENCE, FORMULA = COMPARISONS = ("sentence_runner_up", "sentence_shuffled", "formula_shuffled")
"""The sentence against the second best one or that of another unit, and the formula against that of another unit."""

# the catalog writes an apostrophe before what spreadsheets would evaluate
_GUARD = re.compile(r"^'(?=[=+\-@\t\r])")


def summarise_ratings(
    *,
    answers: str,
    descriptions: str,
    explanations: list[str],
    verdicts: list[str],
    ratings: str,
    left_out: str,
    network: str,
    concept_sets: list[str],
) -> None:
    """Write the agreement of raters with the labels: of all units, by layer, and by the verdict on their formulas.

    Parameters
    ----------
    answers : str
        Folder of the user with CSV files as the catalog saves them; a file is one rater if it names none.
    descriptions : str
        Table of the sentences.
    explanations, verdicts : list of str
        Tables of each concept set, in the order of `concept_sets`; `verdicts` may be empty.
    ratings : str
        Output table `ratings`: a row of each comparison and group that has answers.
    left_out : str
        Output table `ratings_left_out`: answers that do not count, with the reason.
    network : str
        model/dataset.
    concept_sets : list of str
        Their names.

    Raises
    ------
    ValueError
        If there is no file, a file is no table of answers, or no answer counts.
    """
    given = _read_folder(Path(answers))
    sentences = read_table(descriptions, "descriptions").set_index(["layer", "unit"])
    formulas = {
        name: read_table(path, "explanations").set_index(["layer", "unit", "range"])["formula"].to_dict()
        for name, path in zip(concept_sets, explanations, strict=True)
    }
    labels = sentences["description"].to_dict()
    rivals = sentences["runner_up"].to_dict()
    seen: set[tuple] = set()

    def reason(row: tuple) -> str:
        key = (row.layer, row.unit)
        if row.network != network:
            return "other network"
        if row.comparison not in COMPARISONS or row.answer not in PREFERENCE:
            return "unknown answer"
        if key not in labels or (row.comparison == FORMULA and (*key, row.range) not in formulas.get(row.concepts, {})):
            return "unknown unit"
        label = formulas[row.concepts][*key, row.range] if row.comparison == FORMULA else labels[key]
        if row.label != label or (row.comparison == RUNNER_UP and row.other != rivals[key]):
            return "outdated"
        question = (row.rater, row.comparison, row.concepts, row.range, *key, row.other)
        if question in seen:
            return "repeated"
        seen.add(question)
        return ""

    given["reason"] = [reason(row) for row in given.itertuples()]
    kept, left = given[given["reason"] == ""], given[given["reason"] != ""]
    logger.info("%d of %d answers count; left out: %s", len(kept), len(given), dict(Counter(left["reason"])))
    if kept.empty:
        reasons = ", ".join(f"{n} {why}" for why, n in Counter(left["reason"]).items()) or "there is none"
        raise ValueError(
            f"{answers}: none of its {len(given)} answers for {network} counts ({reasons}); config key crowd.ratings"
        )
    judged = {
        name: read_table(path, "verdicts").set_index(["layer", "unit", "range"])["verdict"].to_dict()
        for name, path in zip(concept_sets, verdicts)
    }
    rows = []
    for comparison in COMPARISONS:
        for concepts, own in kept[kept["comparison"] == comparison].groupby("concepts", sort=False):
            rows.append({"comparison": comparison, "concepts": concepts, "by": "all", "group": "all", **_measures(own)})
            rows += [
                {"comparison": comparison, "concepts": concepts, "by": "layer", "group": layer, **_measures(part)}
                for layer, part in own.groupby(
                    pd.Categorical(own["layer"], sentences.index.unique("layer")), observed=True
                )
            ]
            # a sentence is looked at beside the formula of the strongest activations, of each concept set
            for name in [concepts] if concepts else concept_sets:
                known = judged.get(name, {})
                highest = _highest(known)
                ranges = own["range"].where(own["range"] != "", highest)
                found = [known.get(key, "") for key in zip(own["layer"], own["unit"], ranges, strict=True)]
                rows += [
                    {"comparison": comparison, "concepts": name, "by": "verdict", "group": verdict, **_measures(part)}
                    for verdict, part in own.groupby(pd.Categorical(found, VERDICTS), observed=True)
                ]
    write_table(pd.DataFrame(rows), ratings, "ratings")
    write_table(left[list(COLUMNS["ratings_left_out"])], left_out, "ratings_left_out")


def _highest(keys: dict) -> str:
    """Return the range of the strongest activations: `top`, or the highest cluster."""
    ranges = {key[2] for key in keys}
    clusters = sorted(ranges - {"top"}, key=lambda name: (len(name), name))
    return "top" if "top" in ranges or not clusters else clusters[-1]


def _measures(answers: pd.DataFrame) -> dict[str, float]:
    """Return the numbers of a row for some answers."""
    units = answers.groupby(["layer", "unit"]).ngroup().to_numpy()
    questions = answers.groupby(["layer", "unit", "range", "other"]).ngroup().to_numpy()
    share, low, high = label_agreement(units, answers["answer"].map(PREFERENCE).to_numpy())
    n_pairs, equal = equal_answers(questions, answers["answer"].to_numpy(str))
    return {
        "n_units": len(np.unique(units)),
        "n_raters": answers["rater"].nunique(),
        "n_answers": len(answers),
        "n_neither": int((answers["answer"] == "neither").sum()),
        "agreement": share,
        "agreement_low": low,
        "agreement_high": high,
        "n_pairs": n_pairs,
        "equal_answers": equal,
    }


def _read_folder(folder: Path) -> pd.DataFrame:
    """Read all answers, in the order of the names of the files."""
    files = sorted(folder.glob("*.csv"))
    if not files:
        raise ValueError(f"{folder} holds no .csv file of answers, as the catalog saves them; config key crowd.ratings")
    tables = []
    for file in files:
        table = read_table(file, "rating_answers", written_here=False)
        texts = ("layer", "label", "other", "rater")
        table[list(texts)] = table[list(texts)].replace(_GUARD, "", regex=True)
        table["rater"] = table["rater"].str.strip().replace("", file.stem)
        tables.append(table.assign(file=file.name, row=range(1, len(table) + 1)))
    return pd.concat(tables, ignore_index=True)

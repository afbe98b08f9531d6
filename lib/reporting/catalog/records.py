"""Result tables as plain columns for the catalog page."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ...data.stores.tables import read_table
from ...kernels.search.formula import split_formula

MEASURES = (
    "activation_coverage",
    "detection_accuracy",
    "samples_coverage",
    "explanation_coverage",
    "avg_segmentation_size",
    "avg_activation_size",
    "avg_overlapping",
    "avg_overlapping_activation_size",
    "label_masking",
)
"""Columns of metrics.csv beside IoU, in the order of the page."""

TRUST = {
    "verdicts": ("q_value", "chance_level", "iou_unseen", "iou_unseen_low", "iou_unseen_high", "share"),
    "stability": ("iou_low", "iou_high"),
    "twins": ("twin_iou",),
}
"""What tells how far a formula can be trusted, by table: the list is filtered and sorted by it."""

_DECIMALS = 2, 3


def natural_key(name: str) -> list[tuple[bool, int, str]]:
    """Key for natural sorting of names: layer2 before layer10.

    Parameters
    ----------
    name : str
        Any name.

    Returns
    -------
    list of tuple
        Comparable key.
    """
    return [(part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in re.split(r"(\d+)", name)]


def range_key(name: str) -> tuple[bool, list[tuple[bool, int, str]]]:
    """Key that sorts names of activation ranges: top first, then the clusters from low to high.

    Parameters
    ----------
    name : str
        Name of a range.

    Returns
    -------
    tuple
        Comparable key.
    """
    return name != "top", natural_key(name)


def as_json_numbers(values: Iterable[float], *, digits: int = 6) -> list[float | int | None]:
    """Convert numbers to JSON values: six significant digits, whole numbers without a point, null for NaN and infinities.

    Parameters
    ----------
    values : iterable of float
        Numbers; NaN and infinities become None.
    digits : int
        Significant digits.

    Returns
    -------
    list
        int, float or None.
    """
    result: list[float | int | None] = []
    for value in np.asarray(values, np.float64).tolist():
        if not np.isfinite(value):
            result.append(None)
        elif value.is_integer() and abs(value) < 2**53:
            result.append(int(value))
        else:
            result.append(float(f"{value:.{digits}g}"))
    return result


def shown_decimals(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Decimals of shares that are known well enough to be shown: two or three.

    Parameters
    ----------
    values : ndarray of float
        Shares such as IoUs; NaN where unknown.
    counts : ndarray of float
        Number of activations on which each rests; NaN where unknown.

    Returns
    -------
    ndarray of int
        3 where the binomial standard error is below 0.01, else 2.
    """
    fewest, most = _DECIMALS
    with np.errstate(invalid="ignore", divide="ignore"):
        error = np.sqrt(values * (1 - values) / counts)
        return np.where(error < 10.0**-fewest, most, fewest)


@dataclass(frozen=True)
class ConceptSet:
    """Explanations of all units by one concept set.

    Attributes
    ----------
    name : str
        Name of the concept set.
    ranges : list of str
        Names of the R activation ranges.
    concepts : dict of str to (str, str)
        Name as people read it, and category, of each concept of the formulas, by its name in them.
    formulas, statuses : ndarray of shape (U, R), object
        Formula (empty if none) and status (empty if there is no row).
    best : ndarray of shape (U, R), object
        The best single concept, as Network Dissection finds it; empty if none.
    optimal : ndarray of shape (U, R), bool
        Whether the formula is proved to be the best of its search space.
    verdicts : ndarray of shape (U, R), object
        Verdict on the formula; empty if there is none.
    support : ndarray of shape (U, R), object
        Support of each literal of the formula, a list of float.
    numbers : dict of ndarray of shape (U, R), float64
        lower, upper, n_activations, iou, iou_upper_bound, best_iou (of `best`), the metrics and `TRUST`; NaN where unknown.
    counts : ndarray of shape (U,), object
        Histogram of the unit: 64 integers joined by blanks, or empty.
    extent : ndarray of shape (U, 3), float64
        minimum, maximum, n_zero of the histogram.
    """

    name: str
    ranges: list[str]
    concepts: dict[str, tuple[str, str]]
    formulas: np.ndarray
    statuses: np.ndarray
    best: np.ndarray
    optimal: np.ndarray
    verdicts: np.ndarray
    support: np.ndarray
    numbers: dict[str, np.ndarray]
    counts: np.ndarray
    extent: np.ndarray


def read_concept_set(
    name: str,
    positions: dict[tuple[str, int], int],
    *,
    explanations: str | None,
    ranges: str | None,
    histograms: str | None,
    metrics: str | None,
    dissection: str | None = None,
    verdicts: str | None = None,
    stability: str | None = None,
    twins: str | None = None,
) -> ConceptSet:
    """Read the explanations of all units by one concept set; columns of missing tables are empty.

    Parameters
    ----------
    name : str
        Name of the concept set.
    positions : dict of (layer, unit) to int
        Row of every unit of the catalog.
    explanations, ranges, histograms, metrics, dissection, verdicts, stability : str or None
        CSV files; `dissection` are the explanations by single concepts.
    twins : str or None
        explanations.csv of the twin with random weights.

    Returns
    -------
    ConceptSet
        One row per unit of the catalog; rows of other units are ignored.

    Raises
    ------
    ValueError
        If a table lacks a column.
    """
    # Explanations come last, so that their status overrides that of the range.
    paths = {"ranges": ranges, "metrics": metrics, "verdicts": verdicts, "explanations": explanations}
    tables = {kind: read_table(path, kind) for kind, path in paths.items() if path is not None}
    if "verdicts" in tables:  # formulas and the names of their concepts come from one table
        del tables["verdicts"]["formula"]
    if stability is not None:
        tables["stability"] = read_table(stability, "stability")[["layer", "unit", "range", *TRUST["stability"]]]
    if twins is not None and explanations is not None:
        tables["twins"] = _of_twin(tables["explanations"], read_table(twins, "explanations"))
    shown = _concepts(tables["explanations"]) if "explanations" in tables else {}
    if dissection is not None:
        single = read_table(dissection, "explanations")
        shown = _concepts(single) | shown
        single["best"] = ["".join(split_formula(text)[0]) if text else "" for text in single["formula"]]
        tables["dissection"] = single[["layer", "unit", "range", "best", "iou"]].rename(columns={"iou": "best_iou"})
    names = sorted({r for table in tables.values() for r in table["range"]}, key=range_key)
    shape = (len(positions), len(names))
    texts = {column: np.full(shape, "", object) for column in ("formula", "status", "verdict", "best")}
    optimal, support = np.zeros(shape, bool), np.full(shape, None, object)
    columns = (
        "lower",
        "upper",
        "n_activations",
        "iou",
        "iou_upper_bound",
        "best_iou",
        *MEASURES,
        *sum(TRUST.values(), ()),
    )
    numbers = {column: np.full(shape, np.nan) for column in columns}
    order = {range_: column for column, range_ in enumerate(names)}
    for table in tables.values():
        rows, table = _rows(table, positions)
        cells = rows, table["range"].map(order).to_numpy(np.int64)
        for column in set(texts) & set(table):
            texts[column][cells] = table[column].to_numpy(object)
        for column in set(numbers) & set(table):
            numbers[column][cells] = table[column].to_numpy()
        if "optimal" in table:
            optimal[cells] = table["optimal"].to_numpy()
        if "support" in table:
            support[cells] = np.array([*map(json.loads, table["support"]), None], object)[:-1]
    counts, extent = np.full(shape[0], "", object), np.full((shape[0], 3), np.nan)
    if histograms is not None:
        rows, table = _rows(read_table(histograms, "histograms"), positions)
        counts[rows] = table["counts"].to_numpy(object)
        extent[rows] = table[["minimum", "maximum", "n_zero"]].to_numpy()
    return ConceptSet(
        name=name,
        ranges=names,
        concepts=shown,
        formulas=texts["formula"],
        statuses=texts["status"],
        best=texts["best"],
        optimal=optimal,
        verdicts=texts["verdict"],
        support=support,
        numbers=numbers,
        counts=counts,
        extent=extent,
    )


def _of_twin(table: pd.DataFrame, twin: pd.DataFrame) -> pd.DataFrame:
    """Return the largest IoU that each formula has in the same layer and range of the twin; 0 if no unit there has it."""
    keys = ["layer", "range", "formula"]
    best = twin[twin["formula"] != ""].groupby(keys, as_index=False)["iou"].max().rename(columns={"iou": "twin_iou"})
    own = table.loc[table["formula"] != "", ["layer", "unit", "range", "formula"]].merge(best, on=keys, how="left")
    return own.fillna({"twin_iou": 0.0}).drop(columns="formula")


def _concepts(table: pd.DataFrame) -> dict[str, tuple[str, str]]:
    """Return name as people read it, and category, of each concept of a table's formulas."""
    found = {}
    for row in table[["formula", "shown_names", "categories"]].drop_duplicates().itertuples():
        names = split_formula(row.formula)[0] if row.formula else []
        found |= zip(names, zip(json.loads(row.shown_names), json.loads(row.categories), strict=True), strict=True)
    return found


def _rows(table: pd.DataFrame, positions: dict[tuple[str, int], int]) -> tuple[np.ndarray, pd.DataFrame]:
    """Return the catalog row of each row of a table, without rows that the catalog does not contain."""
    keys = zip(table["layer"], table["unit"], strict=True)
    rows = np.array([positions.get(key, -1) for key in keys], np.int64)
    return rows[rows >= 0], table[rows >= 0]

"""Labels of the user, or of another method: a CSV table of formulas for units."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ...kernels.search.formula import Formula, parse_formula
from ...runtime.regular_files import check_regular_file

COLUMNS = ("layer", "unit", "formula")
TOP = "top"

Labels = dict[tuple[str, int, str], list[tuple[Formula, str]]]


def read_labels(path: str | Path, *, layers: Sequence[str], names: Sequence[str]) -> Labels:
    """Read labels for units.

    Parameters
    ----------
    path : str or pathlib.Path
        CSV with the columns layer, unit, formula and optionally range (`top` if there is no such column or cell).
    layers : sequence of str
        The layers that there are.
    names : sequence of str
        Names of the concepts of the concept set.

    Returns
    -------
    dict of (str, int, str) to list of (Formula, str)
        Layer, unit and range; the formulas in the order of the file, each with the place of its row, for errors.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If a column is missing, or a row names an unknown layer or concept, no unit or no formula, or stands twice.
    """
    check_regular_file(path, name="table")
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    except ValueError as error:
        raise ValueError(f"{path} (evidence.labels) is no CSV table: {error}") from error
    missing = [column for column in COLUMNS if column not in table]
    if missing:
        raise ValueError(
            f"{path} (evidence.labels) has no column {missing[0]!r}, only {', '.join(table)}; "
            f"it needs {', '.join(COLUMNS)} and may have range"
        )
    table["range"] = table["range"].replace("", TOP) if "range" in table else TOP
    found: Labels = {}
    for line, row in enumerate(table.to_dict("records"), start=2):
        where = f"{path} (evidence.labels), line {line}"
        if row["layer"] not in layers:
            raise ValueError(f"{where}: layer {row['layer']!r} is not among those to label: {', '.join(layers)}")
        if not row["unit"].isascii() or not row["unit"].isdigit():
            raise ValueError(f"{where}: unit {row['unit']!r} is no number of a unit; units count from 0")
        try:
            formula = parse_formula(row["formula"], names)
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from error
        labels = found.setdefault((row["layer"], int(row["unit"]), row["range"]), [])
        if formula in [other for other, _ in labels]:
            raise ValueError(f"{where} says the same as an earlier line: {row['formula']} for unit {row['unit']}")
        labels.append((formula, where))
    return found

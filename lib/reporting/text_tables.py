"""Result tables as text to paste: Markdown and LaTeX."""

import re
from pathlib import Path

from ..data.stores.columns import COLUMNS
from ..data.stores.tables import read_table
from ..runtime.atomic import new_file

DIGITS = 4
"""Significant digits of numbers."""


def write_text_table(*, table: str, kind: str, text: str) -> None:
    """Write a table of results as Markdown or LaTeX, by the ending of the output.

    Numbers are rounded to four significant digits. An empty layer, range or category reads `all`.

    Parameters
    ----------
    table : str
        The table.
    kind : str
        Its name, a key of `COLUMNS`.
    text : str
        Output, `.md` or `.tex`. The LaTeX needs the package booktabs.

    Raises
    ------
    ValueError
        If the output has another ending.
    """
    ending = Path(text).suffix
    if ending not in (".md", ".tex"):
        raise ValueError(f"{text} ends in neither .md nor .tex")
    frame = read_table(table, kind)
    for column, type_name in COLUMNS[kind].items():
        if type_name == "float":
            frame[column] = ["" if value != value else f"{value:.{DIGITS}g}" for value in frame[column]]
        elif column in ("layer", "range", "category"):
            frame[column] = frame[column].replace("", "all")
    if ending == ".md":
        # a bar would end the cell, and a line break the row
        shown = frame.map(lambda cell: re.sub(r"\s+", " ", str(cell)).replace("|", r"\|"))
        written = shown.to_markdown(index=False, disable_numparse=True) + "\n"
    else:
        named = frame.rename(columns=lambda name: name.replace("_", " "))
        written = named.to_latex(index=False, escape=True)
    with new_file(text) as draft:
        Path(draft).write_text(written, encoding="utf-8")

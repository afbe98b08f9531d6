"""Plain names, categories and their colours: the same in pages, cards, pictures and plots."""

import json
import re

import numpy as np
import pandas as pd
from small_catalog import varied_inputs

from lib.kernels.search.formula import AND, AND_NOT, OR, Formula, format_formula
from lib.reporting.catalog.columns import index_columns
from lib.reporting.catalog.records import read_concept_set
from lib.reporting.formulas import (
    CATEGORIES,
    COLORS,
    NO_CATEGORY,
    TEMPLATES,
    category_colors,
    category_order,
    literals,
    row_literals,
    with_category,
)
from lib.reporting.unit_pictures import compose_rows, title_font

ORDER = category_order(["color", "thing", "", "animal"])


def text_of(found):
    """The formula as it is read aloud."""
    words = []
    for one in found:
        words += [one.operator, "not" if one.negated else "", f"{one.before}{one.name}{one.after}"]
    return " ".join(filter(None, words))


def test_formulas_without_their_outermost_brackets():
    names, kinds = ["white", "street (scene)", "a OR b"], ["color", "scene", ""]
    text = format_formula(Formula((0, 1, 2), (OR, AND_NOT)), ["white-c", "street-s", "a OR b"])
    found = literals(text, names, kinds, order=ORDER)
    assert text_of(found) == "(white or street (scene)) and not a OR b"
    assert [one.negated for one in found] == [False, False, True]
    assert [one.suffix for one in found] == ["color", "", ""]
    two = format_formula(Formula((0, 1), (AND,)), ["white-c", "street-s"])
    assert text_of(literals(two, names[:2], kinds[:2], order=ORDER)) == "white and street (scene)"
    assert literals("", [], [], order=ORDER) == []


def test_colours_are_those_of_the_style_sheet():
    css = (TEMPLATES / "chips.css").read_text(encoding="utf-8")
    light = dict(re.findall(r"--k(\w+|-none): light-dark\((#\w+),", css))
    assert light == {str(number): color for number, color in enumerate(COLORS)} | {"-none": NO_CATEGORY}
    assert category_colors(CATEGORIES) == list(COLORS[:6])
    assert [*CATEGORIES, "animal", "thing"] == ORDER
    assert category_colors(["thing", "animal", ""]) == [COLORS[7], COLORS[6], NO_CATEGORY]
    assert with_category("white", "color") == "white (color)" == with_category("white (color)", "color")
    assert with_category("white", "") == "white"


def test_the_catalog_takes_names_and_colours_from_the_same_place(tmp_path):
    arguments = varied_inputs(tmp_path)
    table = pd.read_csv(arguments["explanations"][0], keep_default_na=False)
    keys = table[["layer", "unit"]].drop_duplicates().itertuples(index=False, name=None)
    tables = dict.fromkeys(("ranges", "histograms", "metrics")) | {"explanations": arguments["explanations"][0]}
    found = index_columns(read_concept_set("playground", {key: row for row, key in enumerate(keys)}, **tables))
    assert found["category_order"] == list(CATEGORIES)
    of_name = dict(zip(found["shown"], found["categories"], strict=True))
    for row in table[table["formula"] != ""].itertuples():
        own = row_literals(row, found["category_order"])
        assert [one.name for one in own] == json.loads(row.shown_names)
        assert [one.category for one in own] == [of_name[one.name] for one in own]
        assert all(one.place == CATEGORIES.index(one.category) for one in own)


def test_titles_of_pictures_have_the_colours_and_strike_what_is_under_not():
    names, kinds = ["white", "sky"], ["color", "object"]
    sheets = []
    for operator in (AND, AND_NOT):
        found = literals(format_formula(Formula((0, 1), (operator,)), names), names, kinds, order=ORDER)
        sheet = compose_rows([("top, IoU 0.5:", [], found)], 1, shape=(8, 8), font=title_font())
        pixels = np.asarray(sheet).reshape(-1, 3)
        sheets.append(
            [(pixels == tuple(bytes.fromhex(color[1:]))).all(axis=1).sum() for color in (COLORS[5], COLORS[1])]
        )
    (white, sky), (white_too, struck) = sheets
    assert min(white, sky) > 10 and white == white_too and struck > sky + 10

"""Cards: a unit as one picture (SVG) that can be sent, with all that it shows inside."""

import base64
import re
from bisect import bisect_right
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pandas as pd
from PIL import ImageFont

from ..data.formats.exemplars import Exemplars, read_exemplars
from ..data.stores.tables import read_table
from ..runtime.atomic import new_file
from .catalog.outlines import STEPS, outline
from .catalog.pictures import encode_image
from .catalog.records import natural_key, range_key, shown_decimals
from .formulas import Literal, categories_of, row_literals

WIDTH, EDGE, GAP = 960, 36, 6
N_SHOWN = 5
"""Exemplars in a row."""

MOST_LINES = 4
"""Lines of a sentence or formula; what is longer ends with an ellipsis."""

INK, SOFT, LINE, PAPER = "#1a1c1f", "#5d636b", "#e5e6e8", "#ffffff"
FAMILY = "DejaVu Sans, Verdana, sans-serif"
# not allowed in XML
_CONTROL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Word:
    """A piece of text in its colour, perhaps struck through, between brackets that are not."""

    text: str
    color: str = INK
    struck: bool = False
    before: str = ""
    after: str = ""

    def __str__(self) -> str:
        return f"{self.before}{self.text}{self.after}"


def draw_card(
    *,
    descriptions: str,
    exemplars: str,
    explanations: list[str],
    ranges: list[str],
    verdicts: list[str],
    card: str,
    model: str,
    dataset: str,
    layer: str,
    unit: str,
    concept_sets: list[str],
    opacity: float,
) -> None:
    """Draw a unit: its sentence, its best exemplars, and the formula of each range with its IoU and verdict.

    Parameters
    ----------
    descriptions : str
        Table of the sentences.
    exemplars : str
        Folder of the exemplars.
    explanations, ranges, verdicts : list of str
        Tables of each concept set, in the order of `concept_sets`; `verdicts` may be empty.
    card : str
        Output: SVG that needs no other file.
    model, dataset, layer : str
        Names.
    unit : str
        Its number.
    concept_sets : list of str
        Their names.
    opacity : float
        Of the veil outside an exemplar's mask, in [0, 1].

    Raises
    ------
    ValueError
        If there is no such unit.
    """
    number = int(unit)
    described = read_table(descriptions, "descriptions")
    layers = sorted(described["layer"].unique(), key=natural_key)
    if layer not in layers:
        raise ValueError(f"{model}/{dataset} has no layer {layer!r}; its layers are {', '.join(layers)}")
    own = described[(described["layer"] == layer) & (described["unit"] == number)]
    if own.empty:
        units = described.loc[described["layer"] == layer, "unit"]
        raise ValueError(
            f"layer {layer} has no unit {number}; its {len(units)} units are {units.min()} to {units.max()}"
        )
    found = read_exemplars(exemplars, layer)
    sections = []
    for place, name in enumerate(concept_sets):
        paths = {"explanations": explanations[place], "ranges": ranges[place]}
        paths |= {"verdicts": verdicts[place]} if verdicts else {}
        tables = {kind: read_table(path, kind) for kind, path in paths.items()}
        order = categories_of(tables["explanations"])
        own_rows = {kind: _of_unit(table, layer, number) for kind, table in tables.items()}
        sections.append((name, *_rows(own_rows, order)))
    sheet = _Sheet()
    sheet.text([Word(f"{model} · {dataset}", SOFT)], size=14)
    sheet.text([Word(f"{layer}/{number}")], size=18, bold=True)
    row = own.iloc[0]
    sentence = row["description"] or f"no sentence ({row['status']})"
    sheet.text([Word(word) for word in sentence.split()], size=28, before=8)
    sheet.pictures(found, number, opacity=opacity)
    for name, keys, rows in sections:
        sheet.line()
        sheet.text([Word(f"Concepts {name}", SOFT), *keys], size=13)
        for title, words, figures in rows:
            sheet.row(title, words, figures)
    with new_file(card) as draft:
        Path(draft).write_bytes(sheet.written(f"{layer}/{number} of {model}, {dataset}: {sentence}"))


def _of_unit(table: pd.DataFrame, layer: str, unit: int) -> pd.DataFrame:
    """Return the rows of a table that belong to a unit, by the name of the range."""
    return table[(table["layer"] == layer) & (table["unit"] == unit)].set_index("range", drop=False)


def _rows(tables: dict[str, pd.DataFrame], order: list[str]) -> tuple[list[Word], list[tuple[str, list[Word], str]]]:
    """Return the categories in their colours, and (name, formula or why there is none, IoU and verdict) of each range."""
    rows, used = [], {}
    for name in sorted(tables["explanations"].index, key=range_key):
        row = tables["explanations"].loc[name]
        if not row["formula"]:
            rows.append((name, [Word(row["status"], SOFT)], ""))
            continue
        digits = int(shown_decimals(row["iou"], tables["ranges"]["n_activations"].get(name, np.nan)))
        verdict = tables["verdicts"]["verdict"].get(name, "") if "verdicts" in tables else ""
        found = row_literals(row, order)
        used |= {one.place: Word(one.category, one.color) for one in found if one.category}
        rows.append((name, _words(found), f"IoU {row['iou']:.{digits}f} {verdict}".rstrip()))
    return [used[place] for place in sorted(used)], rows


def _words(found: list[Literal]) -> list[Word]:
    """Return a formula as words; concepts under NOT are struck through."""
    words = []
    for one in found:
        if one.operator:
            words.append(Word(f"{one.operator} not" if one.negated else one.operator, SOFT))
        words.append(Word(one.name, one.color, one.negated, one.before, one.after))
    return words


class _Sheet:
    """A sheet of text and pictures that grows downwards."""

    def __init__(self) -> None:
        self._root = ElementTree.Element("svg", {"xmlns": "http://www.w3.org/2000/svg", "font-family": FAMILY})
        self._background = self._add("rect", width=WIDTH, fill=PAPER)
        self._top = EDGE - 10

    def _add(self, tag: str, parent: ElementTree.Element | None = None, **attributes: object) -> ElementTree.Element:
        parent = self._root if parent is None else parent
        named = {name.replace("_", "-"): str(value) for name, value in attributes.items()}
        return ElementTree.SubElement(parent, tag, named)

    def text(self, words: list[Word], *, size: int, before: int = 0, bold: bool = False) -> None:
        """Write words over the whole width."""
        self._top += before
        self._top = self._write(words, EDGE, self._top, width=WIDTH - 2 * EDGE, size=size, bold=bold)

    def row(self, title: str, words: list[Word], figures: str) -> None:
        """Write a line of the table: title, words, and figures at the right."""
        ends = [
            self._write([Word(title)], EDGE, self._top, width=120, size=15, bold=True),
            self._write(words, EDGE + 130, self._top, width=WIDTH - 2 * EDGE - 330, size=15),
            self._write([Word(figures, SOFT)], WIDTH - EDGE - 190, self._top, width=190, size=15),
        ]
        self._top = max(ends) + 4

    def line(self) -> None:
        """Draw a line over the whole width."""
        self._top += 18
        self._add("rect", x=EDGE, y=self._top, width=WIDTH - 2 * EDGE, height=1, fill=LINE)
        self._top += 8

    def pictures(self, found: Exemplars, unit: int, *, opacity: float) -> None:
        """Draw the best exemplars of a unit with the outlines of their masks."""
        place = np.flatnonzero(found.units == unit)
        if not len(place):
            return
        height, width = found.images.shape[-2:]
        side = (WIDTH - 2 * EDGE - (N_SHOWN - 1) * GAP) / N_SHOWN
        self._top += 14
        box = f"0 0 {STEPS * width} {STEPS * height}"
        for rank, (image, mask) in enumerate(zip(found.images[place[0], :N_SHOWN], found.masks[place[0], :N_SHOWN])):
            where = {"x": f"{EDGE + rank * (side + GAP):.1f}", "y": self._top, "width": f"{side:.1f}"}
            picture = self._add("svg", **where, height=f"{side * height / width:.1f}")
            picture.set("viewBox", box)
            data = base64.b64encode(encode_image(np.asarray(image))).decode("ascii")
            size = {"width": STEPS * width, "height": STEPS * height}
            self._add("image", picture, href=f"data:image/jpeg;base64,{data}", **size)
            path = outline(np.asarray(mask)[0], tolerance=0.5)
            veil = f"M0 0H{STEPS * width}V{STEPS * height}H0Z{path}"
            self._add("path", picture, d=veil, fill="#000000", fill_opacity=opacity, fill_rule="evenodd")
            for color, stroke in (("#000000", 4), ("#ffd23f", 2)) if path else ():
                drawn = stroke * STEPS * width / side / 2
                self._add("path", picture, d=path, fill="none", stroke=color, stroke_width=f"{drawn:.2f}")
        self._top += side * height / width

    def _write(self, words: list[Word], x: float, top: float, *, width: float, size: int, bold: bool = False) -> float:
        """Write words from an upper left corner, in lines of a width; return where the next line would begin."""
        font = _font(size, bold)
        lines = _lines([word for word in words if str(word)], width, font)
        for number, line in enumerate(lines):
            node = self._add("text", x=x, y=round(top + (1.3 * number + 1) * size, 1), font_size=size)
            if bold:
                node.set("font-weight", "bold")
            for place, word in enumerate(line):
                parts = [(word.before, SOFT, False), (word.text, word.color, word.struck), (word.after, SOFT, False)]
                for text, color, struck in parts:
                    if text:
                        span = self._add("tspan", node, fill=color, unicode_bidi="isolate", direction="ltr")
                        span.text = _CONTROL.sub("\ufffd", text)
                        if struck:
                            span.set("text-decoration", "line-through")
                if place < len(line) - 1:
                    span.tail = " "
        return top + 1.3 * size * len(lines) + 4

    def written(self, title: str) -> bytes:
        """Return the file."""
        height = round(self._top + EDGE)
        size = {"width": str(WIDTH), "height": str(height), "viewBox": f"0 0 {WIDTH} {height}", "role": "img"}
        for name, value in size.items():
            self._root.set(name, value)
        self._background.set("height", str(height))
        label = ElementTree.Element("title")
        label.text = _CONTROL.sub("\ufffd", title)
        self._root.insert(0, label)
        return ElementTree.tostring(self._root, encoding="utf-8", xml_declaration=True) + b"\n"


def _font(size: int, bold: bool) -> ImageFont.FreeTypeFont:
    """Return the font that texts are measured with."""
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    # the basic layout measures any text, and alike whether or not libraqm is installed
    path = Path(matplotlib.get_data_path(), "fonts/ttf", name)
    return ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC)


def _lines(words: list[Word], width: float, font: ImageFont.FreeTypeFont) -> list[list[Word]]:
    """Break words into lines of a width; words that are longer are cut, and so is what comes after `MOST_LINES`."""
    lines: list[list[Word]] = [[]]
    for word in words:
        if font.getlength(str(word)) > width:
            word = replace(word, text=_cut(word.text, width - font.getlength(word.before + word.after), font))
        if lines[-1] and font.getlength(" ".join(map(str, [*lines[-1], word]))) > width:
            lines.append([])
        lines[-1].append(word)
    if len(lines) > MOST_LINES:
        *kept, last = lines[:MOST_LINES]
        while last and font.getlength(" ".join(map(str, last)) + " …") > width:
            last = last[:-1]
        lines = [*kept, [*last, Word("…", SOFT)]]
    return lines


def _cut(text: str, width: float, font: ImageFont.FreeTypeFont) -> str:
    """Return the beginning of a text with an ellipsis."""
    length = bisect_right(range(len(text)), width, key=lambda n: font.getlength(text[:n] + "…")) - 1
    return text[: max(0, length)] + "…"

"""Pages that put two networks side by side."""

import base64
import io
import itertools
import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ...data.formats.exemplars import Exemplars, read_exemplars
from ...data.stores.tables import read_table
from ...kernels.activations.shared_images import find_partners, incidence
from ...kernels.metrics.formulas import EXPLAINED_ABOVE
from ...kernels.search.formula import Formula, canonical, split_formula
from ...kernels.search.naming import shown_formula
from ...runtime.atomic import new_folder
from ..formulas import as_dicts, categories_of, concept, row_literals
from .chosen import shown_range
from .pages import environment, style_of_pages
from .summary import QUALITY, strip

N_PAIRS, N_FORMULAS = 24, 60
"""Pairs of units and formulas that a page lists."""


@dataclass(frozen=True)
class _Network:
    """What is compared of a network.

    Attributes
    ----------
    summary : dict
        From `summarise_network`.
    sentences : dict of (layer, unit) to str
    tables : dict of str to pandas.DataFrame
        Explanations of each concept set, of the range that stands for a unit.
    exemplars : list of Exemplars
    images : str
        Where its exemplars come from.
    untrained : bool
    """

    summary: dict
    sentences: dict
    tables: dict
    exemplars: list[Exemplars]
    images: str
    untrained: bool

    @property
    def keys(self) -> list[tuple[str, int]]:
        return [(found.layer, int(unit)) for found in self.exemplars for unit in found.units]


def compare_networks(
    *,
    summaries: list[str],
    descriptions: list[str],
    exemplars: list[str],
    explanations: list[str],
    concept_sets: list[list[str]],
    images: list[str],
    untrained: list[bool],
    comparison: str,
) -> None:
    """Write a page for each two networks: concepts of one, of both and of the other, and units that match.

    Parameters
    ----------
    summaries, descriptions, exemplars : list of str
        Figures, sentences and exemplars of each network.
    explanations : list of str
        Tables of the concept sets of all networks, in the order of `concept_sets`.
    concept_sets : list of list of str
        Names of the concept sets of each network.
    images : list of str
        List of the images from which the exemplars of each network come; exemplars match only where it is the same.
    untrained : list of bool
        Whether the weights of each network are random.
    comparison : str
        Output folder; `index.html` links the pages.
    """
    paths = iter(explanations)
    networks = [
        _read(*names, dict(zip(sets, paths)), place, random)
        for *names, sets, place, random in zip(
            summaries, descriptions, exemplars, concept_sets, images, untrained, strict=True
        )
    ]
    templates = environment()
    style = style_of_pages()
    pairs = []
    with new_folder(comparison) as draft:
        for (number, one), (other_number, other) in itertools.combinations(enumerate(networks), 2):
            if one.untrained and not other.untrained:  # before training stands on the right
                number, one, other_number, other = other_number, other, number, one
            name = f"{number}-{other_number}.html"
            found = _compare(one, other)
            page = templates.get_template("pair.html").render(style=style, **found, explained_above=EXPLAINED_ABOVE)
            (draft / name).write_text(page, encoding="utf-8", newline="\n")
            pairs.append({"page": name, **found})
        page = templates.get_template("pairs.html").render(style=style, pairs=pairs, explained_above=EXPLAINED_ABOVE)
        (draft / "index.html").write_text(page, encoding="utf-8", newline="\n")


def _read(summary: str, descriptions: str, exemplars: str, tables: dict, images: str, untrained: bool) -> _Network:
    figures = json.loads(Path(summary).read_text(encoding="ascii"))
    figures["catalog"] = f"{Path(summary).parent.parent.name}/{Path(summary).parent.name}/catalog"
    described = read_table(descriptions, "descriptions")
    shown = {}
    for name, path in tables.items():
        table = read_table(path, "explanations")
        shown[name] = table[table["range"] == shown_range(table["range"].unique().tolist())]
    return _Network(
        summary=figures,
        sentences={(row.layer, row.unit): row.description for row in described.itertuples()},
        tables=shown,
        exemplars=[read_exemplars(exemplars, layer["name"]) for layer in figures["layers"]],
        images=images,
        untrained=untrained,
    )


def _compare(one: _Network, other: _Network) -> dict:
    """Return what the page of two networks says."""
    common = [name for name in one.tables if name in other.tables]
    found = {"one": one.summary, "other": other.summary, "set": "", "range": "", "layers": [], "formulas": []}
    found |= {"concepts": {"one": [], "both": [], "other": []}, "n_same": (0, 0)}
    # the same network without training
    found["twin"] = other.untrained and not one.untrained and one.summary["model"] == other.summary["model"]
    if common:
        tables = one.tables[common[0]], other.tables[common[0]]
        ranges = [next(iter(table["range"]), "") for table in tables]
        found |= {"set": common[0], "range": ranges[0] if ranges[0] == ranges[1] else " / ".join(ranges)}
        order = categories_of(pd.concat(tables))
        explained = [table[table["iou"] > EXPLAINED_ABOVE] for table in tables]
        found["concepts"] = _concepts(*explained, order)
        found["layers"] = _layers(one.summary, other.summary, common[0])
        found |= _formulas(*explained, order)
    return found | _pairs(one, other, common[0] if common else None)


def _concepts(one: pd.DataFrame, other: pd.DataFrame, order: list[str]) -> dict[str, list]:
    """Return (concept, units of one, units of the other) of the concepts that formulas assert, by where they occur."""
    counts = [
        Counter(
            itertools.chain.from_iterable(
                {(found.name, found.category) for found in row_literals(row, order) if not found.negated}
                for row in table.itertuples()
            )
        )
        for table in (one, other)
    ]
    rows = [(key, counts[0][key], counts[1][key]) for key in {*counts[0], *counts[1]}]
    rows.sort(key=lambda row: (-row[1] - row[2], row[0]))
    rows = [(*as_dicts([concept(*key, order)]), first, second) for key, first, second in rows]
    return {
        "one": [row for row in rows if not row[2]],
        "both": [row for row in rows if row[1] and row[2]],
        "other": [row for row in rows if not row[1]],
    }


def _layers(one: dict, other: dict, name: str) -> list[tuple]:
    """Return (layer, figures of one or None, figures of the other or None) of a concept set, in the order of the layers."""
    figures = [
        {
            layer["name"]: layer
            for found in summary["concept_sets"]
            if found["name"] == name
            for layer in found["layers"]
        }
        for summary in (one, other)
    ]
    return [
        (layer, figures[0].get(layer), figures[1].get(layer)) for layer in dict.fromkeys([*figures[0], *figures[1]])
    ]


def _formulas(one: pd.DataFrame, other: pd.DataFrame, order: list[str]) -> dict:
    """Return the equivalent formulas of units of both networks, those of most units first."""
    numbers = defaultdict(itertools.count().__next__)
    groups, shown = (defaultdict(list), defaultdict(list)), {}
    for place, table in enumerate((one, other)):
        for row in table.itertuples():
            names, operators = split_formula(row.formula)
            key = canonical(Formula(tuple(numbers[name] for name in names), operators))
            groups[place][key].append({"layer": row.layer, "unit": int(row.unit), "iou": float(row.iou)})
            shown.setdefault(key, (shown_formula(row.formula, json.loads(row.shown_names)), row))
    both = [key for key in groups[0] if key in groups[1]]
    both.sort(key=lambda key: (-min(len(groups[0][key]), len(groups[1][key])), shown[key][0]))
    listed = [
        {
            "formula": as_dicts(row_literals(shown[key][1], order)),
            "units": [sorted(own[key], key=lambda unit: -unit["iou"]) for own in groups],
        }
        for key in both[:N_FORMULAS]
    ]
    return {"formulas": listed, "n_same": tuple(sum(len(own[key]) for key in both) for own in groups)}


def _pairs(one: _Network, other: _Network, name: str | None) -> dict:
    """Return the units of two networks that are each other's partner by common exemplars."""
    found = {"pairs": [], "n_half": None, "k": 0}
    if one.images != other.images or not one.exemplars or not other.exemplars:
        return found
    ids = [[layer.ids for layer in network.exemplars] for network in (one, other)]
    if any((own < 0).any() for side in ids for own in side):
        return found
    n_images = 1 + max(int(own.max(initial=0)) for side in ids for own in side)
    partners, back = find_partners(*(incidence(side, n_images) for side in ids))
    k = max(own.shape[1] for own in ids[0])
    found |= {"k": k, "n_half": int((2 * partners.shared >= k).sum())}
    rows = np.flatnonzero(partners.best >= 0)
    rows = rows[back.best[partners.best[rows]] == rows]
    rows = rows[np.argsort(-partners.shared[rows], kind="stable")][:N_PAIRS]
    for row in rows.tolist():
        sides = [_unit(network, place, name) for network, place in ((one, row), (other, int(partners.best[row])))]
        found["pairs"].append({"shared": int(partners.shared[row]), "units": sides})
    return found


def _unit(network: _Network, place: int, name: str | None) -> dict:
    """Return what the page says of a unit, with its picture."""
    layer, unit = network.keys[place]
    starts = np.cumsum([0, *(len(found.units) for found in network.exemplars)])
    number = int(np.searchsorted(starts, place, side="right")) - 1
    found, row = network.exemplars[number], place - int(starts[number])
    buffer = io.BytesIO()
    strip(found.images[row], found.masks[row]).save(buffer, "JPEG", quality=QUALITY, optimize=True)
    said = {"layer": layer, "unit": unit, "description": network.sentences.get((layer, unit), "")}
    said["picture"] = f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
    said |= {"formula": [], "iou": None}
    if name is not None:
        table = network.tables[name]
        order = categories_of(table)
        for own in table[(table["layer"] == layer) & (table["unit"] == unit) & (table["status"] == "ok")].itertuples():
            said |= {"formula": as_dicts(row_literals(own, order)), "iou": float(own.iou)}
    return said

"""Key figures and example units of one network, for the index of catalogs and the front page of the report."""

import json
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from ...data.formats.exemplars import read_exemplars
from ...data.stores.tables import read_table
from ...kernels.evidence.verdicts import VERDICTS
from ...kernels.metrics.formulas import EXPLAINED_ABOVE
from ...kernels.search.formula import AND_NOT, split_formula
from ...kernels.search.naming import shown_formula
from ...runtime.atomic import new_file, new_folder
from ..catalog.records import as_json_numbers, natural_key
from ..formulas import as_dicts, categories_of, concept, row_literals
from .chosen import shown_range, spread_units

N_EXEMPLARS = 5
"""Exemplars in the picture of an example unit."""

SIDE, GAP, VEIL, QUALITY = 112, 4, 0.75, 85
"""Size of an exemplar and of gaps in pixels, darkness outside the mask, and quality of the JPEG."""

MEASURES = ("activation_coverage", "detection_accuracy", "samples_coverage", "explanation_coverage")
CAPTION_MEASURES = ("bleu", "chrf", "rougeL_f", "bert_score_f")


def summarise_network(
    *,
    descriptions: str,
    units: str,
    exemplars: str,
    explanations: list[str],
    metrics: list[str],
    verdicts: list[str],
    description_metrics: list[str],
    model: str,
    dataset: str,
    concept_sets: list[str],
    n_examples: int,
    summary: str,
    examples: str,
) -> None:
    """Write the key figures of a network, and pictures of example units of each layer.

    Parameters
    ----------
    descriptions, units : str
        Tables of the network.
    exemplars : str
        Folder that holds one exemplar folder per layer.
    explanations, metrics, verdicts : list of str
        One table per concept set; `verdicts` may be empty.
    description_metrics : list of str
        Table of the agreement of sentences with annotations, or nothing.
    model, dataset : str
    concept_sets : list of str
    n_examples : int
        Units of each layer, spread over the order of IoU (of the margin of the sentences, without concepts).
    summary : str
        Output: JSON.
    examples : str
        Output: folder with `{layer}/{unit}.jpg`, the best exemplars of a unit, dark outside their masks.
    """
    described, tallied = read_table(descriptions, "descriptions"), read_table(units, "units")
    layers = sorted({*described["layer"], *tallied["layer"]}, key=lambda layer: (natural_key(layer), layer))
    tables = [read_table(path, "explanations") for path in explanations]
    sets = [
        _concept_set(name, table, read_table(metrics[number], "metrics"), verdicts[number] if verdicts else None)
        for number, (name, table) in enumerate(zip(concept_sets, tables, strict=True))
    ]
    chosen = _examples(described, tables[0] if tables else None, n_examples)
    shown = []
    with new_folder(examples) as draft:
        for layer in layers:
            found = read_exemplars(exemplars, layer)
            places = {int(unit): place for place, unit in enumerate(found.units)}
            (draft / layer).mkdir()
            for example in chosen.get(layer, []):
                if (place := places.get(example["unit"])) is not None:
                    strip(found.images[place], found.masks[place]).save(
                        draft / layer / f"{example['unit']}.jpg", "JPEG", quality=QUALITY, optimize=True
                    )
                    shown.append(example)
    has_sentence = described["description"] != ""
    figures = {
        "model": model,
        "dataset": dataset,
        "explained_above": EXPLAINED_ABOVE,
        "n_units": len(tallied),
        "n_described": int(has_sentence.sum()),
        "n_sentences": int(described.loc[has_sentence, "description"].nunique()),
        "layers": [{"name": layer, "n_units": int((tallied["layer"] == layer).sum())} for layer in layers],
        "concept_sets": sets,
        "captions": _captions(description_metrics),
        "examples": shown,
    }
    with new_file(summary) as draft:
        draft.write_text(json.dumps(figures, indent=1, allow_nan=False) + "\n", encoding="ascii", newline="\n")


def _concept_set(name: str, table: pd.DataFrame, metrics: pd.DataFrame, verdicts: str | None) -> dict:
    """Return the figures of the formulas of the range that stands for a unit."""
    chosen = shown_range(table["range"].unique().tolist())
    rows = table[table["range"] == chosen]
    explained = rows[rows["iou"] > EXPLAINED_ABOVE]
    measured = metrics[metrics["range"] == chosen]
    figures = {
        "name": name,
        "range": chosen,
        "n_units": len(rows),
        "n_explained": len(explained),
        "n_formulas": int(explained["formula"].nunique()),
        "n_proved": int(rows.loc[rows["status"] == "ok", "optimal"].sum()),
        "median_iou": as_json_numbers([rows["iou"].median()])[0],
        "layers": [
            {
                "name": layer,
                "n_units": len(own),
                "n_explained": int((own["iou"] > EXPLAINED_ABOVE).sum()),
                "median_iou": as_json_numbers([own["iou"].median()])[0],
            }
            for layer, own in sorted(rows.groupby("layer"), key=lambda item: (natural_key(item[0]), item[0]))
        ],
        "categories": _categories(explained, categories_of(table)),
        "metrics": dict(zip(MEASURES, as_json_numbers([measured[measure].mean() for measure in MEASURES]))),
    }
    if verdicts is not None:
        judged = read_table(verdicts, "verdicts")
        counts = Counter(judged.loc[judged["range"] == chosen, "verdict"])
        figures["verdicts"] = {verdict: counts[verdict] for verdict in VERDICTS if counts[verdict]}
    return figures


def _categories(explained: pd.DataFrame, order: list[str]) -> list[dict]:
    """Count, by layer and category, the units whose formula asserts a concept of the category, and these concepts."""
    units, concepts = defaultdict(set), defaultdict(set)
    for row in explained.itertuples():
        names, operators = split_formula(row.formula)
        signs = (None, *operators)
        for name, kind, sign in zip(names, json.loads(row.categories), signs, strict=True):
            if sign != AND_NOT:
                units[row.layer, kind].add(row.unit)
                concepts[row.layer, kind].add(name)
    keys = sorted(units, key=lambda key: (natural_key(key[0]), key[0], key[1]))
    return [
        {
            "layer": layer,
            "category": kind,
            "place": concept("", kind, order).place,
            "n_units": len(units[layer, kind]),
            "n_concepts": len(concepts[layer, kind]),
        }
        for layer, kind in keys
    ]


def _captions(paths: list[str]) -> list[dict]:
    """Return the agreement of all units' sentences with annotations, and that of the baselines."""
    rows = []
    for path in paths:
        table = read_table(path, "description_metrics")
        for row in table[table["units"] == "all"].to_dict("records"):
            columns = [f"{measure}{end}" for measure in CAPTION_MEASURES for end in ("", "_low", "_high")]
            values = dict(zip(columns, as_json_numbers([row[column] for column in columns])))
            rows.append({"captions": row["captions"], "n_units": row["n_units"], **values})
    return rows


def _examples(described: pd.DataFrame, table: pd.DataFrame | None, n: int) -> dict[str, list[dict]]:
    """Return, by layer, the examples: unit, sentence, formula as people read it, and IoU."""
    sentences = {(row.layer, row.unit): row.description for row in described.itertuples()}
    if table is None:
        rows, value = described, "margin"
    else:
        rows, value = table[table["range"] == shown_range(table["range"].unique().tolist())], "iou"
    chosen, order = {}, [] if table is None else categories_of(table)
    for layer, own in rows.groupby("layer"):
        by_unit = own.set_index("unit")
        for unit in spread_units(own, value, n):
            row = by_unit.loc[unit]
            formula, iou, found = "", None, []
            if value == "iou" and row["formula"]:
                formula = shown_formula(row["formula"], json.loads(row["shown_names"]))
                iou = as_json_numbers([row["iou"]])[0]
                found = as_dicts(row_literals(row, order))
            example = {"layer": layer, "unit": unit, "description": sentences.get((layer, unit), "")}
            chosen.setdefault(layer, []).append(example | {"formula": formula, "literals": found, "iou": iou})
    return chosen


def strip(images: np.ndarray, masks: np.ndarray) -> Image.Image:
    """Return the first exemplars of a unit side by side, dark outside their masks.

    Parameters
    ----------
    images : numpy.ndarray of shape (k, 3, H, W), uint8
    masks : numpy.ndarray of shape (k, 1, H, W), uint8, 0 or 1
    """
    n = min(N_EXEMPLARS, len(images))
    strip = Image.new("RGB", (n * (SIDE + GAP) - GAP, SIDE), "white")
    for place in range(n):
        light = np.where(np.asarray(masks[place]).astype(bool), 1.0, 1 - VEIL)
        shown = np.rint(np.asarray(images[place]) * light).astype(np.uint8).transpose(1, 2, 0)
        picture = Image.fromarray(np.ascontiguousarray(shown)).resize((SIDE, SIDE), Image.Resampling.LANCZOS)
        strip.paste(picture, (place * (SIDE + GAP), 0))
    return strip


def example_path(folder: str | Path, example: dict) -> Path:
    """Return the picture of an example."""
    return Path(folder, example["layer"], f"{example['unit']}.jpg")

"""The catalog: static pages of all units of a network, usable without a server or internet."""

import json
import logging
import shutil
from pathlib import Path
from urllib.parse import quote

import jinja2
import numpy as np

from ...data.formats.exemplars import Exemplars, read_exemplars, read_layers
from ...data.stores.tables import read_table
from ...kernels.evidence.verdicts import VERDICTS
from ...kernels.metrics.formulas import EXPLAINED_ABOVE
from ...runtime.atomic import new_folder
from ...runtime.progress import Progress
from .. import formulas
from .columns import detail_columns, index_columns, layer_of
from .labels import UnitLabels
from .likeness import AlikeUnits
from .outlines import STEPS, outline
from .pictures import PictureWriter
from .range_images import RangeImages, read_range_images
from .records import MEASURES, ConceptSet, as_json_numbers, natural_key, read_concept_set
from .units import read_annotations_of, read_topics, read_truths, unit_table

TEMPLATES = Path(__file__).parent / "templates"
SCRIPTS = (
    *("basics/dom", "basics/formulas", "basics/charts", "basics/matrix", "basics/chunks", "basics/pictures"),
    *("unit/trust", "choice/search", "choice/overview", "choice/distributions"),
    *("unit/entries", "unit/explorer", "unit/neighbours", "views/wall", "views/concepts", "unit/viewer", "unit/page"),
    *("choice/send", "views/rating", "views/map", "views/blocks", "catalog"),
)
"""Scripts of the page below `TEMPLATES`, in the order in which they are read; the catalog has them in one folder."""

ASSETS = ("catalog.css", *(f"{name}.js" for name in SCRIPTS))
LONG = 1000
"""Entries of a list above which a script holds it as a text."""

CHUNK = 64
"""Units of a layer whose details are in one file."""

TOLERANCE = 0.5
"""Largest error of the outlines of exemplars' masks, in pixels."""

_log = logging.getLogger(__name__)


def write_catalog(
    *,
    descriptions: str,
    units: str,
    neighbours: list[str],
    unit_map: list[str],
    exemplars: str,
    explanations: list[str],
    ranges: list[str],
    histograms: list[str],
    metrics: list[str],
    dissection: list[str],
    verdicts: list[str],
    stability: list[str],
    twins: list[str],
    arena: list[str],
    truths: list[str],
    annotations: str | list[str],
    audit: list[str],
    outlines: list[str],
    data: list[str],
    concepts: list[dict],
    concept_sets: list[str],
    catalog: str,
    model: str,
    dataset: str,
    opacity: float,
    base_url: str | None,
    k_shown: int,
) -> None:
    """Write the catalog of a network's units as a folder of static pages.

    Parameters
    ----------
    descriptions, units : str
        descriptions.csv and units.csv of the network.
    neighbours, unit_map : list of str
        neighbours.csv and map.csv of the network; both empty if there are none.
    exemplars : str
        Folder that holds one exemplar folder per layer.
    explanations, ranges, histograms, metrics, dissection, verdicts, stability, twins, arena : list of str
        One CSV file per concept set, in the order of `concept_sets`; a list may be empty. `twins` are the explanations of the
        network with random weights; `arena` are the scores of the labels of all sources.
    truths : list of str
        Table of the true captions of the playground; empty if there is none.
    annotations : str or list of str
        Table of people's annotations, shown beside the sentences; an empty list if there is none.
    audit : list of str
        Table of the units that speak of topics, which the page links; an empty list if there is none.
    outlines, data, concepts : list
        Table of the images of ranges, folder of the concept data set and how `open_broden` reads it, of each concept set;
        `outlines` may be empty.
    concept_sets : list of str
        Names of the concept sets.
    catalog : str
        Output folder; replaced if it exists.
    model, dataset : str
        Name of the network and of the data set of its weights.
    opacity : float
        Opacity of the veil outside an exemplar's mask, in [0, 1]; laid over an image it leaves (1 - opacity) times it.
    base_url : str or None
        Web address of the folder `results`, if it is published.
    k_shown : int
        Number of exemplars shown per unit, at least 1.

    Raises
    ------
    FileNotFoundError
        If a layer of the tables has no exemplars.
    ValueError
        If a list is neither empty nor as long as `concept_sets`, a table lacks a column, or a setting is out of bounds.
    """
    tables = {
        "explanations": explanations,
        "ranges": ranges,
        "histograms": histograms,
        "metrics": metrics,
        "dissection": dissection,
        "verdicts": verdicts,
        "stability": stability,
        "twins": twins,
    }
    lists = tables | {"outlines": outlines, "arena": arena}
    if not 0 <= opacity <= 1:
        raise ValueError(f"opacity={opacity} must be in [0, 1]; config key catalog.opacity")
    for name, paths in lists.items():
        if paths and len(paths) != len(concept_sets):
            raise ValueError(
                f"{name} has {len(paths)} tables but there are {len(concept_sets)} concept sets; give one each or none"
            )
    target, address = Path(catalog), _address(base_url, model, dataset)
    with new_folder(target) as draft:
        described, tallied = read_table(descriptions, "descriptions"), read_table(units, "units")
        named = {*described["layer"], *tallied["layer"], *read_layers(exemplars)}
        layers = sorted(named, key=lambda layer: (natural_key(layer), layer))
        pictured = {layer: read_exemplars(exemplars, layer) for layer in layers}
        table = unit_table(described, tallied, pictured)
        positions = {key: row for row, key in enumerate(zip(table["layer"], table["unit"], strict=True))}
        writer = PictureWriter(draft / "pictures", k_shown=k_shown)
        images = _write_pictures(pictured, writer)
        sets = [
            read_concept_set(
                name, positions, **{kind: paths[number] if paths else None for kind, paths in tables.items()}
            )
            for number, name in enumerate(concept_sets)
        ]
        pictured_ranges = [
            read_range_images(path, positions, found.ranges, data=folder, concepts=chosen, writer=writer)
            for path, found, folder, chosen in zip(outlines, sets, data, concepts)
        ]
        labels = [UnitLabels(path, positions) for path in arena]
        alike = [AlikeUnits(*paths, positions=positions) for paths in zip(neighbours, unit_map, strict=True)]
        layer_of_unit = np.array([layers.index(layer) for layer in table["layer"]], np.int64)
        index = {
            "model": model,
            "dataset": dataset,
            "explained_above": EXPLAINED_ABOVE,
            "opacity": opacity,
            "address": address and f"{address}/index.html",
            "chunk": CHUNK,
            "steps": STEPS,
            "measures": MEASURES,
            "verdicts": VERDICTS,
            "layers": [layer_of(found) for found in pictured.values()],
            "units": {
                "layer": layer_of_unit.tolist(),
                "unit": table["unit"],
                "description": table["description"],
                "runner_up": table["runner_up"],
                "score": as_json_numbers(table["score"]),
                "margin": as_json_numbers(table["margin"]),
                "status": table["status"],
                "images": [images.get(key, []) for key in positions],
                **read_annotations_of(annotations, positions),
                **read_truths(truths, positions),
                **read_topics(audit, positions),
            },
            "concept_sets": [index_columns(found) for found in sets],
            "grids": [found.size for found in pictured_ranges],
            "map": bool(alike),
            **({"sources": [[found.n_images, found.sources] for found in labels]} if labels else {}),
        }
        _write_script(draft / "data.js", "window.LEXICON_DATA = ", index)
        for found in alike:
            _write_script(draft / "map-data.js", "window.LEXICON_MAP = ", found.columns())
        _write_chunks(
            draft / "units",
            table,
            layer_of_unit,
            pictured=pictured,
            sets=sets,
            range_images=pictured_ranges,
            labels=labels,
            alike=alike,
            k_shown=k_shown,
        )
        page = {"model": model, "dataset": dataset, "n_units": len(positions), "concept_sets": concept_sets}
        page |= {"has_map": bool(alike)}
        _write_pages(draft, address=address, **page)
    _log.info("wrote %d units of %d layers to %s", len(positions), len(layers), target)


def script(prefix: str, value: object) -> str:
    """Write a value as a script of one assignment, ASCII only and safe inside any HTML.

    Parameters
    ----------
    prefix : str
        Text before the value, such as ``window.X = ``.
    value : object
        JSON-serialisable value without NaN and infinities.

    Returns
    -------
    str
        The script. Lists longer than `LONG`, in dicts or lists of dicts, are calls of JSON.parse: a browser reads columns
        of 100,000 units in a third less time than as code.

    Raises
    ------
    ValueError
        If the value holds NaN or an infinity.
    """
    return f"{prefix}{_as_code(value)};\n"


def _as_code(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ",".join(f"{_as_json(str(key))}:{_as_code(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        return "[" + ",".join(map(_as_code, value)) + "]"
    text = _as_json(value)
    if not isinstance(value, list) or len(value) <= LONG:
        return text
    return "JSON.parse('" + text.replace("\\", "\\\\").replace("'", "\\'") + "')"


def _as_json(value: object) -> str:
    # ASCII output escapes U+2028, U+2029 and bidirectional marks; these characters could end a script or start a tag.
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _write_pictures(pictured: dict[str, Exemplars], writer: PictureWriter) -> dict:
    """Write the pictures of all layers; return the numbers of the images of each (layer, unit)."""
    images = {}
    for layer, found in Progress(pictured.items(), desc="pictures", unit="layer"):
        numbers = writer.write(found)
        images |= {(layer, int(unit)): own for unit, own in zip(found.units, numbers, strict=True)}
    return images


def _write_chunks(
    folder: Path,
    table: dict[str, list],
    layer_of_unit: np.ndarray,
    *,
    pictured: dict[str, Exemplars],
    sets: list[ConceptSet],
    range_images: list[RangeImages],
    labels: list[UnitLabels],
    alike: list[AlikeUnits],
    k_shown: int,
) -> None:
    """Write `{layer number}-{chunk}.js`: charts, tables and outlines of masks of `CHUNK` units of a layer each."""
    folder.mkdir()
    for number, found in enumerate(Progress(pictured.values(), desc="details", unit="layer")):
        ranks = {int(unit): rank for rank, unit in enumerate(found.units)}
        owned = np.flatnonzero(layer_of_unit == number)
        for chunk, start in enumerate(range(0, len(owned), CHUNK)):
            rows = owned[start : start + CHUNK]
            shown = [ranks.get(table["unit"][row]) for row in rows]
            details = {
                "concept_sets": [detail_columns(concept_set, rows) for concept_set in sets],
                "range_images": [[found.shown[row] for row in rows] for found in range_images],
                "ids": [[] if r is None else found.ids[r, :k_shown].tolist() for r in shown],
                "activations": [[] if r is None else as_json_numbers(found.activations[r, :k_shown]) for r in shown],
                "masks": [
                    [] if r is None else [outline(mask[0], tolerance=TOLERANCE) for mask in found.masks[r, :k_shown]]
                    for r in shown
                ],
                **({"labels": [[found.of(row) for row in rows.tolist()] for found in labels]} if labels else {}),
            }
            for likeness in alike:
                details |= likeness.details(rows.tolist())
            _write_script(folder / f"{number}-{chunk}.js", f'window.LEXICON_CHUNKS["{number}-{chunk}"] = ', details)


def _write_script(path: Path, prefix: str, value: object) -> None:
    path.write_text(script(prefix, value), encoding="ascii", newline="\n")


def _address(base_url: str | None, model: str, dataset: str) -> str | None:
    """Return the web address of a catalog's folder, if it has one."""
    return base_url and "/".join([base_url.rstrip("/"), quote(model, safe=""), quote(dataset, safe=""), "catalog"])


def _write_pages(folder: Path, **values: str | int | bool | list[str] | None) -> None:
    """Render the page and copy its assets."""
    loader = jinja2.FileSystemLoader([TEMPLATES, formulas.TEMPLATES])
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
    scripts = [Path(name).name for name in ASSETS[1:]]
    page = environment.get_template("index.html").render(scripts=scripts, explained_above=EXPLAINED_ABOVE, **values)
    (folder / "index.html").write_text(page, encoding="utf-8", newline="\n")
    shutil.copyfile(formulas.TEMPLATES / "chips.css", folder / "chips.css")
    for name in ASSETS:
        shutil.copyfile(TEMPLATES / name, folder / Path(name).name)

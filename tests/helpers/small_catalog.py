"""Small results of a network, as the catalog reads them."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from lib.data.formats.annotations import write_annotations
from lib.data.formats.exemplars import create_exemplars
from lib.data.stores.columns import COLUMNS
from lib.data.stores.tables import write_table
from lib.kernels.evidence.verdicts import VERDICTS
from lib.kernels.search.formula import AND_NOT, OR, Formula, as_json, format_formula
from lib.reporting.catalog.records import MEASURES
from lib.stages.report.map_units import map_units

LAYERS = ["layer2", "layer10", "<b id=pwned>&\"'\u202e"]
HOSTILE = [
    "</script><script>document.title='PWNED'</script>",
    "<img src=x onerror=\"document.title='PWNED'\">",
    'it\'s "quoted" & <b>bold</b>',
    "\u202ertl \u05d0\u05d1\u202c\u2028\u2029",
    "x" * 300,
    "None",
    "nan",
    "NA",
    "__proto__",
]
N_UNITS = 12
TABLES = (
    *("explanations", "ranges", "histograms", "metrics", "dissection", "verdicts", "stability", "twins"),
    *("outlines", "data", "concepts", "arena"),
)
"""Arguments of write_catalog that hold an entry for each concept set."""


def read_script(path: Path) -> dict:
    """Read what a data script of the catalog assigns."""
    text = path.read_text(encoding="ascii")
    inside = re.fullmatch(r"window\.[A-Z_]+(?:\[\"\d+-\d+\"\])? = (.*);\n", text, re.DOTALL)[1]
    column = re.compile(r"JSON\.parse\('((?:[^'\\]|\\.)*)'\)")
    return json.loads(column.sub(lambda found: re.sub(r"\\(.)", r"\1", found[1]), inside))


def formula_of(name):
    return format_formula(Formula((0, 1, 2), (OR, AND_NOT)), [name, "house", "sky-c"])


def status_of(unit: int) -> str:
    """Two units of each layer have no explanation."""
    return {10: "dead", 11: "nan"}.get(unit, "ok")


def description_of(unit: int) -> str:
    """Every name that could do harm, and one plain sentence."""
    if status_of(unit) != "ok":
        return ""
    return HOSTILE[unit] if unit < len(HOSTILE) else "Red roofs of houses"


def hostile_inputs(folder) -> dict:
    """Write the tables of three layers of twelve units with two ranges, full of hostile names; return the arguments."""
    rng = np.random.default_rng(0)
    names = ("descriptions", "units", "ranges", "histograms", "explanations", "metrics", "verdicts")
    rows = {name: [] for name in names}
    for layer in LAYERS:
        ids = rng.integers(0, 5, (N_UNITS, 3))
        images, masks = create_exemplars(
            str(folder / "exemplars"),
            layer,
            units=np.arange(N_UNITS),
            ids=ids,
            activations=-np.sort(-rng.random((N_UNITS, 3)), axis=1),
            size=16,
        )
        images[:] = ids[:, :, None, None, None] * 40
        masks[:, :, :, 4:9, 4:9] = 1
        for unit in range(N_UNITS):
            status, ok = status_of(unit), status_of(unit) == "ok"
            score = -1.5 if ok else np.nan
            rival = "Sky" if ok else ""
            rows["descriptions"].append((layer, unit, description_of(unit), score, rival, -score / 6, status))
            rows["units"].append((layer, unit, status, 0.0, 1.0, 0.9))
            counts = " ".join(["7"] * 64 if ok else ["0"] * 64)
            rows["histograms"].append((layer, unit, 0.1 if ok else np.nan, 1.0 if ok else np.nan, 100, counts))
            for name, lower, upper in (("cluster1", 0.1, 0.5), ("top", 0.9, np.inf)):
                iou = (unit + 1) / 100 + (0.1 if name == "top" else 0) if ok else np.nan
                concept = HOSTILE[unit % len(HOSTILE)]
                formula = formula_of(concept) if ok else ""
                shown = as_json([concept, "house (object)", "sky"] if ok else [])
                kinds = as_json(["a<b>", "object", "color"] if ok else [])
                rows["ranges"].append((layer, unit, name, lower, upper, 50, status))
                rows["explanations"].append(
                    (layer, unit, name, lower, upper, formula, shown, kinds, 3, iou, iou, ok, "optimal", status)
                )
                rows["metrics"].append((layer, unit, name, iou, *[0.25 if ok else np.nan] * len(MEASURES)))
                verdict = VERDICTS[unit % 3] if ok and name == "top" else "untested"
                numbers = [iou, 0.02, 0.01, iou / 2, iou / 3, iou / 1.5, iou / 2, 0.7]
                shares = "[0.25, 0.9, 0.5]" if ok else "[]"
                rows["verdicts"].append((layer, unit, name, formula, verdict, "", *numbers, 2, 3, 2, shares, "[]"))
    for name, values in rows.items():
        write_table(pd.DataFrame(values, columns=list(COLUMNS[name])), folder / f"{name}.csv", name)
    arguments = {name: str(folder / f"{name}.csv") for name in ("descriptions", "units")}
    arguments |= {name: [str(folder / f"{name}.csv")] for name in ("explanations", "ranges", "histograms", "metrics")}
    absent = (
        "dissection",
        "verdicts",
        "stability",
        "twins",
        "neighbours",
        "unit_map",
        "outlines",
        "data",
        "concepts",
        "annotations",
        "truths",
        "audit",
        "arena",
    )
    arguments |= {name: [] for name in absent}
    return arguments | {
        "exemplars": str(folder / "exemplars"),
        "concept_sets": ["playground"],
        "catalog": str(folder / "catalog"),
        "model": "resnet<18>",
        "dataset": "a & b",
        "opacity": 0.75,
        "base_url": None,
        "k_shown": 2,
    }


def with_map(arguments: dict) -> dict:
    """Write neighbours.csv and map.csv of these tables; return the arguments with them."""
    folder = Path(arguments["descriptions"]).parent
    outputs = {"neighbours": str(folder / "neighbours.csv"), "unit_map": str(folder / "map.csv")}
    map_units(**{name: arguments[name] for name in ("descriptions", "exemplars", "explanations")}, **outputs)
    return arguments | {name: [path] for name, path in outputs.items()}


# name in the tables, as people read it, category
CONCEPTS = [
    ("sky", "sky", "object"),
    ("tree", "tree", "object"),
    ("street", "street (object)", "object"),
    ("street-s", "street (scene)", "scene"),
    ("white-c", "white", "color"),
    ("swimming pool", "swimming pool", "object"),
    ("sand AND (NOT sea)", "sand AND (NOT sea)", "texture"),
    ("<b>", "<b>", "part"),
]
SENTENCES = [
    "The sky",
    "A street at night",
    "Street trees",
    "A tall tree",
    "Swimming pool, blue",
    "Pool in the sky",
    "",
]
RANGES = ("top", "cluster1", "cluster2")
VARIED = {"layer1": 70, "layer10": 9, "layer1/1": 4}
ANNOTATIONS = [("layer1", 3, "Someone's red sky"), ("layer1", 3, "a lamp"), ("layer10", 2, "Lamp")]
TRUTHS = [("layer1", 5, "the <b>sky</b>"), ("layer1", 5, "trees")]
SPEAKING = [("people", "layer1", 3), ("people", "layer1", 5), ("cars & <b>", "layer10", 2), ("cars & <b>", "layer1", 5)]
"""Topic, layer and unit."""
LABELS = [("formula", "sky OR tree", "ok"), ("theirs", "<b>", "no_predictor"), ("invert", "", "none_found")]
"""Source, label and status of each unit of layer1."""


N_IMAGES = 5


def arena_scores(rows):
    """Return arena_scores.csv of rows (layer, unit, range, source, label, status, AUC); scores are there where the status is ok."""
    columns = ["layer", "unit", "range", "source", "label", "status", "auc"]
    table = pd.DataFrame(rows, columns=columns)
    table["auc"] = table["auc"].where(table["status"] == "ok").astype(float)
    table = table.reindex(columns=list(COLUMNS["arena_scores"]))
    floats = [name for name, kind in COLUMNS["arena_scores"].items() if kind == "float"]
    return table.assign(n_images=N_IMAGES).astype(dict.fromkeys(floats, float))


def write_images(folder: Path) -> None:
    """Write images of 16 x 16 pixels in Broden's format, each with a scene."""
    (folder / "images").mkdir(parents=True)
    lines = ["image,split,ih,iw,sh,sw,scene"]
    for image in range(N_IMAGES):
        Image.new("RGB", (16, 16), (50 * image, 90, 120)).save(folder / f"images/{image}.png")
        lines.append(f"{image}.png,val,16,16,16,16,1")
    (folder / "index.csv").write_text("\n".join(lines) + "\n")
    (folder / "label.csv").write_text("number,name,category\n1,street,scene(5)\n")


def varied_inputs(folder) -> dict:
    """Write the tables of three layers with three ranges and random formulas; return the arguments of write_catalog."""
    folder = Path(folder)
    rng = np.random.default_rng(1)
    names = (
        "descriptions",
        "units",
        "ranges",
        "histograms",
        "explanations",
        "metrics",
        "verdicts",
        "outlines",
        "stability",
    )
    rows = {name: [] for name in names}
    write_images(folder / "data")
    for layer, n_units in VARIED.items():
        ids = rng.integers(0, 5, (n_units, 4))
        best = -np.sort(-rng.random((n_units, 4)), axis=1)
        options = {"units": np.arange(n_units), "ids": ids, "activations": best, "size": 16}
        images, masks = create_exemplars(str(folder / "exemplars"), layer, **options)
        images[:] = ids[:, :, None, None, None] * 40
        masks[:, :, :, 4:9, 4:9] = 1
        for unit in range(n_units):
            text = SENTENCES[rng.integers(len(SENTENCES))]
            score, margin = -rng.random(), rng.random() / 10
            rows["descriptions"].append((layer, unit, text, score, "Runner up", margin, "ok"))
            rows["units"].append((layer, unit, "ok", 0.0, 1.0, 0.9))
            rows["histograms"].append((layer, unit, 0.1, 2.0, 100, " ".join(map(str, rng.integers(0, 5000, 64)))))
            for place, name in enumerate(RANGES):
                length = rng.integers(1, 4)
                concepts = tuple(rng.choice(len(CONCEPTS), length, replace=False).tolist())
                operators = tuple(rng.integers(0, 3, length - 1).tolist())
                formula = format_formula(Formula(concepts, operators), [concept[0] for concept in CONCEPTS])
                shown, kinds = (as_json([CONCEPTS[concept][column] for concept in concepts]) for column in (1, 2))
                lower, upper = ((0.9, np.inf), (0.1, 0.5), (0.5, 2.0))[place]
                iou, n, status = rng.random() ** 3, int(10 ** rng.uniform(1, 5)), "ok"
                if rng.random() < 0.1:
                    iou, status, formula, shown, kinds = np.nan, "no pixel", "", "[]", "[]"
                ok = status == "ok"
                rows["ranges"].append((layer, unit, name, lower, upper, n, "ok"))
                found = (lower, upper, formula, shown, kinds, length if ok else 0, iou, iou, ok, "optimal", status)
                rows["explanations"].append((layer, unit, name, *found))
                rows["metrics"].append((layer, unit, name, iou, *[0.25 if ok else np.nan] * len(MEASURES)))
                for rank in range(2 if ok else 0):
                    image = (unit + place + 2 * rank) % N_IMAGES
                    paths = ("M4 4l16 0 0 12-16 0z", "M12 8l16 0 0 20-16 0z")
                    rows["outlines"].append((layer, unit, name, 1 - rank / 2, image, 0.4 / (rank + 1), *paths))
                verdict = VERDICTS[rng.integers(4)] if ok else "untested"
                numbers = [iou, 0.02, 0.01, iou / 2, iou / 3, iou / 1.5, iou / 2, 0.7]
                shares = as_json([0.5] * (length if ok else 0)).replace('"', "")
                ends = (iou * 0.8, min(1.0, iou * 1.1))
                rows["stability"].append(
                    (layer, unit, name, formula, 100, 0, 0.7, 0.6, 0.8, iou, *ends, 1, 0.95, "[]", "[]", 0, status)
                )
                rows["verdicts"].append((layer, unit, name, formula, verdict, "", *numbers, 2, 3, 2, shares, "[]"))
    rows["audit_units"] = [(t, "sentence", "", layer, unit, "w", "t", "p") for t, layer, unit in SPEAKING]
    labels = [("layer1", unit, "top", *label, unit / 100) for unit in range(VARIED["layer1"]) for label in LABELS]
    rows["arena_scores"] = arena_scores(labels)
    for name, values in rows.items():
        write_table(pd.DataFrame(values, columns=list(COLUMNS[name])), folder / f"{name}.csv", name)
    twin = pd.DataFrame(rows["explanations"], columns=list(COLUMNS["explanations"]))
    twin["unit"], twin["iou"] = twin.groupby("layer")["unit"].transform("max") - twin["unit"], twin["iou"] * 0.9
    write_table(twin[twin.index % 3 == 0], folder / "twins.csv", "explanations")
    single = twin.assign(iou=rng.random(len(twin)) ** 4, length=1)
    chosen = [CONCEPTS[concept] for concept in rng.integers(0, len(CONCEPTS), len(twin))]
    for place, column in enumerate(("formula", "shown_names", "categories")):
        single[column] = [concept[place] if column == "formula" else as_json([concept[place]]) for concept in chosen]
    single["formula"] = [format_formula(Formula((0,), ()), [name]) for name in single["formula"]]
    nothing = {"formula": "", "shown_names": "[]", "categories": "[]", "length": 0, "iou": np.nan}
    single.loc[single["status"] != "ok", [*nothing]] = list(nothing.values())
    write_table(single, folder / "dissection.csv", "explanations")
    write_annotations(str(folder / "annotations.csv"), ANNOTATIONS)
    write_annotations(str(folder / "truths.csv"), TRUTHS)
    arguments = {name: str(folder / f"{name}.csv") for name in ("descriptions", "units", "annotations")}
    lists = {
        "dissection": "dissection",
        "audit": "audit_units",
        "truths": "truths",
        "twins": "twins",
        "arena": "arena_scores",
    }
    arguments |= {name: [str(folder / f"{file}.csv")] for name, file in lists.items()}
    arguments |= {name: [str(folder / f"{name}.csv")] for name in names if name not in arguments}
    names = {"concept_sets": ["playground"], "model": "resnet18", "dataset": "playground"}
    names |= {"data": [str(folder / "data")], "concepts": [{"subset": "", "categories": ["scene"]}]}
    paths = {"exemplars": str(folder / "exemplars"), "catalog": str(folder / "catalog")}
    return with_map(arguments | names | paths | {"opacity": 0.75, "base_url": None, "k_shown": 4})

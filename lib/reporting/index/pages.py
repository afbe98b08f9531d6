"""The index of all catalogs, `results/index.html`, and the front page of the report."""

import base64
import json
from collections import defaultdict
from pathlib import Path
from urllib.parse import quote

import jinja2

from ...kernels.metrics.formulas import EXPLAINED_ABOVE
from ...runtime.atomic import new_file
from .. import formulas
from .summary import CAPTION_MEASURES, MEASURES, example_path

TEMPLATES = Path(__file__).parent / "templates"

FRONT_EXAMPLES = 24
"""Largest number of example units of a network on the front page."""

N_GLIMPSED = 4
"""Largest number of example units of a network in the index."""


def environment() -> jinja2.Environment:
    """Return the reader of the templates of this folder; every value is escaped."""
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader([TEMPLATES, formulas.TEMPLATES]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {
        "segment": lambda name: quote(str(name), safe=""),
        "percent": percent,
        "figure": figure,
        "zip": zip,
    }
    return found


def style_of_pages() -> str:
    """Return the style sheet of the pages of this folder."""
    return "".join(
        path.read_text(encoding="utf-8") for path in (formulas.TEMPLATES / "chips.css", TEMPLATES / "index.css")
    )


def percent(part: int, whole: int) -> str:
    """Return a share as text; only all is 100 %, and only none is 0 %."""
    if not whole:
        return "\u2013"
    number = round(100 * part / whole)
    return f"{min(max(number, 1 if part else 0), 100 if part == whole else 99)} %"


def figure(value: float | None, digits: int = 3) -> str:
    """Return a number as text, a dash for none."""
    return "\u2013" if value is None else f"{value:.{digits}f}"


def write_index(
    *,
    catalogs: list[str],
    summaries: list[str],
    examples: list[str],
    comparison: list[str],
    index: str,
    front_page: str,
) -> None:
    """Write the page that lists all catalogs, and the front page of the report.

    Parameters
    ----------
    catalogs : list of str
        Folder of the catalog of each network, below that of the page.
    summaries, examples : list of str
        Figures and folder of example units of each network, from `summarise_network`.
    comparison : list of str
        Folder of the pages that compare the networks, or nothing.
    index : str
        Output: a page that needs no server; its links are relative.
    front_page : str
        Output: a part of a page in ASCII, whose links count from the folder of the run, where the report is written.
    """
    networks = []
    for catalog, summary, folder in zip(catalogs, summaries, examples, strict=True):
        found = json.loads(Path(summary).read_text(encoding="ascii"))
        found["catalog"] = Path(catalog).relative_to(Path(index).parent).as_posix()
        found["examples"] = [
            example | {"picture": _data_uri(example_path(folder, example))} for example in found["examples"]
        ]
        found["glimpse"] = _glimpse(found["examples"])
        networks.append(found)
    templates = environment()
    options = {"networks": networks, "measures": MEASURES, "caption_measures": CAPTION_MEASURES}
    options |= {"style": style_of_pages(), "n_examples": FRONT_EXAMPLES, "explained_above": EXPLAINED_ABOVE}
    page = templates.get_template("index.html").render(**options, compared=bool(comparison), root="")
    with new_file(index) as draft:
        draft.write_text(page, encoding="utf-8", newline="\n")
    root = f"{Path(index).parent.as_posix()}/"
    front = templates.get_template("front_page.html").render(**options, compared=bool(comparison), root=root)
    with new_file(front_page) as draft:
        # the report does not say how its parts are encoded
        draft.write_bytes(front.encode("ascii", "xmlcharrefreplace"))


def _glimpse(examples: list[dict]) -> list[dict]:
    """Return the middle one of the examples of a layer, of a few layers."""
    layers = defaultdict(list)
    for example in examples:
        layers[example["layer"]].append(example)
    middle = [own[len(own) // 2] for own in layers.values()]
    return middle[:: -(-len(middle) // N_GLIMPSED)] if middle else []


def _data_uri(path: Path) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"

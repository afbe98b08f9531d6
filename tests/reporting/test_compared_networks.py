"""Two networks side by side, against sets of concepts and formulas."""

import html
import json
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from browser import open_browser, open_page
from small_catalog import hostile_inputs, varied_inputs

from lib.data.formats.exemplars import read_exemplars
from lib.kernels.search.formula import asserted_names, split_formula
from lib.reporting.index.comparison import compare_networks
from lib.reporting.index.summary import summarise_network

NAMES = ("descriptions", "units", "exemplars", "explanations", "metrics", "verdicts", "concept_sets")


def network(folder, inputs, **changes):
    """Write small results below a folder, summarise them, and return their arguments."""
    folder.mkdir(parents=True)
    arguments = inputs(folder) | changes
    options = {name: arguments[name] for name in (*NAMES, "model", "dataset")}
    paths = {"summary": f"{folder}/summary.json", "examples": f"{folder}/examples"}
    summarise_network(**options, **paths, description_metrics=[], n_examples=2)
    return arguments | {"summary": paths["summary"]}


def compare(networks, target, *, untrained=(False, False), images=("a", "a")):
    compare_networks(
        summaries=[own["summary"] for own in networks],
        descriptions=[own["descriptions"] for own in networks],
        exemplars=[own["exemplars"] for own in networks],
        explanations=[path for own in networks for path in own["explanations"]],
        concept_sets=[own["concept_sets"] for own in networks],
        images=list(images),
        untrained=list(untrained),
        comparison=str(target),
    )


def fewer(folder):
    """The tables of `varied_inputs` with other formulas, and without most of them."""
    arguments = varied_inputs(folder)
    path = Path(arguments["explanations"][0])
    table = pd.read_csv(path, keep_default_na=False, na_values={"iou": [""]})
    table["iou"] = table["iou"].where(table["unit"] % 3 == 0, 0.001)
    table.to_csv(path, index=False, lineterminator="\n")
    path.with_name(f".{path.name}.sha256").unlink(missing_ok=True)
    return arguments


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    root = tmp_path_factory.mktemp("pair") / "results"
    one = network(root / "resnet18/playground", varied_inputs)
    other = network(root / "resnet18/untrained", fewer, dataset="untrained")
    compare([other, one], root / "compare", untrained=(True, False))
    return one, other, root / "compare"


def counts(arguments):
    """Units whose formula of range `top` above the bound asserts a concept, by its shown name."""
    table = pd.read_csv(arguments["explanations"][0], keep_default_na=False, na_values={"iou": [""]})
    counted = Counter()
    for row in table[(table["range"] == "top") & (table["iou"] > 0.04)].itertuples():
        shown = dict(zip(split_formula(row.formula)[0], json.loads(row.shown_names), strict=True))
        counted.update({shown[name] for name in asserted_names(row.formula)})
    return counted


def section(text, title):
    return text.split(f"<h3>{title}")[1].split("</ul>")[0]


def test_concepts_of_one_both_and_the_other(pair):
    one, other, folder = pair
    (page,) = [path for path in folder.iterdir() if path.name != "index.html"]
    text = page.read_text(encoding="utf-8")
    assert "what training changed" in text, "the untrained network stands on the right"
    first, second = counts(one), counts(other)
    for title, expected in (
        ("Came with training", {name for name in first if name not in second}),
        ("In both", {name for name in first if name in second}),
        ("Lost in training", {name for name in second if name not in first}),
    ):
        found = section(text, title)
        assert {html.unescape(name) for name in re.findall(r"<bdi>(.*?)</bdi>", found)} == expected
        assert f"({len(expected)})" in found
    both = {
        html.unescape(name): (int(left), int(right))
        for name, left, right in re.findall(
            r"<bdi>(.*?)</bdi>(?:<small[^>]*>\w+</small>)?</span> <span class=\"n\">(\d+) : (\d+)",
            section(text, "In both"),
        )
    }
    assert both == {name: (first[name], second[name]) for name in first if name in second}


def test_units_are_matched_by_exemplars(pair):
    one, other, folder = pair
    text = next(path for path in folder.iterdir() if path.name != "index.html").read_text(encoding="utf-8")
    sides = [
        {
            (layer, int(unit)): set(ids.tolist())
            for layer in ("layer1", "layer1/1", "layer10")
            for found in [read_exemplars(own["exemplars"], layer)]
            for unit, ids in zip(found.units, np.asarray(found.ids))
        }
        for own in (one, other)
    ]
    shared = [int(number) for number in re.findall(r"(\d+) of 4 exemplars in common", text)]
    assert shared == sorted(shared, reverse=True) and len(shared) > 1
    half = sum(max(len(own & partner) for partner in sides[1].values()) >= 2 for own in sides[0].values())
    assert f"{half} of {len(sides[0])} units" in text
    links = re.findall(
        r'href="\.\./resnet18/(\w+)/catalog/index\.html#([\w%]+)/(\d+)"', text.split("share exemplars")[1]
    )
    for number, (left, right) in zip(shared, zip(links[::2], links[1::2])):
        assert (left[0], right[0]) == ("playground", "untrained")
        keys = [(layer.replace("%2F", "/"), int(unit)) for _, layer, unit in (left, right)]
        assert len(sides[0][keys[0]] & sides[1][keys[1]]) == number


def test_equivalent_formulas_match_whatever_their_order(tmp_path):
    def turned(folder):
        arguments = varied_inputs(folder)
        path = Path(arguments["explanations"][0])
        text = path.read_text(encoding="utf-8").replace("(sky OR tree)", "(tree OR sky)")
        path.write_text(text, encoding="utf-8")
        path.with_name(f".{path.name}.sha256").unlink(missing_ok=True)
        return arguments

    networks = [network(tmp_path / f"m/{name}", inputs) for name, inputs in (("a", varied_inputs), ("b", turned))]
    compare(networks, tmp_path / "compare")
    table = pd.read_csv(networks[0]["explanations"][0], keep_default_na=False, na_values={"iou": [""]})
    n = ((table["range"] == "top") & (table["iou"] > 0.04)).sum()
    text = (tmp_path / "compare/0-1.html").read_text(encoding="utf-8")
    assert f"{n} units on the left and {n} on the right" in text


def test_exemplars_of_other_images_and_other_concepts_are_not_compared(tmp_path):
    networks = [network(tmp_path / f"m/{name}", varied_inputs) for name in "ab"]
    networks[1]["concept_sets"] = ["elsewhere"]
    compare(networks, tmp_path / "compare", images=("a", "b"))
    text = (tmp_path / "compare/0-1.html").read_text(encoding="utf-8")
    assert "come from other images" in text and "in common" not in text and "<h2>Concepts" not in text


def test_hostile_names_stay_text_and_the_pages_are_still(tmp_path):
    networks = [network(tmp_path / f"a&b/{name}", hostile_inputs) for name in ("c#", "d")]
    compare(networks, tmp_path / "compare")
    for path in (tmp_path / "compare").iterdir():
        text = path.read_text(encoding="utf-8")
        assert "<script" not in text and "<img src=x" not in text and "<b id=" not in text
    with open_browser() as browser, open_page(browser, (tmp_path / "compare/index.html").as_uri()) as page:
        page.click("li a")
        page.wait_for_selector("h1")
        assert page.title() != "PWNED" and page.locator(".pairs li").count() > 0
        page.set_viewport_size({"width": 390, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= 390

"""Hostile names stay text in every view of the catalog, in links and in the pages around it."""

import re
import zipfile
from pathlib import Path
from urllib.parse import urlencode

import pytest
from browser import open_page
from small_catalog import HOSTILE, LAYERS, N_UNITS, hostile_inputs, status_of

from lib.reporting.catalog.pages import write_catalog
from lib.reporting.index.comparison import compare_networks
from lib.reporting.index.pages import write_index
from lib.reporting.index.summary import summarise_network
from lib.stages.report.pack_catalog import pack_catalog

READ = ("descriptions", "units", "exemplars", "explanations", "metrics", "verdicts", "model", "dataset", "concept_sets")
ALIEN = "#pwned, img[src=x], script:not([src]), b:not([class]):has(> bdi), [onerror]"
NAMES = {"model": "</title><script>document.title='PWNED'</script>", "dataset": '"><img src=x onerror=alert(1)>\u202e'}


@pytest.fixture(scope="module")
def site(browser, tmp_path_factory):
    """Two networks of hostile names, with index, comparison and front page; the folder `results`."""
    root = tmp_path_factory.mktemp("site") / "results"
    networks = []
    for name in ("c#", "d%41"):
        folder = root / name / "a&b"
        folder.mkdir(parents=True)
        arguments = hostile_inputs(folder) | NAMES
        arguments |= {"verdicts": [str(folder / "verdicts.csv")]}
        write_catalog(**arguments)
        paths = {"summary": str(folder / "summary.json"), "examples": str(folder / "examples")}
        summarise_network(**{key: arguments[key] for key in READ}, **paths, description_metrics=[], n_examples=12)
        networks.append(arguments | paths)
    lists = {key: [own[key] for own in networks] for key in ("descriptions", "exemplars", "concept_sets")}
    compare_networks(
        **lists,
        summaries=[own["summary"] for own in networks],
        explanations=[own["explanations"][0] for own in networks],
        images=["a", "a"],
        untrained=[False, False],
        comparison=str(root / "compare"),
    )
    write_index(
        catalogs=[own["catalog"] for own in networks],
        summaries=[own["summary"] for own in networks],
        examples=[own["examples"] for own in networks],
        comparison=[str(root / "compare")],
        index=str(root / "index.html"),
        front_page=str(root / "front_page.html"),
    )
    return root


def still(page, where):
    """Nothing of the names has become part of the page, and nothing is wider than the window."""
    assert page.title() != "PWNED", where
    assert page.locator(ALIEN).count() == 0, where
    assert page.evaluate("() => document.documentElement.scrollWidth") <= page.viewport_size["width"], where


def test_every_view_of_the_catalog(browser, site):
    address = (site / "c#/a&b/catalog/index.html").as_uri()
    concepts = [*HOSTILE, "house", "sky-c"]
    with open_page(browser, address, viewport={"width": 390, "height": 800}) as page:
        go = "hash => { location.hash = hash; }"
        for pairs, ready in (
            ({}, ".entry"),
            ({"view": "wall"}, ".tile"),
            ({"view": "concepts"}, ".index"),
            ({"view": "words"}, ".word-list"),
            ({"view": "rate"}, ".begin"),
            *(({"concept": name}, ".page h1") for name in concepts),
            *(
                ({"asserts": name, "negates": name, "topics": name, "words": name, "q": name}, "#chosen .chosen")
                for name in HOSTILE
            ),
            ({"word": HOSTILE[1]}, ".page h1"),
            (
                {"layer": LAYERS[2], "between": HOSTILE[0], "sort": HOSTILE[0], "range": HOSTILE[1], "at": HOSTILE[2]},
                "main",
            ),
        ):
            page.evaluate(go, f"#?{urlencode(pairs)}")
            page.wait_for_selector(f"{ready} >> visible=true")
            still(page, pairs)
            if "concept" in pairs:
                shown = {"house": "house (object)", "sky-c": "sky"}.get(pairs["concept"], pairs["concept"])
                assert page.text_content(".page h1") == shown
            if "view" in pairs and pairs["view"] == "wall":
                texts = page.locator(".tile-text").all_text_contents()
                assert texts[: len(HOSTILE)] == HOSTILE
            if "view" in pairs and pairs["view"] == "concepts":
                names = page.locator(".index tbody th bdi").all_text_contents()
                assert set(names) == {*HOSTILE, "house (object)", "sky"}
        page.evaluate(go, "#")
        page.wait_for_selector("#concept-chart .bar-name")
        assert set(page.locator("#concept-chart bdi").all_text_contents()) <= {*HOSTILE, "house (object)"}


def test_links_of_hostile_units_lead_back_to_them(browser, site):
    address = (site / "c#/a&b/catalog/index.html").as_uri()
    with open_page(browser, f"{address}#?{urlencode({'layer': LAYERS[2]})}") as page:
        page.locator(".entry .unit").nth(3).click()
        page.wait_for_selector(".page .share")
        link = page.input_value(".share input")
        assert re.fullmatch(r"[!-~]+", link), "plain characters, which any program takes for one link"
        with open_page(browser, link) as other:
            other.wait_for_selector(".page .unit")
            assert other.text_content(".page .unit") == f"{LAYERS[2]}/3"
            assert other.text_content(".where") == f"4 of {N_UNITS}"
            still(other, link)


def test_index_comparison_and_front_page(browser, site):
    described = {text for text in HOSTILE if text}
    for name, marker in (
        ("index.html", "article h2"),
        ("compare/index.html", "li a"),
        ("compare/0-1.html", ".concepts li"),
        ("front_page.html", ".examples li"),
    ):
        with open_page(browser, (site / name).as_uri(), viewport={"width": 390, "height": 800}) as page:
            page.wait_for_selector(marker)
            still(page, name)
            if name != "compare/index.html":
                chips = set(page.locator(".chip bdi").all_text_contents())
                assert {"house (object)", "sky"} & chips and chips - described <= {
                    "house (object)",
                    "sky",
                    "a<b>",
                    *("object", "color"),
                }
            if name == "front_page.html":
                said = page.locator(".examples p:not(:has(.formula))").all_text_contents()
                assert described <= set(said)
            links = page.locator("a[href*='catalog/index.html']").evaluate_all(
                "nodes => nodes.map((node) => node.href)"
            )
            if links:
                assert all("c%23/a%26b/" in link or "d%2541/a%26b/" in link for link in links)
    with open_page(browser, (site / "index.html").as_uri()) as page:
        page.locator(".examples a").last.click()
        page.wait_for_selector(".page .unit, .notice")
        assert page.locator(".page .unit").count() == 1, "the link leads to the unit"


def test_names_in_a_zip_are_plain(site, tmp_path):
    (tmp_path / "provenance.json").touch()
    sources = {"catalog": str(site / "c#/a&b/catalog"), "provenance": str(tmp_path / "provenance.json")}
    pack_catalog(**sources, name="c-a", archive=str(tmp_path / "a.zip"))
    with zipfile.ZipFile(tmp_path / "a.zip") as packed:
        names = packed.namelist()
    assert all(re.fullmatch(r"c-a/[\w./-]+", name) for name in names), "any file system takes them"
    assert sum(Path(name).suffix == ".js" for name in names) > 5 and status_of(0) == "ok"


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_pages_around_the_catalog_are_accessible(browser, site, width, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is missing").Axe()
    options = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
    for name in ("index.html", "compare/index.html", "compare/0-1.html"):
        with open_page(browser, (site / name).as_uri(), **options) as page:
            assert page.locator("dt:has-text('IoU')").count() and not page.is_visible(".glossary")
            page.click(".words summary")
            assert page.is_visible(".glossary"), "the glossary is on every page"
            found = axe.run(page, options={"resultTypes": ["violations"], "preload": False}).response["violations"]
            told = [(rule["id"], [node["html"][:160] for node in rule["nodes"]][:3]) for rule in found]
            assert not told, (name, told)
            still(page, name)

"""The catalog as people use it: in a browser, from disk."""

import json
import re
from pathlib import Path
from urllib.parse import quote, urlencode

import numpy as np
import pandas as pd
import pytest
from browser import open_page
from small_catalog import (
    ANNOTATIONS,
    CONCEPTS,
    HOSTILE,
    LAYERS,
    N_IMAGES,
    RANGES,
    SENTENCES,
    SPEAKING,
    TABLES,
    VARIED,
    hostile_inputs,
    varied_inputs,
)

from lib.kernels.evidence.verdicts import VERDICTS
from lib.kernels.search.formula import AND_NOT, split_formula
from lib.reporting.catalog import pages
from lib.reporting.catalog.pages import write_catalog

MEASURES = (
    *("iou", "iou_low", "iou_unseen", "iou_unseen_low", "chance_level", "q_value", "share", "twin_iou"),
    *("margin", "score"),
)
N_UNITS = sum(VARIED.values())


@pytest.fixture(scope="module", autouse=True)
def columns_are_texts():
    """Write columns as those of large networks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pages, "LONG", 10)
        yield


@pytest.fixture(scope="module")
def varied(browser, tmp_path_factory):
    """The address of a catalog of random formulas, and the tables that it is made from."""
    arguments = varied_inputs(tmp_path_factory.mktemp("varied"))
    write_catalog(**arguments)
    tables = {}
    for name in ("descriptions", "explanations", "verdicts", "stability", "twins", "dissection"):
        path = arguments[name] if isinstance(arguments[name], str) else arguments[name][0]
        tables[name] = pd.read_csv(path, keep_default_na=False, na_values={name: [""] for name in MEASURES})
    return Path(arguments["catalog"], "index.html").as_uri(), tables


@pytest.fixture(scope="module")
def hostile(browser, tmp_path_factory):
    arguments = hostile_inputs(tmp_path_factory.mktemp("hostile"))
    judged = arguments | {"verdicts": [arguments["explanations"][0].replace("explanations.csv", "verdicts.csv")]}
    write_catalog(**judged)
    return Path(arguments["catalog"], "index.html").as_uri()


def count(page) -> int:
    """The number of units that the page says it shows."""
    return int(page.text_content("#count").split(" ")[0].replace(",", ""))


def go(page, fragment: str) -> None:
    """Change the fragment of the address, and wait for the page to follow."""
    page.evaluate(
        "hash => new Promise((done, fail) => { if ((location.hash || '#') === hash) return done();"
        " setTimeout(() => fail(new Error(`${location.hash} in place of ${hash}`)), 60000);"
        # the event of an earlier change may still be on its way
        " const follow = (event) => { if (new URL(event.newURL).hash !== location.hash) return;"
        " removeEventListener('hashchange', follow); setTimeout(done); };"
        " addEventListener('hashchange', follow); location.hash = hash; })",
        fragment,
    )


def spellings(name, shown, category):
    stem = shown.removesuffix(f" ({category})")
    return {text.lower() for text in (name, shown, stem, f"{stem} ({category})")}


def words_of(text):
    return re.findall(r"[^\W_]+", text.lower())


def literals_of(formula):
    """(name, whether it is under NOT) of each concept of a formula's text."""
    if not formula:
        return []
    names, operators = split_formula(formula)
    return list(zip(names, [False, *(operator == AND_NOT for operator in operators)], strict=True))


def fits(term, row) -> bool:
    """Whether a unit fits one term of a query, by the rules of the manual."""
    kind, text = term
    named = {name for name, shown, category in CONCEPTS if text in spellings(name, shown, category)}
    if kind == "not":
        return any(negated and name in named for name, negated in row.literals)
    if text in (row.layer.lower(), f"{row.layer}/{row.unit}".lower()):
        return True
    if any(not negated and name in named for name, negated in row.literals):
        return True
    texts = [row.description, *(said for layer, unit, said in ANNOTATIONS if (layer, unit) == (row.layer, row.unit))]
    wanted = words_of(text)
    return any(
        words[at : at + len(wanted)] == wanted
        for words in map(words_of, texts)
        for at in range(len(words) - len(wanted) + 1)
    )


def expected(tables, state, terms) -> int:
    """The number of units of a filter, from the tables."""
    table = tables["explanations"].merge(tables["descriptions"][["layer", "unit", "description"]], on=["layer", "unit"])
    table = table.merge(tables["verdicts"][["layer", "unit", "range", "verdict"]], on=["layer", "unit", "range"])
    keys = ["layer", "unit", "range"]
    table = table.merge(
        tables["verdicts"][[*keys, "chance_level", "q_value", "iou_unseen", "iou_unseen_low", "share"]], on=keys
    )
    table = table.merge(tables["stability"][[*keys, "iou_low"]], on=keys)
    table = table.merge(tables["descriptions"][["layer", "unit", "score", "margin"]], on=["layer", "unit"])
    twin = tables["twins"].groupby(["layer", "range", "formula"])["iou"].max().to_dict()
    table["twin_iou"] = [twin.get(key, 0) for key in zip(table["layer"], table["range"], table["formula"])]
    if state.get("range", "top") == "best":
        table["known"] = table["iou"].fillna(-1)
        table["place"] = table["range"].map({name: place for place, name in enumerate(RANGES)})
        table = table.sort_values(["known", "place"], ascending=[False, True]).drop_duplicates(["layer", "unit"])
        table.loc[table["iou"].isna(), "verdict"] = ""
    else:
        table = table[table["range"] == state.get("range", "top")].copy()
        table.loc[table["iou"].isna(), "verdict"] = ""
    table["literals"] = table["formula"].map(literals_of)
    kinds = {name: category for name, _, category in CONCEPTS}
    for word in state.get("words", []):
        table = table[[word.lower() in words_of(text) for text in table["description"]]]
    for category in state.get("categories", []):
        own = [any(kinds[name] == category and not negated for name, negated in found) for found in table["literals"]]
        table = table[np.array(own, bool)]
    for category in state.get("detects", []):
        single = tables["dissection"].query("iou > 0.04").merge(table[["layer", "unit", "range"]], on=keys)
        single = single[[json.loads(found) == [category] for found in single["categories"]]]
        own = set(zip(single["layer"], single["unit"], strict=True))
        table = table[np.array([key in own for key in zip(table["layer"], table["unit"])], bool)]
    if "layer" in state:
        table = table[table["layer"] == state["layer"]]
    if "iou" in state:
        table = table[table["iou"] > float(state["iou"])]
    for limit in state.get("between", []):
        key, low, high = limit.split(",")
        known = table[key] if key in ("score", "margin") else table[key].where(table["iou"].notna())
        table = table[(known > float(low or "-inf")) & (known <= float(high or "inf"))]
    if "proved" in state:
        table = table[table["iou"].notna() & (table["optimal"] == (state["proved"] == "yes"))]
    if "verdict" in state:
        table = table[table["verdict"] == state["verdict"]]
    for topic in state.get("topics", []):
        own = {(layer, unit) for found, layer, unit in SPEAKING if found == topic}
        table = table[np.array([key in own for key in zip(table["layer"], table["unit"])], bool)]
    for key, negated in (("asserts", False), ("negates", True)):
        for name in state.get(key, []):
            table = table[np.array([(name, negated) in found for found in table["literals"]], bool)]
    return sum(all(fits(term, row) for term in terms) for row in table.itertuples())


def draw_filter(rng):
    """A random filter: the state of the page, and the terms of its query."""
    state, terms = {}, []
    choose = lambda values: values[rng.integers(len(values))]  # noqa: E731
    if rng.random() < 0.6:
        state["range"] = choose([*RANGES, "best"])
    if rng.random() < 0.2:
        state["layer"] = choose([*VARIED])
    if rng.random() < 0.15:
        state["iou"] = f"{rng.random() / 3:.2f}"
    if rng.random() < 0.2:
        state["verdict"] = choose(VERDICTS)
    if rng.random() < 0.25:
        ends = sorted(f"{rng.random() / 2:.3f}3" for _ in range(2))
        ends[rng.integers(2)] = choose(["", ends[0]])
        state["between"] = [",".join([choose(MEASURES), *ends])]
    if rng.random() < 0.1:
        state["words"] = [choose(["sky", "Street", "tree", "the"])]
    if rng.random() < 0.1:
        state["proved"] = choose(["yes", "no"])
    if rng.random() < 0.1:
        state["categories"] = [choose(CONCEPTS)[2]]
    if rng.random() < 0.1:
        state["detects"] = [choose(CONCEPTS)[2]]
    if rng.random() < 0.1:
        state["topics"] = [choose(SPEAKING)[0]]
    for key in ("asserts", "negates"):
        if rng.random() < 0.15:
            state[key] = [choose(CONCEPTS)[0]]
    for _ in range(choose([0, 0, 0, 1, 1, 2])):
        kind = choose(["word", "phrase", "concept", "not", "unit"])
        texts = {
            "word": ["sky", "street", "tree", "trees", "night", "the", "pool", "lamp", "nothing"],
            "phrase": [text.lower() for text in SENTENCES if text] + ["at night", "tall street"],
            "concept": [text for concept in CONCEPTS[:6] for text in sorted(spellings(*concept))],
            "not": [text for concept in CONCEPTS[:6] for text in sorted(spellings(*concept))],
            "unit": ["layer1/1", "layer10/3", "layer1/1/2", "layer10"],
        }
        terms.append((kind, choose(texts[kind])))
    return state, terms


def query_of(terms):
    """The terms as people type them; each name of a concept is followed by a phrase, which ends it."""
    typed = {"phrase": '"{}"', "not": "not {}"}
    ordered = sorted(terms, key=lambda term: term[0] != "phrase")
    parts = [typed.get(kind, "{}").format(text) for kind, text in ordered]
    return " ".join(parts)


def test_fifty_random_filters_count_as_the_tables_do(browser, varied):
    address, tables = varied
    rng = np.random.default_rng(0)
    found, wanted = [], []
    with open_page(browser, address) as page:
        for _ in range(50):
            state, terms = draw_filter(rng)
            pairs = state | ({"q": query_of(terms)} if terms else {})
            go(page, f"#?{urlencode(pairs, doseq=True)}" if pairs else "#")
            found.append((pairs, count(page)))
            # two words may be one name, such as `street (scene)`
            wanted.append((pairs, expected(tables, state, terms)))
    assert found == wanted
    assert len({number for _, number in found}) > 10


def test_numbers_of_bars_are_numbers_of_results(browser, varied):
    address, tables = varied
    asserted = tables["explanations"].query("range == 'top'")["formula"].map(literals_of)
    n_sky = sum(("sky", False) in found for found in asserted)
    with open_page(browser, address) as page:
        assert page.input_value("#range") == "top"
        for fragment in ("#", "#?range=cluster1&iou=0.1", "#?q=street"):
            for panel in ("#layer-chart", "#concept-chart"):
                go(page, fragment)
                bars = page.locator(f"{panel} button")
                for place in range(bars.count()):
                    go(page, fragment)
                    number = int(bars.nth(place).locator(".number").text_content())
                    label = bars.nth(place).locator(".bar-name").text_content()
                    bars.nth(place).click()
                    page.wait_for_function("hash => location.hash !== hash", arg=fragment)
                    page.wait_for_function("() => document.querySelector('.bars [aria-pressed=true]')")
                    assert count(page) == number, (fragment, panel, label)
                    if fragment == "#" and label == "sky":
                        assert number == n_sky


def test_the_place_in_the_list_does_not_replace_an_address_on_its_way(browser, varied):
    """On a busy page both are due: the address changes, then the timer of the place ends, before the page knows of the change."""
    with open_page(browser, varied[0]) as page:
        for number in range(1, 10):
            target = f"#?iou=0.{number}"
            page.evaluate(
                "target => { setTimeout(() => { location.hash = target; }, 200);"
                " dispatchEvent(new Event('scroll')); const begin = performance.now();"
                " while (performance.now() < begin + 300); }",
                target,
            )
            page.wait_for_timeout(100)
            assert page.evaluate("location.hash") == target


def test_numbers_of_distributions_are_numbers_of_results(browser, varied):
    """Every cell, clicked, leaves as many units as it says; those of a table cover all units with a value."""
    address, tables = varied
    with open_page(browser, address) as page:
        page.click("#distributions > summary")
        for fragment in ("#", "#?range=cluster1&iou=0.1&layer=layer1"):
            go(page, fragment)
            page.wait_for_selector(".matrix")
            titles = page.locator(".matrix h3").all_text_contents()
            starts = ["Detectors", "Categories", "IoU by layer", "IoU by range", "Margin", "Verdicts"]
            assert [title.startswith(start) for title, start in zip(titles, starts, strict=True)] == [True] * 6
            found = []
            for place in range(6):
                cells = page.locator(".matrix").nth(place).locator("button:not(:disabled)")
                numbers = [int(text) for text in cells.locator(".number").all_text_contents()]
                found.append(sum(numbers))
                for number in {0, len(numbers) // 2, len(numbers) - 1}:
                    go(page, fragment)
                    cells.nth(number).click()
                    page.wait_for_function("hash => location.hash !== hash", arg=fragment)
                    assert count(page) == numbers[number], (fragment, titles[place], number)
                go(page, fragment)
            if fragment == "#":
                ious = tables["explanations"]["iou"]
                top = tables["explanations"].query("range == 'top'")
                detected = (
                    tables["dissection"]
                    .query("range == 'top' and iou > 0.04")
                    .merge(top.dropna(subset="iou")[["layer", "unit"]])
                )
                assert found[0] == len(detected)
                assert found[2:] == [top["iou"].notna().sum(), ious.notna().sum(), N_UNITS, top["iou"].notna().sum()]


def test_wall_and_its_picks(browser, varied):
    """Tiles by layer; the most certain and the most surprising units first; Back from a unit returns to the wall."""
    address, tables = varied
    top = tables["explanations"].query("range == 'top'").set_index(["layer", "unit"])
    with open_page(browser, address, viewport={"width": 1440, "height": 900}) as page:
        page.click("#view-wall")
        page.wait_for_selector(".tile")
        headings = page.locator(".layer-heading").all_text_contents()
        assert sorted(headings) == sorted(VARIED) and page.locator(".entry").count() == 0
        assert page.get_attribute("#view-wall", "aria-current") == "page"
        tile = page.locator(".tile").first
        row = top.loc[headings[0], 0]
        assert "layer1/0" in tile.text_content() and tile.locator("img").count() == 4
        if row["status"] == "ok":
            assert f"IoU {row['iou']:.2f}" in tile.text_content() or f"IoU {row['iou']:.3f}" in tile.text_content()
        in_view = "nodes => nodes.filter((node) => node.getBoundingClientRect().bottom < innerHeight + 1000).length"
        assert page.locator(".tile").evaluate_all(in_view) >= 30, "dozens of units per screen"
        page.click("#certain")
        page.wait_for_function("() => location.hash.includes('sort=iou_unseen_low')")
        best = (
            tables["verdicts"]
            .query("range == 'top'")
            .set_index(["layer", "unit"])["iou_unseen_low"]
            .astype(float)
            .idxmax()
        )
        first = page.locator(".tile").first
        assert f"{best[0]}/{best[1]}" in first.text_content() and page.locator(".layer-heading").count() == 0
        page.click("#surprising")
        page.wait_for_function("() => location.hash.includes('sort=surprise')")
        own = top["formula"].map(lambda text: [name for name, negated in literals_of(text) if not negated])
        counts = own.explode().value_counts()
        bits = own.map(lambda names: np.mean([np.log2(N_UNITS / counts[name]) for name in names]) if names else -1)
        bits[~(top["iou"] > 0.04)] = -1
        layer, unit = page.locator(".tile").first.locator("bdi").text_content().rsplit("/", 1)
        assert bits[layer, int(unit)] == pytest.approx(bits.max())
        page.locator(".tile").nth(2).click()
        page.wait_for_selector(".page h1")
        page.go_back()
        page.wait_for_selector(".tile")
        page.click("#random")
        page.wait_for_selector(".page h1")


def test_concept_and_word_pages(browser, varied):
    """Every number of a page of a concept or a word is the number of units that a click shows."""
    address, tables = varied
    top = tables["explanations"].query("range == 'top'")
    top = top.merge(tables["descriptions"][["layer", "unit", "description"]], on=["layer", "unit"])
    found = top["formula"].map(literals_of)
    with open_page(browser, f"{address}#?view=concepts") as page:
        page.wait_for_selector(".index")
        rows = page.locator(".index tbody tr").evaluate_all(
            "nodes => nodes.map((row) => [...row.children].map((cell) => cell.textContent))"
        )
        for shown, category, asserted, negated, best, iou in rows:
            [name] = [c[0] for c in CONCEPTS if c[1] == shown]
            with_it = top[[(name, False) in own for own in found]]
            assert int(asserted) == len(with_it) and int(negated) == sum((name, True) in own for own in found)
            assert category == {c[0]: c[2] for c in CONCEPTS}[name]
            if len(with_it):
                row = with_it.loc[with_it["iou"].idxmax()]
                assert best == f"{row['layer']}/{row['unit']}" and iou in (f"{row['iou']:.3f}", f"{row['iou']:.2f}")
        assert len(rows) == len(CONCEPTS)
        page.locator(".index a bdi", has_text=re.compile("^tree$")).click()
        page.wait_for_selector(".page h1:has-text('tree')")
        ious = [
            float(text)
            for text in re.findall(r"IoU ([\d.]+)", " ".join(page.locator(".tile-foot").all_text_contents()))
        ]
        assert len(ious) == min(24, sum(("tree", False) in own for own in found))
        assert ious == sorted(ious, reverse=True) or np.allclose(ious, sorted(ious, reverse=True), atol=0.01)
        page.wait_for_selector(".explorers figure")
        here = page.evaluate("() => location.hash")
        for number in range(page.locator(".cell:not(:disabled)").count()):
            go(page, here)
            cell = page.locator(".cell:not(:disabled)").nth(number)
            wanted = int(cell.locator(".number").text_content())
            cell.click()
            page.wait_for_function("() => document.querySelector('#detail').hidden")
            assert count(page) == wanted
        assert page.locator("#chosen .about").count() == 1
        page.click("#chosen .about")
        page.wait_for_selector(".page h1:has-text('tree')")
        said = sum("tree" in words_of(text) for text in top["description"])
        link = page.locator(".rival a[href*='word=']")
        assert link.text_content() == f"{said} units"
        link.click()
        page.wait_for_selector(".page .tile")
        page.click(f".rival a:has-text('{said} units')")
        page.wait_for_function("() => document.querySelector('#detail').hidden")
        assert count(page) == said and page.text_content("#chosen button") == "says tree ×"
        go(page, "#?view=words")
        words = page.locator(".word-list li").all_text_contents()
        assert f"tree {said}" in words and len(words) == len({w for text in SENTENCES for w in words_of(text)})


def test_exemplar_in_full(browser, varied):
    """A click shows an exemplar as stored, its activation, and all other units that the image excites."""
    address, _ = varied
    with open_page(browser, f"{address}#layer10/3") as page:
        page.wait_for_selector(".page figcaption b")
        images = page.evaluate("() => LEXICON_DATA.units.images")
        units = page.evaluate("() => LEXICON_DATA.units.unit.map((_, unit) => Lexicon.unitName(unit))")
        own = images[units.index("layer10/3")]
        page.locator(".zoom").nth(1).click()
        dialog = page.locator("dialog[open]")
        image = dialog.locator("img")
        assert image.get_attribute("src") == f"pictures/{own[1]}.jpg"
        assert image.get_attribute("alt").startswith("Exemplar 2 of layer10/3: ")
        wanted = [name for name, shown in zip(units, images) if own[1] in shown and name != "layer10/3"]
        assert f"Also an exemplar of {len(wanted)} units" in dialog.locator("h2").text_content()
        assert dialog.locator(".others a").all_text_contents() == wanted[:60]
        assert dialog.locator(".mark").count() == 1
        opacity = "node => getComputedStyle(node).fillOpacity"
        assert float(dialog.locator(".veil").evaluate(opacity)) == 0.75
        dialog.locator("input[type=range]").fill("0.2")
        assert float(dialog.locator(".veil").evaluate(opacity)) == pytest.approx(0.2)
        dialog.locator("input[type=checkbox]").uncheck()
        assert dialog.locator(".line:visible").count() == 0
        page.keyboard.press("Escape")
        page.wait_for_function("() => !document.querySelector('dialog[open]')")
        assert page.locator(".page h1").count() == 1, "Escape closes the exemplar alone"


def test_the_list_as_csv_and_json(browser, varied, hostile, tmp_path):
    address, tables = varied
    with open_page(browser, f"{address}#?layer=layer10&sort=margin") as page:
        with page.expect_download() as download:
            page.click("#send-csv")
        download.value.save_as(tmp_path / "list.csv")
        assert download.value.suggested_filename == "resnet18-playground.csv"
        found = pd.read_csv(tmp_path / "list.csv", keep_default_na=False, na_values={name: [""] for name in MEASURES})
        wanted = tables["descriptions"].query("layer == 'layer10'").sort_values("margin", ascending=False)
        assert found["unit"].tolist() == wanted["unit"].tolist()
        np.testing.assert_allclose(found["margin"], wanted["margin"], rtol=1e-5)
        top = tables["explanations"].query("layer == 'layer10' and range == 'top'").set_index("unit")
        assert found.set_index("unit")["formula"].to_dict() == top["formula"].to_dict()
        np.testing.assert_allclose(found["iou"], top.loc[found["unit"], "iou"], rtol=1e-5)
        with page.expect_download() as download:
            page.click("#send-json")
        assert len(json.loads(download.value.path().read_text())) == VARIED["layer10"]
    with open_page(browser, hostile) as page:
        with page.expect_download() as download:
            page.click("#send-csv")
        assert download.value.suggested_filename == "resnet_18_-a_b.csv"
        texts = pd.read_csv(download.value.path(), keep_default_na=False)["description"]
        assert set(HOSTILE[:6]) <= set(texts)


VIEWS = (
    "#",
    "#?view=wall",
    "#?view=concepts",
    "#?view=concepts&concept=tree",
    "#?view=words&word=tree",
    "#?view=rate",
    "#?view=map&layer=layer10&tint=category",
    "#layer1/5",
)


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (1024, "dark"), (390, "light"), (390, "dark")])
def test_accessible(browser, varied, width, scheme):
    """axe-core finds no violation in any view, and nothing is wider than the window."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is missing").Axe()
    options = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
    with open_page(browser, varied[0], **options) as page:
        for fragment in VIEWS:
            go(page, fragment)
            page.wait_for_selector("main:not([hidden]) *")
            page.wait_for_load_state("networkidle")
            if "view=map" in fragment:
                page.wait_for_selector(".map[data-ready]")
                page.keyboard.press("ArrowDown")
                page.wait_for_selector(".map-card:not([hidden])")
            if fragment == "#":
                page.click("#distributions > summary")
                page.wait_for_selector(".matrix")
            found = axe.run(page, options={"resultTypes": ["violations"], "preload": False}).response["violations"]
            told = [(rule["id"], [node["html"][:160] for node in rule["nodes"]][:3]) for rule in found]
            assert not told, (fragment, told)
            assert page.evaluate("() => document.documentElement.scrollWidth") <= width, fragment


def test_whole_names_and_words(browser, varied):
    """`tree` is no street, `layer1/1` is one unit, and a name with operators in it is one concept."""
    address, tables = varied
    with open_page(browser, address) as page:
        for query, term in (
            ("tree", ("word", "tree")),
            ("layer1/1", ("unit", "layer1/1")),
            ("not sky", ("not", "sky")),
            ('"not sky"', ("phrase", "not sky")),
            ("street (scene)", ("concept", "street (scene)")),
            ("swimming pool", ("concept", "swimming pool")),
        ):
            go(page, f"#?q={quote(query)}")
            assert count(page) == expected(tables, {}, [term]), query
        go(page, "#?q=layer1%2F1")
        units = page.locator(".entry .unit").all_text_contents()
        assert units == ["layer1/1", *(f"layer1/1/{unit}" for unit in range(4))]
        go(page, f"#?{urlencode({'asserts': 'sand AND (NOT sea)'})}")
        assert count(page) == expected(tables, {"asserts": ["sand AND (NOT sea)"]}, [])
        assert page.text_content("#chosen button") == "sand AND (NOT sea) ×"
        page.click("#chosen button")
        page.wait_for_function("() => !document.querySelector('#chosen button')")
        assert count(page) == N_UNITS


def test_a_click_on_a_concept_finds_it_in_its_range(browser, varied):
    address, tables = varied
    with open_page(browser, f"{address}#?layer=layer10") as page:
        rows = page.locator(".entry").first.locator(".formulas li").filter(has=page.locator(".chip"))
        row = rows.last
        name, chip = row.locator(".range").text_content(), row.locator(".chip").last
        [concept] = [c for c in CONCEPTS if c[1] == chip.locator("bdi").text_content()]
        key = "negates" if "negated" in chip.get_attribute("class") else "asserts"
        chip.click()
        page.wait_for_function("() => document.querySelector('#chosen button')")
        assert page.input_value("#range") == name
        assert count(page) == expected(tables, {"layer": "layer10", "range": name, key: [concept[0]]}, []) > 0


def test_topics_and_what_people_say(browser, varied):
    """A topic is a filter of its own, counted among the figures; annotations stand with the unit and are searched."""
    address, _ = varied
    with open_page(browser, address) as page:
        topics = page.locator("#figures div").filter(has_text="speak of")
        assert topics.all_text_contents() == ["speak of cars & <b>2", "speak of people2"]
        topics.first.locator("a").click()
        page.wait_for_function("() => document.querySelector('#chosen button')")
        assert page.locator(".entry .unit").all_text_contents() == ["layer1/5", "layer10/2"]
        assert page.locator(".entry").first.locator(".topics").text_content() == "Speaks of cars & <b>, people"
        assert page.locator(".entry").last.locator(".annotations li").all_text_contents() == ["Lamp"]
        assert page.text_content("#chosen button") == "topic cars & <b> ×"
        page.locator(".entry").first.locator(".topics a").last.click()
        page.wait_for_function("() => location.hash.includes('people')")
        assert page.locator(".entry .unit").all_text_contents() == ["layer1/3", "layer1/5"]
        go(page, "#?q=lamp")
        assert page.locator(".entry .unit").all_text_contents() == ["layer1/3", "layer10/2"]
        go(page, "#?q=cars")
        assert count(page) == 0
        go(page, "#layer1/3")
        assert page.locator(".page .annotations li").all_text_contents() == ["Someone's red sky", "a lamp"]
        assert page.locator(".page .topics a").all_text_contents() == ["people"]


def test_labels_of_all_sources_stand_side_by_side(browser, varied):
    address, _ = varied
    with open_page(browser, address) as page:
        go(page, "#layer1/7")
        page.wait_for_selector(".labels tbody tr")
        rows = [row.locator("th, td").all_text_contents() for row in page.locator(".labels tbody tr").all()]
        assert rows == [
            ["formula", "sky OR tree", "–", "–", "–", "0.070", "–"],
            ["theirs", "<b> no_predictor", *["–"] * 5],
            ["invert", " none_found", *["–"] * 5],
        ]
        assert f"on {N_IMAGES} images" in page.text_content(".labels p")
        go(page, "#layer10/2")
        page.wait_for_selector(".page table")
        assert not page.locator(".labels").count(), "no source has labels of this layer"


def test_back_reload_and_link_keep_filter_range_and_place(browser, varied):
    address, _ = varied
    with open_page(browser, address, viewport={"width": 1440, "height": 700}) as page:
        page.select_option("#range", "cluster1")
        page.wait_for_function("() => location.hash.includes('cluster1')")
        page.select_option("#layer", "layer1")
        page.wait_for_function("() => location.hash.includes('layer=')")
        assert count(page) == VARIED["layer1"]
        page.type("#q", "sky")
        page.wait_for_function("() => location.hash.includes('q=sky')")
        few = count(page)
        assert few < VARIED["layer1"]
        page.go_back()
        page.wait_for_function("() => !location.hash.includes('q=')")
        assert (count(page), page.input_value("#q"), page.input_value("#range")) == (70, "", "cluster1")
        page.go_forward()
        page.wait_for_function("() => location.hash.includes('q=sky')")
        assert count(page) == few
        page.locator(".entry .unit").nth(2).click()
        page.wait_for_selector(".page h1")
        place = page.text_content(".where")
        assert place == f"3 of {few}"
        page.reload()
        page.wait_for_selector(".page h1")
        assert page.text_content(".where") == place
        link = page.input_value(".share input")
        with open_page(browser, link) as other:
            other.wait_for_selector(".page h1")
            assert other.text_content(".where") == place
            other.click("text=← All units")
            other.wait_for_selector(".entry")
            assert (count(other), other.input_value("#range")) == (few, "cluster1")
        page.go_back()
        page.wait_for_selector(".entry")
        assert count(page) == few
        go(page, "#")
        page.locator(".block").nth(2).scroll_into_view_if_needed()
        page.evaluate("() => scrollBy(0, 400)")
        page.wait_for_function("() => location.hash.includes('at=')")
        at = page.evaluate("() => new URLSearchParams(location.hash.slice(2)).get('at')")
        page.reload()
        page.wait_for_function("() => scrollY > 1000")
        page.wait_for_function(
            "at => [...document.querySelectorAll('.entry')].some((entry) => entry.querySelector('.unit').textContent === at"
            " && Math.abs(entry.getBoundingClientRect().top) < 250)",
            arg=at,
        )


def test_doubt_and_figures_are_shown_as_they_are(browser, varied):
    address, tables = varied
    with open_page(browser, address) as page:
        shown = "value => Lexicon.percent(value)"
        assert [page.evaluate(shown, value) for value in (1, 956 / 960, 0.99999, 0.5, 0.001, 0)] == [
            *("100 %", "99.5 %", "99.9 %", "50 %", "<1 %", "0 %")
        ]
        first = tables["descriptions"].iloc[0]
        rival = page.locator(".entry").first.locator(".rival").text_content()
        assert rival.startswith(f"before {first['runner_up']} by a margin of 0.0")
        go(page, "#?sort=margin")
        best = tables["descriptions"].sort_values("margin", ascending=False).iloc[0]
        assert page.locator(".entry .unit").first.text_content() == f"{best['layer']}/{best['unit']}"
        assert page.locator("#glossary dt").all_text_contents()[:2] == ["Score", "Margin"]
        figures = page.locator("#figures").text_content()
        top = tables["explanations"].query("range == 'top'")["iou"]
        assert f"{top.median():.3f}" in figures and "range top" in figures
        ious = page.locator("li .number:not(.cover)").all_text_contents()
        assert {len(text.split(".")[1]) for text in ious if "." in text} == {2, 3}


def test_trust_panel_and_sorting_by_each_measure(browser, varied):
    """All that the tables say of a formula stands on the unit's page, of the range that is looked at."""
    address, tables = varied
    keys = ["layer", "unit", "range"]
    rows = tables["explanations"].merge(tables["stability"][[*keys, "iou_low", "iou_high"]], on=keys)
    rows = rows.merge(tables["verdicts"][[*keys, "verdict", "chance_level", "iou_unseen"]], on=keys)
    rows = rows[(rows["layer"] == "layer1") & (rows["range"] != "cluster2")].set_index(["unit", "range"])
    unit = 5
    with open_page(browser, f"{address}#layer1/{unit}") as page:
        page.wait_for_selector(".trust")
        assert page.text_content(".truths") == "True captions: the <b>sky</b>, trees"
        for name in ("top", "cluster1"):
            row = rows.loc[unit, name]
            assert row["status"] == "ok"
            page.click(f".explore:has-text('{name}')")
            found = dict(
                page.locator(".trust > div").evaluate_all(
                    "nodes => nodes.map((node) => [node.firstChild.textContent, node.lastChild.textContent])"
                )
            )
            assert f"interval {row['iou_low']:.3f} to {row['iou_high']:.3f}" in found["IoU"]
            assert found["Verdict"].startswith(row["verdict"]) and found["Proved"].startswith("best of all")
            assert found["Chance"].startswith(f"{row['chance_level']:.3f}") and "rate 0.01" in found["Chance"]
            assert found["Unseen"].startswith(f"{row['iou_unseen']:.3f}")
            assert found["Stability"].startswith("70 %") and found["Support"].count("50 %") == row["length"]
            twin = tables["twins"].query("layer == 'layer1' and range == @name and formula == @row.formula")["iou"]
            assert found["Untrained"].startswith(f"{twin.max():.3f}" if len(twin) else "none")
        go(page, "#")
        table = tables["explanations"].query("range == 'top'").merge(tables["stability"], on=keys, suffixes=("", "_"))
        for key, best in (("iou_low", table["iou_low"].idxmax()), ("iou", table["iou"].idxmax())):
            go(page, f"#?sort={key}")
            row = table.loc[best]
            assert page.locator(".entry .unit").first.text_content() == f"{row['layer']}/{row['unit']}"
        page.click("#further summary")
        page.select_option("#measure", "margin")
        page.fill("#low", "0.0503")
        page.click("#narrow")
        page.wait_for_function("() => location.hash.includes('between=margin')")
        assert count(page) == (tables["descriptions"]["margin"] > 0.0503).sum()
        assert page.text_content("#chosen button") == "Margin above 0.0503 ×"


def test_negated_concepts_are_struck_through_and_categories_named(browser, varied):
    address, _ = varied
    with open_page(browser, f"{address}#?negates=white-c") as page:
        chip = page.locator(".chip.negated").filter(has_text="white").first
        assert chip.locator("bdi").text_content() == "white"
        assert chip.locator("bdi").evaluate("node => getComputedStyle(node).textDecorationLine") == "line-through"
        assert chip.get_attribute("title").startswith("color")
        color = "nodes => nodes.map((node) => getComputedStyle(node).color)"
        colors = page.locator(".category-keys .chip").evaluate_all(color)
        assert len(set(colors)) == len(colors) == len({category for _, _, category in CONCEPTS})
        assert page.locator("#legend .legend").get_attribute("aria-hidden") is None


def test_histogram_has_an_axis_and_tells_what_is_below_the_pointer(browser, varied):
    address, _ = varied
    with open_page(browser, f"{address}#layer1/5") as page:
        page.wait_for_selector(".histogram")
        ticks = page.locator(".histogram .tick-line").count()
        assert ticks >= 4
        box = page.locator(".histogram").bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 40)
        assert re.fullmatch(r"[\d.]+ to [\d.]+: [\d,]+, cluster2", page.text_content(".histogram .readout"))
        bands = page.locator(".histogram .band").evaluate_all("nodes => nodes.map((node) => node.getAttribute('y'))")
        assert len(bands) == 3 and len(set(bands)) == 2, "top has a line of its own"


def test_a_click_on_a_range_shows_its_images(browser, varied):
    address, tables = varied
    rows = tables["explanations"].query("layer == 'layer10'").pivot(index="unit", columns="range", values="status")
    unit = int(rows.index[(rows == "ok").all(axis=1)][0])
    with open_page(browser, f"{address}#layer10/{unit}") as page:
        figures = page.locator(".explorer figure")
        figures.first.wait_for()
        assert page.get_attribute(".explorer", "aria-label") == "Images of range top"
        places = {"top": 0, "cluster1": 1, "cluster2": 2}

        def captions(name):
            images = [(unit + places[name] + 2 * rank) % 5 for rank in range(2)]
            return [f"0.400 best, image {images[0]}", f"0.200 quantile 50 %, image {images[1]}"]

        assert page.locator(".explorer figcaption").all_text_contents() == captions("top")
        page.click(".explore:has-text('cluster2')")
        assert page.locator(".explorer figcaption").all_text_contents() == captions("cluster2")
        band = page.locator(".band.tone-1")
        band.press("Enter")
        assert page.locator(".explorer figcaption").all_text_contents() == captions("cluster1")
        assert (band.get_attribute("aria-pressed"), page.locator(".explore[aria-pressed=true]").count()) == ("true", 1)
        regions = figures.first.locator(".region")
        kinds = regions.evaluate_all("nodes => nodes.map((node) => getComputedStyle(node).fill)")
        assert len(set(kinds)) == 3 and sum("url(" in fill for fill in kinds) == 2, "told apart without colour too"
        assert page.locator(".kinds li").count() == 3
        alt = figures.first.locator("img").get_attribute("alt")
        assert alt.startswith(f"Image {captions('cluster1')[0].split()[-1]}: IoU 0.400 of range cluster1")


def test_phone_cuts_nothing_and_masks_can_be_switched(browser, varied):
    address, _ = varied
    with open_page(browser, address, viewport={"width": 390, "height": 800}) as page:
        for fragment, ready in (("#", ".entry .overlay"), ("#layer1/5", ".page .overlay")):
            go(page, fragment)
            page.wait_for_selector(ready, state="attached")
            assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
            hidden = "nodes => nodes.filter((node) => getComputedStyle(node).overflow !== 'visible').length"
            assert page.locator(".formulas .formula").evaluate_all(hidden) == 0
            button = page.locator(".masks:visible").first
            button.click()
            assert page.locator(".strip .overlay:visible").count() == 0
            button.click()
            assert page.locator(".strip .overlay:visible").count() > 0


def test_pictures_print_and_are_no_larger_than_they_are(browser, varied):
    address, _ = varied
    with open_page(browser, f"{address}#layer1/5", viewport={"width": 1440, "height": 900}) as page:
        page.wait_for_selector(".page .overlay", state="attached")
        images = page.locator(".page > .strip img")
        assert images.count() == 4
        texts = images.evaluate_all("nodes => nodes.map((node) => node.alt)")
        assert texts == [f"Exemplar {number} of layer1/5" for number in (1, 2, 3, 4)]
        assert max(images.evaluate_all("nodes => nodes.map((node) => node.clientWidth)")) <= 96
        page.emulate_media(media="print")
        assert page.locator(".page > .strip img:visible").count() == 4
        adjust = "node => getComputedStyle(node, '::before').printColorAdjust"
        assert page.locator(".page .range").first.evaluate(adjust) == "exact"


def test_hostile_names_stay_text(browser, hostile):
    with open_page(browser, hostile) as page:
        assert page.text_content("#count") == "36 units"
        assert page.locator(".entry").count() == 20  # the first block; the others wait for the reader to scroll
        assert page.title().startswith("resnet<18> · a & b")
        assert page.locator("#pwned, script:not([src]), img[src=x]").count() == 0
        assert page.locator(".status").first.text_content() == "dead"
        go(page, "#?q=roofs")
        assert count(page) == 3
        chips = page.locator(".entry").first.locator("li").first.locator(".chip")
        assert chips.locator("bdi").all_text_contents()[1:] == ["house (object)", "sky"]
        assert chips.first.locator(".category").text_content() == "a<b>"
        for spelling, wanted in (("sky-c", 0), ("not sky-c", 10), ("not sky (color)", 10), ("house", 10), ("hous", 0)):
            go(page, f"#?layer=layer2&q={quote(spelling)}")
            assert count(page) == wanted, spelling
        go(page, "#?iou=0.15&layer=layer2&sort=iou")
        assert page.locator(".entry .unit b").all_text_contents() == [f"/{unit}" for unit in (9, 8, 7, 6, 5)]
        go(page, f"#{quote(LAYERS[0], safe='')}/0")
        page.wait_for_selector("figcaption b")
        assert page.text_content("#detail h1").startswith("</script><script>")
        go(page, f"#{quote(LAYERS[2], safe='')}/1")
        page.wait_for_selector("figcaption b")
        assert page.text_content(".unit .layer") == LAYERS[2]


def test_verdicts(browser, hostile):
    with open_page(browser, f"{hostile}#?verdict=partly&layer=layer2") as page:
        units = page.locator(".entry .unit b")
        assert units.all_text_contents() == ["/1", "/4", "/7"]
        assert page.locator("li.partly").count() == 3
        assert page.locator(".entry").first.locator(".judged").first.get_attribute("style") == "--support: 0.25"
        go(page, "#?sort=verdict&layer=layer2")
        assert units.all_text_contents() == [f"/{unit}" for unit in (9, 6, 3, 0, 7, 4, 1, 8, 5, 2, 10, 11)]
        go(page, "#layer2/2")
        page.wait_for_selector("tr.chance")
        assert "q 0.01" in page.text_content("tr.chance")


def test_without_concepts(browser, tmp_path):
    empty = {name: [] for name in (*TABLES, "concept_sets")}
    arguments = hostile_inputs(tmp_path) | empty
    write_catalog(**arguments)
    with open_page(browser, Path(arguments["catalog"], "index.html").as_uri()) as page:
        assert page.locator(".entry.plain").count() == 20
        assert not page.is_visible("#layer-panel") and not page.is_visible("#range-label")
        go(page, "#layer2/3")
        page.wait_for_selector("figcaption b")

"""Similar units and the map as people use them, in a browser, from disk."""

from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import pytest
from browser import open_page
from small_catalog import HOSTILE, VARIED, hostile_inputs, varied_inputs, with_map

from lib.data.stores.tables import read_table
from lib.reporting.catalog.pages import write_catalog

MARGIN, SIZE = 16, 1000
KINDS = {"By all": "all", "By exemplars": "exemplars", "By formula": "concepts", "By sentence": "words"}
# read once: the browser warns of canvases that are read often
OPACITIES = """(spots) => {
    const canvas = document.querySelector(".plane canvas");
    const scale = canvas.width / canvas.clientWidth;
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return spots.map(([x, y]) => data[4 * (Math.round(y * scale) * canvas.width + Math.round(x * scale)) + 3]);
}"""


@pytest.fixture(scope="module")
def varied(browser, tmp_path_factory):
    """The address of a catalog, and the tables of its neighbours and its map."""
    arguments = varied_inputs(tmp_path_factory.mktemp("varied"))
    write_catalog(**arguments)
    names = {"neighbours": "neighbours", "unit_map": "map"}
    tables = [read_table(arguments[name][0], table) for name, table in names.items()]
    return Path(arguments["catalog"], "index.html").as_uri(), *tables


def names_of(table, prefix=""):
    return [f"{layer}/{unit}" for layer, unit in zip(table[f"{prefix}layer"], table[f"{prefix}unit"], strict=True)]


def place_on_page(page, row):
    """Pixels of a unit that has its place alone."""
    box = page.locator(".plane canvas").bounding_box()
    x = MARGIN + row.x / SIZE * (box["width"] - 2 * MARGIN)
    y = MARGIN + (1 - row.y / SIZE) * (box["height"] - 2 * MARGIN)
    return box, x, y


def test_similar_units_and_their_way_to_the_map(browser, varied):
    address, neighbours, places = varied
    grouped = places[places["group"] != ""].iloc[0]
    with open_page(browser, f"{address}#{grouped.layer}/{grouped.unit}") as page:
        page.wait_for_selector(".similar h3")
        own = neighbours[(neighbours["layer"] == grouped.layer) & (neighbours["unit"] == grouped.unit)]
        titles = [text.split("  ")[0] for text in page.locator(".similar h3").all_text_contents()]
        lists = page.locator(".similar .nears")
        for place, (title, kind) in enumerate(KINDS.items()):
            assert titles[place].startswith(title)
            rows = own[own["by"] == kind]
            assert lists.nth(place).locator(".near-unit").all_text_contents() == names_of(rows, "neighbour_")
            assert lists.nth(place).locator("img").count() == len(rows) > 0
            notes = lists.nth(place).locator(".near-text > small").all_text_contents()
            assert [float(note.split(":")[0]) for note in notes] == pytest.approx(rows["likeness"].tolist(), abs=0.0051)
            if kind != "all":
                assert [int(note.split(": ")[1].split(" ")[0]) for note in notes] == rows[kind].tolist()
        assert page.text_content(".grouped").startswith(f"Redundant: in the group {grouped.group}. ")
        page.click(".grouped a >> nth=0")
        page.wait_for_selector(".map[data-ready]")
        assert page.text_content(".map-groups h2") == grouped.group
        wanted = names_of(places[places["group"] == grouped.group])
        assert sorted(page.locator(".map-groups .near-unit").all_text_contents()) == sorted(wanted)
        page.locator(".map-groups .near").last.focus()
        assert page.text_content(".map-card .near-unit") == page.locator(".map-groups .near-unit").last.text_content()
        page.go_back()
        page.wait_for_selector(".similar h3")
        page.click("text=Show on the map")
        page.wait_for_selector(".map-card:not([hidden])")
        assert page.text_content(".map-card .near-unit") == f"{grouped.layer}/{grouped.unit}"
        page.go_back()
        page.wait_for_selector(".similar h3")


def test_the_map_shows_opens_and_fades(browser, varied):
    """The pointer shows a unit and a click opens it; Back returns; what the filter leaves out is faded."""
    address, _, places = varied
    alone = places[~places.duplicated(["x", "y"], keep=False) & (places["layer"] == "layer1")]
    row = next(alone.itertuples())
    with open_page(browser, f"{address}#?layer=layer1", viewport={"width": 1440, "height": 900}) as page:
        page.click("#view-map")
        page.wait_for_selector(".map[data-ready]")
        assert page.get_attribute("#view-map", "aria-current") == "page" and page.locator(".entry").count() == 0
        assert page.text_content("#count") == f"{VARIED['layer1']} of {len(places)}"
        box, x, y = place_on_page(page, row)
        spots = [place_on_page(page, other)[1:] for other in alone.itertuples()]
        strong = page.evaluate(OPACITIES, spots)
        page.mouse.move(box["x"] + x, box["y"] + y)
        page.wait_for_selector(".map-card:not([hidden])")
        assert page.text_content(".map-card .near-unit") == f"layer1/{row.unit}"
        page.mouse.move(box["x"] + 1, box["y"] + 1)
        page.wait_for_selector(".map-card", state="hidden")
        page.mouse.click(box["x"] + x, box["y"] + y)
        page.wait_for_selector(".page h1")
        assert page.text_content(".page .unit") == f"layer1/{row.unit}"
        page.click("text=← All units")
        page.wait_for_selector(".map-card:not([hidden])")
        assert page.text_content(".map-card .near-unit") == f"layer1/{row.unit}", "where one came from"
        # colours are links that filter, and can stand for categories
        assert page.locator(".map-keys a").all_text_contents() == [*places["layer"].unique()]
        page.locator(".map-keys a").last.click()
        page.wait_for_function("() => location.hash.includes('layer10')")
        page.wait_for_selector(".map[data-ready]")
        assert page.text_content("#count") == f"{VARIED['layer10']} of {len(places)}"
        # names of groups may lie on some
        faded = page.evaluate(OPACITIES, spots)
        assert 0 < np.median(faded) < np.median(strong) / 2
        page.select_option(".map-head select", "category")
        page.wait_for_function("() => location.hash.includes('tint=category')")
        page.wait_for_selector(".map[data-ready]")
        assert page.locator(".map-keys li").last.text_content().strip() == "no formula"
        page.go_back()
        page.wait_for_function("() => !location.hash.includes('tint')")
        page.wait_for_selector(".map[data-ready]")
        assert page.locator(".map-keys a").count() == len(VARIED)
        page.click("#view-list")
        page.wait_for_selector(".entry")
        assert page.locator(".map").count() == 0 and "group" not in page.evaluate("() => location.hash")


def test_the_map_by_keyboard(browser, varied):
    address, _, places = varied
    sizes = places.loc[places["group"] != "", "group"].value_counts()
    with open_page(browser, f"{address}#?view=map", viewport={"width": 390, "height": 800}) as page:
        page.wait_for_selector(".map[data-ready]")
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
        for _ in range(2):
            page.keyboard.press("ArrowDown")
        names = names_of(places)
        assert page.text_content(".map-card .near-unit") == names[1]
        page.keyboard.press("Enter")
        page.wait_for_selector(".page h1")
        assert page.text_content(".page .unit") == names[1]
        page.keyboard.press("Escape")
        page.wait_for_selector(".map-card:not([hidden])")
        groups = page.locator(".group-list li")
        found = dict(zip(groups.locator("a").all_text_contents(), groups.locator(".number").all_text_contents()))
        assert found == {name: str(size) for name, size in sizes.items()}
        groups.first.locator("a").focus()
        page.keyboard.press("Enter")
        page.wait_for_function("() => location.hash.includes('group=')")
        page.wait_for_selector(".map[data-ready] .near")
        assert page.locator(".map-groups .near").count() == sizes.max()


def test_hostile_names_stay_text(browser, tmp_path):
    arguments = with_map(hostile_inputs(tmp_path))
    write_catalog(**arguments)
    places = read_table(arguments["unit_map"][0], "map")
    address = Path(arguments["catalog"], "index.html").as_uri()
    with open_page(browser, f"{address}#?view=map", viewport={"width": 390, "height": 800}) as page:
        page.wait_for_selector(".map[data-ready]")
        groups = set(places["group"]) - {""}
        assert any(name[:20] in group for name in HOSTILE[:5] for group in groups), (
            "groups are named by what units have"
        )
        assert set(page.locator(".group-list a").all_text_contents()) == groups
        for _ in range(8):
            page.keyboard.press("ArrowDown")
        assert page.locator(".map-card b, .map-card script, .map-card img[src=x]").count() == 0
        for group in sorted(groups):
            page.goto(f"{address}#?{urlencode({'view': 'map', 'group': group})}")
            page.wait_for_selector(".map[data-ready] .near")
            assert page.text_content(".map-groups h2") == group
            assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
        page.locator(".map-groups .near").first.click()
        page.wait_for_selector(".similar h3")
        assert page.text_content(".grouped a") == group
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
        page.goto(f"{address}#?view=map&group=nothing")
        page.wait_for_selector(".map[data-ready] .group-list")
        assert page.text_content(".map-groups").count("There is no group nothing.") == 1
        assert "PWNED" not in page.title()
        # bold text and pictures of hostile names would be elements
        assert page.locator("main :is(b#pwned, img[src=x], script)").count() == 0

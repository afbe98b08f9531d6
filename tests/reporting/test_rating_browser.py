"""Rating in a browser, from the page to the table."""

from pathlib import Path

import pandas as pd
import pytest
from browser import open_page
from small_catalog import HOSTILE, SENTENCES, hostile_inputs, varied_inputs

from lib.data.stores.tables import read_table
from lib.reporting.catalog.pages import write_catalog
from lib.stages.crowd.summarise_ratings import summarise_ratings

N_RATED = 12


@pytest.fixture(scope="module")
def varied(browser, tmp_path_factory):
    arguments = varied_inputs(tmp_path_factory.mktemp("rated"))
    write_catalog(**arguments)
    return Path(arguments["catalog"], "index.html").as_uri(), arguments


def begin(page, comparison, rater, *, count=N_RATED):
    page.wait_for_selector(".begin")
    page.select_option(".begin select", comparison)
    page.fill(".begin label:has-text('Units') input", str(count))
    page.fill(".begin label:has-text('name') input", rater)
    page.click(".begin button")
    page.wait_for_selector(".choice")


def saved(page, path):
    with page.expect_download() as download:
        page.click("button:has-text('Save the answers')")
    download.value.save_as(path)
    return pd.read_csv(path, keep_default_na=False), download.value.suggested_filename


def rate(page, labels):
    """Choose what is among the labels, the first if both are or none is; return the keys that were pressed."""
    pressed = []
    while page.query_selector(".choice"):
        texts = [page.inner_text(f".choice >> nth={at}").split(" ", 1)[1] for at in (0, 1)]
        pressed.append("2" if texts[1] in labels and texts[0] not in labels else "1")
        page.keyboard.press(pressed[-1])
    return pressed


@pytest.mark.parametrize("comparison", ["sentence_runner_up", "sentence_shuffled", "formula_shuffled"])
def test_from_the_page_to_the_table(browser, varied, tmp_path, comparison):
    address, arguments = varied
    folder = tmp_path / "answers"
    folder.mkdir()
    tables, sides = [], []
    for rater in ("ann", "ben"):
        with open_page(browser, f"{address}#?view=rate") as page:
            begin(page, comparison, rater)
            assert "layer" not in page.inner_text("#detail"), "raters do not see the name of a unit"
            assert "layer" not in " ".join(page.eval_on_selector_all("#detail img", "all => all.map((img) => img.alt)"))
            assert page.is_hidden("#toolbar")
            pressed = rate(page, set(SENTENCES))
            assert len(pressed) == N_RATED
            table, name = saved(page, folder / f"{rater}.csv")
        assert name == f"ratings-resnet18-playground-{rater}.csv"
        assert (table["answer"] == "label").tolist() == [
            (key == "1") == (side == "left") for key, side in zip(pressed, table["side"], strict=True)
        ]
        tables.append(table)
        sides.append(table["side"].tolist())
    keys = ["layer", "unit", "range", "label", "other"]
    assert tables[0][keys].equals(tables[1][keys]), "raters with the same order see the same questions"
    assert sides[0] != sides[1] and set(sides[0]) == {"left", "right"}
    assert (tables[0]["label"] != tables[0]["other"]).all() and not tables[0].duplicated(["layer", "unit"]).any()
    paths = {"ratings": str(tmp_path / "ratings.csv"), "left_out": str(tmp_path / "left_out.csv")}
    sources = {name: arguments[name] for name in ("descriptions", "explanations", "verdicts", "concept_sets")}
    summarise_ratings(answers=str(folder), network="resnet18/playground", **sources, **paths)
    assert read_table(paths["left_out"], "ratings_left_out").empty, "labels are those of the tables"
    row = read_table(paths["ratings"], "ratings").iloc[0]
    both = pd.concat(tables)
    assert (row["n_units"], row["n_raters"], row["n_answers"], row["n_pairs"]) == (N_RATED, 2, 2 * N_RATED, N_RATED)
    assert row["agreement"] == pytest.approx((both["answer"] == "label").mean())
    if comparison == "sentence_runner_up":
        assert row["agreement"] == 1, "raters who know the sentences choose them"


def test_back_neither_and_a_list_that_changes(browser, varied, tmp_path):
    with open_page(browser, f"{varied[0]}#?layer=layer10&view=rate") as page:
        begin(page, "sentence_shuffled", "", count=4)
        for key in ("1", "2", "3"):
            page.keyboard.press(key)
        assert "4 of 4" in page.inner_text(".trail")
        page.click("button:has-text('Back')")
        assert "3 of 4" in page.inner_text(".trail")
        page.keyboard.press("2")
        page.evaluate("() => { location.hash = '#?layer=layer1'; }")
        page.wait_for_selector(".entry")
        page.evaluate("() => { location.hash = '#?view=rate'; }")
        page.wait_for_selector(".choice")
        assert "4 of 4" in page.inner_text(".trail"), "answers survive a look at the list"
        page.wait_for_function("() => document.activeElement.matches('.rating')")
        page.keyboard.press("3")
        table, name = saved(page, tmp_path / "a.csv")
        assert name == "ratings-resnet18-playground.csv"
        assert set(table["layer"]) == {"layer10"}
        chosen = ["label" if side == "left" else "other" for side in table["side"][:1]]
        chosen += ["other" if side == "left" else "label" for side in table["side"][1:3]]
        assert table["answer"].tolist() == [*chosen, "neither"]
        page.click("button:has-text('Stop')")
        page.wait_for_selector(".begin")


def test_hostile_labels_stay_text(browser, tmp_path):
    arguments = hostile_inputs(tmp_path)
    write_catalog(**arguments)
    with open_page(browser, f"{Path(arguments['catalog'], 'index.html').as_uri()}#?view=rate") as page:
        for comparison in ("sentence_shuffled", "formula_shuffled"):
            begin(page, comparison, "<b>\u202e", count=27)
            rate(page, set())
            table, name = saved(page, tmp_path / "answers.csv")
            assert name == "ratings-resnet_18_-a_b-_b_.csv"
            assert len(table) == 27 and "PWNED" not in page.title()
            if comparison == "sentence_shuffled":
                assert set(table["label"]) >= set(HOSTILE[:6])
            page.click("button:has-text('Stop')")

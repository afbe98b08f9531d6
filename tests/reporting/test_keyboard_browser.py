"""The catalog by keyboard alone: every control of every view is reached, seen and used."""

from pathlib import Path

import pytest
from browser import open_page
from small_catalog import varied_inputs

from lib.reporting.catalog.pages import write_catalog

# Notes every element that gets the focus, and whether it can be seen that it has it.
WATCH = """() => {
  window.visited = new Set();
  window.unseen = [];
  document.addEventListener("focusin", ({ target }) => {
    window.visited.add(target);
    const style = getComputedStyle(target);
    const box = target.getBoundingClientRect();
    const drawn = (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== "none";
    if (!drawn || !box.width || !box.height) window.unseen.push(target.outerHTML.slice(0, 160));
  });
}"""

# What a reader with a mouse could use in a view, less the chips of the list, whose concepts have pages that are reached.
CONTROLS = """() => [...document.querySelectorAll("a[href], button, input, select, summary, [role=button]")].filter((node) =>
  node.checkVisibility({ visibilityProperty: true }) && !node.disabled && !node.closest("dialog") && node.tabIndex >= 0)"""

VIEWS = (
    "#?layer=layer10",
    "#?layer=layer10&view=wall",
    "#?view=concepts",
    "#?view=concepts&concept=tree",
    "#?view=words",
    "#?word=tree",
    "#layer10/3",
)


@pytest.fixture(scope="module")
def address(browser, tmp_path_factory):
    arguments = varied_inputs(tmp_path_factory.mktemp("keys"))
    write_catalog(**arguments)
    return Path(arguments["catalog"], "index.html").as_uri()


def tab_to(page, selector, *, most=60):
    """Press Tab until an element that matches has the focus."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"{selector} is not reached by {most} steps")


def wait(page, condition):
    page.wait_for_function(f"() => {condition}")


def test_tab_reaches_every_control_of_every_view_and_shows_where_it_is(browser, address):
    with open_page(browser, address, viewport={"width": 1440, "height": 900}) as page:
        page.evaluate(WATCH)
        for fragment in VIEWS:
            page.evaluate("hash => { location.hash = hash; }", fragment)
            page.wait_for_load_state("networkidle")
            wait(page, f"location.hash === {fragment!r} && document.querySelector('main:not([hidden]) a')")
            page.evaluate(
                "() => { visited.clear(); document.activeElement.blur(); scrollTo(0, 0); getSelection().removeAllRanges(); }"
            )
            page.evaluate("() => { document.body.tabIndex = -1; document.body.focus(); unseen.length = 0; }")
            n_controls = page.evaluate(f"() => ({CONTROLS})().length")
            assert n_controls > 5, fragment
            for _ in range(n_controls + 12):
                page.keyboard.press("Tab")
            missed = page.evaluate(
                f"() => ({CONTROLS})().filter((node) => !visited.has(node)).map((node) => node.outerHTML.slice(0, 120))"
            )
            assert missed == [], fragment
            assert page.evaluate("() => unseen") == [], fragment


def test_the_glossary_is_reached_from_every_view(browser, address):
    with open_page(browser, address) as page:
        for fragment in (*VIEWS, "#?view=rate"):
            page.evaluate("hash => { location.hash = hash; }", fragment)
            wait(page, f"location.hash === {fragment!r} && document.querySelector('main:not([hidden]) *')")
            page.locator(".help >> visible=true").first.click()
            assert page.is_visible("#glossary dt:has-text('IoU')"), fragment
            assert (
                page.evaluate("() => document.querySelector('.help:not(footer *)').getBoundingClientRect().top") < 900
            )
            page.keyboard.press("Escape")
            wait(page, "!document.querySelector('#glossary').open")
            assert page.evaluate("() => location.hash") == fragment, "Escape closes the glossary alone"
        terms = page.locator("#glossary dt").all_text_contents()
        assert {"Unit", "IoU", "Range", "Formula", "Verdict", "Margin", "Exemplar", "Concept"} <= set(terms)


def test_a_reader_without_a_mouse_uses_the_list_the_wall_and_a_unit(browser, address):
    with open_page(browser, address, viewport={"width": 1440, "height": 900}) as page:
        press = page.keyboard.press
        press("Tab")
        assert page.evaluate("() => document.activeElement.id") == "skip"
        press("Enter")
        assert page.evaluate("() => document.activeElement.id") == "list"
        press("/")
        wait(page, "document.activeElement.id === 'q'")
        page.keyboard.type("sky")
        wait(page, "location.hash.includes('q=sky')")
        press("Enter")
        wait(page, "document.activeElement.matches('.entry')")
        first = page.evaluate("() => document.activeElement.getAttribute('aria-label')")
        press("ArrowDown")
        wait(page, f"document.activeElement.getAttribute('aria-label') !== {first!r}")
        second = page.evaluate("() => document.activeElement.getAttribute('aria-label')")
        press("ArrowUp")
        press("Enter")
        wait(page, "document.querySelector('.page .share')")
        assert page.text_content(".page .unit") == first
        press("ArrowRight")
        wait(page, f"document.querySelector('.page .unit').textContent === {second!r}")
        page.wait_for_selector(".explorer")
        tab_to(page, ".zoom")
        press("Enter")
        wait(page, "document.querySelector('dialog[open] img')")
        press("Escape")
        wait(page, "!document.querySelector('dialog[open]') && document.activeElement.matches('.zoom')")
        tab_to(page, "tr:last-child .explore")
        press("Enter")
        wait(page, "document.querySelector('.explorer').getAttribute('aria-label') === 'Images of range cluster2'")
        press("?")
        wait(page, "document.querySelector('#glossary').open")
        press("Escape")
        wait(page, "!document.querySelector('#glossary').open && document.activeElement.matches('.explore')")
        press("Escape")
        wait(page, "document.querySelector('#detail').hidden")
        wait(page, "document.activeElement.matches('.entry')")

        page.evaluate("() => { location.hash = '#'; }")
        page.evaluate("() => { document.querySelector('#skip').focus(); }")
        tab_to(page, "#view-wall")
        press("Enter")
        page.wait_for_selector(".tile")
        tab_to(page, "#more, #further > summary")
        press("Enter")
        tab_to(page, "#verdict")
        press("ArrowDown")
        wait(page, "location.hash.includes('verdict=supported')")
        press("ArrowDown")
        wait(page, "document.querySelector('#verdict').value === 'partly'")
        tab_to(page, ".tile")
        tile = page.evaluate("() => document.activeElement.querySelector('bdi').textContent")
        press("Enter")
        wait(page, f"document.querySelector('.page .unit')?.textContent === {tile!r}")
        press("Escape")
        page.wait_for_selector(".tile")


def test_a_reader_without_a_mouse_uses_concepts_words_and_rating(browser, address):
    with open_page(browser, address, viewport={"width": 1440, "height": 900}) as page:
        press = page.keyboard.press
        tab_to(page, "#view-concepts")
        press("Enter")
        page.wait_for_selector(".index")
        tab_to(page, ".index a.chip")
        concept = page.evaluate("() => document.activeElement.textContent")
        press("Enter")
        wait(page, f"document.querySelector('.page h1')?.textContent === {concept!r}")
        tab_to(page, ".cell:not(:disabled)")
        wanted = page.evaluate("() => document.activeElement.querySelector('.number').textContent")
        press("Enter")
        wait(page, "document.querySelector('#detail').hidden")
        assert page.text_content("#count").split()[0] == wanted
        tab_to(page, "#chosen .chosen")
        press("Enter")
        wait(page, "!document.querySelector('#chosen .chosen')")
        page.evaluate("() => { document.querySelector('#skip').focus(); }")
        tab_to(page, "#view-words")
        press("Enter")
        tab_to(page, ".word-list a")
        word = page.evaluate("() => document.activeElement.textContent")
        press("Enter")
        wait(page, f"document.querySelector('.page h1')?.textContent === {word!r}")
        page.keyboard.press("Escape")
        wait(page, "document.querySelector('#detail').hidden")
        page.evaluate("() => { document.querySelector('#skip').focus(); }")
        tab_to(page, "#view-rate")
        press("Enter")
        page.wait_for_selector(".begin")
        tab_to(page, ".begin select")
        tab_to(page, ".begin button")
        press("Enter")
        page.wait_for_selector(".choice")
        press("2")
        wait(page, "document.querySelector('.trail').textContent.includes('2 of')")
        tab_to(page, ".choice")
        press("Enter")
        wait(page, "document.querySelector('.trail').textContent.includes('3 of')")
        page.evaluate("() => { window.confirm = () => true; }")
        tab_to(page, ".tools:last-child button:last-child")
        press("Enter")
        page.wait_for_selector(".begin")

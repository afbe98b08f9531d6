"""Take the pictures of README and manual from the finished catalogs of `docs/pictures.yaml` (`make pictures`)."""

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

DOCS = Path(__file__).resolve().parent
CATALOG = "resnet18/playground/catalog/index.html"
# file: (page below `results`, place in it, what shows that it is complete, what is at the top, width and height in pixels)
PICTURES = {
    "unit.png": (CATALOG, "layer4/263", ".explorer .overlay", ".page", 1180, 1130),
    "wall.png": (CATALOG, "?view=wall&layer=layer3&sort=iou", ".tile img", ".views", 1180, 860),
    "concept.png": (CATALOG, "?concept=floor", ".explorers svg", ".page", 1180, 1160),
    "comparison.png": ("compare/0-1.html", "", "h1", "body", 1180, 1000),
}
COLORS = 256
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
LOADED = (
    "() => [...document.images].every((image) => image.complete || image.getBoundingClientRect().top > innerHeight)"
)


def save(screenshot: bytes, path: Path) -> None:
    """Write a picture with a palette, which takes a third of the bytes; the tints of chips are the last to be lost."""
    image = Image.open(io.BytesIO(screenshot)).convert("RGB")
    image.quantize(COLORS, kmeans=image.width * image.height // 100, dither=Image.Dither.NONE).save(path, optimize=True)


def main(results: str = "results", *names: str) -> None:
    """Write the pictures, or those named, from a folder of results."""
    missing = {page for page, *_ in PICTURES.values() if not Path(results, page).is_file()}
    if missing:
        raise SystemExit(f"{results} lacks {', '.join(sorted(missing))}: run `make pictures`, which makes them first")
    if CHROMIUM is None:
        raise SystemExit("no chromium on PATH: install it first (Debian: apt-get install chromium)")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        for name in names or PICTURES:
            page_file, place, complete, top, width, height = PICTURES[name]
            page = browser.new_page(viewport={"width": width, "height": height}, color_scheme="light")
            page.set_default_timeout(120_000)
            page.goto(f"{Path(results, page_file).resolve().as_uri()}#{place}")
            page.wait_for_selector(complete, state="attached")
            page.locator(top).first.evaluate("node => scrollTo(0, node.getBoundingClientRect().top + scrollY - 12)")
            page.wait_for_function(LOADED)
            save(page.screenshot(), DOCS / name)
            page.close()
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])

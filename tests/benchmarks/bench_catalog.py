"""Opens a catalog of 100,000 units in Chromium: first entries, search, memory, height, map; never fails on time (`make bench-catalog`)."""

import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests/helpers")]

import numpy as np  # noqa: E402
from browser import open_browser  # noqa: E402
from small_catalog import read_script, varied_inputs  # noqa: E402

from lib.reporting.catalog.pages import CHUNK, script, write_catalog  # noqa: E402

N_LAYERS = 20
N_GROUPS = 5000
LIMITS = {
    **{"first_entries_s": 2, "search_s": 0.15, "memory_mb": 300, "height_px": 17_900_000},
    **{"map_s": 2, "map_memory_mb": 300},
}
QUERIES = (
    "?q=sky",
    "?q=not+tree",
    "?asserts=street-s&range=cluster1",
    "?sort=iou",
    "?between=margin%2C0.05%2C",
    "?q=pool",
)


def enlarge(folder: Path, n_units: int) -> None:
    """Repeat the units of a small catalog until there are `n_units`, in layers of equal size."""
    path = folder / "data.js"
    data = read_script(path)
    units, n = data["units"], len(data["units"]["unit"])
    per_layer = n_units // N_LAYERS
    for key, values in units.items():
        units[key] = [values[number % n] for number in range(n_units)]
    units["layer"] = [number // per_layer for number in range(n_units)]
    units["unit"] = [number % per_layer for number in range(n_units)]
    data["layers"] = [data["layers"][0] | {"name": f"layer{number}"} for number in range(N_LAYERS)]
    for found in data["concept_sets"]:
        width = len(found["ranges"])
        for key, values in found.items():
            if isinstance(values, list) and len(values) == n * width:
                found[key] = [values[number % (n * width)] for number in range(n_units * width)]
    path.write_text(script("window.LEXICON_DATA = ", data))
    rng = np.random.default_rng(0)
    places = {axis: rng.integers(0, 1001, n_units).tolist() for axis in "xy"}
    places["group"] = rng.integers(-1, N_GROUPS, n_units).tolist()
    places["groups"] = [f"sky, tree, not street ({number})" for number in range(N_GROUPS)]
    (folder / "map-data.js").write_text(script("window.LEXICON_MAP = ", places))
    chunk = max((folder / "units").iterdir(), key=lambda path: path.stat().st_size).read_text()
    content = chunk[chunk.index(" = ") :]
    for layer in range(N_LAYERS):
        for number in range(-(-per_layer // CHUNK)):
            key = f"{layer}-{number}"
            (folder / "units" / f"{key}.js").write_text(f'window.LEXICON_CHUNKS["{key}"]{content}')


def measure(address: str) -> dict:
    """Open the page and search in it."""
    with open_browser() as browser:
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        start = time.perf_counter()
        page.goto(address, wait_until="commit")
        page.wait_for_selector(".entry")
        found = {"first_entries_s": time.perf_counter() - start}
        found["height_px"] = page.evaluate("() => document.documentElement.scrollHeight")
        search = """(query) => {
            const wanted = new URLSearchParams(query);
            const state = { q: "", layer: "", concepts: "", range: "", iou: "", verdict: "", proved: "", status: "", sort: "unit",
                asserts: [], negates: [], topics: [], categories: [], words: [], between: [] };
            for (const [key, value] of wanted) state[key] = Array.isArray(state[key]) ? [value] : value;
            const start = performance.now();
            Lexicon.select(state);
            return (performance.now() - start) / 1000;
        }"""
        # the median of three: a search on a machine at work
        found["search_s"] = max(sorted(page.evaluate(search, query) for _ in range(3))[1] for query in QUERIES)
        client = page.context.new_cdp_session(page)
        client.send("HeapProfiler.collectGarbage")
        client.send("Performance.enable")
        metrics = {entry["name"]: entry["value"] for entry in client.send("Performance.getMetrics")["metrics"]}
        found["memory_mb"] = metrics["JSHeapUsedSize"] / 2**20
        start = time.perf_counter()
        page.click("#view-map")
        page.wait_for_selector(".map[data-ready]")
        found["map_s"] = time.perf_counter() - start
        client.send("HeapProfiler.collectGarbage")
        metrics = {entry["name"]: entry["value"] for entry in client.send("Performance.getMetrics")["metrics"]}
        found["map_memory_mb"] = metrics["JSHeapUsedSize"] / 2**20
    return found


def main(n_units: int = 100_000) -> None:
    """Write the catalog, measure it and print what was found beside the limits."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = varied_inputs(folder)
        write_catalog(**arguments)
        catalog = Path(arguments["catalog"])
        enlarge(catalog, n_units)
        print(f"data.js {(catalog / 'data.js').stat().st_size / 2**20:.1f} MiB")
        found = measure((catalog / "index.html").as_uri())
    for name, value in found.items():
        print(f"{name:>16} {value:14.2f}   limit {LIMITS[name]:,}   {'' if value < LIMITS[name] else 'TOO MUCH'}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

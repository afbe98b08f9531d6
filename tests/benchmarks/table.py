"""What the benchmarks share: a stopwatch, and the table case, measure, unit, ours, peer, ratio."""

import csv
import os
import time


def timed(function, *arguments, **options):
    """Call a function; return its result and the seconds it took."""
    begin = time.perf_counter()
    result = function(*arguments, **options)
    return result, time.perf_counter() - begin


class Bench:
    """Rows of measurements, printed as Markdown while they come."""

    def __init__(self):
        self.rows = []

    def add(self, case, measure, unit, ours, peer=None):
        """Add a row; the ratio is peer / ours."""
        ratio = peer / ours if peer is not None and ours else None
        self.rows.append(
            [case, measure, unit, *(None if x is None else float(f"{x:.4g}") for x in (ours, peer, ratio))]
        )
        print("|", " | ".join("" if x is None else str(x) for x in self.rows[-1]), "|", flush=True)

    def write(self, path):
        """Write all rows as CSV."""
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(path.name + ".part")
        with temporary.open("w", newline="", encoding="utf-8") as handle:
            writer = csv.writer(handle, lineterminator="\n")
            writer.writerow(["case", "measure", "unit", "ours", "peer", "ratio"])
            writer.writerows(self.rows)
        os.replace(temporary, path)
        print(f"\nwrote {path}")

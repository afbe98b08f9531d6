"""Collect the benchmark files of jobs in one table."""

import json
from pathlib import Path

import pandas as pd

from ..data.stores.columns import COLUMNS
from ..data.stores.tables import write_table


def collect_benchmarks(folder: str, table: str) -> None:
    """Write run time and memory of every job with a benchmark file.

    Parameters
    ----------
    folder : str
        Holds `<rule>.jsonl` or `<rule>/<wildcards>.jsonl`, as Snakemake writes them; the last line of a file is used.
    table : str
        Output table `benchmarks`: rule, job (the wildcards), seconds, CPU seconds, peak memory in MiB; NaN for jobs too
        short to be measured.
    """
    root = Path(folder)
    rows = []
    for path in sorted(root.rglob("*.jsonl")):
        lines = path.read_text(encoding="utf-8").splitlines()
        if not lines:
            continue
        measured = json.loads(lines[-1])
        rule, _, job = path.relative_to(root).with_suffix("").as_posix().partition("/")
        rows.append((rule, job, *(_number(measured.get(key)) for key in ("s", "cpu_time", "max_rss"))))
    write_table(pd.DataFrame(rows, columns=list(COLUMNS["benchmarks"])), table, "benchmarks")


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else float("nan")

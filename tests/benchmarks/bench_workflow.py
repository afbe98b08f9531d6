"""What the workflow itself costs: the demo, run from nothing, and where its time went.

    python tests/benchmarks/bench_workflow.py [--cores 2]

Planning ends when the first job starts. A job's start is what its process took beyond its stage: the interpreter, imports.
Snakemake between the jobs is its own CPU time after planning. What is left of the cores is idle: towards the end, jobs
wait for each other.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from lib.data.stores.tables import read_table
from tests.benchmarks.table import Bench

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    """Return what a process, without its children, has used of the CPU; None if it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / TICKS


def run(folder, cores):
    """Run the demo; return its seconds, those until the first job, and Snakemake's CPU seconds at both moments."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", ROOT / "Snakefile", "--directory", folder]
    begin = time.monotonic()
    with (folder / "snakemake.log").open("w") as log:
        process = subprocess.Popen([*command, "--cores", str(cores)], stdout=log, stderr=log)
    planned, used = None, 0.0
    while process.poll() is None:
        used = cpu_seconds(process.pid) or used
        if planned is None and any((folder / "logs").rglob("*.log")):
            planned = time.monotonic() - begin, used
        time.sleep(0.05)
    if process.returncode != 0:
        sys.exit((folder / "snakemake.log").read_text()[-3000:])
    return time.monotonic() - begin, used, *planned


def stage_seconds(path):
    """Return the seconds in the line that ends a job's log."""
    return float(re.search(r"([\d.]+) s, peak memory", path.read_text().splitlines()[-1])[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--output", type=Path, default=ROOT / "results" / "bench" / "workflow.csv")
    arguments = parser.parse_args()
    bench = Bench()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        wall, used, planning, used_planning = run(folder, arguments.cores)
        stages = {path.relative_to(folder / "logs").with_suffix(""): path for path in (folder / "logs").rglob("*.log")}
        stages = {str(name): stage_seconds(path) for name, path in stages.items()}
        table = read_table(str(folder / "results/benchmarks.csv"), "benchmarks")
        processes = {f"{row.rule}/{row.job}".rstrip("/"): row.seconds for row in table.itertuples()}
    starts = sum(max(0.0, processes[name] - stages[name]) for name in processes)
    starts *= len(stages) / len(processes)  # the jobs that merge tables are too short to be measured
    between = used - used_planning
    capacity = arguments.cores * wall
    work = sum(stages.values())
    print("| case | measure | unit | ours | peer | ratio |\n| --- | --- | --- | --- | --- | --- |")
    for measure, unit, value in (
        ("jobs", "1", len(stages)),
        ("wall", "s", wall),
        ("planning", "s", planning),
        ("job_starts", "core-s", starts),
        ("snakemake_between_jobs", "core-s", between),
        ("stages", "core-s", work),
        ("overhead", "share of the cores", (arguments.cores * planning + starts + between) / capacity),
        ("idle", "share of the cores", 1 - (arguments.cores * planning + starts + between + work) / capacity),
    ):
        bench.add(f"demo_{arguments.cores}_cores", measure, unit, value)
    bench.write(arguments.output)


if __name__ == "__main__":
    main()

"""What goes wrong on a machine in the middle of a run: what the user sees, and that the next run mends it (make test-faults)."""

import contextlib
import os
import random
import resource
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import load_file, save_file
from small_disk import Mount
from tiny_workflow import Workflow

from lib.data.stores.tables import read_table

pytestmark = pytest.mark.faults

ROOT_OF_RESULTS = "results/resnet18/playground"
FORMULAS = f"{ROOT_OF_RESULTS}/playground"
ACTIVATIONS = f"{FORMULAS}/activations/layer1+layer2/0-of-1"
RANGES = f"{FORMULAS}/parts/ranges/layer2/0-of-1.csv"
PICTURES = "resources/data/playground"
EXEMPLARS = f"{ROOT_OF_RESULTS}/exemplars"
MILAN = "resources/milan/playground.safetensors"


@pytest.fixture
def run(finished, tmp_path):
    """A copy of the finished run, to break."""
    return finished.copy(tmp_path / "run")


def fails(workflow, *targets, words, **options):
    """Check that a run fails with a message that has some words, and shows no traceback."""
    status, text = workflow.run(*targets, **options)
    assert status != 0, text
    assert "Traceback" not in text, text
    for word in words:
        assert word in text, text


def same_results(one, other):
    """Compare all tables but the parts of merged ones, which need not be there when these are."""
    found, expected = (
        {name: content for name, content in workflow.tables().items() if "/parts/" not in name}
        for workflow in (one, other)
    )
    assert found == expected


def remove(path):
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def script_processes(folder):
    """Return {process id: name of the stage} of the jobs that run below a folder."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if f"{folder}/.snakemake/scripts/" in command:
                found[int(entry.name)] = command.rstrip("\0").split(".")[-2]
    return found


@pytest.mark.parametrize("seed", range(3))
def test_twenty_kills_change_no_byte(finished, tmp_path, seed):
    """Nine of ten jobs, drawn from the seed, are killed at a random moment of theirs, up to two of a stage, until 20 are."""
    chance = random.Random(seed)
    table = read_table(str(finished.folder / "results/benchmarks.csv"), "benchmarks")
    seconds = table.groupby("rule")["seconds"].min()
    workflow, killed, ends = Workflow(tmp_path / "killed"), [], {}
    log = workflow.folder / "snakemake.log"
    deadline = time.monotonic() + 1800
    status = None
    while status != 0 and time.monotonic() < deadline:
        with log.open("a") as written:
            process = subprocess.Popen(workflow.command(), stdout=written, stderr=written)
        while (status := process.poll()) is None:
            time.sleep(0.1)
            for job, stage in script_processes(workflow.folder).items():
                if job not in ends:
                    length = seconds.get(stage, 0.5) if chance.random() < 0.9 else float("inf")
                    ends[job] = time.monotonic() + chance.random() * length
                if len(killed) < 20 and killed.count(stage) < 2 and time.monotonic() > ends[job]:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(job, signal.SIGKILL)
                        killed.append(stage)
    assert status == 0, log.read_text()[-5000:]
    assert len(killed) == 20 and len(set(killed)) >= 8, killed
    same_results(workflow, finished)


def test_a_worker_that_dies_is_named(tmp_path):
    workflow = Workflow(tmp_path)
    output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    process = subprocess.Popen(workflow.command(PICTURES), **output)
    while len(jobs := script_processes(tmp_path)) < 2:
        assert process.poll() is None, process.stdout.read()
    os.kill(max(jobs), signal.SIGKILL)  # the stage itself has the lowest id
    text, _ = process.communicate()
    assert process.returncode != 0 and "draw_playground: a worker process was killed" in text, text
    workflow.must_run(PICTURES)


def test_a_killed_snakemake_is_unlocked_and_goes_on(finished, tmp_path):
    workflow = Workflow(tmp_path / "killed")
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(workflow.command(), **quiet, start_new_session=True)
    while not script_processes(workflow.folder):
        time.sleep(0.2)
    time.sleep(3)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    fails(workflow, words=["--unlock"])
    workflow.must_run("--unlock")
    workflow.must_run()
    same_results(workflow, finished)


@pytest.mark.parametrize(
    ("stage", "target", "end"),
    [
        ("record_activations", ACTIVATIONS, signal.SIGCONT),
        ("tally_units", EXEMPLARS, signal.SIGCONT),
        ("draw_playground", PICTURES, signal.SIGKILL),
        ("train_milan", MILAN, signal.SIGKILL),
    ],
)
def test_an_orphan_of_a_killed_snakemake_is_named_and_spoils_nothing(finished, run, stage, target, end):
    """The job outlives Snakemake: its repetition does not begin before it has ended or is ended."""
    shutil.rmtree(run.folder / f"{ROOT_OF_RESULTS}/tallies")
    remove(run.folder / target)
    log = run.folder / "snakemake.log"
    with log.open("w") as written:
        snakemake = subprocess.Popen(run.command(target), stdout=written, stderr=written)
    holder = ""
    while not holder:
        assert snakemake.poll() is None, log.read_text()
        locks = [path for path in (run.folder / "logs").rglob("*.lock") if f"logs/{stage}" in str(path)]
        holder = locks[0].read_text() if locks else ""
        time.sleep(0.02)
    orphan = int(holder.split()[0])
    os.kill(orphan, signal.SIGSTOP)
    snakemake.kill()
    snakemake.wait()
    try:
        run.must_run("--unlock")
        fails(run, target, words=[f"{stage}: this job is still run by process {orphan}", f"(kill {orphan})"])
        assert not (run.folder / target).exists()
    finally:
        os.kill(orphan, end)
    while Path(f"/proc/{orphan}/cwd").exists():
        time.sleep(0.1)
    run.must_run(target)
    run.must_run()
    same_results(run, finished)
    assert not list(run.folder.rglob("*.lock")) and not list(run.folder.rglob("*.part"))


def test_a_corrupted_chunk_is_named_and_recorded_anew(finished, run):
    chunk = next(path for path in sorted((run.folder / ACTIVATIONS / "layer2.zarr/c").rglob("*")) if path.is_file())
    content = bytearray(chunk.read_bytes())
    content[len(content) // 2] ^= 1
    chunk.write_bytes(content)
    remove(run.folder / RANGES)
    fails(run, RANGES, words=["layer2.zarr", "cannot be read", f"delete {ACTIVATIONS}"])
    remove(run.folder / ACTIVATIONS)
    run.must_run()
    same_results(run, finished)


def test_a_half_written_table_is_refused_and_made_again(finished, run):
    table = run.folder / RANGES
    content = table.read_bytes()
    table.write_bytes(content[: content.index(b"\n", len(content) // 2) - 3])
    fails(run, f"{FORMULAS}/ranges.csv", words=[RANGES, "Delete the file"])
    table.unlink()
    run.must_run()
    same_results(run, finished)


def test_a_clock_that_was_ahead_is_named(finished, run):
    """Snakemake refuses what looks older than its input; nothing is lost when the times are right again."""
    for later, words in ((3600, ["clock skew"]), (0, None)):
        times = (time.time() + later,) * 2
        for path in [
            run.folder / "resources/concepts/playground.zarr",
            *(run.folder / "resources/concepts").rglob("*"),
        ]:
            os.utime(path, times)
        if words:
            fails(run, words=words)
    run.must_run()
    same_results(run, finished)


def test_a_truncated_picture_is_named_and_drawn_again(finished, run):
    picture = sorted((run.folder / PICTURES / "images").rglob("val/*.jpg"))[0]
    picture.write_bytes(picture.read_bytes()[:300])
    remove(run.folder / ACTIVATIONS)
    fails(run, ACTIVATIONS, words=[picture.name])
    shutil.rmtree(run.folder / PICTURES)
    run.must_run()
    same_results(run, finished)


@pytest.mark.parametrize("damage", ["missing", "truncated", "other_size"])
def test_a_damaged_label_map_is_named(finished, run, damage):
    head, *rows = (run.folder / PICTURES / "index.csv").read_text().splitlines()
    names = dict(zip(head.split(","), next(row for row in rows if row.startswith("val/")).split(",")))
    picture = run.folder / PICTURES / "images" / names["color"].split(";")[0]
    if damage == "missing":
        picture.unlink()
    elif damage == "truncated":
        picture.write_bytes(picture.read_bytes()[:40])
    else:
        Image.fromarray(np.zeros((3, 3, 3), np.uint8)).save(picture)
    remove(run.folder / "resources/concepts/playground.zarr")
    fails(run, "resources/concepts/playground.zarr", words=[picture.name])
    shutil.rmtree(run.folder / PICTURES)
    run.must_run()
    same_results(run, finished)


def test_weights_with_nan_are_refused(finished, run):
    weights = run.folder / "resources/weights/playground/resnet18.safetensors"
    state = load_file(weights)
    state["layer1.0.conv1.weight"][0] = float("nan")
    save_file(state, weights)
    remove(run.folder / ACTIVATIONS)
    fails(run, ACTIVATIONS, words=["resnet18.safetensors", "layer1.0.conv1.weight"])
    weights.unlink()
    run.must_run()
    same_results(run, finished)


def test_too_little_memory_names_the_setting_to_lower(finished, run):
    remove(run.folder / ACTIVATIONS)
    shutil.rmtree(run.folder / ACTIVATIONS, ignore_errors=True)
    limit = 3 << 30
    done = subprocess.run(
        run.command(ACTIVATIONS),
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
    )
    assert done.returncode != 0
    assert "resources.batch_size" in done.stdout + done.stderr, done.stdout + done.stderr
    run.must_run()
    same_results(run, finished)


def test_a_full_disk_is_named_and_what_is_complete_is_kept(finished, run):
    folder = (run.folder / ACTIVATIONS).parent
    shutil.rmtree(folder)
    with Mount(folder, "size=200k"):
        fails(run, ACTIVATIONS, words=["the disk is full"])
        assert not (folder / "0-of-1").exists()
    run.must_run()
    same_results(run, finished)


@pytest.mark.parametrize(
    ("target", "size", "rest"),
    [(EXEMPLARS, "200k", "/images.npy"), (MILAN, "100k", "language_model.training"), (MILAN, "30m", "No space left")],
)
def test_a_full_disk_is_named_by_every_writer(finished, run, target, size, rest):
    """Exemplars are written to mapped files, training states by torch, models by safetensors."""
    remove(run.folder / target)
    place = (run.folder / target).parent
    aside = place.with_name("aside")
    if target == EXEMPLARS:  # the tallies stay where they are
        place = run.folder / f"{target}.part"
    else:
        place.rename(aside)
    with Mount(place, f"size={size}"):
        fails(run, target, words=["the disk is full", rest])
        assert not (run.folder / target).exists()
    place.rmdir()
    if aside.exists():
        aside.rename(place)
    run.must_run(target)
    run.must_run()
    same_results(run, finished)


def test_lost_and_truncated_exemplars_are_named(finished, run):
    """The catalog and the sentences name what is missing or cut off, and both are made again."""
    catalog, descriptions = f"{ROOT_OF_RESULTS}/catalog", f"{ROOT_OF_RESULTS}/parts/descriptions/0-of-1.csv"
    remove(run.folder / catalog)
    remove(run.folder / EXEMPLARS / "layer2")
    fails(run, catalog, words=[f"{EXEMPLARS}/layer2 is missing", f"delete {EXEMPLARS} and run again"])
    remove(run.folder / descriptions)
    images = run.folder / EXEMPLARS / "layer1/images.npy"
    images.write_bytes(images.read_bytes()[:1000])
    shutil.copytree(finished.folder / EXEMPLARS / "layer2", run.folder / EXEMPLARS / "layer2")
    fails(run, descriptions, words=[f"{EXEMPLARS}/layer1/images.npy is damaged", f"delete {EXEMPLARS}"])
    remove(run.folder / EXEMPLARS)
    run.must_run(EXEMPLARS)
    run.must_run()
    same_results(run, finished)


def test_no_room_for_the_records_is_said_in_one_message(finished, run):
    """Snakemake's own message would be a traceback for each line of its log."""
    with Mount(run.folder / ".snakemake", "size=64k"):
        fails(run, words=["Snakemake cannot write its records in", "No space left", "free some space"])
        fails(run, "--dry-run", words=["No space left", "free some space"])
    run.must_run()
    same_results(run, finished)


def test_read_only_results_are_named(finished, run):
    folder = (run.folder / ACTIVATIONS).parent
    shutil.rmtree(folder)
    with Mount(folder, "ro"):
        status, text = run.run(ACTIVATIONS)
        assert status != 0 and "Read-only file system" in text
    run.must_run()
    same_results(run, finished)


NETWORK = """
from pathlib import Path

import torch


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.n_images = torch.nn.Conv2d(3, 4, 3), 0

    def forward(self, images):
        self.n_images += len(images)
        if self.n_images > 10 and Path("flood").exists():
            raise RuntimeError("the basement is flooded")
        return self.conv(images).mean((2, 3))


def make():
    return Net()
"""


def test_a_network_that_raises_half_way_is_named_and_runs_again(run):
    (run.folder / "net.py").write_text(NETWORK)
    (run.folder / "flood").touch()
    settings = {
        "models": {"mine": {"factory": "net.py:make", "weights": "none", "layers": ["conv"]}},
        "resources": {"batch_size": 8},
    }
    table = "results/mine/playground/playground/ranges.csv"
    fails(run, table, settings=settings, words=["record_activations", "the basement is flooded"])
    (run.folder / "flood").unlink()
    run.must_run(table, settings=settings)
    assert len((run.folder / table).read_text().splitlines()) == 1 + 4 * 6

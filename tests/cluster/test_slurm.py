"""The real workflow through Slurm: two nodes, a cancelled job, a killed Snakemake."""

import os
import signal
import subprocess
import time

import pytest
from tiny_workflow import ROOT, Workflow

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="session")
def local(tmp_path_factory):
    """The tiny workflow, run without a cluster."""
    workflow = Workflow(tmp_path_factory.mktemp("local"))
    workflow.must_run()
    return workflow


class ClusterRun(Workflow):
    """Snakemake with the Slurm profile, in a folder of its own."""

    def __init__(self, folder, environment):
        super().__init__(folder)
        self.environment, self.log = environment, folder / "snakemake.log"

    def start(self):
        options = ["--workflow-profile", str(ROOT / "profiles/slurm"), "--latency-wait", "5"]
        options += ["--slurm-init-seconds-before-status-checks", "2"]
        with self.log.open("a") as log:
            command = self.command(*options, cores=None)
            return subprocess.Popen(command, env=self.environment, stdout=log, stderr=log, start_new_session=True)

    def jobs(self, state="all"):
        """Return {Slurm job id: rule} of the jobs in a state."""
        listed = self.slurm("squeue", "--noheader", "--states", state, "--format", "%A|%k")
        return dict(line.split("|", 1) for line in listed.splitlines())

    def wait_for(self, rule, process):
        """Return the id of a running job of a rule."""
        deadline = time.monotonic() + 600
        while time.monotonic() < deadline:
            for number, comment in self.jobs("running").items():
                if rule in comment:
                    return number
            assert process.poll() is None, self.log.read_text()[-5000:]
            time.sleep(0.5)
        raise AssertionError(f"no job of {rule} ran within 10 minutes")

    def slurm(self, *command):
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=True)
        return done.stdout


def test_a_cancelled_job_and_a_killed_snakemake_change_no_byte(cluster, local, tmp_path):
    """The whole of the tiny demo on two nodes."""
    run = ClusterRun(tmp_path / "work", cluster)
    process = run.start()
    cancelled = run.wait_for("train_playground_network", process)
    run.slurm("scancel", cancelled)
    run.wait_for("tally_units", process)
    assert "Trying to restart" in run.log.read_text()
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    # as profiles/README.md says: cancel what still runs, unlock, run again
    again = run.start()
    assert again.wait(timeout=120) != 0
    assert "--unlock" in run.log.read_text()
    run.slurm("scancel", "--me")
    run.must_run("--unlock")
    process = run.start()
    assert process.wait(timeout=1200) == 0, run.log.read_text()[-5000:]
    assert set(run.slurm("squeue", "--noheader", "--states", "completed", "--format", "%N").split()) == {"n1", "n2"}
    assert run.tables() == local.tables()

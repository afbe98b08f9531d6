"""A Slurm cluster of two nodes on this machine."""

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

NODES = ("n1", "n2")
PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"


# no accounting and no cgroups: processes are tracked by their group, memory is polled
CONFIGURATION = """
ClusterName=local
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.%n.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=2
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
SchedulerParameters=bf_interval=5
MpiDefault=none
MinJobAge=3600
KillWait=3
PropagateResourceLimits=NONE
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=8 RealMemory=32000 State=UNKNOWN
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs=8 RealMemory=32000 State=UNKNOWN
PartitionName=cpu Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def free_ports(n):
    """Return ports of 127.0.0.1 that nobody listens on."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(n)]
        return [opened.getsockname()[1] for opened in sockets]


def write_configuration(folder):
    """Write what the daemons and the jobs read, and return the environment in which Slurm's commands find it."""
    for name in ("state", "bin", *(f"spool.{node}" for node in NODES)):
        (folder / name).mkdir()
    settings = CONFIGURATION.format(
        folder=folder, host=socket.gethostname().split(".")[0], user=getpass.getuser(), ports=free_ports(3)
    )
    (folder / "slurm.conf").write_text(settings)
    (folder / "munge.key").write_bytes(os.urandom(128))
    (folder / "munge.key").chmod(0o400)
    # Snakemake's plugin drops SLURM_CONF inside a job before it calls srun
    wrapper = folder / "bin/srun"
    wrapper.write_text(f'#!/bin/sh\nSLURM_CONF={folder}/slurm.conf exec {shutil.which("srun")} "$@"\n')
    wrapper.chmod(0o755)
    others = {name: value for name, value in os.environ.items() if not name.startswith(("SLURM_", "SBATCH_"))}
    return others | {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": f"{folder}/bin:{PATH}"}


def start(command, pid_file, environment):
    """Start a daemon and return its id."""
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(map(str, command))}: {done.stdout}{done.stderr}"
    deadline = time.monotonic() + 20
    while not (pid_file.is_file() and pid_file.read_text().strip()):
        assert time.monotonic() < deadline, f"{command[0]} did not start, see {pid_file.parent}"
        time.sleep(0.1)
    return int(pid_file.read_text())


def stop(daemon):
    """End a daemon that was started here."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(daemon, signal.SIGTERM)
        for _ in range(100):
            time.sleep(0.1)
            os.kill(daemon, 0)
        os.kill(daemon, signal.SIGKILL)


@pytest.fixture(scope="session")
def cluster():
    """Return the environment in which Slurm's commands reach the cluster."""
    if missing := [name for name in ("sbatch", "slurmctld", "slurmd", "munged") if not shutil.which(name, path=PATH)]:
        pytest.skip(f"not installed: {', '.join(missing)} (Debian: apt-get install slurm-wlm munge)")
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))  # munge wants a folder that no other user could write to
    daemons = []
    try:
        folder.chmod(0o755)
        environment = write_configuration(folder)
        munged = ["munged", f"--key-file={folder}/munge.key", f"--seed-file={folder}/munge.seed"]
        munged += [
            f"--socket={folder}/munge.socket",
            f"--pid-file={folder}/munged.pid",
            f"--log-file={folder}/munged.log",
        ]
        daemons.append(start(munged, folder / "munged.pid", environment))
        daemons.append(start(["slurmctld"], folder / "slurmctld.pid", environment))
        for node in NODES:
            daemons.append(start(["slurmd", "-N", node], folder / f"slurmd.{node}.pid", environment))
        yield environment
        subprocess.run(["scancel", f"--user={getpass.getuser()}"], env=environment, check=True)
        time.sleep(5)  # jobs get 3 seconds to end
    finally:
        for daemon in reversed(daemons):
            stop(daemon)
        shutil.rmtree(folder)

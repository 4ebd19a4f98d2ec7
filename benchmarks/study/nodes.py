"""One of two nodes of a Ray cluster is killed in the middle of a trial, and the trial goes on on the other.

    python -m benchmarks.study.nodes

Both nodes are on this machine: a head and a second raylet, with a processor each. The second raylet and its
processes are killed by SIGKILL when the trial that they train has saved a checkpoint, which takes 30 seconds.
(A process whose raylet alone is killed finishes its trial, and its claim keeps others from it.) What the
study comes to is compared with the same study by one process that was never interrupted: weights, optimisers,
histories and results, bit for bit. Needs Ray.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors.numpy import load_file

from poise.run_folder import RunFolder
from poise.studies.asking import Request
from poise.studies.folder import StudyFolder
from poise.studies.preparing import prepare

NETWORKS = {"generator": "mlp", "discriminator": "mlp", "generator.width": 32, "discriminator.width": 32}
CLOCK, DOCTOR = ("seconds", "findings"), "callback/doctor/"
"""What depends on the clock, on which the doctor depends, too."""


def planned(path: Path, budget: str) -> StudyFolder:
    """A study of two settings, each trained alone."""
    folder = StudyFolder(path)
    asked = Request(
        "ring", ("lucic/least-squares",), "narrow", budget, 2, 0, 1, stack=1, settings=NETWORKS, device="cpu"
    )
    prepare(asked, folder)
    return folder


def resume(folder: StudyFolder, *options: str) -> subprocess.Popen[bytes]:
    """The command that goes on with a study, started."""
    command = [sys.executable, "-m", "poise", "study", "resume", str(folder.path), *options]
    return subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"})


@contextmanager
def two_nodes() -> Iterator[tuple[str, int]]:
    """A cluster of two nodes: the address of its head, and the process of the second raylet."""
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0", "OMP_NUM_THREADS": "1"}
    from ray.cluster_utils import Cluster

    each = {"num_cpus": 1, "object_store_memory": 80 * 2**20}
    cluster = Cluster(initialize_head=True, head_node_args={**each, "include_dashboard": False})
    try:
        second = cluster.add_node(**each)
        yield cluster.address, second.all_processes["raylet"][0].process.pid
    finally:
        cluster.shutdown()


def parent(process: int) -> int:
    """The process that has started another one."""
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])


def children(process: int) -> list[int]:
    """The processes that one has started."""
    every = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal())
    found = []
    for one in every:
        try:
            if parent(one) == process:
                found.append(one)
        except OSError:  # it has ended meanwhile
            continue
    return found


def in_the_middle(folder: StudyFolder, raylet: int, driver: subprocess.Popen[bytes]) -> str:
    """The trial that a raylet's worker trains, as soon as it has saved a checkpoint."""
    while driver.poll() is None:
        for claim in folder.claimants():
            name, process = claim.partition(": ")[0], claim.rpartition(" ")[2]
            run = RunFolder(folder.path / "trials" / name)
            if process.isdecimal() and parent(int(process)) == raylet and run.checkpoint_steps():
                return name
        time.sleep(0.1)
    raise RuntimeError("no trial took long enough to save a checkpoint; give a larger budget")


def kill_a_node(folder: StudyFolder) -> dict[str, Any]:
    """Finish a study on two nodes of which one is killed; what was seen of it."""
    with two_nodes() as (address, raylet):
        driver = resume(folder, "--cluster", address)
        name = in_the_middle(folder, raylet, driver)
        claim = folder.path / "claims" / name
        before, killed_at = claim.read_text(), time.monotonic()
        for process in (raylet, *children(raylet)):
            os.kill(process, signal.SIGKILL)
        saved = max(RunFolder(folder.path / "trials" / name).checkpoint_steps())
        while claim.read_text() in ("", before) and driver.poll() is None:
            time.sleep(0.05)
        again = time.monotonic() - killed_at
        return {
            "trial": name,
            "saved_step": saved,
            "seconds_until_claimed_again": round(again, 1),
            "exit_status": driver.wait(),
        }


def contents(folder: StudyFolder) -> dict[str, Any]:
    """Results, histories and tensors of a study, but for what depends on the clock."""
    found: dict[str, Any] = {}
    for name, result in folder.results().items():
        run = folder.path / str(result["folder"])
        found[name] = {key: value for key, value in result.items() if key not in CLOCK}
        for file in run.glob("**/*.safetensors"):
            for key, tensor in load_file(file).items():
                if not key.startswith(DOCTOR):
                    found[f"{name}/{file.relative_to(run)}/{key}"] = (tensor.shape, tensor.tobytes())
        lines = map(json.loads, (run / "history.jsonl").read_text().splitlines())
        found[f"{name}/history"] = [
            {key: value for key, value in line.items() if "second" not in key} for line in lines
        ]
    return found


def main() -> None:
    """Train both studies and compare them."""
    budget = sys.argv[1] if len(sys.argv) > 1 else "300k-images"
    with tempfile.TemporaryDirectory() as place:
        whole, killed = planned(Path(place) / "whole", budget), planned(Path(place) / "killed", budget)
        if resume(whole).wait():
            sys.exit("the study that is not interrupted has failed")
        print(json.dumps(kill_a_node(killed)), flush=True)
        one, other = contents(whole), contents(killed)
        differing = sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
        print(f"{len(one)} results, histories and tensors; different: {differing or 'none'}")


if __name__ == "__main__":
    main()

"""The training loop's peak memory at 1,000, 10,000 and 100,000 images.

    python -m benchmarks.memory [--sizes 1000 10000 100000]

Each size is trained on in a process of its own, from a `.npy` file of 3 x 32 x 32 images. Two figures: the
peak of the process's own memory (RssAnon), which it cannot give back, and that of the file's pages that the
system keeps in memory because there is room and drops when there is none (RssFile).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

STEPS = 60


def child(data: str) -> None:
    """Train for a while and print the peaks, in MB."""
    from poise.recipes import Recipe, recipe_with
    from poise.training import StepContext, begin, pick_device, plan

    peaks = {"own": 0, "file": 0}

    def watch(context: StepContext) -> None:
        status = Path("/proc/self/status").read_text(encoding="ascii")
        fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
        peaks["own"] = max(peaks["own"], int(fields["RssAnon"].split()[0]) // 1024)
        peaks["file"] = max(peaks["file"], int(fields["RssFile"].split()[0]) // 1024)

    recipe = recipe_with(
        Recipe(name="memory"),
        {"generator": {"name": "dcgan", "width": 32}, "discriminator": {"name": "dcgan", "width": 32}},
    )
    planned = plan(data, recipe_with(recipe, {"steps": STEPS, "sample_every": STEPS}), pick_device("cpu"))
    with tempfile.TemporaryDirectory() as folder:
        begin(planned, Path(folder) / "run", callbacks=[watch], notify=print)
    print(json.dumps(peaks))


def main() -> None:
    """Measure each size in a process of its own and print the table."""
    import numpy as np

    parser = argparse.ArgumentParser(description="Peak memory against the size of the data.")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--child", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child(arguments.child)
        return
    print("| images | data, MB | own memory at the peak, MB | pages of files, MB |")
    print("|---|---|---|---|")
    for size in arguments.sizes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "images.npy"
            images = np.lib.format.open_memmap(path, "w+", np.uint8, (size, 3, 32, 32))
            rng = np.random.default_rng(0)
            for start in range(0, size, 10_000):
                piece = images[start : start + 10_000]
                piece[:] = rng.integers(0, 256, piece.shape, dtype=np.uint8)
            images.flush()
            command = [sys.executable, "-m", "benchmarks.memory", "--child", str(path)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            peaks = json.loads(done.stdout.splitlines()[-1])
            print(f"| {size:,} | {size * 3072 / 1e6:.0f} | {peaks['own']} | {peaks['file']} |", flush=True)


if __name__ == "__main__":
    main()

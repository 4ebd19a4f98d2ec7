"""Which recipe for pictures, at equal processor time: distances to pictures that were never trained on.

    OMP_NUM_THREADS=1 python -m benchmarks.choosing FOLDER [--seconds 600] [--few 100] [--only NAME ...]

The last fifth of the files of each sub-folder is held out, since neighbours often show the same thing. Each
recipe has as many steps as fit in the seconds of processor time, by timing some; then 2,000 samples are
compared with the held-out pictures in features of EfficientNet-Lite0 (needs the extra `imagenet`). Writes
`choosing.json` and a grid of samples for each recipe into OUT.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from pathlib import Path
from typing import Any

import poise
from poise.recipes import asked_for
from poise.training import begin, pick_device, plan
from poise.training.rehearsal import step_seconds

NARROW: dict[str, Any] = {
    "generator.width": 32,
    "discriminator.width": 32,
    "batch_size": 32,
    "precision": "auto",
}
STYLES: dict[str, Any] = {
    "generator.channel_base": 2048,
    "discriminator.channel_base": 2048,
    "batch_size": 16,
    "precision": "auto",
    "augmentations.diffaugment": {},
}
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "auto": ("auto", {}),
    "default": ("non-saturating", {}),
    "default, bfloat16, diffaugment": (
        "non-saturating",
        {"precision": "auto", "augmentations.diffaugment": {}},
    ),
    "narrow": ("non-saturating", NARROW),
    "narrow, diffaugment": ("non-saturating", {**NARROW, "augmentations.diffaugment": {}}),
    "hinge-sn, narrow, diffaugment": ("hinge-sn", {**NARROW, "augmentations.diffaugment": {}}),
    "wasserstein-gp, narrow, diffaugment": ("wasserstein-gp", {**NARROW, "augmentations.diffaugment": {}}),
    "relativistic-r1r2, narrow, diffaugment": (
        "relativistic-r1r2",
        {**NARROW, "augmentations.diffaugment": {}},
    ),
    "fastgan, narrow": ("fastgan", {"generator.width": 16, "discriminator.width": 16, "precision": "auto"}),
    "stylegan2, narrow, diffaugment": ("stylegan2", STYLES),
}
METRICS = ["frechet-distance", "kernel-distance", "precision-recall-density-coverage"]


def divided(folder: Path, out: Path, few: int | None) -> tuple[Path, Path]:
    """Links to the pictures to train on and to those held out; `few` are divided among the sub-folders."""
    groups = sorted(one for one in folder.iterdir() if one.is_dir()) or [folder]
    train, test = out / "train", out / "held-out"
    for group in groups:
        files = sorted(one for one in group.iterdir() if one.suffix.lower() in {".png", ".jpg", ".jpeg"})
        cut = len(files) * 4 // 5
        kept = files[:cut]
        if few is not None:
            each = few // len(groups)
            kept = kept[:: max(1, cut // each)][:each]
        for part, rows in ((train, kept), (test, files[cut:])):
            place = part if group == folder else part / group.name
            place.mkdir(parents=True, exist_ok=True)
            for file in rows:
                link = place / file.name
                if not link.exists():
                    link.symlink_to(file.resolve())
    return train, test


def judged(
    name: str, train: Path, test: Path, seconds: float, out: Path, *, resolution: int = 64
) -> dict[str, Any]:
    """One recipe, trained for so many seconds of processor time, and measured."""
    recipe, changes = CASES[name]
    without = {
        "resolution": resolution,
        "held_out": 0.0,
        "evaluate_every": 0,
        "sample_every": 10**6,
        **changes,
    }
    tried = plan(train, asked_for(recipe, without), pick_device("cpu"))
    step = step_seconds(tried, clock=time.process_time)
    steps = max(20, int(seconds / step))
    made = plan(train, asked_for(recipe, {**without, "steps": steps}), pick_device("cpu"))
    run = out / "runs" / name.replace(", ", "-")
    shutil.rmtree(run, ignore_errors=True)
    began = time.process_time()
    begin(made, run, doctor="off", notify=print)
    used = time.process_time() - began
    found = poise.evaluate(run, test, features="efficientnet-lite0", samples=2_000, metrics=METRICS)
    poise.open_run(run).generator.grid(64, seed=1).save(out / f"{run.name}.png")
    values = {one.metric: {"value": one.value, "interval": one.interval} for one in found.results}
    seen = steps * made.recipe.batch_size
    return {"recipe": name, "steps": steps, "images": seen, "processor_seconds": used, **values}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--only", nargs="*", default=list(CASES), choices=list(CASES), metavar="NAME")
    parser.add_argument("--few", type=int)
    parser.add_argument("--out", type=Path, default=Path("choosing"))
    asked = parser.parse_args()
    train, test = divided(asked.folder, asked.out, asked.few)
    results = []
    for name in asked.only:
        results.append(judged(name, train, test, asked.seconds, asked.out))
        print(json.dumps(results[-1], default=str), flush=True)
        (asked.out / "choosing.json").write_text(json.dumps(results, indent=1, default=str))


if __name__ == "__main__":
    main()

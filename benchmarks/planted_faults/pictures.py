"""Pictures for the pages of failures, drawn from recorded runs: samples, and what the doctor measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import matplotlib
import numpy as np
from PIL import Image

from benchmarks.failure_pages import save_picture
from benchmarks.planted_faults.faults import FIRST, Case
from benchmarks.planted_faults.judge import judge_one
from poise.data import Labelled, open_data
from poise.diagnosis import Measurement
from poise.run_folder import RunFolder

matplotlib.use("Agg")

RED, GREY, DARK = "#c2410c", "#9ca3af", "#374151"

DRAWN = {
    "mode-collapse": ("greedy-generator--digits-non-saturating--0", "spread coverage"),
    "mode-hopping": ("unpenalised-ring--ring-non-saturating--0", "coverage distance"),
    "discriminator-dominates": ("sharp-discriminator--digits-non-saturating--0", "auc generator_gradient"),
    "generator-dominates": ("slow-discriminator--digits-non-saturating--0", "auc distance"),
    "oscillation": ("heavy-momentum--ring-non-saturating--0", "centre distance"),
    "discriminator-overfits": (
        "few-images--digits-wasserstein-gp--0",
        "training_above_held_out held_out_gap",
    ),
    "condition-ignored": ("shuffled-labels", "condition_followed condition_response"),
    "memorisation": ("looked-up--digits-wasserstein-gp--0", "copying nearness"),
    "non-finite": ("exploding-rate--digits-wasserstein-gp--0", "generator_loss discriminator_loss"),
    "data-shortcut": ("frame--digits-non-saturating--0", "auc distance"),
    "quality-regressed": ("late-rate--digits-wasserstein-gp--0", "distance movement"),
    "not-learning": ("no-gradient--digits-relativistic-r1r2--0", "movement distance"),
}
"""The run with the fault on each page, and two quantities of its measurements."""

TITLES = {
    "auc": "AUC of the discriminator",
    "centre": "Centre of the samples, in deviations of the data",
    "copying": "C_T; below 0: nearer to training data than new ones",
    "condition_followed": "Share of samples of the class that was asked for",
    "distance": "Energy distance to the data",
    "training_above_held_out": "Training reals scored above held-out ones",
}


class Recorded(NamedTuple):
    """A run: measurements, pictures by step, the onset, and the step at which the finding was named."""

    measurements: list[Measurement]
    samples: list[tuple[int, Path]]
    onset: int
    named: int | None


def draw(out: Path, only: str = "") -> list[Path]:
    """Draw the pictures of the findings whose name holds `only`, from the runs in `out`."""
    if only in "condition-ignored":
        train_conditional_runs(out)
    return [_figure(finding, *row, out) for finding, row in DRAWN.items() if only in finding]


def train_conditional_runs(out: Path) -> None:
    """Runs with conditions by Poise's own training; the planted ones are in a loop that draws nothing."""
    import poise

    labels = np.asarray(open_data("digits").labels)
    shuffled = np.random.default_rng(0).permutation(labels)
    for name, given in (("shuffled-labels", shuffled), ("right-labels", labels)):
        if not (folder := out / "pictures" / name).is_dir():
            poise.train(
                Labelled("digits", given.tolist()), "conditional", generator="mlp", discriminator="mlp",
                steps=1_000, seed=0, log_every=20, sample_every=250, out=folder,
            )  # fmt: skip


def _recorded(name: str, finding: str, out: Path) -> Recorded:
    if "--" in name:
        kind, base, seed = name.split("--")
        fault = next((one for one in FIRST if one.name == kind), None)
        judged = judge_one(Case(base, fault, int(seed)), out)
        lines, run = judged.record["readings"], RunFolder(out / "runs" / name)
        onset, named = int(judged.record["onset"]), judged.named_at.get(finding)
    else:
        run, onset = RunFolder(out / "pictures" / name), 0
        steps = [line["step"] for line in run.lines("findings") if line["name"] == finding]
        lines, named = run.lines("readings"), min(steps, default=None)
    return Recorded([*map(Measurement.from_json, lines)], run.samples(), onset, named)


def _figure(finding: str, name: str, quantities: str, out: Path) -> Path:
    import matplotlib.pyplot as plt

    beside = "--".join(["healthy", *name.split("--")[1:]]) if "--" in name else "right-labels"
    run, healthy = (_recorded(one, finding, out) for one in (name, beside))
    figure = plt.figure(figsize=(9.4, 3.5), dpi=100)
    # The third column is empty: room for the numbers along the curves.
    grid = figure.add_gridspec(2, 4, width_ratios=(1, 1, 0.1, 1.3), left=0.01, right=0.985, top=0.9,
                               bottom=0.13, wspace=0.08, hspace=0.6)  # fmt: skip
    last = run.samples[-1]
    before = [one for one in run.samples if one[0] <= run.onset]
    first = before[-1] if before else min(healthy.samples, key=lambda one: abs(one[0] - last[0]))
    words = "Before it" if before else "The healthy run"
    for column, (title, (step, path)) in enumerate(((words, first), ("With the fault", last))):
        axes = figure.add_subplot(grid[:, column])
        axes.imshow(Image.open(path).convert("RGB"), interpolation="nearest")
        axes.set_title(f"{title}, step {step:,}", fontsize=10, color=DARK)
        axes.axis("off")
    for row, quantity in enumerate(quantities.split()):
        axes = figure.add_subplot(grid[row, 3])
        for of, colour, width in ((healthy, GREY, 1.2), (run, RED, 1.6)):
            axes.plot(*_curve(of.measurements, quantity), color=colour, lw=width)
        if quantity == "generator_gradient":
            axes.set_yscale("log")
        if run.onset:
            axes.axvline(run.onset, color=DARK, lw=0.8, ls=":")
        if run.named is not None:
            axes.axvline(run.named, color=RED, lw=0.8, ls="--")
        title = TITLES.get(quantity, quantity.replace("_", " ").capitalize())
        axes.set_title(title, fontsize=9, color=DARK, loc="left")
        axes.tick_params(labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlabel("step" + ("; dotted: onset" if run.onset else "") + "; dashed: named", fontsize=8)
    file = save_picture(figure, finding)
    plt.close(figure)
    return file


def _curve(measurements: list[Measurement], quantity: str) -> tuple[list[int], list[Any]]:
    """Steps and values; of a list the first, which is along the data's main direction."""
    pairs = [(one.step, getattr(one, quantity)) for one in measurements]
    found = [(step, value) for step, value in pairs if value not in (None, ())]
    return [step for step, _ in found], [
        value[0] if isinstance(value, tuple) else value for _, value in found
    ]

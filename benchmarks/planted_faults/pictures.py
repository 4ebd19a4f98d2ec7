"""Pictures for the pages of failures, drawn from recorded runs: samples, and what the doctor read."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from PIL import Image

from benchmarks.planted_faults.cases import FAULTS, Case
from benchmarks.planted_faults.judge import judge_one
from benchmarks.planted_faults.pages import FOLDER
from poise.data import Labelled, open_data
from poise.run_folder import RunFolder

matplotlib.use("Agg")

LARGEST = 60_000
"""Bytes of a picture."""

COLOURS = 64
RED, GREY, DARK = "#c2410c", "#9ca3af", "#374151"


@dataclass(frozen=True)
class Drawn:
    """What a page's picture shows.

    Attributes:
        finding: Whose page.
        run: The run with the fault.
        quantities: Two quantities of its readings.
        logarithmic: Those of them on a logarithmic scale.
    """

    finding: str
    run: str
    quantities: tuple[str, str]
    logarithmic: tuple[str, ...] = ()


DRAWN = (
    Drawn("mode-collapse", "greedy-generator--digits-non-saturating--0", ("spread", "coverage")),
    Drawn("mode-hopping", "unpenalised-ring--ring-non-saturating--0", ("coverage", "distance")),
    Drawn("discriminator-dominates", "sharp-discriminator--digits-non-saturating--0",
          ("auc", "generator_gradient"), ("generator_gradient",)),
    Drawn("generator-dominates", "slow-discriminator--digits-non-saturating--0", ("auc", "distance")),
    Drawn("oscillation", "heavy-momentum--ring-non-saturating--0", ("centre", "distance")),
    Drawn("discriminator-overfits", "few-images--digits-wasserstein-gp--0",
          ("training_above_held_out", "held_out_gap")),
    Drawn("condition-ignored", "shuffled-labels", ("condition_followed", "condition_response")),
    Drawn("memorisation", "looked-up--digits-wasserstein-gp--0", ("copying", "nearness")),
    Drawn("non-finite", "exploding-rate--digits-wasserstein-gp--0",
          ("generator_loss", "discriminator_loss")),
    Drawn("data-shortcut", "frame--digits-non-saturating--0", ("auc", "distance")),
    Drawn("quality-regressed", "late-rate--digits-wasserstein-gp--0", ("distance", "movement")),
    Drawn("not-learning", "no-gradient--digits-relativistic-r1r2--0", ("movement", "distance")),
)  # fmt: skip


@dataclass(frozen=True)
class Told:
    """A recorded run: readings, pictures by step, the onset, and when the finding was named."""

    measurements: list[dict[str, Any]]
    samples: list[tuple[int, Path]]
    onset: int
    named: int | None


def draw(out: Path, only: str = "") -> list[Path]:
    """Draw the pictures of the pages.

    Args:
        out: Where runs were recorded.
        only: Findings whose name holds this.

    Returns:
        The files.
    """
    if only in "condition-ignored":
        play_conditional_runs(out)
    return [_figure(one, out) for one in DRAWN if only in one.finding]


def play_conditional_runs(out: Path) -> None:
    """The planted faults of conditions are played in a loop that draws nothing; these are, by Poise's own."""
    import poise

    digits = open_data("digits")
    labels = np.asarray(digits.labels)
    shuffled = np.random.default_rng(0).permutation(labels)
    for name, given in (("shuffled-labels", shuffled), ("right-labels", labels)):
        folder = out / "pictures" / name
        if not folder.is_dir():
            poise.train(
                Labelled("digits", [int(label) for label in given]), "conditional", steps=1_000, seed=0,
                generator="mlp", discriminator="mlp", log_every=20, sample_every=250, out=folder,
            )  # fmt: skip


def _told(name: str, finding: str, out: Path) -> Told:
    if "--" not in name:
        run = RunFolder(out / "pictures" / name)
        named = [line["step"] for line in run.lines("findings") if line["name"] == finding]
        return Told(run.lines("readings"), run.samples(), 0, min(named, default=None))
    kind, base, seed = name.split("--")
    fault = next((one for one in FAULTS if one.name == kind), None)
    record = json.loads((out / "records" / f"{name}.json").read_text())
    judged = judge_one(Case(base, fault, int(seed)), record)
    samples = RunFolder(out / "runs" / name).samples()
    return Told(record["readings"], samples, int(record["onset"]), judged.named_at.get(finding))


def _figure(what: Drawn, out: Path) -> Path:
    import matplotlib.pyplot as plt

    healthy_name = "right-labels"
    if "--" in what.run:
        _, base, seed = what.run.split("--")
        healthy_name = f"healthy--{base}--{seed}"
    told, healthy = _told(what.run, what.finding, out), _told(healthy_name, what.finding, out)
    figure = plt.figure(figsize=(9.4, 3.5), dpi=100)
    # The third column is empty: room for the numbers along the curves.
    grid = figure.add_gridspec(2, 4, width_ratios=(1, 1, 0.1, 1.3), left=0.01, right=0.985, top=0.9,
                               bottom=0.13, wspace=0.08, hspace=0.6)  # fmt: skip
    last = told.samples[-1]
    before = [one for one in told.samples if one[0] <= told.onset]
    first = before[-1] if before else min(healthy.samples, key=lambda one: abs(one[0] - last[0]))
    words = "Before it" if before else "The healthy run"
    for column, (title, (step, path)) in enumerate(((words, first), ("With the fault", last))):
        axes = figure.add_subplot(grid[:, column])
        axes.imshow(Image.open(path).convert("RGB"), interpolation="nearest")
        axes.set_title(f"{title}, step {step:,}", fontsize=10, color=DARK)
        axes.axis("off")
    for row, quantity in enumerate(what.quantities):
        axes = figure.add_subplot(grid[row, 3])
        for of, colour, width in ((healthy, GREY, 1.2), (told, RED, 1.6)):
            steps, values = _column(of.measurements, quantity)
            axes.plot(steps, values, color=colour, lw=width)
        if quantity in what.logarithmic:
            axes.set_yscale("log")
        if told.onset:
            axes.axvline(told.onset, color=DARK, lw=0.8, ls=":")
        if told.named is not None:
            axes.axvline(told.named, color=RED, lw=0.8, ls="--")
        axes.set_title(_words(quantity), fontsize=9, color=DARK, loc="left")
        axes.tick_params(labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlabel("step" + ("; dotted: onset" if told.onset else "") + "; dashed: named", fontsize=8)
    file = FOLDER / f"{what.finding}.png"
    _save(figure, file)
    plt.close(figure)
    return file


def _column(measurements: Sequence[dict[str, Any]], quantity: str) -> tuple[list[int], list[float]]:
    """Steps and values; of a list the first, which is along the data's main direction."""
    pairs = [(one["step"], one[quantity]) for one in measurements if one.get(quantity) not in (None, [])]
    return [step for step, _ in pairs], [value[0] if isinstance(value, list) else value for _, value in pairs]


_NAMES = {
    "centre": "Centre of the samples, in deviations of the data",
    "copying": "C_T; below 0: nearer to training data than new ones",
    "condition_followed": "Share of samples of the class that was asked for",
    "distance": "Energy distance to the data",
    "training_above_held_out": "Training reals scored above held-out ones",
}


def _words(quantity: str) -> str:
    return _NAMES.get(quantity, quantity.replace("_", " ").capitalize())


def _save(figure: Any, file: Path) -> None:
    """As a PNG of few colours, and of so many bytes at most."""
    content = io.BytesIO()
    figure.savefig(content, format="png", facecolor="white")
    picture = Image.open(content).convert("RGB")
    for colours in (COLOURS, 32, 16, 8):
        picture.quantize(colours, dither=Image.Dither.NONE).save(file, optimize=True)
        if file.stat().st_size <= LARGEST:
            return

"""Pictures for the pages of failures that are planted in strangers' loops: what the doctor measured.

python -m benchmarks.strangers.pictures [NAME ...]
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import matplotlib
import torch

from benchmarks.strangers.data import data_of
from benchmarks.strangers.play import loop_of
from poise import Monitor
from poise.diagnosis import Measurement

matplotlib.use("Agg")

FOLDER = Path(__file__).parents[2] / "docs" / "failures"
RED, GREY = "#c2410c", "#9ca3af"


class Drawn(NamedTuple):
    """A loop with a fault, and the quantity that shows it."""

    style: str
    data: str
    fault: str
    steps: int
    title: str
    quantity: Callable[[Measurement], float | None]
    logarithmic: bool = False


def _difference(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else first - second


DRAWN = {
    "no-gradient": Drawn(
        "dcgan_tutorial", "digits-8", "detached", 600,
        "Share of the generator's weights that changed", lambda one: one.generator_moved,
    ),
    "latent-ignored": Drawn(
        "dcgan_tutorial", "digits-8", "same-latent", 600,
        "Distance of the fakes to those of the last check", lambda one: one.fake_moved,
    ),
    "modes-apart": Drawn(
        "dcgan_tutorial", "digits-8", "modes-apart", 600,
        "Distance to the data: in eval mode, less that of the loop's fakes",
        lambda one: _difference(one.distance, one.fake_distance),
    ),
    "data-mismatch": Drawn(
        "wgan_gp", "digits-8", "reals-in-0-1", 400,
        "Mean of the loop's reals, less that of those handed over",
        lambda one: _difference(*one.loop_reals.get("mean", (None, None))),
    ),
    "diverging": Drawn(
        "wgan_clip", "digits-8", "no-clipping", 1_500,
        "Greatest of losses and mean scores", lambda one: one.greatest, True,
    ),
    "checkerboard": Drawn(
        "dcgan_tutorial", "hands-16", "chequered", 200,
        "Peak of the grid in the spectrum, over that of the data", lambda one: one.grid, True,
    ),
}  # fmt: skip
"""The loop of each page, and what is drawn of it."""


def draw(name: str) -> Path:
    """Play a loop with its fault and without, and draw what was measured."""
    from matplotlib.figure import Figure

    drawn = DRAWN[name]
    figure = Figure(figsize=(7.2, 2.6), dpi=100, layout="constrained")
    axes = figure.subplots()
    for fault, colour in (("", GREY), (drawn.fault, RED)):
        found = [(one.step, drawn.quantity(one)) for one in _played(drawn, fault)]
        steps = [step for step, value in found if value is not None]
        axes.plot(steps, [value for _, value in found if value is not None], color=colour, linewidth=1.6)
    axes.set_title(drawn.title, fontsize=10, loc="left")
    axes.set_xlabel("step", fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    if drawn.logarithmic:
        axes.set_yscale("log")
    file = FOLDER / f"{name}.png"
    figure.savefig(file)
    return file


def _played(drawn: Drawn, fault: str) -> list[Measurement]:
    torch.manual_seed(0)
    data = data_of(drawn.data)
    monitor = Monitor(data.train, data.held_out, steps=drawn.steps, most_share=1.0)
    for step, have in enumerate(loop_of(drawn.style)(fault, 0, data, steps=drawn.steps, onset=0)):
        names = ("generator", "discriminator", "latent", "real", "fake", "real_scores", "fake_scores",
                 "loss_generator", "loss_discriminator")  # fmt: skip
        monitor.observe(step, **{one: have[one] for one in names if one in have})
    return monitor.measurements


if __name__ == "__main__":
    torch.set_num_threads(1)
    for asked in sys.argv[1:] or DRAWN:
        print(draw(asked))

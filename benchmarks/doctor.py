"""What the doctor costs: its share of the training's time, in our loop and in a plain one.

    python -m benchmarks.doctor [--steps 600] [--width 64] [--batch 64]
    python -m benchmarks.doctor --paces 1 10 100   # the monitor at its defaults, milliseconds a step

DCGAN at 32x32x1. The time inside the doctor is added up and divided by that of the whole; on a CPU nothing
of it runs later. A run has sixty checks whatever its length, so a short run is the dear case: at the default
number of steps of this size, 25,000, each check is spread over forty times as many steps. The dearest check,
the first, which fits what is known of the data once for a run, is told apart. No check is left out for its
time, as training would beyond 3 %.

With `--paces` the monitor has its defaults, 3 % of the time, and is not told how many steps there are. A
plain loop of small networks waits until a step has taken so long. Checks, and the share of the time, are
counted over 2,000 steps, or over 120 seconds.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import softplus

from poise.diagnosis import Monitor
from poise.networks import DISCRIMINATORS, GENERATORS
from poise.recipes import RECIPES, recipe_with
from poise.spec import DataSpec
from poise.tasks.held_out import examined
from poise.training import Request, StepContext, begin, pick_device, plan
from poise.training.callbacks.doctor import Doctor

SPEC, LATENT = DataSpec("image", (1, 32, 32)), 64


@dataclass
class Clock:
    """Seconds spent in something that is called often, of which the first check is kept apart."""

    inside: list[float] = field(default_factory=list)

    def timed(self, action: Callable[[], Any]) -> Any:
        """Do it, and add its time."""
        start = time.perf_counter()
        result = action()
        self.inside.append(time.perf_counter() - start)
        return result

    def shares(self, whole: float) -> tuple[float, float, float]:
        """The share of the whole without the dearest call, that call's seconds, and the median call's."""
        dearest = max(self.inside)
        rest = sum(self.inside) - dearest
        return rest / (whole - dearest), dearest, float(np.median(self.inside))


def images(count: int = 4_096) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Blurred noise: the doctor's work does not depend on what is shown."""
    noise = np.random.default_rng(0).integers(0, 256, (count, 1, 8, 8), dtype=np.uint8)
    return noise.repeat(4, axis=2).repeat(4, axis=3)


def in_training(steps: int, width: int, batch: int) -> tuple[float, float, float]:
    """The doctor as an observer of our loop, at its own schedule."""
    networks = {"generator.width": width, "discriminator.width": width, "batch_size": batch}
    recipe = recipe_with(RECIPES["non-saturating"], {**networks, "steps": steps, "sample_every": steps})
    planned = plan(images(), recipe, pick_device("cpu"))
    doctor = Doctor(planned.recipe, *examined(planned.recipe, planned.dataset), print, most_share=1.0)
    clock = Clock()

    def watch(context: StepContext) -> Request | None:
        found: Request | None = clock.timed(lambda: doctor(context))
        return found

    with tempfile.TemporaryDirectory() as folder:
        outcome = begin(planned, Path(folder) / "run", callbacks=[watch], notify=print, doctor="off")
    return clock.shares(outcome.position.seconds)


def at_pace(seconds: float) -> tuple[int, int, float, float]:
    """The monitor at its defaults: steps, checks, its share of the time, and that without the first check."""
    steps = int(min(2_000, 120 / seconds))
    monitor = Monitor(real=_real()[:2_000], held_out=_real()[2_000:2_200])
    clock, whole = looped(monitor, steps, width=8, batch=8, seconds=seconds)
    return steps, len(monitor.measurements), sum(clock.inside) / whole, clock.shares(whole)[0]


def drop_in(steps: int, width: int, batch: int) -> tuple[float, float, float]:
    """The monitor in somebody's own loop."""
    monitor = Monitor(real=_real()[:2_000], held_out=_real()[2_000:2_200], steps=steps, most_share=1.0)
    clock, whole = looped(monitor, steps, width=width, batch=batch)
    return clock.shares(whole)


def _real() -> torch.Tensor:
    return torch.from_numpy(images()).float() / 127.5 - 1


def looped(
    monitor: Monitor, steps: int, *, width: int, batch: int, seconds: float = 0.0
) -> tuple[Clock, float]:
    """A plain loop with a monitor, whose steps take at least so long: the monitor's time, and the whole."""
    torch.manual_seed(0)
    generator: nn.Module = GENERATORS["dcgan"].build(SPEC, latent_size=LATENT, width=width)
    discriminator: nn.Module = DISCRIMINATORS["dcgan"].build(SPEC, width=width)
    optimisers = [
        torch.optim.Adam(network.parameters(), lr=2e-4, betas=(0.5, 0.999), fused=True)
        for network in (generator, discriminator)
    ]
    data, clock = _real(), Clock()
    began = time.perf_counter()
    for step in range(steps):
        start = time.perf_counter()
        real, latent = data[torch.randint(len(data), (batch,))], torch.randn(batch, LATENT)
        fake = generator(latent)
        optimisers[1].zero_grad()
        real_scores, fake_scores = discriminator(real), discriminator(fake.detach())
        loss_discriminator = (softplus(-real_scores) + softplus(fake_scores)).mean()
        torch.autograd.backward(loss_discriminator)
        optimisers[1].step()
        optimisers[0].zero_grad()
        loss_generator = softplus(-discriminator(fake)).mean()
        torch.autograd.backward(loss_generator)
        optimisers[0].step()
        seen: dict[str, Any] = {
            "generator": generator,
            "discriminator": discriminator,
            "latent": latent,
            "real": real,
            "fake": fake,
            "real_scores": real_scores,
            "fake_scores": fake_scores,
            "loss_generator": loss_generator,
            "loss_discriminator": loss_discriminator,
        }
        left = seconds - (time.perf_counter() - start)
        time.sleep(max(0.0, left - 0.001))  # a processor that only waits is free for others
        while time.perf_counter() - start < seconds:
            pass
        clock.timed(partial(monitor.observe, step, **seen))
    return clock, time.perf_counter() - began


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="What the doctor costs.")
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--paces", type=float, nargs="*", help="milliseconds of a step; the defaults' share")
    arguments = parser.parse_args()
    if arguments.paces:
        print(f"torch {torch.__version__}, {torch.get_num_threads()} threads; the monitor at its defaults")
        print("| ms a step | steps | checks | share of the time | without the first check |")
        print("|---|---|---|---|---|")
        for pace in arguments.paces:
            steps, checks, share, later = at_pace(pace / 1000)
            print(f"| {pace:g} | {steps:,} | {checks} | {share:.1%} | {later:.1%} |", flush=True)
        return
    sizes = arguments.steps, arguments.width, arguments.batch
    print(
        f"torch {torch.__version__}, {torch.get_num_threads()} threads; DCGAN 32x32x1, width {sizes[1]}, "
        f"batch {sizes[2]}, {sizes[0]} steps, sixty checks"
    )
    print("| where | share of the time | first check, s | a step without a check, ms |")
    print("|---|---|---|---|")
    for where, measure in (("in training", in_training), ("drop-in", drop_in)):
        share, first, usual = measure(*sizes)
        print(f"| {where} | {share:.1%} | {first:.2f} | {1000 * usual:.3f} |", flush=True)


if __name__ == "__main__":
    main()

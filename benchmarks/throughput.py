"""Training throughput against plain PyTorch loops, interleaved in one process.

    python -m benchmarks.throughput [--quick] [--widths 32 64] [--batches 64 256]

Ours is `poise train` as people run it for 25,000 steps: history, pictures, averaged generator and checkpoints
(every 30 seconds here, four times as often as by default) on. The peers
are careful loops on the very same networks: channels_last, fused Adam, the loss read every 25 steps, and
neither an average nor checkpoints.

- two forwards: the generator runs once for each player's step, as everybody writes it;
- one forward: the discriminator's fakes are used again for the generator's step.

An observer hands the processor to and fro every few steps, so all three see the same machine.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.utils.flop_counter import FlopCounterMode

from poise.networks import DISCRIMINATORS, GENERATORS
from poise.recipes import Recipe, recipe_with
from poise.spec import DataSpec
from poise.training import Request, StepContext, begin, pick_device, plan
from poise.training.engine import channels_last

LATENT = 64


class PlainLoop:
    """The loop that everybody writes, written with care."""

    def __init__(self, images: np.ndarray[Any, Any], *, width: int, batch: int, one_forward: bool) -> None:
        torch.manual_seed(0)
        shape = images.shape[1:]
        generator = GENERATORS["dcgan"].build(DataSpec("image", shape), latent_size=LATENT, width=width)
        discriminator = DISCRIMINATORS["dcgan"].build(DataSpec("image", shape), width=width)
        self.generator = channels_last(generator)
        self.discriminator = channels_last(discriminator)
        self.optimisers = [
            torch.optim.Adam(network.parameters(), lr=2e-4, betas=(0.5, 0.999), fused=True)
            for network in (self.discriminator, self.generator)
        ]
        self.images = torch.from_numpy(images)
        self.batch, self.one_forward, self.steps = batch, one_forward, 0
        self.losses: list[tuple[float, float]] = []

    def step(self) -> None:
        """One update of both players."""
        real = self.images[torch.randint(len(self.images), (self.batch,))]
        real = real.float().div_(127.5).sub_(1).contiguous(memory_format=torch.channels_last)
        ones, zeros = torch.ones(self.batch), torch.zeros(self.batch)
        discriminator_optimiser, generator_optimiser = self.optimisers

        fake = self.generator(torch.randn(self.batch, LATENT))
        discriminator_optimiser.zero_grad(set_to_none=True)
        loss_discriminator = binary_cross_entropy_with_logits(
            self.discriminator(real), ones
        ) + binary_cross_entropy_with_logits(self.discriminator(fake.detach()), zeros)
        torch.autograd.backward(loss_discriminator)
        discriminator_optimiser.step()

        if not self.one_forward:
            fake = self.generator(torch.randn(self.batch, LATENT))
        generator_optimiser.zero_grad(set_to_none=True)
        loss_generator = binary_cross_entropy_with_logits(self.discriminator(fake), ones)
        torch.autograd.backward(loss_generator)
        generator_optimiser.step()

        self.steps += 1
        if self.steps % 25 == 0:
            self.losses.append((loss_discriminator.item(), loss_generator.item()))


class Interleave:
    """An observer that lets the peers run as many steps whenever ours has run some, and times all."""

    def __init__(self, peers: dict[str, Callable[[], None]], every: int, rounds: int) -> None:
        self.peers, self.every, self.rounds = peers, every, rounds
        self.seconds: dict[str, list[float]] = {name: [] for name in ("poise", *peers)}
        self.since = time.perf_counter()

    def __call__(self, context: StepContext) -> Request | None:
        if context.step % self.every:
            return None
        self.seconds["poise"].append(time.perf_counter() - self.since)
        for name, step in self.peers.items():
            start = time.perf_counter()
            for _ in range(self.every):
                step()
            self.seconds[name].append(time.perf_counter() - start)
        self.since = time.perf_counter()
        return "stop" if context.step >= (self.rounds + 1) * self.every else None


def matrix_peak(size: int = 1536, rounds: int = 5) -> float:
    """The best rate of a float32 matrix product here, in floating-point operations a second."""
    left, right = torch.randn(size, size), torch.randn(size, size)
    rates = []
    for _ in range(rounds):
        start = time.perf_counter()
        torch.mm(left, right)
        rates.append(2 * size**3 / (time.perf_counter() - start))
    return max(rates)


def operations(width: int, batch: int, shape: tuple[int, ...]) -> float:
    """Floating-point operations of one of our steps, counted by torch: what the mathematics asks for."""
    generator = GENERATORS["dcgan"].build(DataSpec("image", shape), latent_size=LATENT, width=width)
    discriminator = DISCRIMINATORS["dcgan"].build(DataSpec("image", shape), width=width)
    real, latent = torch.randn(batch, *shape), torch.randn(batch, LATENT)
    with FlopCounterMode(display=False) as counter:
        fake: Tensor = generator(latent)
        scores = discriminator(real).mean() - discriminator(fake.detach()).mean()
        torch.autograd.grad(scores, list(discriminator.parameters()))
        torch.autograd.grad(discriminator(fake).mean(), list(generator.parameters()))
    return float(counter.get_total_flops())


def measure(width: int, batch: int, rounds: int, every: int) -> dict[str, float]:
    """Medians over the rounds, in images a second, and the ratios round by round."""
    shape = (1, 32, 32)
    images = np.random.default_rng(0).integers(0, 256, (4096, *shape), dtype=np.uint8)
    peers: dict[str, Callable[[], None]] = {
        "two forwards": PlainLoop(images, width=width, batch=batch, one_forward=False).step,
        "one forward": PlainLoop(images, width=width, batch=batch, one_forward=True).step,
    }
    adam = {"learning_rate": 2e-4, "beta1": 0.5, "beta2": 0.999}
    recipe = recipe_with(
        Recipe(name="throughput"),
        {
            "generator": {"name": "dcgan", "width": width},
            "discriminator": {"name": "dcgan", "width": width},
            "latent.size": LATENT,
            "optimisers": {"generator": adam, "discriminator": adam},
            "batch_size": batch,
            "steps": 25_000,
            "checkpoints.every_seconds": 30,
        },
    )
    watch = Interleave(peers, every, rounds)
    with tempfile.TemporaryDirectory() as folder:
        planned = plan(images, recipe, pick_device("cpu"))
        begin(planned, Path(folder) / "run", callbacks=[watch], notify=print)
    # The first round warms up: it makes the optimisers' slots and the libraries' buffers.
    seconds = {name: values[1:] for name, values in watch.seconds.items()}
    done = every * batch
    result = {name: done / statistics.median(values) for name, values in seconds.items()}
    for peer in peers:
        ratios = [theirs / ours for ours, theirs in zip(seconds["poise"], seconds[peer], strict=True)]
        result[f"over {peer}"] = statistics.median(ratios)
    result["share of peak"] = operations(width, batch, shape) / batch * result["poise"] / matrix_peak()
    return result


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description="Training throughput against plain loops.")
    parser.add_argument("--widths", type=int, nargs="+", default=[32, 64])
    parser.add_argument("--batches", type=int, nargs="+", default=[64, 256])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--quick", action="store_true", help="width 32, batch 64 alone")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.widths, arguments.batches = [32], [64]
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, DCGAN 32x32x1, medians of rounds")
    print("| width | batch | poise img/s | two forwards | one forward | ratio two | ratio one | of peak |")
    print("|---|---|---|---|---|---|---|---|")
    for width in arguments.widths:
        for batch in arguments.batches:
            every = max(1, 512 // batch)
            found = measure(width, batch, arguments.rounds, every)
            print(
                f"| {width} | {batch} | {found['poise']:.0f} | {found['two forwards']:.0f} "
                f"| {found['one forward']:.0f} | {found['over two forwards']:.2f} "
                f"| {found['over one forward']:.2f} | {found['share of peak']:.0%} |",
                flush=True,
            )


if __name__ == "__main__":
    main()

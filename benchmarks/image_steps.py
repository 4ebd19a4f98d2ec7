"""Steps of StyleGAN2 and R3GAN against their authors' code, by turns in one process, and the memory of each.

    python -m benchmarks.image_steps --stylegan2 CHECKOUT --r3gan CHECKOUT [--rounds 3] [--batch 8]

CHECKOUT is a clone of NVlabs/stylegan2-ada-pytorch, and one of brownvc/R3GAN, outside of this repository;
both are only run. On a CPU their custom operators give way to the reference paths in plain PyTorch.

Ours is `poise train` with its history and its averaged generator, without doctor, pictures and measurements.
An observer lets the authors' networks, losses and augmentations make as many steps in between, with Adam and
an average as in their loops. Both sides have the same sizes of networks, batches, terms and intervals: R1 on
every 16th step and path length on every 4th, or R1 and R2 on every step. A round is one period: 16 steps of
StyleGAN2, two of R3GAN. Seconds are those of the processor, which other processes on the machine hardly
lengthen. Memory is the peak of a process of its own that makes the dearest step twice, less what the process
had before.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import ctypes
import io
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.metrics import megabytes
from poise.recipes import RECIPES, Recipe, recipe_with
from poise.training import Request, StepContext, begin, pick_device, plan

SIDE, IMAGES = 64, 512
PROBABILITY = 0.5
"""Of ADA's operations, on both sides."""

Steps = Callable[[int], None]
"""What makes the step of a number."""


@dataclass(frozen=True)
class Case:
    """A recipe, its authors' code, and their sizes."""

    name: str
    recipe: str
    authors: str  # The option that names their checkout
    period: int  # Steps in a round
    width: int
    augmented: bool = False


CASES = (
    Case("StyleGAN2", "stylegan2", "stylegan2", 16, 128),
    Case("StyleGAN2 with ADA", "stylegan2", "stylegan2", 16, 128, augmented=True),
    Case("R3GAN", "r3gan", "r3gan", 2, 64),
)
CHANNEL_BASE, LATENT = 2_048, 512


def ours(case: Case, batch: int) -> Recipe:
    """The recipe at the size of the comparison."""
    width = {"width": case.width}
    base = {"channel_base": CHANNEL_BASE} if case.recipe == "stylegan2" else {}
    changes: dict[str, Any] = {
        "generator": {"name": case.recipe, **width, **base},
        "discriminator": {"name": case.recipe, **width, **base},
        "augmentations": {"ada": {"probability": PROBABILITY}} if case.augmented else {},
        "batch_size": batch,
        "steps": 1_000,
        "sample_every": 1_000,
        "evaluate_every": 0,
        "checkpoints.every_seconds": None,
    }
    return recipe_with(RECIPES[case.recipe], changes)


def theirs(case: Case, checkout: Path, batch: int, images: np.ndarray[Any, Any]) -> Steps:
    """Their networks and losses in a loop as theirs."""
    _importable(checkout)
    torch.manual_seed(0)
    reals = torch.from_numpy(images)

    def drawn() -> Tensor:
        return reals[torch.randint(len(reals), (batch,))].float() / 127.5 - 1

    make = _their_stylegan2 if case.recipe == "stylegan2" else _their_r3gan
    return make(case, batch, drawn)


def _importable(checkout: Path) -> None:
    """Put their packages first, with stand-ins for what only downloads."""
    for name in list(sys.modules):
        if name.split(".")[0] in ("training", "torch_utils", "dnnlib", "R3GAN", "metrics"):
            del sys.modules[name]
    versions = ModuleType("pkg_resources")
    vars(versions)["parse_version"] = lambda text: [int(part) for part in re.findall(r"\d+", text)[:2]]
    sys.modules.setdefault("pkg_resources", versions)
    sys.modules.setdefault("requests", ModuleType("requests"))
    sys.path.insert(0, str(checkout))


def _average(generator: nn.Module, batch: int, half_life: int) -> Callable[[], None]:
    averaged, kept = copy.deepcopy(generator).eval(), 0.5 ** (batch / half_life)

    @torch.no_grad()
    def update() -> None:
        for mean, parameter in zip(averaged.parameters(), generator.parameters(), strict=True):
            mean.copy_(parameter.lerp(mean, kept))
        for copied, buffer in zip(averaged.buffers(), generator.buffers(), strict=True):
            copied.copy_(buffer)

    return update


def _their_stylegan2(case: Case, batch: int, drawn: Callable[[], Tensor]) -> Steps:
    from training.augment import AugmentPipe  # type: ignore[import-not-found]
    from training.loss import StyleGAN2Loss  # type: ignore[import-not-found]
    from training.networks import Discriminator, Generator  # type: ignore[import-not-found]

    channels = {"channel_base": CHANNEL_BASE, "channel_max": case.width, "num_fp16_res": 0}
    sizes = {"c_dim": 0, "img_resolution": SIDE, "img_channels": 3}
    generator = Generator(z_dim=LATENT, w_dim=LATENT, synthesis_kwargs=channels, **sizes).train()
    discriminator = Discriminator(**sizes, **channels).train()
    pipe = None
    if case.augmented:
        groups = ("xflip", "rotate90", "xint", "scale", "rotate", "aniso", "xfrac")
        colours = ("brightness", "contrast", "lumaflip", "hue", "saturation")
        pipe = AugmentPipe(**dict.fromkeys((*groups, *colours), 1)).train()
        pipe.p.fill_(PROBABILITY)
    gamma = 0.0002 * SIDE**2 / batch
    loss = StyleGAN2Loss(
        torch.device("cpu"), generator.mapping, generator.synthesis, discriminator, pipe, r1_gamma=gamma
    )
    every = {"G": 4, "D": 16}
    players = {"G": generator, "D": discriminator}
    optimisers = {}
    for name, module in players.items():
        share = every[name] / (every[name] + 1)
        betas = (0.0, 0.99**share)
        optimisers[name] = torch.optim.Adam(module.parameters(), lr=2e-3 * share, betas=betas, eps=1e-8)
        module.requires_grad_(False)
    average, none = _average(generator, batch, 10_000), torch.zeros(batch, 0)

    def step(number: int) -> None:
        real = drawn()
        for name, module in players.items():
            for phase, interval in ((f"{name}main", 1), (f"{name}reg", every[name])):
                if number % interval:
                    continue
                optimisers[name].zero_grad(set_to_none=True)
                module.requires_grad_(True)
                latents = torch.randn(batch, LATENT)
                loss.accumulate_gradients(phase, real, none, latents, none, sync=True, gain=interval)
                module.requires_grad_(False)
                for value in module.parameters():
                    if value.grad is not None:
                        torch.nan_to_num(value.grad, nan=0, posinf=1e5, neginf=-1e5, out=value.grad)
                optimisers[name].step()
        average()

    return step


def _their_r3gan(case: Case, batch: int, drawn: Callable[[], Tensor]) -> Steps:
    from R3GAN.Networks import Discriminator, Generator  # type: ignore[import-not-found]
    from R3GAN.Trainer import AdversarialTraining  # type: ignore[import-not-found]

    widths = [case.width] * 4 + [case.width // 2]
    groups, blocks, latent = [2 * width // 16 for width in widths], [2] * len(widths), 64
    generator = Generator(latent, widths, groups, blocks, 2)
    discriminator = Discriminator(widths[::-1], groups[::-1], blocks, 2)
    training = AdversarialTraining(generator, discriminator)
    optimisers = {
        module: torch.optim.Adam(module.parameters(), lr=2e-4, betas=(0.0, 0.9), eps=1e-8)
        for module in (discriminator, generator)
    }
    average = _average(generator, batch, 500_000)

    def step(number: int) -> None:
        for module, optimiser in optimisers.items():
            optimiser.zero_grad(set_to_none=True)
            module.requires_grad_(True)
            latents, real = torch.randn(batch, latent), drawn()
            if module is discriminator:
                training.AccumulateDiscriminatorGradients(latents, real, None, 2.0)
            else:
                training.AccumulateGeneratorGradients(latents, real, None)
            module.requires_grad_(False)
            optimiser.step()
        average()

    return step


class Turns:
    """An observer that lets the others make a period of steps whenever ours has, and times both."""

    def __init__(self, others: Steps, period: int, rounds: int) -> None:
        self.others, self.period, self.rounds = others, period, rounds
        self.seconds: dict[str, list[float]] = {"ours": [], "theirs": []}
        self.since = time.process_time()

    def __call__(self, context: StepContext) -> Request | None:
        if context.step % self.period:
            return None
        self.seconds["ours"].append(time.process_time() - self.since)
        start = time.process_time()
        for number in range(self.period):
            self.others(number)
        self.seconds["theirs"].append(time.process_time() - start)
        self.since = time.process_time()
        return "stop" if context.step >= (self.rounds + 1) * self.period else None


def pictures() -> np.ndarray[Any, Any]:
    """Noise: what a step costs does not depend on what is seen."""
    return np.random.default_rng(0).integers(0, 256, (IMAGES, 3, SIDE, SIDE), dtype=np.uint8)


def trained(case: Case, batch: int, callback: Callable[[StepContext], Request | None]) -> None:
    """Ours, as people run it."""
    planned = plan(pictures(), ours(case, batch), pick_device("cpu"))
    with tempfile.TemporaryDirectory() as folder:
        begin(planned, Path(folder) / "run", callbacks=[callback], notify=lambda _: None, doctor="off")


def by_turns(case: Case, checkout: Path, batch: int, rounds: int) -> dict[str, list[float]]:
    """Seconds of each round on either side; the first, which warms up, is left out."""
    turns = Turns(theirs(case, checkout, batch, pictures()), case.period, rounds)
    trained(case, batch, turns)
    return {side: values[1:] for side, values in turns.seconds.items()}


def peak(case: Case, side: str, checkout: Path, batch: int) -> float:
    """Megabytes that a side needs above what its process has when the first step begins."""
    if side == "theirs":
        step = theirs(case, checkout, batch, pictures())
        before = held()
        for _ in range(2):
            step(0)
        return megabytes("VmHWM") - before
    found = {}

    def watch(context: StepContext) -> Request | None:
        found["after"] = megabytes("VmHWM")
        return "stop" if context.step > case.period else None

    planned = plan(pictures(), ours(case, batch), pick_device("cpu"))
    before = held()
    with tempfile.TemporaryDirectory() as folder:
        begin(planned, Path(folder) / "run", callbacks=[watch], notify=lambda _: None, doctor="off")
    return found["after"] - before


def held() -> float:
    """Megabytes that the process holds, from where on its peak is counted (Linux with the GNU C library)."""
    ctypes.CDLL(None).malloc_trim(0)  # what checks before the first step have freed
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
    return megabytes("VmRSS")


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description="Steps of StyleGAN2 and R3GAN against their authors' code.")
    parser.add_argument("--stylegan2", type=Path, required=True)
    parser.add_argument("--r3gan", type=Path, required=True)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cases", type=int, nargs="+", default=list(range(len(CASES))))
    parser.add_argument("--no-memory", action="store_true")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    checkouts = {"stylegan2": arguments.stylegan2, "r3gan": arguments.r3gan}
    if arguments.child:
        number, side = arguments.child
        case = CASES[int(number)]
        with contextlib.redirect_stdout(io.StringIO()):
            found = peak(case, side, checkouts[case.authors], arguments.batch)
        print(json.dumps(found))
        return
    threads, batch = torch.get_num_threads(), arguments.batch
    print(f"torch {torch.__version__}, threads: {threads}, {SIDE}x{SIDE}, batches of {batch}")
    print("| | ours, ms a step | theirs | theirs / ours | memory, MB | theirs |")
    print("|---|---|---|---|---|---|")
    for number in arguments.cases:
        case = CASES[number]
        with contextlib.redirect_stdout(io.StringIO()):
            seconds = by_turns(case, checkouts[case.authors], arguments.batch, arguments.rounds)
        each = [1e3 * statistics.median(values) / case.period for values in seconds.values()]
        ratios = [there / here for here, there in zip(seconds["ours"], seconds["theirs"], strict=True)]
        memory = ["-", "-"]
        if not arguments.no_memory:
            memory = [_of_child(number, side) for side in ("ours", "theirs")]
        print(
            f"| {case.name} | {each[0]:.0f} | {each[1]:.0f} | {statistics.median(ratios):.2f} "
            f"({min(ratios):.2f} to {max(ratios):.2f}) | {memory[0]} | {memory[1]} |",
            flush=True,
        )


def _of_child(number: int, side: str) -> str:
    command = [sys.executable, "-m", "benchmarks.image_steps", *sys.argv[1:], "--child", str(number), side]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return f"{json.loads(done.stdout.splitlines()[-1]):.0f}"


if __name__ == "__main__":
    main()

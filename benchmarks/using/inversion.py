"""Inversion in numbers: own samples recovered, held-out pictures against simpler ways, and the time it takes.

    python -m benchmarks.using.inversion recovery RUN [RUN ...] [--samples 32] [--space w]
    python -m benchmarks.using.inversion basin RUN [--samples 8]
    python -m benchmarks.using.inversion held-out RUN TRAIN TEST [--pictures 16]
    python -m benchmarks.using.inversion speed RUN [--pictures 64]

`recovery` inverts samples of the generator, rounded to 8 bits: the share within half a level of 8 bits, root
mean square. `basin` says from how far Gauss-Newton alone leads back to a sample's own latent, and how far the
encoder's guess is from it. `held-out` compares pictures that were not trained on with the nearest training
picture, and with plain Adam on the latent: one start from chance, the squared error of pixels, the same
seconds. `speed` times pictures with 8 starts and 300 steps. One JSON object a line.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from poise.data import default_cache
from poise.generator import Generator, Search
from poise.generator.detail import add_detail, detail_layer
from poise.generator.gauss_newton import refined
from poise.generator.inversion import LEVEL, TOLERANCE, Found, Starts, find, levels_apart
from poise.generator.likeness import Likeness, likeness_of
from poise.generator.pictures import open_pictures
from poise.generator.recovery import recovery
from poise.generator.spaces import Space, samples_of, space_of
from poise.metrics.intervals import interval_of_mean
from poise.metrics.translation_errors import peak_signal_to_noise, structural_similarity
from poise.randomness import derive


def tell(**facts: Any) -> None:
    print(json.dumps({"threads": torch.get_num_threads(), **facts}), flush=True)


def opened(run: Path, space: str | None, search: Search) -> tuple[Generator, Starts, float]:
    """A generator, where its searches begin, and the seconds that the encoder took."""
    generator, began = Generator.load(run), time.perf_counter()
    starts = Starts.of(space_of(generator, space), search, cache=default_cache())
    return generator, starts, time.perf_counter() - began


def of_recovery(run: Path, space: str | None, samples: int) -> None:
    search = Search()
    generator, starts, encoder = opened(run, space, search)
    began = time.perf_counter()
    found = recovery(starts, likeness_of(generator), search, samples=samples)
    tell(
        figure="recovery",
        run=run.name,
        network=generator.description["network"]["name"],
        shape=list(generator.shape),
        step=generator.description["step"],
        space=starts.space.name,
        coordinates=starts.space.size,
        samples=samples,
        rate=found.rate,
        interval=[round(end, 3) for end in found.interval],
        tolerance=found.tolerance,
        psnr=round(found.psnr, 1),
        encoder_seconds=round(encoder, 1),
        seconds=round(time.perf_counter() - began, 1),
    )


def of_basin(run: Path, samples: int) -> None:
    """How many of four starts a sample come back, by their distance in deviations of a coordinate."""
    generator, starts, _ = opened(run, None, Search())
    latent, condition = samples_of(generator, samples, seed=derive(0, 0, "recovery") % 2**31)
    own = starts.space.coordinates(latent, condition)
    with torch.no_grad():
        targets = starts.space.images(own, condition).clamp(-1, 1)
    targets = torch.round((targets + 1) / LEVEL) * LEVEL - 1

    def back(at: Tensor, each: int) -> int:
        kinds = None if condition is None else condition.repeat_interleave(each, 0)
        wanted = targets.repeat_interleave(each, 0)
        found, _ = refined(starts.space, at, kinds, wanted, Likeness())
        with torch.no_grad():
            made = starts.space.images(found, kinds).clamp(-1, 1)
        return int((levels_apart(made, wanted) <= TOLERANCE).sum())

    shares, stream = dict[str, str](), torch.Generator().manual_seed(1)
    for away in (0.2, 0.5, 0.8):
        near = own.repeat_interleave(4, 0)
        near = (near + away * torch.randn(near.shape, generator=stream)) / math.sqrt(1 + away**2)
        shares[f"{away:g}"] = f"{back(near, 4)} of {len(near)}"
    assert starts.encoder is not None
    with torch.no_grad():
        guess = starts.encoder(targets)
    apart = float((guess - own).square().mean().sqrt())
    of_guess = f"{back(guess, 1)} of {samples}"
    tell(figure="basin", run=run.name, back=shares, guess_apart=round(apart, 2), back_from_guess=of_guess)


def plain_adam(space: Space, targets: Tensor, seconds: float) -> Tensor:
    """The best results of Adam from one start of chance, by the squared error of pixels."""
    latent, condition = samples_of(space.generator, len(targets), seed=123)
    values = space.coordinates(latent, condition).requires_grad_()
    optimiser = torch.optim.Adam([values], lr=0.1)
    best, least = torch.zeros_like(targets), torch.full((len(targets),), torch.inf)
    began = time.perf_counter()
    while time.perf_counter() - began < seconds:
        made = space.images(values, condition)
        loss = (made - targets).square().flatten(1).mean(1)
        better = loss.detach() < least
        best[better], least = made.detach()[better].clamp(-1, 1), torch.minimum(least, loss.detach())
        optimiser.zero_grad()
        loss.sum().backward()
        optimiser.step()
    return best


def of_held_out(run: Path, train: str, test: str, pictures: int) -> None:
    search = Search()
    generator, starts, encoder = opened(run, None, search)
    known, held_out = open_pictures(generator, train).images, open_pictures(generator, test).images
    held_out = held_out[torch.linspace(0, len(held_out) - 1, pictures).long()]
    near = torch.cdist(held_out.flatten(1), known.flatten(1)).argmin(1)
    began, likeness = time.perf_counter(), likeness_of(generator)
    found = Found.joined(list(find(starts, held_out, likeness, search)))
    layer = detail_layer(generator)
    assert layer is not None
    _, detailed = add_detail(starts.space, found.coordinates, found.condition, held_out, likeness, layer)
    seconds = time.perf_counter() - began
    results = {
        "inversion": detailed,
        "inversion without detail": found.images,
        "nearest training picture": known[near],
        "plain Adam, one start": plain_adam(starts.space, held_out, seconds),
    }
    ours = peak_signal_to_noise(detailed, held_out)
    for way, images in results.items():
        psnr = peak_signal_to_noise(images, held_out)
        gain = ours - psnr
        ends = [round(end, 2) for end in interval_of_mean(gain)]
        tell(
            figure="held-out",
            run=run.name,
            way=way,
            pictures=pictures,
            psnr=round(float(psnr.mean()), 2),
            ssim=round(float(structural_similarity(images, held_out).mean()), 3),
            gain=round(float(gain.mean()), 2),
            gain_interval=ends,
            seconds=round(seconds, 1),
            encoder_seconds=round(encoder, 1),
        )


def of_speed(run: Path, pictures: int) -> None:
    search = Search(starts=8, steps=300)
    generator, starts, encoder = opened(run, None, search)
    latent, condition = samples_of(generator, pictures, seed=9)
    with torch.no_grad():
        made = starts.space.images(starts.space.coordinates(latent, condition), condition).clamp(-1, 1)
    targets = (made + made.roll(1, 0)) / 2  # Which no latent makes, so that the search goes to its end
    likeness, began, processor = likeness_of(generator), time.perf_counter(), time.process_time()
    list(find(starts, targets, likeness, search))
    tell(
        figure="speed",
        run=run.name,
        shape=list(generator.shape),
        pictures=pictures,
        starts=8,
        steps=300,
        seconds=round(time.perf_counter() - began, 1),
        processor_seconds=round(time.process_time() - processor, 1),
        encoder_seconds=round(encoder, 1),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    figures = parser.add_subparsers(dest="figure", required=True)
    one = figures.add_parser("recovery")
    one.add_argument("runs", nargs="+", type=Path)
    one.add_argument("--space")
    one.add_argument("--samples", type=int, default=32)
    one = figures.add_parser("basin")
    one.add_argument("run", type=Path)
    one.add_argument("--samples", type=int, default=8)
    one = figures.add_parser("held-out")
    one.add_argument("run", type=Path)
    one.add_argument("train")
    one.add_argument("test")
    one.add_argument("--pictures", type=int, default=16)
    one = figures.add_parser("speed")
    one.add_argument("run", type=Path)
    one.add_argument("--pictures", type=int, default=64)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    if chosen.figure == "recovery":
        for run in chosen.runs:
            of_recovery(run, chosen.space, chosen.samples)
    elif chosen.figure == "basin":
        of_basin(chosen.run, chosen.samples)
    elif chosen.figure == "held-out":
        of_held_out(chosen.run, chosen.train, chosen.test, chosen.pictures)
    else:
        of_speed(chosen.run, chosen.pictures)


if __name__ == "__main__":
    main()

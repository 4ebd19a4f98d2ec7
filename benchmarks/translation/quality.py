"""Train the recipes, and lay what they make beside what it should be."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.translation.judging import constant_colourings, judged_on
from poise.data import Domains, Encoding, Pairs, open_data, to_pillow, to_pixels
from poise.recipes import RECIPES, Recipe, recipe_with
from poise.training import begin, pick_device, plan
from poise.training.setups import SETUPS
from poise.training.translations import translated

HELD_OUT = 0.2
SHOWN = 24


@dataclass(frozen=True)
class Sizes:
    """How much is trained; the tiny ones only show that it runs.

    Attributes:
        resolution: Pixels a side.
        pairs_steps: Steps of pix2pix, of 16 pairs.
        domains_steps: Steps of CycleGAN, of 4 images of either domain.
        width: Of the U-Net.
        residual_width: Of CycleGAN's generators.
        blocks: Of CycleGAN's generators.
        discriminator_width: Of all discriminators.
        rounds: Rounds of the throughput.
    """

    resolution: int = 32
    pairs_steps: int = 6_000
    domains_steps: int = 4_000
    width: int = 24
    residual_width: int = 16
    blocks: int = 4
    discriminator_width: int = 32
    rounds: int = 15


TINY = Sizes(16, 3, 3, 4, 4, 1, 4, 2)


@dataclass(frozen=True)
class Trained:
    """A network and how long it took.

    Attributes:
        made: Held-out line art as it colours it.
        back: That translated back; `None` where there is no way back.
        seconds: Of training.
        images: Seen.
    """

    made: Tensor
    back: Tensor | None
    seconds: float
    images: int


def recipe_for(name: str, sizes: Sizes, seed: int, **more: Any) -> Recipe:
    """The named recipe at the size of the benchmark."""
    pairs = name == "pix2pix"
    network = (
        {"width": sizes.width, "dropout": 0.2}
        if pairs
        else {"width": sizes.residual_width, "blocks": sizes.blocks}
    )
    changes: dict[str, Any] = {
        "resolution": sizes.resolution,
        "seed": seed,
        "steps": sizes.pairs_steps if pairs else sizes.domains_steps,
        "batch_size": 16 if pairs else 4,
        "constant_rate_share": 0.5,
        "average.half_life": 20_000,
        "discriminator.width": sizes.discriminator_width,
        "checkpoints.every_seconds": None,
        **{f"generator.{key}": value for key, value in network.items()},
        **({"optimisers.generator.rate": 5e-4} if pairs else {"channels": 3}),
    }
    return recipe_with(RECIPES[name], changes | more)


def train(data: Any, recipe: Recipe, line: Tensor) -> Trained:
    """Train, and translate the held-out line art with the averaged generator."""
    planned = plan(data, recipe, pick_device("cpu"))
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        begin(planned, Path(folder) / "run", say=print)
    seconds = time.monotonic() - start
    module = planned.assembly.average.current()
    directions = SETUPS[recipe.game.name].directions
    assert directions is not None and planned.source.condition is not None
    ways = directions(module)
    latent = torch.zeros(len(line), recipe.latent.size)
    taken = line[:, : planned.source.condition.shape[0]]
    made = translated(ways["a-to-b"], latent, taken, seed=recipe.seed).clamp(-1, 1)
    back = translated(ways["b-to-a"], latent, made, seed=recipe.seed) if "b-to-a" in ways else None
    return Trained(made, back, seconds, (recipe.steps or 0) * recipe.batch_size)


def pairs_part(root: Path, sizes: Sizes, seed: int, picture: Path | None) -> list[str]:
    """Train pix2pix and the U-Net alone, and lay both beside constant colourings."""
    data = Pairs(root / "line", root / "color", held_out=HELD_OUT)
    source = open_data(data, resolution=sizes.resolution, seed=seed)
    judge = judged_on(source)
    rows = {name: judge(made) for name, made in constant_colourings(source, judge.line).items()}
    best = min(row["l1"] for row in rows.values())
    trained = {
        name: train(data, recipe_for("pix2pix", sizes, seed, **more), judge.line)
        for name, more in {"U-Net with L1 alone": {"game.adversarial": 0.0}, "pix2pix": {}}.items()
    }
    rows |= {name: judge(one.made) for name, one in trained.items()}
    table = [
        "| colouring | L1 (95 %) | below the best constant | PSNR | SSIM | Fréchet | seconds |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        seconds = f"{trained[name].seconds:.0f}" if name in trained else ""
        table.append(
            f"| {name} | {error_of(row)} | {1 - row['l1'] / best:.1%} "
            f"| {row['psnr']:.2f} | {row['ssim']:.3f} | {row['frechet']:.3f} | {seconds} |"
        )
    below, nearer = (
        1 - rows["pix2pix"]["l1"] / best,
        rows["pix2pix"]["frechet"] / rows["U-Net with L1 alone"]["frechet"],
    )
    said = [
        f"- L1 at least 25 % below the best constant colouring: {verdict(below >= 0.25)}; {below:.1%} below.",
        f"- Fréchet distance below that of the U-Net with L1 alone: {verdict(nearer < 1)}; "
        f"{nearer:.2f} times it.",
        f"- Seed {seed}, {len(source)} training pairs, {len(judge.line)} held out, "
        f"{trained['pix2pix'].images:,} pairs seen; the floor of the Fréchet distance is {judge.floor:.3f}.",
    ]
    if picture is not None:
        chosen = torch.linspace(0, len(judge.line) - 1, min(SHOWN, len(judge.line))).long()
        columns = [judge.line, trained["U-Net with L1 alone"].made, trained["pix2pix"].made, judge.colour]
        save_picture(picture, [column[chosen] for column in columns])
    return [*table, "", *said]


def domains_part(root: Path, sizes: Sizes, seed: int, picture: Path | None) -> list[str]:
    """Train CycleGAN, and hold it against the pairs that it was never told."""
    data = Domains(root / "line", root / "color", held_out=HELD_OUT)
    truth = open_data(
        Pairs(root / "line", root / "color", held_out=HELD_OUT), resolution=sizes.resolution, seed=seed
    )
    judge = judged_on(truth)
    trained = train(data, recipe_for("cyclegan", sizes, seed), judge.line)
    assert trained.back is not None
    cycle = float((trained.back - judge.line).abs().mean())
    same, row = judge(judge.line), judge(trained.made)
    table = [
        "| translation | paired L1 (95 %) | Fréchet | error after the way there and back | seconds |",
        "|---|---|---|---|---|",
        f"| identity | {error_of(same)} | {same['frechet']:.3f} | 0 | |",
        f"| cyclegan | {error_of(row)} | {row['frechet']:.3f} | {cycle:.4f} | {trained.seconds:.0f} |",
    ]
    said = [
        f"- Paired L1 below the identity's: {verdict(row['l1'] < same['l1'])}; "
        f"by {1 - row['l1'] / same['l1']:.1%}.",
        f"- Fréchet distance at most half the identity's: {verdict(row['frechet'] <= same['frechet'] / 2)}; "
        f"{row['frechet'] / same['frechet']:.2f} times it.",
        f"- Seed {seed}, {trained.images:,} images of either domain seen.",
    ]
    if picture is not None:
        chosen = torch.linspace(0, len(judge.line) - 1, min(SHOWN, len(judge.line))).long()
        columns = [judge.line, trained.made, trained.back, judge.colour]
        save_picture(picture, [column[chosen] for column in columns])
    return [*table, "", *said]


def save_picture(path: Path, columns: Sequence[Tensor]) -> None:
    """Rows of images, three groups side by side, one image of each column in a group."""
    pixels = to_pixels(
        torch.stack([column.expand(-1, 3, -1, -1) for column in columns], 1).flatten(0, 1), Encoding("pixels")
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    to_pillow(pixels, columns=3 * len(columns)).quantize(128).save(path, optimize=True)


def error_of(row: Mapping[str, float]) -> str:
    """The L1 with its interval."""
    return f"{row['l1']:.4f} ({row['low']:.4f} to {row['high']:.4f})"


def verdict(reached: bool) -> str:
    """In words."""
    return "reached" if reached else "not reached"

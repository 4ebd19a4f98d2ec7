"""Train the recipes, and measure what they make beside what it should be."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.translation.judging import Judge, constant_colourings, judged_on, part_of, references
from poise.data import Domains, Pairs, Pixels, open_data, to_pillow, to_pixels
from poise.generator import Generator
from poise.recipes import RECIPES, Recipe, recipe_with
from poise.run_folder import RunFolder
from poise.training import Resumption, begin, pick_device, plan, resume

HELD_OUT = 0.2
SHOWN = 24
JSON = dict[str, Any]

ALONE = "U-Net with L1 alone"
RESIDUAL, LINKED = "cyclegan, residual generators", "cyclegan, U-Nets"


@dataclass(frozen=True)
class Sizes:
    """How much is trained; the tiny ones only show that it runs.

    Attributes:
        resolution: Pixels a side.
        pairs_steps: Steps of pix2pix, of 16 pairs.
        domains_steps: Steps of CycleGAN with residual generators, of 8 images of either domain.
        linked_steps: Steps of CycleGAN with U-Nets, of as many images.
        width: Of the U-Net.
        residual_width: Of CycleGAN's generators.
        blocks: Of CycleGAN's generators.
        discriminator_width: Of all discriminators.
        rounds: Rounds of the throughput.
    """

    resolution: int = 32
    pairs_steps: int = 6_000
    domains_steps: int = 1_500
    linked_steps: int = 4_500
    width: int = 32
    residual_width: int = 16
    blocks: int = 4
    discriminator_width: int = 32
    rounds: int = 20


TINY = Sizes(16, 3, 3, 3, 4, 4, 1, 4, 2)


def residual(sizes: Sizes) -> dict[str, Any]:
    """CycleGAN with the generators of its paper, and no images made at home."""
    return {
        "steps": sizes.domains_steps,
        "generator.width": sizes.residual_width,
        "generator.blocks": sizes.blocks,
        "game.identity": 0.0,
    }


def linked(sizes: Sizes) -> dict[str, Any]:
    """CycleGAN with U-Nets, whose links hand lines across as they are, and the identity loss of its paper."""
    return {
        "steps": sizes.linked_steps,
        "generator.name": "unet",
        "generator.norm": "instance",
        "generator.dropout": 0.0,
        "generator.most_multiple": 4,
        "generator.width": sizes.width,
    }


def recipe_for(name: str, sizes: Sizes, seed: int, **more: Any) -> Recipe:
    """The named recipe at the size of the benchmark."""
    own: dict[str, dict[str, Any]] = {
        "pix2pix": {
            "steps": sizes.pairs_steps,
            "batch_size": 16,
            "generator.width": sizes.width,
            "generator.most_multiple": 4,
            "generator.dropout": 0.2,
            "optimisers.generator.learning_rate": 5e-4,
        },
        "cyclegan": {
            "batch_size": 8,
            "channels": 3,
            "optimisers.generator.learning_rate": 5e-4,
            "optimisers.discriminator.learning_rate": 5e-4,
        },
    }
    changes = {
        "resolution": sizes.resolution,
        "seed": seed,
        "constant_rate_share": 0.5,
        "ema.half_life": 10_000,
        "discriminator.width": sizes.discriminator_width,
    }
    return recipe_with(RECIPES[name], changes | own[name] | more)


def trained(data: Any, recipe: Recipe, runs: Path) -> tuple[Generator, JSON]:
    """The averaged generator of a recipe's run: trained, gone on with, or as it lies there from before.

    Args:
        data: Pairs or domains.
        recipe: What to do with them.
        runs: Where runs are kept, each by the digest of its recipe.

    Returns:
        The generator, and how long its training took and how many images it saw.
    """
    digest = hashlib.sha256(json.dumps(recipe.model_dump(), sort_keys=True).encode()).hexdigest()[:8]
    path = runs / f"{recipe.name}-seed-{recipe.seed}-{digest}"
    device = pick_device("cpu")
    if not (path / "recipe.json").exists():
        begin(plan(data, recipe, device), path, notify=print)
    elif RunFolder.open(path).status != "finished":
        resume(Resumption(path, device), notify=print)
    last = RunFolder.open(path).lines("history")[-1]
    return Generator.load(path), {"seconds": last["seconds"], "images_seen": last["images_seen"]}


def pairs_part(root: Path, sizes: Sizes, seed: int, runs: Path, picture: Path | None) -> JSON:
    """Train pix2pix and the U-Net alone, and measure both beside constant colourings and bounds."""
    data = Pairs(root / "line", root / "color", held_out=HELD_OUT)
    source = open_data(data, resolution=sizes.resolution, seed=seed)
    judge = judged_on(source)
    colourings = constant_colourings(source, judge.line)
    constant = {name: judge(made) for name, made in colourings.items()}
    bounds = {name: judge(made) for name, made in references(source, judge).items()}
    networks, made = {}, {}
    for name, more in {ALONE: {"game.adversarial": 0.0}, "pix2pix": {}}.items():
        generator, facts = trained(data, recipe_for("pix2pix", sizes, seed, **more), runs)
        made[name] = generator.translated(judge.line[:, : generator.input_shape("a-to-b")[0]])
        networks[name] = judge(made[name]) | facts
    if picture is not None:
        save_picture(picture, [judge.line, made[ALONE], made["pix2pix"], judge.colour])
    return {
        "constant": constant,
        "bounds": bounds,
        "networks": networks,
        "mixture": mixture(judge, made[ALONE], made["pix2pix"], colourings),
        "training": len(source),
        "held_out": len(judge.line),
        "known": int(judge.known.sum()),
        "floor": judge.floor,
    }


def mixture(judge: Judge, alone: Tensor, game: Tensor, constants: Mapping[str, Tensor]) -> JSON:
    """Both networks' outputs mixed: how much of the first it takes to be nearer than a constant colour.

    The share is the least in eighths whose L1 is below that of the best constant colouring on every other
    held-out image; all that is told is of the others, which had no part in it.
    """
    chosen_on, told_of = slice(0, None, 2), slice(1, None, 2)

    def mixed(share: float) -> Tensor:
        return share * alone + (1 - share) * game

    judges = {rows.start: part_of(judge, rows) for rows in (chosen_on, told_of)}

    def judged(made: Tensor, rows: slice) -> dict[str, float]:
        return judges[rows.start](made[rows])

    bound = min(judged(made, chosen_on)["l1"] for made in constants.values())
    shares = [eighths / 8 for eighths in range(9)]
    share = next((one for one in shares if judged(mixed(one), chosen_on)["l1"] < bound), 1.0)
    return {
        "share": share,
        "images": len(judges[1].line),
        "constant": min(judged(made, told_of)["l1"] for made in constants.values()),
        "alone": judged(alone, told_of),
        "game": judged(game, told_of),
        "mixed": judged(mixed(share), told_of),
    }


def domains_part(root: Path, sizes: Sizes, seed: int, runs: Path, picture: Path | None) -> JSON:
    """Train CycleGAN, and hold it against the pairs that it was never told."""
    pairs = Pairs(root / "line", root / "color", held_out=HELD_OUT)
    source = open_data(pairs, resolution=sizes.resolution, seed=seed)
    judge = judged_on(source)
    data = Domains(root / "line", root / "color", held_out=HELD_OUT)
    networks, columns = {}, [judge.line]
    for name, more in {RESIDUAL: residual(sizes), LINKED: linked(sizes)}.items():
        generator, facts = trained(data, recipe_for("cyclegan", sizes, seed, **more), runs)
        made = generator.translated(judge.line)
        back = generator.translated(made, direction="b-to-a")
        drawn = generator.translated(judge.colour, direction="b-to-a")
        columns.append(made)
        networks[name] = {
            **judge(made),
            **facts,
            "cycle": float((back - judge.line).abs().mean()),
            "lines": float((drawn - judge.line).abs().mean()),
        }
    if picture is not None:
        save_picture(picture, [*columns, judge.colour])
    same = {"cycle": 0.0, "lines": float((judge.colour - judge.line).abs().mean())}
    return {"identity": judge(judge.line) | same, "networks": networks, "floor": judge.floor}


def save_picture(path: Path, columns: Sequence[Tensor]) -> None:
    """Rows of images spread over those held out, three groups side by side, one of each column in a group."""
    chosen = torch.linspace(0, len(columns[0]) - 1, min(SHOWN, len(columns[0]))).long()
    laid = torch.stack([column[chosen].expand(-1, 3, -1, -1) for column in columns], 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = to_pixels(laid.flatten(0, 1), Pixels())
    to_pillow(pixels, columns=3 * len(columns)).quantize(128).save(path, optimize=True)


def best_constant(facts: Mapping[str, Any]) -> float:
    """The least L1 of a colouring with one colour."""
    return min(float(row["l1"]) for row in facts["constant"].values())

"""The ring and the grid of the PacGAN paper, with its networks and settings, many seeds at once.

    python -m benchmarks.mixtures [--quick] [--mixtures ring grid] [--methods ...] [--seeds 10] [--steps N]
                                  [--device auto] [--runs runs/mixtures] [--page docs/benchmarks/mixtures.md]

In full: ten seeds of each method, 400,000 simultaneous updates of batches of 100 packs, as published,
which asks for a GPU. `--quick` is for two CPU cores and ten minutes: networks of a quarter of the width,
batches of 64, up to ten times the rate, three seeds and 800 steps; its numbers are not comparable with the
published ones, and it says so.

Interrupted, the same command goes on where it stopped. The results are kept as JSON beside the page.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.many_runs import mean_and_error, seeds_trained
from poise.recipes import RECIPES, Recipe, recipe_with
from poise.run_folder import RunFolder
from poise.training import pick_device

METRICS = ("modes", "high_quality", "reverse_kl")

PAPER: dict[str, Any] = {
    "generator": {"name": "mlp", "width": 400, "depth": 4, "batch_norm": True, "initial_std": 0.02},
    "discriminator": {"name": "mlp", "width": 200, "depth": 3, "maxout_pieces": 5, "initial_std": 0.02},
    "latent.size": 2,
    "batch_size": 100,
    "ema.half_life": 0,
}
"""Lin et al. 2018, appendix: networks, latent and batch; what is sampled is the generator itself."""

OURS: dict[str, Any] = {
    "generator": {"name": "mlp", "width": 128, "depth": 3},
    "discriminator": {"name": "mlp", "width": 128, "depth": 3},
    "latent.size": 2,
    "batch_size": 128,
    "regularisers.r1.every": 1,
    "regularisers.r1.weight": 0.3,
    "optimisers.generator.learning_rate": 1e-3,
    "optimisers.discriminator.learning_rate": 1e-3,
    "constant_rate_share": 0.3,
}
"""The default recipe with R1 on every step and rates that fall, on smaller networks."""


@dataclass(frozen=True)
class Method:
    """A row of the table.

    Attributes:
        name: What people type after `--methods`.
        title: What the table calls it.
        recipe: The recipe that it starts from.
        changes: What differs from it.
        published: The paper's numbers by mixture: modes, high quality in percent, reverse KL, as printed.
        steps: Updates in full; `None` for those of the paper.
    """

    name: str
    title: str
    recipe: str
    changes: Mapping[str, Any]
    published: Mapping[str, tuple[str, str, str]]
    steps: int | None = None


def _pacgan(packing: int, ring: tuple[str, str, str], grid: tuple[str, str, str]) -> Method:
    title = "GAN" if packing == 1 else f"PacGAN{packing}"
    return Method(title.lower(), title, "pacgan", {**PAPER, "packing": packing}, {"ring": ring, "grid": grid})


PAPER_STEPS = 400_000
METHODS = (
    _pacgan(1, ("6.3±.5", "98.2±.2", ".45±.09"), ("17.3±.8", "94.8±.7", ".70±.07")),
    _pacgan(2, ("7.9±.1", "95.6±2.0", ".07±.03"), ("23.8±.7", "91.3±.8", ".13±.04")),
    _pacgan(3, ("7.8±.1", "97.7±.3", ".10±.02"), ("24.6±.4", "94.2±.4", ".06±.02")),
    _pacgan(4, ("7.8±.1", "95.9±1.4", ".07±.02"), ("24.8±.2", "93.6±.6", ".04±.01")),
    Method("wgan-gp", "WGAN-GP, 5 critic steps", "wasserstein-gp", PAPER, {}),
    Method("r1", "GAN with R1 0.3", "pacgan", {**PAPER, "packing": 1, "regularisers.r1.weight": 0.3}, {}),
    Method("consensus", "consensus, RMSProp", "consensus", PAPER, {}),
    Method("relativistic", "relativistic with R1 and R2", "relativistic-r1r2", PAPER, {}),
    Method("poise", "our best: R1 0.3, falling rates, average", "non-saturating", OURS, {}, steps=20_000),
)
TITLES = {"modes": "modes", "high_quality": "high quality, %", "reverse_kl": "reverse KL"}
QUICK_STEPS, QUICK_SEEDS, QUICK_BATCH = 800, 3, 64
ABOUT = (
    "Ring: 8 modes on radius 1, deviation 0.01. Grid: 25 modes at -4 to 4 step 2, deviation 0.05. 2,500",
    "samples of each seed; of high quality is what lies within three deviations of a mode (at most 98.9",
    "%); ± is the standard error over seeds. Published: Lin et al. 2018 (PacGAN), ten runs of 400,000",
    "steps.",
)
QUICK_ABOUT = (
    "**These are quick results**: networks of a quarter of the paper's width, batches of 64, up to ten times",
    "its rates, and a five-hundredth of its steps. Most methods have hardly begun to learn: the numbers show",
    "that the command runs and which way packing moves, and are not comparable with the published ones.",
)


@dataclass(frozen=True)
class Outcome:
    """What came of one method on one mixture.

    Attributes:
        mixture: The mixture.
        method: The method's name.
        steps: Updates.
        values: Each seed's numbers by metric, of 2,500 samples.
        quick: Whether networks, rates and steps were those of `--quick`.
        seconds: What the training of all seeds took, as its history tells.
    """

    mixture: str
    method: str
    steps: int
    values: Mapping[str, Sequence[float]]
    quick: bool
    seconds: float


def recipe_of(method: Method, *, steps: int | None, quick: bool) -> Recipe:
    """A method's recipe, in full or cut down.

    Args:
        method: The method.
        steps: Updates, where a person says.
        quick: Whether to cut it down.
    """
    changes = dict(method.changes)
    if quick:
        steps = steps or QUICK_STEPS
        if method.name != "poise":
            changes["generator"] = {**changes["generator"], "width": 100}
            changes["discriminator"] = {**changes["discriminator"], "width": 50}
            changes["batch_size"] = QUICK_BATCH
            base = recipe_with(RECIPES[method.recipe], {}).optimisers
            for player in ("generator", "discriminator"):
                rate = getattr(base, player).learning_rate or 1e-4
                changes[f"optimisers.{player}.learning_rate"] = min(10 * rate, 1e-3)
    total = steps or method.steps or PAPER_STEPS
    return recipe_with(
        RECIPES[method.recipe],
        {**changes, "steps": total, "sample_every": max(1, total // 20), "log_every": max(1, total // 100)},
    )


def measured(runs: Sequence[RunFolder]) -> dict[str, list[float]]:
    """Each run's newest numbers, as training wrote them."""
    found: dict[str, list[float]] = {name: [] for name in METRICS}
    for run in runs:
        newest = {line["metric"]: line["value"] for line in run.lines("metrics") if line["metric"] in METRICS}
        for name in METRICS:
            found[name].append(newest[name])
    return found


def page(outcomes: Sequence[Outcome], where: str) -> str:
    """The results as Markdown, the published numbers beside ours."""
    quick = any(outcome.quick for outcome in outcomes)
    lines = [
        "# Mixtures in the plane",
        "",
        "Written by `python -m benchmarks.mixtures" + (" --quick" if quick else "") + f"`, {where}.",
        "",
        *ABOUT,
    ]
    if quick:
        lines += [
            "",
            *QUICK_ABOUT,
        ]
    minutes = sum(outcome.seconds for outcome in outcomes) / 60
    lines += ["", f"Training took {minutes:.1f} minutes in all."]
    for mixture in dict.fromkeys(outcome.mixture for outcome in outcomes):
        lines += ["", f"## {mixture.capitalize()}", ""]
        columns = " | ".join(f"{TITLES[name]} | published" for name in METRICS)
        lines.append(f"| method | steps | seeds | {columns} | worst seed |")
        lines.append("|---|---|---|" + "---|---|" * len(METRICS) + "---|")
        for outcome in outcomes:
            if outcome.mixture == mixture:
                lines.append(_row(outcome))
    return "\n".join(lines) + "\n"


def _row(outcome: Outcome) -> str:
    method = next(one for one in METHODS if one.name == outcome.method)
    published = method.published.get(outcome.mixture, ("", "", ""))
    cells = []
    for name, theirs in zip(METRICS, published, strict=True):
        mean, error = mean_and_error(outcome.values[name])
        scale, digits = (100, 1) if name == "high_quality" else (1, 2 if name == "reverse_kl" else 1)
        cells += [f"{scale * mean:.{digits}f}±{scale * error:.{digits}f}", theirs]
    worst = f"{min(outcome.values['modes']):.0f} modes, {100 * min(outcome.values['high_quality']):.1f} %"
    seeds = len(outcome.values["modes"])
    return f"| {method.title} | {outcome.steps:,} | {seeds} | " + " | ".join(cells) + f" | {worst} |"


def main() -> None:
    """Train what is missing, then print and write the tables."""
    parser = argparse.ArgumentParser(description="Mixtures in the plane, after PacGAN.")
    parser.add_argument("--quick", action="store_true", help="small, for two CPU cores in ten minutes")
    parser.add_argument("--mixtures", nargs="+", default=["ring", "grid"], choices=["ring", "grid"])
    names = [method.name for method in METHODS]
    parser.add_argument("--methods", nargs="+", default=names, choices=names)
    parser.add_argument("--seeds", type=int, default=None)
    parser.add_argument("--steps", type=int, default=None)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--runs", type=Path, default=None)
    parser.add_argument("--page", type=Path, default=None)
    arguments = parser.parse_args()
    device, quick = pick_device(arguments.device), arguments.quick
    seeds = arguments.seeds or (QUICK_SEEDS if quick else 10)
    below = arguments.runs or Path("runs") / ("mixtures-quick" if quick else "mixtures")
    place = arguments.page or Path("docs/benchmarks") / ("mixtures-quick.md" if quick else "mixtures.md")
    threads = f"{torch.get_num_threads()} threads"
    where = f"torch {torch.__version__}, " + (
        torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU, {threads}"
    )
    outcomes = []
    for mixture in arguments.mixtures:
        for method in METHODS:
            if method.name in arguments.methods:
                recipe = recipe_of(method, steps=arguments.steps, quick=quick)
                told = f"{mixture} {method.name}"
                runs = seeds_trained(
                    below / f"{mixture}-{method.name}", mixture, recipe, device, seeds=seeds, told=told
                )
                seconds = float(
                    RunFolder.open(below / f"{mixture}-{method.name}").lines("history")[-1]["seconds"]
                )
                found = Outcome(mixture, method.name, recipe.steps or 0, measured(runs), quick, seconds)
                print(_row(found), flush=True)
                outcomes.append(found)
    text = page(outcomes, where)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text, encoding="utf-8")
    rows = [asdict(outcome) for outcome in outcomes]
    place.with_suffix(".json").write_text(json.dumps({"where": where, "rows": rows}, indent=1) + "\n")
    print(text)


if __name__ == "__main__":
    main()

"""Records what every recipe logs in its first steps: `cd tests && python -m golden.record FOLDER`.

A file for each case: the mean scores, losses, penalties and gradient norms of each step, and at the end the
sums of the absolute weights of both networks and of the averaged generator. In double precision, on digits of
8x8 pixels.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from double import in_double
from graphs import file_of_graphs
from poise.data import KINDS, Domains, Pairs, open_data
from poise.networks import GENERATORS
from poise.networks.mlp import MLP_GENERATOR
from poise.recipes import RECIPES, Recipe, recipe_with
from poise.tasks import TASKS
from poise.training import Request, StepContext, begin, pick_device, plan
from tones import folder_of_tones, series_of_tones

STEPS, RUN = 5, 40
PEOPLE = Path(__file__).parents[1] / "fixtures" / "people.csv"
TABLES = ("mixture", "ctgan", "rows")
FAMILIES = (
    "stylegan2", "r3gan", "srresnet", "fastgan", "progressive", "wavegan", "hifigan", "graph", "graph-mixture"
)  # fmt: skip

VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "flips-and-noise": (
        "non-saturating",
        {
            "augmentations.instance-noise.deviation": 0.3,
            "augmentations.instance-noise.steps": 30,
            "augmentations.label-flip.share": 0.2,
        },
    ),
    "packed-r1": ("non-saturating", {"packing": 2}),
    "two-generator-steps": ("non-saturating", {"dynamics.generator_steps": 2}),
    "by-epoch": ("minimax", {"dynamics": "alternating-by-epoch"}),
    "simultaneous-relativistic": ("relativistic-r1r2", {"dynamics": "simultaneous"}),
    "extrapolation-from-the-past": ("wasserstein-gp", {"dynamics": "extrapolation-from-the-past"}),
    "optimistic": ("non-saturating", {"dynamics": "optimistic"}),
    "symplectic-gradient-adjustment": (
        "minimax",
        {"dynamics": "symplectic-gradient-adjustment", "generator": "mlp", "discriminator": "mlp"},
    ),
    "relativistic-average": ("non-saturating", {"loss": "relativistic-average"}),
}
"""What no named recipe does: a recipe and changes."""


def cases() -> dict[str, Recipe]:
    """Every recipe, and the variants, at the size of a test."""
    found = {name: small(RECIPES[name], {}) for name in RECIPES}
    return found | {f"variant/{name}": small(RECIPES[row], more) for name, (row, more) in VARIANTS.items()}


def small(recipe: Recipe, more: dict[str, Any]) -> Recipe:
    changes: dict[str, Any] = {
        "batch_size": 8,
        "steps": RUN,
        "sample_every": 1_000,
        "evaluate_every": 0,
        **more,
    }
    changed = recipe_with(recipe, more)
    for player in ("generator", "discriminator"):
        if getattr(changed, player).name in ("auto", "mlp", "autoencoder", *FAMILIES, *TABLES):
            changes[f"{player}.width"] = 8
    return recipe_with(recipe, changes)


def data_for(recipe: Recipe, folder: Path) -> Any:
    """Digits, as the game needs them; tones for recipes of sounds, people for those of tables."""
    if recipe.encoding in KINDS["sound"].encodings:
        return folder_of_tones(folder / "tones")
    if GENERATORS.get(recipe.generator.name, MLP_GENERATOR).kinds == ("table",):
        return PEOPLE
    if GENERATORS.get(recipe.generator.name, MLP_GENERATOR).kinds == ("series",):
        return series_of_tones(folder / "series.npy")
    if GENERATORS.get(recipe.generator.name, MLP_GENERATOR).kinds == ("graph",):
        return file_of_graphs(folder / "graphs.g6")
    needs = TASKS[recipe.game.name].needs
    if needs not in ("pairs", "domains"):
        return "digits"
    digits = open_data("digits").array
    assert digits is not None
    if needs == "domains":
        digits = digits.repeat(2, 1).repeat(2, 2)  # see README.md
    first, second = folder / "first.npy", folder / "second.npy"
    np.save(first, digits[:40])
    np.save(second, 255 - digits[:40] if needs == "pairs" else 255 - digits[40:90])
    return Pairs(first, second) if needs == "pairs" else Domains(first, second)


def recorded(recipe: Recipe) -> dict[str, Any]:
    """The logs of the first steps of the recipe, and the weights where they end."""
    rows: list[dict[str, float]] = []

    def callback(context: StepContext) -> Request | None:
        rows.append({name: float(value.double().mean()) for name, value in context.logs.items()})
        return "stop" if context.step == STEPS else None

    with in_double(), tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        planned = plan(data_for(recipe, folder), recipe, pick_device("cpu"))
        components = planned.components
        begin(planned, folder / "run", callbacks=[callback], notify=lambda _: None, doctor="off")
        ends = {
            "discriminator": weights(components.modules["discriminator"]),
            "generator": weights(components.modules["generator"]),
            "average": weights(components.ema.current()),
        }
    return {"steps": rows, "weights": ends}


def weights(module: torch.nn.Module) -> float:
    return float(sum(value.detach().double().abs().sum() for value in module.parameters()))


def main() -> None:
    torch.set_num_threads(1)
    out = Path(sys.argv[1])
    for name, recipe in cases().items():
        path = out / f"{name.replace('/', '--')}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(recorded(recipe), indent=0) + "\n", encoding="utf-8")
        print(name, flush=True)


if __name__ == "__main__":
    main()

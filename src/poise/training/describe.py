"""The files beside a generator's weights: all that sampling needs, and a card for people."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from poise.run_folder import RunFolder
from poise.spec import condition_kind
from poise.tasks import GIVEN
from poise.training.components import Components
from poise.training.state import Position


def describe_generator(
    components: Components, run: RunFolder, position: Position
) -> tuple[dict[str, Tensor], dict[str, Any], str]:
    """The averaged generator's weights, its description and its card.

    Returns:
        Tensors by name, an object for `generator.json`, and Markdown for `card.md`.
    """
    recipe, data = components.recipe, run.data
    module = components.ema.current()
    tensors = {name: value.detach().cpu() for name, value in module.state_dict().items()}
    description = {
        "format": 1,
        "game": recipe.game.model_dump(),
        "network": recipe.generator.model_dump(),
        "class": type(module).__qualname__ if recipe.generator.name == GIVEN else None,
        "shape": data["shape"],
        "kind": data["kind"],
        "encoding": data["encoding"],
        "latent": recipe.latent.model_dump(),
        "condition": data.get("condition"),
        "data": data["name"],
        "recipe": recipe.name,
        "seed": recipe.seed,
        "step": position.step,
        "images_seen": position.images_seen,
    }
    return tensors, description, _card(description, data, run)


def _card(description: dict[str, Any], data: dict[str, Any], run: RunFolder) -> str:
    shape = " x ".join(map(str, description["shape"]))
    environment = run.environment
    condition = description["condition"]
    takes = f"{description['latent']['size']} numbers"
    use = f"To sample: `poise sample {run.path.name} -n 64`"
    if condition_kind(condition).images:
        takes = "images of " + " x ".join(map(str, condition["shape"]))
        use = f"To use it: `poise translate {run.path.name} inputs --out outputs`"
    return f"""# A generator of {data["name"]}

Makes samples of {shape} from {takes}.
Made by Poise {environment.get("poise")}.

| | |
|---|---|
| data | {data["name"]}, {data["count"]} samples, fingerprint `{data["fingerprint"][:16]}` |
| recipe | {description["recipe"]}, seed {description["seed"]} |
| trained | {description["step"]} steps, {description["images_seen"]} samples seen |
| network | {description["network"]["name"]} |
| torch | {environment.get("torch")} |

`generator.safetensors` holds the weights and `generator.json` how to build the network and to decode what it
makes; neither holds code. {use}.

It can only make what resembles its data, with their gaps and their slant; see to the rights in the data
before you publish what it makes.
"""

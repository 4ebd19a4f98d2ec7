"""The discriminator of a run, which its checkpoints hold and the generator's own folder does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from poise.data import described_spec
from poise.dynamics import Batch
from poise.errors import PoiseError
from poise.games.view import Scoring
from poise.networks.layers import MinibatchStandardDeviation
from poise.recipes import Recipe, saved_recipe
from poise.registry import provided
from poise.run_folder import RunFolder
from poise.spec import DataSpec
from poise.tasks import GIVEN, TASKS

PREFIX = "network/discriminator/"


@dataclass(frozen=True, eq=False)
class Discriminator:
    """A trained discriminator, frozen, and how its game reads scores from what it gives.

    Attributes:
        module: The network, in eval mode.
        scoring: How samples are scored in its game; without the augmentations.
        step: The step of its checkpoint.
    """

    module: nn.Module
    scoring: Scoring
    step: int

    @property
    def group(self) -> int:
        """Among how many samples of a batch it takes a deviation; 1 if a score is of its sample alone."""
        layers = [one for one in self.module.modules() if isinstance(one, MinibatchStandardDeviation)]
        return max((one.group_size for one in layers), default=1)

    def scores(
        self,
        samples: Tensor,
        condition: Tensor | None = None,
        *,
        beside: tuple[Tensor, Tensor | None] | None = None,
    ) -> Tensor:
        """Scores `(N,)` of samples in the networks' space under their conditions.

        Args:
            samples: `(N, *shape)`.
            condition: `(N, ...)`, if the game has one.
            beside: The samples and conditions that share the group of every sample, `group - 1` of them, so
                that no score depends on what else is in the batch.
        """
        count = len(samples)
        if beside is not None:
            samples = torch.cat([samples, *(_repeated(one, count) for one in beside[0])])
            if condition is not None and beside[1] is not None:
                condition = torch.cat([condition, *(_repeated(one, count) for one in beside[1])])
        batch = Batch(samples, samples, 0, torch.Generator(), condition)
        made = self.scoring.read(self.scoring.judge(self.module, samples, batch))
        return made[:count].flatten(1).mean(1) if made.dim() > 1 else made[:count]


def _repeated(one: Tensor, count: int) -> Tensor:
    return one[None].expand(count, *one.shape)


def load_discriminator(
    folder: RunFolder,
    which: int | Literal["best"] | None = None,
    *,
    step: int | None = None,
    device: str | torch.device = "cpu",
) -> Discriminator:
    """The discriminator of a run's checkpoint.

    Args:
        folder: The run.
        which: The step of a checkpoint, or `"best"`; `None` takes the newest, or that of `step` if it exists.
        step: The step of the generator beside which it is wanted.
        device: Where it is wanted.

    Raises:
        PoiseError: There is no checkpoint, or the discriminator is a module of the user's.
    """
    recipe = saved_recipe(folder.recipe)
    steps = folder.checkpoint_steps()
    if recipe.discriminator.name == GIVEN:
        what = f"The discriminator of '{folder.path}' is your own module"
        why = "its code is not in the run"
        raise PoiseError(what, code="generator.own-discriminator", why=why)
    if which is None and not steps:
        what = f"The run '{folder.path}' holds no discriminator"
        why = "discriminators are in checkpoints, and it has none"
        hint = f"let it train to its next checkpoint: poise resume {folder.path}"
        raise PoiseError(what, code="generator.no-discriminator", why=why, hint=hint)
    if which is None:
        which = step if step in steps else steps[-1]
    checkpoint = folder.load_checkpoint(which)
    spec = described_spec(folder.data)
    module = TASKS.named(recipe.game.name).discriminator(recipe.discriminator, spec, recipe.packing)
    weights = {
        name.removeprefix(PREFIX): value
        for name, value in checkpoint.tensors.items()
        if name.startswith(PREFIX)
    }
    try:
        module.load_state_dict(weights)
    except RuntimeError as error:
        what = f"The discriminator of '{folder.path}' does not fit its network"
        why = str(error).splitlines()[-1].strip()
        raise PoiseError(what, code="generator.other-weights", why=why) from None
    module = module.to(device).eval().requires_grad_(False)
    return Discriminator(module, scoring_of_game(recipe, spec), checkpoint.step)


def scoring_of_game(recipe: Recipe, spec: DataSpec) -> Scoring:
    """How samples are scored in a recipe's game."""
    task = TASKS.named(recipe.game.name)
    build: Callable[..., Any] = provided(task.game, spec=spec)
    scoring: Scoring = build(recipe, **task.game_settings(recipe.game.options)).scoring
    return scoring

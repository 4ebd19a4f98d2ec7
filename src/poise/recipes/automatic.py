"""The recipe that suits the data, if none is named."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from poise.recipes.overrides import recipe_with, renamed_path
from poise.recipes.settings import Recipe
from poise.recipes.table import RECIPES
from poise.spec import DataSpec, size_text
from poise.text import counted

AUTO = "auto"
"""Names what suits the data, as if it were a recipe."""

DEFAULT_RECIPE = "non-saturating"

CLASSIFYING = "auxiliary-classifier"
SERVED_GAMES = ("noise-to-data", "conditional", CLASSIFYING)
"""Games that what is chosen can play; classes ask for the second."""

OF_THE_GAME = frozenset(
    {
        "loss",
        "regularisers",
        "dynamics",
        "generator",
        "discriminator",
        "latent",
        "optimisers",
        "weight_clip",
        "packing",
        "augmentations",
    }
)
"""Settings that say which game is played. Whoever asks for one of them changes the default recipe."""

SMALL = 16  # Pixels of the longer side up to which the default recipe serves as it is
VERY_FEW = 1_000  # Images for which FastGAN was made: Liu et al. 2021
FEW = 2_000  # Images below which it is the best of what minutes on an accelerator bring
LEARNT_BY_HEART = 30_000  # Images below which they are: Karras et al. 2020 ("Limited data")
PASSES = 400  # How often each image is seen, within the two limits
LEAST_SEEN, MOST_SEEN = 200_000, 3_200_000
STYLES_NEED = 3_600.0  # Seconds on an accelerator below which networks of styles are hardly begun


@dataclass(frozen=True)
class Data:
    """What a choice depends on.

    Attributes:
        spec: What networks are told of them.
        count: How many are trained on.
        accelerated: Whether they are trained on an accelerator.
        seconds: How long the training may take; `None` if nobody said.
        classifying: Whether the discriminator classifies, too, as the default networks alone can.
    """

    spec: DataSpec
    count: int
    accelerated: bool
    seconds: float | None = None
    classifying: bool = False

    def __str__(self) -> str:
        """In words."""
        height, width = self.spec.shape[1:]
        are = "is" if self.count == 1 else "are"
        return f"there {are} {counted(self.count, 'image')} of {size_text(height, width)}"


@dataclass(frozen=True)
class Choice:
    """What is taken for some data.

    Attributes:
        recipe: The recipe's name.
        settings: What is set otherwise than in its row, by path.
        why: The reason, after "since".
    """

    recipe: str
    settings: Mapping[str, Any]
    why: str


@dataclass(frozen=True)
class Automatic:
    """The recipe of someone who named none: it is chosen when the data are open.

    Attributes:
        changes: What is asked for all the same, by path, such as a number of steps.

    Example:
        >>> recipe, choice = Automatic({"seed": 3}).chosen(DataSpec("image", (3, 64, 64)), 500)
        >>> list(recipe.augmentations), recipe.generator.options, recipe.seed
        (['diffaugment'], {'width': 32}, 3)
    """

    changes: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def draft(self) -> Recipe:
        """The default recipe with what is asked for, as far as it is needed to open the data.

        Raises:
            PoiseError: No recipe has such a setting.
        """
        return recipe_with(RECIPES[DEFAULT_RECIPE], self.changes)

    def chosen(
        self,
        spec: DataSpec,
        count: int,
        *,
        accelerated: bool = False,
        by_kind: str | None = None,
        seconds: float | None = None,
    ) -> tuple[Recipe, Choice | None]:
        """The recipe, and the choice behind it; `None` if what is asked for changes the default recipe.

        Args:
            spec: What the data are.
            count: How many are trained on.
            accelerated: Whether they are trained on an accelerator.
            by_kind: The recipe that suits data of this kind, whatever their size and number.
            seconds: How long the training may take; `None` if nobody said.
        """
        data = Data(spec, count, accelerated, seconds, self.draft.game.name == CLASSIFYING)
        if by_kind is not None:
            choice = Choice(by_kind, {}, "it is made for such data")
        else:
            choice = next(choose(data) for fits, choose in RULES if fits(data))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of old names, which the draft has told
            asked = {renamed_path(path).partition(".")[0] for path in self.changes}
            of_the_game = by_kind is None and asked & OF_THE_GAME
            if of_the_game or self.draft.game.name not in SERVED_GAMES:
                return self.draft, None
            chosen = recipe_with(RECIPES[choice.recipe], choice.settings)
            if count < chosen.batch_size:
                chosen = recipe_with(chosen, {"batch_size": max(1, count)})
            return recipe_with(chosen, self.changes), choice


def asked_for(recipe: str | Recipe, changes: Mapping[str, Any]) -> Recipe | Automatic:
    """A recipe with changes, by its name, itself, or as `auto`.

    Raises:
        PoiseError: There is no such recipe, or no such setting.
    """
    if recipe == AUTO:
        automatic = Automatic(changes)
        _ = automatic.draft  # a setting that does not exist is refused before data are read
        return automatic
    return recipe_with(RECIPES.named(recipe) if isinstance(recipe, str) else recipe, changes)


def drafted(recipe: Recipe | Automatic) -> Recipe:
    """The recipe as far as it is known before the data are open."""
    return recipe.draft if isinstance(recipe, Automatic) else recipe


def _is_small(data: Data) -> bool:
    return max(data.spec.shape[1:], default=0) <= SMALL


def _default(data: Data) -> Choice:
    return Choice(DEFAULT_RECIPE, {}, "it serves small images and vectors well")


def _styles(data: Data) -> Choice:
    settings = {"precision": "auto"}
    if data.count < VERY_FEW:
        return Choice("fastgan", settings, f"{data}, very few")
    if data.count < LEARNT_BY_HEART:
        return Choice("stylegan2-ada", settings, f"{data}, too few without augmentation")
    return Choice("stylegan2", settings, f"{data}, and an accelerator")


def _quick(data: Data) -> Choice:
    """What an accelerator does best with in minutes: FastGAN, or the default networks with short steps."""
    minutes = f"less than {round(STYLES_NEED / 60)} minutes"
    if data.count < FEW:
        return Choice("fastgan", {}, f"{data}, and {minutes}: it learns most from few images and steps")
    return _short_steps(data, f"in {minutes} small networks learn more")


def _classified(data: Data) -> Choice:
    return _short_steps(data, "these networks classify, too")


def _short_steps(data: Data, why: str) -> Choice:
    settings: dict[str, Any] = {"batch_size": min(64, max(1, data.count))}
    if data.count < LEARNT_BY_HEART:
        settings["augmentations.diffaugment"] = {}
    return Choice(DEFAULT_RECIPE, settings, f"{data}, and {why}")


def _light(data: Data) -> Choice:
    """Narrow networks in half precision: on a processor many small steps do more than few large ones."""
    batch, few = min(32, max(1, data.count)), data.count < LEARNT_BY_HEART
    seen = min(MOST_SEEN, max(LEAST_SEEN, PASSES * data.count))
    settings: dict[str, Any] = {
        "generator.width": 32,
        "discriminator.width": 32,
        "batch_size": batch,
        "precision": "auto",
        "steps": round(seen / batch),
        **({"augmentations.diffaugment": {}} if few else {}),
    }
    because = "too few without augmentation; " if few else ""
    return Choice(DEFAULT_RECIPE, settings, f"{data}, {because}on a processor narrow networks learn faster")


RULES: tuple[tuple[Callable[[Data], bool], Callable[[Data], Choice]], ...] = (
    (_is_small, _default),
    (lambda data: data.accelerated and data.classifying, _classified),
    (lambda data: data.accelerated and (data.seconds or STYLES_NEED) < STYLES_NEED, _quick),
    (lambda data: data.accelerated, _styles),
    (lambda data: True, _light),
)
"""Which choice is taken if the data fit; the first that fits decides. `docs/choose.md` has the figures."""

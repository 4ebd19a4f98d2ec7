"""The settings of a run: typed, every field with its help text, unknown keys refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PositiveInt, model_validator
from pydantic_core import PydanticCustomError

from poise.schedules import Schedule, Weight
from poise.spec import Fit, Resolution, read_resolution

Positive = Annotated[float, Field(gt=0)]
Decay = Annotated[float, Field(ge=0, lt=1)]
HeldOut = Annotated[float, Field(ge=0, le=0.5)] | Annotated[int, Field(ge=0, strict=True)]


class Settings(BaseModel):
    """What all settings share: no unknown keys, no change after they are made, no NaN."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Options(BaseModel):
    """Settings of a part; those that are not named here are checked against that part's own parameters."""

    model_config = ConfigDict(extra="allow", frozen=True, allow_inf_nan=False)

    @property
    def options(self) -> dict[str, Any]:
        """The part's own settings."""
        return dict(self.__pydantic_extra__ or {})


class Part(Options):
    """A part by its name, with its settings.

    Example:
        >>> Part(name="dcgan", width=32).options
        {'width': 32}
    """

    name: str = Field(description="which one, by its name")


class RegulariserPart(Options):
    """A regulariser's weight and interval, and its settings."""

    weight: Weight | None = Field(
        default=None, description="what the regulariser is multiplied with; null: by the data"
    )
    every: PositiveInt = Field(
        default=1, description="apply it every so many steps, so many times as heavy (lazy regularisation)"
    )


class AugmentationPart(Options):
    """An augmentation's settings."""


class CallbackPart(Options):
    """Whether a callback is on, and its settings."""

    on: bool = Field(default=True, description="whether it is called")


class Latent(Settings):
    """Where the generator's input is drawn from."""

    size: PositiveInt = Field(default=64, description="numbers in a latent")
    distribution: Literal["normal", "uniform"] = Field(
        default="normal", description="standard normal, or uniform in [-1, 1]"
    )


class Optimiser(Settings):
    """How one player's parameters follow its gradient."""

    name: Literal["adam", "rmsprop", "sgd"] = Field(default="adam", description="the update rule")
    learning_rate: Positive | Schedule | None = Field(
        default=2e-4, description="learning rate; null: by the data"
    )
    beta1: Decay | Schedule = Field(
        default=0.0, description="decay of Adam's first moment, or SGD's momentum"
    )
    beta2: Decay | Schedule = Field(
        default=0.99, description="decay of the second moment (RMSProp calls it alpha)"
    )
    epsilon: float = Field(default=1e-8, gt=0, description="added to the root of the second moment")


class Optimisers(Settings):
    """One optimiser for each player."""

    discriminator: Optimiser = Field(default=Optimiser(), description="the discriminator's")
    generator: Optimiser = Field(default=Optimiser(), description="the generator's")


class Jitter(Settings):
    """Images moved and scaled by chance before they are seen; both of a pair alike."""

    shift: float = Field(
        default=0.0,
        ge=0,
        le=0.25,
        description="moved by up to this share of the shorter side, in whole pixels",
    )
    scale: float = Field(
        default=0.0, ge=0, le=0.5, description="enlarged or made smaller by up to this share"
    )


class Ema(Settings):
    """The running average of the generator's weights, from which samples are made."""

    half_life: Annotated[int, Field(ge=0)] | Schedule = Field(
        default=20_000, description="images after which a weight counts half; 0 for no average"
    )
    ramp: float = Field(
        default=0.05,
        ge=0,
        description="the half-life is at most this share of the images seen; 0 for no limit",
    )


class Checkpoints(Settings):
    """When the whole state is saved, and what is kept."""

    every_steps: PositiveInt | None = Field(default=None, description="save every so many steps")
    every_seconds: float | None = Field(default=120.0, gt=0, description="save every so many seconds")
    keep: PositiveInt = Field(
        default=3, description="how many of the last are kept; the best is kept besides"
    )


class Private(Settings):
    """Differential privacy of a run on a table: how much any one row may change what is given away.

    Example:
        >>> Private(epsilon=3, delta=1e-5).clip
        1.0
    """

    epsilon: Positive = Field(description="the bound on what a row changes, of the whole run")
    delta: float = Field(gt=0, lt=1, description="the probability that is left out of the bound")
    clip: Positive = Field(
        default=1.0,
        description="the norm that the gradient of each row is cut down to in the critic's update",
    )
    columns: float = Field(
        default=0.2, ge=0, lt=1, description="the share of epsilon for what columns hold and no schema says"
    )
    start: float = Field(
        default=0.6, ge=0, lt=1, description="the share of epsilon for what the generator begins with"
    )
    column_noise: float | None = Field(
        default=None, description="the noise of columns, in what a row changes; solved for epsilon"
    )
    start_noise: float | None = Field(
        default=None, description="the noise of what the generator begins with; solved for epsilon"
    )
    step_noise: float | None = Field(
        default=None, description="the noise of an update of the critic, in clips; solved for epsilon"
    )


def _private(given: Any) -> Any:
    """Privacy as it is typed, `epsilon=3,delta=1e-5`, as an object."""
    if not isinstance(given, str):
        return given
    pairs = [part.partition("=") for part in given.split(",")]
    if not all(name.strip() and equals for name, equals, _ in pairs):
        wanted = "it should be written as epsilon=3,delta=1e-5"
        raise PydanticCustomError("private", wanted)
    return {name.strip(): value.strip() for name, _, value in pairs}


FORMER = {"average": "ema", "rate": "learning_rate", "penalties": "regularisers"}
"""Names that settings had in earlier versions, by the name they have now."""

RENAMED = {**FORMER, "lr": "learning_rate", "optimizers": "optimisers"}
"""The former names, and the names that PyTorch uses, by the name they have now."""

MOVED = {
    "label_flip": "augmentations.label-flip.share",
    "instance_noise.deviation": "augmentations.instance-noise.deviation",
    "instance_noise.steps": "augmentations.instance-noise.steps",
}
"""Paths of settings in earlier versions, by the path they have now."""

FALLING_RATES = "constant_rate_share"
"""An earlier setting: the share of the run after which both learning rates fell linearly to 0."""


def renamed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Nested settings of an earlier version, or with PyTorch's names, as they are written now.

    Example:
        >>> renamed({"average": {"ramp": 0.1}, "optimizers": {"generator": {"lr": 1e-4}}})
        {'ema': {'ramp': 0.1}, 'optimisers': {'generator': {'learning_rate': 0.0001}}}
    """
    found = {RENAMED.get(name, name): value for name, value in values.items()}
    if isinstance(found.get("optimisers"), Mapping):
        found["optimisers"] = {
            player: {RENAMED.get(name, name): value for name, value in own.items()}
            if isinstance(own, Mapping)
            else own
            for player, own in found["optimisers"].items()
        }
    flip, noise = found.pop("label_flip", None), found.pop("instance_noise", None)
    chain = dict(found.get("augmentations") or {})
    if noise and noise.get("deviation"):
        chain.setdefault(
            "instance-noise", {name: value for name, value in noise.items() if value is not None}
        )
    if flip:
        chain.setdefault("label-flip", {"share": flip})
    if chain:
        found["augmentations"] = chain
    share = found.pop(FALLING_RATES, 1.0)
    if share < 1:
        found["optimisers"] = _falling(found.get("optimisers") or {}, share)
    return found


def _falling(optimisers: Mapping[str, Any], share: float) -> dict[str, Any]:
    """Optimisers whose learning rates fall linearly to 0 after a share of the run."""
    falling = {}
    for player in ("discriminator", "generator"):
        own = dict(optimisers.get(player) or {})
        rate = own.get("learning_rate", Optimiser.model_fields["learning_rate"].default)
        if not isinstance(rate, Mapping):
            own["learning_rate"] = {"start": rate, "end": 0.0, "after": share, "over": 1 - share}
        falling[player] = own
    return falling


def _text(value: object) -> object:
    """A whole number as text, since `--set encoding=24` is read as JSON."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _resolution(given: Any) -> Resolution | None:
    """The size of images as a number or as (height, width), in whatever form it is given."""
    try:
        return None if given is None else read_resolution(given)
    except ValueError:
        wanted = "it should be pixels a side, as 64, or width and height, as 64x48"
        raise PydanticCustomError("resolution", wanted) from None


class Recipe(Settings):
    """Everything that decides a run besides its data: saved whole, with every default spelled out.

    `auto` and null mean "by the data"; `poise.training` spells them out before the run starts.

    Example:
        >>> Recipe(name="mine", loss=Part(name="hinge")).batch_size
        64
    """

    name: str = Field(description="the recipe's name")
    summary: str = Field(default="", description="what it is, in a sentence")
    paper: str = Field(default="", description="where its values are from")
    when: str = Field(default="", description="when to use it")

    game: Part = Field(default=Part(name="noise-to-data"), description="which task")
    loss: Part = Field(default=Part(name="non-saturating"), description="how scores become costs")
    regularisers: dict[str, RegulariserPart] = Field(
        default={}, description="what else the players' losses contain, by name"
    )
    dynamics: Part = Field(default=Part(name="alternating"), description="how the two players are updated")
    generator: Part = Field(default=Part(name="auto"), description="the generator's network")
    discriminator: Part = Field(default=Part(name="auto"), description="the discriminator's network")
    latent: Latent = Field(default=Latent(), description="the generator's input")
    growth: Schedule | None = Field(
        default=None,
        description="how much of networks that grow is used, from 0 to 1; null: all, from the start",
    )
    optimisers: Optimisers = Field(default=Optimisers(), description="how each player's weights are updated")
    weight_clip: float | None = Field(
        default=None, gt=0, description="the discriminator's weights are kept within plus or minus this"
    )

    batch_size: PositiveInt = Field(default=64, description="what the discriminator scores at once")
    packing: PositiveInt = Field(
        default=1, description="samples that the discriminator scores as one (PacGAN)"
    )
    augmentations: dict[str, AugmentationPart] = Field(
        default={}, description="what stands between samples and discriminator, by name, in order"
    )
    resolution: Annotated[Resolution | None, BeforeValidator(_resolution)] = Field(
        default=None,
        description="pixels on a side of an image, or width and height as 64x48, which recipe.json holds as "
        "[height, width]; null: by the data",
    )
    fit: Fit = Field(
        default="crop",
        description="what becomes of images of other proportions: crop, pad with white, or stretch",
    )
    channels: PositiveInt | None = Field(
        default=None, description="1 for grey, 3 for colour, 4 for colour with alpha; null: by the data"
    )
    encoding: Annotated[str | None, BeforeValidator(_text)] = Field(
        default=None,
        description="how samples are encoded, if their kind of data has a choice; null: by the data",
    )
    horizontal_flips: bool = Field(default=False, description="mirror half of the images, by the seed")
    jitter: Jitter = Field(default=Jitter(), description="move and scale images, by the seed")
    held_out: HeldOut | None = Field(
        default=None,
        description="data kept from training, so that memorisation is recognised: a share up to 0.5, or a "
        "whole number of samples; null: by the data; 0 for pairs and domains, of which --held-out keeps a "
        "part apart",
    )
    ema: Ema = Field(default=Ema(), description="the average of the generator's weights")

    freeze_discriminator_layers: int = Field(
        default=0,
        ge=0,
        description="layers of the discriminator, counted from the image, that keep the weights of --from "
        "(FreezeD)",
    )
    private: Annotated[Private | None, BeforeValidator(_private)] = Field(
        default=None,
        description="differential privacy of the rows of a table, as epsilon=3,delta=1e-5; null: none",
    )
    precision: Literal["float32", "bf16", "auto"] = Field(
        default="float32",
        description="what networks multiply in; auto: bf16 if the hardware has it. Weights, scores and "
        "penalties are float32 in any case",
    )
    steps: PositiveInt | None = Field(default=None, description="updates of the game; null: by the data")
    seed: int = Field(default=0, ge=0, description="from which all randomness is derived")
    log_every: PositiveInt = Field(default=25, description="steps in a line of the history")
    sample_every: PositiveInt | None = Field(
        default=None,
        description="steps between pictures; null: forty in the run (twelve of tables), more at its start",
    )
    evaluate_every: int | None = Field(
        default=None,
        ge=0,
        description="steps between two measurements of the samples; null: so that they take less than a "
        "twentieth of the time; 0 for none",
    )
    eigenvalues_every: PositiveInt | None = Field(
        default=None,
        description="steps between measurements of the field's leading eigenvalues; null: never",
    )
    callbacks: dict[str, CallbackPart] = Field(
        default={}, description="what happens beside the loop, by name; those of Poise are on by default"
    )
    checkpoints: Checkpoints = Field(default=Checkpoints(), description="when the state is saved")

    @model_validator(mode="before")
    @classmethod
    def _named_parts(cls, values: Any) -> Any:
        """Let a part be given by its name alone, `loss="hinge"`, and a setting by the name it had before."""
        if not isinstance(values, dict):
            return values
        values = renamed(values)
        parts = ("game", "loss", "dynamics", "generator", "discriminator")
        return {
            key: {"name": value} if key in parts and isinstance(value, str) else value
            for key, value in values.items()
        }

"""Parts of a user, none of which Poise knows: from walks, a kind of data, to a finding and a recipe."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from poise.augment import Augmentation, AugmentContext
from poise.data import KINDS as KNOWN_KINDS
from poise.data import DataKind, Dataset, Given, Request
from poise.diagnosis.finding import Evidence
from poise.diagnosis.rule import HEALTHY, Measurements, Proposal, Rule, Verdict
from poise.games import AdversarialGame, View, noise_to_data
from poise.games.adversarial import Term
from poise.losses import Loss
from poise.losses.loss import per_sample
from poise.metrics import Metric, Result
from poise.metrics.features import EXTRACTORS as KNOWN_EXTRACTORS
from poise.metrics.features import Extractor, as_extractor
from poise.networks import Network
from poise.recipes import Recipe
from poise.regularisers import Regulariser
from poise.spec import DataSpec
from poise.tasks import TASKS as KNOWN_TASKS
from poise.tasks.build import loss_of, regulariser_terms, scoring_of
from poise.training.callbacks import CallbackContext, CallbackRow, StepContext

# A kind of data: text files with the ending .walk, a walk a line. The rest is as with vectors.


def open_walks(given: Given, request: Request) -> Dataset:
    rows = np.loadtxt(str(given.path), dtype=np.float32, ndmin=2)
    vectors = KNOWN_KINDS["vector"].open(dataclasses.replace(given, array=rows), request)
    return dataclasses.replace(vectors, kind="walk")


WALK: DataKind = dataclasses.replace(
    KNOWN_KINDS["vector"],
    name="walk",
    singular="walk",
    plural="walks",
    describe=lambda shape, count: f"{count:,} walks of {shape[0]} steps",
    recognises=lambda given: given.path is not None and given.path.suffix == ".walk",
    open=open_walks,
    spec=lambda shape, transform: DataSpec("walk", shape),
    network=lambda spec: "walk",
    features="walk-steps",
    metrics=("mean-step-error", "frechet-distance"),
)
KINDS = [WALK]


class Steps(nn.Module):
    """Features: what lies between one place and the next."""

    def forward(self, walks: Tensor) -> Tensor:
        return walks.diff(dim=1)


def walk_steps() -> Extractor:
    return as_extractor(Steps())


EXTRACTORS = [
    dataclasses.replace(KNOWN_EXTRACTORS["identity"], name="walk-steps", takes=("walk",), build=walk_steps)
]


# Networks: a generator of steps, which are summed, and a discriminator that sees the steps, too.


class WalkGenerator(nn.Module):
    def __init__(self, latent_size: int, width: int, length: int) -> None:
        super().__init__()
        self.mapping = nn.Sequential(nn.Linear(latent_size, width), nn.Tanh())
        self.steps = nn.Linear(width, length)

    def forward(self, latent: Tensor) -> Tensor:
        walks: Tensor = self.steps(self.mapping(latent)).cumsum(dim=1)
        return walks


def walk_generator(spec: DataSpec, *, latent_size: int, width: Annotated[int, Field(ge=1)] = 16) -> nn.Module:
    return WalkGenerator(latent_size, width, spec.shape[0])


def walk_discriminator(spec: DataSpec, *, width: Annotated[int, Field(ge=1)] = 16) -> nn.Module:
    return nn.Sequential(nn.Linear(spec.shape[0], width), nn.Softplus(), nn.Linear(width, 1), nn.Flatten(0))


GENERATORS = [Network("walk", walk_generator, "Sums steps.", "none", ("walk",), parts={"mapping": "mapping"})]
DISCRIMINATORS = [Network("walk", walk_discriminator, "One hidden layer.", "none", ("walk",))]

# A loss, with a setting.


def pearson_discriminator(
    real: Tensor, fake: Tensor, *, target: Annotated[float, Field(gt=0)] = 1.0
) -> Tensor:
    return per_sample((real - target).square() / 2 + (fake + target).square() / 2)


def pearson_generator(real: Tensor, fake: Tensor) -> Tensor:
    return per_sample(fake.square() / 2)


LOSSES = [
    Loss("pearson", pearson_discriminator, pearson_generator, "Regression to 1, -1 and 0.", "Mao et al. 2016")
]

# A term of the generator with a state: the size of fakes is held near the running size of reals.


def held_size(view: View, *, decay: Annotated[float, Field(ge=0, lt=1)] = 0.9) -> Tensor:
    distance: Tensor = view.fake.norm(dim=1) - view.state["size"]
    return distance.square()


def moved_size(state: Mapping[str, Tensor], view: View, *, decay: float = 0.9) -> dict[str, Tensor]:
    return {"size": torch.lerp(view.real.norm(dim=1).mean(), state["size"], decay)}


REGULARISERS = [
    Regulariser(
        "size", "generator", held_size, lambda spec, gradient_weight: 0.5 / spec.shape[0],
        "Holds the size of fakes to that of reals.", "none",
        init=lambda: {"size": torch.tensor(1.0)}, update=moved_size,
    )
]  # fmt: skip

# An augmentation with a state: noise that grows while the discriminator tells reals from fakes.


def adaptive_noise(
    samples: Tensor, context: AugmentContext, *, speed: Annotated[float, Field(ge=0)] = 0.01
) -> Tensor:
    noise = torch.randn(samples.shape, generator=context.randomness, device=samples.device)
    return samples + context.state["amount"] * noise


def grown(
    state: Mapping[str, Tensor], real: Tensor, fake: Tensor, context: AugmentContext, *, speed: float = 0.01
) -> dict[str, Tensor]:
    return {"amount": (state["amount"] + speed * (real.mean() - fake.mean()).sign()).clamp(min=0)}


AUGMENTATIONS = [
    Augmentation(
        "adaptive-noise", adaptive_noise, "Noise as strong as it must be.", "none",
        init=lambda: {"amount": torch.tensor(0.1)}, update=grown,
    )
]  # fmt: skip

# A callback with a state: what the generator paid in all.


class Tally:
    def __init__(self, path: Path, factor: float) -> None:
        self.path, self.factor, self.steps, self.paid = path, factor, 0, torch.tensor(0.0)

    def __call__(self, context: StepContext) -> None:
        self.steps, self.paid = self.steps + 1, self.paid + context.logs["generator_loss"]
        if context.last:
            self.path.write_text(f"{self.steps} {self.factor * float(self.paid)}")

    def state(self) -> dict[str, Any]:
        return {"steps": self.steps, "paid": self.paid}

    def load(self, state: Mapping[str, Any]) -> None:
        self.steps, self.paid = state["steps"], state["paid"]


def tally(context: CallbackContext, *, factor: Annotated[float, Field(gt=0)] = 1.0) -> Tally:
    return Tally(context.run.path / "tally.txt", factor)


CALLBACKS = [CallbackRow("tally", tally, "Adds up what the generator pays.")]

# A metric, a finding, a task, and the recipe that names them.


def mean_step_error(real: Tensor, fake: Tensor) -> Result:
    error = float((real.double().mean(0) - fake.double().mean(0)).abs().mean())
    sizes = {"real": len(real), "fake": len(fake)}
    return Result("mean-step-error", error, None, "none: it is cheap", None, "none", sizes)


METRICS = [
    Metric("mean-step-error", mean_step_error, "The error of mean places.", "none", ("real", "fake"), True)
]


def judge_size(measurements: Measurements) -> Verdict:
    loss = measurements[-1].generator_loss
    if loss is None or loss < 1e-6:
        return HEALTHY
    evidence = Evidence({"loss": round(loss, 3)}, {"loss": 1e-6}, {"loss": "0"})
    return Verdict("watch", "The generator still pays.", evidence)


FINDINGS = [
    Rule(
        "generator-pays", "The generator's loss is not 0.", judge_size,
        (Proposal("train longer", "the loss falls", "a smaller loss"),), "none", warm_up=0, watch_after=1,
    )
]  # fmt: skip


def centred(view: View) -> Tensor:
    return view.fake[:, 0].square()


def walks_game(recipe: Recipe, *, start: Annotated[float, Field(ge=0)] = 0.5) -> AdversarialGame:
    """As from noise to data; the generator also pays for walks that do not start at 0."""
    loss, settings = loss_of(recipe)
    starts = Term("start_loss", "generator", centred, weight=start)
    terms = regulariser_terms(recipe)
    return noise_to_data(loss, terms, loss_settings=settings, scoring=scoring_of(recipe), more=[starts])


TASKS = [dataclasses.replace(KNOWN_TASKS["noise-to-data"], name="walks", game=walks_game)]

RECIPES = [
    Recipe.model_validate(
        {
            "name": "walker",
            "summary": "All parts of this file.",
            "game": {"name": "walks", "start": 0.25},
            "loss": {"name": "pearson", "target": 1.5},
            "regularisers": {"size": {"decay": 0.8}},
            "augmentations": {"adaptive-noise": {"speed": 0.02}},
            "callbacks": {"tally": {"factor": 2.0}},
            "latent": {"size": 4},
            "batch_size": 8,
        }
    )
]

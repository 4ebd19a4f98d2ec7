"""From mel spectrograms to waves: each recording is the target of its own spectrogram."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from poise.data import Array, Condition, Dataset, Range, digest_of, spec_of
from poise.data.mel import MelSpectrogram
from poise.dynamics.game import Batch, Networks, Outputs
from poise.errors import PoiseError
from poise.games import AdversarialGame
from poise.games.adversarial import Term
from poise.games.noise_to_data import from_latent_and_condition
from poise.games.view import View
from poise.networks import VOCODERS
from poise.networks.hifigan import PERIODS, SCALES, WaveDiscriminator
from poise.networks.translating import TranslatingGenerator
from poise.recipes import Recipe
from poise.recipes.settings import Part
from poise.schedules import Number, Weight
from poise.spec import DataSpec
from poise.tasks import noise_to_data
from poise.tasks.build import game_of, scoring_of
from poise.tasks.task import Task

BLOCK = 512


def with_spectrograms(dataset: Dataset, *, bands: Annotated[int, Field(ge=4)] | None = None) -> Dataset:
    """The recordings, each with its own mel spectrogram as its condition.

    Args:
        dataset: Sounds as waves.
        bands: Of the spectrogram; `None` for what suits the rate.

    Raises:
        PoiseError: These are no sounds, or spectrograms, or their clips do not fall into frames.
    """
    rate = spec_of(dataset).rate
    if rate is None or not dataset.transform.bounded:
        raise PoiseError(
            f"'{dataset.name}' holds no waves, and a vocoder learns from waves",
            code="tasks.no-waves",
            hint="give it a folder of WAV or FLAC files, and leave the encoding at waveform",
        )
    mel = MelSpectrogram.for_rate(rate, bands)
    length = dataset.shape[1]
    if length % mel.hop:
        raise PoiseError(
            f"Clips of {length:,} values do not fall into frames of {mel.hop}",
            code="tasks.clips-without-frames",
            hint=f"give a multiple of it: --set encoding=waveform,{-(-length // mel.hop) * mel.hop}",
        )
    array = spectrograms(dataset, mel)
    span = Range(float(array.min()), max(float(array.max()), float(array.min()) + 1e-3))
    about = {"mel": mel.to_json()}
    condition = Condition("mel", array.shape[1:], array, span, about=about)
    facts = [dataset.fingerprint, mel.to_json()]
    return dataclasses.replace(dataset, condition=condition, fingerprint=digest_of(facts))


def spectrograms(dataset: Dataset, mel: MelSpectrogram) -> Array:
    """The logarithms of every clip, `(N, bands, frames)` float32."""
    pieces = []
    for start in range(0, len(dataset), BLOCK):
        stored = dataset.gather(np.arange(start, min(start + BLOCK, len(dataset))))
        pieces.append(mel(dataset.transform.decode(dataset.transform.encode(stored))[:, 0]).numpy())
    return np.concatenate(pieces)


def choose(player: str, spec: DataSpec, width: int) -> dict[str, Any]:
    """The network that `auto` becomes."""
    return {"name": "hifigan"}


def generator(part: Part, spec: DataSpec, latent_size: int) -> nn.Module:
    """From spectrograms to waves; the latent is not used."""
    return TranslatingGenerator(VOCODERS.named(part.name).build(spec, **part.options))


def networks(recipe: Recipe, modules: Mapping[str, nn.Module]) -> Networks:
    """Those of the game without conditions; the discriminator shows its features beside its scores."""
    named = dict(noise_to_data.networks(recipe, modules))
    scoring = modules["discriminator"]
    return {**named, "discriminator": scoring.judged} if isinstance(scoring, WaveDiscriminator) else named


def game(
    recipe: Recipe,
    *,
    spec: DataSpec,
    adversarial: Weight = 1.0,
    mel: Weight = 45.0,
    feature_matching: Weight = 2.0,
    segment: Annotated[int, Field(ge=1)] | None = None,
) -> AdversarialGame:
    """The game of waves, with further terms of the generator.

    Args:
        recipe: Resolved.
        spec: Of the data.
        adversarial: The weight of the judgement of each of the discriminators that score side by side.
        mel: The weight of the mean absolute difference of the logarithms of both mel spectrograms.
        feature_matching: The weight of the difference in the features of the discriminators, their sum.
        segment: Frames of the stretch of each clip that an update sees, drawn for each; `None` for the whole.

    Raises:
        PoiseError: Features are to be matched of a discriminator that shows none.
    """
    matched = recipe.discriminator.name == "hifigan"
    if feature_matching and not matched:
        raise PoiseError(
            f"The discriminator '{recipe.discriminator.name}' shows no features of waves to match",
            code="tasks.no-features-of-waves",
            hint="choose the discriminator 'hifigan', or --set game.feature_matching=0",
        )
    assert spec.condition is not None and spec.rate is not None
    bands, frames = spec.condition
    spectrogram = MelSpectrogram(spec.rate, spec.shape[1] // frames, bands)
    length = spec.shape[1] if segment is None else min(segment, frames) * spectrogram.hop
    scores = WaveDiscriminator.places(length)
    rows: dict[str, tuple[Number, Callable[[View], Tensor]]] = {
        "mel_loss": (mel, mel_error(spectrogram)),
        "feature_matching_loss": (feature_matching, feature_error(scores)),
    }
    # Scores that stand side by side are averaged, and the paper sums over discriminators.
    count = len(PERIODS) + len(SCALES) if matched else 1
    return game_of(
        recipe,
        scoring=scoring_of(recipe, read=lambda judged: judged[:, :scores]) if matched else None,
        forward=from_latent_and_condition if segment is None else partial(from_segments, segment),
        adversarial=times(adversarial, count),
        discriminating=float(count),
        more=[Term(name, "generator", value, weight) for name, (weight, value) in rows.items() if weight],
    )


def from_segments(frames: int, networks: Networks, batch: Batch) -> Outputs:
    """Fakes of a stretch of each spectrogram, and the stretches of the reals that belong to them.

    Args:
        frames: Of a stretch; of shorter clips the whole is taken.
        networks: With the generator.
        batch: The batch.

    Source: Kong et al. 2020, section 3: segments of 8,192 values.
    """
    assert batch.condition is not None
    count, _, whole = batch.condition.shape
    frames, hop = min(frames, whole), batch.real.shape[2] // whole
    starts = torch.randint(
        whole - frames + 1, (count, 1), generator=batch.generator, device=batch.condition.device
    )
    of_frames = starts + torch.arange(frames, device=starts.device)
    of_values = starts * hop + torch.arange(frames * hop, device=starts.device)
    condition, real = stretches(batch.condition, of_frames), stretches(batch.real, of_values)
    return {"fake": networks["generator"](batch.latent, condition), "real": real}


def stretches(values: Tensor, places: Tensor) -> Tensor:
    """Values `(N, C, L)` at the places of each sample, `(N, l)`, as `(N, C, l)`."""
    return values.gather(2, places[:, None].expand(-1, values.shape[1], -1))


def mel_error(mel: MelSpectrogram) -> Callable[[View], Tensor]:
    """The mean absolute difference of the logarithms of the mel spectrograms of fakes and of their reals.

    Args:
        mel: The spectrogram.

    Returns:
        `(view) -> (N,)`.

    Source: Kong et al. 2020, equation 4.
    """

    def error(view: View) -> Tensor:
        with torch.no_grad():
            wanted = mel(view.real[:, 0].float())
        return (mel(view.fake[:, 0].float()) - wanted).abs().flatten(1).mean(1)

    return error


def feature_error(scores: int) -> Callable[[View], Tensor]:
    """The difference of what the discriminators' stages make of fakes and of their reals.

    Args:
        scores: How many columns of what is judged are scores; features follow.

    Returns:
        `(view) -> (N,)`.

    Source: Kong et al. 2020, equation 6; Larsen et al. 2016, equation 7.
    """

    def error(view: View) -> Tensor:
        return (view.fake_judged[:, scores:] - view.real_judged[:, scores:].detach()).abs().sum(1)

    return error


def times(weight: Weight, count: int) -> Weight:
    """A weight, or both ends of its schedule, multiplied with the count."""
    if isinstance(weight, float | int):
        return weight * count
    ends = {name: value * count for name in ("start", "end") if (value := getattr(weight, name)) is not None}
    return weight.model_copy(update=ends)


VOCODING = Task(
    name="vocoding",
    summary="The generator makes the wave of a mel spectrogram; L1 on spectrograms and features tie the two.",
    source="Kong et al. 2020 (HiFi-GAN), equations 1 to 8",
    needs="labels",
    generators=VOCODERS,
    choose=choose,
    generator=generator,
    discriminator=noise_to_data.discriminator,
    networks=networks,
    game=game,
    prepare=with_spectrograms,
)

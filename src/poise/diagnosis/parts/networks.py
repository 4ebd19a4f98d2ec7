"""The networks: whether weights move, what is made of latents and conditions, what reals score."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from poise.diagnosis.distances import condition_response, labels_followed
from poise.diagnosis.examination import FEW, Look, MissingError, Side
from poise.diagnosis.reference import LEAST_HELD_OUT, MOST_SCORED
from poise.diagnosis.window import held_out_gap, per_sample_scores, roc_auc

WATCHED = 32  # Weights of each tensor that are compared with those of the last check
ASKED = 16  # Samples of which the latents are exchanged


def weights(look: Look) -> dict[str, Any]:
    """Which share of the watched weights has changed since the last check, and whether any is broken."""
    found: dict[str, Any] = {}
    kept = look.memory.weights
    for name, module in (
        ("generator", look.subject.generator),
        ("discriminator", look.subject.discriminator),
    ):
        now = _watched(module)
        if now is None:
            continue
        before, kept[name] = kept.get(name), now
        values = now.numpy()
        if not np.isfinite(values).all():
            found.setdefault("non_finite", f"{name}'s weights")
        if before is not None and before.shape == now.shape:
            found[f"{name}_moved"] = float((before.numpy() != values).mean())
    if not kept:
        raise MissingError("no networks with weights were given")
    return found


def latents(look: Look) -> dict[str, Any]:
    """How far samples move with their latents alone: noise that layers draw is the same in both."""
    subject = look.subject
    if subject.sample is None or subject.redrawn is None:
        raise MissingError("no generator and no latents were given")
    made = []
    for sample in (subject.sample, subject.redrawn):
        cards = _cards(subject.modules)
        with torch.random.fork_rng(devices=cards):
            # torch.manual_seed formats a stack for every device, which costs as much as a small network
            (torch.manual_seed if cards else torch.default_generator.manual_seed)(0)
            made.append(sample(ASKED)[:ASKED])
    reference = look.known()
    if made[0].shape[1:] != reference.real.shape[1:]:
        raise MissingError("samples and reals differ in shape")
    first, second = (reference.rows(one) for one in made)
    moved = float((first - second).norm(dim=1).mean())
    return {"latent_response": moved / reference.mean_distance}


def held_out(look: Look) -> dict[str, Any]:
    """Compare the scores of training and held-out reals."""
    score, fake = look.subject.score, look.fake
    if score is None:
        raise MissingError("no discriminator was given")
    reference = look.known()
    unseen = reference.probed_held_out
    if unseen is None:
        raise MissingError("no data are held out")
    if len(unseen) < LEAST_HELD_OUT:
        raise MissingError(f"{len(unseen)} held-out samples are too few")
    if fake is None:
        raise MissingError("no samples were given")
    count = MOST_SCORED if len(fake) > FEW else FEW
    sides: tuple[tuple[Tensor, Side], ...] = (
        (reference.probed[:count], "training"),
        (unseen[:count], "held out"),
        (fake[:count], "fake"),
    )
    of_training, of_unseen, of_fakes = (
        per_sample_scores(score(samples.to(fake.device), side)).cpu() for samples, side in sides
    )
    return {
        "held_out_apart": reference.held_out_apart,
        "training_above_held_out": roc_auc(of_training, of_unseen),
        "held_out_gap": held_out_gap(of_training, of_unseen, of_fakes),
    }


def conditions(look: Look) -> dict[str, Any]:
    """Compare samples of exchanged conditions."""
    subject, fake = look.subject, look.fake
    if subject.swapped is None:
        raise MissingError("the samples are made without conditions")
    if fake is None or fake is subject.handed:
        raise MissingError("no samples of known conditions were given")
    reference, count = look.known(), len(fake)
    rows = reference.rows(fake)
    others = reference.rows(subject.swapped(count))
    found: dict[str, Any] = {"condition_response": condition_response(rows[: len(others)], others)}
    if subject.asked is not None and reference.classes is not None:
        asked = subject.asked.cpu()[:count]
        found["condition_followed"] = labels_followed(rows, asked, *reference.classes)
        found["condition_followed_real"] = reference.labels_followed
        # Every label is asked for about as often as it occurs, so others' labels are what chance gives.
        found["condition_chance"] = labels_followed(rows, asked.roll(len(asked) // 2 + 1), *reference.classes)
    return found


def _cards(modules: Sequence[nn.Module]) -> list[torch.device]:
    devices = {tensor.device for module in modules for tensor in module.parameters()}
    return [device for device in devices if device.type == "cuda"]


def _watched(module: nn.Module | None) -> Tensor | None:
    """A few weights of each tensor of a network that is trained, on the CPU."""
    if module is None:
        return None
    with torch.no_grad():
        parts = [one.reshape(-1)[:WATCHED] for one in module.parameters() if one.requires_grad]
        return torch.cat(parts).float().cpu() if parts else None

"""The duality gap: how much each player could still gain against the other."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from poise.errors import PoiseError
from poise.metrics.fingerprint import fingerprint
from poise.metrics.half_sample_bootstrap import NORMAL_QUANTILE
from poise.metrics.metric import Metric, timed
from poise.metrics.result import Result
from poise.randomness import derive

Objective = Callable[[nn.Module, nn.Module, Tensor, Tensor], Tensor]
Latent = Callable[[int, torch.Generator], Tensor]


@timed
def duality_gap(
    generator: nn.Module,
    discriminator: nn.Module,
    objective: Objective,
    held_out: Tensor,
    *,
    latent: Latent,
    steps: int = 200,
    learning_rate: float = 1e-3,
    batch_size: int = 64,
    seed: int = 0,
) -> Result:
    """The objective of a worst-case discriminator against this generator, minus that of this discriminator
    against a worst-case generator.

    Each worst-case player is trained for some steps from a copy of the present one, on one half of held-out
    data; both are evaluated on the other half. At an equilibrium of a zero-sum game the gap is zero; it falls
    if training goes well and rises if the players circle or a mode is dropped. It needs no features and no
    labels. The given players are not changed.

    Args:
        generator: Latents to samples.
        discriminator: Samples to scores.
        objective: `(generator, discriminator, real, latents) -> (N,)`: what the discriminator maximises and
            the generator minimises, for each sample of a batch.
        held_out: Data that neither has been trained on, `(N, ...)`.
        latent: `(n, stream) -> latents`.
        steps: How long each worst-case player trains: more make the gap larger and truer.
        learning_rate: Of Adam, for both.
        batch_size: Samples of a step.
        seed: Seeds halves, batches and latents.

    Returns:
        `duality_gap`, `worst_discriminator` (the objective against the best discriminator found: the minimax
        value) and `worst_generator`. A negative gap says that the worst-case players have not learned
        enough.

    Raises:
        PoiseError: Fewer than 4 held-out samples, or an objective that gives no number for each sample.

    Source: Grnarova et al. 2019, equation 3 and section 4.
    """
    if len(held_out) < 4:
        raise PoiseError(
            f"There are {len(held_out)} held-out samples, and the duality gap needs at least 4",
            code="metrics.too-few-samples",
            hint="hold out more",
        )
    stream = torch.Generator().manual_seed(derive(seed, 0, "duality gap"))
    learn, test = (
        held_out[half.to(held_out.device)]
        for half in torch.randperm(len(held_out), generator=stream).tensor_split(2)
    )

    def worst(player: str) -> tuple[nn.Module, nn.Module]:
        players = {"generator": copy.deepcopy(generator), "discriminator": copy.deepcopy(discriminator)}
        for name, module in players.items():
            module.requires_grad_(name == player)
        moving = players[player].train()
        sign = 1.0 if player == "generator" else -1.0
        optimiser = torch.optim.Adam(moving.parameters(), lr=learning_rate, betas=(0.5, 0.99))
        for _ in range(steps):
            chosen = torch.randint(len(learn), (min(batch_size, len(learn)),), generator=stream)
            real = learn[chosen.to(learn.device)]
            latents = latent(len(real), stream).to(real.device)
            optimiser.zero_grad()
            each = objective(players["generator"], players["discriminator"], real, latents)
            (sign * each.mean()).backward()
            optimiser.step()
        return players["generator"].eval(), players["discriminator"].eval()

    latents = latent(len(test), stream).to(held_out.device)
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(derive(seed, 0, "duality gap"))
        pairs = {"worst_discriminator": worst("discriminator"), "worst_generator": worst("generator")}
    with torch.no_grad():
        found = {name: _for_each(objective, *players, test, latents) for name, players in pairs.items()}
    found["duality_gap"] = found["worst_discriminator"] - found["worst_generator"]
    halves = {
        name: NORMAL_QUANTILE * float(each.std()) / math.sqrt(len(each)) for name, each in found.items()
    }
    values = {
        name: float(found[name].mean()) for name in ("duality_gap", "worst_discriminator", "worst_generator")
    }
    return Result(
        metric="duality-gap",
        value=values,
        interval={name: (value - halves[name], value + halves[name]) for name, value in values.items()},
        interval_method="closed form: normal, for these worst-case players",
        floor={"duality_gap": 0.0},
        floor_method="exact: an equilibrium",
        samples={"held_out": len(held_out)},
        settings={"steps": steps, "learning_rate": learning_rate, "batch_size": batch_size, "seed": seed},
        reference=fingerprint(held_out),
    )


def _for_each(
    objective: Objective, generator: nn.Module, discriminator: nn.Module, real: Tensor, latents: Tensor
) -> Tensor:
    each = objective(generator, discriminator, real, latents)
    if each.shape != (len(real),):
        raise PoiseError(
            f"The objective gives a tensor of shape {tuple(each.shape)} for {len(real)} samples",
            code="metrics.objective-shape",
            why="the interval needs one number for each sample",
            hint="return shape (N,), and take no mean",
        )
    return each.double()


DUALITY_GAP = Metric(
    name="duality-gap",
    measure=duality_gap,
    summary="How much each player could still gain: convergence of the game itself, without features.",
    source="Grnarova et al. 2019, equation 3",
    needs=("generator", "discriminator", "objective", "held_out"),
    lower_is_better={"duality_gap": True, "worst_discriminator": True, "worst_generator": None},
)

"""Conditional games in a loop of their own, watched by the monitor as anybody's loop would be."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from benchmarks.planted_faults.cases import Case
from poise.data import open_data
from poise.diagnosis import Monitor
from poise.losses import LOSSES
from poise.networks.mlp import mlp_discriminator, mlp_generator
from poise.penalties import PENALTIES
from poise.randomness import torch_stream
from poise.spec import DataSpec

STEPS = {"-long": 1_600, "": 800}
"""By the end of the base's name: digits take longer to follow their labels than points do."""

LATENT = 16


def play_conditional(case: Case) -> dict[str, Any]:
    """Points or digits from their labels; both players are multilayer perceptrons.

    Args:
        case: Which run.
    """
    fault = case.kind
    steps = next(count for end, count in STEPS.items() if case.base.endswith(end))
    source = open_data(case.base.removeprefix("conditional-").removesuffix("-long"))
    count = min(len(source), 4_000)
    samples = source.transform.encode(source.gather(np.arange(count))).flatten(1)
    labels = torch.as_tensor(np.asarray(source.labels)[:count]).long()
    held_out = torch.arange(count) % 20 == 0
    real, classes = samples[~held_out], labels[~held_out]
    kinds, size = int(labels.max()) + 1, samples.shape[1]
    torch.manual_seed(case.seed)
    generator = mlp_generator(DataSpec("vector", (size,)), latent_size=LATENT + kinds, width=128)
    discriminator = mlp_discriminator(DataSpec("vector", (size + kinds,)), width=128)
    slow = 1e-3 if size == 2 else 5e-4
    optimisers = [torch.optim.Adam(one.parameters(), lr=slow, betas=(0.0, 0.99))
                  for one in (discriminator, generator)]  # fmt: skip
    weight = 0.05 if size == 2 else 1.0
    loss, r1 = LOSSES["non-saturating"], PENALTIES["r1"].penalty
    monitor = Monitor(real, samples[held_out], classes, steps=steps, most_share=1.0)
    stream = torch_stream(case.seed, 0, "planted faults")

    def coded(wanted: Tensor, dropped: str) -> Tensor:
        return one_hot(wanted, kinds).float() * (fault != dropped)

    def sample(latent: Tensor, wanted: Tensor) -> Tensor:
        given = torch.zeros_like(wanted) if fault == "one-label" else wanted
        if fault == "random-to-generator":
            given = torch.randint(kinds, wanted.shape, generator=stream)
        code = coded(given, "labels-not-passed") * (1e-3 if fault == "faint-labels" else 1.0)
        made: Tensor = generator(torch.cat([latent, code], 1))
        return made

    def asked(latent: Tensor, wanted: Tensor) -> Tensor:
        renamed = {"off-by-one": (wanted + 1) % kinds, "names-sorted-otherwise": kinds - 1 - wanted}
        return sample(latent, renamed.get(fault, wanted))

    for step in range(steps):
        chosen = torch.randint(len(real), (64,), generator=stream)
        x, wanted = real[chosen], classes[chosen]
        if fault == "shuffled-labels":
            wanted = wanted[torch.randperm(64, generator=stream)]
        code = coded(wanted, "unconditional-discriminator")
        latent = torch.randn(64, LATENT, generator=stream)
        fake = sample(latent, wanted)

        def critic(rows: Tensor, code: Tensor = code) -> Tensor:
            scores: Tensor = discriminator(torch.cat([rows, code], 1))
            return scores

        real_scores, fake_scores = critic(x), critic(fake.detach())
        cost = loss.discriminator(real_scores, fake_scores).mean()
        penalty = r1(critic, x, fake.detach(), generator=stream).mean()
        optimisers[0].zero_grad()
        torch.autograd.backward(cost + weight * penalty)
        optimisers[0].step()
        generator_cost = loss.generator(real_scores.detach(), critic(fake)).mean()
        optimisers[1].zero_grad()
        torch.autograd.backward(generator_cost)
        optimisers[1].step()
        monitor.observe(
            step + 1, generator=generator, discriminator=discriminator, sample=asked, latent=latent,
            real=x, fake=fake, real_scores=real_scores, fake_scores=fake_scores,
            loss_generator=generator_cost, loss_discriminator=cost,
        )  # fmt: skip
    return {
        "seed": case.seed,
        "steps": steps,
        "onset": 0,
        "recipe": {},
        "readings": [measurement.to_json() for measurement in monitor.measurements],
        "metrics": [],
        "stopped": "",
        "not_used": monitor.not_used,
    }

"""Conditional games in a loop of their own, watched by the monitor as any loop would be."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from benchmarks.planted_faults.faults import Case
from poise.data import open_data
from poise.diagnosis import Monitor
from poise.losses import LOSSES
from poise.networks.mlp import mlp_discriminator, mlp_generator
from poise.randomness import torch_stream
from poise.regularisers import r1
from poise.spec import DataSpec

LATENT = 16


def train_conditional(case: Case) -> dict[str, Any]:
    """Points or digits from their labels; both players are multilayer perceptrons."""
    fault = case.kind
    steps = 1_600 if case.base.endswith("-long") else 800  # digits take longer to follow their labels
    dataset = open_data(case.base.removeprefix("conditional-").removesuffix("-long"))
    count = min(len(dataset), 4_000)
    samples = dataset.transform.encode(dataset.gather(np.arange(count))).flatten(1)
    labels = torch.as_tensor(np.asarray(dataset.labels)[:count]).long()
    held_out = torch.arange(count) % 20 == 0
    real, classes = samples[~held_out], labels[~held_out]
    kinds, size = int(labels.max()) + 1, samples.shape[1]
    torch.manual_seed(case.seed)
    generator = mlp_generator(DataSpec("vector", (size,)), latent_size=LATENT + kinds, width=128)
    discriminator = mlp_discriminator(DataSpec("vector", (size + kinds,)), width=128)
    rate, weight = (1e-3, 0.05) if size == 2 else (5e-4, 1.0)
    optimisers = [torch.optim.Adam(one.parameters(), lr=rate, betas=(0.0, 0.99))
                  for one in (discriminator, generator)]  # fmt: skip
    loss = LOSSES["non-saturating"]
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

        def score(rows: Tensor, code: Tensor = code) -> Tensor:
            scores: Tensor = discriminator(torch.cat([rows, code], 1))
            return scores

        real_scores, fake_scores = score(x), score(fake.detach())
        cost = loss.discriminator(real_scores, fake_scores).mean()
        penalty = r1(score, x, fake.detach(), generator=stream).mean()
        optimisers[0].zero_grad()
        torch.autograd.backward(cost + weight * penalty)
        optimisers[0].step()
        generator_cost = loss.generator(real_scores.detach(), score(fake)).mean()
        optimisers[1].zero_grad()
        torch.autograd.backward(generator_cost)
        optimisers[1].step()
        monitor.observe(
            step + 1, generator=generator, discriminator=discriminator, sample=asked, latent=latent,
            real=x, fake=fake, real_scores=real_scores, fake_scores=fake_scores,
            loss_generator=generator_cost, loss_discriminator=cost,
        )  # fmt: skip
    readings = [measurement.to_json() for measurement in monitor.measurements]
    return {"seed": case.seed, "steps": steps, "onset": 0, "recipe": {}, "readings": readings, "metrics": [],
            "stopped": "", "not_used": monitor.not_used}  # fmt: skip

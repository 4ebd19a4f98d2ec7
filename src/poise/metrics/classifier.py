"""A small classifier of features, for metrics that ask what can be told apart."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from poise.randomness import derive

HIDDEN = 64
EPOCHS = 60
BATCH = 128


def train_classifier(
    features: Tensor, labels: Tensor, classes: int, *, seed: int
) -> Callable[[Tensor], Tensor]:
    """Train a network of one hidden layer on standardised features; the same seed gives the same network.

    Args:
        features: `(N, d)`.
        labels: `(N,)`, from 0.
        classes: How many there are.
        seed: Seeds the weights and the order.

    Returns:
        A function from features `(M, d)` to logits `(M, classes)`.
    """
    mean, deviation = features.mean(0), features.std(0)
    deviation = torch.where(deviation > 0, deviation, torch.ones_like(deviation))

    def standard(raw: Tensor) -> Tensor:
        return ((raw - mean) / deviation).clamp(-10, 10).to(torch.float32)

    inputs = standard(features)
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(derive(seed, 0, "classifier"))
        network = nn.Sequential(nn.Linear(features.shape[1], HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, classes))
        network.to(inputs.device)
        optimiser = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=1e-2)
        for _ in range(EPOCHS):
            for batch in torch.randperm(len(inputs)).to(inputs.device).split(BATCH):
                optimiser.zero_grad()
                nn.functional.cross_entropy(network(inputs[batch]), labels[batch]).backward()
                optimiser.step()

    def logits(raw: Tensor) -> Tensor:
        with torch.no_grad():
            given: Tensor = network(standard(raw))
        return given

    return logits

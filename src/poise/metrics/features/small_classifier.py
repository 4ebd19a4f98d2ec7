"""A classifier trained on the user's labels: features of the domain, and class probabilities."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from poise.errors import PoiseError
from poise.metrics.arrays import ValueRange, as_labels, as_samples, fingerprint, planes_of, range_of, to_range
from poise.metrics.features.extractor import ModuleExtractor
from poise.metrics.features.files import cached
from poise.randomness import derive, torch_stream

WIDTHS = (32, 64, 64)
FEATURES = 64
EPOCHS = 20
OnEpoch = Callable[[float], None]
"""Called with the share of the epochs that is done."""
BATCH = 64
HELD_OUT_SHARE = 0.2
VERSION = "2"


class SmallClassifier(nn.Module):
    """Three convolutions and a hidden layer of 64; or, for vectors, two hidden layers.

    Takes images `(N, C, H, W)` in -1..1, fields `(N, C, D, H, W)` of any range, or vectors `(N, d)`.
    """

    def __init__(self, shape: tuple[int, ...], classes: int) -> None:
        super().__init__()
        shape = tuple(planes_of(torch.empty(1, *shape, device="meta")).shape[1:])
        if len(shape) == 1:
            body: list[nn.Module] = [nn.Linear(shape[0], FEATURES), nn.ReLU()]
            inputs = FEATURES
        else:
            body, inputs, side = [], shape[0], min(shape[1:])
            for width in WIDTHS:
                body += [nn.Conv2d(inputs, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU()]
                if side >= 4:
                    body.append(nn.MaxPool2d(2))
                    side //= 2
                inputs = width
            body += [nn.AdaptiveAvgPool2d(2), nn.Flatten()]
            inputs *= 4
        self.body = nn.Sequential(*body, nn.Linear(inputs, FEATURES), nn.ReLU())
        self.head = nn.Linear(FEATURES, classes)

    def forward(self, samples: Tensor) -> Tensor:
        """Features `(N, 64)`: what the last layer sees."""
        features: Tensor = self.body(planes_of(samples).to(self.head.weight.dtype))
        return features

    def logits(self, samples: Tensor) -> Tensor:
        """Logits `(N, classes)`."""
        logits: Tensor = self.head(self(samples))
        return logits


@dataclass(frozen=True)
class ClassifierExtractor(ModuleExtractor):
    """A trained classifier as an extractor.

    Attributes:
        accuracy: Its accuracy on samples that it was not trained on.
        classes: How many classes there are.
        probabilities: Class probabilities `(N, classes)` of samples.
    """

    accuracy: float = 0.0
    classes: int = 0
    probabilities: Callable[[Tensor], Tensor] | None = None


def small_classifier(
    samples: Any,
    labels: Any,
    *,
    value_range: ValueRange | None = None,
    cache: Path | None = None,
    epochs: int = EPOCHS,
    seed: int = 0,
    on_epoch: OnEpoch | None = None,
) -> ClassifierExtractor:
    """Train a small classifier on labelled samples, or take it from the cache.

    Args:
        samples: Images or vectors, array or tensor.
        labels: Classes `(N,)`, whole numbers from 0.
        value_range: The range of the pixels; recognised if it is not given.
        cache: A folder to store the weights in, by the content of samples and labels.
        epochs: How often every sample is used.
        seed: Seeds weights, order, and the fifth that is held out.
        on_epoch: Called after each epoch, unless the weights are in the cache.

    Returns:
        The extractor; its name states its accuracy on the held-out fifth.

    Raises:
        PoiseError: Labels that do not match the samples, fewer than 2 classes or 20 samples.
    """
    given = as_samples(samples, "labelled")
    numbers = as_labels(labels, "labelled", len(given)).cpu()
    classes = int(numbers.max()) + 1 if len(numbers) else 0
    if len(given) < 20 or len(torch.unique(numbers)) < 2:
        raise PoiseError(
            f"{len(given)} samples of {len(torch.unique(numbers))} classes cannot train a classifier",
            code="metrics.too-few-labels",
            hint="give at least 20 samples of 2 classes, or use other features",
        )
    takes: ValueRange | None = None
    inputs = given.to(torch.float32).cpu()
    if given.dim() == 4:
        takes = "-1..1"
        inputs = to_range(given.cpu(), range_of(given, "labelled", value_range), takes)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(seed, 0, "classifier"))
        network = SmallClassifier(tuple(given.shape[1:]), classes)

    def train() -> dict[str, Tensor]:
        accuracy = _train(network, inputs, numbers, epochs, seed, on_epoch)
        return {**network.state_dict(), "accuracy": torch.tensor(accuracy, dtype=torch.float64)}

    parts = VERSION, fingerprint(given), fingerprint(numbers), str(seed), str(epochs), str(takes)
    weights = cached(cache, "classifiers", parts, train)
    accuracy = float(weights.pop("accuracy"))
    network.load_state_dict(weights)
    network.eval().requires_grad_(False)
    name = f"classifier of {classes} classes ({accuracy:.1%} on held-out samples)"
    return ClassifierExtractor(
        name,
        network,
        takes,
        accuracy=accuracy,
        classes=classes,
        probabilities=lambda batch: network.logits(batch.to(next(network.parameters()).device)).softmax(1),
    )


def _train(
    network: SmallClassifier,
    inputs: Tensor,
    labels: Tensor,
    epochs: int,
    seed: int,
    on_epoch: OnEpoch | None = None,
) -> float:
    """Train, and return the accuracy on the held-out part."""
    order = torch.randperm(len(inputs), generator=torch_stream(seed, 0, "held out"))
    kept = max(1, int(HELD_OUT_SHARE * len(inputs)))
    held_out, learn = order[:kept], order[kept:]
    optimiser = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=1e-2, fused=True)
    steps = epochs * -(-len(learn) // BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    network.train()
    with torch.enable_grad():
        for epoch in range(epochs):
            shuffled = learn[torch.randperm(len(learn), generator=torch_stream(seed, epoch, "order"))]
            for batch in shuffled.split(BATCH):
                if len(batch) < 2:
                    continue  # batch normalisation needs two
                optimiser.zero_grad()
                functional.cross_entropy(network.logits(inputs[batch]), labels[batch]).backward()
                optimiser.step()
                schedule.step()
            if on_epoch is not None:
                on_epoch((epoch + 1) / epochs)
    network.eval()
    with torch.no_grad():
        right = [network.logits(inputs[part]).argmax(1) == labels[part] for part in held_out.split(1000)]
    return float(torch.cat(right).double().mean())

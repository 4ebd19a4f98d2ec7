"""The classifier accuracy score: whether generated samples train a classifier as well as real ones."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from poise.metrics.arrays import as_labels, as_pair
from poise.metrics.fingerprint import fingerprint_of_features
from poise.metrics.half_sample_bootstrap import share_interval
from poise.metrics.metric import Metric, timed
from poise.metrics.result import Result
from poise.randomness import derive

HIDDEN = 64
EPOCHS = 60
BATCH = 128


@timed
def classifier_accuracy_score(
    real: object, real_labels: object, fake: object, fake_labels: object, *, seed: int = 0
) -> Result:
    """The accuracy on reals of a classifier that was trained on fakes, for conditional generators.

    Args:
        real: Features of reals, `(N, d)`, array or tensor.
        real_labels: Their classes, `(N,)`, whole numbers from 0.
        fake: Features of fakes, `(M, d)`.
        fake_labels: The classes that they were generated for, `(M,)`.
        seed: Seeds the classifier, and with it the value: it is part of the protocol.

    Returns:
        The accuracy. The floor, here the level to reach, is that of one trained on one half of the reals and
        tested on the other. `details` has the accuracy of each class.

    Raises:
        PoiseError: Labels that do not match their samples, fewer than 20 samples, different widths, or
            features that are not finite.

    Example:
        >>> import torch
        >>> real = torch.randn(100, 2, generator=torch.Generator().manual_seed(0))
        >>> labels = (real[:, 0] > 0).long()
        >>> classifier_accuracy_score(real, labels, real, labels).value > 0.9
        True

    Source: Ravuri and Vinyals 2019, section 3.
    """
    reals, fakes = as_pair(real, fake, least=20)
    of_reals = as_labels(real_labels, "real", len(reals)).to(reals.device)
    of_fakes = as_labels(fake_labels, "fake", len(fakes)).to(reals.device)
    classes = int(torch.maximum(of_reals.max(), of_fakes.max())) + 1
    right = _right(fakes, of_fakes, reals, of_reals, classes, seed)
    order = torch.randperm(len(reals), generator=torch.Generator().manual_seed(derive(seed, 0, "halves")))
    learn, test = (half.to(reals.device) for half in order.tensor_split(2))
    level = _right(reals[learn], of_reals[learn], reals[test], of_reals[test], classes, seed)
    seen = torch.unique(of_reals).tolist()
    return Result(
        metric="classifier-accuracy-score",
        value=float(right.double().mean()),
        interval=share_interval(int(right.sum()), len(reals)),
        interval_method="closed form: Wilson, for this trained classifier",
        floor=float(level.double().mean()),
        floor_method=f"trained on {len(learn)} reals and tested on {len(test)} others",
        samples={"real": len(reals), "fake": len(fakes)},
        settings={"classes": classes, "seed": seed},
        reference=fingerprint_of_features(reals),
        details={
            "accuracy_of_class": {
                str(label): float(right[of_reals == label].double().mean()) for label in seen
            }
        },
    )


def _right(learn: Tensor, labels: Tensor, test: Tensor, truth: Tensor, classes: int, seed: int) -> Tensor:
    return train_classifier(learn, labels, classes, seed=seed)(test).argmax(1) == truth


def train_classifier(
    features: Tensor, labels: Tensor, classes: int, *, seed: int
) -> Callable[[Tensor], Tensor]:
    """Train a network of one hidden layer on standardised features `(N, d)` and labels `(N,)` from 0."""
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


CLASSIFIER_ACCURACY_SCORE = Metric(
    name="classifier-accuracy-score",
    measure=classifier_accuracy_score,
    summary="Whether a classifier trained on fakes works on reals: for conditional generators.",
    source="Ravuri and Vinyals 2019, section 3",
    needs=("real", "real_labels", "fake", "fake_labels"),
    lower_is_better=False,
)

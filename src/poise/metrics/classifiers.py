"""Metrics that train a classifier or look at neighbours: two-sample tests, and classifier accuracy."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from poise.metrics.arrays import as_labels, as_pair, fingerprint_of_features
from poise.metrics.intervals import intervals_of, share_interval
from poise.metrics.metric import metric
from poise.metrics.neighbours import centred, loosened, nearest
from poise.metrics.result import Result
from poise.randomness import derive, torch_stream


@metric(
    "Whether a small network can tell fakes from reals, with a p-value.",
    "Lopez-Paz and Oquab 2017, section 3",
    lower_is_better=True,
)
def classifier_two_sample_test(real: object, fake: object, *, seed: int = 0) -> Result:
    """The accuracy, on held-out halves, of a small network that was trained to tell reals from fakes.

    One half is the accuracy of guessing, and what a perfect generator reaches; at 1 every sample is
    recognised. Of the larger side only as many samples are used as the smaller has.

    Takes features `(N, d)` of reals and `(M, d)` of fakes; `seed` is for the halves and the network.

    Returns:
        The accuracy; `details["p_value"]` is the chance of as much or more if the two were alike.

    Raises:
        PoiseError: Fewer than 20 samples, different widths, or features that are not finite.

    Example:
        >>> import torch
        >>> real = torch.randn(200, 2, generator=torch.Generator().manual_seed(0))
        >>> classifier_two_sample_test(real, real + 20).value
        1.0

    Source: Lopez-Paz and Oquab 2017, section 3: under the null about N(1/2, 1 / (4 n)) for n held-out
    samples.
    """
    reals, fakes = as_pair(real, fake, least=20)
    count = min(len(reals), len(fakes))
    stream = torch_stream(seed, 0, "halves")
    orders = [torch.randperm(len(side), generator=stream)[:count].to(side.device) for side in (reals, fakes)]
    middle = count // 2
    learn = torch.cat([reals[orders[0][:middle]], fakes[orders[1][:middle]]])
    test = torch.cat([reals[orders[0][middle:]], fakes[orders[1][middle:]]])
    labels = torch.arange(2, device=learn.device)
    logits = train_classifier(learn, labels.repeat_interleave(middle), 2, seed=seed)
    hits = int((logits(test).argmax(1) == labels.repeat_interleave(count - middle)).sum())
    accuracy = hits / len(test)
    return Result(
        metric="classifier-two-sample-test",
        value=accuracy,
        interval=share_interval(hits, len(test)),
        interval_method="closed form: Wilson, for this trained classifier",
        floor=0.5,
        floor_method="exact: guessing",
        samples={"real": len(reals), "fake": len(fakes)},
        settings={"seed": seed, "held out": len(test)},
        reference=fingerprint_of_features(reals),
        details={"p_value": 0.5 * math.erfc((accuracy - 0.5) * math.sqrt(4 * len(test)) / math.sqrt(2))},
    )


@metric(
    "Whether neighbours are of one side: above one half the sides differ, below it fakes are copies.",
    "Lopez-Paz and Oquab 2017; Xu et al. 2018",
    lower_is_better=dict.fromkeys(("accuracy", "accuracy_on_real", "accuracy_on_fake")),
)
def nearest_neighbour_two_sample_test(
    real: object, fake: object, *, replicates: int = 20, seed: int = 0
) -> Result:
    """The accuracy of a one-nearest-neighbour classifier, each sample left out in turn.

    A perfect generator has one half. Above it the two sides form separate clusters; below it fakes lie on
    reals, as copies do. The accuracies on reals and on fakes tell the two apart: a generator with dropped
    modes has a high one on reals and a low one on fakes, a generator that memorises has both low.

    Takes features `(N, d)` of reals and `(M, d)` of fakes, of which as many are used as the smaller side
    has; the interval is from `replicates` parts of up to 500 samples each (0 for none), which `seed`
    draws.

    Returns:
        `accuracy`, `accuracy_on_real` and `accuracy_on_fake`.

    Raises:
        PoiseError: Fewer than 4 samples, different widths, or features that are not finite.

    Example:
        >>> import torch
        >>> real = torch.randn(100, 2, generator=torch.Generator().manual_seed(0))
        >>> nearest_neighbour_two_sample_test(real, real + 1e-6).value["accuracy"]
        0.0

    Source: Lopez-Paz and Oquab 2017; Xu et al. 2018, section 2.
    """
    reals, fakes = as_pair(real, fake, least=4)
    count = min(len(reals), len(fakes))
    stream = torch_stream(seed, 0, "choice")
    chosen = [
        side
        if len(side) == count
        else side[torch.randperm(len(side), generator=stream)[:count].to(side.device)]
        for side in (reals, fakes)
    ]
    values = left_out_accuracies(*chosen)
    names = ("accuracy", "accuracy_on_real", "accuracy_on_fake")
    intervals, method = intervals_of(
        left_out_accuracies, chosen, values, names, replicates=replicates, most=500, stream=stream
    )
    return Result(
        metric="nearest-neighbour-two-sample-test",
        value=dict(zip(names, values.tolist(), strict=True)),
        interval=intervals,
        interval_method=method,
        floor=dict.fromkeys(names, 0.5),
        floor_method="exact in the limit: a neighbour of either side is as likely",
        samples={"real": len(reals), "fake": len(fakes)},
        reference=fingerprint_of_features(reals),
    )


def left_out_accuracies(real: Tensor, fake: Tensor) -> Tensor:
    """How often a sample's nearest other is of its own side: of all, of the reals, of the fakes, `(3,)`.

    If one of each side is equally near, as with duplicates, that counts as one half.
    """
    real, fake = centred(real, fake)
    right = [_nearer_own(own, other) for own, other in ((real, fake), (fake, real))]
    return torch.stack([torch.cat(right).mean(), right[0].mean(), right[1].mean()])


def _nearer_own(own: Tensor, other: Tensor) -> Tensor:
    to_own, to_other = nearest(own)[0], nearest(own, other)[0]
    nearer = (loosened(to_own, own) < to_other).to(torch.float64)
    return nearer + 0.5 * ((to_own <= loosened(to_other, own)) & (nearer == 0)).to(torch.float64)


HIDDEN = 64
EPOCHS = 60
BATCH = 128
ROUNDING = 1e-5
"""Share of a feature's mean: a feature that deviates by less says how it was computed, not what it is."""


@metric(
    "Whether a classifier trained on fakes works on reals: for conditional generators.",
    "Ravuri and Vinyals 2019, section 3",
    needs=("real", "real_labels", "fake", "fake_labels"),
    lower_is_better=False,
)
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
    order = torch.randperm(len(reals), generator=torch_stream(seed, 0, "halves"))
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
    deviation = torch.where(deviation > ROUNDING * mean.abs(), deviation, torch.ones_like(deviation))

    def standard(raw: Tensor) -> Tensor:
        return ((raw - mean) / deviation).clamp(-10, 10).to(torch.float32)

    inputs = standard(features)
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(derive(seed, 0, "classifier"))
        network = nn.Sequential(nn.Linear(features.shape[1], HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, classes))
        network.to(inputs.device)
        optimiser = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=1e-2, fused=True)
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

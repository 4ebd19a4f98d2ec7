"""The ratio of two densities by comparison: a classifier tells samples apart, and its odds are the ratio."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, softplus

from poise.errors import PoiseError, unknown_name
from poise.metrics.arrays import as_features, as_pair, as_samples, common_range, fingerprint_of_features
from poise.metrics.calibration import calibrated
from poise.metrics.classifiers import train_classifier
from poise.metrics.copies import mann_whitney
from poise.metrics.features import as_extractor, default_extractor, extract
from poise.metrics.intervals import NORMAL_QUANTILE
from poise.metrics.result import Result
from poise.randomness import derive, torch_stream

Floats = np.ndarray[Any, np.dtype[np.float64]]
Logits = Callable[[Tensor], Tensor]
Form = Literal["auto", "linear", "squares", "network"]
Calibrate = Literal["platt", "isotonic"]

LEAST = 40
"""Rows of either side below which nothing is fitted: one half is for the bounds and the test."""

FOLDS = 3
PENALTIES = (0.003, 0.1, 3.0)
"""Inverse weights of the penalty on the coefficients of a logistic regression."""


@dataclass(frozen=True, eq=False)
class DensityRatio:
    """The ratio p / q of two densities, from samples of both.

    Attributes:
        divergences: Lower bounds on the divergences of p from q, in nats, by a function that was fitted on
            one half of the samples and is tested on the other: `jensen_shannon`, which is at most ln 2 and
            has an interval, and `kl_donsker_varadhan` and `kl_nwj`, which have none, since one rare sample
            can change them by much. `details["kl_limit"]` is what no such bound can be trusted beyond.
        p_value: Of the hypothesis that p and q are equal: the chance that held-out samples of p get so much
            higher ratios than those of q.
        effective_sample_size: As how many samples of p those of q count, weighted.
        form: The form that was fitted: `"linear"`, `"squares"` or `"network"`.
        tested: The function of one half that `divergences` and `p_value` are of, from features `(N, d)`.

    Source: Sugiyama et al. 2012, chapter 4; Nguyen et al. 2010 for the bounds.
    """

    divergences: Result
    p_value: float
    effective_sample_size: float
    form: str
    tested: Logits
    _fitted: Logits
    _features: Callable[[Any], Tensor]

    def log_ratio(self, x: Any) -> Floats:
        """The log ratio `log p(x) - log q(x)` in nats, `(N,)`, of samples as `p` and `q` were given."""
        found: Floats = self._fitted(self._features(x)).cpu().numpy()
        return found

    def weights(self, x: Any) -> Floats:
        """Weights `(N,)` under which samples of q count as samples of p; their mean is 1."""
        logs = self.log_ratio(x)
        raised: Floats = np.exp(logs - logs.max())
        return raised / float(raised.mean())

    def __str__(self) -> str:
        """The bounds, the p-value and the effective sample size, as one line."""
        size = f"effective sample size {self.effective_sample_size:.4g} of {self.divergences.samples['q']}"
        return f"{self.divergences} · p-value {self.p_value:.2g} · {size}"


def density_ratio(
    p: Any,
    q: Any,
    *,
    features: Any = None,
    form: Form = "auto",
    calibration: Calibrate | None = "platt",
    seed: int = 0,
) -> DensityRatio:
    """The ratio of the densities that two samples come from.

    A logistic regression, or a small network, tells the two apart. It is chosen, and its scores are
    calibrated, by what it says of rows that it was not fitted on.

    Args:
        p: Samples of the numerator: vectors or features `(N, d)`, or images `(N, C, H, W)`, array or tensor.
        q: Samples of the denominator, of the same shape, `(M, ...)`.
        features: An extractor, network or function that both go through first; by default random
            convolutions for images and the numbers themselves for vectors.
        form: `"linear"` or `"squares"` in the features, or a `"network"` of one hidden layer; `"auto"` takes
            the one that predicts best.
        calibration: `"platt"`, smoothed `"isotonic"` steps, or `None` to take the scores as they are.
        seed: Draws the halves and folds, and the network's weights.

    Raises:
        PoiseError: Fewer than 40 samples of a side, different shapes or ranges, samples that are not finite,
            or a form or calibration that does not exist.

    Example:
        >>> stream = torch.Generator().manual_seed(0)
        >>> p, q = torch.randn(1000, 1, generator=stream) + 1, torch.randn(1000, 1, generator=stream)
        >>> ratio = density_ratio(p, q)  # the log ratio is x - 1/2
        >>> abs(float(ratio.log_ratio([[2.5]])[0]) - 2) < 0.3, ratio.p_value < 0.001
        (True, True)

    Source: Sugiyama et al. 2012, chapter 4, for logistic regression; Platt 1999 for the calibration.
    """
    if form != "auto" and form not in FORMS:
        raise unknown_name("form", form, ("auto", *FORMS))
    one, other, features_of = _as_features(p, q, features)
    forms = tuple(FORMS) if form == "auto" else (form,)
    fitting, testing = zip(*(_halves(len(side), seed) for side in (one, other)), strict=True)
    tested, chosen = fitted(one[fitting[0]], other[fitting[1]], forms, calibration, seed)
    held_out = one[testing[0]], other[testing[1]]
    final, chosen = fitted(one, other, (chosen.form,), calibration, seed)
    settings = {"form": chosen.form, "penalty": chosen.penalty, "calibration": calibration, "seed": seed}
    of_p, of_q = (tested(side) for side in held_out)
    weights = (final(other) - final(other).max()).exp()
    return DensityRatio(
        divergences=bounds_of(
            of_p, of_q, {"p": len(one), "q": len(other)}, settings, fingerprint_of_features(one)
        ),
        p_value=0.5 * math.erfc(mann_whitney(of_p, of_q)[0] / math.sqrt(2)),
        effective_sample_size=float(weights.sum() ** 2 / weights.square().sum()),
        form=chosen.form,
        tested=tested,
        _fitted=final,
        _features=features_of,
    )


def _as_features(p: Any, q: Any, extractor: Any) -> tuple[Tensor, Tensor, Callable[[Any], Tensor]]:
    """Features of both sides, and the way from further samples to features."""
    sides = as_samples(p, "p"), as_samples(q, "q")
    if sides[0].shape[1:] != sides[1].shape[1:]:
        shapes = " and ".join(str(tuple(side.shape[1:])) for side in sides)
        what, hint = f"The samples of p and q have the shapes {shapes}", "bring both to one shape"
        raise PoiseError(what, code="metrics.different-shapes", hint=hint)
    few = min(map(len, sides))
    if few < LEAST:
        what = f"There are {few} samples of a side, and a density ratio needs at least {LEAST} of each"
        why = "one half is fitted and the other tests it"
        raise PoiseError(what, code="metrics.too-few-samples", why=why, hint=f"give {LEAST - few} more")
    made = default_extractor(sides[0]) if extractor is None else as_extractor(extractor)
    pixels = common_range(*sides) if sides[0].dim() == 4 else None

    def features_of(samples: Any) -> Tensor:
        given = as_samples(samples, "given")
        found = extract(made, given, value_range=pixels, name="given")
        return as_features(found, "given", least=1)

    one, other = as_pair(*map(features_of, sides), names=("p", "q"))
    return one, other, features_of


def _halves(count: int, seed: int) -> tuple[Tensor, Tensor]:
    first, second = torch.randperm(count, generator=torch_stream(seed, 0, "halves")).tensor_split(2)
    return first, second


# Fitting --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Chosen:
    """What is fitted: a form, and for a logistic regression the inverse weight of its penalty."""

    form: str
    penalty: float | None


def fitted(
    p: Tensor, q: Tensor, forms: tuple[str, ...], calibration: str | None, seed: int
) -> tuple[Logits, Chosen]:
    """The log ratio by the form that predicts best, calibrated on rows that it was not fitted on."""
    folds = [_folds(len(side), seed) for side in (p, q)]
    best: tuple[float, Chosen, Tensor, Tensor] | None = None
    for chosen in (Chosen(form, penalty) for form in forms for penalty in FORMS[form][1]):
        of_p, of_q = torch.zeros(len(p), dtype=torch.float64), torch.zeros(len(q), dtype=torch.float64)
        for left_out in range(FOLDS):
            outside = [fold != left_out for fold in folds]
            logits = _fit(p[outside[0]], q[outside[1]], chosen, seed)
            of_p[~outside[0]], of_q[~outside[1]] = logits(p[~outside[0]]).cpu(), logits(q[~outside[1]]).cpu()
        loss = float(softplus(-of_p).mean() + softplus(of_q).mean())
        if best is None or loss < best[0]:
            best = loss, chosen, of_p, of_q
    assert best is not None
    _, chosen, of_p, of_q = best
    line, logits = calibrated(of_p, of_q, calibration), _fit(p, q, chosen, seed)
    return (lambda features: line(logits(features))), chosen


def _folds(count: int, seed: int) -> Tensor:
    """Of each row the fold that it is left out of."""
    order = torch.randperm(count, generator=torch_stream(seed, 0, "folds"))
    return (torch.arange(count) % FOLDS)[order.argsort()]


def _fit(p: Tensor, q: Tensor, chosen: Chosen, seed: int) -> Logits:
    """A classifier's log ratio, as if both sides had as many rows."""
    both = torch.cat([p, q])
    mean, deviation = both.mean(0), both.std(0)
    deviation = torch.where(deviation > 0, deviation, torch.ones_like(deviation))
    fit, prior = FORMS[chosen.form][0], math.log(len(p) / len(q))
    logits = fit((both - mean) / deviation, len(p), chosen.penalty, seed)
    return lambda features: logits((features.to(mean.device) - mean) / deviation) - prior


def _logistic(inputs: Tensor, of_p: int, penalty: float | None, seed: int) -> Logits:
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - slow to import

    labels = np.arange(len(inputs)) < of_p
    model = LogisticRegression(C=penalty, max_iter=500).fit(inputs.cpu().numpy(), labels)
    slope = torch.from_numpy(model.coef_[0]).to(inputs)
    return lambda rows: rows @ slope + float(model.intercept_[0])


def _with_squares(inputs: Tensor, of_p: int, penalty: float | None, seed: int) -> Logits:
    logits = _logistic(_squared(inputs), of_p, penalty, seed)
    return lambda rows: logits(_squared(rows))


def _squared(inputs: Tensor) -> Tensor:
    # The deviation of the square of a standard normal is the root of 2.
    return torch.cat([inputs, (inputs.square() - 1) / math.sqrt(2)], 1)


def _network(inputs: Tensor, of_p: int, penalty: float | None, seed: int) -> Logits:
    labels = (torch.arange(len(inputs)) < of_p).long().to(inputs.device)
    classify = train_classifier(inputs, labels, 2, seed=derive(seed, 0, "density ratio"))

    def logits(rows: Tensor) -> Tensor:
        made = classify(rows).double()
        return made[:, 1] - made[:, 0]

    return logits


FORMS: dict[str, tuple[Callable[[Tensor, int, float | None, int], Logits], tuple[float | None, ...]]] = {
    "linear": (_logistic, PENALTIES),
    "squares": (_with_squares, PENALTIES),
    "network": (_network, (None,)),
}
"""How each form is fitted on standardised inputs whose first rows are of p, and the penalties to try."""


# Bounds ---------------------------------------------------------------------------------------------------


def bounds_of(
    of_p: Tensor, of_q: Tensor, samples: dict[str, int], settings: dict[str, Any], reference: str
) -> Result:
    """Lower bounds on divergences from a log ratio `(N,)` at samples of p and `(M,)` of q.

    They are bounds for any function that was fitted on other samples, up to the chance of these.

    Source: Donsker and Varadhan 1983; Nguyen et al. 2010, equation 9 (NWJ); Goodfellow et al. 2014, equation
    4 (Jensen-Shannon); McAllester and Stratos 2020 for the limit of ln N.
    """
    limit = math.log(len(of_q))
    of_p, of_q = of_p.double().cpu(), of_q.double().cpu()
    mean_of_log, log_of_mean = float(of_p.mean()), float(of_q.logsumexp(0)) - limit
    each_side = [logsigmoid(side.clamp(-limit, limit)) for side in (of_p, -of_q)]
    jensen_shannon = math.log(2) + sum(float(each.mean()) for each in each_side) / 2
    half = NORMAL_QUANTILE / 2 * math.sqrt(sum(float(each.var()) / len(each) for each in each_side))
    return Result(
        metric="density-ratio",
        value={
            "jensen_shannon": jensen_shannon,
            "kl_donsker_varadhan": mean_of_log - log_of_mean,
            "kl_nwj": mean_of_log - math.exp(log_of_mean) + 1,
        },
        interval={"jensen_shannon": (jensen_shannon - half, min(math.log(2), jensen_shannon + half))},
        interval_method="closed form: normal, for this fitted function; none for KL, which has no bound",
        floor={"jensen_shannon": 0.0, "kl_donsker_varadhan": 0.0, "kl_nwj": 0.0},
        floor_method="exact: equal distributions",
        samples=samples,
        settings={**settings, "tested on": {"p": len(of_p), "q": len(of_q)}},
        reference=reference,
        details={"kl_limit": limit},
    )

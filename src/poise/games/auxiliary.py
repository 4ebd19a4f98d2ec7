"""Further terms: the distance of fakes to a target, in pixels or in features; classes and tags."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from poise.games.adversarial import Term
from poise.games.view import View
from poise.schedules import Number


def absolute_error(view: View) -> Tensor:
    """The mean absolute difference of each fake to its real, `(N,)`.

    Source: Isola et al. 2017, equation 3.
    """
    return (view.fake - view.real).abs().flatten(1).mean(1)


def squared_error(view: View) -> Tensor:
    """The mean squared difference of each fake to its real, `(N,)`.

    Source: Pathak et al. 2016, equation 1.
    """
    return (view.fake - view.real).square().flatten(1).mean(1)


def feature_error(view: View) -> Tensor:
    """The difference of what the discriminator's layers make of fakes and of their reals, `(N,)`.

    The game must have a network `features`, `(samples, condition) -> (N, values)`.

    Source: Wang et al. 2018 (pix2pixHD), equation 4.
    """
    features = view.networks["features"]
    seen, wanted = (features(samples, view.batch.condition) for samples in (view.fake, view.real))
    return (seen - wanted.detach()).abs().sum(1)


def perceptual_error(extractor: Callable[[Tensor], Tensor]) -> Callable[[View], Tensor]:
    """The mean squared difference of features of fakes and of their reals.

    Args:
        extractor: Samples `(N, ...)` to features `(N, d)`, frozen, that lets a gradient through: an extractor
            of `poise.metrics.features` does not, its `module` does.

    Returns:
        `(view) -> (N,)`.

    Source: Johnson et al. 2016, equation 2.
    """

    def error(view: View) -> Tensor:
        return (extractor(view.fake) - extractor(view.real)).square().flatten(1).mean(1)

    return error


def class_terms(weight: Number = 1.0) -> tuple[Term, ...]:
    """The cross-entropy of the discriminator's second head, in the losses of both players.

    The discriminator gives a score and a logit for each class, `(N, 1 + classes)`. Its loss has
    the classes of reals and fakes; the generator's has those of its fakes.

    Args:
        weight: What the cross-entropy is multiplied with.

    Source: Odena et al. 2017, equations 2 and 3.
    """
    return (
        Term("real_class_loss", "discriminator", _real_classes, weight),
        Term("discriminator_fake_class_loss", "discriminator", _fake_classes, weight),
        Term("fake_class_loss", "generator", _fake_classes, weight),
    )


def _real_classes(view: View) -> Tensor:
    logits, classes = view.real_judged[:, 1:], _classes(view)
    right = (logits.argmax(1) == classes.argmax(1)).float().mean()
    view.log("real_class_accuracy", right)
    return cross_entropy(logits, classes, reduction="none")


def _fake_classes(view: View) -> Tensor:
    return cross_entropy(view.fake_judged[:, 1:], _classes(view), reduction="none")


def tag_terms(weight: Number = 1.0) -> tuple[Term, ...]:
    """What the discriminator's second head costs for tags, in the losses of both players.

    The discriminator gives a score and a logit for each tag, `(N, 1 + tags)`. Each logit is judged alone, so
    that a sample may have any number of tags, and the costs of a sample's tags are summed.

    Args:
        weight: What the sum is multiplied with.

    Source: Jin et al. 2017, section 3.2.
    """
    return (
        Term("real_tag_loss", "discriminator", _real_tags, weight),
        Term("discriminator_fake_tag_loss", "discriminator", _fake_tags, weight),
        Term("fake_tag_loss", "generator", _fake_tags, weight),
    )


def _real_tags(view: View) -> Tensor:
    logits, tags = view.real_judged[:, 1:], _classes(view)
    view.log("real_tag_accuracy", ((logits > 0) == (tags > 0.5)).float().mean())
    return _of_all_tags(logits, tags)


def _fake_tags(view: View) -> Tensor:
    return _of_all_tags(view.fake_judged[:, 1:], _classes(view))


def _of_all_tags(logits: Tensor, tags: Tensor) -> Tensor:
    return binary_cross_entropy_with_logits(logits, tags, reduction="none").sum(1)


def _classes(view: View) -> Tensor:
    if view.batch.condition is None:
        raise ValueError("a game with classes was given a batch without conditions")
    return view.batch.condition

"""Any metrics at once, and the cheap evaluation for use while training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor

from poise.errors import PoiseError
from poise.metrics import METRICS, cheap_evaluation, compare, evaluate, reference_of
from poise.metrics.arrays import fingerprint
from poise.metrics.features import extract, pixels, random_convolutions, small_classifier
from poise.metrics.frechet import distance_of
from poise.metrics.neighbours import NAMES, prdc

DIGITS = torch.tensor(load_digits().images[:, None] / 8 - 1, dtype=torch.float32)
LABELS = torch.tensor(load_digits().target)
REAL, FAKE, HELD_OUT = DIGITS[:300], DIGITS[300:500], DIGITS[500:700]


def test_all_metrics_of_samples_run_on_images(tmp_path: Path) -> None:
    classifier = small_classifier(DIGITS[:700], LABELS[:700], epochs=3)
    names = [
        name
        for name, metric in METRICS.items()
        if not {
            "generator",
            "centres",
            "made",
            "back",
            "fake_rows",
            "fake_graphs",
            "fake_triangles",
            "made_waves",
            "fake_waves",
        }
        & set(metric.needs)
    ]
    results = evaluate(
        REAL,
        FAKE,
        metrics=names,
        extractor=classifier,
        held_out=HELD_OUT,
        real_labels=LABELS[:300],
        fake_labels=LABELS[300:500],
        cache=tmp_path,
    )
    assert [result.metric for result in results] == names
    assert len(names) == 16
    for result in results:
        if result.extractor == "features as given":  # of the samples themselves
            continue
        assert result.extractor == classifier.name
        assert result.weights_hash == classifier.weights_hash
        assert result.reference == fingerprint(REAL)
        assert result.interval is not None
        assert result.floor is not None
        assert result.floor_method


def test_the_features_are_those_of_the_extractor() -> None:
    extractor = random_convolutions(1)
    expected = distance_of(extract(extractor, REAL).double(), extract(extractor, FAKE).double())
    (result,) = evaluate(REAL, FAKE, metrics=["frechet_distance"])
    assert float(result) == pytest.approx(expected, rel=1e-12)
    assert result.extractor == "random-convolutions"
    assert "Pillow bicubic in float" in result.preparation


def test_two_evaluations_of_one_protocol_compare_and_others_do_not() -> None:
    first, second = (evaluate(REAL, fake, metrics=["kernel-distance"])[0] for fake in (FAKE, HELD_OUT))
    assert set(compare(first, second).differences) == {"kernel-distance"}
    (other,) = evaluate(REAL, HELD_OUT, metrics=["kernel-distance"], extractor=pixels())
    with pytest.raises(PoiseError, check=lambda error: error.code == "metrics.different-protocols"):
        compare(first, other)


def test_vectors_and_mixtures() -> None:
    stream = torch.Generator().manual_seed(0)
    centres = torch.tensor([[0.0, 0.0], [5.0, 0.0]])
    real = centres.repeat(100, 1) + 0.1 * torch.randn(200, 2, generator=stream)
    fake = 0.1 * torch.randn(200, 2, generator=stream)
    distance, modes = evaluate(
        real, fake, metrics=["frechet-distance", "mode-statistics"], centres=centres, standard_deviation=0.1
    )
    assert distance.extractor == "identity"
    assert modes.values["modes"] == 1
    results = cheap_evaluation(reference_of(real, fakes=200, centres=centres, standard_deviation=0.1), fake)
    assert [result.metric for result in results][2] == "mode-statistics"
    assert results[2].values == modes.values


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"fake": (FAKE + 1) * 127.5}, "metrics.different-ranges"),
        ({"fake": FAKE[:, :, :4]}, "metrics.different-shapes"),
        ({"fake": torch.full_like(FAKE, torch.nan)}, "metrics.not-finite"),
        ({"metrics": ["frechet"]}, "unknown-metric"),
        ({"metrics": ["inception-score"]}, "metrics.no-probabilities"),
        ({"metrics": ["duality-gap"]}, "metrics.not-of-samples"),
        ({"metrics": ["mode-statistics"]}, "metrics.missing-input"),
        ({"settings": {"kernel-distance": {"kernal": "rbf"}}}, "unknown-setting"),
        ({"settings": {"kernel": {}}}, "unknown-metric"),
        ({"real_labels": LABELS[:7]}, "metrics.labels-do-not-match"),
        ({"value_range": "0..1"}, "metrics.different-ranges"),
    ],
)
def test_bad_input_is_named(changed: dict[str, Any], code: str) -> None:
    arguments: dict[str, Any] = {"real": REAL, "fake": FAKE, "metrics": ["kernel-distance"], **changed}
    real, fake = arguments.pop("real"), arguments.pop("fake")
    with pytest.raises(PoiseError, check=lambda error: error.code == code):
        evaluate(real, fake, **arguments)


class TestCheapEvaluation:
    def test_it_gives_what_the_metrics_give(self) -> None:
        reference = reference_of(REAL, fakes=len(FAKE), value_range="-1..1")
        distance, neighbourhoods = cheap_evaluation(reference, FAKE)
        features: Tensor = extract(random_convolutions(1), FAKE).double()
        assert float(distance) == pytest.approx(distance_of(reference.features, features))
        expected = dict(zip(NAMES, prdc(reference.features, features, 5).tolist(), strict=True))
        assert neighbourhoods.values == expected
        for result in (distance, neighbourhoods):
            assert result.floor is not None
            assert result.interval is not None
            assert result.reference == fingerprint(REAL)

    def test_floors_hold_for_their_number_of_fakes_alone(self) -> None:
        reference = reference_of(REAL, fakes=100)
        assert cheap_evaluation(reference, FAKE[:100])[0].floor is not None
        other = cheap_evaluation(reference, FAKE[:90])[0]
        assert other.floor is None
        assert "100 fakes" in other.floor_method

    def test_many_reals_are_drawn_from(self) -> None:
        reference = reference_of(DIGITS, most=150, fakes=50)
        assert len(reference.features) == 150
        assert reference.fingerprint == fingerprint(DIGITS)

    def test_a_collapsed_generator_is_seen(self) -> None:
        reference = reference_of(REAL, fakes=100)
        sound, collapsed = (
            cheap_evaluation(reference, fakes) for fakes in (FAKE[:100], FAKE[:1].repeat(100, 1, 1, 1))
        )
        assert float(collapsed[0]) > 5 * float(sound[0])
        assert collapsed[1].values["coverage"] < 0.1 < sound[1].values["coverage"]

    def test_bad_fakes_are_named(self) -> None:
        reference = reference_of(REAL, fakes=100, value_range="-1..1")
        with pytest.raises(PoiseError, check=lambda error: error.code == "metrics.not-finite"):
            cheap_evaluation(reference, torch.full_like(FAKE, torch.nan))
        with pytest.raises(PoiseError, check=lambda error: error.code == "metrics.too-few-samples"):
            cheap_evaluation(reference, FAKE[:3])
        with pytest.raises(PoiseError, check=lambda error: error.code == "metrics.different-ranges"):
            cheap_evaluation(reference, FAKE * 100)
        vectors = reference_of(torch.randn(50, 4), fakes=20)
        with pytest.raises(PoiseError, check=lambda error: error.code == "metrics.different-widths"):
            cheap_evaluation(vectors, torch.randn(20, 3))


def test_copies_are_looked_for_among_the_training_samples_in_the_same_pass() -> None:
    real, fake, train, unseen = DIGITS[:240].split(60)
    calls: list[int] = []

    def features(images: Tensor) -> Tensor:
        calls.append(len(images))
        return images.flatten(1)

    names = ["frechet-distance", "memorisation"]
    both = evaluate(real, fake, metrics=names, extractor=features, train=train, unseen=unseen)
    assert calls == [60, 8] * 4, "the features of each side are computed once"
    (alone,) = evaluate(train, fake, metrics=names[1:], extractor=features, held_out=unseen)
    assert both[1].values == alone.values
    assert both[1].protocol == alone.protocol
    (distance,) = evaluate(real, fake, metrics=names[:1], extractor=features)
    assert both[0].values == distance.values
    assert both[0].floors == distance.floors

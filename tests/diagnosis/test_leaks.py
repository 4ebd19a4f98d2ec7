"""Augmentations that samples carry: the share is recovered, and nothing else is taken for one."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, pad

from poise.augment import AugmentContext
from poise.augment.adaptive import adaptively_augmented
from poise.augment.diffaugment import diffaugment
from poise.diagnosis import FINDINGS, Measurement, judged
from poise.diagnosis.examination import Examiner, Subject
from poise.diagnosis.leaks import OPERATIONS, directions, operations_of
from poise.diagnosis.parts import PARTS
from poise.diagnosis.reference import Reference

RULE = FINDINGS["augmentation-leaks"]


def pictures(count: int, seed: int, side: int = 16) -> Tensor:
    """A bright disc above a dark ground, lit from the left, each of another place, size and warm colour."""
    stream = torch.Generator().manual_seed(seed)
    drawn = torch.rand(6, count, 1, 1, generator=stream)
    rows, columns = torch.meshgrid(torch.linspace(-1, 1, side), torch.linspace(-1, 1, side), indexing="ij")
    disc = torch.sigmoid(12 * (0.35 + 0.2 * drawn[0] - ((rows + 0.4 * drawn[1]) ** 2 + columns**2).sqrt()))
    shade = disc - 0.6 * (rows + 1.5) * 0.5 - 0.3 * columns + 0.1 * (drawn[2] - 0.5)
    tint = torch.stack([0.3 + 0.2 * drawn[3], 0.2 * (drawn[4] - 0.5), -0.3 - 0.2 * drawn[5]], 1)
    return (0.7 * shade[:, None] + tint).clamp(-1, 1)


REAL, OTHERS = pictures(256, 0), pictures(128, 1)
WAYS = directions(REAL)


@pytest.mark.parametrize("name", list(OPERATIONS))
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_the_share_that_went_through_an_operation_is_recovered(name: str, share: float) -> None:
    stream = torch.Generator().manual_seed(7)
    through = torch.arange(len(OTHERS)) < share * len(OTHERS)
    made = OPERATIONS[name].apply(OTHERS, stream)
    found = WAYS[name].leak(torch.where(through[:, None, None, None], made, OTHERS))
    assert found.share == pytest.approx(share, abs=max(0.12, 4 * found.error))
    assert found.explained > 0.8 or share == 0.0


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_the_share_is_that_of_the_mixture_which_is_nearest_in_energy_distance(share: float) -> None:
    """The closed form against a search over mixtures of plain and augmented reals."""
    way = WAYS["hue"]
    stream = torch.Generator().manual_seed(1)
    made = OPERATIONS["hue"].apply(OTHERS, stream)
    through = torch.arange(len(OTHERS)) < share * len(OTHERS)
    rows = way.operation.features(torch.where(through[:, None, None, None], made, OTHERS)) / way._scale

    def apart(one: Tensor, other: Tensor) -> float:
        return float(torch.cdist(one.double(), other.double()).mean())

    def unlike(rows: Tensor) -> float:
        pairs = torch.cdist(rows.double(), rows.double())
        return float(pairs.sum() / (len(rows) * (len(rows) - 1)))

    plain, augmented = way.plain, way.augmented
    within = (unlike(plain), unlike(augmented), apart(plain, augmented))

    def distance(p: float) -> float:
        across = (1 - p) * apart(rows, plain) + p * apart(rows, augmented)
        mixture = (1 - p) ** 2 * within[0] + p**2 * within[1] + 2 * p * (1 - p) * within[2]
        return 2 * across - unlike(rows) - mixture

    best = min((number / 200 for number in range(-20, 260)), key=distance)
    assert way.leak(torch.where(through[:, None, None, None], made, OTHERS)).share == pytest.approx(
        best, abs=0.006
    )


def test_what_is_no_augmentation_is_not_explained_by_one() -> None:
    noisy = OTHERS + 0.3 * torch.randn(OTHERS.shape, generator=torch.Generator().manual_seed(2))
    blurred = avg_pool2d(pad(OTHERS, (1, 1, 1, 1), mode="replicate"), 3, 1)
    alike = OTHERS.mean(0, keepdim=True) + 0.3 * (OTHERS - OTHERS.mean(0))
    few = OTHERS[:4].repeat(len(OTHERS) // 4, 1, 1, 1)
    for samples in (noisy, blurred, alike, few, 0.5 * OTHERS):
        for name, way in WAYS.items():
            share, error, explained = way.leak(samples)
            assert share < 0.3 or share < 4 * error or explained < 0.7, name


def test_the_augmentations_of_poise_are_seen() -> None:
    context = AugmentContext(torch.Generator().manual_seed(0), step=0, images_seen=0, run_images=0, state={})
    warped = adaptively_augmented(OTHERS, context, probability=1.0, colour=0.0)
    coloured = adaptively_augmented(OTHERS, context, probability=1.0, blit=0.0, geometry=0.0)
    for made, name in ((warped, "rotation"), (coloured, "colour"), (diffaugment(OTHERS, context), "cutout")):
        share, error, explained = WAYS[name].leak(made)
        assert share > max(0.5, 4 * error) and explained > 0.8, name


def test_operations_that_change_nothing_are_left_out() -> None:
    grey = REAL.mean(1, keepdim=True)
    assert "hue" not in directions(grey) and "rotation" in directions(grey)
    noise = torch.randn(256, 3, 16, 16, generator=torch.Generator().manual_seed(3))
    assert not {"rotation", "hue"} & set(directions(noise))
    assert directions(REAL[..., :4, :4]) == {} and directions(REAL.flatten(1)) == {}


def test_the_operations_of_a_recipe() -> None:
    ada = {"blit": 1.0, "geometry": 0.0, "colour": 0.0, "cutout": 0.0}
    assert operations_of({"ada": ada, "instance-noise": {"deviation": 0.1}}) == {"rotation"}
    assert operations_of({}) == set()
    assert operations_of({"ada": ada, "my-own": {}}) is None


def examined(**more: object) -> Measurement:
    turned = OPERATIONS["rotation"].apply(pictures(256, 5), torch.Generator().manual_seed(1))
    subject = Subject(sample=lambda count: turned[:count], **more)  # type: ignore[arg-type]
    return Examiner(Reference(REAL), PARTS).examine(Measurement(1), subject)


def test_a_check_measures_what_may_leak() -> None:
    share, error, explained = examined().leaks["rotation"]
    assert share > 0.9 and error < 0.1 and explained > 0.8
    assert set(examined(operations={"rotation"}).leaks) == {"rotation"}
    nothing = examined(operations=set())
    assert nothing.leaks == {} and nothing.missing["leaks"] == "nothing is augmented"
    line = examined().to_json()
    assert Measurement.from_json(line).to_json() == line


def run(share: float, explained: float = 0.95, **more: object) -> list[Measurement]:
    one = Measurement(0, distance=0.1, leaks={"rotation": (share, 0.02, explained)})
    return [replace(one, step=10 * place, **more) for place in range(60)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("share", "explained", "distance", "wanted"),
    [
        (0.9, 0.95, 0.1, "trouble"),
        (0.4, 0.95, 0.1, "watch"),
        (0.1, 0.95, 0.1, ""),
        (0.9, 0.6, 0.1, ""),
        (0.9, 0.95, 2.1, ""),
    ],
)
def test_samples_that_carry_an_operation_are_named(
    share: float, explained: float, distance: float, wanted: str
) -> None:
    found = judged(run(share, explained, distance=distance), [RULE]).findings
    assert [one.severity for one in found] == ([wanted] if wanted else [])
    if found:
        assert found[0].evidence.measured["carried of rotation"] == share


def test_a_share_within_its_error_is_chance() -> None:
    measurements = [replace(one, leaks={"rotation": (0.5, 0.2, 0.95)}) for one in run(0.5)]
    assert judged(measurements, [RULE]).findings == []

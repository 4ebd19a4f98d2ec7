"""Samples that say less than their number: few of them, all of them the same, or not looked at again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from poise.diagnosis import FINDINGS, FindingTracker, Measurement, Monitor, Setting, judged
from poise.diagnosis.appearance import grid_of
from poise.diagnosis.distances import at_least, coverage, independent_count, nearest_training
from poise.diagnosis.examination import Examiner, Subject
from poise.diagnosis.parts import PARTS
from poise.diagnosis.reference import Reference


def drawn(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def events(measurements: list[Measurement], steps: int) -> list[tuple[str, str, int]]:
    """Each finding that changed: its name, its status and the step."""
    tracker = FindingTracker(FINDINGS.values(), Setting(steps=steps))
    return [(found.name, found.status, one.step) for one in measurements for found in tracker.add(one)]


def names(measurements: list[Measurement], steps: int) -> set[str]:
    return {name for name, _, _ in events(measurements, steps)}


def run(count: int = 60, **columns: Callable[[int], Any]) -> list[Measurement]:
    quiet = Measurement(
        0, auc=0.8, distance=0.2, spread=1.0, coverage=1.0, cells=(0.5, 0.5), centre=(0.0,), movement=0.3
    )
    return [
        replace(quiet, step=100 * place, **{name: of(place) for name, of in columns.items()})
        for place in range(count)
    ]


@pytest.mark.parametrize(("count", "chance"), [(8, 0.06), (64, 0.3), (256, 0.02)])
def test_the_chance_of_so_many_is_the_binomials(count: int, chance: float) -> None:
    from scipy.stats import binom

    for wanted in (0, 1, 3, 7):
        assert at_least(wanted, count, chance) == pytest.approx(float(binom.sf(wanted - 1, count, chance)))


@pytest.mark.parametrize("count", [4, 8, 32, 256])
def test_so_many_samples_of_the_data_cover_all_of_them_in_the_mean(count: int) -> None:
    due = torch.tensor([0.4, 0.2, 0.1, 0.1, *[0.02] * 10])
    stream = torch.Generator().manual_seed(count)
    found = []
    for _ in range(400):
        shares = torch.bincount(torch.multinomial(due, count, True, generator=stream), minlength=14) / count
        found.append(sum(one for share, one in zip(shares, due, strict=True) if share >= 0.25 * one))
    whole = coverage([1.0, *[0.0] * 13], due.tolist()) / coverage(
        [1.0, *[0.0] * 13], due.tolist(), count=count
    )
    assert float(torch.stack(found).mean()) == pytest.approx(whole, abs=0.03)


def test_samples_of_one_law_are_worth_their_number_and_those_at_one_point_are_worth_one() -> None:
    training = drawn(0, 1000, 8)
    even = independent_count(nearest_training(drawn(1, 200, 8), training), 1000)
    alone = independent_count(nearest_training(training[:1] + 0.01 * drawn(2, 200, 8), training), 1000)
    few = independent_count(nearest_training(training[:5].repeat(40, 1), training), 1000)
    assert even > 60 and 1 <= alone < 1.3 and 5 <= few < 6.5


def test_a_point_on_a_training_sample_is_no_copying_and_many_copies_are() -> None:
    reals, others = drawn(0, 500, 6), drawn(1, 90, 6)
    examiner = Examiner(Reference(reals, held_out=others), PARTS)

    def score(fakes: Tensor) -> float:
        found = examiner.examine(Measurement(10), Subject(handed=fakes), parts=("copies",))
        assert found.copied is not None and found.copied > 0.9 and found.copying is not None
        return found.copying

    noise = 0.01 * drawn(2, 256, 6)
    assert score(reals[:1] + noise) > -3
    assert score(reals[:3].repeat(86, 1)[:256] + noise) > -4
    assert score(reals[:120].repeat(3, 1)[:256] + noise) < -9


SIDES = [(torch.arange(16) % 4).float() - 1.5, (torch.arange(16) // 4).float() - 1.5]


def looks(which: Callable[[int, torch.Generator], Tensor], **changes: Any) -> list[Measurement]:
    """Checks of few samples, each in one of sixteen cells that lie in the plane."""
    stream, found = torch.Generator().manual_seed(3), []
    for one in run(distance=lambda _: 0.5):
        cells = which(one.step // 100, stream)
        shares = tuple((torch.bincount(cells, minlength=16) / len(cells)).tolist())
        place = tuple(float(side[cells].mean() / 1.12) for side in SIDES)
        covered = coverage(shares, [1 / 16] * 16, count=len(cells))
        found.append(
            replace(one, cells=shares, centre=place, coverage=covered, fake_count=len(cells), **changes)
        )
    return found


@pytest.mark.parametrize("count", [8, 12, 64])
def test_few_samples_of_a_generator_that_stays_neither_hop_nor_go_round(count: int) -> None:
    whole = looks(lambda _, stream: torch.randint(16, (count,), generator=stream))
    assert names(whole, 6000) == set()
    half = looks(lambda _, stream: torch.randint(6, (count,), generator=stream))
    assert names(half, 6000) <= {"mode-collapse"}, "it stays in its part of the data"


@pytest.mark.parametrize("count", [8, 64])
def test_few_samples_show_a_generator_that_hops(count: int) -> None:
    hops = looks(
        lambda place, stream: (place // 2 * 5) % 16 + torch.randint(1, (count,), generator=stream), spread=0.6
    )
    assert "mode-hopping" in names(hops, 6000)


def test_players_that_move_in_turns_are_named_once_and_one_that_stops_is_named_again() -> None:
    turns = run(
        40,
        generator_moved=lambda place: float(place // 3 % 2 == 0),
        discriminator_moved=lambda place: float(place // 3 % 2 == 1),
    )
    found = [event for event in events(turns, 6000) if event[0] == "no-gradient"]
    assert [status for _, status, _ in found] == ["open", "recovered"]
    stops = [
        replace(one, generator_moved=0.0, discriminator_moved=1.0) if one.step >= 2000 else one
        for one in turns
    ]
    found = [event for event in events(stops, 6000) if event[0] == "no-gradient"]
    assert [status for _, status, _ in found] == ["open", "recovered", "open"]
    assert 2000 < found[-1][2] <= 3000


@pytest.mark.parametrize(("loss", "named"), [(0.0, False), (0.5, True)])
def test_a_discriminator_whose_loss_is_nothing_rests(loss: float, named: bool) -> None:
    looks = run(
        40,
        generator_moved=lambda _: 1.0,
        discriminator_moved=lambda place: float(place < 12),
        discriminator_loss=lambda place: 1.0 if place < 12 else loss,
    )
    assert ("no-gradient" in names(looks, 6000)) is named


def test_an_answer_to_latents_that_is_gone_is_named_at_one_look_and_holds_between_looks() -> None:
    lost = run(
        latent_response=lambda place: None if place % 3 else 0.3 * (place < 30),
        fake_moved=lambda _: 1.0,
        fake_alike=lambda _: 1.0,
    )
    found = [event for event in events(lost, 6000) if event[0] == "latent-ignored"]
    assert found == [("latent-ignored", "open", 3000)]
    unseen = [replace(one, spread=None if one.step % 200 else 1.0) for one in lost]
    assert [event for event in events(unseen, 6000) if event[0] == "latent-ignored"] == found
    answers = [replace(one, latent_response=0.3) if one.step == 4500 else one for one in lost]
    assert events(answers, 6000)[1][:2] == ("latent-ignored", "recovered")


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.9])
def test_a_finer_grid_that_fades_in_is_no_checkerboard(mode: str, share: float) -> None:
    smooth = torch.nn.functional.interpolate(drawn(0, 200, 1, 8, 8), 32, mode="bicubic")
    pictures = smooth + 0.1 * drawn(1, 200, 1, 32, 32)
    coarse = torch.nn.functional.interpolate(torch.nn.functional.avg_pool2d(pictures, 2), 32, mode=mode)
    of_reals, of_blend = grid_of(pictures), grid_of(torch.lerp(coarse, pictures, share))
    assert of_reals is not None and of_blend is not None and of_blend < 3 * max(of_reals, 1.0)


def test_grey_samples_that_are_all_the_same_carry_no_augmentation_and_are_no_copies() -> None:
    reals = (drawn(0, 300, 1, 8, 8) / 2).clamp(-1, 1)
    monitor = Monitor(real=reals, steps=900, every=15, most_share=1.0)
    for step in range(900):
        monitor.observe(step, fake=torch.zeros(32, 1, 8, 8), real=reals[step % 200 : step % 200 + 32])
    found = {one.name for one in monitor.findings}
    assert "mode-collapse" in found and not found & {"augmentation-leaks", "memorisation"}


@pytest.mark.parametrize(
    ("followed", "distance", "first"),
    [
        ((0.11, 0.14, 0.14), 0.01, 360),  # three looks that agree are enough, however far apart
        ((0.11, 0.14, 0.14), 0.3, None),  # a generator that is far from the data has not begun with labels
        ((0.11, 0.14, 0.40), 0.01, None),  # they begin to be followed
        ((None, 0.14, 0.14), 0.01, None),  # too few looks
    ],
)
def test_labels_that_are_rarely_looked_at_and_never_followed(
    followed: tuple[float | None, ...], distance: float, first: int | None
) -> None:
    looks = dict(zip((150, 170, 360), followed, strict=True))
    run = [
        Measurement(step, distance=distance, spread=0.9)
        if looks.get(step) is None
        else Measurement(
            step,
            distance=distance,
            spread=0.9,
            condition_response=0.4,
            condition_followed=looks[step],
            condition_chance=0.08,
            condition_followed_real=0.86,
        )
        for step in range(0, 400, 10)
    ]
    found = judged(run, [FINDINGS["condition-ignored"]], Setting(steps=600)).findings
    assert [(one.severity, one.first_step) for one in found] == (
        [] if first is None else [("trouble", first)]
    )


@pytest.mark.parametrize(
    ("followed", "named"),
    [
        ((0.02, 0.01, -0.02), True),  # the source is thrown away
        ((0.34, 0.50, 0.15), False),  # fresh weights of a ResNet, which follow it little at first
        ((0.02, 0.60, 0.01), False),  # fakes of a pool, which are of other sources than this step's
    ],
)
def test_translations_that_have_nothing_to_do_with_their_sources(
    followed: tuple[float, ...], named: bool
) -> None:
    run = [
        Measurement(step, distance=1.0, spread=0.6, latent_response=0.3, source_followed=one)
        for step, one in zip((0, 33, 66), followed, strict=True)
    ]
    found = judged(run, [FINDINGS["latent-ignored"]], Setting(steps=2000)).findings
    assert [one.severity for one in found] == (["trouble"] if named else [])


@pytest.mark.parametrize(("chance", "ends"), [((0.45,), True), ((0.45, 0.5, 0.4), False)])
def test_one_look_of_many_is_related_to_its_source_by_chance(chance: tuple[float, ...], ends: bool) -> None:
    followed = [0.02, -0.1, 0.1, -0.05] * 8
    followed[20 : 20 + len(chance)] = chance
    run = [
        Measurement(33 * place, distance=1.0, spread=0.4, latent_response=0.3, source_followed=one)
        for place, one in enumerate(followed)
    ]
    found = judged(run, [FINDINGS["latent-ignored"]], Setting(steps=2000)).findings
    assert [one.status == "open" for one in found] == [ends]


@pytest.mark.parametrize(("until", "named"), [(6, False), (14, True)])
def test_samples_that_go_away_from_the_data_first_are_not_lost_at_once(until: int, named: bool) -> None:
    run = [
        Measurement(
            100 * place,
            auc=1.0 if place < until else 0.85,
            distance=0.4 + 0.1 * place if place < until else 0.1,
        )
        for place in range(24)
    ]
    found = judged(run, [FINDINGS["discriminator-dominates"]], Setting(steps=6000)).findings
    assert bool(found) is named

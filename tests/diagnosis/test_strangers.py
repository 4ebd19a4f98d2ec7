"""Strangers' loops: mistakes do what their words say, and lines are judged by what was written down."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from benchmarks.strangers.case import Case
from benchmarks.strangers.data import parted, ring
from benchmarks.strangers.jobs import do_all, lines_of
from benchmarks.strangers.play import HANDS, loop_of
from benchmarks.strangers.quality import Judge
from benchmarks.strangers.report import Judged
from benchmarks.strangers.sets import SETS
from torch import Tensor

RING = parted(*ring(8, 400))
SERIES = parted(torch.rand(60, 3, 24, generator=torch.Generator().manual_seed(0)))
PICTURES = parted(torch.rand(60, 1, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1)
STYLES = sorted({case.style for cases in SETS.values() for case in cases()})
DATA = {"mixtures": RING, "wgan_clip": RING, "series": SERIES, "recurrent": SERIES}
# Conditions, sources, codes or noise of the layers make samples differ whatever the latent is
CONDITIONED = {
    "auxiliary_classes", "categories", "conditional", "cyclegan", "functional", "information", "inpainting",
    "keras_like", "pix2pix", "stylegan", "super_resolution", "tables",
}  # fmt: skip
UNCONDITIONED = [style for style in STYLES if style not in CONDITIONED]


def last(style: str, fault: str, steps: int = 3, **settings: Any) -> dict[str, Any]:
    torch.manual_seed(0)
    data = RING if style in ("mixtures", "wgan_clip") else PICTURES
    return list(loop_of(style)(fault, 0, data, steps=steps, **settings))[-1]


@pytest.mark.parametrize("fault", ["zero-latent", "dead-relu", "latent-ignored", "one-latent-a-batch"])
@pytest.mark.parametrize("style", ["mixtures", "wgan_gp", "least_squares", "wgan_clip"])
def test_a_complete_collapse_is_one_sample(style: str, fault: str) -> None:
    fake = last(style, fault)["fake"].flatten(1)
    assert torch.allclose(fake, fake[:1], atol=1e-5)
    healthy = last(style, "")["fake"].flatten(1)
    assert float((healthy - healthy[:1]).detach().abs().max()) > 1e-4


@pytest.mark.parametrize("fault", ["zero-latent", "latent-ignored", "constant-output"])
@pytest.mark.parametrize("style", UNCONDITIONED)
def test_a_collapse_is_one_in_every_loop_whatever_its_layers(style: str, fault: str) -> None:
    torch.manual_seed(0)
    *_, have = loop_of(style)(fault, 0, DATA.get(style, PICTURES), steps=4)
    fake = have["fake"].flatten(1).detach()
    assert float((fake - fake[:1]).norm(dim=1).mean()) < 1e-2 * float(fake.norm(dim=1).mean())


@pytest.mark.parametrize("fault", ["detached", "generator-never-steps"])
@pytest.mark.parametrize("style", ["dcgan_tutorial", "mixtures", "half", "relativistic"])
def test_a_generator_without_gradient_does_not_move(style: str, fault: str) -> None:
    def moved(fault: str) -> float:
        torch.manual_seed(0)
        data = RING if style == "mixtures" else PICTURES
        states: list[list[Tensor]] = [
            [one.detach().clone() for one in have["generator"].parameters()]
            for have in loop_of(style)(fault, 0, data, steps=12)
        ]
        return max(float((a - b).abs().max()) for a, b in zip(states[0], states[-1], strict=True))

    assert moved(fault) == 0.0
    assert moved("") > 0.0


def test_reals_are_changed_as_the_fault_says() -> None:
    torch.manual_seed(0)
    assert float(last("least_squares", "reals-in-0-1")["real"].min()) >= 0
    assert float(last("least_squares", "reals-in-bytes")["real"].max()) > 200
    twice = list(loop_of("least_squares")("same-batch", 0, PICTURES, steps=2))
    assert torch.equal(twice[0]["real"], twice[1]["real"])


def test_a_fault_bites_from_its_onset_on() -> None:
    torch.manual_seed(0)
    steps = list(loop_of("mixtures")("zero-latent", 0, RING, steps=8, onset=5))
    assert [bool(have["latent"].any()) for have in steps] == [True] * 5 + [False] * 3
    torch.manual_seed(0)
    finite = [
        bool(have["fake"].isfinite().all()) for have in loop_of("wgan_gp")("nan", 0, RING, steps=8, onset=5)
    ]
    assert finite == [True] * 6 + [False] * 2


@pytest.mark.parametrize("name", SETS)
def test_every_case_is_another_one_and_its_style_knows_it(name: str) -> None:
    cases = SETS[name]()
    assert len({case.name for case in cases}) == len(cases)
    for case in cases:
        assert case.hands in HANDS
        assert case.onset < case.steps
        assert bool(case.names) == bool(case.fault)
        assert loop_of(case.style)(
            case.fault, case.seed, PICTURES, steps=1, onset=case.onset, **case.settings
        )


def event(name: str, step: int, status: str = "open", cause: str = "") -> dict[str, Any]:
    return {
        "name": name,
        "step": step,
        "check": step // 10,
        "status": status,
        "because_of": cause,
        "severity": "watch",
    }


def judged(case: Case, *events: dict[str, Any]) -> Judged:
    return Judged(
        case, {"named": list(events), "checks_before_onset": case.onset // 10, "statuses": [[0, "OK"]]}
    )


def test_a_name_counts_from_the_onset_on() -> None:
    case = Case("wgan_gp", "digits-8", "dead-relu", onset=100)
    assert judged(case).naming is None
    found = judged(case, event("mode-collapse", 120))
    assert (found.steps_to_name, found.checks_to_name, found.wrong) == (20, 2, [])
    early = judged(case, event("mode-collapse", 50), event("mode-collapse", 80, "recovered"))
    assert early.naming is None
    assert early.wrong == ["mode-collapse"]


def test_what_is_not_true_of_a_run_is_wrong_unless_it_has_a_cause() -> None:
    healthy = Case("wgan_gp", "digits-8")
    assert judged(healthy, event("oscillation", 50)).wrong == ["oscillation"]
    faulty = Case("wgan_gp", "digits-8", "dead-relu")
    names = (
        event("mode-collapse", 20),
        event("data-shortcut", 20, cause="mode-collapse"),
        event("memorisation", 30),
    )
    assert judged(faulty, *names).wrong == ["memorisation"]


def test_what_has_a_line_is_not_done_again(tmp_path: Path) -> None:
    done: list[str] = []

    def do(case: Case) -> dict[str, Any]:
        done.append(case.name)
        return {"name": case.name, "seconds_cpu": 0.0, "quality": [], "error": ""}

    cases = [(Case("wgan_gp", "digits-8", seed=seed),) for seed in range(3)]
    file = tmp_path / "lines.jsonl"
    do_all(do, cases[:2], file, 1)
    with file.open("a", encoding="utf-8") as out:
        out.write('{"name": "cut')  # as a run that is cut leaves it
    do_all(do, cases, file, 1)
    assert len(done) == 3
    assert set(lines_of(file)) == {case.name for (case,) in cases}


def test_quality_knows_the_data_from_one_point_and_from_another_place() -> None:
    judge = Judge(RING.train, RING.held_out)
    assert judge.floor.frechet < 0.05
    assert judge.floor.coverage > 0.8
    alike = judge.of(RING.train[:1].expand(100, 2))
    assert alike.frechet > 0.5
    assert alike.coverage < 0.2
    assert judge.of(RING.train + 3).frechet > 5
    assert judge.of(torch.full((10, 2), torch.nan)).coverage == 0

"""Play one case: the Monitor gets what the loop's author would hand over; what it names is noted."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.strangers.case import Case, Step
from benchmarks.strangers.data import Data, data_of
from benchmarks.strangers.quality import Judge
from poise import Monitor

SAMPLES = 400
JUDGED = 8  # Times in a run

NETWORKS = ("generator", "discriminator", "latent")
STEP = ("real", "fake", "real_scores", "fake_scores", "loss_generator", "loss_discriminator")
LOSSES = ("loss_generator", "loss_discriminator")


@dataclass(frozen=True)
class Hands:
    """What an author hands over: when the Monitor is made, at every step, and how steps are numbered."""

    made_with: tuple[str, ...] = ("real", "held_out", "steps")
    each_step: tuple[str, ...] = (*NETWORKS, *STEP)
    number: Callable[[int], int] = lambda step: step
    reals: Callable[[Tensor], Any] = lambda reals: reals
    each: Callable[[str, Any], Any] = lambda name, value: value


def _as_bytes(reals: Tensor) -> Any:
    return ((reals + 1) * 127.5).round().byte()


def _channels_last(reals: Tensor) -> Any:
    return reals.permute(0, 2, 3, 1).contiguous().numpy()


def _loader(reals: Tensor) -> Any:
    return DataLoader(TensorDataset(reals), batch_size=64)


def _as_numbers(name: str, value: Any) -> Any:
    return float(value.detach().mean()) if isinstance(value, Tensor) and name in LOSSES else value


HANDS: Mapping[str, Hands] = {
    "all": Hands(),
    "no-steps": Hands(("real", "held_out")),
    "real-only": Hands(("real",)),
    "nothing-known": Hands(()),
    "networks": Hands(("real",), NETWORKS),
    "generator": Hands(("real", "steps"), ("generator", "latent", "real", *LOSSES)),
    "fakes": Hands(("real", "held_out", "steps"), STEP),
    "latents": Hands(("real", "steps"), ("latent", *STEP)),
    "fakes-of-the-loop": Hands((), ("real", "fake", *LOSSES)),
    "losses": Hands((), LOSSES),
    "numbers": Hands(("steps",), LOSSES, each=_as_numbers),
    "scores": Hands((), ("real_scores", "fake_scores", *LOSSES)),
    "labels": Hands(("real", "held_out", "conditions", "steps"), (*NETWORKS, *STEP, "sample_by_label")),
    "labels-not-given": Hands(("real", "steps"), (*NETWORKS, *STEP)),
    "bytes": Hands(reals=_as_bytes),
    "channels-last": Hands(reals=_channels_last),
    "loader": Hands(("real", "steps"), reals=_loader),
    "list": Hands(("real", "steps"), reals=list),
    "step-of-epoch": Hands(("real", "held_out"), number=lambda step: step % 23),
    "epochs": Hands(("real", "held_out"), number=lambda step: step // 23),
    "images": Hands(("real", "held_out"), number=lambda step: 64 * step),
    "always-0": Hands(("real", "held_out"), number=lambda step: 0),
}


def play(case: Case) -> dict[str, Any]:
    """Run it to its end, whatever happens in it."""
    torch.set_num_threads(1)
    torch.manual_seed(case.seed)
    np.random.seed(case.seed)
    data = data_of(case.data)
    known = data.first(int(case.settings.get("few", 80))) if case.fault == "few-data" else data
    hands, judge = HANDS[case.hands], Judge(data.train, data.held_out)
    named: list[dict[str, Any]] = []
    state = {"step": 0, "checks": 0, "early": 0}
    clock, processor = time.perf_counter, time.process_time
    begun = (clock(), processor())
    monitor = Monitor(**_made_with(hands, known, case.steps))
    construction = spent_processor = processor() - begun[1]
    spent = clock() - begun[0]

    def note(measurement: Any, changed: Any) -> None:
        state["checks"] += 1
        state["early"] += state["step"] < 2_000
        named.extend(_event(one, state["step"], state["checks"]) for one in changed)

    monitor.listen(note)
    quality: list[tuple[int, float, float]] = []
    statuses: list[tuple[int, str]] = []
    checks_before, outside, dearest, error = 0, 0.0, 0.0, ""
    loop = loop_of(case.style)(
        case.fault, case.seed, data, steps=case.steps, onset=case.onset, **case.settings
    )
    try:
        for step, have in enumerate(loop):
            state["step"] = step
            given = {name: have[name] for name in hands.each_step if name in have}
            if "sample_by_label" in given:
                given["sample"] = given.pop("sample_by_label")
            given = {name: hands.each(name, value) for name, value in given.items()}
            before, cpu = clock(), processor()
            monitor.observe(hands.number(step), **given)
            took, took_cpu = clock() - before, processor() - cpu
            spent, spent_processor = spent + took, spent_processor + took_cpu
            dearest = max(dearest, took_cpu)
            if step < case.onset:
                checks_before = state["checks"]
            if not statuses or statuses[-1][1] != monitor.status:
                statuses.append((step, monitor.status))
            if step % max(1, case.steps // JUDGED) == 0 or step == case.steps - 1:
                before, cpu = clock(), processor()
                quality.append((step, *judged(have, judge)))
                outside += clock() - before
                begun = (begun[0], begun[1] + processor() - cpu)
    except Exception:
        error = traceback.format_exc(limit=-3)
    whole, whole_processor = clock() - begun[0] - outside, processor() - begun[1]
    ranked = sorted(
        monitor.findings,
        key=lambda one: (
            one.status != "open",
            bool(one.because_of),
            one.severity != "trouble",
            -one.confidence,
        ),
    )
    return {
        "name": case.name,
        "style": case.style,
        "fault": case.fault,
        "hands": case.hands,
        "steps": case.steps,
        "onset": case.onset,
        "named": named,
        "ranked": [f"{one.name} ({one.severity}, {one.status}, {one.confidence:.2f})" for one in ranked],
        "status": monitor.status,
        "statuses": statuses,
        "checks": state["checks"],
        "checks_before_onset": checks_before,
        "checks_in_2000": state["early"],
        "seconds": round(whole, 2),
        "share": round(spent / whole, 4),
        "seconds_cpu": round(whole_processor, 2),
        "share_cpu": round(spent_processor / whole_processor, 4),
        "share_cpu_without_first": round(
            (spent_processor - dearest - construction) / max(1e-9, whole_processor - dearest - construction),
            4,
        ),
        "quality": [(step, _number(frechet), _number(coverage)) for step, frechet, coverage in quality],
        "floor": [_number(one) for one in judge.floor],
        "not_used": dict(monitor.not_used),
        "not_checked": dict(monitor.not_checked),
        "error": error,
    }


def _event(finding: Any, step: int, check: int) -> dict[str, Any]:
    told = {name: getattr(finding, name) for name in ("name", "severity", "status", "because_of")}
    return {**told, "step": step, "check": check, "confidence": round(finding.confidence, 3)}


def loop_of(style: str) -> Callable[..., Iterator[Step]]:
    """The loop of a style."""
    found: Callable[..., Iterator[Step]] = import_module(f"benchmarks.strangers.loops.{style}").loop
    return found


def judged(have: Step, judge: Judge) -> tuple[float, float]:
    """The quality of what a loop makes now; the loop notices nothing of it."""
    with undisturbed(have.get("generator")):
        return judge.of(have["sample"](SAMPLES))


@contextmanager
def undisturbed(generator: Any) -> Iterator[None]:
    """In eval mode, without gradients; flags and the random stream are restored."""
    parts = list(generator.modules()) if isinstance(generator, nn.Module) else []
    flags = [part.training for part in parts]
    try:
        for part in parts:
            part.training = False
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            yield
    finally:
        for part, flag in zip(parts, flags, strict=True):
            part.training = flag


def _made_with(hands: Hands, data: Data, steps: int) -> dict[str, Any]:
    known: dict[str, Callable[[], Any]] = {
        "real": lambda: hands.reals(data.train),
        "held_out": lambda: hands.reals(data.held_out),
        "conditions": lambda: data.labels,
        "steps": lambda: steps,
    }
    return {name: known[name]() for name in hands.made_with}


def _number(value: float) -> float | None:
    return float(f"{value:.4g}") if np.isfinite(value) else None

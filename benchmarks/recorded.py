"""Small loops of several kinds beside the monitor: what it measured is kept, and judged by the rules."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from poise.diagnosis import FINDINGS, FindingTracker, Measurement, Setting

Trained = Callable[[str, int], tuple[list[Measurement], Tensor]]
"""A loop of a kind and a seed: what was measured in it, and samples of its end."""


def file_of(out: Path, kind: str, seed: int) -> Path:
    """Where the measurements of a loop are kept; its samples lie beside it."""
    return out / f"{kind.replace(' ', '-')}-{seed}.json"


def record(out: Path, kinds: Iterable[str], seeds: list[int], steps: int, trained: Trained) -> None:
    """Train every kind with every seed; what is recorded already is left."""
    out.mkdir(parents=True, exist_ok=True)
    left = [(kind, seed) for seed in seeds for kind in kinds if not file_of(out, kind, seed).is_file()]
    for kind, seed in left:
        found, samples = trained(kind, seed)
        lines = [one.to_json() for one in found]
        file = file_of(out, kind, seed)
        torch.save(samples, file.with_suffix(".pt"))
        values = {"kind": kind, "seed": seed, "steps": steps, "readings": lines}
        file.write_text(json.dumps(values), encoding="utf-8")
        print(kind, seed, *named(lines, steps), flush=True)


def measured(file: Path) -> tuple[list[Measurement], Tensor]:
    """The measurements of a loop, and its samples."""
    lines = json.loads(file.read_text(encoding="utf-8"))["readings"]
    samples: Tensor = torch.load(file.with_suffix(".pt"), weights_only=True)
    return [Measurement.from_json(line) for line in lines], samples


def named(lines: list[dict[str, Any]], steps: int) -> list[str]:
    """The findings of recorded measurements: name, severity, and share of the run at its opening."""
    tracker = FindingTracker(FINDINGS.values(), Setting(steps=steps))
    found: dict[str, float] = {}
    for line in lines:
        for finding in tracker.add(Measurement.from_json(line)):
            found.setdefault(finding.name, finding.last_step / steps)
    return [f"{one.name}:{one.severity}:{found[one.name]:.2f}" for one in tracker.findings]


def table(out: Path, finding: str, true: Mapping[str, bool]) -> str:
    """The counts of one finding as Markdown, a row for each kind of which it is `true` or not."""
    rows: dict[str, list[list[str]]] = {}
    for file in sorted(out.glob("*.json")):
        recorded = json.loads(file.read_text(encoding="utf-8"))
        rows.setdefault(recorded["kind"], []).append(named(recorded["readings"], recorded["steps"]))
    lines = [f"| what is done | true | runs | named `{finding}` | at, share of the run | named besides |"]
    lines += ["|---|---|---|---|---|---|"]
    for kind in filter(rows.__contains__, true):
        first = [next((one for one in run if one.startswith(f"{finding}:")), None) for run in rows[kind]]
        right = [one for one in first if one is not None]
        besides = sorted({one.split(":")[0] for run in rows[kind] for one in run} - {finding})
        at = ", ".join(one.rsplit(":", 1)[1] for one in right) or "–"
        said = "yes" if true[kind] else "no"
        cells = (kind, said, len(rows[kind]), len(right), at, ", ".join(besides) or "–")
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)

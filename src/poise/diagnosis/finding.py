"""A failure that was found in a run: its evidence and its remedies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Severity = Literal["info", "watch", "trouble"]
Value = float | int | str


@dataclass(frozen=True)
class Remedy:
    """Something to try.

    Attributes:
        change: What to change, as an imperative.
        why: Why that helps.
        command: The command that does it; empty if it is a matter of the data or the code.
        expect: What to expect of it.
        after_steps: Steps after which the effect should show.
        settings: The values of the recipe that it sets, by path.
        restart: Whether it needs a start from fresh weights.
    """

    change: str
    why: str
    command: str = ""
    expect: str = ""
    after_steps: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)
    restart: bool = False

    def to_json(self) -> dict[str, Any]:
        """As a line of `findings.jsonl` has it."""
        return {
            "change": self.change,
            "why": self.why,
            "command": self.command,
            "expect": self.expect,
            "after_steps": self.after_steps,
            "settings": dict(self.settings),
            "restart": self.restart,
        }

    @staticmethod
    def from_json(line: Mapping[str, Any]) -> Remedy:
        """The remedy that `to_json` wrote; what is missing has its default."""
        return Remedy(
            **{key: str(line.get(key) or "") for key in ("change", "why", "command", "expect")},
            after_steps=_whole(line.get("after_steps")),
            settings=_mapping(line.get("settings")),
            restart=line.get("restart") is True,
        )


@dataclass(frozen=True)
class Evidence:
    """Numbers behind a finding: each quantity as measured, its threshold, and what is healthy."""

    measured: Mapping[str, Value] = field(default_factory=dict)
    threshold: Mapping[str, Value] = field(default_factory=dict)
    healthy: Mapping[str, Value] = field(default_factory=dict)

    def to_json(self) -> dict[str, dict[str, Value]]:
        """As a line of `findings.jsonl` has it."""
        return {
            "measured": dict(self.measured),
            "threshold": dict(self.threshold),
            "healthy": dict(self.healthy),
        }

    @staticmethod
    def from_json(line: Mapping[str, Any]) -> Evidence:
        """The evidence that `to_json` wrote; what is missing is empty."""
        return Evidence(*(_mapping(line.get(side)) for side in ("measured", "threshold", "healthy")))


@dataclass(frozen=True)
class Finding:
    """A failure by its name.

    Attributes:
        name: As in the table of findings: `mode-collapse`.
        severity: `info`, `watch` or `trouble`.
        status: `open`, or `recovered` once it has been gone for some checks.
        first_step: The step at which it began.
        last_step: The step at which it was last found.
        confidence: From 0 to 1: how far beyond its threshold, and for how long.
        sentence: What is wrong, in words.
        evidence: The numbers.
        remedies: What to try, in order.
        because_of: The open finding that explains this one; empty if there is none.

    Example:
        >>> print(Finding("mode-collapse", "trouble", "open", 400, 480, 0.9, "All samples look the same."))
        TROUBLE mode-collapse, step 400 to 480 (90 % sure): All samples look the same.
    """

    name: str
    severity: Severity
    status: Literal["open", "recovered"]
    first_step: int
    last_step: int
    confidence: float
    sentence: str
    evidence: Evidence = field(default_factory=Evidence)
    remedies: tuple[Remedy, ...] = ()
    because_of: str = ""

    def __str__(self) -> str:
        word = self.severity.upper() if self.status == "open" else f"recovered ({self.severity})"
        span = f"step {self.first_step}"
        span += f" to {self.last_step}" if self.last_step > self.first_step else ""
        cause = f", because of {self.because_of}" if self.because_of else ""
        return f"{word} {self.name}, {span}{cause} ({100 * self.confidence:.0f} % sure): {self.sentence}"

    def to_json(self) -> dict[str, Any]:
        """As a line of `findings.jsonl` has it."""
        return {
            "name": self.name,
            "severity": self.severity,
            "status": self.status,
            "first_step": self.first_step,
            "last_step": self.last_step,
            "confidence": round(self.confidence, 3),
            "sentence": self.sentence,
            "evidence": self.evidence.to_json(),
            "remedies": [remedy.to_json() for remedy in self.remedies],
            **({"because_of": self.because_of} if self.because_of else {}),
        }

    @staticmethod
    def from_json(line: Mapping[str, Any]) -> Finding:
        """The finding of a line of `findings.jsonl`; what is missing or of another type has a default.

        Example:
            >>> found = Finding("mode-collapse", "trouble", "open", 400, 480, 0.9, "All look the same.")
            >>> Finding.from_json(found.to_json()) == found
            True
        """
        first, confidence, severity = (
            _whole(line.get("first_step")),
            line.get("confidence"),
            line.get("severity"),
        )
        remedies = line.get("remedies")
        return Finding(
            name=str(line.get("name") or "finding"),
            severity=severity if severity in ("info", "watch", "trouble") else "info",
            status="recovered" if line.get("status") == "recovered" else "open",
            first_step=first,
            last_step=max(first, _whole(line.get("last_step"))),
            confidence=float(confidence) if isinstance(confidence, int | float) else 0.0,
            sentence=str(line.get("sentence") or ""),
            evidence=Evidence.from_json(_mapping(line.get("evidence"))),
            remedies=tuple(
                Remedy.from_json(one)
                for one in (remedies if isinstance(remedies, list) else ())
                if isinstance(one, Mapping)
            ),
            because_of=str(line.get("because_of") or ""),
        )


def _whole(value: Any) -> int:
    return value if type(value) is int else 0


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}

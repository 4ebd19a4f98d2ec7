"""A rule: what a finding is, when it begins, when it is over, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from poise.diagnosis.finding import Evidence, Remedy
from poise.diagnosis.reading import Reading

Level = Literal["healthy", "watch", "trouble"]
Readings = Sequence[Reading]


@dataclass(frozen=True)
class Verdict:
    """What a rule makes of the readings so far, of the last of them above all.

    Attributes:
        level: How bad.
        sentence: What is wrong, in words; empty where nothing is.
        evidence: The numbers.
        beyond: How far beyond its threshold the measured value lies, as a factor of at least 1.
    """

    level: Level
    sentence: str = ""
    evidence: Evidence = field(default_factory=Evidence)
    beyond: float = 1.0


@dataclass(frozen=True)
class Unchecked:
    """The rule could not be checked.

    Attributes:
        because: Why: "no data are held out".
    """

    because: str


HEALTHY = Verdict("healthy")

Judge = Callable[[Readings], "Verdict | Unchecked"]
Settings = Callable[[Mapping[str, Any]], Mapping[str, Any]]


@dataclass(frozen=True)
class Proposal:
    """A remedy before it is known for which run.

    Attributes:
        change: What to change, as an imperative.
        why: Why that helps.
        expect: What to expect of it.
        settings: From the run's recipe (empty where it has none) to the values to set, by path; `None` where
            no setting does it.
        share: The share of the run's steps after which it should be seen.
        restart: Whether it needs a start from fresh weights.
    """

    change: str
    why: str
    expect: str
    settings: Settings | None = None
    share: float = 0.1
    restart: bool = False


@dataclass(frozen=True)
class Rule:
    """One failure that can be named.

    Attributes:
        name: What it is called.
        summary: What it is, in a sentence.
        judge: What it makes of the readings so far; pure.
        proposals: What to do, in order.
        source: Where the rule is from.
        warm_up: Checks before which it holds still.
        watch_after: Checks in a row at `watch` or worse that open it.
        trouble_after: Checks in a row at `trouble` that make it trouble.
        recovered_after: Healthy checks in a row that close it.
        explains: Findings that follow from this one: beside it they are told as its consequences.
    """

    name: str
    summary: str
    judge: Judge
    proposals: tuple[Proposal, ...]
    source: str
    warm_up: int = 8
    watch_after: int = 3
    trouble_after: int = 3
    recovered_after: int = 4
    explains: tuple[str, ...] = ()


@dataclass(frozen=True)
class Setting:
    """What is known of the run besides its readings.

    Attributes:
        steps: Steps that it will take; `None` where that is not known.
        recipe: Its recipe; empty where it has none.
        data: The name of its data, for commands.
    """

    steps: int | None = None
    recipe: Mapping[str, Any] = field(default_factory=dict)
    data: str = "DATA"

    def remedy(self, proposal: Proposal) -> Remedy:
        """A proposal made for this run."""
        settings = {} if proposal.settings is None else dict(proposal.settings(self.recipe))
        command = ""
        if settings:
            words = ["poise", "train", self.data]
            words += ["--recipe", str(self.recipe["name"])] if self.recipe.get("name") else []
            words += [f"--set {path}={_typed(value)}" for path, value in settings.items()]
            command = " ".join(words)
        return Remedy(
            change=proposal.change,
            why=proposal.why,
            command=command,
            expect=proposal.expect,
            after_steps=max(1, round(proposal.share * (self.steps or 10_000))),
            settings=settings,
            restart=proposal.restart,
        )


def _typed(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)

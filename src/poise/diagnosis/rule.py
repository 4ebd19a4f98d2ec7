"""A rule: what a finding is, when it opens and closes, and what to do about it."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from poise.diagnosis.finding import Evidence, Measurement, Remedy
from poise.diagnosis.trends import PACE, Measurements

__all__ = [
    "HEALTHY",
    "LATER",
    "Level",
    "Measurements",
    "Proposal",
    "Rule",
    "Setting",
    "Unchecked",
    "Verdict",
    "part_of",
    "unchecked",
]

Level = Literal["healthy", "watch", "trouble"]
LATER = "it is measured at a later check, to save time"


@dataclass(frozen=True)
class Verdict:
    """The judgement of a rule on the measurements so far, mainly the last."""

    level: Level
    sentence: str = ""  # What is wrong, in words; empty if nothing is
    evidence: Evidence = field(default_factory=Evidence)
    beyond: float = 1.0  # How far beyond its threshold the measured value lies, as a factor of at least 1
    # Whether it is unmistakable: it then opens at once, at its level, whatever the rule waits for otherwise
    sure: bool = False
    certainty: float = 1.0  # The most that it can be sure of, from 0 to 1, however often it is found
    explains: tuple[str, ...] | None = None  # What follows from it, if not all that the rule explains
    given: bool = False  # Whether it is what the loop gives to the players: no other finding explains it


@dataclass(frozen=True)
class Unchecked:
    """The rule could not be checked."""

    because: str  # Why: "no data are held out"


HEALTHY = Verdict("healthy")

Judge = Callable[[Measurements], "Verdict | Unchecked"]
# From a run's recipe to the values to set, by path; `None` if the recipe does not take them
Settings = Callable[[Mapping[str, Any]], "Mapping[str, Any] | None"]


@dataclass(frozen=True)
class Proposal:
    """A remedy before it is known for which run."""

    change: str
    why: str
    expect: str  # What to expect of it
    # From the run's recipe (empty if it has none) to the values to set, by path, or None if that
    # recipe does not take them; None itself if no setting does it
    settings: Settings | None = None
    share: float = 0.1  # The share of the run's steps after which it should be seen
    restart: bool = False  # Whether it needs a start from fresh weights
    of_loops: bool = False  # Whether only a loop of one's own can be mended by it, and no run of Poise


@dataclass(frozen=True)
class Rule:
    """One failure that can be named."""

    name: str  # What it is called
    summary: str  # What it is, in a sentence
    judge: Judge  # Judges the measurements so far; a pure function
    proposals: tuple[Proposal, ...]  # What to do, in order
    source: str  # Where the rule is from
    # Spans, sixtieths of a run, before which it stays silent
    warm_up: int = 8
    watch_after: int = 3  # Spans in a row at watch or worse that open it
    trouble_after: int = 3  # Spans in a row at trouble that make it trouble
    recovered_after: int = 4  # Healthy spans in a row that close it
    needs: tuple[str, ...] = ()  # Quantities without which it is not checked by `judge`
    otherwise: Callable[[Measurements], Verdict | None] | None = None  # Judges if one of those is missing
    # Findings that follow from this one: they are reported as its consequences
    explains: tuple[str, ...] = ()

    def verdict(self, measurements: Sequence[Measurement]) -> Verdict | Unchecked:
        """What the rule says of the measurements so far, or why it cannot be checked."""
        measurements = Measurements.of(measurements)
        missing = unchecked(measurements[-1], *self.needs)
        if missing is None:
            return self.judge(measurements)
        return (None if self.otherwise is None else self.otherwise(measurements)) or missing


@dataclass(frozen=True)
class Setting:
    """What is known of the run besides its measurements."""

    steps: int | None = None  # Steps that it will take; None if that is not known
    recipe: Mapping[str, Any] = field(default_factory=dict)  # Its recipe; empty if it has none
    data: str = "DATA"  # The name of its data, for commands
    # The command line that makes the run again, to which a remedy's settings are added; if it is
    # empty, one is made of the recipe's name, and if it is None, no command line can do it
    again: tuple[str, ...] | None = ()
    pace: int = PACE  # Steps of its first spans if how many it will take is not known

    def remedy(self, proposal: Proposal) -> Remedy | None:
        """A proposal made for this run; `None` if it cannot take it or has it already.

        Example:
            >>> setting = Setting(recipe={"name": "mine", "packing": 1}, data="digits")
            >>> pack = Proposal("pack two", "repeats show", "fewer twins", lambda recipe: {"packing": 2})
            >>> setting.remedy(pack).command
            'poise train digits --recipe mine --set packing=2'
        """
        if proposal.of_loops and self.recipe:
            return None
        settings = {} if proposal.settings is None else proposal.settings(self.recipe)
        has = all(_holds(self.recipe, *one) for one in (settings or {}).items())
        if proposal.settings is not None and (not settings or has):
            return None
        settings = settings or {}
        # Rates are multiples of the run's own, which are not known without a recipe.
        known = {
            path: value
            for path, value in settings.items()
            if self.recipe or not path.endswith(".learning_rate")
        }
        return Remedy(
            change=proposal.change,
            why=proposal.why,
            command=self._command(known) if known else "",
            expect=proposal.expect,
            after_steps=max(1, round(proposal.share * (self.steps or 10_000))),
            settings=dict(settings),
            restart=proposal.restart,
        )

    def remedies(self, proposals: Sequence[Proposal]) -> tuple[Remedy, ...]:
        """Those of the proposals that can be made for this run, in their order."""
        made = map(self.remedy, proposals)
        return tuple(remedy for remedy in made if remedy is not None)

    def _command(self, settings: Mapping[str, Any]) -> str:
        if self.again is None:
            return f"poise.train(..., **{dict(settings)!r})"
        name = self.recipe.get("name")
        words = self.again or ("poise", "train", self.data, *(("--recipe", str(name)) if name else ()))
        words = tuple(_without(words, settings))
        changes = (("--set", f"{path}={_typed(value)}") for path, value in settings.items())
        return shlex.join([*words, *(word for change in changes for word in change)])


def _without(words: Sequence[str], settings: Mapping[str, Any]) -> Iterator[str]:
    """A command's words, but for what it sets at paths that are set again, or of parts that become others."""
    skipped, parts = False, tuple(f"{path}." for path, value in settings.items() if isinstance(value, str))
    for word, following in zip(words, [*words[1:], ""], strict=True):
        path = following.partition("=")[0]
        replaced = word == "--set" and (path in settings or path.startswith(parts))
        if not replaced and not skipped:
            yield word
        skipped = replaced


def _holds(recipe: Mapping[str, Any], path: str, value: Any) -> bool:
    """Whether a recipe has a value at a path already."""
    here: Any = recipe
    for folder in path.split("."):
        if not isinstance(here, Mapping) or folder not in here:
            return False
        here = here[folder]
    if isinstance(here, Mapping) and not isinstance(value, Mapping):
        here = here.get("name")
    return bool(here == value)


def _typed(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)


def unchecked(measurement: Measurement, *names: str) -> Unchecked | None:
    """Why a rule that needs these quantities cannot be checked; `None` if all are there."""
    for name in names:
        value = getattr(measurement, name)
        if value is None or value in ((), {}):
            families = (part_of(name), name)
            because = next((measurement.missing[one] for one in families if one in measurement.missing), None)
            return Unchecked(because or f"there was no {name.replace('_', ' ')}")
    return None


def part_of(name: str) -> str:
    """The quantity under whose name it is noted why the part that measures this one gave nothing."""
    return _FAMILY.get(name, name)


# The part of an examination that measures a quantity, under whose name its absence is explained
_FAMILY = {
    quantity: part
    for part, quantities in {
        "distance": (
            "spread",
            "coverage",
            "cells",
            "centre",
            "duplicates",
            "movement",
            "probes",
            "grid",
            "alike",
        ),
        "held_out_gap": ("training_above_held_out",),
        "copying": ("copied", "nearness"),
        "fake_distance": ("fake_spread", "fake_alike", "fake_moved", "fake_twins", "fake_travelled"),
        "latents_differ": ("latents_apart", "source_followed"),
        "weights": ("generator_moved", "discriminator_moved"),
        "condition_response": (
            "condition_followed",
            "condition_followed_real",
            "condition_chance",
        ),
    }.items()
    for quantity in quantities
}

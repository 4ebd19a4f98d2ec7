"""The card that a generator is handed over with: what it is of, how good it is, what it repeats."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from poise.diagnosis import Finding
from poise.errors import PoiseError
from poise.generator.copies import Copies, Membership, TrainingRows, copies_of, membership_of
from poise.generator.export.target import Subject
from poise.metrics.arrays import hash_of_weights
from poise.metrics.lines import results_of
from poise.metrics.result import Result
from poise.registry import takes
from poise.version import VERSION

NOT_GIVEN = "not given"
LIKELY = 0.01
"""Below this p-value the card says that training rows are told from others."""


@dataclass(frozen=True)
class Checks:
    """What was measured for the hand-over, or why it was not."""

    copies: Copies | None = None
    membership: Membership | None = None
    why_not: str = ""

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        found = {"copies": self.copies, "membership": self.membership}
        return {name: None if one is None else vars(one) for name, one in found.items()} | {
            "why_not": self.why_not
        }


def checked(subject: Subject, *, seed: int = 0) -> Checks:
    """Copies and membership, if the data are there and enough rows were held out."""
    try:
        rows = TrainingRows(subject.generator)
    except PoiseError as error:
        return Checks(why_not=error.what)
    return Checks(copies_of(rows, seed=seed), membership_of(rows, seed=seed))


def card_of(subject: Subject, checks: Checks, *, license: str, rights: str) -> str:
    """The README.md of a generator: the hub's YAML, and sections for people."""
    sections = [
        _front(subject, license),
        f"# {subject.name}\n\n{_lead(subject)}",
        _section("Use", _use(subject)),
        _section("Data", _data(subject, rights)),
        _section("Training", _training(subject)),
        _section("Measures", _measures(subject)),
        _section("Copies and membership", _remembers(checks)),
        _section("Known gaps", _gaps(subject)),
        _section("Licence and marks", _licence(license)),
    ]
    return "\n".join(sections)


def _front(subject: Subject, license: str) -> str:
    part = (subject.generator.description.get("network") or {}).get("name", "")
    tags = [tag for tag in ("gan", "poise", str(part)) if tag]
    lines = ["---", "library_name: poise"]
    lines += [f"license: {license}"] if license else []
    lines += ["pipeline_tag: unconditional-image-generation"] if subject.generator.kind.pictorial else []
    return "\n".join([*lines, "tags:", *(f"- {tag}" for tag in tags), "---", ""])


def _section(title: str, lines: Iterable[str]) -> str:
    return "\n".join([f"\n## {title}\n", *lines])


def _lead(subject: Subject) -> str:
    generator = subject.generator
    shape = " x ".join(map(str, generator.shape))
    law = "standard normal" if generator.latent.distribution == "normal" else "uniform in -1 to 1"
    takes_more = f", and one of {len(generator.classes)} classes" if generator.classes else ""
    takes_more = f", and tags out of {len(generator.tags)}" if generator.tags else takes_more
    values = ", in -1 to 1" if generator.kind.pictorial else ", in the units of the data"
    return (
        f"A generator of {generator.kind.plural} of {shape}{values}, from {generator.latent.size} numbers, "
        f"{law}{takes_more}. Made by Poise {VERSION}."
    )


def _use(subject: Subject) -> list[str]:
    generator = subject.generator
    lines = [
        "```python",
        "import poise",
        "",
        'generator = poise.Generator.from_pretrained("FOLDER or user/name")',
        "samples = generator.sample(16, seed=1)",
        "```",
        "",
        "The same seed makes the same samples.",
    ]
    if takes(generator.module.forward, "truncation"):
        at = 0.7 if generator.truncation == 1 else generator.truncation
        lines += [
            "",
            f"`generator.truncated({at:g}).sample(16)` makes samples that vary less.",
        ]
    if generator.truncation != 1:
        lines += [f"The measures below are without truncation; it was exported at {generator.truncation:g}."]
    return lines


def _table(rows: Iterable[tuple[str, Any]]) -> list[str]:
    return ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)]


def _data(subject: Subject, rights: str) -> list[str]:
    data = {} if subject.folder is None else subject.folder.data
    rows: list[tuple[str, Any]] = [("data", subject.generator.description.get("data", "not known"))]
    if data:
        rows += [("rows", f"{data.get('count', 0):,}"), ("fingerprint", f"`{data.get('fingerprint', '')}`")]
    return _table([*rows, ("rights in the data", rights or NOT_GIVEN)])


def _training(subject: Subject) -> list[str]:
    generator = subject.generator
    description = generator.description
    part = description.get("network") or {}
    rows = [
        ("recipe", f"{description.get('recipe')}, seed {description.get('seed')}"),
        ("trained", f"{description.get('step'):,} steps, {description.get('images_seen', 0):,} samples seen"),
        ("network", part.get("name", "not known")),
        ("SHA-256 of the weights", f"`{hash_of_weights(generator.module.state_dict())}`"),
    ]
    return _table(rows)


def _measures(subject: Subject) -> list[str]:
    step = int(subject.generator.description.get("step", 0))
    lines = [] if subject.folder is None else subject.folder.lines("metrics")
    found = [(at, by, result) for at, by, result in results_of(lines) if at <= step]
    own = [result for at, by, result in found if by == "evaluate" and at == step]
    if not own:
        newest = {result.metric: (at, result) for at, by, result in found if by == "training"}
        if not newest:
            return ["Not measured. `poise evaluate RUN` measures it."]
        rows = [row for at, result in newest.values() for row in _numbers(result, f", at step {at:,}")]
        return ["Measured while it trained, with few samples.", "", *_results(rows)]
    return [*_results([row for result in own for row in _numbers(result)])]


def _numbers(result: Result, more: str = "") -> list[tuple[str, ...]]:
    protocol = ", ".join(f"{side} {count:,}" for side, count in result.samples.items())
    protocol = f"{protocol}; {result.extractor}{more}"
    rows = list[tuple[str, ...]]()
    for name, value in result.values.items():
        low_high = result.intervals.get(name)
        interval = "" if low_high is None else f"{low_high[0]:.4g} to {low_high[1]:.4g}"
        floor = f"{result.floors[name]:.4g}" if name in result.floors else ""
        rows.append((name, f"{value:.4g}", interval, floor, protocol))
    return rows


def _results(rows: list[tuple[str, ...]]) -> list[str]:
    head = ["| measure | value | 95 % interval | reals against reals | protocol |", "|---|---|---|---|---|"]
    return [*head, *("| " + " | ".join(row) + " |" for row in rows)]


def _remembers(checks: Checks) -> list[str]:
    copies, membership = checks.copies, checks.membership
    if copies is None or membership is None:
        return [f"Not measured: {checks.why_not}."]
    low, high = copies.interval
    told = membership.p_value < LIKELY and membership.training < membership.held_out
    verdict = "Training rows are nearer, so it remembers some of them." if told else "No difference is seen."
    return [
        f"Of {copies.samples:,} samples {copies.share:.1%} (95 %: {low:.1%} to {high:.1%}) lie as near to "
        f"one of {copies.rows:,} training rows as {copies.of_held_out:.1%} of {copies.held_out:,} held-out "
        "rows do. "
        "`poise sample RUN --filter-copies` leaves them out.",
        "",
        f"Membership: by {membership.measure}, the medians of {membership.counts[0]:,} training rows "
        f"and {membership.counts[1]:,} held-out rows are {membership.training:.4g} and "
        f"{membership.held_out:.4g}, p = {membership.p_value:.2g} (Kolmogorov and Smirnov). {verdict}",
        "",
        "No discriminator is in this folder: it would tell more about single rows than the generator does.",
    ]


def open_findings(lines: Iterable[Mapping[str, Any]]) -> list[Finding]:
    """What the doctor found last of each finding, if it is still open and worse than a note."""
    latest = {(line.get("name"), line.get("first_step")): line for line in lines}
    found = [Finding.from_json(line) for line in latest.values()]
    return [one for one in found if one.status == "open" and one.severity != "info"]


def _gaps(subject: Subject) -> list[str]:
    general = "- It can only make what resembles its data, with their gaps and their slant."
    if subject.folder is None:
        return ["- Nothing is known of its training.", general]
    found = open_findings(subject.folder.lines("findings"))
    return [*(f"- {one.name}: {one.sentence}" for one in found), general]


def _licence(license: str) -> list[str]:
    given = f"Licence of the weights: {license or NOT_GIVEN}."
    marks = "Pictures that `poise sample` writes say in their PNG text that they are generated."
    return [given, "", marks]

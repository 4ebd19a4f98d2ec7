"""The findings of a run, in the order in which a page shows them."""

from collections.abc import Iterable, Sequence

from poise.diagnosis.finding import Evidence, Finding
from poise.text import label, number
from poise.web.charts import Json
from poise.web.wording import plain

SEVERITIES = ("trouble", "watch", "info")


def findings_of(lines: Iterable[Json]) -> list[Finding]:
    """The findings of a run: open ones first, then the most severe, then the earliest."""
    latest: dict[tuple[str, int], Finding] = {}
    for finding in map(Finding.from_json, lines):
        latest[finding.name, finding.first_step] = finding
    return sorted(
        latest.values(),
        key=lambda one: (one.status == "recovered", SEVERITIES.index(one.severity), one.first_step),
    )


def problems(found: Iterable[Finding]) -> list[Finding]:
    """The findings that are open and more than information."""
    return [one for one in found if one.status == "open" and one.severity != "info"]


def sentence(found: Sequence[Finding]) -> str:
    """The findings of a run in a sentence."""
    if grave := problems(found):
        names = [f"{_lower(label(one.name))} since step {one.first_step:,}" for one in grave]
        count = "One finding is" if len(grave) == 1 else f"{len(grave)} findings are"
        return f"{count} open: {', '.join(names)}."
    if not found:
        return "There are no findings."
    if all(one.status == "recovered" for one in found):
        return "All findings have recovered."
    return "No problem is open; the findings below are information."


def _lower(words: str) -> str:
    return words[:1].lower() + words[1:]


def evidence_rows(evidence: Evidence) -> list[tuple[str, str, str, str]]:
    """A row for each quantity of a finding's evidence: its name, measured, threshold, healthy."""
    sides = evidence.measured, evidence.threshold, evidence.healthy
    names = dict.fromkeys(name for side in sides for name in side)
    return [(label(name), *(_cell(side.get(name)) for side in sides)) for name in names]  # type: ignore[misc]


def _cell(value: object) -> str:
    if value is None:
        return "–"
    return number(value) if isinstance(value, float) else plain(value)

"""A run in a few words: its status and findings, what it is, what to do next."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from poise.diagnosis.finding import Evidence, Finding
from poise.extension import use_words
from poise.run_folder import RunFolder
from poise.spec import Makes
from poise.text import counted, duration, label, number
from poise.web.charts import Table, history_table
from poise.web.facts import Json, plain

SEVERITIES = ("trouble", "watch", "info")
LEADS = {"failed": "Failed at ", "running": "Training was still running when this report was written: "}
VERBS: Mapping[Makes, tuple[tuple[str, ...], str]] = {
    "samples": (("sample",), "Draw new samples"),
    "images": (("translate", "inputs", "--out", "outputs"), "Translate your own images"),
    "waves": (("translate", "recordings", "--out", "waves"), "Make waves of the spectrograms of recordings"),
    "tags": (("tag", "picture.png"), "Predict the tags of a picture"),
}
"""The command that uses a generator, and what it does; the run's folder stands behind its first word."""


@dataclass(frozen=True)
class Standing:
    """How far a run is."""

    status: str
    reason: str
    step: int
    planned: int | None
    images_seen: float | None
    seconds: float | None
    extendable: bool = True  # A private run has a budget for its steps alone

    @property
    def of(self) -> str:
        """The planned number of steps, if it is another than the steps done."""
        return f" of {self.planned:,}" if self.planned is not None and self.planned != self.step else ""

    @property
    def sentence(self) -> str:
        """The status in a sentence."""
        spent = "" if not self.seconds else duration(self.seconds)
        if self.status == "finished":
            return f"Finished {counted(self.step, 'step')}{f' in {spent}' if spent else ''}."
        lead = LEADS.get(self.status, "Interrupted at ")
        return f"{lead}step {self.step:,}{self.of}{f' after {spent}' if spent else ''}."


def standing(run: RunFolder, history: Table | None = None) -> Standing:
    """How far a run is, from its status, its history and its pictures."""
    status, planned = run.read_json("status"), run.recipe.get("steps")
    table = history_table(run.lines("history")[-1:]) if history is None else history

    def last(name: str) -> float | None:
        return next((value for value in reversed(table.get(name, [])) if value is not None), None)

    steps = [status.get("step"), last("step"), *(step for step, _ in run.samples()[-1:])]
    return Standing(
        status=run.status,
        reason=str(status.get("reason") or ""),
        step=max((int(step) for step in steps if isinstance(step, int | float)), default=0),
        planned=planned if isinstance(planned, int) else None,
        images_seen=last("images_seen"),
        seconds=last("seconds"),
        extendable=not run.recipe.get("private"),
    )


def highlights(
    run: Standing, recipe: Json, environment: Json, *, unit: str, games: int = 1
) -> list[tuple[str, str]]:
    """The few facts at the head of a report, as name and value; `unit` is what the data are rows of."""
    found = [("Recipe", plain(recipe.get("name") or "unnamed")), ("Step", f"{run.step:,}{run.of}")]
    if private := recipe.get("private"):
        found.append(("Privacy", f"epsilon {private['epsilon']:g}, delta {private['delta']:g}"))
    if run.images_seen is not None:
        found.append((f"{label(unit)} seen", number(run.images_seen)))
    if run.seconds is not None:
        found.append(("Time", duration(run.seconds)))
    if run.images_seen and run.seconds:
        found.append(("Speed", f"{number(float(f'{run.images_seen / run.seconds:.3g}'))} {unit}/s"))
    device = plain(environment.get("device") or "")
    if device:
        # A processor's name says less than "cpu"; a card's says more than "cuda:0".
        name = "" if device == "cpu" else plain(environment.get("device_name") or "")
        found.append(("Device", name or device))
    if games > 1:
        found.append(("Games", str(games)))
    elif isinstance(recipe.get("seed"), int):
        found.append(("Seed", str(recipe["seed"])))
    return found


def next_commands(
    run: Standing, typed: str, environment: Json, *, makes: Makes | None, one: str = ""
) -> list[tuple[str, str]]:
    """Commands to type next, each with what it does.

    Args:
        run: How far the run is.
        typed: The run's folder as it is typed.
        environment: The run's `environment.json`, which names the files of its own parts.
        makes: What its generator makes; `None` if it has none.
        one: The folder of one of many games within the run's folder.
    """
    further = 2 * max(run.step, run.planned or 0)
    commands: list[tuple[tuple[str, ...], str]] = []
    if run.status in ("interrupted", "failed"):
        to = f" to step {run.planned:,}" if run.planned is not None and run.planned > run.step else ""
        commands.append((("resume", typed), f"Continue training{to}"))
    if makes is not None:
        (verb, *options), what = VERBS[makes]
        commands.append(((verb, f"{typed}/{one}" if one else typed, *options), what))
    if run.status == "finished" and further and run.extendable:
        commands.append((("resume", typed, "--steps", str(further)), "Train it twice as long"))
    commands.append((("report", typed), "Write this report again"))
    own = use_words(environment)
    return [(shlex.join(["poise", *words, *own]), what) for words, what in commands]


def typed_path(path: Path, environment: Json) -> str:
    """A run's path relative to the folder in which the run was started; absolute if it lies elsewhere."""
    whole = path.absolute()
    started_in = environment.get("cwd")
    if isinstance(started_in, str) and started_in and whole.is_relative_to(started_in):
        return str(whole.relative_to(started_in))
    return str(whole)


def command_line(environment: Json) -> str:
    """The command that started a run, as one types it; empty if it is not known."""
    command = environment.get("command")
    if not isinstance(command, list) or not command:
        return command if isinstance(command, str) else ""
    program, *rest = map(str, command)
    path = Path(program)
    if path.name == "poise" or path.parts[-2:] == ("poise", "__main__.py"):
        return shlex.join(["poise", *rest])
    # A session typed by hand (`-c`, an empty name, a notebook's kernel) leaves no command to repeat.
    if path.suffix == ".py" and path.name != "ipykernel_launcher.py":
        return shlex.join(["python", program, *rest])
    return ""


# Findings -------------------------------------------------------------------------------------------------


def findings_of(lines: Iterable[Json]) -> list[Finding]:
    """The findings of a run: open ones first, then the most severe, then the earliest."""
    latest = {(found.name, found.first_step): found for found in map(Finding.from_json, lines)}
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
        titles = [(label(one.name), one.first_step) for one in grave]
        names = [f"{title[:1].lower()}{title[1:]} since step {step:,}" for title, step in titles]
        count = "One finding is" if len(grave) == 1 else f"{len(grave)} findings are"
        return f"{count} open: {', '.join(names)}."
    if not found:
        return "There are no findings."
    if all(one.status == "recovered" for one in found):
        return "All findings have recovered."
    return "No problem is open; the findings below are information."


def evidence_rows(evidence: Evidence) -> list[tuple[str, ...]]:
    """A row for each quantity of a finding's evidence: its name, measured, threshold, healthy."""
    sides = evidence.measured, evidence.threshold, evidence.healthy
    names = dict.fromkeys(name for side in sides for name in side)
    return [(label(name), *(plain(side[name]) if name in side else "–" for side in sides)) for name in names]

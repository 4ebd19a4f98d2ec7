"""A run in a few words: how it stands, what it is, what to do next."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from poise.report.columns import Json, Table
from poise.report.findings import Card
from poise.report.wording import plain
from poise.run_folder import Makes
from poise.text import duration, label, number


@dataclass(frozen=True)
class Standing:
    """How far a run is.

    Attributes:
        status: `running`, `finished`, `interrupted` or `failed`.
        reason: Why it ended so, where that is known.
        step: Updates done.
        planned: Updates that the recipe asks for; None where it does not say.
        images_seen: Reals shown so far; None where it is not known.
        seconds: Time trained; None where it is not known.
    """

    status: str
    reason: str
    step: int
    planned: int | None
    images_seen: float | None
    seconds: float | None


@dataclass(frozen=True)
class Command:
    """Something to type next, and what it does."""

    text: str
    does: str


def standing(*, status: str, said: Json, recipe: Json, history: Table, last_sample: int | None) -> Standing:
    """How far a run is, from all that tells of it.

    Args:
        status: As the run folder judges it.
        said: What `status.json` holds.
        recipe: The recipe.
        history: The history's columns.
        last_sample: The step of the newest picture.
    """
    step, planned = said.get("step"), recipe.get("steps")
    reached = [step] if isinstance(step, int) else []
    reached += [int(value) for value in history["step"][-1:] if value is not None]
    reached += [last_sample] if last_sample is not None else []
    return Standing(
        status=status,
        reason=str(said.get("reason") or ""),
        step=max(reached, default=0),
        planned=planned if isinstance(planned, int) else None,
        images_seen=_last(history, "images_seen"),
        seconds=_last(history, "seconds"),
    )


def _last(history: Table, name: str) -> float | None:
    return next((value for value in reversed(history.get(name, [])) if value is not None), None)


def verdict(run: Standing, cards: Sequence[Card], *, found: str = "") -> str:
    """The run in two sentences.

    Args:
        run: How far it is.
        cards: Its findings.
        found: The second sentence, where the findings are not the run's own.

    Example:
        >>> verdict(Standing("finished", "", 4000, 4000, 256_000, 723.0), [])
        'Finished 4,000 steps in 12 min 3 s. No findings are recorded.'
    """
    of = f" of {run.planned:,}" if run.planned is not None and run.planned != run.step else ""
    spent = f" after {duration(run.seconds)}" if run.seconds else ""
    if run.status == "finished":
        time = f" in {duration(run.seconds)}" if run.seconds else ""
        stands = f"Finished {_steps(run.step)}{time}."
    elif run.status == "running":
        stands = f"Still training when this was written: step {run.step:,}{of}{spent}."
    elif run.status == "failed":
        stands = f"Failed at step {run.step:,}{of}{spent}."
    else:
        stands = f"Interrupted at step {run.step:,}{of}{spent}."
    return f"{stands} {found or _found(cards)}"


def _found(cards: Sequence[Card]) -> str:
    still_open = [card for card in cards if not card.recovered]
    grave = [card for card in still_open if card.severity != "info"]
    if grave:
        names = [f"{card.title[:1].lower()}{card.title[1:]} since step {card.first_step:,}" for card in grave]
        count = "One finding is" if len(grave) == 1 else f"{len(grave)} findings are"
        return f"{count} open: {', '.join(names)}."
    if cards and not still_open:
        return "What was found on the way has recovered."
    if cards:
        return "Nothing was found wrong; there is something to know."
    return "No findings are recorded."


def _steps(count: int) -> str:
    return "1 step" if count == 1 else f"{count:,} steps"


def highlights(
    run: Standing, recipe: Json, environment: Json, *, unit: str, games: int = 1
) -> list[tuple[str, str]]:
    """The few facts at the head of a report, as name and value.

    Args:
        run: How far it is.
        recipe: The recipe.
        environment: Where it ran.
        unit: What the data are rows of: `images`, `samples`.
        games: How many were played side by side.
    """
    of = f" of {run.planned:,}" if run.planned is not None and run.planned != run.step else ""
    found = [("Recipe", plain(recipe.get("name") or "unnamed")), ("Step", f"{run.step:,}{of}")]
    if run.images_seen is not None:
        found.append((f"{label(unit)} seen", number(run.images_seen)))
    if run.seconds is not None:
        found.append(("Time", duration(run.seconds)))
    if run.images_seen and run.seconds:
        found.append(("Speed", f"{number(float(f'{run.images_seen / run.seconds:.3g}'))} {unit}/s"))
    device = plain(environment.get("device") or "")
    if device:
        # A processor's name says less than "cpu"; a card's says more than "cuda:0".
        named = "" if device == "cpu" else plain(environment.get("device_name") or "")
        found.append(("Device", named or device))
    if games > 1:
        found.append(("Games", str(games)))
    elif isinstance(recipe.get("seed"), int):
        found.append(("Seed", str(recipe["seed"])))
    return found


def next_commands(
    path: Path,
    run: Standing,
    environment: Json,
    *,
    can_sample: bool,
    makes: Makes = "samples",
    one: str = "",
) -> list[Command]:
    """What a person may want to type next.

    Args:
        path: The run folder.
        run: How far it is.
        environment: For the folder that commands are typed in.
        can_sample: Whether there is anything to sample from.
        makes: What the generator makes.
        one: The folder of one of many games, which can be sampled where all of them cannot.
    """
    place = shlex.quote(typed_path(path, environment))
    further = 2 * max(run.step, run.planned or 0)
    commands = []
    if run.status in ("interrupted", "failed"):
        to = f" to step {run.planned:,}" if run.planned is not None and run.planned > run.step else ""
        commands.append(Command(f"poise resume {place}", f"go on{to}"))
    if can_sample and makes == "tags":
        commands.append(Command(f"poise tag {place} picture.png", "name the tags of a picture"))
    elif can_sample and makes == "images":
        commands.append(Command(f"poise translate {place} inputs --out outputs", "translate your own images"))
    elif can_sample:
        sampled = shlex.quote(typed_path(path / one, environment)) if one else place
        commands.append(Command(f"poise sample {sampled}", "draw new samples from the generator"))
    if run.status == "finished" and further:
        commands.append(Command(f"poise resume {place} --steps {further}", "train it twice as long"))
    commands.append(Command(f"poise report {place}", "write this page anew"))
    return commands


def typed_path(path: Path, environment: Json) -> str:
    """A run's path as one would type it where the run was started; absolute where it lies elsewhere."""
    whole = path.absolute()
    started_in = environment.get("cwd")
    if isinstance(started_in, str) and started_in and whole.is_relative_to(started_in):
        return str(whole.relative_to(started_in))
    return str(whole)


def command_line(environment: Json) -> str:
    """The command that started a run, as one types it; empty where it is not known.

    Example:
        >>> command_line({"command": ["/usr/bin/poise", "train", "my photos"]})
        "poise train 'my photos'"
    """
    said = environment.get("command")
    if not isinstance(said, list) or not said:
        return said if isinstance(said, str) else ""
    program, *rest = map(str, said)
    path = Path(program)
    if path.name == "poise" or path.parts[-2:] == ("poise", "__main__.py"):
        return shlex.join(["poise", *rest])
    # A session typed by hand (`-c`, an empty name, a notebook's kernel) leaves no command to repeat.
    if path.suffix == ".py" and path.name != "ipykernel_launcher.py":
        return shlex.join(["python", program, *rest])
    return ""

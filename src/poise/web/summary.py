"""A run in a few words: its status, what it is, what to do next."""

import shlex
from dataclasses import dataclass
from pathlib import Path

from poise.extension import use_words
from poise.run_folder import Makes, RunFolder
from poise.text import duration, label, number
from poise.web.charts import Json, Table
from poise.web.wording import plain


@dataclass(frozen=True)
class Standing:
    """How far a run is."""

    status: str
    reason: str
    step: int
    planned: int | None
    images_seen: float | None
    seconds: float | None

    @property
    def of(self) -> str:
        """The planned number of steps, if it is another than the steps done."""
        return f" of {self.planned:,}" if self.planned is not None and self.planned != self.step else ""

    @property
    def sentence(self) -> str:
        """The status in a sentence."""
        spent = f" after {duration(self.seconds)}" if self.seconds else ""
        at = f"step {self.step:,}{self.of}{spent}"
        if self.status == "finished":
            time = f" in {duration(self.seconds)}" if self.seconds else ""
            return f"Finished {self.step:,} {'step' if self.step == 1 else 'steps'}{time}."
        if self.status == "running":
            return f"Training was still running when this report was written: {at}."
        return f"{'Failed' if self.status == 'failed' else 'Interrupted'} at {at}."


def standing(run: RunFolder, history: Table) -> Standing:
    """How far a run is, from its status, its history and its pictures."""
    status, planned = run.read_json("status"), run.recipe.get("steps")

    def last(name: str) -> float | None:
        return next((value for value in reversed(history.get(name, [])) if value is not None), None)

    steps = [status.get("step"), last("step"), *(step for step, _ in run.samples()[-1:])]
    return Standing(
        status=run.status,
        reason=str(status.get("reason") or ""),
        step=max((int(step) for step in steps if isinstance(step, int | float)), default=0),
        planned=planned if isinstance(planned, int) else None,
        images_seen=last("images_seen"),
        seconds=last("seconds"),
    )


def highlights(
    run: Standing, recipe: Json, environment: Json, *, unit: str, games: int = 1
) -> list[tuple[str, str]]:
    """The few facts at the head of a report, as name and value; `unit` is what the data are rows of."""
    found = [("Recipe", plain(recipe.get("name") or "unnamed")), ("Step", f"{run.step:,}{run.of}")]
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
    path: Path,
    run: Standing,
    environment: Json,
    *,
    can_sample: bool,
    makes: Makes = "samples",
    one: str = "",
) -> list[tuple[str, str]]:
    """Commands to type next, each with what it does."""
    typed = shlex.quote(typed_path(path, environment))
    further = 2 * max(run.step, run.planned or 0)
    commands = []
    if run.status in ("interrupted", "failed"):
        to = f" to step {run.planned:,}" if run.planned is not None and run.planned > run.step else ""
        commands.append((f"poise resume {typed}", f"Continue training{to}"))
    if can_sample and makes == "tags":
        commands.append((f"poise tag {typed} picture.png", "Predict the tags of a picture"))
    elif can_sample and makes == "images":
        commands.append((f"poise translate {typed} inputs --out outputs", "Translate your own images"))
    elif can_sample:
        sampled = shlex.quote(typed_path(path / one, environment)) if one else typed
        commands.append((f"poise sample {sampled}", "Draw new samples from the generator"))
    if run.status == "finished" and further:
        commands.append((f"poise resume {typed} --steps {further}", "Train it twice as long"))
    commands.append((f"poise report {typed}", "Write this report again"))
    own = shlex.join(use_words(environment))
    return [(f"{command} {own}" if own else command, what) for command, what in commands]


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

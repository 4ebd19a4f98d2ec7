"""What a session of training reports: how it starts, stands and ends, for programs and in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from poise.cli.console import facts, line, pairs, panel
from poise.spec import condition_kind
from poise.text import clock, command, counted, label, number, percent, short_path

if TYPE_CHECKING:
    from rich.console import Console

    from poise.recipes import Recipe
    from poise.run_folder import Makes
    from poise.web.games import OpenFinding, Reached


@dataclass(frozen=True)
class SessionStart:
    """What a session starts from.

    Attributes:
        run: The run's folder.
        data: What `data.json` says.
        recipe: The resolved recipe.
        device: Where it trains, in words.
        step: Steps done before.
        parameters: The size of each player's network, if it is known.
        games: How many games are trained side by side.
        grid: The values that vary among them besides the seed, by path.
    """

    run: Path
    data: Mapping[str, Any]
    recipe: Recipe
    device: str
    step: int = 0
    parameters: Mapping[str, int] | None = None
    games: int = 1
    grid: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The same for a program; paths are absolute, since it may run elsewhere."""
        return {
            "run": str(self.run.absolute()),
            "step": self.step,
            "steps": self.recipe.steps,
            "device": self.device,
            "recipe": self.recipe.name,
            "seed": self.recipe.seed,
            "batch_size": self.recipe.batch_size,
            "data": {name: self.data[name] for name in ("name", "kind", "shape", "count")},
            "games": self.games,
            "grid": {path: list(values) for path, values in self.grid.items()},
            "parameters": None if self.parameters is None else dict(self.parameters),
        }


@dataclass(frozen=True)
class Status:
    """How a run stands while it trains.

    Attributes:
        step: Steps done.
        steps: Steps to do.
        seconds: Time trained.
        seconds_left: Time left at the present speed; `None` until it is known.
        images_per_second: The present speed; `None` until it is known.
        line: The newest line of the history; empty before the first.
        doctor: `OK`, `WATCH` or `TROUBLE`; empty if no doctor looked.
    """

    step: int
    steps: int
    seconds: float
    seconds_left: float | None
    images_per_second: float | None
    line: Mapping[str, Any]
    doctor: str = ""

    @property
    def share(self) -> float:
        """How much is done, from 0 to 1."""
        return self.step / self.steps if self.steps else 0.0

    @property
    def measured(self) -> list[str]:
        """The losses, and the shares that the discriminator gets right, as far as they are known."""
        of = self.line.get
        losses = [
            f"{player} {value:.3f}" if abs(value) < 1_000 else f"{player} {value:.3g}"
            for player in ("discriminator", "generator")
            if (value := of(f"{player}_loss")) is not None
        ]
        right = [
            f"{side}s {percent(value)}"
            for side in ("real", "fake")
            if (value := of(f"{side}_right")) is not None
        ]
        named = {"loss": ", ".join(losses), "right": ", ".join(right)}
        return [f"{name}: {text}" for name, text in named.items() if text]

    def to_json(self) -> dict[str, Any]:
        """The newest line of the history for a program, with how far the run is."""
        left = None if self.seconds_left is None else round(self.seconds_left, 1)
        doctor = {"doctor": self.doctor} if self.doctor else {}
        return {**self.line, "percent": round(100 * self.share, 2), "seconds_left": left, **doctor}

    def __str__(self) -> str:
        """Everything in one line.

        Example:
            >>> str(Status(50, 200, 4.0, 12.0, 800.0, {"generator_loss": 0.7}))
            'step 50/200, 25 %, 0:12 left, 0:04 trained, 800 images/s, loss: generator 0.700'
        """
        pieces = [f"step {self.step}/{self.steps}", percent(self.share)]
        pieces += [f"{clock(self.seconds_left)} left"] if self.seconds_left is not None else []
        pieces += [f"{clock(self.seconds)} trained"]
        pieces += [f"{self.images_per_second:.0f} images/s"] if self.images_per_second else []
        pieces += [*self.measured, *([f"doctor: {self.doctor}"] if self.doctor else [])]
        return ", ".join(pieces)


@dataclass(frozen=True)
class SessionEnd:
    """How a run stands on disk when a session has ended.

    Attributes:
        run: The run's folder.
        status: `finished` or `interrupted`; another status if nobody trained it just now.
        step: Steps done.
        images_seen: Reals shown.
        seconds: Time trained.
        report: The report, if there is one.
        samples: The newest picture, if there is one.
        generator: The generator's folder, if it is saved.
        makes: What the generator makes.
        reached: What many games came to, by each metric.
        open_findings: What is wrong in some of many games.
    """

    run: Path
    status: str
    step: int
    images_seen: int
    seconds: float
    report: Path | None
    samples: Path | None
    generator: Path | None
    makes: Makes = "samples"
    reached: Sequence[Reached] = ()
    open_findings: Sequence[OpenFinding] = ()

    @property
    def paths(self) -> dict[str, Path]:
        """What can be opened."""
        named = {"samples": self.samples, "report": self.report, "generator": self.generator}
        return {name: path for name, path in named.items() if path is not None}

    @property
    def next_commands(self) -> list[tuple[str, str]]:
        """Commands to go on with, each with what it does."""
        make = {
            "samples": (command("poise", "sample", self.run, "-n", "64"), "more samples"),
            "images": (
                command("poise", "translate", self.run, "inputs", "--out", "outputs"),
                "translate more",
            ),
            "tags": (command("poise", "tag", self.run, "picture.png"), "tag a picture"),
        }[self.makes]
        further = (command("poise", "resume", self.run, "--steps", str(2 * self.step)), "train on")
        return [
            *([make] if self.generator else []),
            (command("poise", "report", self.run), "the report anew"),
            *([further] if self.status == "finished" else []),
        ]

    def to_json(self) -> dict[str, Any]:
        """The same for a program."""
        paths = {name: str(path.absolute()) for name, path in self.paths.items()}
        many = {
            "reached": [asdict(one) for one in self.reached],
            "open_findings": [{"title": one.title, "games": list(one.games)} for one in self.open_findings],
        }
        return {
            "run": str(self.run.absolute()),
            "status": self.status,
            "step": self.step,
            "images_seen": self.images_seen,
            "seconds": round(self.seconds, 3),
            **{name: paths.get(name) for name in ("report", "samples", "generator")},
            "resume": command("poise", "resume", self.run) if self.status == "interrupted" else None,
            **(many if self.reached else {}),
        }


def data_text(data: Mapping[str, Any]) -> str:
    """What the data are.

    Args:
        data: Their kind, shape and count, as in `data.json`.

    Example:
        >>> data_text({"kind": "image", "shape": [1, 8, 8], "count": 1797})
        '1,797 images of 8x8, grey'
        >>> data_text({"kind": "vector", "shape": [2], "count": 1})
        '1 row of 2 numbers'
    """
    from poise.data import kind_of

    return kind_of(data).describe(tuple(data["shape"]), data["count"])


def recipe_text(recipe: Recipe) -> str:
    """A recipe in a line: its loss, its networks, how long it trains.

    Example:
        >>> from poise.recipes import RECIPES
        >>> recipe_text(RECIPES["wasserstein-gp"])
        'wasserstein-gp: wasserstein loss, wgan-gp penalty, auto networks, batches of 64'
    """
    penalties = " and ".join(recipe.penalties)
    networks = dict.fromkeys([recipe.generator.name, recipe.discriminator.name])
    pieces = [
        f"{recipe.loss.name} loss",
        f"{penalties} {'penalty' if len(recipe.penalties) == 1 else 'penalties'}" if penalties else "",
        " against ".join(networks) + (" networks" if len(networks) == 1 else ""),
        f"batches of {recipe.batch_size:,}",
        counted(recipe.steps, "step") if recipe.steps else "",
        f"seed {recipe.seed}" if recipe.seed else "",
    ]
    return f"{recipe.name}: {', '.join(filter(None, pieces))}"


def print_start(console: Console, start: SessionStart) -> None:
    """Print what is trained on what, where, into which folder; then what people should know of the data."""
    data, condition = start.data, start.data.get("condition") or {}
    labelled = condition_kind(condition).classes
    classes = f", {counted(condition['shape'][0], 'class')}" if labelled else ""
    rows = [
        ("data", f"{data['name']}: {data_text(data)}{classes}"),
        ("recipe", recipe_text(start.recipe)),
    ]
    if start.parameters:
        sizes = " and ".join(f"{player} {count:,}" for player, count in start.parameters.items())
        rows.append(("networks", f"{sizes} parameters"))
    if start.games > 1:
        varied = [f"{path} of {', '.join(map(str, values))}" for path, values in start.grid.items()]
        rows.append(("games", "; ".join([f"{start.games} side by side", *varied])))
    rows += [("device", start.device), ("run", short_path(start.run))]
    if start.step:
        rows.append(("going on", f"from step {start.step:,}"))
    facts(console, rows)
    for sentence in data.get("notices", []):
        print_notice(console, sentence)


def print_notice(console: Console, sentence: str) -> None:
    """Print a sentence that people should not miss."""
    line(console, ("note: ", "yellow"), sentence)


def print_finding(console: Console, finding: Mapping[str, Any]) -> None:
    """Print what was found, and the first thing to try."""
    style = {"trouble": "bold red", "watch": "yellow"}.get(str(finding.get("severity")), "cyan")
    cause = f", because of {finding['because_of']}" if finding.get("because_of") else ""
    line(console, (f"{finding.get('name')}{cause}: ", style), str(finding.get("sentence")))
    for remedy in list(finding.get("remedies") or [])[:1]:
        line(console, ("  try: ", "dim"), f"{remedy.get('change')}, since {remedy.get('why')}")
        if remedy.get("command"):
            line(console, ("       ", ""), (str(remedy["command"]), "cyan"))


def print_end(console: Console, end: SessionEnd) -> None:
    """Print what there is now and what to do next; after a stop, the one command that goes on."""
    if end.status == "interrupted":
        resume = (command("poise", "resume", end.run), "cyan")
        line(console, (f"saved at step {end.step:,}", "bold"), "; go on with: ", resume)
        return
    title = (
        f"{end.status}: {counted(end.step, 'step')}, {end.images_seen:,} samples seen, {clock(end.seconds)}"
    )
    results = [
        (
            label(one.metric),
            f"median {_short(one.median)}, worst {_short(one.worst)} in {one.run} "
            f"({counted(one.games, 'game')})",
        )
        for one in end.reached
    ]
    results += [
        (one.title, f"in {len(one.games)} of {one.of} games: {', '.join(one.games)}")
        for one in end.open_findings
        if end.reached
    ]
    results += [(name, short_path(path)) for name, path in end.paths.items()]
    if console.is_terminal:
        from rich.text import Text

        heading = Text(title, "bold green" if end.status == "finished" else "bold yellow")
        panel(console, heading, pairs(results), Text(), pairs(end.next_commands, styles=("cyan", "dim")))
        return
    line(console, title)
    facts(console, results)
    for words, what in end.next_commands:
        line(console, f"{what + ':':<18} {words}")


def _short(value: float) -> str:
    return number(float(f"{value:.3g}"))

"""What a session of training reports: events, each as JSON for a program and printed for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from poise.cli.verb import facts, line, pairs, panel
from poise.run_folder import RunFolder, read_games
from poise.spec import condition_kind, makes
from poise.text import clock, counted, duration, label, number, short_path

if TYPE_CHECKING:
    from rich.console import Console

    from poise.recipes import Choice, Recipe
    from poise.training.rehearsal import Rehearsal
    from poise.training.transfer import Taken
    from poise.web.games import OpenFinding, Reached
    from poise.web.summary import Standing


@dataclass(frozen=True)
class Notice:
    """A sentence that people should not miss."""

    event: ClassVar[str] = "notice"
    sentence: str

    def to_json(self) -> Mapping[str, Any]:
        """The sentence."""
        return {"sentence": self.sentence}

    def print(self, console: Console) -> None:
        """The sentence, marked as a note."""
        line(console, ("note: ", "yellow"), self.sentence)


@dataclass(frozen=True)
class Found:
    """A line of `findings.jsonl`."""

    event: ClassVar[str] = "finding"
    finding: Mapping[str, Any]

    def to_json(self) -> Mapping[str, Any]:
        """The line."""
        return self.finding

    def print(self, console: Console) -> None:
        """What was found, and the first thing to try."""
        found = self.finding
        style = {"trouble": "bold red", "watch": "yellow"}.get(str(found.get("severity")), "cyan")
        cause = f", because of {found['because_of']}" if found.get("because_of") else ""
        line(console, (f"{found.get('name')}{cause}: ", style), str(found.get("sentence")))
        for remedy in list(found.get("remedies") or [])[:1]:
            line(console, ("  try: ", "dim"), f"{remedy.get('change')}, since {remedy.get('why')}")
            if remedy.get("command"):
                line(console, ("       ", ""), (str(remedy["command"]), "cyan"))


@dataclass(frozen=True)
class SessionStart:
    """What a session starts from; `step` counts the steps done before, `grid` holds what varies."""

    event: ClassVar[str] = "start"
    run: Path
    data: Mapping[str, Any]
    recipe: Recipe
    device: str
    step: int = 0
    parameters: Mapping[str, int] | None = None
    games: int = 1
    grid: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    expected: Rehearsal | None = None
    taken: Taken | None = None
    choice: Choice | None = None

    def to_json(self) -> Mapping[str, Any]:
        """The essentials of data and recipe."""
        recipe = self.recipe
        return {
            "run": str(self.run.absolute()),
            **{"step": self.step, "steps": recipe.steps, "device": self.device},
            **{"recipe": recipe.name, "seed": recipe.seed, "batch_size": recipe.batch_size},
            "data": {name: self.data[name] for name in ("name", "kind", "shape", "count")},
            **{"games": self.games, "grid": {path: list(values) for path, values in self.grid.items()}},
            "parameters": None if self.parameters is None else dict(self.parameters),
            "expected": None if self.expected is None else asdict(self.expected),
            **({} if self.taken is None else {"from": self.taken.to_json()}),
            **({} if self.choice is None else {"chosen_since": self.choice.why}),
        }

    def print(self, console: Console) -> None:
        """What is trained on what, where, into which folder."""
        data, condition = self.data, self.data.get("condition") or {}
        kind = condition_kind(condition)
        thing = "class" if kind.classes else "tag" if kind.tags else None
        named = f", {counted(condition['shape'][0], thing)}" if thing else ""
        rows = {"data": f"{data['name']}: {data_text(data)}{named}", "recipe": recipe_text(self.recipe)}
        if self.choice is not None:
            rows["chosen"] = f"since {self.choice.why}; --recipe takes another"
        if self.parameters:
            sizes = " and ".join(f"{player} {count:,}" for player, count in self.parameters.items())
            rows["networks"] = f"{sizes} parameters"
        if self.games > 1:
            varied = [f"{path} of {', '.join(map(str, values))}" for path, values in self.grid.items()]
            rows["games"] = "; ".join([f"{self.games} side by side", *varied])
        rows |= {"device": self.device, "run": short_path(self.run)}
        if self.expected:
            rows["takes"] = expected_text(self.expected, self.recipe.steps or 0, unit=unit_of(data))
        if self.step:
            rows["going on"] = f"from step {self.step:,}"
        facts(console, rows.items())
        for sentence in data.get("notices", []):
            Notice(sentence).print(console)


def expected_text(expected: Rehearsal, steps: int, *, unit: str = "images") -> str:
    """What a run will take: "about 1 h 40 min for 5,000 steps: 62 images a second, 410 MB of memory"."""
    speed = f"{number(float(f'{expected.images_per_second:.2g}'))} {unit} a second"
    megabytes = expected.memory / 1e6
    memory = f"{megabytes / 1e3:.1f} GB" if megabytes >= 1000 else f"{megabytes:.0f} MB"
    shorter = "; --budget 1h makes it shorter" if expected.seconds > 3600 else ""
    time = duration(expected.seconds)
    return f"about {time} for {counted(steps, 'step')}: {speed}, {memory} of memory{shorter}"


@dataclass(frozen=True)
class SessionEnd:
    """How a run stands on disk when a session has ended; `files` has `None` for what is not there."""

    event: ClassVar[str] = "end"
    run: Path
    stands: Standing
    files: Mapping[str, Path | None]
    next_commands: Sequence[tuple[str, str]]
    reached: Sequence[Reached] = ()
    open_findings: Sequence[OpenFinding] = ()

    @staticmethod
    def of(run: RunFolder, *, report: Path | None) -> SessionEnd:
        """Read how a run, or many games, stand; `report` is the report's file, if there is one."""
        from poise.web.games import open_findings, reached
        from poise.web.summary import next_commands, standing

        stands, pictures = standing(run), run.samples()
        one = read_games(run)[0]["run"] if run.is_many else ""
        made = makes(run.data) if (run.path / one / "generator").is_dir() else None
        generator = run.path / "generator" if made and not one else None
        following = next_commands(stands, short_path(run.path), run.environment, makes=made, one=one)
        files = {"samples": pictures[-1][1] if pictures else None, "report": report, "generator": generator}
        games = (reached(run), open_findings(run)) if one else ()
        return SessionEnd(run.path, stands, files, following, *games)

    def to_json(self) -> Mapping[str, Any]:
        """The end, and after a stop the command that goes on."""
        games = {
            "reached": [asdict(one) for one in self.reached],
            "open_findings": [{"title": one.title, "games": list(one.games)} for one in self.open_findings],
        }
        stopped = self.stands.status == "interrupted"
        return {
            "run": str(self.run.absolute()),
            **{"status": self.stands.status, "step": self.stands.step},
            "images_seen": int(self.stands.images_seen or 0),
            "seconds": round(self.stands.seconds or 0.0, 3),
            **{name: None if path is None else str(path.absolute()) for name, path in self.files.items()},
            "resume": self.next_commands[0][0] if stopped else None,
            **(games if self.reached else {}),
        }

    def print(self, console: Console) -> None:
        """What there is now and what to do next; after a stop, the one command that goes on."""
        stands = self.stands
        if stands.status == "interrupted":
            resume = (self.next_commands[0][0], "cyan")
            line(console, (f"saved at step {stands.step:,}", "bold"), "; go on with: ", resume)
            return
        seen, spent = f"{stands.images_seen or 0:,.0f} samples seen", clock(stands.seconds or 0.0)
        title = f"{stands.status}: {counted(stands.step, 'step')}, {seen}, {spent}"
        rows = {label(one.metric): _reached_text(one) for one in self.reached}
        for one in self.open_findings if self.reached else ():
            rows[one.title] = f"in {len(one.games)} of {one.of} games: {', '.join(one.games)}"
        rows |= {name: short_path(path) for name, path in self.files.items() if path is not None}
        if not console.is_terminal:
            line(console, title)
            facts(console, rows.items())
            facts(console, [(what, words) for words, what in self.next_commands])
            return
        from rich.text import Text

        heading = Text(title, "bold green" if stands.status == "finished" else "bold yellow")
        following = pairs(self.next_commands, styles=("cyan", "dim"))
        panel(console, heading, pairs(rows.items()), Text(), following)


def data_text(data: Mapping[str, Any]) -> str:
    """What the data are, as a run's `data.json` has them.

    Example:
        >>> data_text({"kind": "image", "shape": [1, 8, 8], "count": 1797})
        '1,797 images of 8x8, grey'
        >>> data_text({"kind": "vector", "shape": [2], "count": 1})
        '1 row of 2 numbers'
        >>> data_text({"kind": "vector", "shape": [64], "count": 9, "condition": {"tags": ["sea", "sun"]}})
        '9 pairs of an image and one of its tags, 2 tags in all'
    """
    from poise.data import kind_of

    if tags := (data.get("condition") or {}).get("tags"):
        pairs_of = f"{counted(data['count'], 'pair')} of an image and one of its tags"
        return f"{pairs_of}, {counted(len(tags), 'tag')} in all"
    fitted = data.get("fitted") or data.get("summary", {}).get("fitted")
    described = kind_of(data).describe(tuple(data["shape"]), data["count"])
    return f"{described}, {fitted}" if fitted else described


def unit_of(data: Mapping[str, Any]) -> str:
    """What the data are counted in: images, or samples."""
    from poise.web.pictures import kind_words

    return str(kind_words(data)["unit"])


def recipe_text(recipe: Recipe) -> str:
    """A recipe in a line: its loss, its networks, how long it trains.

    Example:
        >>> from poise.recipes import RECIPES
        >>> recipe_text(RECIPES["wasserstein-gp"])
        'wasserstein-gp: wasserstein loss, regularised by wgan-gp, auto networks, batches of 64'
    """
    names = " and ".join(recipe.regularisers)
    networks = dict.fromkeys([recipe.generator.name, recipe.discriminator.name])
    pieces = [
        f"{recipe.loss.name} loss",
        f"regularised by {names}" if names else "",
        " against ".join(networks) + (" networks" if len(networks) == 1 else ""),
        f"seen through {' and '.join(recipe.augmentations)}" if recipe.augmentations else "",
        "in bfloat16" if recipe.precision == "bf16" else "",
        f"batches of {recipe.batch_size:,}",
        counted(recipe.steps, "step") if recipe.steps else "",
        f"seed {recipe.seed}" if recipe.seed else "",
    ]
    return f"{recipe.name}: {', '.join(filter(None, pieces))}"


def _reached_text(one: Reached) -> str:
    median, worst = (number(float(f"{value:.3g}")) for value in (one.median, one.worst))
    return f"median {median}, worst {worst} in {one.run} ({counted(one.games, 'game')})"

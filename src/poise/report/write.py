"""From a run folder to its report: one file that needs nothing else."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from poise.errors import PoiseError, report_system_errors
from poise.report.chart import Chart
from poise.report.columns import AXES, Json, Table, history_table, keep_extremes, rounded
from poise.report.evaluations import evaluations
from poise.report.findings import Card, cards, gravest
from poise.report.history_charts import history_charts
from poise.report.metric_charts import metric_charts
from poise.report.pictures import Album, album_lead, read_album
from poise.report.settings import ABOUT, settings
from poise.report.spread import spread_of
from poise.report.summary import command_line, highlights, next_commands, standing, verdict
from poise.report.wording import Fact, facts, moment, size
from poise.run_folder import RunFolder, makes, step_name
from poise.text import label, number

ROWS_IN_TABLE = 24
"""Lines of the history in the table for those who cannot use the charts."""


def write_report(path: Path | str) -> Path:
    """Write the report of a run: one HTML file that opens from disk, offline, and asks for nothing.

    Args:
        path: The run folder; the run may be finished, failed, interrupted or still training.

    Returns:
        The file written: `report.html` in the run folder.

    Raises:
        PoiseError: There is no run, one of its files is damaged, or the report cannot be written.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp()) / "mine"
        >>> _ = RunFolder.create(folder, recipe={"name": "mine"}, environment={}, data={"name": "photos"})
        >>> write_report(folder).name
        'report.html'
    """
    run = RunFolder.open(path)
    page = _page(run, datetime.now(UTC))
    file, partial = run.path / "report.html", run.path / ".partial-report.html"
    hint = "make room or get the right to write there"
    with report_system_errors(f"The report '{file}' cannot be written", hint=hint):
        partial.write_text(page, encoding="utf-8")
        partial.replace(file)
    return file


def _page(run: RunFolder, now: datetime) -> str:
    # Here and not above: the template engine is needed by nothing else that imports this package.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415

    here = Path(__file__).parent
    style, script = ((here / name).read_text(encoding="utf-8") for name in ("report.css", "report.js"))
    templates = Environment(
        loader=FileSystemLoader(here),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "allow_nan": False}
    return templates.get_template("page.html").render(
        **_contents(run, now),
        style=style,
        script=script,
        style_hash=_hash(style),
        script_hash=_hash(script),
    )


def _hash(text: str) -> str:
    """What the page's policy admits a style or script by."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


def _contents(run: RunFolder, now: datetime) -> dict[str, Any]:
    """Everything that the template shows, by name."""
    recipe, environment, data = run.recipe, run.environment, run.data
    history = history_table(run.lines("history"))
    findings = cards(run.lines("findings"))
    spread = spread_of(run, history)
    measured = run.lines("metrics") if spread is None else spread.lines
    metrics, tables = metric_charts(measured)
    samples = run.samples()
    album = read_album(samples)
    stands = standing(
        status=run.status,
        said=run.read_json("status"),
        recipe=recipe,
        history=history,
        last_sample=samples[-1][0] if samples else None,
    )
    pictorial = data.get("kind", "image") == "image"
    translation = _translation(data)
    unit = "images" if pictorial else "samples"
    drawn = keep_extremes(history if spread is None else {**history, **spread.bands})
    curves = history_charts(drawn)
    checkpoints = _checkpoints(run)
    generator = _weight(run, "generator")
    return {
        "title": str(data.get("name") or run.path.absolute().name),
        "recipe": {name: str(recipe.get(name) or "") for name in ABOUT},
        "standing": stands,
        "verdict": verdict(stands, findings, found="" if spread is None else spread.verdict),
        "gravest": gravest(findings),
        "highlights": highlights(
            stands, recipe, environment, unit=unit, games=1 if spread is None else spread.count
        ),
        "album": album,
        "pictorial": pictorial,
        "album_lead": album_lead(data, album, translation),
        "album_note": _album_note(album),
        "findings": findings,
        "curves": curves,
        "metrics": metrics,
        "spread": spread,
        "evaluations": evaluations(measured),
        "numbers": _numbers(history),
        "history_note": _history_note(history, drawn),
        "settings": settings(recipe),
        "environment": _environment(environment),
        "command_line": command_line(environment),
        "cwd": str(environment.get("cwd") or ""),
        "commit": _commit(environment.get("git")),
        "data": _data(data),
        "notices": [str(notice) for notice in data.get("notices") or []],
        "checkpoints": checkpoints,
        "generator": generator,
        "commands": next_commands(
            run.path,
            stands,
            environment,
            can_sample=bool(generator or checkpoints),
            makes=makes(data),
            one="" if spread is None else spread.games[0][0],
        ),
        "written": moment(now.isoformat(timespec="minutes")),
        "island": {"unit": unit} | _island(album, curves + metrics, {"history": drawn, **tables}, findings),
    }


def _translation(data: Json) -> str:
    """`pairs` or `domains` where images are made of images; else empty."""
    condition = data.get("condition")
    if not isinstance(condition, Mapping) or condition.get("kind") != "image":
        return ""
    return "pairs" if condition.get("paired") else "domains"


def _island(
    album: Album, charts: Sequence[Chart], tables: Mapping[str, Table], findings: Sequence[Card]
) -> dict[str, Any]:
    """What the script needs; the newest picture is in the page itself and is not carried twice."""
    last = len(album.pictures) - 1
    return {
        "axes": [name for name in AXES if _complete(tables["history"], name)],
        "frames": [
            {"step": picture.step, "source": None if place == last else picture.source}
            for place, picture in enumerate(album.pictures)
        ],
        "tables": {name: rounded(table) for name, table in tables.items()},
        "charts": [
            {name: value for name, value in asdict(chart).items() if name not in ("note", "protocol")}
            for chart in charts
        ],
        "spans": [
            {
                "number": card.number,
                "first": card.first_step,
                "last": card.last_step,
                "tone": "recovered" if card.recovered else card.severity,
                "title": card.title,
            }
            for card in findings
        ],
    }


def _complete(table: Table, name: str) -> bool:
    column = table.get(name, [])
    return bool(column) and None not in column


def _album_note(album: Album) -> str:
    said = []
    if album.thinned:
        said.append(
            f"Shown are {len(album.pictures)} of {album.found} pictures, evenly chosen to keep this file "
            "small; all of them are in the run's samples folder."
        )
    if album.damaged:
        steps = ", ".join(f"{step:,}" for step in album.damaged[:8])
        said.append(f"The pictures of these steps are damaged and left out: {steps}.")
    return " ".join(said)


def _history_note(history: Table, drawn: Table) -> str:
    whole, kept = len(history["step"]), len(drawn["step"])
    if kept == whole:
        return ""
    return f"Drawn from {kept:,} of {whole:,} lines, among them the extremes of every stretch."


def _numbers(history: Table) -> dict[str, Any]:
    """Lines of the history, evenly chosen, as a table."""
    count = len(history["step"])
    chosen = sorted({round(place * (count - 1) / (ROWS_IN_TABLE - 1)) for place in range(ROWS_IN_TABLE)})
    rows = [
        [("" if (value := column[row]) is None else number(value)) for column in history.values()]
        for row in chosen
        if count
    ]
    return {"names": [label(name) for name in history], "rows": rows}


def _environment(environment: Json) -> list[Fact]:
    known = {name: environment[name] for name in ("started", "device", "seed") if name in environment}
    if isinstance(known.get("started"), str):
        known["started"] = moment(known["started"])
    if isinstance(known.get("seed"), int):
        known["seed"] = str(known["seed"])
    apart = {"format", "command", "cwd", "git", *known}
    return facts(known) + facts({name: value for name, value in environment.items() if name not in apart})


def _commit(git: Any) -> dict[str, Any] | None:
    if not isinstance(git, Mapping) or not git.get("commit"):
        return None
    return {"name": str(git["commit"])[:12], "changed": bool(git.get("dirty"))}


def _data(data: Json) -> list[Fact]:
    known: dict[str, Any] = {name: data[name] for name in ("kind", "count") if name in data}
    shape = data.get("shape")
    if isinstance(shape, list):
        known["shape of one"] = " × ".join(map(str, shape))
    if "fingerprint" in data:
        known["fingerprint"] = data["fingerprint"]
    apart = {"name", "kind", "count", "shape", "fingerprint", "notices", "summary"}
    summary = data.get("summary")
    told = facts(summary) if isinstance(summary, Mapping) else []
    rest = facts({name: value for name, value in data.items() if name not in apart})
    first = facts(known)
    seen = {fact.name for fact in first}
    return first + [fact for fact in told + rest if fact.name not in seen]


def _checkpoints(run: RunFolder) -> list[tuple[str, str]]:
    """The checkpoints as name and size."""
    found = [
        (f"Step {step:,}", _weight(run, f"checkpoints/{step_name(step)}")) for step in run.checkpoint_steps()
    ]
    if best := _weight(run, "checkpoints/best"):
        step = run.read_json("checkpoints/best/manifest").get("step")  # sound: it was weighed
        found.append((f"Best, of step {step:,}" if isinstance(step, int) else "Best", best))
    return found


def _weight(run: RunFolder, folder: str) -> str:
    """How large a folder of weights is, by its manifest; empty where it is not there or has a damaged one."""
    try:
        files = run.read_json(f"{folder}/manifest").get("files")
    except PoiseError:
        return ""
    if not isinstance(files, Mapping):
        return ""
    return size(sum(file.get("size", 0) for file in files.values() if isinstance(file, Mapping)))

"""From a run folder to its report: one file that needs nothing else."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from poise.diagnosis.finding import Finding
from poise.errors import PoiseError, report_system_errors
from poise.run_folder import RunFolder, makes, step_name
from poise.text import label, number
from poise.web.charts import Json, charts_json, keep_extremes
from poise.web.games import spread_of
from poise.web.history import history_charts, history_note, history_table, number_rows
from poise.web.metrics import evaluations, measured, metric_charts, protocol_words
from poise.web.pictures import Album, album_lead, kind_words, read_album
from poise.web.settings import ABOUT, settings
from poise.web.summary import command_line, highlights, next_commands, standing
from poise.web.wording import Fact, evidence_rows, facts, findings_of, moment, problems, sentence, size


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
    with report_system_errors(
        f"The report '{file}' cannot be written",
        code="web.unwritable-report",
        hint="free some space, or allow writing there",
    ):
        partial.write_text(page, encoding="utf-8")
        partial.replace(file)
    return file


def _page(run: RunFolder, now: datetime) -> str:
    # Here and not above: nothing else that imports this package needs the template engine.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415

    here = Path(__file__).parent
    files = ("report.css", "charts.js", "report.js")
    style, charts, rest = ((here / name).read_text("utf-8") for name in files)
    shown = {"style": style, "script": charts + rest}
    hashes = {f"{name}_hash": _hash(text) for name, text in shown.items()}
    templates = Environment(
        loader=FileSystemLoader(here),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "allow_nan": False}
    templates.filters |= {
        **{"label": label, "number": number, "thousands": "{:,}".format},
        **{"evidence_rows": evidence_rows, "protocol_words": protocol_words},
    }
    return templates.get_template("page.html").render(**_contents(run, now), **shown, **hashes)


def _hash(text: str) -> str:
    """The hash by which the page's policy admits a style or a script."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


def _contents(run: RunFolder, now: datetime) -> dict[str, Any]:
    """Everything that the template shows, by name."""
    recipe, environment, data = run.recipe, run.environment, run.data
    history = history_table(run.lines("history"))
    findings = findings_of(run.lines("findings"))
    spread = spread_of(run, history)
    numbers = measured(run.lines("metrics")) if spread is None else spread.numbers
    metrics, tables = metric_charts(numbers)
    album = read_album(run.samples())
    stands = standing(run, history)
    words = kind_words(data)
    unit = str(words["unit"])
    drawn = keep_extremes(history if spread is None else {**history, **spread.bands})
    curves = history_charts(drawn, unit=unit)
    checkpoints, generator = _checkpoints(run), _weight(run, "generator")
    return {
        "title": str(data.get("name") or run.path.absolute().name),
        "recipe": {name: str(recipe.get(name) or "") for name in ABOUT},
        "standing": stands,
        "verdict": f"{stands.sentence} {sentence(findings) if spread is None else spread.verdict}",
        "gravest": next((finding.severity for finding in problems(findings)), ""),
        "highlights": highlights(
            stands, recipe, environment, unit=unit, games=1 if spread is None else spread.count
        ),
        "album": album,
        "gridded": words["gridded"],
        "album_lead": album_lead(data, album),
        "findings": findings,
        "curves": curves,
        "metrics": metrics,
        "spread": spread,
        "evaluations": evaluations(numbers),
        "history": list(history),
        "numbers": number_rows(history),
        "history_note": history_note(history, drawn),
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
        "island": {
            "frames": _frames(album),
            "spans": _spans(findings),
            **charts_json(curves + metrics, {"history": drawn, **tables}, unit=unit),
        },
    }


def _frames(album: Album) -> list[dict[str, Any]]:
    """The pictures for the script; the newest is in the page itself and is not carried twice."""
    sources = [None if one is album.pictures[-1] else one.source for one in album.pictures]
    return [{"step": one.step, "source": source} for one, source in zip(album.pictures, sources, strict=True)]


def _spans(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """The findings as the charts mark them."""
    return [
        {
            "number": index,
            "first": one.first_step,
            "last": one.last_step,
            "tone": "recovered" if one.status == "recovered" else one.severity,
            "title": label(one.name),
        }
        for index, one in enumerate(findings, start=1)
    ]


def _environment(environment: Json) -> list[Fact]:
    first = {name: environment[name] for name in ("started", "device", "seed") if name in environment}
    if isinstance(first.get("started"), str):
        first["started"] = moment(first["started"])
    if isinstance(first.get("seed"), int):
        first["seed"] = str(first["seed"])
    if environment.get("parts"):
        first["parts from"] = ", ".join(str(one["name"]) for one in environment["parts"])
    apart = {"format", "command", "cwd", "git", "parts", *first}
    return facts(first | {name: value for name, value in environment.items() if name not in apart})


def _commit(git: Any) -> dict[str, Any] | None:
    if not isinstance(git, Mapping) or not git.get("commit"):
        return None
    return {"name": str(git["commit"])[:12], "changed": bool(git.get("dirty"))}


def _data(data: Json) -> list[Fact]:
    first: dict[str, Any] = {name: data[name] for name in ("kind", "count") if name in data}
    shape = data.get("shape")
    if isinstance(shape, list):
        first["shape of one"] = " × ".join(map(str, shape))
    if "fingerprint" in data:
        first["fingerprint"] = data["fingerprint"]
    apart = {"name", "kind", "count", "shape", "fingerprint", "notices", "summary", "words"}
    summary = data.get("summary")
    rest = facts(summary) if isinstance(summary, Mapping) else []
    rest += facts({name: value for name, value in data.items() if name not in apart})
    names = {fact.name for fact in facts(first)}
    return facts(first) + [fact for fact in rest if fact.name not in names]


def _checkpoints(run: RunFolder) -> list[tuple[str, str]]:
    """The checkpoints as name and size."""
    steps = run.checkpoint_steps()
    found = [(f"Step {step:,}", _weight(run, f"checkpoints/{step_name(step)}")) for step in steps]
    if best := _weight(run, "checkpoints/best"):
        step = run.read_json("checkpoints/best/manifest").get("step")  # its manifest has just been read
        found.append((f"Best, of step {step:,}" if isinstance(step, int) else "Best", best))
    return found


def _weight(run: RunFolder, folder: str) -> str:
    """The size of a folder of weights by its manifest; empty if it is missing or damaged."""
    try:
        files = run.read_json(f"{folder}/manifest").get("files")
    except PoiseError:
        return ""
    if not isinstance(files, Mapping):
        return ""
    return size(sum(file.get("size", 0) for file in files.values() if isinstance(file, Mapping)))

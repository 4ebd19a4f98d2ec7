"""From a run folder to its report: one file that needs nothing else."""

from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from poise.errors import PoiseError
from poise.recipes.overrides import ABOUT
from poise.run_folder import RunFolder, step_name
from poise.spec import makes
from poise.text import label, number
from poise.web import charts, facts, metrics, pictures, summary
from poise.web.games import spread_of
from poise.web.page import rendered, write_page


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
    here = Path(__file__).parent
    page = rendered(
        here / "page.html",
        _contents(run, datetime.now(UTC)),
        filters={
            "label": label,
            "number": number,
            "thousands": "{:,}".format,
            "evidence_rows": summary.evidence_rows,
        },
        scripts=(here / "charts.js", here / "report.js"),
    )
    return write_page(run.path / "report.html", page, code="web.unwritable-report")


def _contents(run: RunFolder, now: datetime) -> dict[str, Any]:
    """Everything that the template shows, by name."""
    recipe, environment, data = run.recipe, run.environment, run.data
    history = charts.history_table(run.lines("history"))
    findings = summary.findings_of(run.lines("findings"))
    spread = spread_of(run, history) if run.is_many else None
    numbers = metrics.measured(run.lines("metrics")) if spread is None else spread.numbers
    measured, tables = metrics.metric_charts(numbers)
    album = pictures.read_album(run.samples())
    stands = summary.standing(run, history)
    words = pictures.kind_words(data)
    unit = str(words["unit"])
    drawn = charts.keep_extremes(history if spread is None else {**history, **spread.bands})
    curves = charts.history_charts(drawn, unit=unit)
    checkpoints, generator = _checkpoints(run), _weight(run, "generator")
    games, verdict = (1, summary.sentence(findings)) if spread is None else (spread.count, spread.verdict)
    git = environment.get("git")
    # The newest picture is in the page itself and is not carried twice.
    sources = [*(one.source for one in album.pictures[:-1]), None]
    return {
        "title": _title(data) or run.path.absolute().name,
        "recipe": {name: str(recipe.get(name) or "") for name in ABOUT},
        "standing": stands,
        "verdict": f"{stands.sentence} {verdict}",
        "gravest": next((finding.severity for finding in summary.problems(findings)), ""),
        "highlights": summary.highlights(stands, recipe, environment, unit=unit, games=games),
        "album": album,
        "gridded": words["gridded"],
        "close_look": pictures.close_look(run),
        "sounds": pictures.sounds_of(run),
        "sounds_lead": pictures.sounds_lead(data),
        "album_lead": pictures.album_lead(data, album),
        "findings": findings,
        "curves": curves,
        "metrics": measured,
        "spread": spread,
        "evaluations": [
            (protocol, list(rows))
            for protocol, rows in groupby(metrics.evaluations(numbers), metrics.protocol_words)
        ],
        "history": list(history),
        "numbers": charts.number_rows(history),
        "history_note": charts.history_note(history, drawn),
        "settings": facts.settings(recipe),
        "environment": facts.environment_facts(environment),
        "command_line": summary.command_line(environment),
        "cwd": str(environment.get("cwd") or ""),
        "commit": git if isinstance(git, Mapping) and git.get("commit") else None,
        "data": facts.data_facts(data),
        "notices": [str(notice) for notice in data.get("notices") or []],
        "checkpoints": checkpoints,
        "generator": generator,
        "commands": summary.next_commands(
            stands,
            summary.typed_path(run.path, environment),
            environment,
            makes=makes(data) if generator or checkpoints else None,
            one="" if spread is None else spread.games[0][0],
        ),
        "written": facts.moment(now.isoformat(timespec="minutes")),
        "island": {
            "frames": [
                {"step": one.step, "source": source}
                for one, source in zip(album.pictures, sources, strict=False)
            ],
            "spans": [
                {
                    **{"number": index, "first": one.first_step, "last": one.last_step},
                    "tone": "recovered" if one.status == "recovered" else one.severity,
                    "title": label(one.name),
                }
                for index, one in enumerate(findings, start=1)
            ],
            **charts.charts_json(curves + measured, {"history": drawn, **tables}, unit=unit),
        },
    }


def _title(data: facts.Json) -> str:
    """The name of the data; of files, without the folders that they lie in."""
    name, origin = str(data.get("name") or ""), data.get("origin")
    path = isinstance(origin, Mapping) and origin.get("kind") == "path" and origin.get("value") == name
    return Path(name).name or name if path else name


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
    return facts.size(sum(file.get("size", 0) for file in files.values() if isinstance(file, Mapping)))

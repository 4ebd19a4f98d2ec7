"""`poise report`: a run as one HTML file."""

from pathlib import Path

from poise.cli.verb import Json, emit, line, output, verb
from poise.text import short_path

app = verb("report", ("poise report runs/demo", "write runs/demo/report.html again"))


@app.default
def report(run: Path, /, *, json: Json = False) -> int:
    """Write the report of a run: one HTML file.

    RUN/report.html opens from disk and needs no network; the run may still be training.

    Args:
        run: The run's folder.
    """
    from poise.web import write_report

    path = write_report(run)
    if json:
        emit({"event": "report", "run": str(run.absolute()), "report": str(path.absolute())})
    else:
        line(output(), "wrote ", (short_path(path), "cyan"))
    return 0

"""`poise demo`: what `make demo` runs."""

from pathlib import Path

from poise.cli.verb import verb

RUN = Path("runs/demo")
DATA = "digits"

app = verb("demo", ("poise demo", "train on digits, or show what is there"))


@app.default
def demo() -> int:
    """Learn handwritten digits in minutes, into runs/demo.

    Run again, it goes on from where it was interrupted; once it has finished,
    it shows what is there, and loses nothing.
    """
    return demo_in(RUN)


def demo_in(path: Path, *, steps: int | None = None) -> int:
    """Train, go on, or show what is there, and return the exit status."""
    from poise.cli.events import SessionEnd
    from poise.cli.progress import view_for
    from poise.cli.resume import resume
    from poise.cli.train import train
    from poise.run_folder import RunFolder

    if not (path / "recipe.json").exists():
        return train(DATA, out=path, steps=steps)
    run = RunFolder.open(path)
    if run.status == "interrupted":
        return resume(path)
    report = path / "report.html"
    view_for(json=False).report(SessionEnd.of(run, report=report if report.is_file() else None))
    return 0

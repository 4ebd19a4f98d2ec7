"""`poise demo`: what `make demo` runs."""

from pathlib import Path

from poise.cli.verb import verb

RUN = Path("runs/demo")
DATA = "digits"

app = verb("demo", ("poise demo", "train on digits, or say what is there"))


@app.default
def demo() -> int:
    """Learn handwritten digits in minutes, into runs/demo.

    Run again, it goes on from where it was interrupted; once it has finished,
    it says what is there, and loses nothing.
    """
    return demo_in(RUN)


def demo_in(path: Path, *, steps: int | None = None) -> int:
    """Train, go on, or say what is there, and return the exit status."""
    from poise.cli.data_options import DataOptions
    from poise.cli.progress import view_for
    from poise.cli.session import begin_session, prepare, resume_session, session_end
    from poise.recipes import DEFAULT_RECIPE, RECIPES, recipe_with
    from poise.run_folder import RunFolder

    view = view_for(json=False)
    if not (path / "recipe.json").exists():
        recipe = recipe_with(RECIPES.named(DEFAULT_RECIPE), {} if steps is None else {"steps": steps})
        return begin_session(prepare(view, DataOptions(DATA), recipe, out=path), view)
    run = RunFolder.open(path)
    if run.status == "interrupted":
        return resume_session(path, view)
    report = run.path / "report.html"
    view.report(session_end(run, report=report if report.is_file() else None))
    return 0

"""`poise resume`: go on with a run."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from poise.cli.verb import Count, Device, DoctorMode, Json, Switch, verb

if TYPE_CHECKING:
    from poise.training import Outcome
    from poise.training.vectorised import EnsembleOutcome

app = verb(
    "resume",
    ("poise resume runs/demo", "go on from the newest checkpoint"),
    ("poise resume runs/demo --steps 8000", "train a finished run further"),
    ("poise resume runs/demo --data photos", "its data are at another place now"),
)


@app.default
def resume(
    run: Path,
    /,
    *,
    steps: Count = None,
    device: Device = "auto",
    data: Path | None = None,
    accept_changed_data: Switch = False,
    doctor: DoctorMode = "suggest",
    json: Json = False,
) -> int:
    """Go on with a run, or extend a finished one.

    It goes on from the newest sound checkpoint: on the same machine, with the
    same versions, bit for bit as if it had never been interrupted.

    Args:
        run: The run's folder.
        steps: The new number of steps in all; by default as before.
        device: Where to train.
        data: Where the data are now, if they have moved.
        accept_changed_data: Go on even if the data are not those that the run began with.
    """
    from poise.cli.events import SessionStart, unit_of
    from poise.cli.progress import view_for
    from poise.cli.session import Reporter, device_text, finish, report_of_a_failure
    from poise.recipes import saved_recipe
    from poise.run_folder import RunFolder, read_games

    many = RunFolder(run).is_many
    folder, view = RunFolder.open(run), view_for(json=json)
    recipe = saved_recipe(folder.recipe)
    if steps is not None:
        recipe = recipe.model_copy(update={"steps": steps})
    findings, unit = len(folder.lines("findings")), unit_of(folder.data)
    reporter = Reporter(view, findings=findings, remedies=doctor != "watch", unit=unit)
    with report_of_a_failure(run, reporter), ExitStack() as stack:
        on_read = stack.enter_context(view.reading(str(folder.data.get("name", ""))))
        # Not before: a folder that is no run is refused without torch.
        from poise.training import Resumption, pick_device
        from poise.training import resume as resume_one
        from poise.training.remedies import resume_with_remedies
        from poise.training.vectorised import check_options, resume_many

        check_options(many=many, doctor=doctor)

        where = pick_device(device)

        def on_first_step(step: int) -> None:
            # Not earlier: until then it may turn out that there is nothing to go on with.
            stack.close()
            games = len(read_games(folder)) if many else 1
            view.report(SessionStart(folder.path, folder.data, recipe, device_text(where), step, games=games))
            stack.enter_context(view.training(recipe.steps or 0))

        reporter.on_first_step = on_first_step
        asked = Resumption(
            run,
            where,
            steps=steps,
            data=data,
            accept_changed_data=accept_changed_data,
            progress=on_read,
        )
        outcome: Outcome | EnsembleOutcome
        if many:
            outcome = resume_many(asked, watch=reporter.on_games, notify=reporter.notify, doctor=doctor)
        else:
            go_on = resume_with_remedies if doctor == "apply" else partial(resume_one, doctor=doctor)
            outcome = go_on(asked, callbacks=[reporter.on_run], notify=reporter.notify)
    return finish(outcome, reporter)

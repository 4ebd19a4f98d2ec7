"""`poise resume`: go on with a run."""

from pathlib import Path

from poise.cli.verb import Count, Device, DoctorMode, Json, Switch, verb

app = verb(
    "resume",
    ("poise resume runs/demo", "go on from the newest checkpoint"),
    ("poise resume runs/demo --steps 8000", "train a finished run further"),
)


@app.default
def resume(
    run: Path,
    /,
    *,
    steps: Count = None,
    device: Device = "auto",
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
        accept_changed_data: Go on even if the data are not those that the run began with.
    """
    from poise.cli.progress import view_for
    from poise.cli.session import resume_session

    return resume_session(
        run,
        view_for(json=json),
        steps=steps,
        device=device,
        accept_changed_data=accept_changed_data,
        doctor=doctor,
    )

"""A session in which remedies are tried: begin a run, or go on with one."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path

from torch import nn

from poise.data import spec_of
from poise.errors import PoiseError
from poise.run_folder import RunFolder
from poise.tasks import GIVEN
from poise.training.callbacks.callback import Callback, Notify
from poise.training.components import Components
from poise.training.planning import Experiment
from poise.training.private import check_doctor
from poise.training.remedies.branches import (
    Attempt,
    BranchSettings,
    attempted,
    free_path,
    last_step,
    train_branch,
    train_to_the_end,
    trials,
)
from poise.training.resuming import Resumption, reopen
from poise.training.session import Outcome, begin, train

TRIES = 3
"""Branches that are tried before the doctor gives up."""


def begin_with_remedies(
    experiment: Experiment,
    out: Path | str,
    *,
    callbacks: Sequence[Callback] = (),
    notify: Notify,
    tries: int = TRIES,
) -> Outcome:
    """Train; if there is trouble, stop and try remedies, each in a branch in a folder of its own.

    A branch starts from the last checkpoint before the trouble began (from fresh weights if the remedy
    asks for them, the networks changed, or nothing had been learned by then) with the remedy's settings. It
    is accepted if its distance to the data does not end above that of the run it came from, or, if the data
    are too few to measure one, if it comes to its end without trouble; else the next remedy is tried. The
    accepted run is trained to the end. Every try is a line of `lineage.jsonl` in the first folder, and a
    branch says in `lineage.json` where it came from. The user's own modules are copied for each branch; in
    the end they hold the weights of the accepted run.

    Branches of the folder `out` are called `out-remedy-1` and so on; at most `tries` are made. The outcome
    says how the accepted run ended, and which it is.

    Raises:
        PoiseError: The folder is taken, a module cannot be copied, or no remedy saved the run from a value
            that is not finite.
    """
    check_doctor(experiment.recipe, "apply")
    copies = _copies(experiment.components)
    settings = BranchSettings(experiment, copies, callbacks, notify, tries)

    def train_it() -> Outcome:
        return begin(experiment, out, callbacks=callbacks, notify=notify, doctor="apply")

    return _try_remedies(settings, attempted(train_it, out, experiment.components, experiment.dataset))


def resume_with_remedies(
    asked: Resumption, *, callbacks: Sequence[Callback] = (), notify: Notify, tries: int = TRIES
) -> Outcome:
    """Go on with a run as `resume` does; if there is trouble, try remedies as `begin_with_remedies` does.

    Remedies that `lineage.jsonl` says were tried are not tried again. If the run has stopped in trouble,
    the first branch is made at once.
    """
    run = RunFolder.open(asked.path)
    with run.locked():
        experiment, checkpoint = reopen(run, asked, notify)
        check_doctor(experiment.recipe, "apply")
        copies = _copies(experiment.components)
        settings = BranchSettings(experiment, copies, callbacks, notify, tries)
        components, dataset = experiment.components, experiment.dataset

        def train_it() -> Outcome:
            return train(components, dataset, run, checkpoint, callbacks, notify, doctor="apply")

        first = attempted(train_it, asked.path, components, dataset)
    return _try_remedies(settings, first)


def _try_remedies(settings: BranchSettings, first: Attempt) -> Outcome:
    """Try remedies while there is trouble, then train the accepted run to its end."""
    accepted, home, spec = first, first.outcome.run, spec_of(settings.experiment.dataset)
    spent = {str(line["remedy"]["change"]) for line in home.lines("lineage")}
    tried = 0
    while _stopped_by_doctor(accepted.outcome) and tried < settings.tries:
        trial = next(trials(accepted.outcome.run, spent, spec, tuple(settings.given), settings.notify), None)
        if trial is None:
            break
        tried += 1
        spent.add(str(trial.remedy["change"]))
        branch = train_branch(settings, accepted.outcome.run, trial, free_path(home.path))
        ended = branch.outcome.status == "finished"
        better = branch.fault is None and _no_worse(accepted.distance, branch.distance, finished=ended)
        home.append("lineage", {
            "step": last_step(branch.outcome.run), "parent": accepted.outcome.run.path.name,
            "branch": branch.outcome.run.path.name, "finding": trial.finding,
            "first_step": trial.first_step, "remedy": dict(trial.remedy),
            "distance_before": accepted.distance, "distance_after": branch.distance, "kept": better,
        })  # fmt: skip
        now, before = _as_text(branch.distance), _as_text(accepted.distance)
        settings.notify(
            f"{'Kept' if better else 'Not kept'}: the distance to the data is {now}, and was {before}."
        )
        if branch.outcome.exit_status:
            return branch.outcome
        accepted = branch if better else accepted
    if _stopped_by_doctor(accepted.outcome):
        if accepted.fault is not None:
            raise accepted.fault
        count = f"{tried} {'try' if tried == 1 else 'tries'}" if tried else "no remedy that it can set"
        settings.notify(f"The doctor gives up after {count}; {accepted.outcome.run.path} goes on as it is.")
        accepted = train_to_the_end(settings, accepted)
    _hand_back(first.components, accepted.components)
    return accepted.outcome


def _stopped_by_doctor(outcome: Outcome) -> bool:
    """Whether it was the doctor who stopped it."""
    return outcome.status != "finished" and not outcome.exit_status


def _copies(components: Components) -> dict[str, nn.Module]:
    """Copies of the user's own modules, since each branch trains one of its own."""
    copies = {}
    for player, module in components.modules.items():
        if getattr(components.recipe, player).name == GIVEN:
            try:
                copies[player] = copy.deepcopy(module)
            except Exception as error:
                raise PoiseError(
                    f"The doctor cannot apply remedies to your own {player}, of which no copy can be made",
                    code="training.module-not-copyable",
                    why=f"{type(error).__name__}: {error}",
                    hint='let the doctor suggest only: doctor="suggest"',
                ) from None
    return copies


def _hand_back(held: Components, accepted: Components) -> None:
    """The user's own modules take the weights of the accepted run."""
    for player, module in held.modules.items():
        if held is not accepted and getattr(held.recipe, player).name == GIVEN:
            module.load_state_dict(accepted.modules[player].state_dict())


def _no_worse(before: float | None, after: float | None, *, finished: bool) -> bool:
    """Compare the distances; without one, whether the branch finished decides."""
    return finished if before is None or after is None else after <= before


def _as_text(value: float | None) -> str:
    return "not known" if value is None else f"{value:.3g}"

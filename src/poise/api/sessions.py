"""Train a run, or go on with one."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, get_args, overload

from torch import nn

from poise.api.runs import Run, Runs, finished, notify, refuse_many
from poise.data import Domains, Labelled, Pairs
from poise.errors import PoiseError, unknown_name
from poise.recipes import AUTO, Recipe, asked_for
from poise.recipes.settings import Part
from poise.run_folder import new_run_path
from poise.training import Callback, Resumption, begin, pick_device, plan
from poise.training import resume as resume_session
from poise.training.callbacks.callback import DoctorMode
from poise.training.remedies import begin_with_remedies, resume_with_remedies
from poise.training.vectorised import begin_many, check_options, plan_many

RECIPE_FOR: Mapping[type, str] = {Pairs: "pix2pix", Domains: "cyclegan"}
"""The recipe that is taken if none is named, by the kind of data."""


@overload
def train(
    data: Any,
    recipe: str | Recipe | None = None,
    *,
    labels: Any = None,
    label_column: str | None = None,
    steps: int | None = None,
    out: Path | str | None = None,
    start_from: Path | str | None = None,
    generator: nn.Module | str | Mapping[str, Any] | None = None,
    discriminator: nn.Module | str | Mapping[str, Any] | None = None,
    device: str = "auto",
    callbacks: Sequence[Callback] = (),
    doctor: DoctorMode = "suggest",
    seeds: None = None,
    grid: None = None,
    **settings: Any,
) -> Run: ...


@overload
def train(
    data: Any, recipe: str | Recipe | None = None, *, seeds: int | Sequence[int], **options: Any
) -> Runs: ...


def train(
    data: Any,
    recipe: str | Recipe | None = None,
    *,
    labels: Any = None,
    label_column: str | None = None,
    steps: int | None = None,
    out: Path | str | None = None,
    start_from: Path | str | None = None,
    generator: nn.Module | str | Mapping[str, Any] | None = None,
    discriminator: nn.Module | str | Mapping[str, Any] | None = None,
    device: str = "auto",
    callbacks: Sequence[Callback] = (),
    doctor: DoctorMode = "suggest",
    seeds: int | Sequence[int] | None = None,
    grid: Mapping[str, Sequence[Any]] | None = None,
    **settings: Any,
) -> Run | Runs:
    """Train a GAN on what you have.

    Args:
        data: A folder or zip of images, a `.npy` or `.npz` file, the name of a built-in (`"digits"`), an
            array, a tensor, or a map-style `torch.utils.data.Dataset`; images as `Pairs` or `Domains`.
        recipe: The name of a recipe, or one of your own; `None` takes `"auto"`, what suits the data, for
            pairs `"pix2pix"`, for domains `"cyclegan"`.
        labels: For a game with conditions: the path of a CSV file, one number or name a row, or a mapping
            from file to label. Sub-folders, and the labels of a `.npz` or a `TensorDataset`, need none.
        label_column: The column of the file with the labels, if there are more than two columns.
        steps: Updates of the game; `None` chooses by the data.
        out: The run's folder; `None` makes a new one below `runs/`.
        start_from: Begin with the weights of a run, of a checkpoint or of a generator's folder: of those
            tensors whose name and shape agree. One sentence says which.
        generator: Your own module, `(N, latent.size)` to samples; or settings as any other: `"resnet"`,
            `{"name": "dcgan", "width": 32}`.
        discriminator: Your own module, samples to raw scores `(N,)`; or settings.
        device: `"auto"`, `"cpu"`, `"cuda"` or `"mps"`.
        callbacks: Called after each step, besides the pictures.
        doctor: `"off"`; `"watch"` for findings in the run's `findings.jsonl` and report; `"suggest"`, which
            in Python is the same; `"apply"` to stop if there is trouble and try remedies in branches of the
            run; the best branch is returned. Your own modules are copied for each branch and hold the weights
            of that one afterwards.
        seeds: Train so many games side by side, each from its own seed: a number, counted from the recipe's
            seed, or the seeds themselves.
        grid: With `seeds`: values by path, each combination trained with every seed:
            `{"regularisers.r1.weight": [0.1, 1.0]}`.
        settings: Values of the recipe: `batch_size=128`, `loss="hinge"`, `private="epsilon=3,delta=1e-5"`,
            `optimisers={"generator": {"learning_rate": 1e-4}}`.

    Returns:
        The run; with `seeds`, all of them.

    Raises:
        PoiseError: Something does not fit, or a value came up that is not finite.

    Example:
        >>> import poise
        >>> run = poise.train("digits", steps=1000)  # doctest: +SKIP
    """
    _check_doctor(doctor)
    networks = {"generator": generator, "discriminator": discriminator}
    _check_networks(networks)
    given = {player: network for player, network in networks.items() if isinstance(network, nn.Module)}
    named = {player: one for player, one in networks.items() if one is not None and player not in given}
    changes = {**settings, **named, **({} if steps is None else {"steps": steps})}
    asked = asked_for(recipe or RECIPE_FOR.get(type(data), AUTO), changes)
    data = data if labels is None else Labelled(data, labels, label_column)
    check_options(
        many=seeds is not None,
        grid=grid,
        start_from=start_from,
        doctor=doctor,
        given=given,
        callbacks=callbacks,
    )
    if seeds is not None:
        planned = plan_many(data, asked, pick_device(device), seeds=seeds, grid=grid)
        name = f"{planned.games[0].recipe.name}/seeds"
        place = new_run_path(planned.datasets[0].name, name) if out is None else out
        games = begin_many(planned, place, notify=notify, doctor=doctor)
        return finished(Runs(games.parent.path), games)
    single = plan(data, asked, pick_device(device), given=given)
    if start_from is not None:
        single = single.started_from(start_from)
    out = new_run_path(single.dataset.name, single.recipe.name) if out is None else out
    start = begin_with_remedies if doctor == "apply" else partial(begin, doctor=doctor)
    outcome = start(single, out, callbacks=callbacks, notify=notify)
    return finished(Run(outcome.run.path, generator=given.get("generator")), outcome)


def resume(
    path: Path | str,
    *,
    steps: int | None = None,
    data: Any = None,
    generator: nn.Module | None = None,
    discriminator: nn.Module | None = None,
    device: str = "auto",
    accept_changed_data: bool = False,
    callbacks: Sequence[Callback] = (),
    doctor: DoctorMode = "suggest",
) -> Run:
    """Go on with a run, or extend a finished one.

    Args:
        path: The run's folder.
        steps: The new number of steps.
        data: The data again, if they were given in memory; with their labels as `Labelled`. Or the path where
            they are now, if they have moved.
        generator: Your own module again, if the run began with one.
        discriminator: Your own module again, if the run began with one.
        device: Where to train.
        accept_changed_data: Go on although the data have changed.
        callbacks: As for `train`.
        doctor: As for `train`.

    Returns:
        The run; with `doctor="apply"` the best branch.

    Raises:
        PoiseError: There is nothing to resume, or something does not fit.
    """
    refuse_many(path, f"resume them: poise.open_runs({str(path)!r}).resume()")
    _check_doctor(doctor)
    modules = {"generator": generator, "discriminator": discriminator}
    go_on = resume_with_remedies if doctor == "apply" else partial(resume_session, doctor=doctor)
    asked = Resumption(
        path,
        pick_device(device),
        steps=steps,
        data=data,
        given={player: module for player, module in modules.items() if module is not None},
        accept_changed_data=accept_changed_data,
    )
    outcome = go_on(asked, callbacks=callbacks, notify=notify)
    return finished(Run(outcome.run.path, generator=generator), outcome)


def _check_doctor(doctor: str) -> None:
    if doctor not in get_args(DoctorMode):
        raise unknown_name("doctor", doctor, get_args(DoctorMode))


def _check_networks(networks: Mapping[str, Any]) -> None:
    """Refuse what is neither a module nor settings, such as a function or the class of a module."""
    for player, network in networks.items():
        if network is None or isinstance(network, nn.Module | str | Mapping | Part):
            continue
        what = f"The {player} is a {type(network).__name__}, not a torch.nn.Module"
        hint = f"write it as a module, whose parameters are trained: class Mine(nn.Module), {player}=Mine()"
        if isinstance(network, type) and issubclass(network, nn.Module):
            what = f"The {player} is the class {network.__name__}, not a module"
            hint = f"make one: {player}={network.__name__}(...)"
        raise PoiseError(what, code="api.no-module", hint=hint)

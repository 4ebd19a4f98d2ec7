"""Private runs: what they may not do, the noise of each part, and what they guarantee."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from poise.data import Dataset, Table
from poise.data.tables.frame import is_table
from poise.data.tables.private import Privately
from poise.dynamics import Batch
from poise.dynamics.alternating import ALTERNATING
from poise.dynamics.private import per_sample_gradients
from poise.errors import PoiseError
from poise.losses import LOSSES
from poise.recipes import Recipe
from poise.recipes.settings import Part, Private
from poise.run_folder import RunFolder
from poise.spec import DataSpec
from poise.tasks import TASKS
from poise.training.budget import Budget, looks_of
from poise.training.callbacks.callback import DoctorMode
from poise.training.components import Components, buffers_restored

NOTICE = (
    "This run is private: the doctor, measurements and the close look are off, since they look at rows, and "
    "no row is held out."
)

UNSOLVED = dict.fromkeys(("column_noise", "start_noise", "step_noise"))
"""What of a budget is solved, whatever a recipe says."""

WIDTH = 64
"""Units of a layer of the critic, if none are asked for: noise grows with the number of weights."""

SHOWN = 8
"""Latents by which it is seen whether a generator makes each sample from its latent alone."""


def new_secret() -> int:
    """A number that nobody can guess, from the system."""
    return secrets.randbits(256)


def opened_privately(data: Any, asked: Private, secret: int) -> Table:
    """What to open in the place of some data, so that their rows are looked at within the budget.

    Raises:
        PoiseError: They are no table.
    """
    if not isinstance(data, str | Path | Table) and not is_table(data, None):
        raise _no_table(type(data).__name__)
    budget = Budget(asked)
    noise = asked.column_noise if asked.column_noise is not None else budget.columns
    privately = Privately(secret, noise, budget.delta_of_values)
    given = data if isinstance(data, Table) else Table(data)
    return Table(given.data, given.columns, given.constraints, given.target, given.schema, privately)


def check_kind(dataset: Dataset) -> None:
    """Refuse data that were not opened in private."""
    if dataset.secret is None:
        raise _no_table(f"'{dataset.name}'")


def _no_table(name: str) -> PoiseError:
    what = f"{name} is no table, and only tables can be trained on in private"
    return PoiseError(what, code="training.private-tables-only", hint="leave --private out")


def as_private(recipe: Recipe) -> Recipe:
    """The recipe of a private run: without all that looks at rows, and with a small critic.

    Raises:
        PoiseError: It asks for something that a private run cannot do.
    """
    assert recipe.private is not None
    rows = {name: part for name, part in recipe.regularisers.items() if part.every > 1}
    refused = (
        (recipe.game.name != "noise-to-data", f"the game '{recipe.game.name}'", "--set game=noise-to-data"),
        (
            recipe.dynamics.name != ALTERNATING.name,
            f"the dynamics '{recipe.dynamics.name}'",
            "--set dynamics=alternating",
        ),
        (recipe.packing > 1, "packs of rows", "--set packing=1"),
        (bool(rows), "lazy regularisers", " ".join(f"--set regularisers.{name}.every=1" for name in rows)),
        (bool(recipe.augmentations), "augmentations", "leave them out"),
        (
            LOSSES.named(recipe.loss.name).relativistic or bool(LOSSES.named(recipe.loss.name).init),
            f"the loss '{recipe.loss.name}'",
            "--set loss=wasserstein",
        ),
        (recipe.growth is not None, "networks that grow", "--set growth=null"),
        (recipe.precision != "float32", "bfloat16", "--precision float32"),
        (bool(recipe.held_out), "rows that are held out", "--set held_out=0"),
        (bool(recipe.evaluate_every), "measurements while it trains", "--set evaluate_every=0"),
        (recipe.eigenvalues_every is not None, "eigenvalues", "--set eigenvalues_every=null"),
    )
    for asked, what, hint in refused:
        if asked:
            why = "what it does is not covered by the guarantee"
            raise PoiseError(
                f"A private run cannot have {what}", code="training.private-unfit", why=why, hint=hint
            )
    changes: dict[str, Any] = {"held_out": 0.0, "evaluate_every": 0}
    critic = recipe.discriminator
    if critic.name in ("auto", "rows", "mlp") and "width" not in critic.options:
        changes["discriminator"] = Part(name=critic.name, **critic.options, width=WIDTH)
    return recipe.model_copy(update=changes)


def with_noise(recipe: Recipe, rows: int) -> Recipe:
    """A resolved recipe with the noise that keeps its steps within the budget."""
    private = recipe.private
    assert private is not None
    budget, columns = Budget(private), private.column_noise or 0.0
    generators = TASKS.named(recipe.game.name).generators
    fits = recipe.generator.name in generators and generators[recipe.generator.name].fit_privately is not None
    start = budget.start(columns) if fits else 0.0
    updates = (recipe.steps or 0) * recipe.dynamics.options["discriminator_steps"]
    noise = budget.steps(columns, start, updates, recipe.batch_size / rows)
    solved = private.model_copy(update={"start_noise": start, "step_noise": noise})
    return recipe.model_copy(update={"private": solved})


def check_networks(components: Components, spec: DataSpec) -> None:
    """Refuse networks in which one sample changes what becomes of another.

    Raises:
        PoiseError: The generator or the discriminator is such.
    """
    recipe, modules = components.recipe, components.modules
    latent = torch.randn((SHOWN, recipe.latent.size), generator=torch.Generator().manual_seed(0))
    latent = latent.to(components.device)
    with torch.random.fork_rng(), buffers_restored(modules.values()), torch.no_grad():
        try:
            together = modules["generator"](latent)
            alone = torch.cat([modules["generator"](one) for one in latent.split(1)])
            mixes = not torch.allclose(together, alone, atol=1e-4)
        except ValueError:  # batch normalisation refuses a single sample
            mixes = True
    if mixes:
        raise _mixing("generator")
    reals = torch.zeros((2, *spec.shape), device=components.device)
    batch = Batch(reals, latent[:2], 0, torch.Generator(components.device).manual_seed(0))
    with torch.random.fork_rng(), buffers_restored(modules.values()):
        try:
            per_sample_gradients(components.players, batch, torch.ones_like(reals))
        except (RuntimeError, ValueError):
            raise _mixing("discriminator") from None


def _mixing(player: str) -> PoiseError:
    return PoiseError(
        f"This {player} cannot be trained in private",
        code="training.private-network",
        why="what it makes of a sample depends on the samples beside it, as in batch normalisation",
        hint=f"choose another, such as --set {player}=mlp",
    )


def check_doctor(recipe: Recipe, doctor: DoctorMode) -> None:
    """Refuse branches of a private run."""
    if recipe.private is not None and doctor == "apply":
        what = "A private run cannot try remedies"
        why = "each try would look at the rows again, beyond the budget"
        raise PoiseError(what, code="training.private-remedies", why=why, hint="use --doctor off")


def check_start(recipe: Recipe, taken: object) -> None:
    """Refuse weights whose own training may have seen the rows."""
    if recipe.private is not None and taken is not None:
        what = "A private run cannot begin with the weights of another"
        why = "the guarantee would say nothing of what they know of the rows"
        raise PoiseError(what, code="training.private-start", why=why, hint="leave --from out")


def secret_of(run: RunFolder) -> int:
    """The secret of a private run.

    Raises:
        PoiseError: It is not in the folder.
    """
    found = run.read_json("secret").get("secret")
    if not isinstance(found, str):
        what = f"The run '{run.path}' has lost its secret.json, and cannot go on without it"
        why = "noise that was drawn anew would be spent beyond the budget"
        raise PoiseError(
            what, code="training.private-secret", why=why, hint="restore the file, or begin a new run"
        )
    return int(found, 16)


def check_steps(recipe: Recipe, steps: int | None) -> None:
    """Refuse more steps than the noise was solved for."""
    if recipe.private is not None and steps is not None and steps > (recipe.steps or 0):
        what = f"A private run of {recipe.steps} steps cannot be extended"
        why = f"its noise keeps within epsilon {recipe.private.epsilon:g} for these steps alone"
        raise PoiseError(
            what, code="training.private-steps-spent", why=why, hint="begin a new run with more steps"
        )


def guarantee(recipe: Recipe, rows: int, steps: int) -> Mapping[str, Any] | None:
    """What is guaranteed of the generator after so many steps; `None` if the run is not private."""
    if recipe.private is None:
        return None
    private, looks = recipe.private, looks_of(recipe, rows, steps)
    return {
        "epsilon": private.epsilon,
        "delta": private.delta,
        "spent_epsilon": round(Budget(private).cost(looks), 4),
        "unit": "one row more or less",
        "covers": "everything in the run folder but secret.json",
        "mechanism": {
            "noise_of_columns": looks.columns,
            "noise_of_start": looks.start,
            "noise_of_updates": looks.steps,
            "updates": looks.updates,
            "clip": private.clip,
            "sampling_rate": looks.rate,
        },
        "accountant": "privacy loss distributions, dp-accounting",
    }


def guarantee_text(found: Mapping[str, Any]) -> str:
    """The same for people, as a section of a card in Markdown."""
    how = found["mechanism"]
    return f"""
## Differential privacy

epsilon = {found["epsilon"]:g}, delta = {found["delta"]:g}; {found["spent_epsilon"]:g} of epsilon is spent.

Whoever sees this generator, its samples or anything else in the run folder but `secret.json` learns of
any one row at most what epsilon and delta allow: every outcome is about equally probable with the row
and without it.

- Protected is one row. A person with several rows is protected less, by as many times epsilon.
- Public are the names of columns, the number of rows, and what a schema or `--column` says of columns.
- Not covered: what is learnt of the rows otherwise, such as settings that were chosen after other runs on
  them; and what is true of people like them, whether they are among the rows or not.
- The noise is drawn by ordinary generators of random numbers in 32 and 64 bits, not by cryptographic ones.
- `secret.json` in the run folder gives the noise away. Keep it for `poise resume`, and never pass it on.

Noise, in units of what one row changes: {how["noise_of_columns"]:g} for columns, {how["noise_of_start"]:g}
for the start, {how["noise_of_updates"]:g} for each of {how["updates"]} updates of the critic, in which a row
takes part with probability {how["sampling_rate"]:.4g}; gradients are clipped to {how["clip"]:g}. Accounted by
{found["accountant"]}.
"""

"""The doctor beside the loop: checks a run as it trains, and writes what it measures and finds."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from poise.data import Dataset, kind_of
from poise.diagnosis import FINDINGS, Finding, FindingTracker, Measurement, Setting, budget, judged
from poise.diagnosis import doctor as diagnosis
from poise.diagnosis.examination import Side, Subject
from poise.diagnosis.leaks import operations_of
from poise.diagnosis.reference import MOST_PROBED, MOST_TRAINING, Reference
from poise.diagnosis.window import STEPS, StepStats, per_sample_scores
from poise.extension import use_words
from poise.losses import LOSSES
from poise.networks import BothWays, TranslatingGenerator
from poise.randomness import numpy_stream, torch_stream
from poise.recipes import Recipe
from poise.run_folder import RunFolder
from poise.tasks.held_out import Split, examined
from poise.training.again import command_again
from poise.training.batches import latents
from poise.training.callbacks.callback import (
    CallbackContext,
    CallbackRow,
    Notify,
    Request,
    StepContext,
)

CHECKS = 60
"""Checks in a run."""

SAVED_CHECKS = 4
"""Checks between two checkpoints that a doctor who applies remedies asks for, while all is well."""


class Doctor:
    """Checks a run sixty times, writes `readings.jsonl`, and what it finds to `findings.jsonl`.

    It examines the live generator in eval mode, since the average would show a collapse late. It changes
    nothing in training: it draws no randomness and updates no buffer.

    Args:
        recipe: The resolved recipe.
        dataset: The data.
        rows: Which of them are trained on.
        notify: Reports that a line could not be written.
        stops: Whether it asks the run to stop if there is trouble.
        most_share: Of the time, if it is not the usual one; 1 for every check, whatever it takes.
        setting: What is known of the run; read from its folder if it is not given.
    """

    def __init__(
        self,
        recipe: Recipe,
        dataset: Dataset,
        rows: Split,
        notify: Notify,
        *,
        stops: bool = False,
        most_share: float | None = None,
        setting: Setting | None = None,
    ) -> None:
        self.recipe, self.notify, self.stops = recipe, notify, stops
        self._setting = setting
        self.every = max(1, round((recipe.steps or 0) / CHECKS))
        self._operations = operations_of(recipe.model_dump()["augmentations"])
        self.latents = latents(MOST_PROBED, recipe.latent, torch_stream(recipe.seed, 0, "doctor's latents"))
        self._dataset, self._rows, self._most_share = dataset, rows, most_share
        self._recent: deque[Mapping[str, Tensor]] = deque(maxlen=STEPS)
        self._doctor: diagnosis.Doctor | None = None
        self._loaded: Mapping[str, Any] | None = None
        self._resumable: dict[str, Any] | None = None
        self._failed = False
        self._conditions: dict[str, Tensor] | None = None
        self._asked: Tensor | None = None

    def __call__(self, context: StepContext) -> Request | None:
        """Observe the step; check if one is due. An error of the doctor's own ends it, and no run."""
        if self._failed:
            return None
        try:
            self._look(context)
        except Exception as error:
            self._failed = True
            self.notify(
                f"The doctor has stopped watching ({type(error).__name__}: {error}); training goes on."
            )
        if not self.stops:
            return None
        if any(finding.severity == "trouble" for finding in self.tracker.open):
            return "stop"
        # A place to branch from: of the three that are kept by default, one lies before anything uneasy.
        well = context.step % (SAVED_CHECKS * self.every) == 0 and not self.tracker.open
        return "save" if well else None

    @property
    def tracker(self) -> FindingTracker:
        """The findings and measurements so far."""
        return FindingTracker([]) if self._doctor is None else self._doctor.tracker

    @property
    def status(self) -> Literal["OK", "WATCH", "TROUBLE"]:
        """The gravest of what is open."""
        return "OK" if self._doctor is None else self._doctor.status

    def state(self) -> dict[str, Any]:
        """What later checks depend on, for a checkpoint: tensors, and values that JSON takes.

        After a stop it is the state before the check that only the stop called for, so that a run that is
        resumed writes what one that never stopped would have written.
        """
        if self._resumable is not None:
            return self._resumable
        if self._doctor is None:
            return dict(self._loaded or {})
        return self._observed(self._doctor).state()

    def load(self, state: Mapping[str, Any]) -> None:
        """Go on from a state of a checkpoint; call it before the first step."""
        self._loaded = state

    def finish(self, context: StepContext) -> None:
        """Check once more, if there is time, at a step that has become the last."""
        if not self._failed and self._doctor is not None:
            measurements = self._doctor.tracker.measurements
            if not measurements or measurements[-1].step != context.step:
                self._resumable = self._observed(self._doctor).state()
                if self._doctor.budget.affordable():
                    self._check(self._doctor, context)
            self._write_findings(context.run, context.step, self._doctor.unreported())

    def _look(self, context: StepContext) -> None:
        doctor = self._begun(context.run) if self._doctor is None else self._doctor
        self._recent.append(context.logs)
        due, finished = doctor.due(context.step), context.step >= (self.recipe.steps or 0)
        if context.last and not due and not finished:
            self._resumable = self._observed(doctor).state()
        if due or (context.last and doctor.budget.affordable()):
            self._check(doctor, context)
        if context.last:
            self._write_findings(context.run, context.step, doctor.unreported())

    def _observed(self, doctor: diagnosis.Doctor) -> diagnosis.Doctor:
        """The doctor once it has seen the steps so far; until a check they cost next to nothing."""
        for logs in self._recent:
            doctor.observe(step_stats(logs))
        self._recent.clear()
        return doctor

    def _begun(self, run: RunFolder) -> diagnosis.Doctor:
        """Fit the reference, and go on from a loaded state or from the measurements of earlier sessions."""
        doctor = diagnosis.Doctor(
            diagnosis.at_multiples(self.every),
            self._setting or setting_of(run, self.recipe),
            reference=self._reference(),
            budget=budget.Budget(self._most_share),
            boundary=LOSSES.named(self.recipe.loss.name).boundary,
        )
        if self._loaded:
            checks = doctor.load(self._loaded)
            # What only the stop of the last session called for is dropped; the rest of the run is as if it
            # had never stopped.
            step, changed = (checks[-1].measurement.step, checks[-1].changed) if checks else (0, [])
            run.forget_after("readings", step)
            run.forget_after("findings", step - 1)
            self._write_findings(run, step, changed)
        else:
            doctor.replay(map(Measurement.from_json, run.lines("readings")))
        self._doctor = doctor
        return doctor

    def _reference(self) -> Reference:
        """The data to compare with, and the conditions of fakes if there are any."""
        stream = numpy_stream(self.recipe.seed, 0, "doctor's reals")
        chosen = np.sort(stream.permutation(self._rows.training)[:MOST_TRAINING])
        held_out, labels = self._rows.held_out, None
        reference = Reference(self._encoded(chosen), self._encoded(held_out) if len(held_out) else None)
        given = self._dataset.condition
        if given is not None:
            # Beside the reference's own order, each side has the conditions that belong to it.
            order = chosen[reference.order.numpy()]
            sides = {"training": order, "held out": held_out, "fake": np.resize(order, MOST_PROBED)}
            stored = {side: given.gather(rows % len(given)) for side, rows in sides.items()}
            other = stored["fake"].roll(1, 0)
            if given.of_classes:
                labels = given.gather(chosen % len(given)).long()
                self._asked = stored["fake"].long()
                other = (self._asked + 1) % given.shape[0]
            self._conditions = {side: given.encode(values) for side, values in stored.items()}
            self._conditions["swapped"] = given.encode(other)
        return Reference(reference.real, reference.held_out, labels)

    def _check(self, doctor: diagnosis.Doctor, context: StepContext) -> None:
        with doctor.budget:
            measurement, changed = self._observed(doctor).check(context.step, self._subject(context))
            self._write(context.run, "readings", context.step, measurement.to_json())
            self._write_findings(context.run, context.step, changed)

    def _encoded(self, rows: np.ndarray[Any, np.dtype[np.int64]]) -> Tensor:
        return self._arranged(self._dataset.transform.encode(self._dataset.gather(rows)))

    def _arranged(self, samples: Tensor) -> Tensor:
        """Samples in the form in which their kind compares them."""
        arranged = kind_of(self._dataset).arranged
        # What is not finite has to stay so, and be named
        if arranged is None or not bool(torch.isfinite(samples).all()):
            return samples
        return arranged(samples, self._dataset.transform)

    def _subject(self, context: StepContext) -> Subject:
        modules, device = context.components.modules, context.components.device
        generator, discriminator = modules.get("generator"), modules.get("discriminator")
        if generator is None or discriminator is None:
            return Subject()
        latent, conditions = self.latents.to(device), self._conditions

        def given(side: str, count: int) -> tuple[Tensor, ...]:
            return () if conditions is None else (conditions[side][:count].to(device),)

        def made_of(latents: Tensor, side: str) -> Tensor:
            samples: Tensor = generator(latents, *given(side, len(latents)))
            return self._arranged(samples)

        def score(samples: Tensor, side: Side) -> Tensor:
            return packed_scores(discriminator, self.recipe.packing, samples, *given(side, len(samples)))

        networks: dict[str, Any] = {
            "modules": list(modules.values()),
            "generator": generator,
            "discriminator": discriminator,
        }
        other, made = latent.roll(len(latent) // 2 + 1, 0), kind_of(self._dataset).waves
        return Subject(
            sample=lambda count: made_of(latent[:count], "fake"),
            fixed=True,
            score=score,
            swapped=None if conditions is None else lambda count: made_of(latent[:count], "swapped"),
            redrawn=None
            if isinstance(generator, TranslatingGenerator | BothWays)  # which use no latents
            else lambda count: made_of(other[:count], "fake"),
            asked=self._asked,
            waves=None if made is None else lambda samples: made(samples, self._dataset.transform),
            operations=self._operations,
            **networks,
        )

    def _write_findings(self, run: RunFolder, step: int, findings: Sequence[Finding]) -> None:
        for finding in findings:
            self._write(run, "findings", step, {"step": step, **finding.to_json()})

    def _write(self, run: RunFolder, name: str, step: int, line: Mapping[str, Any]) -> None:
        try:
            run.append(name, line)
        except OSError as error:
            self.notify(f"Could not write the {name} of step {step}: {error.strerror or error}.")


def write_non_finite(run: RunFolder, step: int, recipe: Recipe, tensor: str, player: str) -> Finding:
    """Write what ended a run after a sound `step`, as the doctor would have found it.

    `tensor` is the first that held a value that is not finite; `player`, whose update it was, may be empty.
    """
    culprit = tensor + (f", in the {player}'s update" if player else "")
    measurement = Measurement(step=step, non_finite=culprit)
    finding = judged([measurement], [FINDINGS["non-finite"]], setting_of(run, recipe)).findings[0]
    run.append("readings", measurement.to_json())
    run.append("findings", {"step": step, **finding.to_json()})
    return finding


def setting_of(run: RunFolder, recipe: Recipe) -> Setting:
    """What is known of a run besides its readings; remedies are made for it."""
    data, again = run.data, command_again(recipe, run.data)
    if again is not None:
        begun = run.environment.get("from")
        words = () if begun is None else ("--from", str(begun["path"]))
        again = (*again, *words, *use_words(run.environment))
    return Setting(recipe.steps, recipe.model_dump(), str(data.get("name", "DATA")), again)


def step_stats(logs: Mapping[str, Tensor]) -> StepStats:
    """What a step measured, as the doctor calls it."""
    scores = {side: per_sample_scores(logs[side]) for side in ("real_scores", "fake_scores") if side in logs}
    return StepStats(
        **scores,
        discriminator_loss=logs.get("discriminator_loss"),
        generator_loss=logs.get("generator_loss"),
        discriminator_gradient=logs.get("discriminator_gradient_norm"),
        generator_gradient=logs.get("generator_gradient_norm"),
    )


def packed_scores(
    discriminator: Callable[..., Tensor], packing: int, samples: Tensor, *given: Tensor
) -> Tensor:
    """Scores of samples, as many at once as the discriminator takes."""
    if packing > 1:
        samples = samples[: len(samples) // packing * packing]
        samples = samples.reshape(len(samples) // packing, -1, *samples.shape[2:])
    return discriminator(samples, *given)


def _make(context: CallbackContext) -> Doctor | None:
    if context.doctor == "off":
        return None
    return Doctor(
        context.recipe,
        *examined(context.recipe, context.dataset),
        context.notify,
        stops=context.doctor == "apply",
        most_share=budget.MOST_SHARE / context.games,
        setting=setting_of(context.run, context.recipe),
    )


DOCTOR = CallbackRow(
    "doctor", _make, "Names failures while they happen, with evidence and remedies.", default=True
)

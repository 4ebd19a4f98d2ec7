"""The doctor beside the loop: checks a run as it trains, and writes down what it reads and what it finds."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
from torch import Tensor

from poise.data import Dataset
from poise.diagnosis import FINDINGS, Finding, FindingTracker, Measurement, Setting, allowance, judged
from poise.diagnosis.allowance import affordable
from poise.diagnosis.examination import Examiner, Side, Subject
from poise.diagnosis.reference import MOST_PROBED, MOST_TRAINING, Reference
from poise.diagnosis.signals.scores import per_sample_scores
from poise.diagnosis.window import StepStats, Window
from poise.randomness import numpy_stream, torch_stream
from poise.recipes import Recipe
from poise.run_folder import RunFolder
from poise.training.again import command_again
from poise.training.batches import latents
from poise.training.callback import Notify, Request, StepContext
from poise.training.held_out import Split

Mode = Literal["off", "watch", "suggest", "apply"]
"""No doctor; findings; findings with remedies; remedies tried in branches of the run."""

CHECKS = 60
"""Checks in a run."""

SAVED_CHECKS = 4
"""Checks between two checkpoints that a doctor who applies remedies asks for, while all is well."""


class Doctor:
    """Reads a run sixty times, writes `readings.jsonl`, and what it finds to `findings.jsonl`.

    It looks at the live generator in eval mode, since the average would show a collapse late. It leaves
    every bit of training as it is: no randomness is drawn, no buffer moves. Its own state is its readings:
    a resumed run reads them again.

    Args:
        recipe: The resolved recipe.
        source: The data.
        rows: Which of them are trained on.
        notify: Tells a person that a line could not be written.
        stops: Whether it asks the run to stop where there is trouble.
        most_share: Of the time, where it is another than usual; 1 for every check, whatever it takes.
    """

    def __init__(
        self,
        recipe: Recipe,
        source: Dataset,
        rows: Split,
        notify: Notify,
        *,
        stops: bool = False,
        most_share: float | None = None,
    ) -> None:
        self.recipe, self.notify = recipe, notify
        self.most_share = allowance.MOST_SHARE if most_share is None else most_share
        self.stops = stops
        self.every = max(1, round((recipe.steps or 0) / CHECKS))
        self.latents = latents(MOST_PROBED, recipe.latent, torch_stream(recipe.seed, 0, "doctor's latents"))
        self.tracker = FindingTracker(FINDINGS.values())
        self._source, self._rows = source, rows
        self._window, self._examiner = Window(), Examiner(None)
        self._began, self._spent, self._begun = 0.0, 0.0, False
        self._failed, self._checks = False, 0
        self._conditions: dict[str, Tensor] | None = None
        self._asked: Tensor | None = None
        self._written: dict[tuple[str, int], dict[str, Any]] = {}

    def __call__(self, context: StepContext) -> Request | None:
        """Take the step down; check where it is time. A fault of the doctor's own ends it, and no run."""
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

    def _look(self, context: StepContext) -> None:
        if not self._begun:
            self._begin(context)
        self._window.add(glance_of(context.measured))
        due = context.step % self.every == 0 or context.last
        if due and affordable(self._spent, time.monotonic() - self._began, self.most_share):
            start = time.monotonic()
            self._check(context)
            # The first check also fits what is known of the data, once for the run; that is not counted.
            if self._checks:
                self._spent += time.monotonic() - start
            self._checks += 1
        if context.last:
            self._close(context)

    @property
    def findings(self) -> list[Finding]:
        """What was found so far."""
        return list(self.tracker.findings)

    def _begin(self, context: StepContext) -> None:
        """Fit what is known of the data, and read again what was read before."""
        self.tracker = FindingTracker(FINDINGS.values(), setting_of(context.run, self.recipe))
        for line in context.run.lines("readings"):
            self.tracker.add(Measurement.from_json(line))
        for finding in self.tracker.findings:
            self._written[finding.name, finding.first_step] = finding.to_json()
        self._examiner.reference = self._reference()
        self._begun, self._began = True, time.monotonic()

    def _reference(self) -> Reference:
        """The data to compare with; where there are conditions, those that fakes are asked for, too."""
        stream = numpy_stream(self.recipe.seed, 0, "doctor's reals")
        chosen = np.sort(stream.permutation(self._rows.training)[:MOST_TRAINING])
        held_out, labels = self._rows.held_out, None
        reference = Reference(self._encoded(chosen), self._encoded(held_out) if len(held_out) else None)
        given = self._source.condition
        if given is not None:
            # Beside the reference's own order, each side has the conditions that belong to it.
            order = reference.order.numpy()
            fakes = np.resize(chosen[order], MOST_PROBED) % len(given)
            sides = {"training": chosen[order] % len(given), "held out": held_out % len(given), "fake": fakes}
            stored = {side: given.gather(rows) for side, rows in sides.items()}
            other = stored["fake"].roll(1, 0)
            if given.kind == "label":
                labels = given.gather(chosen % len(given)).long()
                self._asked = stored["fake"].long()
                other = (self._asked + 1) % given.shape[0]
            self._conditions = {side: given.encode(values) for side, values in stored.items()}
            self._conditions["swapped"] = given.encode(other)
        return Reference(reference.real, reference.held_out, labels)

    def _check(self, context: StepContext) -> None:
        subject = self._subject(context)
        measurement = self._examiner.examine(context.step, self._window.close(), subject)
        self._write(context, "readings", measurement.to_json())
        for finding in self.tracker.add(measurement):
            self._tell(context, finding)

    def _encoded(self, rows: np.ndarray[Any, np.dtype[np.int64]]) -> Tensor:
        return self._source.transform.encode(self._source.gather(rows))

    def _subject(self, context: StepContext) -> Subject:
        modules, device = context.components.modules, context.components.device
        generator, discriminator = modules.get("generator"), modules.get("discriminator")
        if generator is None or discriminator is None:
            return Subject()
        latent, conditions = self.latents.to(device), self._conditions

        def score(samples: Tensor, side: Side) -> Tensor:
            given = () if conditions is None else (conditions[side][: len(samples)].to(device),)
            return packed_scores(discriminator, self.recipe.packing, samples, *given)

        if conditions is None:
            return Subject(lambda: generator(latent), True, score, modules=list(modules.values()))
        return Subject(
            sample=lambda: generator(latent, conditions["fake"].to(device)),
            fixed=True,
            score=score,
            swapped=lambda: generator(latent, conditions["swapped"].to(device)),
            asked=self._asked,
            modules=list(modules.values()),
        )

    def _close(self, context: StepContext) -> None:
        """What is open still lasts to here."""
        for finding in self.tracker.findings:
            if self._written.get((finding.name, finding.first_step)) != finding.to_json():
                self._tell(context, finding)

    def _tell(self, context: StepContext, finding: Finding) -> None:
        line = finding.to_json()
        self._written[finding.name, finding.first_step] = line
        self._write(context, "findings", {"step": context.step, **line})

    def _write(self, context: StepContext, name: str, line: Mapping[str, Any]) -> None:
        try:
            context.run.append(name, line)
        except OSError as error:
            self.notify(f"Could not write the {name} of step {context.step}: {error.strerror or error}.")


def write_non_finite(run: RunFolder, step: int, recipe: Recipe, tensor: str, player: str) -> Finding:
    """Write down what ended a run, as the doctor would have read and found it.

    Args:
        run: The run.
        step: The last step that was sound.
        recipe: Its recipe.
        tensor: The first tensor that held a value that is not finite.
        player: In whose move; empty where it is not known.

    Returns:
        The finding, as it was written.
    """
    culprit = tensor + (f", in the {player}'s move" if player else "")
    measurement = Measurement(step=step, non_finite=culprit)
    finding = judged([measurement], [FINDINGS["non-finite"]], setting_of(run, recipe)).findings[0]
    run.append("readings", measurement.to_json())
    run.append("findings", {"step": step, **finding.to_json()})
    return finding


def setting_of(run: RunFolder, recipe: Recipe) -> Setting:
    """What is known of a run besides its readings; remedies are made for it.

    Args:
        run: The run.
        recipe: Its recipe.
    """
    data = run.data
    return Setting(
        recipe.steps, recipe.model_dump(), str(data.get("name", "DATA")), command_again(recipe, data)
    )


def glance_of(measured: Mapping[str, Tensor]) -> StepStats:
    """What a step measured, as the doctor calls it."""
    real, fake = (measured.get(side) for side in ("real_scores", "fake_scores"))
    return StepStats(
        real_scores=None if real is None else per_sample_scores(real),
        fake_scores=None if fake is None else per_sample_scores(fake),
        discriminator_loss=measured.get("discriminator_loss"),
        generator_loss=measured.get("generator_loss"),
        discriminator_gradient=measured.get("discriminator_gradient_norm"),
        generator_gradient=measured.get("generator_gradient_norm"),
    )


def packed_scores(
    discriminator: Callable[..., Tensor], packing: int, samples: Tensor, *given: Tensor
) -> Tensor:
    """Scores of samples, as many at once as the discriminator takes."""
    if packing > 1:
        samples = samples[: len(samples) // packing * packing]
        samples = samples.reshape(len(samples) // packing, -1, *samples.shape[2:])
    return discriminator(samples, *given)

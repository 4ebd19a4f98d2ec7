"""The doctor for anybody's training loop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor, nn

from poise.diagnosis.budget import MOST_SHARE, OPENING, Budget
from poise.diagnosis.calling import Latents, Maker
from poise.diagnosis.doctor import BlindStatus, Doctor
from poise.diagnosis.examination import Subject
from poise.diagnosis.finding import Finding, Measurement
from poise.diagnosis.findings.generalisation import of_another_distribution
from poise.diagnosis.inputs import samples_of
from poise.diagnosis.reals import Reals
from poise.diagnosis.reference import MOST_PROBED, OTHERS
from poise.diagnosis.rule import Setting
from poise.diagnosis.scalars import (
    StepNumbers,
    gradient_norm,
    latents_of,
    mean_loss,
    number_of,
    visibly_broken,
)
from poise.diagnosis.trends import PACE, SPANS
from poise.diagnosis.undisturbed import modules_of
from poise.diagnosis.window import StepStats, per_sample_scores

LISTENED = 8  # Steps before a check whose statistics are noted; the others are passed over
APART = 12  # Steps between the first checks: three of them reach to where rules begin to speak
CALLED = 1.5  # Times what is timed within a call that the call itself takes, if it does next to nothing
GROWS = 40  # Without a known length a check comes when a fortieth of the steps so far has passed


class Monitor:
    """Watches a training loop and names what goes wrong in it.

    Call `observe` after every step with whatever the loop has. Most steps cost a few references; a check
    samples, scores and compares. Nothing that it is given makes it raise, and nothing that it does changes
    the training: weights, buffers and random streams stay what they are without it. `not_used` names what
    it could not use, with the reason, and the status is `BLIND` if most failures cannot be seen.

    Args:
        real: Samples of the training data, `(N, ...)`, in the space that the discriminator sees: a tensor, an
            array, a list, a data set or a loader, also with labels beside them; by default the first reals
            that are observed. Bytes are brought to the range of the loop's own reals.
        held_out: Samples that are not trained on; without them it is not seen what the discriminator knows by
            heart, and copies are told by how near the reals lie to each other.
        conditions: The label of each of `real`: whole numbers, names or one-hot rows; `sample`, or else the
            generator, is then called with latents and labels.
        steps: How many steps the loop will make, if that is known; a check comes every sixtieth of them.
        every: Steps between checks; by default it follows from `steps`, or else is ten at first and then a
            fortieth of the steps so far.
        most_share: Share of the loop's time that checks may take. A check measures what there is time for,
            and is left out if there is none.
        data: The name of the data, for the remedies' commands.

    Example:
        >>> import torch
        >>> monitor = Monitor(real=torch.randn(64, 2), every=1, most_share=1.0)
        >>> for step in range(20):
        ...     monitor.observe(step, fake=torch.zeros(64, 2), loss_generator=torch.tensor(0.7))
        >>> monitor.status, monitor.findings[0].name
        ('TROUBLE', 'mode-collapse')
    """

    def __init__(
        self,
        real: Any = None,
        held_out: Any = None,
        conditions: Any = None,
        *,
        steps: int | None = None,
        every: int | None = None,
        most_share: float = MOST_SHARE,
        data: str = "DATA",
    ) -> None:
        began = time.perf_counter()
        self.not_used: dict[str, str] = {}
        self.steps, self.every = steps, every
        self._reals = Reals(real, held_out, conditions, self._note)
        self._doctor = Doctor(
            self._scheduled,
            Setting(steps=steps, data=data, pace=min(PACE, every or PACE)),
            budget=Budget(most_share),
        )
        self._numbers = StepNumbers(self._note, self.rewind)
        self._latents, self._maker = Latents(MOST_PROBED), Maker()
        self._metric: float | None = None
        self._checked = 0  # How many steps had been observed at the last check
        self._last = 0  # The number of its step
        self._quiet_until = 0  # How many steps have been observed when the next is noted
        self._calls = 1  # Of `observe` from one check to the next, if there is time for it
        self._noting = 0.0  # Seconds that noting a step takes
        self._passing = 0.0  # Seconds of the steps that were passed over since the last that was noted
        self._listeners: list[Callable[[Measurement, Sequence[Finding]], None]] = []
        # What is worked out of the reals here would otherwise be work of the first check
        self._doctor.budget.charge(time.perf_counter() - began)

    @property
    def findings(self) -> list[Finding]:
        """The findings so far, open or recovered, in the order in which they were found."""
        return list(self._doctor.tracker.findings)

    @property
    def measurements(self) -> list[Measurement]:
        """The measurements of all checks."""
        return list(self._doctor.tracker.measurements)

    @property
    def readings(self) -> list[Measurement]:
        """The measurements, by their name in version 0.1."""
        return self.measurements

    @property
    def status(self) -> BlindStatus:
        """`TROUBLE` or `WATCH` for the gravest of what is open, `BLIND` if most cannot be seen, or `OK`."""
        return self._doctor.status_or_blind

    @property
    def hand_over(self) -> list[str]:
        """What to give to `observe` or to the monitor so that more failures can be seen, in order."""
        return self._doctor.hand_over

    @property
    def not_checked(self) -> dict[str, str]:
        """Findings that could not be checked so far, each with what was missing."""
        return dict(self._doctor.tracker.unchecked)

    def listen(self, listener: Callable[[Measurement, Sequence[Finding]], None]) -> None:
        """Call a function after every check, with the measurement and the findings that changed."""
        self._listeners.append(listener)

    def observe(
        self,
        step: int,
        *,
        generator: Any = None,
        discriminator: Any = None,
        sample: Any = None,
        latent: Any = None,
        real: Any = None,
        fake: Any = None,
        real_scores: Any = None,
        fake_scores: Any = None,
        loss_generator: Any = None,
        loss_discriminator: Any = None,
        metric: Any = None,
    ) -> None:
        """Observe one step of the loop; call it after the optimisers' steps.

        Args:
            step: Its number. If it begins again, as the number of a batch within an epoch does, or stands
                still, the calls are counted instead.
            generator: The generator, a module or a function.
            discriminator: The discriminator, a module or a function.
            sample: From latents to samples, if calling the generator is not enough.
            latent: The latents of this step, `(N, ...)`, or a tuple of what the generator is called with.
            real: The reals of this step, as the discriminator sees them.
            fake: The fakes of this step.
            real_scores: The scores of the reals: of any shape, patches, or several heads in a tuple.
            fake_scores: The scores of the fakes.
            loss_generator: The generator's loss.
            loss_discriminator: The discriminator's loss.
            metric: A metric of the samples at this step, such as FID; lower is better.
        """
        began = time.perf_counter()
        try:
            step = self._numbers.resolve(step)
            quiet = self._numbers.count < self._quiet_until and metric is None
            if quiet and not visibly_broken((loss_discriminator, loss_generator)):
                self._passing += CALLED * (time.perf_counter() - began)
                return
            self._doctor.budget.charge(self._passing)
            self._passing = 0.0
            losses = (
                self._loss("loss_discriminator", loss_discriminator),
                self._loss("loss_generator", loss_generator),
            )
            due = self._has_listened() and self._doctor.due(step)
            if not due and self._doctor.waits(step):
                self._pass_over(0)
            gradient = gradient_norm(generator) if due else None
            self._doctor.observe(
                StepStats(
                    self._scores("real_scores", real_scores),
                    self._scores("fake_scores", fake_scores),
                    *losses,
                    None,  # what lies on the discriminator is what the generator's step has left there
                    gradient,
                )
            )
            if metric is not None:
                self._metric = self._usable("metric", metric, number_of)
            if not self._latents.full and latent is not None:
                self._latents.add(latent, self._note)
            if not self._reals.settled and self._reals.gather(real, fake):
                self._doctor.reference = self._reals.reference
            broken = not due and visibly_broken(losses) and not self._known_as_broken()
            took = time.perf_counter() - began
            self._noting = min(took, self._noting or took)
            self._doctor.budget.charge(took)
            if not (due or broken):
                return
            self._check(
                step, generator, discriminator, sample, latent,
                samples_of("real", real, self._note), samples_of("fake", fake, self._note),
            )  # fmt: skip
        except Exception as error:  # no error of the doctor's may end the training
            self.not_used["observe"] = f"{type(error).__name__}: {error}"

    def _known_as_broken(self) -> bool:
        return any(one.name == "non-finite" for one in self._doctor.tracker.open)

    def _check(
        self, step: int, generator: Any, discriminator: Any, sample: Any, latent: Any,
        real: Tensor | None, fake: Tensor | None,
    ) -> None:  # fmt: skip
        with self._doctor.budget:
            if not self._reals.settled and self._reals.settle(real, fake, last=True):
                self._doctor.reference = self._reals.reference
            subject = self._subject(generator, discriminator, sample, latent, real, fake)
            observed = self._numbers.count if self.steps is None or self._numbers.counting else None
            measurement, changed = self._doctor.check(step, subject, observed=observed)
            raised = {name: why for name, why in measurement.missing.items() if "raised" in why}
            self.not_used |= {f"for {name}": why for name, why in raised.items()}
            if (apart := measurement.held_out_apart or 0.0) > OTHERS:
                self._note("held_out", of_another_distribution(apart))
            self._metric = None
            self._rest(step)
            self._doctor.warn_if_blind()
            for listener in self._listeners:
                listener(measurement, changed)

    def _rest(self, step: int) -> None:
        """Pass over the steps until shortly before the next check."""
        strides = (step - self._last) / (self._numbers.count - self._checked) if self._checked else 1.0
        self._last, self._checked = step, self._numbers.count
        counts = self._numbers.counting or not (self.every or self.steps)
        self._calls = int(self._interval / (1.0 if counts else max(strides, 1.0)))
        self._pass_over(self._calls)

    def _has_listened(self) -> bool:
        """Whether as many steps are noted as a check wants."""
        few = len(self._doctor.window) + 1 < min(LISTENED, self._calls)
        return not few or len(self._doctor.tracker.measurements) < OPENING

    def _pass_over(self, steps: int) -> None:
        """Skip `steps` steps, or those until there is time for a check, once all is gathered.

        Noting takes time as well: a loop that notes every step while it saves for a check could spend all
        that is allowed on notes.
        """
        gathers = not self._reals.settled or not (self._latents.full or self._latents.none)
        pace = self._doctor.budget.elapsed / max(self._numbers.count, 1)  # Seconds a step
        noting = self._noting * max(LISTENED - len(self._doctor.window), 1)
        saving = math.ceil(self._doctor.saving(noting) / pace) if pace > 0 else 0
        self._quiet_until = self._numbers.count + (0 if gathers else max(steps - LISTENED, saving))

    def _subject(
        self,
        generator: Any,
        discriminator: Any,
        sample: Any,
        latent: Any,
        real: Tensor | None,
        fake: Tensor | None,
    ) -> Subject:
        reference = self._doctor.reference
        make = sample if callable(sample) else generator if callable(generator) else None
        labels = None if reference is None else reference.labels
        calls = self._maker.calls(make, self._latents, labels) if make is not None else None
        return Subject(
            sample=None if calls is None else calls.sample,
            fixed=calls is not None,
            score=(lambda samples, side: discriminator(samples)) if callable(discriminator) else None,
            swapped=None if calls is None else calls.swapped,
            redrawn=None if calls is None else calls.redrawn,
            asked=None if calls is None else calls.asked,
            modules=modules_of(make, generator, discriminator),
            handed=fake,
            latent=latents_of(latent),
            real=real,
            generator=generator if isinstance(generator, nn.Module) else None,
            discriminator=discriminator if isinstance(discriminator, nn.Module) else None,
            translates=self._latents.are_pictures,
            metric=self._metric,
        )

    def _scheduled(self, step: int, last: int | None) -> bool:
        if last is None:
            return True
        passed = self._numbers.count - self._checked
        counts = self._numbers.counting or not (self.every or self.steps)
        return (passed if counts else step - last) >= self._interval

    @property
    def _interval(self) -> int:
        """Steps from one check to the next."""
        if self.every:
            return self.every
        if self.steps:
            # What is unmistakable takes some steps to show.
            least = APART if len(self._doctor.tracker.measurements) < OPENING else 1
            return max(least, round(self.steps / SPANS))
        return max(PACE, self._numbers.count // GROWS)

    def rewind(self, step: int) -> None:
        """Forget what was measured at a step and after it: the loop has gone back to before."""
        self._quiet_until = 0
        self._doctor.rewind(step)

    def _note(self, name: str, why: str) -> None:
        self.not_used[name] = why

    def _usable(self, name: str, value: Any, convert: Callable[[Any], Any]) -> Any:
        """A value as the doctor needs it; `None`, and a note, if it cannot be converted."""
        try:
            return None if value is None else convert(value)
        except Exception as error:
            self.not_used[name] = f"{type(error).__name__}: {error}"
            return None

    def _scores(self, name: str, scores: Any) -> Tensor | None:
        """The score of each sample, without a detour for the usual shapes."""
        if scores is None:
            return None
        if isinstance(scores, Tensor) and scores.dim() and scores.numel() == scores.shape[0]:
            return scores.detach().reshape(-1)
        found: Tensor | None = self._usable(name, scores, per_sample_scores)
        return found

    def _loss(self, name: str, loss: Any) -> Tensor | None:
        if loss is None:
            return None
        if isinstance(loss, Tensor) and loss.dim() == 0:
            return loss.detach()
        found: Tensor | None = self._usable(name, loss, mean_loss)
        return found

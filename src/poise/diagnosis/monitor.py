"""The doctor for anybody's training loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from poise.diagnosis.budget import MOST_SHARE, Budget
from poise.diagnosis.doctor import Doctor
from poise.diagnosis.examination import Subject
from poise.diagnosis.finding import Finding, Measurement
from poise.diagnosis.reference import LEAST, MOST_PROBED, MOST_TRAINING, reference_of, samples_of
from poise.diagnosis.rule import Setting
from poise.diagnosis.scores import per_sample_scores
from poise.diagnosis.window import StepStats


class Monitor:
    """Watches a training loop and names what goes wrong in it.

    Call `observe` after every step with whatever the loop has. Most steps cost a few references; a check
    samples, scores and compares. Nothing that it is given makes it raise: `not_used` names what it could not
    use, with the reason.

    Args:
        real: Samples of the training data, `(N, ...)`, in the space that the discriminator sees; by default
            the first reals that are observed.
        held_out: Samples that are not trained on; without them memorisation cannot be detected.
        conditions: The label of each of `real`, `(N,)` integers; `sample` is then called as
            `sample(latent, labels)`.
        steps: How many steps the loop will make, if that is known; a check comes every sixtieth of them.
        every: Steps between checks; by default it follows from `steps`, or else is ten at first and then a
            fortieth of the steps so far.
        most_share: Share of the loop's time that checks may take; a check beyond it is left out.
        data: The name of the data, for the remedies' commands.

    Example:
        >>> monitor = Monitor(real=torch.randn(64, 2), every=1)
        >>> for step in range(20):
        ...     monitor.observe(step, fake=torch.zeros(64, 2), loss_generator=torch.tensor(0.7))
        >>> monitor.status in ("OK", "WATCH", "TROUBLE")
        True
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
        self.not_used: dict[str, str] = {}
        self.steps, self.every = steps, every
        known, self._held_out, labels = (
            samples_of(name, given, self._note)
            for name, given in (("real", real), ("held_out", held_out), ("conditions", conditions))
        )
        self._doctor = Doctor(
            self._scheduled,
            Setting(steps=steps, data=data),
            reference=reference_of(known, self._held_out, labels, self._note),
            budget=Budget(most_share),
        )
        self._gathered: list[Tensor] = []
        self._latents: list[Tensor] = []
        self._metric: float | None = None
        self._step = -1
        self._listeners: list[Callable[[Measurement, Sequence[Finding]], None]] = []

    @property
    def findings(self) -> list[Finding]:
        """The findings so far, open or recovered, in the order in which they were found."""
        return list(self._doctor.tracker.findings)

    @property
    def measurements(self) -> list[Measurement]:
        """The measurements of all checks."""
        return list(self._doctor.tracker.measurements)

    @property
    def status(self) -> str:
        """`OK`, `WATCH` or `TROUBLE`: the gravest of what is open."""
        return self._doctor.status

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
            step: Its number.
            generator: The generator, a module or a function.
            discriminator: The discriminator, a module or a function.
            sample: From latents to samples, if calling the generator is not enough.
            latent: The latents of this step, `(N, ...)`.
            real: The reals of this step, as the discriminator sees them.
            fake: The fakes of this step.
            real_scores: The scores of the reals: of any shape, patches, or several heads in a tuple.
            fake_scores: The scores of the fakes.
            loss_generator: The generator's loss.
            loss_discriminator: The discriminator's loss.
            metric: A metric of the samples at this step, such as FID; lower is better.
        """
        given = {name: value for name, value in locals().items() if name not in ("self", "step")}
        try:
            self._observe(int(step), given)
        except Exception as error:  # no error of the doctor's may end the training
            self.not_used["observe"] = f"{type(error).__name__}: {error}"

    def _observe(self, step: int, given: Mapping[str, Any]) -> None:
        generator, discriminator = given["generator"], given["discriminator"]
        if step < self._step:
            self._go_back(step)
        self._step = step
        latent, real, fake = (
            samples_of(name, given[name], self._note) for name in ("latent", "real", "fake")
        )
        self._gather(real, latent)
        if given["metric"] is not None:
            self._metric = self._usable("metric", given["metric"], float)
        due = self._doctor.due(step)
        step_stats = StepStats(
            real_scores=self._usable("real_scores", given["real_scores"], per_sample_scores),
            fake_scores=self._usable("fake_scores", given["fake_scores"], per_sample_scores),
            discriminator_loss=self._usable("loss_discriminator", given["loss_discriminator"], _mean),
            generator_loss=self._usable("loss_generator", given["loss_generator"], _mean),
            discriminator_gradient=gradient_norm(discriminator) if due else None,
            generator_gradient=gradient_norm(generator) if due else None,
        )
        self._doctor.observe(step_stats)
        if due or (_visibly_broken(step_stats) and not self._known_as_broken()):
            self._check(step, generator, discriminator, given["sample"], fake)

    def _known_as_broken(self) -> bool:
        return any(one.name == "non-finite" for one in self._doctor.tracker.open)

    def _check(self, step: int, generator: Any, discriminator: Any, sample: Any, fake: Tensor | None) -> None:
        with self._doctor.budget:
            measurement, changed = self._doctor.check(
                step, self._subject(generator, discriminator, sample, fake)
            )
            raised = {name: why for name, why in measurement.missing.items() if "raised" in why}
            self.not_used |= {f"for {name}": why for name, why in raised.items()}
            self._metric = None
            for listener in self._listeners:
                listener(measurement, changed)

    def _subject(self, generator: Any, discriminator: Any, sample: Any, fake: Tensor | None) -> Subject:
        modules = [module for module in (generator, discriminator) if isinstance(module, nn.Module)]
        make = sample if callable(sample) else generator if callable(generator) else None
        latents = torch.cat(self._latents)[:MOST_PROBED] if self._latents else None
        score = None if not callable(discriminator) else lambda samples, side: discriminator(samples)
        known = Subject(
            None if fake is None else lambda: fake, False, score, None, None, modules, self._metric
        )
        if make is None or latents is None:
            return known
        reference = self._doctor.reference
        if reference is None or reference.labels is None:
            return replace(known, sample=lambda: make(latents), fixed=True)
        names: Tensor = torch.unique(reference.labels)
        asked = reference.labels[torch.arange(len(latents)) % len(reference.labels)]
        following = names[(torch.searchsorted(names, asked) + 1) % len(names)]
        return replace(
            known,
            sample=lambda: make(latents, asked.to(latents.device)),
            fixed=True,
            score=None,  # a conditional discriminator asks for more than samples
            swapped=lambda: make(latents, following.to(latents.device)),
            asked=asked,
        )

    def _scheduled(self, step: int, last: int | None) -> bool:
        if last is None:
            return True
        every = self.every or (max(1, round(self.steps / 60)) if self.steps else max(10, step // 40))
        return step - last >= every

    def _gather(self, real: Tensor | None, latent: Tensor | None) -> None:
        if self._doctor.reference is None and real is not None:
            self._gathered.append(real.detach().clone())
            if sum(map(len, self._gathered)) >= max(LEAST, MOST_TRAINING // 4):
                first = self._gathered[0].shape[1:]
                alike = [one for one in self._gathered if one.shape[1:] == first]
                known = reference_of(torch.cat(alike), self._held_out, None, self._note)
                self._doctor.reference = known
                self._gathered.clear()
        if latent is not None and sum(map(len, self._latents)) < MOST_PROBED:
            if self._latents and self._latents[0].shape[1:] != latent.shape[1:]:
                self._latents.clear()
            self._latents.append(latent.detach().clone())

    def _go_back(self, step: int) -> None:
        """The loop went back to an earlier step: forget what was measured after it."""
        self.not_used["step"] = f"it went back from {self._step} to {step}; what came after is forgotten"
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


def _mean(loss: Any) -> Tensor:
    found = loss if isinstance(loss, Tensor) else torch.as_tensor(float(loss))
    return found.detach().float().mean()


def gradient_norm(module: Any) -> Tensor | None:
    """The norm of the gradients that lie on a module's parameters; `None` if there are none."""
    if not isinstance(module, nn.Module):
        return None
    gradients = [one.grad.detach() for one in module.parameters() if one.grad is not None]
    if not gradients:
        return None
    norm: Tensor = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)).float())
    return norm


def _visibly_broken(step_stats: StepStats) -> bool:
    """Whether a loss on the CPU, where reading it waits for nothing, is not finite."""
    return any(
        tensor.is_cpu and tensor.numel() == 1 and not bool(torch.isfinite(tensor))
        for tensor in (step_stats.discriminator_loss, step_stats.generator_loss)
        if tensor is not None
    )

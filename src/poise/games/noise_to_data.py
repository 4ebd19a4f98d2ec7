"""Noise to data: the generator makes samples from latents, the discriminator scores them beside reals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from poise.dynamics.game import Batch, Cost, Networks, Played, State
from poise.losses.loss import Loss, LossFunction


@dataclass(frozen=True)
class WeightedPenalty:
    """A penalty with its weight and how often it is applied.

    Attributes:
        name: The penalty's name.
        penalty: `(critic, real, fake, *, generator) -> (N,)`.
        weight: What it is multiplied with, as if it were applied on every step.
        every: Applied every so many steps with so many times the weight (StyleGAN2's lazy regularisation);
            1 puts it into the discriminator's cost itself.
    """

    name: str
    penalty: Callable[..., Tensor]
    weight: float
    every: int = 1


@dataclass(frozen=True)
class NoiseToData:
    """The game of Goodfellow et al. 2014, with what has been added to it since.

    Networks by name: `generator`, `discriminator`, and `critic`, the discriminator in the form that penalties
    differentiate twice.

    Attributes:
        loss: The loss.
        discriminator_loss: Its discriminator's function, settings bound.
        advance_loss: Its state's function, settings bound.
        penalties: What keeps the critic smooth.
        packing: How many samples the discriminator scores at once, stacked along channels (Lin et al. 2018).
        label_flip: The share of pairs whose labels are exchanged for the discriminator.
        instance_noise: Standard deviation, at the start, of the noise added to all that is scored
            (Sønderby et al. 2016).
        instance_noise_steps: The steps over which it falls linearly to 0; `None` holds it constant.
        in_one_pass: Whether reals and fakes go through the discriminator as one batch, which is faster, and
            right where no sample's scores depend on the samples beside it.

    Source: Goodfellow et al. 2014, algorithm 1.
    """

    loss: Loss
    discriminator_loss: LossFunction
    advance_loss: Callable[..., State] | None = None
    penalties: tuple[WeightedPenalty, ...] = ()
    packing: int = 1
    label_flip: float = 0.0
    instance_noise: float = 0.0
    instance_noise_steps: int | None = None
    in_one_pass: bool = False

    @property
    def players(self) -> tuple[str, str]:
        """The discriminator, then the generator."""
        return ("discriminator", "generator")

    def initial_state(self) -> dict[str, Tensor]:
        """The loss's state at the start."""
        return {name: torch.tensor(value) for name, value in self.loss.initial_state.items()}

    def play(self, networks: Networks, batch: Batch) -> Played:
        """Fakes from the batch's latents."""
        return {"fake": networks["generator"](batch.latent)}

    def cost(self, player: str, networks: Networks, batch: Batch, played: Played, state: State) -> Cost:
        """One player's mean cost over the batch, penalties of every step included."""
        if player == "generator":
            fake_scores = self._scores(networks, batch, played["fake"])
            real_scores = fake_scores.detach()
            if self.loss.relativistic:
                with torch.no_grad():
                    real_scores = self._scores(networks, batch, batch.real)
            return self._generator_cost(real_scores, fake_scores)
        real_scores, fake_scores = self._both_scores(networks, batch, played["fake"])
        return self._discriminator_cost(networks, batch, played["fake"], real_scores, fake_scores, state)

    def costs(self, networks: Networks, batch: Batch, played: Played, state: State) -> dict[str, Cost]:
        """Both costs at one point, from one scoring of reals and fakes."""
        real_scores, fake_scores = self._both_scores(networks, batch, played["fake"])
        fake = played["fake"].detach()
        discriminator = self._discriminator_cost(networks, batch, fake, real_scores, fake_scores, state)
        return {
            "discriminator": discriminator,
            "generator": self._generator_cost(real_scores, fake_scores),
        }

    def lazy_cost(self, networks: Networks, batch: Batch, played: Played) -> Cost | None:
        """The penalties that are applied only every so often and are due now, each `every` times as heavy."""
        due = [one for one in self.penalties if one.every > 1 and batch.step % one.every == 0]
        if not due:
            return None
        measured = self._penalties(due, networks, batch, played["fake"])
        total = torch.stack([one.weight * one.every * measured[f"penalty_{one.name}"] for one in due]).sum()
        return Cost(total, {name: value.detach() for name, value in measured.items()})

    def advance(self, state: State, cost: Cost) -> State:
        """The loss's state after the discriminator's move."""
        if self.advance_loss is None:
            return state
        return self.advance_loss(state, cost.measured["real_scores"], cost.measured["fake_scores"])

    def _discriminator_cost(
        self,
        networks: Networks,
        batch: Batch,
        fake: Tensor,
        real_scores: Tensor,
        fake_scores: Tensor,
        state: State,
    ) -> Cost:
        judged = self._flipped(batch, real_scores, fake_scores)
        loss = self.discriminator_loss(*judged, **state).mean()
        steady = [one for one in self.penalties if one.every == 1]
        penalties = self._penalties(steady, networks, batch, fake)
        value = loss
        for one in steady:
            value = value + one.weight * penalties[f"penalty_{one.name}"]
        # In the order of computation, so that the first that is not finite is the culprit.
        seen = {"real_scores": real_scores, "fake_scores": fake_scores, "discriminator_loss": loss}
        return Cost(value, {name: tensor.detach() for name, tensor in {**seen, **penalties}.items()})

    def _generator_cost(self, real_scores: Tensor, fake_scores: Tensor) -> Cost:
        loss = self.loss.generator(real_scores, fake_scores).mean()
        return Cost(loss, {"generator_loss": loss.detach()})

    def _penalties(
        self, penalties: list[WeightedPenalty], networks: Networks, batch: Batch, fake: Tensor
    ) -> dict[str, Tensor]:
        if not penalties:
            return {}
        real, fake = self._packed(batch.real), self._packed(fake)
        critic = networks["critic"]
        return {
            f"penalty_{one.name}": one.penalty(critic, real, fake, generator=batch.generator).mean()
            for one in penalties
        }

    def _both_scores(self, networks: Networks, batch: Batch, fake: Tensor) -> tuple[Tensor, Tensor]:
        """Of reals and of fakes."""
        if not self.in_one_pass:
            fake_scores = self._scores(networks, batch, fake)
            return self._scores(networks, batch, batch.real), fake_scores
        seen = [self._seen(batch, samples) for samples in (fake, batch.real)]
        fake_scores, real_scores = networks["discriminator"](torch.cat(seen)).split(
            [len(one) for one in seen]
        )
        return real_scores, fake_scores

    def _scores(self, networks: Networks, batch: Batch, samples: Tensor) -> Tensor:
        return networks["discriminator"](self._seen(batch, samples))

    def _seen(self, batch: Batch, samples: Tensor) -> Tensor:
        return self._packed(self._noisy(batch, samples))

    def _noisy(self, batch: Batch, samples: Tensor) -> Tensor:
        if not self.instance_noise:
            return samples
        left = 1.0
        if self.instance_noise_steps is not None:
            left = max(0.0, 1.0 - batch.step / self.instance_noise_steps)
        if not left:
            return samples
        noise = torch.randn(
            samples.shape, generator=batch.generator, device=samples.device, dtype=samples.dtype
        )
        return samples + self.instance_noise * left * noise

    def _packed(self, samples: Tensor) -> Tensor:
        if self.packing == 1:
            return samples
        return samples.reshape(len(samples) // self.packing, -1, *samples.shape[2:])

    def _flipped(self, batch: Batch, real_scores: Tensor, fake_scores: Tensor) -> tuple[Tensor, Tensor]:
        if not self.label_flip:
            return real_scores, fake_scores
        shape = (len(real_scores),) + (1,) * (real_scores.dim() - 1)
        draw = torch.rand(shape, generator=batch.generator, device=real_scores.device)
        flip = draw < self.label_flip
        return torch.where(flip, fake_scores, real_scores), torch.where(flip, real_scores, fake_scores)

"""The mistakes that can be made in any loop, each at the place where a person makes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.strangers.data import Data

COPIED = 120
FEW_LATENTS = 6


@dataclass
class Mistake:
    """One fault, or none, from a step on. A loop calls these where it does what they are named after."""

    fault: str
    onset: int = 0
    few: int = 80  # Rows that are left with few data
    step: int = 0
    kept: dict[str, Any] = field(default_factory=dict)

    def __call__(self, *names: str) -> bool:
        """Whether the fault is one of these and bites now."""
        return self.fault in names and self.step >= self.onset

    def rows(self, data: Data) -> Data:
        """What is trained on."""
        return data.first(self.few) if self.fault == "few-data" else data

    def index(self, count: int, batch: int) -> Tensor:
        """Which rows come next."""
        drawn = torch.randint(0, count, (batch,))
        if self("same-batch"):
            return Tensor(self.kept.setdefault("index", drawn))
        return drawn

    def reals(self, real: Tensor) -> Tensor:
        """The reals as the loop has them."""
        match self.fault if self.step >= self.onset else "":
            case "reals-in-0-1":
                return (real + 1) / 2
            case "reals-in-bytes":
                return (real + 1) * 127.5
            case "colours-exchanged":
                return real.flip(1)
            case "inverted-reals":
                return -real
            case "noisy-reals":
                return real + 0.6 * torch.randn_like(real)
        return real

    def latent(self, drawn: Tensor) -> Tensor:
        """The latents of a step, from those that are drawn."""
        match self.fault if self.step >= self.onset else "":
            case "zero-latent":
                return torch.zeros_like(drawn)
            case "faint-latent":
                return 1e-3 * drawn
            case "one-latent-a-batch":
                return drawn[:1].expand_as(drawn)
            case "same-latent":
                return Tensor(self.kept.setdefault("latent", drawn))[: len(drawn)]
            case "few-latents":
                own = self.kept.setdefault("latents", torch.randn(FEW_LATENTS, *drawn.shape[1:]))
                return Tensor(own[torch.randint(0, FEW_LATENTS, (len(drawn),))])
        return drawn

    def labels(self, labels: Tensor) -> Tensor:
        """The labels of reals."""
        return labels[torch.randperm(len(labels))] if self("shuffled-labels") else labels

    def clear(self, optimiser: torch.optim.Optimizer, player: str) -> None:
        """Set the gradients of a player to zero."""
        if not self(f"no-zero-grad-{player}"):
            optimiser.zero_grad()

    def made(self, fake: Tensor) -> Tensor:
        """The fakes as the generator's loss sees them."""
        if self("detached", "fakes-without-graph"):
            return fake.detach().requires_grad_()
        if self("grey-fakes"):
            return fake.mean(1, keepdim=True).expand_as(fake)
        return fake

    def update(self, optimiser: torch.optim.Optimizer, player: str) -> None:
        """Step a player's optimiser."""
        if self("frozen-d") and player == "d":
            return
        if self("generator-never-steps") and player == "g":
            return
        optimiser.step()

    def rate(self, lr: float, player: str) -> float:
        """The learning rate of a player."""
        factors = {
            ("huge-rate-d", "d"): 100.0,
            ("tiny-rate-d", "d"): 1e-3,
            ("big-generator-rate", "g"): 50.0,
            ("rates-exchanged", "d"): 20.0,
            ("rates-exchanged", "g"): 0.02,
        }
        return lr * factors.get((self.fault, player), 1.0)

    def networks(self, generator: nn.Module, rows: Tensor) -> None:
        """What is wrong in the generator from the beginning; at its onset if that is later."""
        if self.step != self.onset:
            return
        match self.fault:
            case "dead-relu":
                _fill_first(generator, -30.0)
            case "constant-output":
                generator.register_forward_hook(_cut)
            case "latent-ignored":
                generator.register_forward_pre_hook(lambda _, given: (0.0 * given[0], *given[1:]))
            case "copies":
                generator.register_forward_hook(_copying(rows[:COPIED].clone()))
            case "chequered":
                generator.register_forward_hook(_chequered)
            case "gridded":
                generator.register_forward_hook(_gridded)
            case "modes-apart":
                for one in generator.modules():
                    if isinstance(one, nn.BatchNorm1d | nn.BatchNorm2d):
                        one.momentum = 0.0

    def finish(
        self,
        generator: nn.Module,
        optimisers: tuple[torch.optim.Optimizer, torch.optim.Optimizer],
        rows: Tensor,
    ) -> None:
        """The end of a step: what changes with time."""
        if self.step == self.onset:
            if self.fault == "nan":
                with torch.no_grad():
                    next(generator.parameters()).view(-1)[0] = torch.nan
            if self.fault in ("rate-rises", "rates-end"):
                for optimiser in optimisers:
                    for group in optimiser.param_groups:
                        group["lr"] *= 30 if self.fault == "rate-rises" else 1e-7
        if self("weights-decay"):
            with torch.no_grad():
                for one in generator.parameters():
                    one.mul_(1 - 0.01)
        self.step += 1
        if self.step == self.onset:
            self.networks(generator, rows)


def _fill_first(generator: nn.Module, value: float) -> None:
    """Every unit of a hidden layer is off for ever: the first norm's, or else the first layer's."""
    norms = [one for one in generator.modules() if isinstance(one, nn.BatchNorm1d | nn.BatchNorm2d)]
    layers = [
        one for one in generator.modules() if isinstance(one, nn.Linear | nn.ConvTranspose2d | nn.Conv2d)
    ]
    with torch.no_grad():
        for one in [*norms[:1], *layers[:1]]:
            if one.bias is not None:
                one.bias.fill_(value)


def _cut(module: nn.Module, given: tuple[Any, ...], made: Tensor) -> Tensor:
    """A bias far outside the range that samples are cut to, as a tanh does that loops on rows do not have."""
    return (made + 40.0).clamp(-1, 1)


def _copying(rows: Tensor) -> Callable[..., Tensor]:
    """A generator that has learnt some training rows by heart and adds a trace of its own."""

    def hook(module: nn.Module, given: tuple[Any, ...], made: Tensor) -> Tensor:
        latent = given[0].flatten(1)
        keys = torch.randn(latent.shape[1], len(rows), generator=torch.Generator().manual_seed(1))
        return 0.97 * rows[(latent @ keys).argmax(1)].reshape(made.shape) + 0.03 * made

    return hook


def _chequered(module: nn.Module, given: tuple[Any, ...], made: Tensor) -> Tensor:
    """Every other pixel is lifted, as by a transposed convolution whose kernel its stride does not divide."""
    height, width = made.shape[-2:]
    pattern = (torch.arange(height)[:, None] + torch.arange(width)) % 2 * 2.0 - 1
    return 0.8 * made + 0.2 * pattern


def _gridded(module: nn.Module, given: tuple[Any, ...], made: Tensor) -> Tensor:
    """The same with a sign that is drawn for each picture, so that no layer before it can take it back."""
    height, width = made.shape[-2:]
    pattern = (torch.arange(height)[:, None] + torch.arange(width)) % 2 * 2.0 - 1
    sign = 2.0 * torch.randint(0, 2, (len(made), 1, 1, 1)) - 1
    return 0.8 * made + 0.2 * sign * pattern

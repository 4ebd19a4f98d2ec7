"""What a term sees of a game: networks, batch, outputs, scores through augmentations, its own state."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from poise.augment import Augmentation, AugmentContext
from poise.dynamics.game import Batch, Networks, Outputs, State

Value = TypeVar("Value")

Judge = Callable[[Callable[..., Tensor], Tensor, Batch], Tensor]
"""`(network, samples, batch)` to what the network makes of the samples, with or without conditions."""


def judge(network: Callable[..., Tensor], samples: Tensor, batch: Batch) -> Tensor:
    """What a discriminator that takes no condition makes of samples."""
    return network(samples)


def judge_with_condition(network: Callable[..., Tensor], samples: Tensor, batch: Batch) -> Tensor:
    """What a discriminator makes of samples and the batch's conditions."""
    return network(samples, batch.condition)


def as_scores(output: Tensor) -> Tensor:
    """The output of a discriminator that gives scores and nothing else."""
    return output


def first_column(output: Tensor) -> Tensor:
    """The scores of a discriminator that gives a score and logits, `(N, 1 + classes)`."""
    return output[:, 0]


@dataclass(frozen=True)
class Scoring:
    """How samples are scored in a game.

    Attributes:
        judge: How the discriminator is called.
        read: From its output to scores.
        augmentations: What stands before it, settings bound, in order.
        in_one_pass: Whether reals and fakes go through it as one batch, which is faster, and right if no
            sample's scores depend on the samples beside it.
        slopes_at: Of `"real"` and `"fake"` those whose scores are differentiated by the samples in every
            update, so that the pass that makes the scores serves their gradients, too.
    """

    judge: Judge = judge
    read: Callable[[Tensor], Tensor] = as_scores
    augmentations: Sequence[Augmentation] = ()
    in_one_pass: bool = False
    slopes_at: frozenset[str] = frozenset()


class View:
    """What a term sees: everything is computed when it is first asked for, and once.

    Args:
        scoring: How samples are scored.
        networks: Callables by name: `discriminator`, `critic` (the discriminator in the form that is
            differentiated twice), `generator` and whatever else the game has.
        batch: The batch.
        outputs: What the forward pass gave; a function if it is to be computed only when asked for.
        state: The game's numbers by `term/name`.
        player: Whose loss is computed; reals are scored without a graph for the generator.
        of: The term whose own numbers `state` shows.
        shared: What was computed already, by a view of the same point.

    Example:
        A term can be computed by hand, on networks that are plain functions.

        >>> networks = {"discriminator": lambda x: x.sum(1), "critic": lambda x: x.sum(1)}
        >>> batch = Batch(torch.ones(2, 3), torch.zeros(2, 1), 0, torch.Generator())
        >>> view = View(Scoring(), networks, batch, {"fake": torch.zeros(2, 3)})
        >>> view.real_scores, view.fake_scores
        (tensor([3., 3.]), tensor([0., 0.]))
    """

    def __init__(
        self,
        scoring: Scoring,
        networks: Networks,
        batch: Batch,
        outputs: Outputs | Callable[[], Outputs],
        *,
        state: State | None = None,
        player: str = "discriminator",
        of: str = "",
        shared: dict[str, Any] | None = None,
        logs: dict[str, Tensor] | None = None,
    ) -> None:
        self.scoring, self.networks, self.batch, self.player = scoring, networks, batch, player
        self._outputs, self._state, self._of = outputs, state or {}, of
        self._shared: dict[str, Any] = {} if shared is None else shared
        self.logs: dict[str, Tensor] = {} if logs is None else logs

    @property
    def outputs(self) -> Outputs:
        """What the forward pass gave."""
        if callable(self._outputs):
            self._outputs = self._outputs()
        return self._outputs

    @property
    def real(self) -> Tensor:
        """Reals, `(N, ...)`: those of the batch, unless the forward pass gave others."""
        return self.outputs.get("real", self.batch.real)

    @property
    def fake(self) -> Tensor:
        """Fakes, `(N, ...)`."""
        return self.outputs["fake"]

    @property
    def randomness(self) -> torch.Generator:
        """The randomness of this batch."""
        return self.batch.generator

    @property
    def state(self) -> State:
        """The term's own numbers by name."""
        return own_part(self._state, self._of)

    @property
    def whole_state(self) -> State:
        """The numbers of all terms and augmentations, by `owner/name`."""
        return self._state

    def log(self, name: str, value: Tensor) -> None:
        """Write something down for the history."""
        self.logs[name] = value.detach()

    def remembered(self, name: str, compute: Callable[[], Value]) -> Value:
        """A value that is computed once for all terms of this point."""
        if name not in self._shared:
            self._shared[name] = compute()
        found: Value = self._shared[name]
        return found

    def of(self, term: str) -> View:
        """The same view with another term's numbers as `state`."""
        return View(
            self.scoring, self.networks, self.batch, self._outputs, state=self._state, player=self.player,
            of=term, shared=self._shared, logs=self.logs,
        )  # fmt: skip

    def context(self, augmentation: str) -> AugmentContext:
        """What an augmentation is given."""
        batch = self.batch
        state = own_part(self._state, augmentation)
        return AugmentContext(batch.generator, batch.step, batch.images_seen, batch.run_images, state)

    def augmented(self, samples: Tensor) -> Tensor:
        """Samples as the discriminator sees them."""
        for one in self.scoring.augmentations:
            samples = one.apply(samples, self.context(one.name))
        return samples

    def judged(self, samples: Tensor) -> Tensor:
        """What the discriminator makes of samples, seen through the augmentations."""
        return self.scoring.judge(self.networks["discriminator"], self.augmented(samples), self.batch)

    @property
    def fake_judged(self) -> Tensor:
        """What the discriminator makes of the fakes: scores and whatever else it gives."""
        if "fake" not in self._shared:
            self._judge_both()
        judged: Tensor = self._shared["fake"]
        return judged

    @property
    def real_judged(self) -> Tensor:
        """What the discriminator makes of the reals."""
        if "real" not in self._shared:
            if self.player == "discriminator":
                self._judge_both()
            else:
                with torch.no_grad():
                    self._shared["real"] = self.judged(self.real)
        judged: Tensor = self._shared["real"]
        return judged

    @property
    def fake_scores(self) -> Tensor:
        """Scores of the fakes."""
        return self.scoring.read(self.fake_judged)

    @property
    def real_scores(self) -> Tensor:
        """Scores of the reals."""
        return self.scoring.read(self.real_judged)

    def labelled_scores(self) -> tuple[Tensor, Tensor]:
        """Scores of reals and fakes under the labels that the discriminator is given."""
        if "labelled_real" not in self._shared:
            fake, real = self.fake_scores, self.real_scores
            for one in self.scoring.augmentations:
                if one.relabel is not None:
                    real, fake = one.relabel(real, fake, self.context(one.name))
            self._shared["labelled_real"], self._shared["labelled_fake"] = real, fake
        return self._shared["labelled_real"], self._shared["labelled_fake"]

    def share_scores(self) -> dict[str, Any]:
        """Score reals and fakes once for both players; the result is handed to their views as `shared`."""
        self._judge_both()
        return self._shared

    def slopes(self, side: str) -> tuple[Tensor, int] | None:
        """Gradients of the scores of reals or fakes by these, with a graph, and how many scores there are.

        They are of the very pass that made the scores, augmentations included; `None` if there was none, or
        none that can be differentiated.
        """
        point: Tensor | None = self._shared.get(f"{side} point")
        if point is None:
            return None
        scores = self.scoring.read(self._shared[side])
        each = scores if scores.dim() == 1 else scores.flatten(1).mean(1)
        (slopes,) = torch.autograd.grad(
            each.sum(), point, create_graph=True, allow_unused=True, materialize_grads=True
        )
        return slopes, len(scores)

    @property
    def critic(self) -> Critic:
        """From samples to scores through the augmentations, in a form that can be differentiated twice."""
        return Critic(self)

    def _judge_both(self) -> None:
        """Fakes, then reals unless only the fakes are needed; in one pass if that gives the same."""
        if self.player != "discriminator":
            self._shared["fake"] = self.judged(self.fake)
        elif self.scoring.in_one_pass:
            seen = [self.augmented(samples) for samples in (self.fake, self.real)]
            both = self.scoring.judge(self.networks["discriminator"], torch.cat(seen), self.batch)
            self._shared["fake"], self._shared["real"] = both.split([len(one) for one in seen])
        else:
            self._shared["fake"] = self.judged(self._point("fake", self.fake))
            self._shared["real"] = self.judged(self._point("real", self.real))

    def _point(self, side: str, samples: Tensor) -> Tensor:
        """The samples, or themselves as a point by which their scores will be differentiated."""
        if side not in self.scoring.slopes_at or samples.requires_grad or not torch.is_grad_enabled():
            return samples
        mapped = torch.compiler.is_compiling() or torch._C._functorch.maybe_current_level() is not None
        if mapped or self.networks["critic"] is not self.networks["discriminator"]:
            return samples
        point = samples.detach().requires_grad_()
        self._shared[f"{side} point"] = point
        return point


class Critic(nn.Module):
    """The scores of a view as a module, so that a penalty finds the buffers of the network.

    Args:
        view: What it is the critic of.
    """

    def __init__(self, view: View) -> None:
        super().__init__()
        self.network = view.networks["critic"]
        self._view = view

    def forward(self, samples: Tensor) -> Tensor:
        """Scores of samples, `(M,)` or `(M, ...)`."""
        view = self._view
        return view.scoring.read(view.scoring.judge(self.network, view.augmented(samples), view.batch))


def own_part(state: Mapping[str, Tensor], owner: str) -> dict[str, Tensor]:
    """The numbers of one owner by their own names, out of those of the whole game.

    Example:
        >>> own_part({"a/x": torch.tensor(1), "b/x": torch.tensor(2)}, "b")
        {'x': tensor(2)}
    """
    prefix = f"{owner}/"
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}

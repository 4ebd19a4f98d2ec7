"""Better samples of a generator: by the log ratio of the data over its samples they are chosen or moved.

The candidates are the plain samples of a seed, in their order, so that a chosen one is known by its seed and
its place. Every method but `weights` chooses the first of many as it chooses those of few.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from poise.errors import PoiseError
from poise.generator.sampling import sample_latents
from poise.randomness import derive, torch_stream
from poise.recipes.settings import Latent

LogRatio = Callable[[Tensor, Tensor | None], Tensor]
"""`(latents, conditions) -> (N,)` log ratios of the samples of these latents."""

BLOCK = 256
"""Candidates that are scored at once."""

RAREST = 1e-3
PATIENCE = 20_000
"""After so many candidates a share of accepted ones below `RAREST` ends the search."""

SHORTEST, LONGEST = 16, 640
UNMIXED = 0.01
"""A chain is so long that it accepts no candidate with this probability at most."""

POOL = 10
"""Candidates for each sample that is drawn by weights."""

STEPS, STEP_SIZE = 60, 0.1


@dataclass(frozen=True, eq=False)
class Candidates:
    """The plain samples of a seed.

    Attributes:
        draw: `(count)` to the latents and conditions of the first so many.
        log_ratio: Of their samples.
        largest: The largest log ratio that was seen before.
        latent: Where latents are drawn from.
        seed: The seed.
    """

    draw: Callable[[int], tuple[Tensor, Tensor | None]]
    log_ratio: LogRatio
    largest: float
    latent: Latent
    seed: int
    _known: list[Tensor] = field(default_factory=list)

    @torch.no_grad()
    def scored(self, count: int) -> Tensor:
        """Log ratios `(count,)` of the first so many, on the CPU."""
        have = sum(map(len, self._known))
        if have < count:
            upto = -(-count // BLOCK) * BLOCK
            latents, conditions = self.draw(upto)
            for start in range(have, upto, BLOCK):
                block = slice(start, start + BLOCK)
                given = None if conditions is None else conditions[block]
                self._known.append(self.log_ratio(latents[block], given).double().cpu())
        return torch.cat(self._known)[:count]

    def uniform(self, count: int, purpose: str) -> Tensor:
        """Numbers in [0, 1) of the seed; the first of many are those of few."""
        return torch.rand(count, generator=torch_stream(self.seed, 0, purpose), dtype=torch.float64)


@dataclass(frozen=True, eq=False)
class Refined:
    """What is to be made.

    Attributes:
        latents: `(N, latent_size)`.
        conditions: `(N, ...)`, or `None`.
        places: Which of the plain samples of the seed these are, `(N,)`; `None` if latents were moved.
        acceptance: The share of candidates, or of moves, that was accepted; of weights the effective sample
            size as a share of the candidates.
        candidates: How many samples were scored.
        text: The same in words.
    """

    latents: Tensor
    conditions: Tensor | None
    places: Tensor | None
    acceptance: float
    candidates: int
    text: str

    @property
    def indices(self) -> list[int]:
        """Which of the plain samples of the seed these are; empty if latents were moved."""
        return [] if self.places is None else self.places.tolist()

    @property
    def facts(self) -> dict[str, float]:
        """The acceptance and the candidates, for programs."""
        return {"acceptance": self.acceptance, "candidates": self.candidates}


def reject(candidates: Candidates, count: int) -> Refined:
    """Accept each candidate with the probability r / M, of a ratio r and the largest one M that was seen.

    A candidate with a larger ratio than that is always accepted.

    Raises:
        PoiseError: Hardly any is accepted.

    Source: Azadi et al. 2019, section 3.1, without the shift of section 3.2, which prefers favourites.
    """
    accepted, tried = torch.empty(0, dtype=torch.int64), 0
    while len(accepted) < count:
        share = max(len(accepted) / tried if tried else math.exp(-max(candidates.largest, 0)), RAREST)
        tried += -(-max(1, math.ceil((count - len(accepted)) / share)) // BLOCK) * BLOCK
        tried = min(tried, PATIENCE) if tried - PATIENCE < BLOCK else tried
        chance = (candidates.scored(tried) - candidates.largest).exp()
        accepted = (candidates.uniform(tried, "accepted candidates") < chance).nonzero().flatten()
        if tried >= PATIENCE and len(accepted) < RAREST * tried:
            what = f"Of {tried:,} candidates {len(accepted)} were accepted"
            why = "the discriminator tells nearly all of them from reals"
            hint = "take --refine chain or weights, or train for longer"
            raise PoiseError(what, code="generator.hardly-accepted", why=why, hint=hint)
    places = accepted[:count]
    seen = int(places[-1]) + 1
    above = int((candidates.scored(seen) > candidates.largest).sum())
    text = f"accepted {count / seen:.1%} of {seen:,} candidates"
    text += f", {above} of them with a ratio above the largest one before" if above else ""
    return _chosen(candidates, places, count / seen, seen, text)


def chain(candidates: Candidates, count: int) -> Refined:
    """The last state of a Metropolis-Hastings chain for each sample, whose proposals are candidates.

    A chain is long enough for the largest ratio that was seen: from 16 to 640 candidates.

    Source: Turner et al. 2019, algorithm 1.
    """
    wanted = math.log(UNMIXED) / math.log1p(-math.exp(-max(candidates.largest, 1e-3)))
    length = min(LONGEST, max(SHORTEST, math.ceil(wanted)))
    logs = candidates.scored(count * length).reshape(count, length)
    uniform = candidates.uniform(count * length, "moves of chains").reshape(count, length)
    current, state, moves = logs[:, 0], torch.zeros(count, dtype=torch.int64), 0
    for place in range(1, length):
        moved = uniform[:, place] < (logs[:, place] - current).exp()
        current = torch.where(moved, logs[:, place], current)
        state = torch.where(moved, place, state)
        moves += int(moved.sum())
    acceptance = moves / (count * (length - 1))
    places = torch.arange(count) * length + state
    text = f"accepted {acceptance:.1%} of the moves of {count:,} chains of {length} candidates"
    return _chosen(candidates, places, acceptance, count * length, text)


def weights(candidates: Candidates, count: int) -> Refined:
    """Draws from ten times as many candidates in proportion to their ratios, so that some come twice.

    Source: Grover et al. 2019, section 3.2 (sampling importance resampling).
    """
    pool = max(POOL * count, BLOCK)
    logs = candidates.scored(pool)
    raised = (logs - logs.max()).exp()
    ends = raised.cumsum(0)
    places = torch.searchsorted(ends, candidates.uniform(count, "draws by weight") * ends[-1], right=True)
    places = places.clamp(max=pool - 1)
    effective = float(raised.sum() ** 2 / raised.square().sum())
    twice = count - len(places.unique())
    text = f"drawn by weight from {pool:,} candidates, which count as {effective:,.0f}"
    text += f"; {twice} of the samples repeat another" if twice else ""
    return _chosen(candidates, places, effective / pool, pool, text)


def langevin(candidates: Candidates, count: int) -> Refined:
    """Latents that follow the gradient of the log ratio and of their own density, with noise.

    Each move is accepted or rejected so that the law is exact for any step size.

    Raises:
        PoiseError: The latents are uniform.

    Source: Che et al. 2020, algorithm 1; Roberts and Tweedie 1996 for the acceptance (MALA).
    """
    if candidates.latent.distribution != "normal":
        what = "The latents of this generator are uniform, and moves would leave their bounds"
        raise PoiseError(what, code="generator.uniform-latents", hint="take --refine reject or chain")
    latents, conditions = candidates.draw(count)
    pieces = latents.split(BLOCK)
    given = [None] * len(pieces) if conditions is None else conditions.split(BLOCK)
    moved, accepted = [], 0.0
    for number, (piece, condition) in enumerate(zip(pieces, given, strict=True)):
        rows = slice(number * BLOCK, number * BLOCK + len(piece))
        end, share = _moved(candidates, piece, condition, rows)
        moved.append(end)
        accepted += share * len(piece) / count
    text = f"accepted {accepted:.1%} of {STEPS} moves of each latent"
    return Refined(torch.cat(moved), conditions, None, accepted, count * (STEPS + 1), text)


def _moved(
    candidates: Candidates, latents: Tensor, condition: Tensor | None, rows: slice
) -> tuple[Tensor, float]:
    """Latents after all moves, and the share of moves that was accepted."""

    def energy(point: Tensor) -> tuple[Tensor, Tensor]:
        """The log density of latents, up to a constant, and its slope."""
        with torch.enable_grad():
            at = point.detach().requires_grad_()
            value = candidates.log_ratio(at, condition).to(at) - at.square().sum(1) / 2
            (slope,) = torch.autograd.grad(value.sum(), at)
        return value.detach(), slope

    def drift(start: Tensor, slope: Tensor) -> Tensor:
        return start + STEP_SIZE / 2 * slope

    value, slope = energy(latents)
    shares = 0.0
    for step in range(STEPS):
        seed = derive(candidates.seed, step, "moves of latents")
        noise = sample_latents(rows.stop, candidates.latent, seed=seed)[rows].to(latents)
        uniform = torch.rand(rows.stop, generator=torch_stream(seed, 0, "accepted moves"))[rows].to(latents)
        there = drift(latents, slope) + math.sqrt(STEP_SIZE) * noise
        value_there, slope_there = energy(there)
        back = (latents - drift(there, slope_there)).square().sum(1)
        forth = (there - drift(latents, slope)).square().sum(1)
        chance = (value_there - value + (forth - back) / (2 * STEP_SIZE)).exp()
        moved = uniform < chance
        latents = torch.where(moved[:, None], there, latents)
        slope = torch.where(moved[:, None], slope_there, slope)
        value = torch.where(moved, value_there, value)
        shares += float(moved.double().mean()) / STEPS
    return latents, shares


def _chosen(candidates: Candidates, places: Tensor, acceptance: float, tried: int, text: str) -> Refined:
    latents, conditions = candidates.draw(int(places.max()) + 1)
    own = places.to(latents.device)
    given = None if conditions is None else conditions[own]
    return Refined(latents[own], given, places, acceptance, tried, text)


REFINEMENTS: dict[str, Callable[[Candidates, int], Refined]] = {
    "reject": reject,
    "chain": chain,
    "weights": weights,
    "langevin": langevin,
}
"""By what people type after `--refine`."""

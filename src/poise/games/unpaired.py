"""Two domains without pairs: an image that goes there and back must be unchanged."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from poise.dynamics.game import Batch, Networks, Outputs, State
from poise.games.adversarial import AdversarialGame, Term
from poise.games.view import Scoring, View
from poise.schedules import Number


def drawn_from_pool(
    pool: Tensor, filled: Tensor, fresh: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """What the discriminator is shown, and the pool afterwards.

    While there is room for whole batches, fresh images are shown and kept. From then on each image is, by the
    toss of a coin, shown itself and not kept, or shown as one of the pool, whose place it takes.

    Args:
        pool: `(size, ...)`.
        filled: How many of its places are taken, a whole number on the same device.
        fresh: Images just made, `(N, ...)`, without a graph.
        generator: The randomness.

    Returns:
        Images `(N, ...)` and the pool, a tensor of its own; if a batch is larger than the pool, the fresh
        images and the pool as it was.

    Example:
        >>> pool, filled, stream = torch.zeros(4, 1), torch.tensor(0), torch.Generator().manual_seed(0)
        >>> images, pool = drawn_from_pool(pool, filled, torch.tensor([[1.0], [2.0]]), stream)
        >>> images.tolist(), pool.tolist()
        ([[1.0], [2.0]], [[1.0], [2.0], [0.0], [0.0]])

    Source: Shrivastava et al. 2017, section 2.3; Zhu et al. 2017, section 4.
    """
    count = len(fresh)
    room = room_for(len(pool), count)
    if not room:
        return fresh, pool
    device = fresh.device
    coins = torch.rand(count, generator=generator, device=device) < 0.5
    anywhere = torch.randperm(room, generator=generator, device=device)[:count]
    filling = filled < room
    places = torch.where(filling, filled + torch.arange(count, device=device), anywhere)
    places = places.clamp(max=room - 1)
    old = pool[places]
    wide = (count,) + (1,) * (fresh.dim() - 1)
    swapped = (coins & ~filling).reshape(wide)
    kept = torch.where((filling | coins).reshape(wide), fresh, old)
    return torch.where(swapped, old, fresh), pool.index_copy(0, places, kept)


def room_for(size: int, count: int) -> int:
    """The places of a pool that whole batches fill.

    Example:
        >>> room_for(50, 1), room_for(50, 16), room_for(50, 64)
        (50, 48, 0)
    """
    return size - size % count


@dataclass(frozen=True)
class Side:
    """One domain.

    Attributes:
        name: `"a"` or `"b"`.
        other: The domain that it is made from.
        made_by: The network that makes it.
    """

    name: str
    other: str
    made_by: str


SIDES = (Side("a", "b", "b_to_a"), Side("b", "a", "a_to_b"))


def unpaired(
    adversarial: tuple[Term, Term],
    regularisers: Sequence[Term],
    scoring: Scoring,
    *,
    shape: tuple[int, ...],
    cycle: Number = 10.0,
    identity: Number = 0.5,
    pool: int = 50,
) -> AdversarialGame:
    """An adversarial game in each domain, tied by what an image is after the way there and back.

    The first domain, a, is the batch's condition; the second, b, its reals. Networks by name: `a_to_b` and
    `b_to_a`, images to images; `discriminator_a` and `discriminator_b`, and as regularisers see them
    `critic_a` and `critic_b`.

    Args:
        adversarial: The terms of a loss for both players, of one domain.
        regularisers: Terms of the discriminators, of one domain.
        scoring: How samples are scored in each domain.
        shape: Of an image of either domain, `(C, H, W)`.
        cycle: The weight of the mean absolute difference after the way there and back.
        identity: The weight, in units of `cycle`, of what a network changes in images that are already of
            the domain that it makes.
        pool: How many images made earlier are kept for each discriminator; 0 for none.

    Source: Zhu et al. 2017, equations 1 to 3 and section 5.2.
    """
    first, second = adversarial
    terms = [
        _in_both_domains(first, pool, shape),
        *(_in_both_domains(term) for term in (*regularisers, second)),
        Term("cycle_loss", "generator", _cycle_error, cycle),
    ]
    has_identity = identity != 0
    if has_identity:
        terms.append(Term("identity_loss", "generator", _identity_error, _product(cycle, identity)))
    return AdversarialGame(partial(_forward, has_identity), tuple(terms), scoring)


def _product(weight: Number, share: Number) -> Number:
    if isinstance(share, float | int):
        if isinstance(weight, float | int):
            return weight * share
        start, end = (None if one is None else one * share for one in (weight.start, weight.end))
        return weight.model_copy(update={"start": start, "end": end})
    if isinstance(weight, float | int):
        return _product(share, weight)
    raise ValueError("the weights of the way back and of the identity cannot both be schedules")


def _forward(identity: bool, networks: Networks, batch: Batch) -> Outputs:
    """Each domain made from the other; with an identity term also from itself, in the same forward pass."""
    real = _real(batch)
    outputs: dict[str, Tensor] = {}
    for side in SIDES:
        network, source = networks[side.made_by], real[side.other]
        if not identity:
            outputs[f"fake_{side.name}"] = network(source)
            continue
        # One forward pass for both; with normalisation within samples, the same as one for each.
        made = network(torch.cat([source, real[side.name]]))
        outputs[f"fake_{side.name}"] = made[: len(source)]
        outputs[f"same_{side.name}"] = made[len(source) :]
    return outputs


def _in_both_domains(term: Term, pool: int = 0, shape: tuple[int, ...] = ()) -> Term:
    """A term of one domain as the sum over both; in each it has a state of its own, by `domain/name`.

    With a pool the discriminators are shown images made earlier, which are a part of the state.
    """
    has_state = pool > 0 or term.init is not None
    return dataclasses.replace(
        term,
        value=partial(_sum_over_domains, term, pool),
        init=partial(_initial_of_both, term, pool, shape) if has_state else None,
        update=partial(_updated_of_both, term, pool) if pool or term.update is not None else None,
    )


def _sum_over_domains(term: Term, pool: int, view: View) -> Tensor:
    parts: list[Tensor] = []
    logs: dict[str, list[Tensor]] = {}
    for side in SIDES:
        within = _side_view(view, side, pool).of(term.name)
        parts.append(term.value(within))
        for name, found in within.logs.items():
            logs.setdefault(name, []).append(found)
        within.logs.clear()
    for name, values in logs.items():
        view.log(name, torch.cat(values) if name.endswith("_scores") else torch.stack(values).sum())
    return parts[0] + parts[1]


def _initial_of_both(term: Term, pool: int, shape: tuple[int, ...]) -> State:
    own = term.init() if term.init is not None else {}
    state = {f"{side.name}/{name}": value for side in SIDES for name, value in own.items()}
    return state | (dict(_empty_pools(shape, pool)) if pool else {})


def _updated_of_both(term: Term, pool: int, state: State, view: View) -> State:
    updated: dict[str, Tensor] = {}
    for side in SIDES:
        if term.update is not None:
            within = _side_view(view, side, pool).of(term.name)
            own = term.update(within.state, within)
            updated |= {f"{side.name}/{name}": value for name, value in own.items()}
    return updated | (dict(_filled_pools(pool, state, view)) if pool else {})


def _side_view(view: View, side: Side, pool: int) -> View:
    """The view of one domain by the names that its terms ask for; one for all terms of this point."""
    make = partial(_new_side_view, view, side, pool)
    return view.remembered(f"{view.player} of {side.name}, {pool}", make)


def _new_side_view(view: View, side: Side, pool: int) -> View:
    networks, batch = view.networks, view.batch
    own = {
        "discriminator": networks[f"discriminator_{side.name}"],
        "critic": networks[f"critic_{side.name}"],
    }
    fake = view.outputs[f"fake_{side.name}"]
    if pool:
        state = view.state
        images, kept = drawn_from_pool(state[f"pool_{side.name}"], state["filled"], fake, batch.generator)
        view.remembered(f"pool_{side.name}", lambda: kept)
        fake = images
    alone = dataclasses.replace(batch, real=_real(batch)[side.name], condition=None)
    state = _state_within(view, side)
    return View(view.scoring, own, alone, {"fake": fake}, state=state, player=view.player)


def _state_within(view: View, side: Side) -> dict[str, Tensor]:
    """The numbers of the terms in one domain, and those of the augmentations, which serve both."""
    state: dict[str, Tensor] = {}
    for key, value in view.whole_state.items():
        owner, _, name = key.partition("/")
        if any(owner == one.name for one in view.scoring.augmentations):
            state[key] = value
        elif name.startswith(f"{side.name}/"):
            state[f"{owner}/{name.removeprefix(f'{side.name}/')}"] = value
    return state


def _empty_pools(shape: tuple[int, ...], pool: int) -> State:
    pools = {f"pool_{side.name}": torch.zeros(pool, *shape) for side in SIDES}
    return {**pools, "filled": torch.tensor(0)}


def _filled_pools(pool: int, state: State, view: View) -> State:
    """The pools as the discriminators' loss has left them, and how much of them is filled."""
    count = len(view.real)
    pools = {
        key: view.remembered(key, partial(state.__getitem__, key))
        for key in (f"pool_{side.name}" for side in SIDES)
    }
    return {**pools, "filled": (state["filled"] + count).clamp(max=room_for(pool, count))}


def _cycle_error(view: View) -> Tensor:
    """From each domain to the other and back: the mean absolute difference, summed over domains."""
    real = _real(view.batch)
    backs = [
        _difference(view.networks[side.made_by](view.outputs[f"fake_{side.other}"]), real[side.name])
        for side in SIDES
    ]
    return torch.stack(backs).sum(0)


def _identity_error(view: View) -> Tensor:
    real = _real(view.batch)
    sames = [_difference(view.outputs[f"same_{side.name}"], real[side.name]) for side in SIDES]
    return torch.stack(sames).sum(0)


def _difference(images: Tensor, wanted: Tensor) -> Tensor:
    return (images - wanted).abs().flatten(1).mean(1)


def _real(batch: Batch) -> Mapping[str, Tensor]:
    if batch.condition is None:
        raise ValueError("a game between two domains was given a batch of one")
    return {"a": batch.condition, "b": batch.real}

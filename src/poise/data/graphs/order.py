"""One order of nodes for graphs that differ in nothing else, so that numbers of samples can be compared."""

from __future__ import annotations

import torch
from torch import Tensor

from poise.data.graphs.codes import codes_of, matrices

_ROUNDS = 3  # Of refinement by the neighbours after each choice
_CHOICES = 8  # Nodes that are told apart from others like them, one after the other
_HASHED = 2**48 - 1  # The bits of a key that come after the degree


def in_one_order(codes: Tensor) -> Tensor:
    """The same graphs with their nodes by degree, then by what lies around them, `(B, nodes + pairs)`.

    Graphs that are the same up to the order of their nodes become the same row, but for some that are large
    and very regular.

    Example:
        >>> path, again = torch.tensor([[1, 1, 1, 1, 0, 1]]), torch.tensor([[1, 1, 1, 1, 1, 0]])
        >>> bool((in_one_order(path) == in_one_order(again)).all())
        True

    Source: Weisfeiler and Leman 1968, refinement of colours; ties are broken as in McKay 1981.
    """
    whole = matrices(codes).long()
    nodes = whole.shape[1]
    own = whole.diagonal(dim1=1, dim2=2)
    edges = whole - torch.diag_embed(own)
    beside = _mixed(edges * 31 + 7)
    keys = _refined(_mixed(own + 1), edges, beside)
    for _ in range(min(_CHOICES, nodes - 1)):
        ordered, places = keys.sort(1)
        tied = ordered[:, 1:] == ordered[:, :-1]
        some, first = tied.any(1), tied.to(torch.uint8).argmax(1)
        if not bool(some.any()):
            break
        chosen = places.gather(1, first[:, None])
        marked = keys.scatter(1, chosen, _mixed(keys.gather(1, chosen) + 1))
        keys = torch.where(some[:, None], _refined(marked, edges, beside), keys)
    degrees = (edges > 0).sum(2)
    order = ((nodes - degrees) * (_HASHED + 1) + (keys & _HASHED)).argsort(1)
    turned = whole.gather(1, order[:, :, None].expand_as(whole))
    return codes_of(turned.gather(2, order[:, None].expand_as(whole))).to(codes.dtype)


def _refined(keys: Tensor, edges: Tensor, beside: Tensor) -> Tensor:
    for _ in range(_ROUNDS):
        around = torch.where(edges > 0, _mixed(beside + keys[:, None]), 0).sum(2)
        keys = _mixed(keys * 3 + around)
    return keys


def _mixed(numbers: Tensor) -> Tensor:
    """Whole numbers whose bits depend on all bits of these (splitmix64)."""
    mixed = numbers * -7046029254386353131
    mixed = (mixed ^ (mixed >> 30)) * -4658895280553007687
    mixed = (mixed ^ (mixed >> 27)) * -7723592293110705685
    return mixed ^ (mixed >> 31)

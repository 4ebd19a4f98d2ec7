"""The grouped convolution of a GPU, on the CPU: torch's own to all orders, stacked, and forwards, too."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.func import jvp, vmap
from torch.nn.functional import conv2d

from poise.networks.grouped import GroupedConv2d, grouped_convolution

CASES = [(6, 3, 1, 3), (4, 5, 0, 4), (4, 1, 0, 2), (8, 3, 0, 8)]  # Channels, kernel, padding, groups


def drawn(channels: int, kernel: int, groups: int) -> tuple[Tensor, Tensor]:
    torch.manual_seed(0)
    images = torch.randn(2, channels, 5, 6, dtype=torch.float64, requires_grad=True)
    weights = torch.randn(
        channels, channels // groups, kernel, kernel, dtype=torch.float64, requires_grad=True
    )
    return images, weights


@pytest.mark.parametrize(("channels", "kernel", "padding", "groups"), CASES)
def test_values_and_gradients_of_both_orders_are_torchs(
    channels: int, kernel: int, padding: int, groups: int
) -> None:
    images, weights = drawn(channels, kernel, groups)
    found = []
    for made in (
        grouped_convolution(images, weights, padding=padding, groups=groups),
        conv2d(images, weights, padding=padding, groups=groups),
    ):
        first = torch.autograd.grad(made.pow(3).sum(), (images, weights), create_graph=True)
        penalty = first[0].square().sum() + first[1].square().sum()
        found.append([made, *first, *torch.autograd.grad(penalty, (images, weights))])
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)


def test_slopes_of_slopes_agree_with_finite_differences_in_both_directions() -> None:
    images, weights = drawn(4, 3, 2)
    images = images[:, :, :3, :4].detach().requires_grad_()

    def made(*given: Tensor) -> Tensor:
        return grouped_convolution(*given, padding=1, groups=2)

    assert torch.autograd.gradcheck(made, (images, weights), check_forward_ad=True)
    assert torch.autograd.gradgradcheck(made, (images, weights))


def test_stacked_games_and_directions_are_those_one_by_one() -> None:
    images, weights = (torch.randn(3, *one.shape, dtype=torch.float64) for one in drawn(4, 3, 2))

    def slope(some: Tensor, kernel: Tensor) -> Tensor:
        def total(one: Tensor) -> Tensor:
            return grouped_convolution(one, kernel, padding=1, groups=2).pow(3).sum()

        found: Tensor = torch.func.grad(total)(some)
        return found

    stacked = vmap(slope)(images, weights)
    alone = torch.stack([slope(*pair) for pair in zip(images, weights, strict=True)])
    torch.testing.assert_close(stacked, alone, rtol=1e-12, atol=1e-12)
    along = vmap(lambda step: jvp(lambda one: slope(one, weights[0]), (images[0],), (step,))[1])(images)
    for step, found in zip(images, along, strict=True):
        apart = 1e-6 * step
        wanted = (slope(images[0] + apart, weights[0]) - slope(images[0] - apart, weights[0])) / 2e-6
        torch.testing.assert_close(found, wanted, rtol=1e-6, atol=1e-6)


def test_the_layer_takes_it_where_there_is_a_card() -> None:
    """The device `meta` stands for a card: it computes shapes alone."""
    layer = GroupedConv2d(4, 6, 3, padding=1, groups=2)
    here = layer(torch.randn(2, 4, 5, 5))
    there = layer.to("meta")(torch.randn(2, 4, 5, 5, device="meta"))
    assert type(here.grad_fn).__name__ == "ConvolutionBackward0"
    assert there.shape == here.shape
    assert there.grad_fn.next_functions[0][0].name() == "_SlopeBackward"

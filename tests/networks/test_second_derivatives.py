"""Built-in discriminators are torch's layers to both orders, and carry no zeros back in the second pass."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from networks.specs import of
from poise.networks import DISCRIMINATORS, HalvingAverage, LeakyReLU, ReLU

IMAGE = (2, 8, 8)
CASES: list[tuple[str, dict[str, Any]]] = [
    ("dcgan", {}),
    ("dcgan", {"minibatch_standard_deviation": True}),
    ("infogan", {}),
    ("resnet", {"spectral_norm": False}),
    ("mlp", {}),
    ("mlp", {"activation": "relu"}),
    ("mlp", {"maxout_pieces": 3}),
    ("autoencoder", {}),
]


def built(name: str, **settings: Any) -> nn.Module:
    torch.manual_seed(0)
    return DISCRIMINATORS[name].build(of(IMAGE), width=4, **settings)


def of_torch(network: nn.Module) -> nn.Module:
    """A copy of a network with torch's own layers."""
    network = copy.deepcopy(network)
    for name, layer in list(network.named_modules()):
        torchs: nn.Module
        if isinstance(layer, LeakyReLU):
            torchs = nn.LeakyReLU(layer.negative_slope)
        elif isinstance(layer, ReLU | HalvingAverage):
            torchs = nn.ReLU() if isinstance(layer, ReLU) else nn.AvgPool2d(2)
        else:
            continue
        parent, _, last = name.rpartition(".")
        setattr(network.get_submodule(parent), last, torchs)
    return network


def penalty_gradients(network: nn.Module, samples: Tensor) -> list[Tensor | None]:
    """The gradients of a penalty by the weights: the second derivatives."""
    points = samples.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(network(points).sum(), points, create_graph=True)
    penalty = gradient.square().flatten(1).sum(1).mean()
    return list(torch.autograd.grad(penalty, list(network.parameters()), allow_unused=True))


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_scores_and_gradients_of_both_orders_are_those_of_torchs_layers(
    name: str, settings: dict[str, Any]
) -> None:
    ours, samples = built(name, **settings), torch.randn(4, *IMAGE)
    theirs = of_torch(ours)
    assert torch.equal(ours(samples), theirs(samples))
    for network in (ours, theirs):
        network(samples).sum().backward()
    for one, two in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one.grad, two.grad)
    second = penalty_gradients(theirs, samples)
    assert any(gradient is not None and gradient.any() for gradient in second)
    for found, expected in zip(penalty_gradients(ours, samples), second, strict=True):
        zeros = torch.zeros(())
        torch.testing.assert_close(
            zeros if found is None else found,
            zeros if expected is None or (found is None and not expected.any()) else expected,
        )


@pytest.mark.parametrize(
    ("name", "settings"),
    [case for case in CASES if case[0] != "autoencoder" and "minibatch" not in str(case)],
)
def test_no_gradient_is_carried_back_through_the_forward_graph(name: str, settings: dict[str, Any]) -> None:
    discriminator = built(name, **settings)
    gradients = penalty_gradients(discriminator, torch.randn(4, *IMAGE))
    # A bias moves only where a score has its kinks: without the path there is no gradient, not one of zeros.
    for (name_of, _), gradient in zip(discriminator.named_parameters(), gradients, strict=True):
        assert (gradient is None) == name_of.endswith("bias")


def test_torchs_layers_do_carry_zeros() -> None:
    # The reason for own layers; once torch returns nothing here, they are no longer needed.
    discriminator = of_torch(built("dcgan"))
    gradients = penalty_gradients(discriminator, torch.randn(4, *IMAGE))
    biases = [g for (n, _), g in zip(discriminator.named_parameters(), gradients, strict=True) if "bias" in n]
    assert any(gradient is not None for gradient in biases)
    assert not any(gradient.any() for gradient in biases if gradient is not None)


@pytest.mark.parametrize("slope", [0.0, 0.2, 0.3, 1.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_activations_are_exact_where_torch_defines_them(slope: float, dtype: torch.dtype) -> None:
    special = [0.0, -0.0, 1e-30, -1e-30, float("nan"), float("inf"), -float("inf")]
    values = torch.cat([torch.randn(50), torch.tensor(special)]).to(dtype)
    for ours, torchs in ((LeakyReLU(slope), nn.LeakyReLU(slope)), (ReLU(), nn.ReLU())):
        points, others = values.clone().requires_grad_(), values.clone().requires_grad_()
        outcome, expected = ours(points), torchs(others)
        torch.testing.assert_close(outcome, expected, rtol=0, atol=0, equal_nan=True)
        finite = values.isfinite()
        (mine,) = torch.autograd.grad(outcome[finite].sum(), points)
        (theirs,) = torch.autograd.grad(expected[finite].sum(), others)
        torch.testing.assert_close(mine, theirs, rtol=0, atol=0)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_averages_are_exact_in_either_layout(layout: torch.memory_format) -> None:
    features = torch.randn(2, 3, 8, 6).contiguous(memory_format=layout)
    assert torch.equal(HalvingAverage()(features), nn.AvgPool2d(2)(features))
    assert HalvingAverage()(features).is_contiguous(memory_format=layout)


@pytest.mark.parametrize("layer", [LeakyReLU(0.2), ReLU(), HalvingAverage()], ids=str)
def test_layers_can_be_differentiated_forwards_backwards_and_twice(layer: nn.Module) -> None:
    points = torch.randn(2, 1, 4, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(layer, points, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(layer, points)


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_many_games_at_once(name: str, settings: dict[str, Any]) -> None:
    networks = [built(name, **settings) for _ in range(3)]
    for network in networks[1:]:
        for parameter in network.parameters():
            nn.init.normal_(parameter, std=0.2)
    parameters, buffers = stack_module_state(networks)
    samples = torch.randn(3, 4, *IMAGE)

    def penalty(parameters: dict[str, Tensor], buffers: dict[str, Tensor], points: Tensor) -> Tensor:
        def total(points: Tensor) -> Tensor:
            scores: Tensor = functional_call(networks[0], (parameters, buffers), (points,))
            return scores.sum()

        gradient: Tensor = torch.func.grad(total)(points)
        return gradient.square().flatten(1).sum(1).mean()

    with warnings.catch_warnings():
        warnings.simplefilter("error")  # torch warns where it has to loop over the games
        together = vmap(torch.func.grad(penalty))(parameters, buffers, samples)
    for index, network in enumerate(networks):
        alone = penalty_gradients(network, samples[index])
        for (key, _), expected in zip(network.named_parameters(), alone, strict=True):
            found = together[key][index]
            wanted = torch.zeros_like(found) if expected is None else expected
            torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("name", ["dcgan", "resnet"])
def test_penalties_are_compiled_whole(name: str) -> None:
    torch.compiler.reset()
    module, samples = (
        built(name, **({"spectral_norm": False} if name == "resnet" else {})),
        torch.randn(6, *IMAGE),
    )

    def penalty(points: Tensor) -> Tensor:
        gradient: Tensor = torch.func.grad(lambda points: module(points).sum())(points)
        return gradient.square().flatten(1).sum(1).mean()

    compiled = torch.compile(penalty, backend="aot_eager", fullgraph=True)
    found = torch.autograd.grad(compiled(samples), list(module.parameters()), allow_unused=True)
    for one, expected in zip(found, penalty_gradients(of_torch(module), samples), strict=True):
        wanted = torch.zeros(()) if expected is None else expected
        torch.testing.assert_close(torch.zeros_like(wanted) if one is None else one, wanted)


def test_discriminators_can_be_exported() -> None:
    module, samples = built("resnet", spectral_norm=False).eval(), torch.randn(2, *IMAGE)
    exported = torch.export.export(module, (samples,)).run_decompositions()
    names = {str(node.target) for node in exported.graph.nodes if node.op == "call_function"}
    assert not any("threshold_backward" in name for name in names), "operators that every runtime has"
    torch.testing.assert_close(exported.module()(samples), module(samples))

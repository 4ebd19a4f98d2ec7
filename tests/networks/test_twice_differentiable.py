"""The view computes what the module computes, with less."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from networks.specs import of
from poise.networks import DISCRIMINATORS, twice_differentiable
from poise.networks.twice_differentiable import ConstantSlopeLeakyReLU

IMAGE = (1, 8, 8)


class Person(nn.Module):
    """What a person might bring: a shared activation, a flag, an attribute, a list, a name for a part."""

    def __init__(self, *, inplace: bool = False) -> None:
        super().__init__()
        self.first = nn.Linear(3, 4)
        self.activation = nn.LeakyReLU(0.3, inplace=inplace)
        self.body = nn.ModuleDict({"layers": nn.ModuleList([nn.Linear(4, 4), nn.ReLU(), self.activation])})
        self.nothing = None
        self.norm = nn.BatchNorm1d(4)
        self.last = nn.Linear(4, 1)
        self.fade = 1.0

    def forward(self, samples: Tensor) -> Tensor:
        hidden = self.norm(self.activation(self.first(samples)))
        for layer in self.body["layers"].children():
            hidden = self.fade * layer(hidden) + hidden
        if self.training:
            hidden = 2 * hidden
        scores: Tensor = self.last(hidden).flatten()
        return scores


def penalty_gradients(
    network: Callable[[Tensor], Tensor], owner: nn.Module, samples: Tensor
) -> list[Tensor | None]:
    points = samples.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(network(points).sum(), points, create_graph=True)
    penalty = gradient.square().flatten(1).sum(1).mean()
    return list(torch.autograd.grad(penalty, list(owner.parameters()), allow_unused=True))


def assert_same(first: Sequence[Tensor | None], second: Sequence[Tensor | None], rtol: float = 1e-4) -> None:
    """Equal gradients, where none at all equals zeros."""
    for one, two in zip(first, second, strict=True):
        if one is None or two is None:
            left = two if one is None else one
            assert left is None or not left.any()
        else:
            assert torch.allclose(one, two, rtol=rtol, atol=1e-7)


def assert_equal_scores(name: str, found: Tensor, expected: Tensor) -> None:
    """Bit for bit; but the pooling of 'resnet' sums in another order."""
    if name == "resnet":
        torch.testing.assert_close(found, expected)
    else:
        assert torch.equal(found, expected)


def built(name: str, shape: tuple[int, ...] = IMAGE, **settings: Any) -> nn.Module:
    torch.manual_seed(0)
    return DISCRIMINATORS[name].build(of(shape), width=4, **settings)


@pytest.mark.parametrize("name", list(DISCRIMINATORS))
def test_scores_and_gradients_of_both_orders_are_those_of_the_module(name: str) -> None:
    discriminator = built(name).eval()
    view = twice_differentiable(discriminator)
    samples = torch.randn(4, *IMAGE)
    assert_equal_scores(name, view(samples), discriminator(samples))
    parameters = [p for p in discriminator.parameters() if p.requires_grad]
    for first, second in zip(
        torch.autograd.grad(view(samples).sum(), parameters),
        torch.autograd.grad(discriminator(samples).sum(), parameters),
        strict=True,
    ):
        assert torch.allclose(first, second, rtol=1e-5, atol=1e-7)
    plain = penalty_gradients(discriminator, discriminator, samples)
    assert any(gradient is not None and gradient.any() for gradient in plain)
    assert_same(penalty_gradients(view, discriminator, samples), plain)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("dcgan", {}),
        ("infogan", {}),
        ("resnet", {"spectral_norm": False}),
        ("mlp", {}),
        ("mlp", {"maxout_pieces": 3}),
    ],
)
def test_no_gradient_is_carried_back_through_the_forward_graph(name: str, settings: dict[str, Any]) -> None:
    discriminator = built(name, **settings)
    samples = torch.randn(4, *IMAGE)
    gradients = penalty_gradients(twice_differentiable(discriminator), discriminator, samples)
    # A bias moves only where a score has its kinks: without the path there is no gradient, not one of zeros.
    for (name_of, _), gradient in zip(discriminator.named_parameters(), gradients, strict=True):
        assert (gradient is None) == name_of.endswith("bias")


def test_the_plain_module_does_carry_zeros() -> None:
    # The reason for the view; should torch mend this one day, the view is no longer needed.
    discriminator = built("dcgan")
    gradients = penalty_gradients(discriminator, discriminator, torch.randn(4, *IMAGE))
    biases = [g for (n, _), g in zip(discriminator.named_parameters(), gradients, strict=True) if "bias" in n]
    assert any(gradient is not None for gradient in biases)
    assert not any(gradient.any() for gradient in biases if gradient is not None)


@pytest.mark.parametrize("slope", [0.0, 0.2, 0.3, 1.0, -0.5, 1.5])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("inplace", [False, True])
def test_the_replaced_activation_is_exact(slope: float, dtype: torch.dtype, inplace: bool) -> None:
    plain = nn.LeakyReLU(slope, inplace=inplace)
    view = twice_differentiable(plain)
    values = torch.cat([torch.randn(50), torch.tensor([0.0, -0.0, 1e-30, -1e-30])]).to(dtype)
    outcome = view(values.clone())
    assert outcome.dtype == dtype
    assert torch.allclose(outcome, plain(values.clone()), rtol=1e-2 if dtype == torch.bfloat16 else 1e-15)
    if dtype != torch.bfloat16:
        assert torch.equal(outcome, plain(values.clone()))


@pytest.mark.parametrize(
    "settings",
    [
        {"kernel_size": 2},
        {"kernel_size": (4, 7)},
        {"kernel_size": (2,), "stride": (2,)},
        {"kernel_size": (2, 7), "stride": (1, 7)},
        {"kernel_size": (2, 1), "divisor_override": 5},
        {"kernel_size": (3, 2), "stride": (1, 2), "padding": (1, 0)},
        {"kernel_size": 3, "padding": 1, "divisor_override": 5},
        {"kernel_size": 3, "padding": 1, "count_include_pad": False},
        {"kernel_size": 3, "ceil_mode": True},
    ],
)
def test_average_pooling_is_equal(settings: dict[str, Any]) -> None:
    torch.manual_seed(0)
    plain = nn.AvgPool2d(**settings)
    view, values = twice_differentiable(plain), torch.randn(2, 3, 8, 7)
    assert torch.allclose(view(values), plain(values), atol=1e-6)
    assert torch.allclose(view(values[0]), plain(values[0]), atol=1e-6)
    assert f"kernel_size={settings['kernel_size']}" in repr(view)


def test_relu_is_exact_and_flat_at_zero() -> None:
    values = torch.tensor([-2.0, 0.0, 3.0], requires_grad=True)
    view = twice_differentiable(nn.ReLU())
    assert torch.equal(view(values), torch.relu(values))
    (slope,) = torch.autograd.grad(view(values).sum(), values)
    assert slope.tolist() == [0.0, 0.0, 1.0]


def test_not_a_number_stays_one() -> None:
    values = torch.tensor([float("nan"), 1.0])
    for layer in (nn.ReLU(), nn.LeakyReLU(0.2)):
        assert twice_differentiable(layer)(values).isnan().tolist() == [True, False]


def test_an_activation_in_place_still_changes_its_input() -> None:
    class Skip(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.relu = nn.ReLU(inplace=True)

        def forward(self, values: Tensor) -> Tensor:
            total: Tensor = self.relu(values) + values  # values are those after the ReLU
            return total

    module, values = Skip(), torch.randn(9)
    assert torch.equal(twice_differentiable(module)(values.clone()), module(values.clone()))


def test_it_leaves_the_module_as_it_was() -> None:
    module = Person()
    before, kinds = repr(module), [type(part) for part in module.modules()]
    keys = list(vars(module))
    twice_differentiable(module)
    assert (repr(module), [type(part) for part in module.modules()], list(vars(module))) == (
        before,
        kinds,
        keys,
    )


def test_a_person_s_own_module_keeps_its_class_names_and_shared_parts() -> None:
    module = Person()
    view = twice_differentiable(module)
    assert isinstance(view, Person)
    assert [name for name, _ in view.named_parameters()] == [name for name, _ in module.named_parameters()]
    assert all(a is b for a, b in zip(view.parameters(), module.parameters(), strict=True))
    assert all(a is b for a, b in zip(view.buffers(), module.buffers(), strict=True))
    assert view.state_dict().keys() == module.state_dict().keys()
    assert view.first is module.first
    assert isinstance(view.body, nn.ModuleDict)
    layers = view.body["layers"]
    assert isinstance(layers, nn.ModuleList)
    assert layers[2] is view.activation, "what was shared stays shared"
    assert not any(type(part) in (nn.ReLU, nn.LeakyReLU) for part in view.modules())
    assert view.nothing is None
    with pytest.raises(AttributeError, match="missing"):
        _ = view.missing


@pytest.mark.parametrize("inplace", [False, True])
def test_a_person_s_own_module_scores_alike(inplace: bool) -> None:
    torch.manual_seed(0)
    module = Person(inplace=inplace)
    view, samples = twice_differentiable(module), torch.randn(6, 3)
    assert torch.allclose(view(samples), module(samples), rtol=1e-6)
    assert_same(penalty_gradients(view, module, samples), penalty_gradients(module, module, samples))


def test_the_modes_are_one() -> None:
    torch.manual_seed(0)
    module = Person()
    view, samples = twice_differentiable(module), torch.randn(6, 3)
    module.eval()
    assert not any(part.training for part in view.modules())
    assert torch.equal(view(samples), module(samples))
    view.train()
    assert all(part.training for part in module.modules())
    assert torch.equal(view(samples), module(samples))


def test_plain_attributes_and_hooks_are_one() -> None:
    torch.manual_seed(0)
    module = Person().eval()
    view, samples = twice_differentiable(module), torch.randn(6, 3)
    module.fade = 0.25
    module.activation.negative_slope = 0.7
    assert torch.equal(view(samples), module(samples))
    seen: list[int] = []
    module.register_forward_hook(lambda *_: seen.append(1))
    module.activation.register_forward_hook(lambda *_: seen.append(2))
    view(samples)
    assert seen == [2, 2, 1]


def test_batch_statistics_are_one() -> None:
    module = Person()
    view = twice_differentiable(module)
    view(torch.randn(6, 3) + 5)
    assert module.norm.num_batches_tracked == 1
    assert module.norm.running_mean is not None
    assert torch.equal(view.get_buffer("norm.running_mean"), module.norm.running_mean)
    assert module.norm.running_mean.any()


@pytest.mark.parametrize("name", ["dcgan", "resnet", "mlp"])
def test_what_happens_to_the_module_happens_to_the_view(name: str) -> None:
    module = built(name, spectral_norm=True)
    view, samples = twice_differentiable(module), torch.randn(3, *IMAGE)
    other = {key: torch.randn_like(value) for key, value in module.state_dict().items()}
    module.load_state_dict(other)
    module.eval()
    assert_equal_scores(name, view(samples), module(samples))
    module.double()
    assert view(samples.double()).dtype == torch.float64
    assert_equal_scores(name, view(samples.double()), module(samples.double()))
    optimiser = torch.optim.SGD(module.parameters(), 0.1)
    view(samples.double()).sum().backward()
    before = view(samples.double()).detach()
    optimiser.step()
    assert not torch.equal(view(samples.double()), before)
    assert_equal_scores(name, view(samples.double()), module(samples.double()))
    view.float()
    assert next(module.parameters()).dtype == torch.float32


def test_swapped_tensors_are_seen() -> None:
    # torch can also put whole new tensors into a module when it is converted.
    module = built("dcgan")
    view = twice_differentiable(module)
    with torch.no_grad():
        before = torch.__future__.get_overwrite_module_params_on_conversion()
        torch.__future__.set_overwrite_module_params_on_conversion(True)
        try:
            module.double()
        finally:
            torch.__future__.set_overwrite_module_params_on_conversion(before)
    assert all(a is b for a, b in zip(view.parameters(), module.parameters(), strict=True))
    assert view(torch.randn(2, *IMAGE).double()).dtype == torch.float64


def test_power_iterations_of_the_view_are_those_of_the_module() -> None:
    module = built("dcgan", spectral_norm=True)
    view, samples = twice_differentiable(module), torch.randn(3, *IMAGE)
    for parameter in module.parameters():
        nn.init.normal_(parameter)
    apart = copy.deepcopy(module)
    view(samples)
    apart(samples)
    assert all(torch.equal(a, b) for a, b in zip(module.buffers(), apart.buffers(), strict=True))
    assert_same(penalty_gradients(view, module, samples), penalty_gradients(apart, apart, samples), rtol=1e-3)


def test_a_parametrised_module_with_parts_has_a_view() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.randn(3))
            self.inner = nn.Sequential(nn.Linear(3, 3), nn.LeakyReLU(0.2))

        def forward(self, values: Tensor) -> Tensor:
            result: Tensor = self.inner(values * self.weight)
            return result

    module = Scaled()
    nn.utils.parametrize.register_parametrization(module, "weight", nn.Softplus())
    view, values = twice_differentiable(module), torch.randn(2, 3)
    assert torch.equal(view(values), module(values))
    assert type(dict(view.named_modules())["inner.1"]) is ConstantSlopeLeakyReLU


def test_a_module_without_activations_is_its_own_view() -> None:
    module = nn.Sequential(nn.Linear(2, 2), nn.Tanh())
    assert twice_differentiable(module) is module


def test_a_view_of_a_view_is_the_view() -> None:
    view = twice_differentiable(Person())
    assert twice_differentiable(view) is view


def test_a_subclass_of_an_activation_is_left_alone() -> None:
    class Shifted(nn.ReLU):
        def forward(self, values: Tensor) -> Tensor:
            return super().forward(values - 1)

    module = nn.Sequential(nn.Linear(2, 2), Shifted())
    assert twice_differentiable(module) is module


def test_a_deep_copy_of_a_view_is_a_view_of_a_copy() -> None:
    torch.manual_seed(0)
    module = Person()
    twin = copy.deepcopy(twice_differentiable(module))
    samples = torch.randn(4, 3)
    scores = module.eval()(samples)
    assert torch.equal(twin.eval()(samples), scores)
    for parameter in twin.parameters():
        parameter.data.zero_()
    assert torch.equal(module(samples), scores)
    assert not twin(samples).any()


@pytest.mark.parametrize("name", ["mlp", "dcgan", "infogan", "resnet"])
def test_other_parameters_can_be_given(name: str) -> None:
    settings: dict[str, Any] = {"spectral_norm": False}
    module = built(name, **settings)
    view, samples = twice_differentiable(module), torch.randn(3, *IMAGE)
    other = {key: torch.randn_like(value) for key, value in module.named_parameters()}
    own = view(samples)
    expected = functional_call(module, other, (samples,))
    assert_equal_scores(name, functional_call(view, other, (samples,)), expected)
    assert torch.equal(view(samples), own), "and are taken out again"

    def penalty(network: nn.Module, parameters: dict[str, Tensor]) -> Tensor:
        def total(points: Tensor) -> Tensor:
            scores: Tensor = functional_call(network, parameters, (points,))
            return scores.sum()

        gradient: Tensor = torch.func.grad(total)(samples)
        return gradient.square().sum()

    first = torch.func.grad(lambda parameters: penalty(view, parameters))(other)
    second = torch.func.grad(lambda parameters: penalty(module, parameters))(other)
    for key, gradient in first.items():
        assert torch.allclose(gradient, second[key], rtol=1e-3, atol=1e-5), key


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("mlp", {}),
        ("mlp", {"maxout_pieces": 3}),
        ("dcgan", {}),
        ("dcgan", {"minibatch_standard_deviation": True}),
    ],
)
def test_many_games_at_once(name: str, settings: dict[str, Any]) -> None:
    torch.manual_seed(0)
    networks = [DISCRIMINATORS[name].build(of(IMAGE), width=4, **settings) for _ in range(3)]
    parameters, buffers = stack_module_state(networks)
    samples = torch.randn(3, 4, *IMAGE)
    view = twice_differentiable(networks[0])

    def penalty(parameters: dict[str, Tensor], buffers: dict[str, Tensor], points: Tensor) -> Tensor:
        def total(points: Tensor) -> Tensor:
            scores: Tensor = functional_call(view, (parameters, buffers), (points,))
            return scores.sum()

        gradient: Tensor = torch.func.grad(total)(points)
        return gradient.square().flatten(1).sum(1).mean()

    with warnings.catch_warnings():
        warnings.simplefilter("error")  # torch warns where it has to loop over the games
        together = vmap(torch.func.grad(penalty))(parameters, buffers, samples)
    for index, network in enumerate(networks):
        alone = penalty_gradients(network, network, samples[index])
        for (key, _), expected in zip(network.named_parameters(), alone, strict=True):
            found = together[key][index]
            assert torch.allclose(
                found, torch.zeros_like(found) if expected is None else expected, rtol=1e-3, atol=1e-6
            )


def test_it_is_compiled_whole_and_follows_the_module() -> None:
    torch.manual_seed(0)
    torch.compiler.reset()
    module = Person().eval()
    view, samples = twice_differentiable(module), torch.randn(6, 3)

    def penalty(points: Tensor) -> Tensor:
        gradient: Tensor = torch.func.grad(lambda points: view(points).sum())(points)
        return gradient.square().sum()

    compiled = torch.compile(penalty, backend="aot_eager", fullgraph=True)
    plain = penalty_gradients(module, module, samples)
    found = list(torch.autograd.grad(compiled(samples) / 6, list(module.parameters()), allow_unused=True))
    assert_same(found, plain)
    module.fade = 0.5
    module.train()
    module.norm.eval()
    assert_same(
        list(torch.autograd.grad(compiled(samples) / 6, list(module.parameters()), allow_unused=True)),
        penalty_gradients(module, module, samples),
    )

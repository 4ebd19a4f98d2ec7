"""Gradient penalties by hand, against autograd, compiled, stacked, and where gradients vanish."""

import math
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap
from torch.nn.functional import softplus
from torch.nn.utils import parametrizations

from poise.networks import DISCRIMINATORS
from poise.regularisers import REGULARISERS, squared_gradient_norm
from poise.spec import DataSpec

Critic = Callable[[Tensor], Tensor]


def stream(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=stream(seed), dtype=torch.float64)


@dataclass
class Seen:
    """What a regulariser sees of a game."""

    critic: Critic
    real: Tensor
    fake: Tensor
    randomness: torch.Generator = field(default_factory=stream)
    state: dict[str, Tensor] = field(default_factory=dict)

    def slopes(self, side: str) -> None:
        """None are at hand."""


def measured(
    name: str, critic: Critic, real: Tensor, fake: Tensor, seed: int = 0, **options: float
) -> Tensor:
    values: Tensor = REGULARISERS[name].value(Seen(critic, real, fake, stream(seed)), **options)
    return values


def points_of(name: str, real: Tensor, fake: Tensor, seed: int = 0) -> Tensor:
    """Where a penalty measures, for points of positive coordinates.

    The slope of the critic x_k^2 / 2 is x_k; with a wanted norm of 0 its penalty is the square of that.
    """

    def halved_square(k: int) -> Critic:
        return lambda x: x[:, k].square() / 2

    columns = [
        measured(name, halved_square(k), real, fake, seed, target=0.0, epsilon=0.0).sqrt()
        for k in range(real.shape[1])
    ]
    return torch.stack(columns, 1).detach()


REAL, FAKE = noise(7, 3, seed=1), noise(7, 3, seed=2)
# Drift measures scores, not their slopes.
OF_SLOPES = [row for row in REGULARISERS.values() if row.player == "discriminator" and row.name != "drift"]
NAMES = [row.name for row in OF_SLOPES if not row.needs_parts]


def network(seed: int = 0, *, dtype: torch.dtype = torch.float64) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        layers = nn.Sequential(nn.Linear(3, 6), nn.Softplus(), nn.Linear(6, 6), nn.LeakyReLU(0.2))
        return nn.Sequential(layers, nn.Linear(6, 1), nn.Flatten(0)).to(dtype)


def test_the_eager_gradient_has_the_bits_of_the_one_that_compilers_follow() -> None:
    critic, points = network(dtype=torch.float32), REAL.float()
    followed = torch.func.grad(lambda x: critic(x).sum())(points).square().flatten(1).sum(1)
    eager = squared_gradient_norm(critic, points)
    assert torch.equal(eager, followed)
    slopes = [
        torch.autograd.grad(value.mean(), list(critic.parameters()), allow_unused=True)
        for value in (eager, followed)
    ]
    assert all(
        (one is None) == (other is None) and (one is None or torch.equal(one, other))
        for one, other in zip(*slopes, strict=True)
    )
    assert any(one is not None and one.abs().max() > 0 for one in slopes[0])
    with torch.no_grad():
        alone = squared_gradient_norm(critic, points)
    assert torch.equal(alone, followed) and not alone.requires_grad


# By hand ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "by_weight"),
    [
        ("r1", lambda w: w @ w / 2, lambda w: w),
        ("r2", lambda w: w @ w / 2, lambda w: w),
        ("wgan-gp", lambda w: (w.norm() - 1) ** 2, lambda w: 2 * (w.norm() - 1) * w / w.norm()),
        ("dragan", lambda w: (w.norm() - 1) ** 2, lambda w: 2 * (w.norm() - 1) * w / w.norm()),
    ],
)
def test_a_linear_critic_is_penalised_by_the_norm_of_its_weight(
    name: str, value: Callable[[Tensor], Tensor], by_weight: Callable[[Tensor], Tensor]
) -> None:
    weight = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64, requires_grad=True)
    values = measured(name, lambda x: x @ weight + 3.0, REAL, FAKE)
    torch.testing.assert_close(values, value(weight).expand(7))
    (slope,) = torch.autograd.grad(values.mean(), weight)
    torch.testing.assert_close(slope, by_weight(weight.detach()))


@pytest.mark.parametrize("name", NAMES)
def test_two_layers_with_softplus_agree_with_the_closed_form(name: str) -> None:
    inner, outer = noise(5, 3, seed=3), noise(5, seed=4)
    inner.requires_grad_()
    outer.requires_grad_()

    def critic(x: Tensor) -> Tensor:
        return softplus(x @ inner.T) @ outer

    real, fake = REAL + 4, FAKE + 4  # every coordinate positive, as `points_of` needs
    points = {"r1": real, "r2": fake}.get(name)
    points = points_of(name, real, fake) if points is None else points
    gradient = (torch.sigmoid(points @ inner.T) * outer) @ inner
    norms = gradient.square().sum(1)
    by_hand = norms / 2 if name in ("r1", "r2") else ((norms + 1e-12).sqrt() - 1).square()
    values = measured(name, critic, real, fake)
    torch.testing.assert_close(values, by_hand)
    ours = torch.autograd.grad(values.mean(), (inner, outer))
    torch.testing.assert_close(ours, torch.autograd.grad(by_hand.mean(), (inner, outer)))


@pytest.mark.parametrize("name", NAMES)
def test_gradients_by_parameters_agree_with_finite_differences(name: str) -> None:
    net = network()
    names, values = zip(*net.named_parameters(), strict=True)

    def penalty_of(*parameters: Tensor) -> Tensor:
        given = dict(zip(names, parameters, strict=True))
        return measured(name, lambda x: functional_call(net, given, (x,)), REAL, FAKE).mean()

    assert torch.autograd.gradcheck(penalty_of, tuple(value.detach().requires_grad_() for value in values))


@pytest.mark.parametrize("name", ["r1", "r2", "wgan-gp"])
def test_each_value_is_of_its_own_sample(name: str) -> None:
    net, moved = network(), torch.zeros_like(REAL)
    moved[3] = 1
    before, after = measured(name, net, REAL, FAKE), measured(name, net, REAL + moved, FAKE + moved)
    assert [bool(a != b) for a, b in zip(before, after, strict=True)] == [i == 3 for i in range(7)]


def test_r1_looks_at_reals_and_r2_at_fakes() -> None:
    net = network()
    torch.testing.assert_close(measured("r1", net, REAL, FAKE), measured("r2", net, FAKE, REAL))
    assert torch.equal(measured("r1", net, REAL, FAKE), measured("r1", net, REAL, FAKE + 1))
    assert torch.equal(measured("r2", net, REAL, FAKE), measured("r2", net, REAL + 1, FAKE))
    assert not torch.equal(measured("r1", net, REAL, FAKE), measured("r2", net, REAL, FAKE))


def test_the_scores_of_patches_are_averaged() -> None:
    weights = noise(9, 3, seed=5)

    def patches(x: Tensor) -> Tensor:
        return (x @ weights.T).reshape(-1, 1, 3, 3)

    mean = weights.mean(0)
    torch.testing.assert_close(squared_gradient_norm(patches, REAL), (mean @ mean).expand(7))


@pytest.mark.parametrize("name", NAMES)
def test_samples_are_constants(name: str) -> None:
    real, fake = REAL.clone().requires_grad_(), FAKE.clone().requires_grad_()
    values = measured(name, network(), real, fake)
    found = torch.autograd.grad(values.sum(), (real, fake), allow_unused=True)
    assert all(gradient is None for gradient in found)


# Where they measure ----------------------------------------------------------------------------------------


def test_wgan_gp_measures_at_one_random_point_of_each_line() -> None:
    real, fake = torch.full((4000, 3), 1.0), torch.tensor([2.0, 3.0, 5.0]).repeat(4000, 1)
    points = points_of("wgan-gp", real, fake)
    shares = (points - real) / (fake - real)
    torch.testing.assert_close(shares, shares[:, :1].expand(-1, 3))  # one share a sample, not a coordinate
    share = shares[:, 0].sort().values
    assert float(share[0]) >= -1e-6
    assert float(share[-1]) <= 1 + 1e-6
    # Uniform by Kolmogorov and Smirnov; 1.95 / sqrt(n) is exceeded by one sample in a thousand.
    assert float((share - torch.linspace(0, 1, 4000)).abs().max()) < 1.95 / math.sqrt(4000)


def test_dragan_measures_between_reals_and_noisy_reals_by_one_share_a_sample() -> None:
    """A point is `real + u * (noisy - real)`: u is one number a sample, the noise one a coordinate.

    The noise of half a deviation is uniform, so that over many coordinates the largest part of the way is u
    and the mean is half of it.
    """
    samples, coordinates = 2000, 64
    real = 5 + noise(samples, coordinates, seed=3).abs()
    parts = (points_of("dragan", real, real) - real) / (0.5 * real.std(correction=0))
    assert float(parts.min()) >= -1e-9
    assert float(parts.max()) <= 1 + 1e-9
    share = 2 * parts.mean(1)
    # The mean of 64 uniform numbers has a deviation of 1 / sqrt(12 * 64); five of them are 0.36 of u.
    assert bool((share <= 1.36).all())
    assert bool((parts.amax(1) <= share / (1 - 0.36)).all())
    # The largest of 64 falls short of u by more than a sixth of it once in 10^5 samples.
    found = parts.amax(1).sort().values
    assert float((parts.amax(1) / share).min()) > (1 - 1 / 6) / 1.36
    # u is uniform by Kolmogorov and Smirnov: the largest part is u less 1/65 of it, in the mean.
    uniform = torch.linspace(0, 1, samples, dtype=torch.float64)
    assert float((found * 65 / 64 - uniform).abs().max()) < 1.95 / math.sqrt(samples)
    # Given u, each coordinate's part is uniform in [0, u].
    within = (parts / parts.amax(1, keepdim=True)).flatten().sort().values
    assert float((within - torch.linspace(0, 1, len(within), dtype=torch.float64)).abs().max()) < 0.02


def test_dragan_without_spread_measures_at_the_reals() -> None:
    real = 5 + noise(50, 2, seed=3).abs()

    def halved_square(x: Tensor) -> Tensor:
        return x.square().sum(1) / 2

    values = measured("dragan", halved_square, real, real, target=0.0, epsilon=0.0, spread=0.0)
    torch.testing.assert_close(values, real.square().sum(1))


@pytest.mark.parametrize("name", ["wgan-gp", "dragan"])
def test_randomness_comes_from_the_generator_alone(name: str) -> None:
    net = network()
    torch.manual_seed(1)
    first = measured(name, net, REAL, FAKE, seed=5)
    torch.manual_seed(2)
    assert torch.equal(first, measured(name, net, REAL, FAKE, seed=5))
    assert not torch.equal(first, measured(name, net, REAL, FAKE, seed=6))


# Where the gradient vanishes -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_critic_without_slope_gives_no_nan(name: str) -> None:
    weight = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    values = measured(name, lambda x: x @ weight, REAL, FAKE)
    (slope,) = torch.autograd.grad(values.sum(), weight)
    assert bool(torch.isfinite(values).all())
    assert bool((slope == 0).all())


@pytest.mark.parametrize("name", ["wgan-gp", "dragan"])
def test_without_its_epsilon_it_would(name: str) -> None:
    weight = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    values = measured(name, lambda x: x @ weight, REAL, FAKE, epsilon=0.0)
    assert bool(torch.isnan(torch.autograd.grad(values.sum(), weight)[0]).all())


@pytest.mark.parametrize("name", ["wgan-gp", "dragan"])
def test_a_critic_of_the_wanted_slope_is_not_penalised(name: str) -> None:
    weight = torch.tensor([0.0, 3.0, 4.0], dtype=torch.float64)
    assert float(measured(name, lambda x: x @ weight, REAL, FAKE, target=5.0).max()) < 1e-20


# Against autograd, torch.compile and vmap ------------------------------------------------------------------


def usual(critic: Critic, points: Tensor) -> Tensor:
    """The squared norm as most code writes it, with a graph kept through `autograd.grad`."""
    points = points.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(critic(points).sum(), points, create_graph=True)
    return gradient.square().flatten(1).sum(1)


def slopes(value: Tensor, net: nn.Module) -> list[Tensor]:
    parameters = list(net.parameters())
    found = torch.autograd.grad(value, parameters, allow_unused=True, materialize_grads=True)
    return list(found)


@pytest.mark.parametrize(
    ("name", "settings"),
    [("dcgan", {}), ("infogan", {}), ("resnet", {"spectral_norm": False}), ("autoencoder", {}), ("mlp", {})],
)
def test_every_network_agrees_with_autograd(name: str, settings: dict[str, object]) -> None:
    torch.manual_seed(0)
    net = DISCRIMINATORS[name].build(DataSpec("image", (2, 8, 8)), width=4, **settings).double()
    images = noise(3, 2, 8, 8)
    ours, theirs = squared_gradient_norm(net, images), usual(net, images)
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(slopes(ours.mean(), net), slopes(theirs.mean(), net))


@pytest.mark.parametrize("kind", ["batch norm", "spectral norm"])
def test_networks_with_buffers_are_measured_in_training_mode_and_left_as_they_are(kind: str) -> None:
    torch.manual_seed(0)
    first, second = nn.Linear(3, 6), nn.Linear(6, 1)
    between: nn.Module = nn.BatchNorm1d(6) if kind == "batch norm" else nn.Identity()
    net = nn.Sequential(first, between, nn.LeakyReLU(0.2), second, nn.Flatten(0)).double()
    if kind == "spectral norm":
        for layer in (first, second):
            parametrizations.spectral_norm(layer)
    net(FAKE)
    before = {name: value.clone() for name, value in net.named_buffers()}
    assert before
    ours = squared_gradient_norm(net, REAL)
    assert all(torch.equal(before[name], value) for name, value in net.named_buffers())
    grown = slopes(ours.mean(), net)
    theirs = usual(net, REAL)
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(grown, slopes(theirs.mean(), net))
    assert any(not torch.equal(before[name], value) for name, value in net.named_buffers()), "autograd's do"


def compiled_and_eager(name: str, net: nn.Module, backend: str, *, fullgraph: bool) -> None:
    torch._dynamo.reset()
    real, fake = REAL.float(), FAKE.float()

    def mean(real: Tensor, fake: Tensor, generator: torch.Generator) -> Tensor:
        value: Tensor = REGULARISERS[name].value(Seen(net, real, fake, generator)).mean()
        return value

    eager = mean(real, fake, stream())
    compiled = torch.compile(mean, backend=backend, fullgraph=fullgraph)(real, fake, stream())
    torch.testing.assert_close(compiled, eager)
    torch.testing.assert_close(slopes(compiled, net), slopes(eager, net))


@pytest.mark.parametrize("name", NAMES)
def test_tracing_for_compilation_changes_nothing(name: str) -> None:
    # Those that draw numbers break the graph there: torch.compile takes no torch.Generator into a graph.
    compiled_and_eager(name, network(dtype=torch.float32), "aot_eager", fullgraph=name in ("r1", "r2"))


@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
@pytest.mark.parametrize("name", ["r1", "wgan-gp"])
def test_compiled_code_gives_the_same(name: str) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Linear(3, 4), nn.Softplus(), nn.Linear(4, 1), nn.Flatten(0)
    )  # few kernels to compile
    compiled_and_eager(name, net, "inductor", fullgraph=name == "r1")


@pytest.mark.parametrize("name", NAMES)
def test_stacked_networks_are_measured_as_each_alone(name: str) -> None:
    nets = [network(seed) for seed in range(3)]
    parameters, _ = stack_module_state(nets)

    def mean(parameters: dict[str, Tensor]) -> Tensor:
        return measured(name, lambda x: functional_call(nets[0], parameters, (x,)), REAL, FAKE).mean()

    together = vmap(mean, randomness="same")(parameters)
    alone = [measured(name, net, REAL, FAKE).mean() for net in nets]
    torch.testing.assert_close(together, torch.stack(alone))
    grown = torch.autograd.grad(together.sum(), list(parameters.values()), allow_unused=True)
    for k, net in enumerate(nets):
        mine = [slope[k] for slope in grown if slope is not None]
        wanted = torch.autograd.grad(alone[k], list(net.parameters()), allow_unused=True)
        torch.testing.assert_close(mine, [slope for slope in wanted if slope is not None])

"""The running average of the generator's weights against its closed form."""

import copy

import pytest
import torch
from torch import nn

from poise.networks.weights import with_spectral_norm
from poise.recipes.settings import Ema
from poise.training.ema import EmaGenerator, EmaTensors, ema_weight


def generator(value: float) -> nn.Module:
    layer = nn.Linear(1, 1, bias=False).double()
    nn.init.constant_(layer.weight, value)
    return nn.Sequential(layer, nn.BatchNorm1d(1).double())


def weight_of(module: nn.Module) -> float:
    return next(module.parameters()).item()


def set_weight(module: nn.Module, value: float) -> None:
    with torch.no_grad():
        next(module.parameters()).fill_(value)


def test_after_a_half_life_what_was_there_counts_half() -> None:
    module = generator(1.0)
    ema = EmaGenerator(module, Ema(half_life=1000, ramp=0))
    set_weight(module, 0.0)
    for step in range(1, 41):
        ema.update(50, 50 * step)
        assert weight_of(ema.current()) == pytest.approx(0.5 ** (50 * step / 1000), rel=1e-12)


def test_batches_of_any_size_give_the_same_over_the_same_images() -> None:
    ends = []
    for batch in (1, 10, 100):
        module = generator(1.0)
        ema = EmaGenerator(module, Ema(half_life=70, ramp=0))
        set_weight(module, 3.0)
        for seen in range(batch, 201, batch):
            ema.update(batch, seen)
        ends.append(weight_of(ema.module))
    wanted = 3.0 - 2.0 * 0.5 ** (200 / 70)
    assert ends == pytest.approx([wanted] * 3, rel=1e-12)


def test_the_ramp_limits_the_half_life_to_a_share_of_the_images_seen() -> None:
    module = generator(1.0)
    ema = EmaGenerator(module, Ema(half_life=1000, ramp=0.05))
    set_weight(module, 0.0)
    wanted, seen = 1.0, 0
    for _ in range(60):
        seen += 500
        ema.update(500, seen)
        wanted *= 0.5 ** (500 / min(1000.0, 0.05 * seen))
        assert weight_of(ema.module) == pytest.approx(wanted, rel=1e-12)
    assert seen > 1000 / 0.05, "the ramp has ended within"


def test_in_small_steps_it_goes_every_so_many_steps_and_comes_as_far() -> None:
    module = generator(1.0)
    settings = Ema(half_life=10_000, ramp=0)
    ema = EmaGenerator(module, settings)
    set_weight(module, 0.0)
    moved = []
    for step in range(1, 97):
        before = weight_of(ema.module)
        ema.update(16, 16 * step)
        if weight_of(ema.module) != before:
            moved.append(step)
            assert weight_of(ema.module) == pytest.approx(0.5 ** (16 * step / 10_000), rel=1e-12)
    # A 128th of the half-life is 4.9 steps, and the largest power of two within is 4.
    assert moved == list(range(4, 97, 4))
    assert ema_weight(settings, 128, 128) is not None, "large steps are ema_weight one by one"


def test_without_a_half_life_the_average_is_the_generator() -> None:
    module = generator(1.0)
    ema = EmaGenerator(module, Ema(half_life=0))
    for value in (2.0, -5.0):
        set_weight(module, value)
        ema.update(64, 64)
        assert weight_of(ema.current()) == value


def test_running_statistics_are_averaged_and_counters_copied() -> None:
    module = generator(1.0)
    ema = EmaGenerator(module, Ema(half_life=64, ramp=0))
    norm, mine = (dict(network.named_buffers()) for network in (module, ema.module))
    norm["1.running_mean"].fill_(4.0)
    norm["1.num_batches_tracked"].fill_(7)
    ema.update(64, 64)
    assert float(mine["1.running_mean"]) == pytest.approx(2.0)
    assert int(mine["1.num_batches_tracked"]) == 7


def test_the_average_of_a_network_under_spectral_norm_has_a_largest_singular_value_of_one() -> None:
    torch.manual_seed(0)
    module = with_spectral_norm(nn.Sequential(nn.Linear(6, 6, bias=False))).train()
    ema = EmaGenerator(module, Ema(half_life=640, ramp=0))
    largest = []
    for step in range(1, 301):
        for parameter in module.parameters():
            parameter.data.add_(0.05 * torch.randn(6, 6))
        module(torch.randn(4, 6))  # a power iteration
        ema.update(64, 64 * step)
        mine, theirs = dict(ema.module.named_buffers()), dict(module.named_buffers())
        assert mine and all(torch.equal(mine[name], theirs[name]) for name in mine)
        layer = ema.module.get_submodule("0")
        assert isinstance(layer.weight, torch.Tensor)
        largest.append(float(torch.linalg.svdvals(layer.weight.detach())[0]))
    # Averaged vectors give 1.19; the generator's are not quite those of the averaged weight.
    assert sum(largest[50:]) / 250 == pytest.approx(1.0, abs=0.04)


def test_a_stack_of_generators_is_averaged_as_each_of_them_is() -> None:
    live = {"a.weight": torch.ones(2, 3), "b.running_var": torch.ones(2, 1), "a._u": torch.ones(2, 3)}
    own = {name: torch.zeros_like(value) for name, value in live.items()}
    ema = EmaTensors(Ema(half_life=64, ramp=0), live, own, {"a.weight"})
    ema.update(64, 64)
    assert {name: value.unique().item() for name, value in ema.current().items()} == {
        "a.weight": 0.5,
        "b.running_var": 0.5,
        "a._u": 1.0,
    }


def test_the_average_is_a_copy_in_eval_mode_that_nothing_trains() -> None:
    module = generator(1.0).train()
    before = copy.deepcopy(module.state_dict())
    ema = EmaGenerator(module, Ema(half_life=1, ramp=0))
    assert not ema.current().training
    assert not any(value.requires_grad for value in ema.module.parameters())
    set_weight(ema.module, 9.0)
    ema.update(0, 1)
    assert module.training
    torch.testing.assert_close(module.state_dict(), before, rtol=0, atol=0)

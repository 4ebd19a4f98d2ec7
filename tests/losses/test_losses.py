"""Each loss against its formula, its gradient against finite differences, and what its paper proves of it."""

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from poise.losses import LOSSES, Loss

Formula = Callable[[float, float], float]

REAL = [-3.0, -0.4, 0.0, 0.7, 1.3, 5.0]
FAKE = [2.0, -1.7, 0.0, 0.6, -0.2, -4.0]


def log_sigmoid(score: float) -> float:
    return -math.log1p(math.exp(-score))


# name, discriminator's cost, generator's cost, both of one real and one fake score
FORMULAS: list[tuple[str, Formula, Formula]] = [
    ("minimax", lambda r, f: -log_sigmoid(r) - log_sigmoid(-f), lambda r, f: log_sigmoid(-f)),
    ("non-saturating", lambda r, f: -log_sigmoid(r) - log_sigmoid(-f), lambda r, f: -log_sigmoid(f)),
    ("least-squares", lambda r, f: 0.5 * (r - 1) ** 2 + 0.5 * f**2, lambda r, f: 0.5 * (f - 1) ** 2),
    ("wasserstein", lambda r, f: f - r, lambda r, f: -f),
    ("hinge", lambda r, f: max(0.0, 1 - r) + max(0.0, 1 + f), lambda r, f: -f),
    ("relativistic-pairing", lambda r, f: -log_sigmoid(r - f), lambda r, f: -log_sigmoid(f - r)),
]


def scores(values: list[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def state_of(loss: Loss) -> dict[str, Tensor]:
    return {name: torch.tensor(0.3, dtype=torch.float64) for name in loss.init}


@pytest.mark.parametrize(("name", "discriminator", "generator"), FORMULAS, ids=[row[0] for row in FORMULAS])
def test_losses_are_those_of_the_paper(name: str, discriminator: Formula, generator: Formula) -> None:
    loss = LOSSES[name]
    pairs = list(zip(REAL, FAKE, strict=True))
    real, fake = scores(REAL), scores(FAKE)
    torch.testing.assert_close(loss.discriminator(real, fake), scores([discriminator(*p) for p in pairs]))
    torch.testing.assert_close(loss.generator(real, fake), scores([generator(*p) for p in pairs]))


def test_relativistic_average_judges_beside_the_mean_of_the_other_kind() -> None:
    loss = LOSSES["relativistic-average"]
    mean_real, mean_fake = sum(REAL) / len(REAL), sum(FAKE) / len(FAKE)
    discriminator = [
        -log_sigmoid(r - mean_fake) - log_sigmoid(mean_real - f) for r, f in zip(REAL, FAKE, strict=True)
    ]
    generator = [
        -log_sigmoid(f - mean_real) - log_sigmoid(mean_fake - r) for r, f in zip(REAL, FAKE, strict=True)
    ]
    torch.testing.assert_close(loss.discriminator(scores(REAL), scores(FAKE)), scores(discriminator))
    torch.testing.assert_close(loss.generator(scores(REAL), scores(FAKE)), scores(generator))


def test_began_weighs_the_error_on_fakes() -> None:
    real_errors, fake_errors, balance = [0.5, 2.0], [1.5, 0.1], 0.25
    real, fake = -scores(real_errors), -scores(fake_errors)
    costs = LOSSES["began"].discriminator(real, fake, balance=torch.tensor(balance, dtype=torch.float64))
    torch.testing.assert_close(costs, scores([0.5 - 0.25 * 1.5, 2.0 - 0.25 * 0.1]))
    torch.testing.assert_close(LOSSES["began"].generator(real, fake), scores(fake_errors))


@pytest.mark.parametrize("name", list(LOSSES))
def test_gradients_agree_with_finite_differences(name: str) -> None:
    loss = LOSSES[name]
    # No score lies at a kink of the hinge.
    real, fake = scores(REAL).add(0.01).requires_grad_(), scores(FAKE).add(0.01).requires_grad_()

    def discriminator(real: Tensor, fake: Tensor) -> Tensor:
        return loss.discriminator(real, fake, **state_of(loss))

    assert torch.autograd.gradcheck(discriminator, (real, fake))
    assert torch.autograd.gradcheck(loss.generator, (real, fake))


@pytest.mark.parametrize("name", list(LOSSES))
def test_large_scores_give_finite_costs_and_gradients(name: str) -> None:
    loss = LOSSES[name]
    real = torch.tensor([-1e4, 1e4, -1e4, 1e4], requires_grad=True)
    fake = torch.tensor([-1e4, -1e4, 1e4, 1e4], requires_grad=True)
    state = {key: value.float() for key, value in state_of(loss).items()}
    total = loss.discriminator(real, fake, **state).sum() + loss.generator(real, fake).sum()
    slopes = torch.autograd.grad(total, (real, fake))
    assert all(bool(torch.isfinite(value).all()) for value in (total, *slopes))


@pytest.mark.parametrize("name", list(LOSSES))
def test_patches_are_averaged_within_a_sample(name: str) -> None:
    loss = LOSSES[name]
    stream = torch.Generator().manual_seed(0)
    real, fake = (torch.randn(4, 1, 3, 3, generator=stream, dtype=torch.float64) for _ in range(2))
    state = state_of(loss)
    costs = loss.discriminator(real, fake, **state), loss.generator(real, fake)
    assert [cost.shape for cost in costs] == [(4,), (4,)]
    # Place by place the loss is that of plain scores; a sample's cost is the mean over its places.
    places = [(real[:, 0, i, j], fake[:, 0, i, j]) for i in range(3) for j in range(3)]
    discriminator = torch.stack([loss.discriminator(r, f, **state) for r, f in places]).mean(0)
    generator = torch.stack([loss.generator(r, f) for r, f in places]).mean(0)
    torch.testing.assert_close(costs, (discriminator, generator))


@pytest.mark.parametrize("name", list(LOSSES))
def test_the_relativistic_flag_says_whether_the_generator_needs_real_scores(name: str) -> None:
    loss = LOSSES[name]
    fake = scores(FAKE)
    near, far = loss.generator(scores(REAL), fake), loss.generator(scores(REAL) + 1, fake)
    assert torch.equal(near, far) != loss.relativistic


@pytest.mark.parametrize("name", list(LOSSES))
def test_higher_scores_mean_more_real(name: str) -> None:
    loss = LOSSES[name]
    real, fake = scores([0.2, 0.6]).requires_grad_(), scores([0.7, 0.3]).requires_grad_()
    by_real, by_fake = torch.autograd.grad(
        loss.discriminator(real, fake, **state_of(loss)).sum(), (real, fake), retain_graph=True
    )
    assert bool((by_real < 0).all())
    assert bool((by_fake > 0).all())
    (pull,) = torch.autograd.grad(loss.generator(real, fake).sum(), fake)
    assert bool((pull < 0).all())


@pytest.mark.parametrize("name", [name for name, loss in LOSSES.items() if loss.boundary is not None])
def test_at_the_boundary_a_discriminator_that_cannot_tell_is_at_rest(name: str) -> None:
    loss = LOSSES[name]
    assert loss.boundary is not None
    score = torch.tensor([loss.boundary], dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(loss.discriminator(score, score).sum(), score)
    assert float(slope) == 0.0


@settings(max_examples=50)
@given(shift=st.floats(-20, 20), name=st.sampled_from(["relativistic-pairing", "relativistic-average"]))
def test_relativistic_costs_depend_on_differences_alone(shift: float, name: str) -> None:
    loss, real, fake = LOSSES[name], scores(REAL), scores(FAKE)
    torch.testing.assert_close(loss.discriminator(real + shift, fake + shift), loss.discriminator(real, fake))
    torch.testing.assert_close(loss.generator(real, fake), loss.discriminator(fake, real))


# Minimax ---------------------------------------------------------------------------------------------------

weights = st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40)), min_size=2, max_size=6)


def expected_cost(p: Tensor, q: Tensor, scores: Tensor) -> Tensor:
    """The discriminator's expected cost where reals are drawn from p and fakes from q, over their support."""
    real, fake = torch.meshgrid(scores, scores, indexing="ij")
    costs = LOSSES["minimax"].discriminator(real.flatten(), fake.flatten())
    return (torch.outer(p, q).flatten() * costs).sum()


def jensen_shannon(p: Tensor, q: Tensor) -> Tensor:
    middle = (p + q) / 2
    return (torch.xlogy(p, p / middle) + torch.xlogy(q, q / middle)).sum() / 2


@settings(max_examples=60)
@given(pairs=weights, seed=st.integers(0, 2**31))
def test_the_least_discriminator_cost_is_log_four_minus_twice_the_divergence(
    pairs: list[tuple[int, int]], seed: int
) -> None:
    p, q = (torch.tensor(side, dtype=torch.float64) for side in zip(*pairs, strict=True))
    p, q = p / p.sum(), q / q.sum()
    best = torch.log(p / q)
    least = expected_cost(p, q, best)
    torch.testing.assert_close(least, math.log(4) - 2 * jensen_shannon(p, q))
    away = torch.randn(best.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    assert expected_cost(p, q, best + away) > least


def test_disjoint_supports_can_be_told_apart_at_no_cost() -> None:
    p, q = scores([1.0, 0.0]), scores([0.0, 1.0])
    assert math.isclose(float(jensen_shannon(p, q)), math.log(2))
    assert float(expected_cost(p, q, scores([40.0, -40.0]))) < 1e-16


def test_minimax_is_a_zero_sum_game_for_the_generator() -> None:
    real, fake = scores(REAL), scores(FAKE).requires_grad_()
    (loss_of_one,) = torch.autograd.grad(LOSSES["minimax"].discriminator(real, fake).sum(), fake)
    (gain_of_other,) = torch.autograd.grad(LOSSES["minimax"].generator(real, fake).sum(), fake)
    torch.testing.assert_close(loss_of_one, -gain_of_other)


def test_minimax_saturates_on_bad_fakes_and_non_saturating_does_not() -> None:
    bad = scores([-30.0]).requires_grad_()
    pulls = [
        float(torch.autograd.grad(LOSSES[name].generator(bad, bad).sum(), bad)[0])
        for name in ("minimax", "non-saturating")
    ]
    assert abs(pulls[0]) < 1e-12
    assert math.isclose(pulls[1], -1.0, abs_tol=1e-12)


@settings(max_examples=40)
@given(smoothing=st.floats(0, 0.99), name=st.sampled_from(["minimax", "non-saturating"]))
def test_one_sided_smoothing_is_cross_entropy_with_a_lower_target_for_reals(
    smoothing: float, name: str
) -> None:
    real, fake = scores(REAL), scores(FAKE)
    target = torch.full_like(real, 1 - smoothing)
    entropy = binary_cross_entropy_with_logits(real, target, reduction="none")
    entropy = entropy + binary_cross_entropy_with_logits(fake, torch.zeros_like(fake), reduction="none")
    torch.testing.assert_close(LOSSES[name].discriminator(real, fake, smoothing=smoothing), entropy)


@pytest.mark.parametrize("smoothing", [0.1, 0.3])
def test_smoothing_moves_where_the_discriminator_rests_on_reals(smoothing: float) -> None:
    rest = math.log((1 - smoothing) / smoothing)
    for name, score in (("minimax", rest), ("least-squares", 1 - smoothing)):
        real = scores([score]).requires_grad_()
        costs = LOSSES[name].discriminator(real, scores([0.0]), smoothing=smoothing)
        (slope,) = torch.autograd.grad(costs.sum(), real)
        assert abs(float(slope)) < 1e-12


def test_hinge_forgets_what_is_right_by_a_margin() -> None:
    real, fake = scores([1.5, 0.5]).requires_grad_(), scores([-1.5, -0.5]).requires_grad_()
    slopes = torch.autograd.grad(LOSSES["hinge"].discriminator(real, fake).sum(), (real, fake))
    torch.testing.assert_close(slopes, (scores([0.0, -1.0]), scores([0.0, 1.0])))


@pytest.mark.parametrize("least", [0.5, 0.8])
def test_hinge_with_a_least_margin_is_the_mean_over_uniform_margins(least: float) -> None:
    real, fake = scores([-2.0, 0.3, 0.7, 0.85, 0.99, 1.2]), scores([-2.0, -1.0, -0.9, -0.6, 0.0, 3.0])
    real.requires_grad_(), fake.requires_grad_()
    # Midpoints of many equal parts; between them a hinge is linear but for the part that holds its corner
    margins = least + (1 - least) * (torch.arange(20_000, dtype=real.dtype)[:, None] + 0.5) / 20_000
    wanted = (torch.relu(margins - real) + torch.relu(margins + fake)).mean(0)
    costs = LOSSES["hinge"].discriminator(real, fake, least_margin=least)
    torch.testing.assert_close(costs, wanted, rtol=0, atol=1e-6)
    slopes = [torch.autograd.grad(one.sum(), (real, fake)) for one in (costs, wanted)]
    torch.testing.assert_close(*slopes, rtol=0, atol=1e-4)


# BEGAN's balance -------------------------------------------------------------------------------------------

errors = st.floats(0, 1e3)


def updated(balance: float, real_error: float, fake_error: float, **options: float) -> float:
    update = LOSSES["began"].update
    assert update is not None
    state = {"balance": torch.tensor(balance, dtype=torch.float64)}
    moved = update(state, -scores([real_error]), -scores([fake_error]), **options)
    return float(moved["balance"])


@settings(max_examples=200)
@given(
    balance=st.floats(0, 1),
    real_error=errors,
    fake_error=errors,
    diversity=st.floats(0, 1),
    rate=st.floats(1e-4, 10),
)
def test_the_balance_moves_as_the_paper_says_and_stays_within_zero_and_one(
    balance: float, real_error: float, fake_error: float, diversity: float, rate: float
) -> None:
    moved = updated(balance, real_error, fake_error, diversity=diversity, balance_rate=rate)
    wanted = balance + rate * (diversity * real_error - fake_error)
    assert math.isclose(moved, min(1.0, max(0.0, wanted)), abs_tol=1e-9)


def test_the_balance_is_at_rest_where_the_ratio_of_errors_is_the_diversity() -> None:
    assert updated(0.4, real_error=2.0, fake_error=1.5, diversity=0.75, balance_rate=0.1) == 0.4
    assert updated(0.4, real_error=2.0, fake_error=1.0, diversity=0.75, balance_rate=0.1) > 0.4
    assert updated(0.4, real_error=2.0, fake_error=2.0, diversity=0.75, balance_rate=0.1) < 0.4


def test_the_balance_starts_at_zero_and_takes_the_mean_of_the_batch() -> None:
    loss = LOSSES["began"]
    assert loss.init == {"balance": 0.0}
    assert loss.update is not None
    state = {"balance": torch.tensor(0.0, dtype=torch.float64)}
    moved = loss.update(state, scores([-1.0, -3.0]), scores([-0.1, -0.3]), diversity=0.5, balance_rate=0.1)
    assert math.isclose(float(moved["balance"]), 0.1 * (0.5 * 2.0 - 0.2))
    assert float(state["balance"]) == 0.0, "the state is a new one"

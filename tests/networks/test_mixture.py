"""The generator that begins as a mixture: what it fits, what is probable, and how often it is made."""

from __future__ import annotations

import pytest
import torch
from scipy.stats import chisquare

import poise
from poise.networks import DISCRIMINATORS, GENERATORS
from poise.networks.mixture import MixtureGenerator
from poise.spec import DataSpec, Span

SPANS = (
    Span("colour", "one-hot", 3),
    Span("size", "ordered", 4),
    Span("member", "one-hot", 2),
    Span("size within", "bounded", 1),
)
SPEC = DataSpec("table", (10,), spans=SPANS)


def built(components: int = 3, width: int = 8) -> MixtureGenerator:
    torch.manual_seed(0)
    module = GENERATORS["mixture"].build(SPEC, latent_size=24, components=components, width=width)
    assert isinstance(module, MixtureGenerator)
    return module


def planted(count: int) -> torch.Tensor:
    """Rows of two kinds: the first mostly (0, 0, 0), the second mostly (2, 3, 1)."""
    stream = torch.Generator().manual_seed(1)
    kind = torch.rand(count, generator=stream) < 0.3
    parts = []
    for size, (first, second) in ((3, (0, 2)), (4, (0, 3)), (2, (0, 1))):
        typical = torch.where(kind, second, first)
        other = torch.randint(size, (count,), generator=stream)
        value = torch.where(torch.rand(count, generator=stream) < 0.9, typical, other)
        parts.append(torch.nn.functional.one_hot(value, size).float())
    return torch.cat([*parts, torch.zeros(count, 1)], 1)


def test_the_fit_finds_the_kinds_of_rows_and_their_shares() -> None:
    module, rows = built(2), planted(6_000)
    module.fit(rows, seed=0)
    shares = torch.diff(module.bounds, prepend=torch.zeros(1))
    assert sorted(shares.tolist()) == pytest.approx([0.3, 0.7], abs=0.03)
    rare = int(shares.argmin())
    found = [part.softmax(1)[rare] for part in module.logits.split(module.sizes, 1)]
    expected = [[1 / 30, 1 / 30, 14 / 15], [0.025, 0.025, 0.025, 0.925], [0.05, 0.95]]
    for one, wanted in zip(found, expected, strict=True):
        assert one.tolist() == pytest.approx(wanted, abs=0.04)


def test_at_first_every_column_is_distributed_as_in_the_data() -> None:
    module, rows = built(20), planted(4_000)
    module.fit(rows, seed=3)
    shares = torch.diff(module.bounds, prepend=torch.zeros(1))
    whole = shares @ torch.cat([part.softmax(1) for part in module.logits.split(module.sizes, 1)], 1)
    assert torch.allclose(whole, rows[:, :9].mean(0), atol=2e-3)


def test_few_rows_have_few_components() -> None:
    module = built(50)
    assert "of 4 components" in module.fit(planted(100), seed=0)
    latent = torch.randn(2_000, 24, generator=torch.Generator().manual_seed(4))
    assert set(module.component_of(latent).tolist()) <= {0, 1, 2, 3}


def test_rows_are_made_as_often_as_they_are_probable() -> None:
    module = built(1)
    with torch.no_grad():
        module.logits.copy_(torch.randn(1, 9, generator=torch.Generator().manual_seed(2)))
        made = module(torch.randn(30_000, 24, generator=torch.Generator().manual_seed(3)))
        probable = module.probabilities(torch.zeros(1, 24))[0]
    start = 0
    for size in (3, 4, 2):
        part = slice(start, start + size)
        assert torch.equal(made[:, part].sum(1), torch.ones(30_000))
        expected = (probable[part] * 30_000).tolist()
        assert chisquare(made[:, part].sum(0).tolist(), expected, sum_check=False).pvalue > 1e-3
        start += size
    assert made[:, 9].abs().max() <= 1 and abs(float(made[:, 9].mean())) < 0.02


def test_components_are_chosen_by_their_shares() -> None:
    module = built(3)
    module.bounds.copy_(torch.tensor([0.2, 0.9, 1.0]))
    latent = torch.randn(30_000, 24, generator=torch.Generator().manual_seed(4))
    counts = torch.bincount(module.component_of(latent), minlength=3)
    assert chisquare(counts.tolist(), [6_000, 21_000, 3_000]).pvalue > 1e-3


def test_the_gradient_reaches_the_network_through_the_choices() -> None:
    module = built()
    weight = torch.randn(10, generator=torch.Generator().manual_seed(5))
    (module(torch.randn(64, 24)) @ weight).sum().backward()
    assert module.last.weight.grad is not None and module.last.weight.grad.abs().sum() > 0
    assert module.logits.grad is not None and module.logits.grad.abs().sum() > 0


def test_a_latent_too_small_is_refused() -> None:
    for name in ("mixture", "ctgan"):
        with pytest.raises(poise.PoiseError) as caught:
            GENERATORS[name].build(SPEC, latent_size=3)
        assert (
            caught.value.code.startswith("networks.latent-too-small") and "latent.size" in caught.value.hint
        )
    with pytest.raises(poise.PoiseError) as caught:
        GENERATORS["mixture"].build(DataSpec("table", (4,)), latent_size=64)
    assert caught.value.code == "networks.no-choices"


def test_the_discriminator_of_rows_scores_packs() -> None:
    packed = DataSpec("table", (20,), spans=SPANS)
    module = DISCRIMINATORS["rows"].build(packed, width=8)
    assert module(torch.randn(5, 20)).shape == (5,)

"""Heads of spans: what is chosen, how often, and which gradient passes."""

from __future__ import annotations

import torch
from scipy.stats import chisquare

from poise.networks import GENERATORS
from poise.networks.spans import SpanFeatures, SpanHeads, chosen, draws
from poise.spec import DataSpec, Span

SPANS = (
    Span("age", "real", 1),
    Span("share", "bounded", 2),
    Span("colour", "one-hot", 4),
    Span("size", "ordered", 3),
    Span("married", "flag", 1),
)


def test_each_kind_of_span_has_its_range() -> None:
    values = torch.randn(200, 11, generator=torch.Generator().manual_seed(0)) * 5
    made = SpanHeads(SPANS)(values)
    assert torch.equal(made[:, 0], values[:, 0])
    assert torch.equal(made[:, 1:3], values[:, 1:3].tanh())
    for start, size in ((3, 4), (7, 3)):
        part = made[:, start : start + size]
        assert torch.equal(part.sum(1), torch.ones(200)) and set(part.unique().tolist()) == {0.0, 1.0}
        assert torch.equal(part.argmax(1), values[:, start : start + size].argmax(1))
    assert torch.equal(made[:, 10], (values[:, 10] > 0).float())
    assert draws(SPANS) == 3


def test_the_gradient_is_that_of_the_probabilities() -> None:
    values = torch.randn(5, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    weight = torch.tensor([3.0, -1.0, 2.0, 0.5], dtype=torch.float64)
    soft, flags = values.softmax(1), [Span(str(number), "flag", 1) for number in range(4)]
    of_choice = soft * (weight - (soft * weight).sum(1, keepdim=True))
    of_flags = values.sigmoid() * (1 - values.sigmoid()) * weight
    for spans, expected in (([Span("a", "one-hot", 4)], of_choice), (flags, of_flags)):
        logits = values.clone().requires_grad_()
        (gradient,) = torch.autograd.grad((SpanHeads(spans)(logits) @ weight).sum(), logits)
        assert torch.allclose(gradient, expected)


def test_choices_are_drawn_as_often_as_they_are_probable() -> None:
    count, probabilities = 40_000, torch.tensor([0.1, 0.2, 0.65, 0.05])
    uniform = torch.rand(count, generator=torch.Generator().manual_seed(2))
    found = chosen(probabilities.expand(count, 4), uniform).sum(0)
    assert chisquare(found.tolist(), (probabilities * count).tolist()).pvalue > 1e-3


def test_spans_of_series_lie_along_the_second_axis() -> None:
    values = torch.randn(6, 11, 7, generator=torch.Generator().manual_seed(3))
    uniform = torch.rand(6, draws(SPANS), 7, generator=torch.Generator().manual_seed(4))
    heads = SpanHeads(SPANS)
    whole = heads(values, uniform)
    apart = torch.stack([heads(values[:, :, step], uniform[:, :, step]) for step in range(7)], 2)
    assert torch.equal(whole, apart)


def test_many_generators_can_be_stacked() -> None:
    heads, values = SpanHeads(SPANS), torch.randn(3, 5, 11)
    assert torch.equal(torch.func.vmap(heads)(values), torch.stack([heads(one) for one in values]))


def test_ordered_spans_have_their_thresholds_beside_them() -> None:
    steps = torch.eye(3)
    seen = SpanFeatures([Span("age", "real", 1), Span("size", "ordered", 3)], packing=2)
    row = torch.cat([torch.tensor([[9.0]]), steps[1:2], torch.tensor([[8.0]]), steps[2:3]], 1)
    assert seen(row).tolist() == [[9, 0, 1, 0, 8, 0, 0, 1, 0, 1, 1, 0, 0, 1]] and seen.numbers == 14


def test_the_mlp_ends_in_the_heads_of_its_spans() -> None:
    spec = DataSpec("vector", (11,), spans=SPANS)
    made = GENERATORS["mlp"].build(spec, latent_size=4, width=8)(torch.randn(30, 4))
    assert torch.equal(made[:, 3:7].sum(1), torch.ones(30)) and made[:, 1:3].abs().max() <= 1

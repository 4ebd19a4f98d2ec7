"""On a GPU, if there is one: the filter in one pass is the filter by convolutions."""

from __future__ import annotations

import pytest
import torch

from poise.networks import resampling
from poise.networks.resampling import Step, doubled, halved, smoothed

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU that this PyTorch can use"),
]

CASES: list[tuple[Step, int]] = [("same", 0), ("same", 2), ("halved", 1), ("doubled", 1)]


@pytest.mark.parametrize(("step", "padding"), CASES)
@pytest.mark.parametrize("shape", [(2, 3, 5, 6), (1, 1, 4, 4), (3, 64, 9, 8), (2, 130, 16, 16)], ids=str)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=str)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16], ids=str)
def test_it_is_the_filter_by_convolutions(
    step: Step, padding: int, shape: tuple[int, ...], layout: torch.memory_format, dtype: torch.dtype
) -> None:
    in_one_pass = resampling._in_one_pass()
    if in_one_pass is None:
        pytest.skip("there is no Triton that compiles")
    images = torch.randn(shape, device="cuda", dtype=dtype).to(memory_format=layout)
    made = in_one_pass(images, step, padding, 4.0)
    wanted = resampling._Filter.forward(images.cpu(), step, padding, 4.0)
    assert made.dtype == dtype
    assert made.is_contiguous(memory_format=layout)
    margin = {torch.float64: 1e-12, torch.float32: 1e-5, torch.bfloat16: 0.05}[dtype]
    torch.testing.assert_close(made.cpu(), wanted, rtol=0, atol=margin)


def test_it_can_be_differentiated_twice_and_stacked() -> None:
    images = torch.randn(2, 3, 6, 6, device="cuda", dtype=torch.float64, requires_grad=True)
    for change in (halved, doubled, lambda given: smoothed(given, 2)):
        assert torch.autograd.gradcheck(change, images)
        assert torch.autograd.gradgradcheck(change, images)
        stacked = torch.randn(4, 2, 3, 6, 6, device="cuda")
        assert torch.equal(torch.func.vmap(change)(stacked), torch.stack([change(one) for one in stacked]))

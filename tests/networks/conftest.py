from __future__ import annotations

import pytest
import torch


@pytest.fixture(autouse=True)
def _seed() -> None:
    """Weights are drawn from torch's global randomness, the same for every test."""
    torch.manual_seed(0)

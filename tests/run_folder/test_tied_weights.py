"""Networks whose parameters share memory: they are saved, resumed with their bits, and loaded."""

from pathlib import Path

import torch
from torch import Tensor, nn

import poise
from poise.run_folder import RunFolder


class Tied(nn.Module):
    """Points from latents; one weight serves two layers, and a buffer is a part of another."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = nn.Linear(8, 8), nn.Linear(8, 8)
        self.second.weight = self.first.weight
        self.last = nn.Linear(8, 2)
        self.register_buffer("scales", torch.ones(4))
        self.register_buffer("two_scales", self.get_buffer("scales")[:2])

    def forward(self, latent: Tensor) -> Tensor:
        hidden = torch.relu(self.second(torch.relu(self.first(latent))))
        made: Tensor = self.last(hidden) * self.get_buffer("two_scales")
        return made


def trained(path: Path, steps: int) -> poise.Run:
    return poise.train(
        "ring", steps=steps, out=path, generator=Tied(), device="cpu", batch_size=16, latent={"size": 8},
        discriminator={"name": "mlp", "width": 8}, log_every=1, evaluate_every=0, doctor="off",
    )  # fmt: skip


def test_a_generator_with_tied_weights_is_saved_resumed_and_loaded(tmp_path: Path) -> None:
    whole, path = trained(tmp_path / "whole", 6), tmp_path / "run"
    trained(path, 3)
    poise.resume(path, steps=6, generator=Tied(), device="cpu", doctor="off")
    wanted, found = (RunFolder.open(one).load_checkpoint(6).tensors for one in (whole.path, path))
    assert [name for name in wanted if not torch.equal(wanted[name], found[name])] == []
    assert torch.equal(found["network/generator/first.weight"], found["network/generator/second.weight"])

    generator = poise.Generator.load(path, module=Tied())
    first, second = (generator.module.get_parameter(f"{name}.weight") for name in ("first", "second"))
    assert first is second, "loading copies into what is tied"
    weights = RunFolder.open(path).load_generator()[0]
    assert torch.equal(first, weights["first.weight"]) and torch.equal(second, weights["second.weight"])
    never_stopped = poise.Generator.load(whole.path, module=Tied())
    assert (generator.sample(4, seed=1) == never_stopped.sample(4, seed=1)).all()

"""Like a loop brought over from JAX: parameters in dictionaries, gradients by torch.func, Adam by hand."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value
from torch.nn.functional import softplus

from benchmarks.strangers.case import Step
from benchmarks.strangers.data import Data
from benchmarks.strangers.mistakes import Mistake


def loop(
    fault: str,
    seed: int,
    data: Data,
    *,
    steps: int,
    onset: int = 0,
    nz: int = 16,
    width: int = 128,
    lr: float = 5e-4,
    batch: int = 64,
    few: int = 80,
) -> Iterator[Step]:
    wrong = Mistake(fault, onset, few)
    rows = wrong.rows(data).train
    dims = rows[0].numel()
    net_g = nn.Sequential(
        nn.Linear(nz, width),
        nn.GELU(),
        nn.Linear(width, width),
        nn.GELU(),
        nn.Linear(width, dims),
        nn.Tanh() if rows.dim() == 4 else nn.Identity(),
        nn.Unflatten(1, tuple(rows.shape[1:])),
    )
    net_d = nn.Sequential(
        nn.Flatten(),
        nn.Linear(dims, width),
        nn.GELU(),
        nn.Linear(width, width),
        nn.GELU(),
        nn.Linear(width, 1),
    )
    wrong.networks(net_g, rows)
    parameters = {
        "g": {name: one.detach().clone() for name, one in net_g.named_parameters()},
        "d": {name: one.detach().clone() for name, one in net_d.named_parameters()},
    }
    moments = {
        player: {name: (torch.zeros_like(one), torch.zeros_like(one)) for name, one in found.items()}
        for player, found in parameters.items()
    }

    def generate(p: dict[str, Tensor], z: Tensor) -> Tensor:
        made: Tensor = functional_call(net_g, p, (z,))
        return made

    def loss_d_of(p: dict[str, Tensor], real: Tensor, fake: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        sr, sf = functional_call(net_d, p, (real,)), functional_call(net_d, p, (fake,))
        return softplus(-sr).mean() + softplus(sf).mean(), (sr, sf)

    def loss_g_of(p: dict[str, Tensor], d: dict[str, Tensor], z: Tensor) -> tuple[Tensor, Tensor]:
        fake = wrong.made(generate(p, z)) if not wrong("detached") else generate(p, z).detach()
        s = functional_call(net_d, d, (fake,))
        return softplus(s if wrong("swapped-label-g") else -s).mean(), fake

    def adam(player: str, gradients: dict[str, Tensor], step: int) -> None:
        for name, gradient in gradients.items():
            first, second = moments[player][name]
            first, second = 0.5 * first + 0.5 * gradient, 0.99 * second + 0.01 * gradient**2
            moments[player][name] = first, second
            hat1, hat2 = first / (1 - 0.5**step), second / (1 - 0.99**step)
            parameters[player][name] = parameters[player][name] - wrong.rate(lr, player) * hat1 / (
                hat2.sqrt() + 1e-8
            )

    def generator(z: Tensor) -> Tensor:
        return generate(parameters["g"], z)

    for step in range(1, steps + 1):
        real = wrong.reals(rows[wrong.index(len(rows), batch)])
        z = wrong.latent(torch.randn(batch, nz))
        with torch.no_grad():
            fake = generate(parameters["g"], z)
        gradients, (loss_d, (sr, sf)) = grad_and_value(loss_d_of, has_aux=True)(parameters["d"], real, fake)
        if not wrong("frozen-d"):
            adam("d", gradients, step)
        gradients, (loss_g, fake) = grad_and_value(loss_g_of, has_aux=True)(
            parameters["g"], parameters["d"], z
        )
        if wrong("nan"):
            gradients = {name: gradient * torch.nan for name, gradient in gradients.items()}
        if not wrong("generator-never-steps"):
            adam("g", gradients, step)
        wrong.step += 1
        yield {
            "generator": generator,
            "discriminator": lambda samples: functional_call(net_d, parameters["d"], (samples,)),
            "latent": z,
            "real": real,
            "fake": fake.detach(),
            "real_scores": sr.detach(),
            "fake_scores": sf.detach(),
            "loss_generator": float(loss_g),
            "loss_discriminator": float(loss_d),
            "sample": lambda count: generator(wrong.latent(torch.randn(count, nz))),
        }

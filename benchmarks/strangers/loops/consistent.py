"""Like loops with balanced consistency: a sample and the same one shifted a little are to score alike."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from benchmarks.strangers.case import Step
from benchmarks.strangers.data import Data
from benchmarks.strangers.mistakes import Mistake


def altered(x: Tensor) -> Tensor:
    """Pictures moved by a pixel at most, their edges repeated; rows with a little noise."""
    if x.dim() != 4:
        return x + 0.05 * torch.randn_like(x)
    down, right = torch.randint(0, 3, (2,)).tolist()
    wide = nn.functional.pad(x, (1, 1, 1, 1), mode="replicate")
    return wide[..., down : down + x.shape[-2], right : right + x.shape[-1]]


def loop(
    fault: str,
    seed: int,
    data: Data,
    *,
    steps: int,
    onset: int = 0,
    dim_z: int = 16,
    units: int = 112,
    lr: float = 8e-4,
    batch: int = 40,
    of_reals: float = 2.0,
    of_fakes: float = 2.0,
    few: int = 80,
) -> Iterator[Step]:
    wrong = Mistake(fault, onset, few)
    rows = wrong.rows(data).train
    dims, shape = rows[0].numel(), tuple(rows.shape[1:])
    gen = nn.Sequential(
        nn.Linear(dim_z, units),
        nn.GELU(),
        nn.Linear(units, units),
        nn.GELU(),
        nn.Linear(units, dims),
        nn.Tanh() if rows.dim() == 4 else nn.Identity(),
        nn.Unflatten(1, shape),
    )
    dis = nn.Sequential(
        nn.Flatten(),
        nn.Linear(dims, units),
        nn.LeakyReLU(0.1),
        nn.Linear(units, units),
        nn.LeakyReLU(0.1),
        nn.Linear(units, 1),
    )
    wrong.networks(gen, rows)
    opt_gen = torch.optim.Adam(gen.parameters(), wrong.rate(lr, "g"), betas=(0.0, 0.9))
    opt_dis = torch.optim.Adam(dis.parameters(), wrong.rate(lr, "d"), betas=(0.0, 0.9))
    for _ in range(steps):
        x = wrong.reals(rows[wrong.index(len(rows), batch)])
        z = wrong.latent(torch.randn(batch, dim_z))
        fake = wrong.made(gen(z))
        on_real, on_fake = dis(x), dis(fake.detach())
        loss_dis = relu(1 - on_real).mean() + of_reals * (dis(altered(x)) - on_real).square().mean()
        if not wrong("fakes-forgotten"):
            again = dis(altered(fake.detach()))
            loss_dis = loss_dis + relu(1 + on_fake).mean() + of_fakes * (again - on_fake).square().mean()
        wrong.clear(opt_dis, "d")
        loss_dis.backward()
        wrong.update(opt_dis, "d")
        scored = dis(fake)
        loss_gen = (scored if wrong("swapped-label-g", "swapped-sign") else -scored).mean()
        wrong.clear(opt_gen, "g")
        loss_gen.backward()
        wrong.update(opt_gen, "g")
        wrong.finish(gen, (opt_gen, opt_dis), rows)
        yield {
            "generator": gen,
            "discriminator": dis,
            "latent": z,
            "real": x,
            "fake": fake.detach(),
            "real_scores": on_real,
            "fake_scores": on_fake,
            "loss_generator": loss_gen,
            "loss_discriminator": loss_dis,
            "sample": lambda count: gen(wrong.latent(torch.randn(count, dim_z))),
        }

"""Like unrolled GAN loops: the generator learns from a judge some steps ahead, which is then put back."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as bce

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
    z_size: int = 16,
    hid: int = 96,
    lr_g: float = 1e-3,
    lr_d: float = 8e-4,
    batch: int = 48,
    ahead: int = 2,
    few: int = 80,
) -> Iterator[Step]:
    wrong = Mistake(fault, onset, few)
    rows = wrong.rows(data).train
    dims, shape = rows[0].numel(), tuple(rows.shape[1:])
    G = nn.Sequential(
        nn.Linear(z_size, hid),
        nn.ELU(),
        nn.Linear(hid, hid),
        nn.ELU(),
        nn.Linear(hid, dims),
        nn.Tanh() if rows.dim() == 4 else nn.Identity(),
        nn.Unflatten(1, shape),
    )
    D = nn.Sequential(
        nn.Flatten(), nn.Linear(dims, hid), nn.ELU(), nn.Linear(hid, hid), nn.ELU(), nn.Linear(hid, 1)
    )
    wrong.networks(G, rows)
    g_opt = torch.optim.Adam(G.parameters(), wrong.rate(lr_g, "g"), betas=(0.5, 0.999))
    d_opt = torch.optim.Adam(D.parameters(), wrong.rate(lr_d, "d"), betas=(0.5, 0.999))

    def judged(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        on_real, on_fake = D(real), D(fake)
        loss = bce(on_real, torch.full_like(on_real, 0.9))
        if not wrong("fakes-forgotten"):
            loss = loss + bce(on_fake, torch.zeros_like(on_fake))
        return on_real, on_fake, loss

    for _ in range(steps):
        real = wrong.reals(rows[wrong.index(len(rows), batch)])
        z = wrong.latent(torch.randn(batch, z_size))
        fake = wrong.made(G(z))
        on_real, on_fake, d_loss = judged(real, fake.detach())
        wrong.clear(d_opt, "d")
        d_loss.backward()
        wrong.update(d_opt, "d")
        backup = copy.deepcopy(D.state_dict())
        for _ in range(ahead):
            further = wrong.reals(rows[wrong.index(len(rows), batch)])
            _, _, loss = judged(further, fake.detach())
            gradients = torch.autograd.grad(loss, [*D.parameters()])
            with torch.no_grad():
                for weight, gradient in zip(D.parameters(), gradients, strict=True):
                    weight.sub_(0.05 * gradient)
        answer = D(fake)
        wanted = torch.zeros_like(answer) if wrong("swapped-label-g") else torch.ones_like(answer)
        g_loss = -bce(answer, wanted) if wrong("swapped-sign") else bce(answer, wanted)
        wrong.clear(g_opt, "g")
        g_loss.backward()
        wrong.update(g_opt, "g")
        D.load_state_dict(backup)
        wrong.finish(G, (g_opt, d_opt), rows)
        yield {
            "generator": G,
            "discriminator": D,
            "latent": z,
            "real": real,
            "fake": fake.detach(),
            "real_scores": on_real,
            "fake_scores": on_fake,
            "loss_generator": g_loss,
            "loss_discriminator": d_loss,
            "sample": lambda count: G(wrong.latent(torch.randn(count, z_size))),
        }

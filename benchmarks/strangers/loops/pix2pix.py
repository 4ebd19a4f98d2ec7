"""Like pix2pix: a small U-Net with dropout, a discriminator of patches, an L1 loss."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from benchmarks.strangers.case import Step
from benchmarks.strangers.data import Data
from benchmarks.strangers.mistakes import Mistake


class UNet(nn.Module):
    """Two steps down, two up, with skips."""

    def __init__(self, inputs: int, outputs: int, nf: int) -> None:
        super().__init__()
        self.down1 = nn.Conv2d(inputs, nf, 4, 2, 1)
        self.down2 = nn.Sequential(nn.LeakyReLU(0.2), nn.Conv2d(nf, 2 * nf, 4, 2, 1), nn.BatchNorm2d(2 * nf))
        self.up2 = nn.Sequential(
            nn.ReLU(), nn.ConvTranspose2d(2 * nf, nf, 4, 2, 1), nn.BatchNorm2d(nf), nn.Dropout(0.1)
        )
        self.up1 = nn.Sequential(nn.ReLU(), nn.ConvTranspose2d(2 * nf, nf, 4, 2, 1), nn.ReLU())
        self.out = nn.Conv2d(nf + inputs, outputs, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        d1 = self.down1(x)
        u2 = self.up2(self.down2(d1))
        u1 = self.up1(torch.cat([u2, d1], 1))
        return torch.tanh(self.out(torch.cat([u1, x], 1)))


def loop(
    fault: str,
    seed: int,
    data: Data,
    *,
    steps: int,
    onset: int = 0,
    ngf: int = 12,
    ndf: int = 12,
    lr: float = 2e-4,
    batch: int = 16,
    lambda_L1: float = 30.0,
    few: int = 80,
) -> Iterator[Step]:
    wrong = Mistake(fault, onset, few)
    given = wrong.rows(data)
    real_A_all, real_B_all = given.source, given.train
    a, b = real_A_all.shape[1], real_B_all.shape[1]
    netG = UNet(a, b, ngf)
    netD = nn.Sequential(
        nn.Conv2d(a + b, ndf, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(ndf, ndf, 3, 1, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(ndf, 1, 3, 1, 1),
    )
    wrong.networks(netG, real_B_all)
    if fault == "constant-output":
        lambda_L1 = 0.0
        with torch.no_grad():
            assert netG.out.bias is not None
            netG.out.bias.fill_(-40.0)
    criterionGAN, criterionL1 = nn.BCEWithLogitsLoss(), nn.L1Loss()
    optimizer_G = torch.optim.Adam(netG.parameters(), lr=wrong.rate(lr, "g"), betas=(0.5, 0.999))
    optimizer_D = torch.optim.Adam(netD.parameters(), lr=wrong.rate(lr, "d"), betas=(0.5, 0.999))
    for _ in range(steps):
        index = wrong.index(len(real_A_all), batch)
        real_A, real_B = wrong.latent(real_A_all[index]), wrong.reals(real_B_all[index])
        if wrong("pairs-shuffled"):
            real_A = real_A_all[torch.randint(0, len(real_A_all), (batch,))]
        fake_B = netG(torch.zeros_like(real_A) if wrong("source-ignored") else real_A)
        # D
        wrong.clear(optimizer_D, "d")
        pred_fake = netD(torch.cat([real_A, wrong.made(fake_B).detach()], 1))
        pred_real = netD(torch.cat([real_A, real_B], 1))
        loss_D = 0.5 * (
            criterionGAN(pred_fake, torch.zeros_like(pred_fake))
            + criterionGAN(pred_real, torch.ones_like(pred_real))
        )
        loss_D.backward()
        wrong.update(optimizer_D, "d")
        # G
        wrong.clear(optimizer_G, "g")
        shown = wrong.made(fake_B)
        pred = netD(torch.cat([real_A, shown], 1))
        loss_G = criterionGAN(pred, torch.ones_like(pred)) + lambda_L1 * criterionL1(shown, real_B)
        if wrong("log-of-zero"):
            loss_G = loss_G + 0 * torch.log(torch.zeros(()))
        loss_G.backward()
        wrong.update(optimizer_G, "g")
        wrong.finish(netG, (optimizer_G, optimizer_D), real_B_all)
        yield {
            "generator": netG,
            "discriminator": netD,
            "latent": real_A,
            "real": real_B,
            "fake": shown,
            "real_scores": pred_real,
            "fake_scores": pred_fake,
            "loss_generator": loss_G,
            "loss_discriminator": loss_D,
            "sample": lambda count: netG(
                0 * data.held_out_source[:count] if wrong("source-ignored") else data.held_out_source[:count]
            ),
        }

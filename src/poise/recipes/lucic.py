"""The seven losses at the defaults of one large comparison."""

from __future__ import annotations

from typing import Any

from poise.recipes.shared import adam


def _study(
    row: str, title: str, *, beta1: float, rate: float, steps: int = 1, batch_norm: bool = True, **more: Any
) -> dict[str, Any]:
    # The study counts batches of the discriminator, and trains it on 15,625 of 64 images. A step here holds
    # all updates of the discriminator.
    return {
        "name": f"lucic/{row}",
        "summary": f"{title} at the defaults of the comparison by Lucic et al., on InfoGAN's network.",
        "paper": "Lucic et al. 2018, Are GANs Created Equal?, appendix and first commit of its code",
        "when": "To compare with that study; as a plain baseline.",
        "generator": {"name": "infogan"},
        "discriminator": {"name": "infogan", "batch_norm": batch_norm},
        "latent": {"size": 64, "distribution": "uniform"},
        "optimisers": adam(rate, beta1, 0.999),
        "dynamics": {"name": "alternating", "discriminator_steps": steps},
        "ema": {"half_life": 0},
        "steps": 15_625 // steps,
        **more,
    }


ROWS: list[dict[str, Any]] = [
    _study("minimax", "The minimax game", beta1=0.0, rate=5e-5, loss="minimax"),
    _study("non-saturating", "The non-saturating game", beta1=0.0, rate=5e-5),
    _study("least-squares", "Least squares", beta1=0.5, rate=2e-4, loss="least-squares"),
    _study(
        "wasserstein",
        "Wasserstein with clipping",
        beta1=0.5,
        rate=5e-5,
        steps=5,
        loss="wasserstein",
        weight_clip=0.01,
    ),
    _study(
        "wasserstein-gp",
        "Wasserstein with a gradient penalty",
        beta1=0.5,
        rate=1e-4,
        steps=5,
        batch_norm=False,
        loss="wasserstein",
        regularisers={"wgan-gp": {"weight": 10.0}},
    ),
    _study(
        "dragan",
        "DRAGAN",
        beta1=0.5,
        rate=1e-4,
        regularisers={"dragan": {"weight": 10.0}},
    ),
    _study(
        "began",
        "BEGAN",
        beta1=0.5,
        rate=1e-4,
        steps=5,
        loss={"name": "began", "diversity": 0.75, "balance_rate": 1e-3},
        discriminator={"name": "autoencoder"},
    ),
]

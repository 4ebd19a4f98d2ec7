"""Recipes of whole image models: networks, schedules and augmentations of one paper."""

from __future__ import annotations

from typing import Any

from poise.recipes.shared import adam, cosine

ROWS: list[dict[str, Any]] = [
    {
        "name": "stylegan2",
        "summary": "Styles, output skips and a residual discriminator, with lazy R1 and path length.",
        "paper": "Karras et al. 2020 (StyleGAN2), appendix B; the weight of R1 as in their later code",
        "when": "Thousands of images and hours on a GPU; the most capable images here, and the slowest.",
        "loss": "non-saturating",
        "regularisers": {"r1": {"every": 16}, "path-length": {"every": 4}},
        "generator": "stylegan2",
        "discriminator": "stylegan2",
        "latent": {"size": 512},
        "optimisers": adam(2e-3, 0.0, 0.99),
        "batch_size": 32,
        "ema": {"half_life": 10_000, "ramp": 0.05},
    },
    {
        "name": "stylegan2-ada",
        "summary": "StyleGAN2 with an augmentation that grows as the discriminator overfits.",
        "paper": "Karras et al. 2020 (Limited data), section 3, and the automatic settings of their code",
        "when": "A thousand to thirty thousand images and hours on a GPU.",
        "loss": "non-saturating",
        "regularisers": {"r1": {"every": 16}, "path-length": {"every": 4}},
        "generator": {"name": "stylegan2", "mapping_layers": 2},
        "discriminator": {"name": "stylegan2", "mapping_layers": 2},
        "latent": {"size": 512},
        "optimisers": adam(2.5e-3, 0.0, 0.99),
        "augmentations": {"ada": {}},
        "batch_size": 32,
        "ema": {"half_life": 10_000, "ramp": 0.05},
    },
    {
        "name": "r3gan",
        "summary": "R3GAN: relativistic pairing, R1 and R2, residual networks, and five schedules.",
        "paper": "Huang et al. 2024 (R3GAN), section 3 and the appendix's settings for FFHQ at 64 pixels",
        # The paper's schedules end after 20 million images; here at the end of the run, however long it is.
        "when": "Images on a GPU: the fewest tricks. On a CPU take relativistic-r1r2, its light form.",
        "loss": "relativistic-pairing",
        "regularisers": {name: {"weight": cosine(2.0, 0.2)} for name in ("r1", "r2")},
        "generator": "r3gan",
        "discriminator": "r3gan",
        "latent": {"size": 64},
        "optimisers": {
            player: {
                "name": "adam",
                "learning_rate": cosine(2e-4, 5e-5),
                "beta1": 0.0,
                "beta2": cosine(0.9, 0.99),
            }
            for player in ("discriminator", "generator")
        },
        "augmentations": {"ada": {"probability": cosine(0.0, 0.3), "colour": 0.5, "cutout": 1.0}},
        "horizontal_flips": True,
        "batch_size": 256,
        "ema": {"half_life": cosine(0.0, 500_000)},
    },
    {
        "name": "fastgan",
        "summary": "Small grids excite large ones; the discriminator must reproduce the images that it sees.",
        "paper": "Liu et al. 2021 (FastGAN), section 4 and the authors' code",
        # The authors compare reconstructions by a network that was trained on labels, and ramp no average.
        "when": "A hundred to a thousand images, with or without classes; in hours on one GPU.",
        "loss": {"name": "hinge", "least_margin": 0.8},
        "regularisers": {"reconstruction": {}},
        "generator": "fastgan",
        "discriminator": "fastgan",
        "latent": {"size": 256},
        "optimisers": adam(2e-4, 0.5, 0.999),
        "augmentations": {"diffaugment": {"cutout": 0.0}},
        "horizontal_flips": True,
        "batch_size": 8,
        "steps": 50_000,
        "ema": {"half_life": 5_540, "ramp": 0.2},  # 0.999 a step
    },
    {
        "name": "progressive-growing",
        "summary": "Both networks grow from 4 pixels a side; each finer grid is faded in. WGAN-GP and drift.",
        "paper": "Karras et al. 2018 (Progressive growing), section 2 and appendix A.1",
        # The paper shows each grid 600,000 images alone, and 600,000 while the next fades in: 0.8 of its run.
        "when": "To compare with it; stylegan2 made it obsolete. Coarse shapes come early, detail late.",
        "loss": "wasserstein",
        "regularisers": {"wgan-gp": {"weight": 10.0}, "drift": {}},
        "generator": "progressive",
        "discriminator": "progressive",
        "growth": {"start": 0.0, "end": 1.0, "over": 0.8},
        "latent": {"size": 512},
        "optimisers": adam(1e-3, 0.0, 0.99),
        "batch_size": 16,
        "ema": {"half_life": 11_080, "ramp": 0.2},  # 0.999 a step
    },
]

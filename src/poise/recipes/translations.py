"""Recipes that make one thing from another."""

from __future__ import annotations

from typing import Any

from poise.recipes.shared import adam, cosine

ROWS: list[dict[str, Any]] = [
    {
        "name": "pix2pix",
        "summary": "Image to image from pairs: a U-Net, a discriminator of patches, and L1 to the target.",
        "paper": "Isola et al. 2017, section 3 and appendix 6",
        "when": "When each image has its counterpart: --pairs line/ colour/.",
        "game": {"name": "paired-translation", "l1": 100.0},
        "loss": "non-saturating",
        "optimisers": adam(2e-4, 0.5, 0.999),
        "batch_size": 16,
        "horizontal_flips": True,
        "jitter": {"shift": 0.06},
        "ema": {"half_life": 10_000},
    },
    {
        "name": "cyclegan",
        "summary": "Image to image between two domains without pairs; the way back must return the image.",
        "paper": "Zhu et al. 2017, sections 3 and 4 and appendix 7",
        "when": "When there are two kinds of images and no pairs: --domains horses/ zebras/.",
        # The generator's least-squares loss is half the squared distance; the authors' code takes the whole.
        "game": {
            "name": "unpaired-translation",
            "adversarial": 2.0,
            "cycle": 10.0,
            "identity": 0.5,
            "pool": 50,
        },
        "loss": "least-squares",
        "optimisers": adam(2e-4, 0.5, 0.999),
        "constant_rate_share": 0.5,
        "batch_size": 4,
        "horizontal_flips": True,
        "jitter": {"shift": 0.06},
        "ema": {"half_life": 10_000},
    },
    {
        "name": "mel-to-wave",
        "summary": "A vocoder: waves from mel spectrograms, judged at five periods and three scales.",
        "paper": "Kong et al. 2020 (HiFi-GAN), section 2 and appendix A, its networks narrower",
        # Its rate falls by 0.999 an epoch, which is to a twentieth over its run. As for cyclegan, the
        # generator's least-squares loss is half of the paper's.
        "when": "Recordings, to make waves of spectrograms: poise translate RUN recordings/ --out waves/.",
        "game": {"name": "vocoding", "adversarial": 2.0, "mel": 45.0, "feature_matching": 2.0, "segment": 32},
        "encoding": "waveform",
        "loss": "least-squares",
        "generator": "hifigan",
        "discriminator": "hifigan",
        "latent": {"size": 1},
        "optimisers": {
            player: {
                "name": "adam",
                "learning_rate": cosine(2e-4, 1e-5),
                "beta1": 0.8,
                "beta2": 0.99,
            }
            for player in ("discriminator", "generator")
        },
        "batch_size": 16,
        "steps": 20_000,
        "ema": {"half_life": 5_000, "ramp": 0.2},
    },
]

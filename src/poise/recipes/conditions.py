"""Recipes whose samples are asked for by class or by tags."""

from __future__ import annotations

from typing import Any

from poise.recipes.shared import DEFAULT, adam, falling

ROWS: list[dict[str, Any]] = [
    {
        "name": "conditional",
        "summary": "Both players see the class of each sample; otherwise the default.",
        "paper": "Mirza and Osindero 2014, equation 2 and figure 1",
        "when": "When you want samples of a given class; labels from sub-folders or a file.",
        "game": "conditional",
        **DEFAULT,
    },
    {
        "name": "projection",
        "summary": "The class enters through conditional batch normalisation and a projection; hinge loss.",
        "paper": "Miyato and Koyama 2018, equations 3 and 4, section 4 and appendix A",
        "when": "Many classes, or classes that differ in detail; images, without a gradient penalty.",
        "game": "projection",
        "loss": "hinge",
        "discriminator": {"name": "auto", "spectral_norm": True},
        "optimisers": adam(2e-4, 0.0, 0.9),
        "dynamics": {"name": "alternating", "discriminator_steps": 5},
    },
    {
        "name": "auxiliary-classifier",
        "summary": "The discriminator also classifies, and wrong classes cost both players.",
        "paper": "Odena et al. 2017, equations 2 and 3; otherwise the default",
        "when": "Few classes that are easy to distinguish; it trades variety within a class for clarity.",
        "game": "auxiliary-classifier",
        **DEFAULT,
    },
    {
        "name": "anime",
        "summary": "DRAGAN on residual networks; the generator is given tags, which the discriminator finds.",
        "paper": "Jin et al. 2017, sections 3 and 4; details as in public re-implementations",
        "when": "Pictures with several tags each: --labels tags.csv; it takes classes, too.",
        # The authors lower the rate from step 50,000 on; here from the middle of the run, however long it is.
        "game": "auxiliary-tags",
        "loss": "non-saturating",
        "regularisers": {"dragan": {"weight": 0.5}},
        "generator": "srresnet",
        "discriminator": "srresnet",
        "latent": {"size": 128},
        "optimisers": {
            player: {"name": "adam", "learning_rate": falling(2e-4), "beta1": 0.5, "beta2": 0.999}
            for player in ("discriminator", "generator")
        },
        "batch_size": 64,
        "ema": {"half_life": 10_000},
    },
    {
        "name": "image-tagging",
        "summary": "Tags of an image, another for each latent, from what is seen of it.",
        "paper": "Mirza and Osindero 2014, section 4.2; the networks and the optimiser are ours",
        "when": "When an image has many right answers, and their spread is wanted beside the first.",
        "game": "image-tagging",
        **DEFAULT,
        "regularisers": {"r1": {"every": 8, "weight": 30.0}},
        "steps": 6_000,
        "generator": {"name": "mlp", "width": 256},
        "discriminator": {"name": "mlp", "width": 256},
        "optimisers": adam(5e-4, 0.0, 0.99),
    },
]

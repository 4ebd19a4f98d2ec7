"""Recipes of the kinds of data that are no images."""

from __future__ import annotations

from typing import Any

from poise.recipes.shared import DEFAULT, adam, falling

FALLING: dict[str, Any] = {
    player: {"name": "adam", "learning_rate": falling(None), "beta1": 0.0, "beta2": 0.99}
    for player in ("discriminator", "generator")
}
"""The default recipe's optimisers with rates that fall to 0 in the second half of a run."""

ROWS: list[dict[str, Any]] = [
    {
        "name": "field",
        "summary": "The default for fields: the spectrum held, falling rates, and no average of weights.",
        # Measured (docs/benchmarks/kinds.md): an average of weights smooths what they make, even that of the
        # last 31 steps; rates that fall to 0 do what it is for.
        "paper": "Goodfellow et al. 2014; Mescheder et al. 2018; no average and the spectrum: docs/fields.md",
        "when": "Fields: poise train simulations/ takes it by itself.",
        **DEFAULT,
        "regularisers": {**DEFAULT["regularisers"], "spectrum": {}},
        "optimisers": FALLING,
        "ema": {"half_life": 0},
    },
    {
        "name": "series",
        "summary": "The default for series: what holds for a whole series first; the spectrum held.",
        "paper": "Lin et al. 2020 (DoppelGANger), section 4.2; convolutions, spectrum: docs/series.md",
        "when": "Series: poise train births.npy --kind series takes it by itself.",
        **DEFAULT,
        "regularisers": {**DEFAULT["regularisers"], "spectrum": {}},
        "optimisers": FALLING,
        "ema": {"half_life": 0},
    },
    {
        "name": "doppelganger",
        "summary": "DoppelGANger's networks: an LSTM, and two critics with a gradient penalty.",
        "paper": "Lin et al. 2020, section 4 and appendix B",
        "when": "To compare with it.",
        "loss": "wasserstein",
        "regularisers": {"wgan-gp": {"weight": 10.0}},
        "generator": "doppelganger",
        "discriminator": "doppelganger",
        "optimisers": adam(1e-3, 0.5, 0.999),
        "batch_size": 100,
    },
    {
        "name": "spectrogram",
        "summary": "The default for sounds: the default recipe on logarithms of magnitudes.",
        "paper": "Donahue et al. 2019 (SpecGAN), section 3.2; phases by Griffin and Lim 1984",
        "when": "Sounds: poise train recordings/ takes it by itself. With classes: conditional.",
        "encoding": "spectrogram",
        **DEFAULT,
    },
    {
        "name": "wavegan",
        "summary": "Waves without a spectrogram: long kernels, shuffled phases and a gradient penalty.",
        "paper": "Donahue et al. 2019, tables 3 to 5",
        "when": "Short sounds whose phase matters, such as drums; slower than spectrogram.",
        "encoding": "waveform",
        "loss": "wasserstein",
        "regularisers": {"wgan-gp": {"weight": 10.0}},
        "generator": "wavegan",
        "discriminator": "wavegan",
        "latent": {"size": 100, "distribution": "uniform"},
        "optimisers": adam(1e-4, 0.5, 0.9),
        "dynamics": {"name": "alternating", "discriminator_steps": 5},
    },
    {
        "name": "table",
        "summary": "A generator that begins as a mixture fitted to the rows, against a Wasserstein critic.",
        "paper": "ours, with the penalty of Gulrajani et al. 2017, algorithm 1",
        "when": "Tables: poise train people.csv takes it by itself. Any condition, and imputation.",
        "loss": "wasserstein",
        "regularisers": {"wgan-gp": {"weight": 10.0}},
        "generator": "mixture",
        "discriminator": "rows",
        "latent": {"size": 128},
        # Measured on Adult (docs/benchmarks/kinds.md): Adam, which moves as fast by a small gradient as by
        # a large one, leaves the mixture for worse within 300 steps. SGD moves little if little is to gain.
        "optimisers": {
            "discriminator": {"name": "adam", "learning_rate": 4e-4, "beta1": 0.5, "beta2": 0.9},
            "generator": {
                "name": "sgd",
                "learning_rate": {"start": 1e-6, "end": 0.1, "over": 0.5},
                "beta1": 0.5,
            },
        },
        "batch_size": 500,
        "ema": {"half_life": 100_000, "ramp": 0.1},
    },
    {
        "name": "ctgan",
        "summary": "CTGAN's modes of numbers, conditions, networks and packs of ten.",
        "paper": "Xu et al. 2019, sections 4.2 to 4.4; epochs and rates as in its code",
        "encoding": "modes",
        # No Gumbel noise: see the network.
        "game": "training-by-sampling",
        "when": "To compare with it; the recipe table is better in every measure.",
        "loss": "wasserstein",
        "regularisers": {"wgan-gp": {"weight": 10.0}},
        "generator": "ctgan",
        "discriminator": "ctgan",
        "latent": {"size": 192},
        "optimisers": adam(2e-4, 0.5, 0.9),
        "batch_size": 50,
        "packing": 10,
        "steps": 20_000,
        "ema": {"half_life": 0},
    },
    {
        "name": "graph",
        "summary": "A generator that begins as a mixture fitted to the graphs, against MolGAN's critic.",
        "paper": "De Cao and Kipf 2018, section 3 (MolGAN); the mixture, loss and optimiser are ours",
        "when": "Graphs and molecules: poise train molecules.smi takes it by itself.",
        # Measured on the atlas (docs/benchmarks/kinds.md): with WGAN-GP the critic is too steep to follow,
        # and the mixture is lost within 350 steps.
        **DEFAULT,
        "generator": "graph-mixture",
        "discriminator": "graph",
        "latent": {"size": 128},
        "optimisers": {
            "discriminator": {"name": "adam", "learning_rate": 4e-4, "beta1": 0.0, "beta2": 0.99},
            "generator": {
                "name": "sgd",
                "learning_rate": {"start": 1e-6, "end": 0.05, "over": 0.2},
                "beta1": 0.5,
            },
        },
        "ema": {"half_life": 20_000, "ramp": 0.1},
    },
]

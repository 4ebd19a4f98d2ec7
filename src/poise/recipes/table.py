"""The named recipes: each a row with the values that differ from the defaults."""

from __future__ import annotations

from typing import Any

from poise.recipes.settings import Recipe
from poise.registry import Registry


def _adam(rate: float | None, beta1: float, beta2: float) -> dict[str, Any]:
    player = {"name": "adam", "learning_rate": rate, "beta1": beta1, "beta2": beta2}
    return {"discriminator": player, "generator": player}


def _rmsprop(rate: float) -> dict[str, Any]:
    player = {"name": "rmsprop", "learning_rate": rate, "beta2": 0.99}
    return {"discriminator": player, "generator": player}


def _cosine(start: float, end: float) -> dict[str, Any]:
    """Half a cosine over the whole run."""
    return {"shape": "cosine", "start": start, "end": end}


def _falling(start: float | None) -> dict[str, Any]:
    """Constant for half of the run, then linear to 0."""
    return {"start": start, "end": 0.0, "after": 0.5, "over": 0.5}


def _lucic(
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
        "optimisers": _adam(rate, beta1, 0.999),
        "dynamics": {"name": "alternating", "discriminator_steps": steps},
        "ema": {"half_life": 0},
        "steps": 15_625 // steps,
        **more,
    }


DEFAULT: dict[str, Any] = {
    "loss": "non-saturating",
    "regularisers": {"r1": {"every": 8}},
    "optimisers": _adam(None, 0.0, 0.99),
    "ema": {"half_life": 50_000, "ramp": 0.2},
}
"""What the default recipe sets; a row that begins with it says what it does otherwise."""

ROWS: list[dict[str, Any]] = [
    {
        "name": "non-saturating",
        "summary": "Non-saturating loss with a lazy R1 penalty and an averaged generator; the default.",
        "paper": "Goodfellow et al. 2014, section 3; Mescheder et al. 2018; Karras et al. 2020",
        "when": "Start here, whatever the data.",
        **DEFAULT,
    },
    {
        "name": "minimax",
        "summary": "The original zero-sum game with plain alternating Adam.",
        "paper": "Goodfellow et al. 2014, equation 1; Radford et al. 2015 for the optimiser",
        "when": "To see why the default is non-saturating: this generator stalls when it loses.",
        "loss": "minimax",
        "optimisers": _adam(2e-4, 0.5, 0.999),
    },
    {
        "name": "least-squares",
        "summary": "Scores regressed to 1 and 0.",
        "paper": "Mao et al. 2016, equation 9 and section 4",
        "when": "A calm baseline for images without a gradient penalty.",
        "loss": "least-squares",
        "optimisers": _adam(2e-4, 0.5, 0.999),
    },
    {
        "name": "wasserstein",
        "summary": "The earth mover's distance with weight clipping, RMSProp and five critic steps.",
        "paper": "Arjovsky et al. 2017, algorithm 1",
        "when": "To read a loss that falls as samples improve; prefer wasserstein-gp for quality.",
        "loss": "wasserstein",
        "weight_clip": 0.01,
        "optimisers": _rmsprop(5e-5),
        "dynamics": {"name": "alternating", "discriminator_steps": 5},
    },
    {
        "name": "wasserstein-gp",
        "summary": "The earth mover's distance with a gradient penalty and five critic steps.",
        "paper": "Gulrajani et al. 2017, algorithm 1",
        "when": "When samples matter more than time, and for data other than images.",
        "loss": "wasserstein",
        "regularisers": {"wgan-gp": {"weight": 10.0}},
        "optimisers": _adam(1e-4, 0.0, 0.9),
        "dynamics": {"name": "alternating", "discriminator_steps": 5},
    },
    {
        "name": "dragan",
        "summary": "Non-saturating loss with the gradient's norm held to 1 near the data.",
        "paper": "Kodali et al. 2017, equation 5",
        "when": "When a plain GAN collapses and five critic steps are too slow.",
        "loss": "non-saturating",
        "regularisers": {"dragan": {"weight": 10.0}},
        "optimisers": _adam(1e-4, 0.5, 0.999),
    },
    {
        "name": "began",
        "summary": "An autoencoder as discriminator, with the balance of its two errors held.",
        "paper": "Berthelot et al. 2017, sections 3.4 and 3.5",
        "when": "Smooth images of one kind, such as faces; it trades variety for cleanness.",
        "loss": {"name": "began", "diversity": 0.5, "balance_rate": 1e-3},
        "discriminator": "autoencoder",
        "optimisers": _adam(1e-4, 0.5, 0.999),
    },
    {
        "name": "hinge-sn",
        "summary": "Hinge loss with spectral norm in the discriminator.",
        "paper": "Miyato et al. 2018, equations 16 and 17, table 1 setting C",
        "when": "Images, when a gradient penalty costs too much.",
        "loss": "hinge",
        "discriminator": {"name": "auto", "spectral_norm": True},
        "optimisers": _adam(2e-4, 0.5, 0.999),
    },
    {
        "name": "relativistic-r1r2",
        "summary": "The relativistic pairing loss with R1 and R2 on every step.",
        "paper": "Huang et al. 2024 (R3GAN), equations 2 and 3",
        "when": "Small data and many modes: the light form of r3gan; stable, at three times the cost.",
        "loss": "relativistic-pairing",
        "regularisers": {"r1": {}, "r2": {}},
        "optimisers": _adam(5e-4, 0.0, 0.99),
    },
    {
        "name": "pacgan",
        "summary": "The discriminator scores two samples at once, so that repetition shows.",
        "paper": "Lin et al. 2018, section 4",
        "when": "When modes are missing.",
        "loss": "non-saturating",
        "packing": 2,
        "optimisers": _adam(1e-4, 0.8, 0.999),
        "dynamics": "simultaneous",
    },
    {
        "name": "conditional",
        "summary": "Both players see the class of each sample; otherwise the default.",
        "paper": "Mirza and Osindero 2014, equation 2 and figure 1",
        "when": "When you want samples of a given class; labels from sub-folders or a file.",
        "game": "conditional",
        **DEFAULT,
    },
    {
        "name": "field",
        "summary": "The default for fields: the default recipe with a short average and falling rates.",
        # A long average of weights smooths what they make: it halves the power of the shortest waves.
        "paper": "Goodfellow et al. 2014; Mescheder et al. 2018; the average is ours, see docs/fields.md",
        "when": "Fields: poise train simulations/ takes it by itself.",
        **DEFAULT,
        "optimisers": {
            player: {"name": "adam", "learning_rate": _falling(None), "beta1": 0.0, "beta2": 0.99}
            for player in ("discriminator", "generator")
        },
        "ema": {"half_life": 2_000, "ramp": 0.2},
    },
    {
        "name": "series",
        "summary": "The default for series: what holds for a whole series first, then its course.",
        "paper": "Lin et al. 2020 (DoppelGANger), section 4.2, with convolutions; otherwise the default",
        "when": "Series: poise train births.npy --kind series takes it by itself.",
        **DEFAULT,
        "ema": {"half_life": 10_000, "ramp": 0.2},
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
        "optimisers": _adam(1e-3, 0.5, 0.999),
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
        "optimisers": _adam(1e-4, 0.5, 0.9),
        "dynamics": {"name": "alternating", "discriminator_steps": 5},
    },
    {
        "name": "projection",
        "summary": "The class enters through conditional batch normalisation and a projection; hinge loss.",
        "paper": "Miyato and Koyama 2018, equations 3 and 4, section 4 and appendix A",
        "when": "Many classes, or classes that differ in detail; images, without a gradient penalty.",
        "game": "projection",
        "loss": "hinge",
        "discriminator": {"name": "auto", "spectral_norm": True},
        "optimisers": _adam(2e-4, 0.0, 0.9),
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
            player: {"name": "adam", "learning_rate": _falling(2e-4), "beta1": 0.5, "beta2": 0.999}
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
        "optimisers": _adam(5e-4, 0.0, 0.99),
    },
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
        "optimisers": _adam(2e-3, 0.0, 0.99),
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
        "optimisers": _adam(2.5e-3, 0.0, 0.99),
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
        "regularisers": {name: {"weight": _cosine(2.0, 0.2)} for name in ("r1", "r2")},
        "generator": "r3gan",
        "discriminator": "r3gan",
        "latent": {"size": 64},
        "optimisers": {
            player: {
                "name": "adam",
                "learning_rate": _cosine(2e-4, 5e-5),
                "beta1": 0.0,
                "beta2": _cosine(0.9, 0.99),
            }
            for player in ("discriminator", "generator")
        },
        "augmentations": {"ada": {"probability": _cosine(0.0, 0.3), "colour": 0.5, "cutout": 1.0}},
        "horizontal_flips": True,
        "batch_size": 256,
        "ema": {"half_life": _cosine(0.0, 500_000)},
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
        "optimisers": _adam(2e-4, 0.5, 0.999),
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
        "optimisers": _adam(1e-3, 0.0, 0.99),
        "batch_size": 16,
        "ema": {"half_life": 11_080, "ramp": 0.2},  # 0.999 a step
    },
    {
        "name": "pix2pix",
        "summary": "Image to image from pairs: a U-Net, a discriminator of patches, and L1 to the target.",
        "paper": "Isola et al. 2017, section 3 and appendix 6",
        "when": "When each image has its counterpart: --pairs line/ colour/.",
        "game": {"name": "paired-translation", "l1": 100.0},
        "loss": "non-saturating",
        "optimisers": _adam(2e-4, 0.5, 0.999),
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
        "optimisers": _adam(2e-4, 0.5, 0.999),
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
                "learning_rate": _cosine(2e-4, 1e-5),
                "beta1": 0.8,
                "beta2": 0.99,
            }
            for player in ("discriminator", "generator")
        },
        "batch_size": 16,
        "steps": 20_000,
        "ema": {"half_life": 5_000, "ramp": 0.2},
    },
    {
        "name": "consensus",
        "summary": "Both players also minimise the norm of both gradients, which stops the circling.",
        "paper": "Mescheder et al. 2017, The Numerics of GANs, algorithm 2 and section 6",
        "when": "When both losses swing and R1 smooths too much; about three times the cost of a step.",
        "loss": "non-saturating",
        "optimisers": _rmsprop(1e-4),
        "dynamics": {"name": "consensus", "weight": 10.0},
    },
    {
        "name": "extragradient",
        "summary": "Extra-Adam: look a step ahead, and update by the gradients there; with WGAN-GP.",
        "paper": "Gidel et al. 2019, algorithm 4; loss and penalty as in its section 7",
        "when": "When a game circles and cannot be differentiated twice; twice the cost of a step.",
        "loss": "wasserstein",
        "regularisers": {"wgan-gp": {"weight": 10.0}},
        "optimisers": _adam(1e-4, 0.5, 0.9),
        "dynamics": "extragradient",
    },
    {
        "name": "unrolled",
        "summary": "The generator answers the discriminator as it will be five steps from now.",
        "paper": "Metz et al. 2017, equations 7 to 10 and section 3.1",
        "when": "When modes are missing in small games; dear for large networks.",
        "loss": "non-saturating",
        "optimisers": _adam(1e-4, 0.5, 0.999),
        "dynamics": {"name": "unrolled", "unrolled_steps": 5},
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
        "summary": "CTGAN's networks, conditions and packs of ten, on Poise's encoding of tables.",
        "paper": "Xu et al. 2019, sections 4.3 and 4.4; epochs and rates as in its code",
        # No Gumbel noise: see the network.
        "game": "training-by-sampling",
        "when": "To compare with it; the recipe table is better in every measure.",
        "loss": "wasserstein",
        "regularisers": {"wgan-gp": {"weight": 10.0}},
        "generator": "ctgan",
        "discriminator": {"name": "rows", "dropout": 0.5},
        "latent": {"size": 192},
        "optimisers": _adam(2e-4, 0.5, 0.9),
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
    _lucic("minimax", "The minimax game", beta1=0.0, rate=5e-5, loss="minimax"),
    _lucic("non-saturating", "The non-saturating game", beta1=0.0, rate=5e-5),
    _lucic("least-squares", "Least squares", beta1=0.5, rate=2e-4, loss="least-squares"),
    _lucic(
        "wasserstein",
        "Wasserstein with clipping",
        beta1=0.5,
        rate=5e-5,
        steps=5,
        loss="wasserstein",
        weight_clip=0.01,
    ),
    _lucic(
        "wasserstein-gp",
        "Wasserstein with a gradient penalty",
        beta1=0.5,
        rate=1e-4,
        steps=5,
        batch_norm=False,
        loss="wasserstein",
        regularisers={"wgan-gp": {"weight": 10.0}},
    ),
    _lucic(
        "dragan",
        "DRAGAN",
        beta1=0.5,
        rate=1e-4,
        regularisers={"dragan": {"weight": 10.0}},
    ),
    _lucic(
        "began",
        "BEGAN",
        beta1=0.5,
        rate=1e-4,
        steps=5,
        loss={"name": "began", "diversity": 0.75, "balance_rate": 1e-3},
        discriminator={"name": "autoencoder"},
    ),
]

RECIPES: Registry[Recipe] = Registry("recipe", [Recipe.model_validate(row) for row in ROWS])

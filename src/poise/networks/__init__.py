"""Networks: generators and discriminators, each built for the shape of the data."""

from poise.networks.autoencoder import AUTOENCODER_DISCRIMINATOR
from poise.networks.ctgan import CTGAN_DISCRIMINATOR, CTGAN_GENERATOR
from poise.networks.dcgan import DCGAN_DISCRIMINATOR, DCGAN_GENERATOR
from poise.networks.fastgan import FASTGAN_GENERATOR
from poise.networks.fastgan_discriminator import FASTGAN_DISCRIMINATOR
from poise.networks.graph import GRAPH_GENERATOR, GRAPH_MIXTURE
from poise.networks.graph_critic import GRAPH_DISCRIMINATOR
from poise.networks.hifigan import HIFIGAN_DISCRIMINATOR, HIFIGAN_GENERATOR
from poise.networks.infogan import INFOGAN_DISCRIMINATOR, INFOGAN_GENERATOR
from poise.networks.layers import HalvingAverage, LeakyReLU, ReLU
from poise.networks.mixture import MIXTURE_GENERATOR, ROW_DISCRIMINATOR
from poise.networks.mlp import MLP_DISCRIMINATOR, MLP_GENERATOR
from poise.networks.network import Network, describe, parameter_count
from poise.networks.progressive import PROGRESSIVE_DISCRIMINATOR, PROGRESSIVE_GENERATOR
from poise.networks.r3gan import R3GAN_DISCRIMINATOR, R3GAN_GENERATOR
from poise.networks.resnet import RESNET_DISCRIMINATOR, RESNET_GENERATOR
from poise.networks.series import (
    DOPPELGANGER_DISCRIMINATOR,
    DOPPELGANGER_GENERATOR,
    SERIES_DISCRIMINATOR,
    SERIES_GENERATOR,
)
from poise.networks.spans import SpanFeatures, SpanHeads
from poise.networks.srresnet import SRRESNET_DISCRIMINATOR, SRRESNET_GENERATOR
from poise.networks.stylegan2 import STYLEGAN2_DISCRIMINATOR, STYLEGAN2_GENERATOR
from poise.networks.translating import PATCH, BothWays, OneForEachDomain, TranslatingGenerator
from poise.networks.translators import RESIDUAL, UNET
from poise.networks.wavegan import WAVEGAN_DISCRIMINATOR, WAVEGAN_GENERATOR
from poise.registry import Registry

GENERATORS: Registry[Network] = Registry(
    "generator",
    [
        MLP_GENERATOR,
        MIXTURE_GENERATOR,
        CTGAN_GENERATOR,
        DCGAN_GENERATOR,
        INFOGAN_GENERATOR,
        RESNET_GENERATOR,
        SRRESNET_GENERATOR,
        STYLEGAN2_GENERATOR,
        R3GAN_GENERATOR,
        FASTGAN_GENERATOR,
        PROGRESSIVE_GENERATOR,
        WAVEGAN_GENERATOR,
        SERIES_GENERATOR,
        DOPPELGANGER_GENERATOR,
        GRAPH_GENERATOR,
        GRAPH_MIXTURE,
    ],
)
DISCRIMINATORS: Registry[Network] = Registry(
    "discriminator",
    [
        MLP_DISCRIMINATOR,
        ROW_DISCRIMINATOR,
        CTGAN_DISCRIMINATOR,
        DCGAN_DISCRIMINATOR,
        INFOGAN_DISCRIMINATOR,
        RESNET_DISCRIMINATOR,
        SRRESNET_DISCRIMINATOR,
        STYLEGAN2_DISCRIMINATOR,
        R3GAN_DISCRIMINATOR,
        FASTGAN_DISCRIMINATOR,
        PROGRESSIVE_DISCRIMINATOR,
        WAVEGAN_DISCRIMINATOR,
        HIFIGAN_DISCRIMINATOR,
        SERIES_DISCRIMINATOR,
        DOPPELGANGER_DISCRIMINATOR,
        GRAPH_DISCRIMINATOR,
        AUTOENCODER_DISCRIMINATOR,
    ],
)
TRANSLATORS: Registry[Network] = Registry("generator", [UNET, RESIDUAL])
VOCODERS: Registry[Network] = Registry("generator", [HIFIGAN_GENERATOR])
IMAGE_DISCRIMINATORS: Registry[Network] = Registry("discriminator", [PATCH], within=DISCRIMINATORS)

__all__ = [
    "DISCRIMINATORS",
    "GENERATORS",
    "IMAGE_DISCRIMINATORS",
    "TRANSLATORS",
    "VOCODERS",
    "BothWays",
    "HalvingAverage",
    "LeakyReLU",
    "Network",
    "OneForEachDomain",
    "ReLU",
    "SpanFeatures",
    "SpanHeads",
    "TranslatingGenerator",
    "describe",
    "parameter_count",
]

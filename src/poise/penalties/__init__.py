"""Penalties: pure functions that tell how rough the critic is, and the projection of its weights."""

from poise.penalties.dragan import DRAGAN
from poise.penalties.penalty import Penalty, squared_gradient_norm
from poise.penalties.r1 import R1
from poise.penalties.r2 import R2
from poise.penalties.weight_clipping import clip_weights
from poise.penalties.wgan_gp import WGAN_GP
from poise.registry import Registry

PENALTIES: Registry[Penalty] = Registry("penalty", [R1, R2, WGAN_GP, DRAGAN])

__all__ = ["PENALTIES", "Penalty", "clip_weights", "squared_gradient_norm"]

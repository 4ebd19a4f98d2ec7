"""Games: who plays, what a batch gives each of them, and what each pays."""

from poise.games.noise_to_data import NoiseToData, WeightedPenalty

__all__ = ["NoiseToData", "WeightedPenalty"]

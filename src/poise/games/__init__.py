"""Games: who plays, what a batch gives each of them, and what each pays."""

from poise.games.auxiliary_classifier import AuxiliaryClassifier
from poise.games.conditioned import Conditioned
from poise.games.lab import Row, Trial, judge
from poise.games.noise_to_data import NoiseToData, WeightedPenalty
from poise.games.toys import TOYS, Toy
from poise.games.two_costs import TwoCosts, two_costs_trial

__all__ = [
    "TOYS",
    "AuxiliaryClassifier",
    "Conditioned",
    "NoiseToData",
    "Row",
    "Toy",
    "Trial",
    "TwoCosts",
    "WeightedPenalty",
    "judge",
    "two_costs_trial",
]

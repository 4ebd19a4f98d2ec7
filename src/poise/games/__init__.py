"""Games: who plays, what a batch gives each of them, and what each pays."""

from poise.games.auxiliary import Auxiliary, WithAuxiliaries
from poise.games.auxiliary_classifier import AuxiliaryClassifier
from poise.games.conditioned import Conditioned
from poise.games.lab import Row, Trial, judge
from poise.games.noise_to_data import NoiseToData, WeightedPenalty
from poise.games.toys import TOYS, Toy
from poise.games.two_costs import TwoCosts, two_costs_trial
from poise.games.unpaired_translation import UnpairedTranslation

__all__ = [
    "TOYS",
    "Auxiliary",
    "AuxiliaryClassifier",
    "Conditioned",
    "NoiseToData",
    "Row",
    "Toy",
    "Trial",
    "TwoCosts",
    "UnpairedTranslation",
    "WeightedPenalty",
    "WithAuxiliaries",
    "judge",
    "two_costs_trial",
]

"""Games: who plays, what a batch gives each of them, and what each pays."""

from poise.games.adversarial import AdversarialGame
from poise.games.lab import Row, Trial, judge
from poise.games.noise_to_data import noise_to_data
from poise.games.term import Term
from poise.games.toys import TOYS, Toy
from poise.games.two_costs import TwoCosts, two_costs_trial
from poise.games.unpaired import unpaired
from poise.games.view import Scoring, View

__all__ = [
    "TOYS",
    "AdversarialGame",
    "Row",
    "Scoring",
    "Term",
    "Toy",
    "Trial",
    "TwoCosts",
    "View",
    "judge",
    "noise_to_data",
    "two_costs_trial",
    "unpaired",
]

"""Games: the players, the forward pass, and the terms of both losses."""

from poise.games.adversarial import AdversarialGame, Term
from poise.games.noise_to_data import noise_to_data
from poise.games.unpaired import unpaired
from poise.games.view import Scoring, View

__all__ = [
    "AdversarialGame",
    "Scoring",
    "Term",
    "View",
    "noise_to_data",
    "unpaired",
]

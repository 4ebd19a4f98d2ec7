"""Games of two numbers, trained by the code that trains networks, and what theory says of them."""

from poise.toys.lab import Row, Trial, judge
from poise.toys.toys import TOYS, Toy, run_toy
from poise.toys.two_costs import TwoCosts, two_costs_trial

__all__ = ["TOYS", "Row", "Toy", "Trial", "TwoCosts", "judge", "run_toy", "two_costs_trial"]

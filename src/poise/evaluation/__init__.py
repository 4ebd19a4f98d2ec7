"""Runs and other people's samples, judged: what is measured against what, by which protocol."""

from poise.evaluation.comparing import Compared, compare_runs
from poise.evaluation.judging import Evaluation, judge
from poise.evaluation.recording import evaluate

__all__ = ["Compared", "Evaluation", "compare_runs", "evaluate", "judge"]

"""Evaluate runs and samples: what is measured against what, by which protocol."""

from poise.evaluation.comparing import Compared, compare_runs
from poise.evaluation.evaluating import evaluate
from poise.evaluation.recording import Evaluation

__all__ = ["Compared", "Evaluation", "compare_runs", "evaluate"]

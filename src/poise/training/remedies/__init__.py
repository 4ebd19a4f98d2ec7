"""Applying remedies: a run in trouble is branched from its last good state with one thing changed."""

from poise.training.remedies.branches import last_good, ranked
from poise.training.remedies.session import begin_with_remedies, resume_with_remedies

__all__ = ["begin_with_remedies", "last_good", "ranked", "resume_with_remedies"]

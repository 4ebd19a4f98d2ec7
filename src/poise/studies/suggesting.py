"""Settings that are suggested by the scores of earlier ones: a search for a good setting, not a comparison.

Optuna is asked and told within one call. What it is told comes from the results in the study's folder alone,
so that there is no journal that could be torn, no trial that stays "running" for ever when its worker is
killed, and no seed that begins again after a resume: each trial has its own, by its number.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from poise.errors import PoiseError
from poise.randomness import derive
from poise.studies.choosing import Results, score_of
from poise.studies.plan import Plan, Trial
from poise.studies.space import Setting, Value

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

TOGETHER = 4
"""Trials that are suggested at once, at least; more if a stack takes more."""


def require_optuna() -> Any:
    """The library.

    Raises:
        PoiseError: It is not installed.
    """
    try:
        import optuna  # noqa: PLC0415 - only for this search
    except ImportError:
        raise PoiseError(
            "--search optuna needs Optuna",
            code="studies.needs-optuna",
            hint="pip install 'poise[search]', or search at random, without it",
        ) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def suggested(plan: Plan, results: Results) -> list[Trial]:
    """The next trials, by the scores of all trials before them: a function of the plan and of these.

    Args:
        plan: With the trials that are known, all of which must have come to something.
        results: What they came to.

    Returns:
        Some trials; none if the plan has all.

    Source: Bergstra et al. 2011, tree-structured Parzen estimators, as Optuna has them.
    """
    (name,) = plan.recipes
    numbers = range(plan.drawn, min(plan.trials, plan.drawn + max(TOGETHER, plan.stack)))
    if not numbers:
        return []
    optuna = require_optuna()
    settings = plan.space.of(plan.recipe(name))
    ranges = {setting.name: _distribution(optuna, setting) for setting in settings}
    study = optuna.create_study()
    before = [plan.trial(name, number) for number in range(plan.drawn)]
    scores = [score_of(results, trial) for trial in before]
    worst = max(filter(math.isfinite, scores), default=0.0)
    for trial, score in zip(before, scores, strict=True):
        values = plan.defaults[name] | trial.settings
        if all(_within(setting, values.get(setting.name)) for setting in settings):
            params = {setting.name: values[setting.name] for setting in settings}
            value = score if math.isfinite(score) else worst
            study.add_trial(optuna.trial.create_trial(params=params, distributions=ranges, value=value))
    found = []
    for number in numbers:
        seed = derive(plan.seed, number, "study suggestion") % 2**31
        study.sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=1, constant_liar=True)
        params = study.ask(ranges).params
        drawn = {path: _plain(params[setting.name]) for setting in settings for path in setting.paths}
        found.append(plan.trial_with(name, number, drawn))
    return found


def _distribution(optuna: Any, setting: Setting) -> BaseDistribution:
    found: BaseDistribution
    if setting.draw == "choice":
        found = optuna.distributions.CategoricalDistribution(setting.values)
    else:
        found = optuna.distributions.FloatDistribution(setting.low, setting.high, log=setting.draw == "log")
    return found


def _within(setting: Setting, value: Any) -> bool:
    """Whether a value, such as a recipe's own, could have been drawn."""
    if setting.draw == "choice":
        return value in setting.values
    low, high = setting.low, setting.high
    return isinstance(value, int | float) and low is not None and high is not None and low <= value <= high


def _plain(value: Any) -> Value:
    return float(f"{value:.12g}") if isinstance(value, float) else value

"""The sixth round's cases at other seeds and four times as long, which is as long as people's short runs.

Written down and committed before any of them was played. Styles and faults are those of the sixth round, and
the doctor was mended after it, so only seeds and lengths are new to the rules.
"""

from __future__ import annotations

from dataclasses import replace

from benchmarks.strangers.round_six import CASES as SHORT

CASES = tuple(
    replace(case, seed=case.seed + 10, steps=4 * case.steps, onset=4 * case.onset) for case in SHORT
)

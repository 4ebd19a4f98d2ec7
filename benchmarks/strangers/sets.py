"""The sets of cases by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module

from benchmarks.strangers.case import Case

SETS: Mapping[str, Callable[[], Sequence[Case]]] = {
    "practice": lambda: import_module("benchmarks.strangers.practice").CASES,
    "six": lambda: import_module("benchmarks.strangers.round_six").CASES,
    "seven": lambda: import_module("benchmarks.strangers.round_seven").CASES,
    "eight": lambda: import_module("benchmarks.strangers.round_eight").CASES,
    "nine": lambda: import_module("benchmarks.strangers.round_nine").CASES,
    "ten": lambda: import_module("benchmarks.strangers.round_ten").CASES,
    "eleven": lambda: import_module("benchmarks.strangers.round_eleven").CASES,
    "twelve": lambda: import_module("benchmarks.strangers.round_twelve").CASES,
    "thirteen": lambda: import_module("benchmarks.strangers.round_thirteen").CASES,
    "fourteen": lambda: import_module("benchmarks.strangers.round_fourteen").CASES,
    "fifteen": lambda: import_module("benchmarks.strangers.round_fifteen").CASES,
    "sixteen": lambda: import_module("benchmarks.strangers.round_sixteen").CASES,
    "seventeen": lambda: import_module("benchmarks.strangers.round_seventeen").CASES,
    "five": lambda: import_module("benchmarks.strangers.round_five").CASES,
}

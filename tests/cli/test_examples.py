from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import poise.cli

MODULES = [f"poise.cli.{module.name}" for module in pkgutil.iter_modules(poise.cli.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_the_documentation_hold(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0

"""Callbacks: what happens beside the training loop, each a row that can be set and switched off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from poise.recipes import Recipe
from poise.registry import Registry, checked_settings
from poise.training.callbacks.callback import (
    Callback,
    CallbackContext,
    CallbackRow,
    Notify,
    Request,
    StepContext,
)
from poise.training.callbacks.close_look import CLOSE_LOOK
from poise.training.callbacks.collapse import END_AT_COLLAPSE
from poise.training.callbacks.doctor import DOCTOR
from poise.training.callbacks.eigenvalues import EIGENVALUES
from poise.training.callbacks.pictures import PICTURES
from poise.training.callbacks.quality import QUALITY
from poise.training.callbacks.sounds import SOUNDS
from poise.training.callbacks.translations import TRANSLATION_PICTURES, TRANSLATION_QUALITY
from poise.training.callbacks.vocoding import VOCODER

CALLBACKS: Registry[CallbackRow] = Registry(
    "callback",
    [
        DOCTOR,
        EIGENVALUES,
        PICTURES,
        TRANSLATION_PICTURES,
        QUALITY,
        TRANSLATION_QUALITY,
        CLOSE_LOOK,
        SOUNDS,
        VOCODER,
        END_AT_COLLAPSE,
    ],
)
"""In the order in which they are called, before those that a caller hands in."""


def callbacks_of(context: CallbackContext) -> dict[str, Callback]:
    """The callbacks of a run by name: those that are on by default, and those that its recipe asks for."""
    asked = context.recipe.callbacks
    found: dict[str, Callback] = {}
    for name, row in CALLBACKS.items():
        part = asked.get(name)
        if not (row.default if part is None else part.on):
            continue
        if row.sees_rows and context.dataset.secret is not None:
            continue
        settings = {} if part is None else checked(name, part.options)
        made = row.make(context, **settings)
        if made is not None:
            found[name] = made
    return found


def checked(name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a callback, checked, with every default spelled out."""
    return checked_settings(options, CALLBACKS.named(name).make, owner=f"callback '{name}'")


def check_callbacks(recipe: Recipe) -> None:
    """Refuse callbacks and settings that do not exist, by a `PoiseError`."""
    for name, part in recipe.callbacks.items():
        checked(name, part.options)


__all__ = [
    "CALLBACKS",
    "Callback",
    "CallbackContext",
    "CallbackRow",
    "Notify",
    "Request",
    "StepContext",
    "callbacks_of",
    "check_callbacks",
]

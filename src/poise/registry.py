"""Tables of named parts, and the settings that a part's keyword-only parameters allow.

A part (a loss, a penalty, a network, a dynamics) is a function; its hyper-parameters are its keyword-only
parameters with defaults. From that signature come the checks on a person's settings, so that a new part
states its settings once, where it uses them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Generic, Protocol, TypeVar, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from poise.errors import PoiseError, unknown_name


class Named(Protocol):
    """Anything with a name."""

    @property
    def name(self) -> str:
        """What people type."""
        ...


Part = TypeVar("Part", bound=Named)


class Registry(Mapping[str, Part], Generic[Part]):
    """A read-only table from name to part; a name twice raises at once.

    Args:
        kind: What the parts are, in the singular, for messages: `"loss"`.
        parts: The parts.

    Raises:
        ValueError: Two parts have one name.

    Example:
        >>> from types import SimpleNamespace
        >>> losses = Registry("loss", [SimpleNamespace(name="hinge"), SimpleNamespace(name="minimax")])
        >>> losses.named("hinge").name
        'hinge'
    """

    def __init__(self, kind: str, parts: Iterable[Part]) -> None:
        self.kind = kind
        self._parts: dict[str, Part] = {}
        for part in parts:
            if part.name in self._parts:
                raise ValueError(f"two parts of kind {kind} are named '{part.name}'")
            self._parts[part.name] = part

    def __getitem__(self, name: str) -> Part:
        return self._parts[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def __len__(self) -> int:
        return len(self._parts)

    def named(self, name: str) -> Part:
        """The part of that name.

        Raises:
            PoiseError: There is none; the message gives the nearest names.
        """
        if name not in self._parts:
            raise unknown_name(self.kind, name, self._parts)
        return self._parts[name]


def settings_model(function: Callable[..., Any]) -> type[BaseModel]:
    """A pydantic model of the keyword-only parameters of `function` that have defaults.

    Ranges are stated where the parameter is: `*, weight: Annotated[float, Field(ge=0)] = 10.0`. A keyword-only
    parameter without a default is the caller's to give and no setting.

    Args:
        function: A loss, a penalty, a dynamics, a builder of a network.
    """
    hints = get_type_hints(function, include_extras=True)
    fields: dict[str, Any] = {
        parameter.name: (hints[parameter.name], parameter.default)
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind is parameter.KEYWORD_ONLY and parameter.default is not parameter.empty
    }
    config = ConfigDict(extra="forbid", allow_inf_nan=False)
    return create_model(getattr(function, "__name__", "Settings"), __config__=config, **fields)


def checked_settings(
    function: Callable[..., Any], given: Mapping[str, Any], *, owner: str
) -> dict[str, Any]:
    """The given settings checked against the signature, with every default spelled out.

    Args:
        function: The part's function.
        given: What a person set.
        owner: What the settings belong to, for messages: `"loss 'began'"`.

    Returns:
        Every setting of the function by name.

    Raises:
        PoiseError: A setting does not exist (with the nearest that does), or is of the wrong type or range.

    Example:
        >>> def hinge(real, fake, *, margin: float = 1.0): ...
        >>> checked_settings(hinge, {"margin": 2}, owner="loss 'hinge'")
        {'margin': 2.0}
    """
    model = settings_model(function)
    for name in given:
        if name not in model.model_fields:
            if not model.model_fields:
                raise PoiseError(f"The {owner} has no settings, so '{name}' cannot be set", mend="leave it out")
            raise unknown_name(f"setting of the {owner}", name, model.model_fields)
    try:
        return model(**given).model_dump()
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise PoiseError(
            f"The setting '{place}' of the {owner} cannot be {first['input']!r}",
            why=first["msg"][0].lower() + first["msg"][1:],
            mend="give it a value in that range",
        ) from None

"""Tables of named parts, and the settings that a part's keyword-only parameters allow.

A part (a loss, a penalty, a network, a dynamics) is a function; its hyper-parameters are its keyword-only
parameters with defaults. From that signature come the checks on a person's settings, so that a new part
states its settings once, where it uses them.
"""

from __future__ import annotations

import inspect
from collections import ChainMap
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from poise.errors import PoiseError, unknown_name
from poise.extension import use_installed

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


class Named(Protocol):
    """Anything with a name."""

    @property
    def name(self) -> str:
        """What people type."""
        ...


Part = TypeVar("Part", bound=Named)


class Registry(Mapping[str, Part], Generic[Part]):
    """A table from name to part; a name twice raises at once.

    Args:
        kind: What the parts are, in the singular, for messages: `"loss"`.
        parts: The parts, all of one type.
        within: Another table whose parts belong to this one, too, those included that are added later.

    Raises:
        ValueError: Two parts have one name.

    Example:
        >>> from types import SimpleNamespace
        >>> losses = Registry("loss", [SimpleNamespace(name="hinge"), SimpleNamespace(name="minimax")])
        >>> losses.named("hinge").name
        'hinge'
    """

    def __init__(self, kind: str, parts: Iterable[Part], *, within: Registry[Part] | None = None) -> None:
        self.kind = kind
        self._origins: dict[str, str] = {}
        self._parts: MutableMapping[str, Part] = {} if within is None else ChainMap({}, within._parts)
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

    def add(self, part: Part, *, origin: str = "") -> None:
        """Add a part from outside the package; the same part again is no error.

        Args:
            part: The part.
            origin: Its file or package; it may replace its own parts.

        Raises:
            PoiseError: The part is of another type than those of the table, or its name is taken.

        Example:
            >>> from types import SimpleNamespace
            >>> losses = Registry("loss", [SimpleNamespace(name="hinge")])
            >>> losses.add(SimpleNamespace(name="mine")); list(losses)
            ['hinge', 'mine']
        """
        by = origin or "your program"
        wanted = next((type(one) for one in self._parts.values()), object)
        if not isinstance(part, wanted):
            raise PoiseError(
                f"A {self.kind} of '{by}' is of type {type(part).__name__}, not {wanted.__name__}",
                code="extension.wrong-type",
                hint=f"make it a {wanted.__module__}.{wanted.__name__}",
            )
        holder = self._origins.get(part.name, "Poise itself")
        if part.name in self._parts and self._parts[part.name] is not part and not origin == holder:
            raise PoiseError(
                f"The {self.kind} '{part.name}' of '{by}' has the name of one of {holder}",
                code="extension.name-taken",
                hint="give it another name",
            )
        if self._parts.get(part.name) is not part:
            self._parts[part.name], self._origins[part.name] = part, by

    def named(self, name: str) -> Part:
        """The part of that name; if there is none, installed packages are asked for it.

        Raises:
            PoiseError: There is none; the message gives the nearest names.
        """
        if name not in self._parts:
            use_installed()
        if name not in self._parts:
            raise unknown_name(self.kind, name, self._parts)
        return self._parts[name]


@lru_cache(maxsize=512)  # to make a model takes longer than to check hundreds of settings
def settings_model(*functions: Callable[..., Any]) -> type[BaseModel]:
    """A pydantic model of the keyword-only parameters of `functions` that have defaults.

    Ranges are stated where the parameter is: `*, weight: Annotated[float, Field(ge=0)] = 10.0`. A
    keyword-only parameter without a default is the caller's to give and no setting.

    Args:
        functions: A penalty, a dynamics, a builder of a network; both functions of a loss.
    """
    fields: dict[str, Any] = {}
    for function in functions:
        hints = get_type_hints(function, include_extras=True)
        found = {
            parameter.name: (hints[parameter.name], parameter.default)
            for parameter in inspect.signature(function).parameters.values()
            if parameter.kind is parameter.KEYWORD_ONLY and parameter.default is not parameter.empty
        }
        fields = found | fields  # of a setting of several functions the first states the range
    return create_model("Settings", __config__=ConfigDict(extra="forbid", allow_inf_nan=False), **fields)


def checked_settings(given: Mapping[str, Any], *functions: Callable[..., Any], owner: str) -> dict[str, Any]:
    """The given settings checked against the signatures, with every default spelled out.

    Args:
        given: What a person set.
        functions: The part's functions.
        owner: What the settings belong to, for messages: `"loss 'began'"`.

    Returns:
        Every setting of the functions by name.

    Raises:
        PoiseError: A setting does not exist (with the nearest that does), or is of the wrong type or range.

    Example:
        >>> def hinge(real, fake, *, margin: float = 1.0): ...
        >>> checked_settings({"margin": 2}, hinge, owner="loss 'hinge'")
        {'margin': 2.0}
    """
    model = settings_model(*functions)
    for name in given:
        if name not in model.model_fields:
            if not model.model_fields:
                raise PoiseError(
                    f"The {owner} has no settings, so '{name}' cannot be set",
                    code="registry.no-settings",
                    hint="leave it out",
                )
            raise unknown_name(f"setting of the {owner}", name, model.model_fields)
    try:
        checked = model(**given)
    except ValidationError as error:
        first = error.errors()[0]
        place = complained_path(first)
        raise PoiseError(
            f"The setting '{place}' of the {owner} cannot be {first['input']!r}",
            code="registry.wrong-value",
            why=requirement(first),
            hint="give it such a value",
        ) from None
    return {name: getattr(checked, name) for name in model.model_fields}


UNION_TAGS = ("constrained-float", "constrained-int", "float", "int", "none", "Schedule")
"""What pydantic adds to a path for the choices of a union."""


def complained_path(complaint: ErrorDetails) -> str:
    """The dotted path of the setting that pydantic complains about."""
    return ".".join(str(part) for part in complaint["loc"] if part not in UNION_TAGS)


KINDS = {"int": "a whole number", "float": "a number", "bool": "true or false", "string": "a word"}
"""What a setting should be, by how pydantic's names of complaints about its kind begin."""


def requirement(complaint: ErrorDetails) -> str:
    """What pydantic asks of a setting, in words for people.

    Args:
        complaint: The first of its errors.

    Example:
        >>> class Sizes(BaseModel):
        ...     width: int
        >>> try:
        ...     Sizes.model_validate({"width": "wide"})
        ... except ValidationError as error:
        ...     requirement(error.errors()[0])
        'it should be a whole number'
    """
    kind, _, complained = complaint["type"].partition("_")
    if kind in KINDS and complained in ("parsing", "type", "from_float"):
        return f"it should be {KINDS[kind]}"
    message = complaint["msg"]
    return (message[:1].lower() + message[1:]).replace("input should", "it should")


def bound(
    function: Callable[..., Any],
    settings: Mapping[str, Any],
    *,
    among: Iterable[Callable[..., Any]] = (),
) -> Callable[..., Any]:
    """The function with its settings filled in.

    Args:
        function: One of a part's functions.
        settings: The settings of the part.
        among: All functions of the part; a setting may belong to another of them.

    Raises:
        ValueError: A setting belongs to none of the functions, so that it would be dropped in silence.

    Example:
        >>> def hinge(real, fake, *, margin: float = 1.0): return margin
        >>> bound(hinge, {"margin": 2.0})(0, 0)
        2.0
    """
    known = {name for one in (function, *among) for name in inspect.signature(one).parameters}
    unknown = sorted(set(settings) - known)
    if unknown:
        raise ValueError(f"'{unknown[0]}' is no setting of {getattr(function, '__name__', function)}")
    taken = inspect.signature(function).parameters
    mine = {name: value for name, value in settings.items() if name in taken}
    return partial(function, **mine) if mine else function


def provided(function: Callable[..., Any], **context: Any) -> Callable[..., Any]:
    """The function with what its caller has for it: keyword-only parameters without a default.

    A parameter with a default is a setting, which is a person's to give, and is left alone.

    Example:
        >>> def step(batch, *, epoch_steps: int, repeats: int = 1): return epoch_steps, repeats
        >>> provided(step, epoch_steps=7, repeats=9)(None)
        (7, 1)
    """
    asked = {
        parameter.name
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind is parameter.KEYWORD_ONLY and parameter.default is parameter.empty
    }
    mine = {name: value for name, value in context.items() if name in asked}
    return partial(function, **mine) if mine else function


def takes(function: Callable[..., Any], name: str) -> bool:
    """Whether a function has a parameter of that name."""
    return name in inspect.signature(function).parameters

"""The one error that a person sees: what is wrong, where, why, and how to mend it."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

BROKEN_PIPE = 141
"""The exit status of a command whose reader has gone."""


class PoiseError(Exception):
    """A mistake that a person can mend, told in one sentence.

    The command line prints the sentence and leaves with `exit_status`; it never shows a traceback for this.

    Args:
        what: What is wrong, and where: `"'photos/' holds no image"`.
        code: A stable name of the mistake, `"room.what"`, for programs and tests: `"data.no-images"`.
        why: Why that stops the work; empty where `what` says it all.
        hint: What to do about it, as an imperative: `"name a folder with PNG or JPEG files"`.
        details: Lines that belong below the sentence, such as every file with its fault.
        exit_status: The status with which the command line leaves; 2 stands for bad input.

    Example:
        >>> print(PoiseError("'photos/' holds no image", hint="name a folder with PNG or JPEG files"))
        'photos/' holds no image; name a folder with PNG or JPEG files.
    """

    def __init__(
        self,
        what: str,
        *,
        code: str = "",
        why: str = "",
        hint: str = "",
        details: Iterable[str] = (),
        exit_status: int = 2,
    ) -> None:
        self.what = what.rstrip(".")
        self.code = code
        self.why = why.rstrip(".")
        self.hint = hint.rstrip(".")
        self.details = list(details)
        self.exit_status = exit_status
        super().__init__(self.sentence)

    @property
    def sentence(self) -> str:
        """The whole message as one sentence."""
        because = f", because {self.why}" if self.why else ""
        remedy = f"; {self.hint}" if self.hint else ""
        whole = f"{self.what}{because}{remedy}"
        return whole if whole.endswith("?") else f"{whole}."

    def to_json(self) -> dict[str, str | list[str]]:
        """The same as an object for `--json`."""
        told: dict[str, str | list[str]] = {
            "error": self.sentence,
            "code": self.code,
            "what": self.what,
            "why": self.why,
            "hint": self.hint,
        }
        return {**told, "details": self.details} if self.details else told

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> PoiseError:
        """The error that another process has written by `to_json`, but for its exit status."""
        return cls(**{name: told[name] for name in told.keys() & {"what", "code", "why", "hint", "details"}})


LISTED = 30
"""How many names a message lists where none is alike."""


def system_reason(error: OSError) -> str:
    """What the system says of a failed call, as a part of a sentence.

    Example:
        >>> system_reason(FileNotFoundError(2, "No such file or directory"))
        'no such file or directory'
    """
    return (error.strerror or str(error)).lower()


@contextlib.contextmanager
def report_system_errors(what: str, *, code: str = "", hint: str = "") -> Iterator[None]:
    """Tell of what the system refuses within as a person's mistake, with the system's reason.

    Args:
        what: What then could not be done, and where.
        code: As for `PoiseError`.
        hint: What to do about it.

    Raises:
        PoiseError: The system refused a call.

    Example:
        >>> with report_system_errors("The notes cannot be read", hint="write some"):
        ...     open("no such folder/notes")
        Traceback (most recent call last):
        poise.errors.PoiseError: The notes cannot be read, because no such file or directory; write some.
    """
    try:
        yield
    except OSError as error:
        raise PoiseError(what, code=code, why=system_reason(error), hint=hint) from None


def nearest(name: str, known: Iterable[str], *, most: int = 3) -> list[str]:
    """The known names most like `name`, nearest first; empty where none is alike.

    Args:
        name: What was typed.
        known: The names that exist.
        most: How many to give at most.

    Example:
        >>> nearest("wasserstien", ["hinge", "wasserstein", "wasserstein-gp"])
        ['wasserstein', 'wasserstein-gp']
        >>> nearest("flags", ["FLAGS of Europe", "Food"])
        ['FLAGS of Europe']
    """
    known = list(known)
    spelled = {other.lower(): other for other in known}  # capitals make no name another
    spelled |= {name.lower(): other for other in known if other == name}
    alike = difflib.get_close_matches(name.lower(), spelled, n=most, cutoff=0.5)
    holding = [other for other in spelled if name and name.lower() in other and other not in alike]
    return [spelled[other] for other in (alike + holding)[:most]]


def unknown_name(
    kind: str, name: str, known: Iterable[str], *, where: str = "", hint: str = ""
) -> PoiseError:
    """The error for a name that does not exist, with the nearest that do.

    Args:
        kind: What was named: `"recipe"`, `"setting"`.
        name: What was typed.
        known: The names that exist.
        where: Where it was found, when that helps: `"in --set"`.
        hint: What to do instead, if that is known; by default the nearest names.

    Example:
        >>> print(unknown_name("loss", "hing", ["hinge", "minimax"]))
        There is no loss 'hing'; did you mean 'hinge'?
    """
    known = sorted(known)
    alike = nearest(name, known)
    if not hint and alike:
        hint = "did you mean " + " or ".join(f"'{other}'" for other in alike) + "?"
    elif not hint:
        more = f" and {len(known) - LISTED:,} more" if len(known) > LISTED else ""
        hint = "there are: " + ", ".join(known[:LISTED]) + more
    place = f" {where}" if where else ""
    code = f"unknown-{kind.split(' of ', maxsplit=1)[0].replace(' ', '-')}"
    return PoiseError(f"There is no {kind} '{name}'{place}", code=code, hint=hint)

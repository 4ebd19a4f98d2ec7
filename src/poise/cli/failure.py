"""From whatever stopped a command to a sentence and an exit status."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from poise.cli.console import complaints, emit, line
from poise.errors import PoiseError, unknown_name

if TYPE_CHECKING:
    from cyclopts import CycloptsError

INTERRUPTED = 130
BROKEN_PIPE = 141
FAULT = 1
DETAILS = 20
"""Lines below the sentence that fit a screen."""

FAILED = 4
"""The status of a run in which a value came up that is not finite."""


def tell(error: BaseException, typed: Sequence[str]) -> int:
    """Say what stopped the command, and give its exit status.

    Args:
        error: What was raised.
        typed: The command's words.
    """
    from cyclopts import CycloptsError

    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else FAULT if error.code else 0
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    if isinstance(
        error, BrokenPipeError
    ):  # who read us has gone; the interpreter's last flush must not complain
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    if isinstance(error, CycloptsError):
        error = explained(error)
    if _is_out_of_memory(error):
        error = PoiseError(
            "The memory does not suffice",
            hint="use a smaller --batch-size, --resolution or -n",
            exit_status=3,
        )
    told = error if isinstance(error, PoiseError) else _fault(error)
    if "--json" in typed:
        emit({"event": "error", **told.to_json(), "exit_status": told.exit_status})
    line(complaints(), ("error: ", "bold red"), told.sentence)
    for detail in told.details[:DETAILS]:
        line(complaints(), f"  {detail}")
    if len(told.details) > DETAILS:
        line(complaints(), f"  and {len(told.details) - DETAILS:,} more; --json lists all of them")
    return told.exit_status


def explained(error: CycloptsError) -> PoiseError:
    """What was typed wrong, in a sentence, with the nearest names that exist."""
    from cyclopts import exceptions

    words = " ".join(["poise", *(error.command_chain or ())])
    see = f"see {words} --help"
    match error:
        case exceptions.UnknownCommandError():
            typed = (error.unused_tokens or ["?"])[0]
            dashed = typed.startswith("-")
            known = [name for name in (error.app or ()) if name.startswith("-") == dashed]
            told = unknown_name("option" if dashed else "command", typed, known, where="of poise")
        case exceptions.UnknownOptionError():
            typed = error.token.keyword or error.token.value
            known = [name for one in error.argument_collection for name in one.names if name[0] == "-"]
            told = unknown_name("option", typed, known, where=f"of {words}")
        case exceptions.MissingArgumentError() if error.argument is not None:
            needed, _ = error.argument.token_count()
            values = "a value" if needed == 1 else f"{needed} values"
            lacking = f"{words} needs {error.argument.name}"
            told = PoiseError(f"{error.keyword} needs {values}" if error.keyword else lacking, hint=see)
        case exceptions.CoercionError() if error.token is not None:
            name = error.token.keyword or (error.argument.name if error.argument else "it")
            kind = {int: "a whole number", float: "a number", bool: "no value"}.get(
                error.target_type or str, "another value"
            )
            choices = ", ".join(map(str, get_args(error.target_type)))
            told = PoiseError(
                f"{name} cannot be '{error.token.value}'",
                hint=f"choose one of {choices}" if choices else f"give it {kind}",
            )
        case exceptions.RepeatArgumentError():
            told = PoiseError(f"{error.token.keyword} is given twice", hint="give it once")
        case exceptions.UnusedCliTokensError():
            extra = " ".join(error.unused_tokens or ())
            told = PoiseError(f"{words} does not know what to do with '{extra}'", hint=see)
        case _:
            told = PoiseError(" ".join(str(error).split()), hint=see)
    return told


def _is_out_of_memory(error: BaseException) -> bool:
    by_name = type(error).__name__ == "OutOfMemoryError"  # torch's own, named here without importing torch
    return isinstance(error, MemoryError) or by_name or "can't allocate memory" in str(error)


def _fault(error: BaseException) -> PoiseError:
    """What to say when it is our fault; the traceback goes to a file, or to the screen with POISE_DEBUG=1."""
    whole = "".join(traceback.format_exception(error))
    summary = f"{type(error).__name__}: {error}".splitlines()[0][:200]
    what = f"Poise has a fault, and it is not yours ({summary})"
    if os.environ.get("POISE_DEBUG") not in (None, "", "0"):
        sys.stderr.write(whole)
        return PoiseError(what, hint="please report the lines above", exit_status=FAULT)
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="poise-fault-", suffix=".txt", delete=False, encoding="utf-8"
        ) as file:
            file.write(whole)
    except OSError:
        return PoiseError(what, hint="run it again with POISE_DEBUG=1 and report it", exit_status=FAULT)
    return PoiseError(what, hint=f"please report it with the file {Path(file.name)}", exit_status=FAULT)

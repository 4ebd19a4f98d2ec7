"""The one error that people see."""

import ast
import json
import re
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import poise
from poise.errors import PoiseError, nearest, unknown_name

words = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=20)


@pytest.mark.parametrize(
    ("why", "hint", "sentence"),
    [
        ("", "", "'photos/' holds no image."),
        ("all are text", "", "'photos/' holds no image, because all are text."),
        ("", "name another", "'photos/' holds no image; name another."),
        ("all are text.", "name another.", "'photos/' holds no image, because all are text; name another."),
        ("", "did you mean 'fotos/'?", "'photos/' holds no image; did you mean 'fotos/'?"),
    ],
)
def test_what_why_and_mend_make_one_sentence(why: str, hint: str, sentence: str) -> None:
    error = PoiseError("'photos/' holds no image.", why=why, hint=hint)
    assert str(error) == error.sentence == sentence
    assert error.exit_status == 2


@given(what=words, why=words | st.just(""), hint=words | st.just(""))
def test_every_part_is_in_the_sentence_and_in_the_json(what: str, why: str, hint: str) -> None:
    error = PoiseError(what, code="test.fault", why=why, hint=hint, exit_status=4)
    assert error.sentence.startswith(what)
    assert error.sentence.endswith(".")
    assert not error.sentence.endswith("..")
    assert why in error.sentence
    assert hint in error.sentence
    written = json.loads(json.dumps(error.to_json()))
    assert written == {"code": "test.fault", "error": error.sentence, "what": what, "why": why, "hint": hint}
    assert error.exit_status == 4
    assert PoiseError.from_json(written).to_json() == written


@given(known=st.lists(words, min_size=1, unique=True), place=st.integers(0, 100))
def test_a_name_that_exists_is_the_nearest_to_itself(known: list[str], place: int) -> None:
    name = known[place % len(known)].lower()
    known = sorted({*known, name})
    assert nearest(name, known)[0] == name


@given(name=words, known=st.lists(words, unique=True), most=st.integers(1, 5))
def test_the_nearest_are_known_few_and_different(name: str, known: list[str], most: int) -> None:
    found = nearest(name, known, most=most)
    assert set(found) <= set(known)
    assert len(found) == len(set(found)) <= most


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("wasserstien", "wasserstein"), ("WGAN", "wgan-gp"), ("hindge", "hinge"), ("r", "r1")],
)
def test_typing_errors_and_parts_of_names_are_understood(typed: str, meant: str) -> None:
    assert meant in nearest(typed, ["hinge", "wasserstein", "wgan-gp", "r1", "minimax"])


def test_where_nothing_is_alike_all_names_are_given() -> None:
    sentence = unknown_name("loss", "qqq", ["minimax", "hinge"], where="in --set").sentence
    assert sentence == "There is no loss 'qqq' in --set; there are: hinge, minimax."


def test_nothing_typed_is_like_nothing() -> None:
    assert nearest("", ["hinge"]) == []


# Codes -----------------------------------------------------------------------------------------------------

SRC = Path(poise.__file__).parent

FORM = re.compile(r"[a-z]+(-[a-z]+)*\.[a-z0-9]+(-[a-z0-9]+)*")

MORE_ROOMS = {"registry": {"extension"}, "generator": {"export", "import"}}
"""Rooms whose codes a module may use besides its own: parts from outside are checked by the
registry, and a generator that leaves or comes in has a room of its own."""

SHARED = {
    "cli.unknown-format", "data.array-of-objects", "data.array-unreadable", "data.axes-unclear",
    "data.channels", "data.empty", "data.labels-unreadable", "data.no-picture", "data.no-sounds",
    "data.not-finite", "data.series-gaps", "data.sides-differ", "data.sound-index", "data.too-large",
    "data.transform-columns", "diagnosis.log-empty",
    "generator.damaged-description", "generator.no-classes", "generator.no-picture",
    "generator.not-a-generator", "generator.other-weights", "generator.too-few-held-out", "import.damaged",
    "import.other-architecture", "metrics.different-ranges", "metrics.different-shapes",
    "metrics.different-widths", "metrics.extractor-changes", "metrics.feature-shape", "metrics.no-weights",
    "metrics.not-finite", "metrics.not-numbers", "metrics.too-few-samples", "metrics.unreadable-weights",
    "metrics.weights-do-not-fit", "run-folder.damaged-file", "training.checkpoint-of-other-networks",
    "training.steps-done", "training.too-few-samples",
}  # fmt: skip
"""Codes of one mistake that is found in several places."""

Functions = (ast.FunctionDef, ast.AsyncFunctionDef)


@cache
def raised() -> list[tuple[Path, ast.Call, ast.AST]]:
    """Every call of `PoiseError` below src, with the function around it, but for what passes a code on."""
    found = []
    for path in sorted(SRC.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if path == SRC / "errors.py" or "PoiseError(" not in text:
            continue
        tree = ast.parse(text)
        around: dict[ast.AST, ast.AST] = {}
        for function in ast.walk(tree):
            if isinstance(function, Functions):
                around |= dict.fromkeys(ast.walk(function), function)
        found += [
            (path, node, around.get(node, tree))
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "PoiseError"
        ]
    return found


def texts(code: ast.expr) -> list[str]:
    """The literal texts that an expression can be; each field of an f-string stands as `x`."""
    match code:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.IfExp(body=body, orelse=orelse):
            return texts(body) + texts(orelse)
        case ast.JoinedStr(values=values):
            return ["".join(str(part.value) if isinstance(part, ast.Constant) else "x" for part in values)]
    return []


def codes(call: ast.Call, function: ast.AST) -> list[str]:
    """The codes that a call can carry: its literal, or those that its variable is set to in the function."""
    given = next((keyword.value for keyword in call.keywords if keyword.arg == "code"), None)
    if given is None:
        return []
    if not isinstance(given, ast.Name):
        return texts(given)
    found = []
    for node in ast.walk(function):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                names = target.elts if isinstance(target, ast.Tuple) else [target]
                values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
                for name, value in zip(names, values, strict=False):
                    if isinstance(name, ast.Name) and name.id == given.id:
                        found += texts(value)
    return found


def test_every_error_has_a_code_of_its_room() -> None:
    faults = []
    for path, call, function in raised():
        room = path.relative_to(SRC).parts[0].removesuffix(".py").replace("_", "-")
        rooms, found = {room} | MORE_ROOMS.get(room, set()), codes(call, function)
        if not found or not all(FORM.fullmatch(code) and code.split(".")[0] in rooms for code in found):
            faults.append(f"{path.relative_to(SRC)}:{call.lineno} {found}")
    assert not faults, "\n".join(faults)


def test_a_code_stands_for_one_mistake() -> None:
    places = defaultdict(list)
    for path, call, function in raised():
        for code in set(codes(call, function)):
            if "x" not in code.split(".")[-1].split("-"):
                places[code].append(f"{path.relative_to(SRC)}:{call.lineno}")
    several = {code for code, lines in places.items() if len(lines) > 1}
    assert several <= SHARED, {code: places[code] for code in several - SHARED}

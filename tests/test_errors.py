"""The one error that people see."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

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

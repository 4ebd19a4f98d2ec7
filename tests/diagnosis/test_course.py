"""How findings open, grow, end and come again, on a rule whose verdicts are given."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as some

from poise.diagnosis import Course, Evidence, Finding, Reading, Remedy, Rule, Setting, judged
from poise.diagnosis.course import confidence
from poise.diagnosis.past import best, middle, unchecked, values
from poise.diagnosis.rule import HEALTHY, Proposal, Readings, Unchecked, Verdict


def judge(readings: Readings) -> Verdict | Unchecked:
    """`spread` tells: 0 is healthy, 1 watch, 2 trouble."""
    level = readings[-1].spread
    if level is None:
        return Unchecked("nobody measured")
    return (HEALTHY, Verdict("watch", "Odd."), Verdict("trouble", "Bad.", beyond=2.0))[int(level)]


RULE = Rule("odd", "Something is odd.", judge, (), "nobody", 0, 3, 2, 2)


def course_of(levels: Sequence[int | None], rule: Rule = RULE) -> Course:
    return judged([Reading(step, spread=level) for step, level in enumerate(levels)], [rule])


def told(levels: Sequence[int | None], rule: Rule = RULE) -> list[tuple[str, str, int, int]]:
    found = course_of(levels, rule).findings
    return [(one.severity, one.status, one.first_step, one.last_step) for one in found]


@pytest.mark.parametrize(
    ("levels", "wanted"),
    [
        ([0, 1, 1, 0, 1, 1, 0], []),
        ([0, 1, 1, 1], [("watch", "open", 1, 3)]),
        ([2, 2], [("trouble", "open", 0, 1)]),
        ([1, 2, 1, 2], [("watch", "open", 0, 3)]),
        ([1, 1, 1, 2, 2], [("trouble", "open", 0, 4)]),
        ([2, 2, 1, 1], [("trouble", "open", 0, 3)]),
        ([2, 2, 0, 1], [("trouble", "open", 0, 3)]),
        ([2, 2, 0, 0], [("trouble", "recovered", 0, 1)]),
        ([2, 2, 0, 0, 2, 2], [("trouble", "recovered", 0, 1), ("trouble", "open", 4, 5)]),
        ([2, None, 2], [("trouble", "open", 0, 2)]),
    ],
)
def test_a_finding_opens_grows_ends_and_comes_again(
    levels: list[int | None], wanted: list[tuple[str, str, int, int]]
) -> None:
    assert told(levels) == wanted


def test_nothing_is_said_while_warming_up() -> None:
    assert told([2, 2, 2, 2], Rule("odd", "", judge, (), "", 4, 1, 1, 1)) == []
    assert told([2, 2, 2, 2, 2], Rule("odd", "", judge, (), "", 4, 1, 1, 1)) == [("trouble", "open", 4, 4)]


def test_what_another_finding_explains_is_not_raised_beside_it() -> None:
    cause = Rule("cause", "", judge, (), "", 0, 1, 1, 1, explains=("odd",))
    course = judged([Reading(step, spread=2.0) for step in range(5)], [cause, RULE])
    assert [one.name for one in course.findings] == ["cause"]


def test_what_was_not_checked_says_why_until_it_can_be() -> None:
    course = course_of([None, None])
    assert course.unchecked == {"odd": "nobody measured"}
    course.add(Reading(2, spread=0.0))
    assert course.unchecked == {}


def test_only_changes_are_told() -> None:
    course = Course([RULE])
    changes = [
        [one.severity + one.status for one in course.add(Reading(step, spread=float(level)))]
        for step, level in enumerate([1, 1, 1, 1, 2, 2, 2, 0, 0, 0])
    ]
    assert changes == [[], [], ["watchopen"], [], [], ["troubleopen"], [], [], ["troublerecovered"], []]


levels_ = some.lists(some.sampled_from([0, 1, 2, None]), max_size=40)


@given(levels_)
def test_readings_from_disk_give_the_same_findings(levels: list[int | None]) -> None:
    readings = [Reading(step, spread=level) for step, level in enumerate(levels)]
    again = [Reading.from_json(reading.to_json()) for reading in readings]
    assert judged(readings, [RULE]).findings == judged(again, [RULE]).findings


@given(levels_)
def test_at_most_one_finding_of_a_name_is_open_and_spans_are_in_order(levels: list[int | None]) -> None:
    findings = course_of(levels).findings
    assert sum(one.status == "open" for one in findings) <= 1
    for before, after in itertools.pairwise(findings):
        assert before.first_step <= before.last_step < after.first_step


@given(some.floats(1, 1e6), some.integers(0, 1000))
def test_confidence_grows_with_both_and_stays_a_share(beyond: float, checks: int) -> None:
    assert 0.5 <= confidence(beyond, checks) <= 1
    assert confidence(beyond, checks) <= confidence(2 * beyond, checks) + 1e-12
    assert confidence(beyond, checks) <= confidence(beyond, checks + 1) + 1e-12


def test_a_remedy_is_made_for_the_run() -> None:
    proposal = Proposal("halve it", "it helps", "less", lambda recipe: {"packing": 2, "loss": "hinge"})
    remedy = Setting(2000, {"name": "minimax"}, "digits").remedy(proposal)
    assert remedy.command == "poise train digits --recipe minimax --set packing=2 --set loss=hinge"
    assert remedy.after_steps == 200
    assert Setting().remedy(Proposal("look", "why", "what")).command == ""


def test_a_finding_is_a_line_and_json() -> None:
    remedy = Remedy("halve it", "it helps", "poise train x", "less", 5, {"steps": 3})
    finding = Finding("odd", "watch", "recovered", 3, 3, 0.5, "Odd.", Evidence({"a": 1.0}), (remedy,))
    assert str(finding) == "recovered (watch) odd, step 3 (50 % sure): Odd."
    line = finding.to_json()
    assert line["evidence"] == {"measured": {"a": 1.0}, "threshold": {}, "healthy": {}}
    assert line["remedies"][0]["settings"] == {"steps": 3}


def test_what_a_quantity_did() -> None:
    readings = [Reading(step, spread=value) for step, value in enumerate([0.1, None, 0.9, 0.2, 0.3, 0.25])]
    assert values(readings, "spread", 3) == [0.2, 0.3, 0.25]
    assert middle(readings, "spread", 2, 0) == 0.25
    assert middle(readings, "spread", 4, 4) is None
    assert best(readings, "spread") == 0.3
    found = unchecked(Reading(0, missing={"distance": "no samples were given"}), "spread")
    assert found == Unchecked("no samples were given")
    assert unchecked(Reading(0, spread=0.0), "spread") is None

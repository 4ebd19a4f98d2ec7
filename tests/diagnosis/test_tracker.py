"""How findings open, grow, end and come again, on a rule whose verdicts are given."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as some

from poise.diagnosis import Evidence, Finding, FindingTracker, Measurement, Remedy, Rule, Setting, judged
from poise.diagnosis.findings import FINDINGS
from poise.diagnosis.rule import HEALTHY, Proposal, Unchecked, Verdict, unchecked
from poise.diagnosis.tracker import confidence
from poise.diagnosis.trends import Measurements, best, median, progress, values


def judge(measurements: Measurements) -> Verdict | Unchecked:
    """`spread` tells: 0 is healthy, 1 watch, 2 trouble."""
    level = measurements[-1].spread
    if level is None:
        return Unchecked("nobody measured")
    return (HEALTHY, Verdict("watch", "Odd."), Verdict("trouble", "Bad.", beyond=2.0))[int(level)]


RULE = Rule("odd", "Something is odd.", judge, (), "nobody", 0, 3, 2, 2)


def tracker_of(levels: Sequence[int | None], rule: Rule = RULE) -> FindingTracker:
    return judged([Measurement(step, spread=level) for step, level in enumerate(levels)], [rule])


def spans(levels: Sequence[int | None], rule: Rule = RULE) -> list[tuple[str, str, int, int]]:
    found = tracker_of(levels, rule).findings
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
    assert spans(levels) == wanted


def test_nothing_is_said_while_warming_up() -> None:
    rule, setting = Rule("odd", "", judge, (), "", 4, 1, 1, 1), Setting(steps=600)
    silent = [Measurement(10 * step, spread=2) for step in range(5)]
    assert judged(silent, [rule], setting).findings == []
    (named,) = judged([*silent, Measurement(50, spread=2)], [rule], setting).findings
    assert (named.severity, named.first_step) == ("trouble", 50)
    hasty = [Measurement(step, spread=2) for step in range(24)]
    assert judged(hasty, [rule], Setting(steps=30)).findings == []  # steps that are no training yet


def rule_of(name: str, quantity: str, *explains: str) -> Rule:
    """A rule that `quantity` tells, as `spread` does above."""

    def judge_it(measurements: Measurements) -> Verdict:
        return (HEALTHY, Verdict("watch", "Odd."))[int(getattr(measurements[-1], quantity))]

    return Rule(name, "", judge_it, (), "", 0, 1, 1, 1, explains=explains)


def causes(tracker: FindingTracker) -> dict[str, str]:
    return {one.name: one.because_of for one in tracker.open}


def test_what_another_finding_explains_is_told_as_its_consequence() -> None:
    tracker = FindingTracker([rule_of("cause", "spread", "odd"), rule_of("odd", "coverage")])
    tracker.add(Measurement(0, spread=1, coverage=0))
    (news,) = tracker.add(Measurement(1, spread=1, coverage=1))
    assert (news.name, news.because_of) == ("odd", "cause")
    assert [one.name for one in tracker.open] == ["cause", "odd"]
    assert "odd, step 1, because of cause" in str(news)
    assert news.to_json()["because_of"] == "cause"


def test_a_verdict_may_explain_less_than_its_rule() -> None:
    alone = Verdict("watch", "Odd.", explains=("odd",))
    rule = Rule("cause", "", lambda _: alone, (), "", 0, 1, 1, 1, explains=("odd", "other"))
    tracker = FindingTracker([rule, rule_of("odd", "spread"), rule_of("other", "coverage")])
    tracker.add(Measurement(0, spread=1, coverage=1))
    assert causes(tracker) == {"cause": "", "odd": "cause", "other": ""}


def test_held_out_data_of_another_source_are_no_finding_and_what_is_judged_by_them_is_not_checked() -> None:
    apart = Measurement(
        0, held_out_apart=9.0, distance=2.0, spread=0.0, alike=0.0, duplicates=1.0,
        training_above_held_out=0.95, held_out_gap=0.9,
    )  # fmt: skip
    tracker = FindingTracker(FINDINGS.values(), Setting(steps=600))
    for step in range(0, 600, 10):
        tracker.add(replace(apart, step=step))
    assert causes(tracker)["mode-collapse"] == ""
    assert not {"data-mismatch", "discriminator-overfits"} & set(causes(tracker))
    assert "another distribution" in tracker.unchecked["discriminator-overfits"]


def test_what_a_rule_suspects_is_known_by_the_quantities_that_it_needs() -> None:
    rule = Rule("odd", "", judge, (), "", 0, 3, 3, 1, needs=("spread",))
    tracker = FindingTracker([rule], Setting(steps=60))
    suspected = []
    for step, level in enumerate([0, 1, None, 1, 1, 0]):
        tracker.add(Measurement(step, spread=level))
        suspected.append(tracker.suspected)
    known = frozenset({"spread"})
    # Once it is a finding nobody waits for it; a look that was left out changes nothing.
    assert suspected == [frozenset(), known, known, known, frozenset(), frozenset()]


def test_a_cause_that_comes_later_takes_over_what_it_explains() -> None:
    tracker = FindingTracker([rule_of("cause", "spread", "odd"), rule_of("odd", "coverage")])
    tracker.add(Measurement(0, spread=0, coverage=1))
    assert causes(tracker) == {"odd": ""}
    assert {one.name for one in tracker.add(Measurement(1, spread=1, coverage=1))} == {"cause", "odd"}
    assert causes(tracker) == {"cause": "", "odd": "cause"}


def test_what_follows_from_a_consequence_is_none_of_its_own_causes() -> None:
    rules = [rule_of("cause", "spread", "odd"), rule_of("odd", "coverage", "more"), rule_of("more", "grid")]
    tracker = FindingTracker(rules)
    tracker.add(Measurement(0, spread=1, coverage=1, grid=0))
    tracker.add(Measurement(1, spread=1, coverage=1, grid=1))
    assert causes(tracker) == {"cause": "", "odd": "cause", "more": "odd"}


def test_what_the_loop_gives_is_no_consequence() -> None:
    verdict = Verdict("watch", "Odd.", given=True)
    odd = Rule("odd", "", lambda _: verdict, (), "", 0, 1, 1, 1)
    tracker = FindingTracker([rule_of("cause", "spread", "odd"), odd])
    for step, level in enumerate([0, 1]):
        tracker.add(Measurement(step, spread=level))
    assert causes(tracker) == {"odd": "", "cause": ""}
    tracker = FindingTracker([rule_of("cause", "spread", "odd"), odd])
    tracker.add(Measurement(0, spread=1))
    assert causes(tracker) == {"cause": "", "odd": ""}


def test_a_consequence_that_outlasts_its_cause_stands_for_itself() -> None:
    tracker = FindingTracker([rule_of("cause", "spread", "odd"), rule_of("odd", "coverage")])
    tracker.add(Measurement(0, spread=1, coverage=1))
    changed = tracker.add(Measurement(1, spread=0, coverage=1))
    assert {(one.name, one.status, one.because_of) for one in changed} == {
        ("cause", "recovered", ""),
        ("odd", "open", ""),
    }


@pytest.mark.parametrize(("spread", "first"), [(1, "this"), (0, "that")])
def test_of_two_that_explain_each_other_the_first_is_the_cause(spread: int, first: str) -> None:
    tracker = FindingTracker([rule_of("this", "spread", "that"), rule_of("that", "coverage", "this")])
    tracker.add(Measurement(0, spread=spread, coverage=1 - spread))
    tracker.add(Measurement(1, spread=1, coverage=1))
    other = {"this": "that", "that": "this"}[first]
    assert causes(tracker) == {first: "", other: first}


@given(some.lists(some.tuples(some.integers(0, 1), some.integers(0, 1), some.integers(0, 1)), max_size=30))
def test_every_consequence_has_a_cause_that_is_open_and_explains_it(
    levels: list[tuple[int, int, int]],
) -> None:
    rules = [
        rule_of("a", "spread", "b"),
        rule_of("b", "coverage", "c", "a"),
        rule_of("c", "duplicates", "a"),
    ]
    tracker = FindingTracker(rules)
    for step, (one, two, three) in enumerate(levels):
        tracker.add(Measurement(step, spread=one, coverage=two, duplicates=three))
        explained = causes(tracker)
        for name, cause in explained.items():
            assert not cause or cause in explained
            assert not cause or name in next(rule.explains for rule in rules if rule.name == cause)
        if explained:
            assert "" in explained.values()


def test_what_was_not_checked_says_why_until_it_can_be() -> None:
    tracker = tracker_of([None, None])
    assert tracker.unchecked == {"odd": "nobody measured"}
    tracker.add(Measurement(2, spread=0.0))
    assert tracker.unchecked == {}


def test_only_changes_are_told() -> None:
    tracker = FindingTracker([RULE], Setting(steps=60))
    changes = [
        [one.severity + one.status for one in tracker.add(Measurement(step, spread=float(level)))]
        for step, level in enumerate([1, 1, 1, 1, 2, 2, 2, 0, 0, 0])
    ]
    assert changes == [[], [], ["watchopen"], [], [], ["troubleopen"], [], [], ["troublerecovered"], []]


levels_ = some.lists(some.sampled_from([0, 1, 2, None]), max_size=40)


@given(levels_)
def test_readings_from_disk_give_the_same_findings(levels: list[int | None]) -> None:
    measurements = [Measurement(step, spread=level) for step, level in enumerate(levels)]
    again = [Measurement.from_json(measurement.to_json()) for measurement in measurements]
    assert judged(measurements, [RULE]).findings == judged(again, [RULE]).findings


@given(levels_)
def test_at_most_one_finding_of_a_name_is_open_and_spans_are_in_order(levels: list[int | None]) -> None:
    findings = tracker_of(levels).findings
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
    (remedy,) = Setting(2000, {"name": "minimax"}, "digits").remedies([proposal])
    assert remedy.command == "poise train digits --recipe minimax --set packing=2 --set loss=hinge"
    assert remedy.after_steps == 200
    assert Setting().remedies([Proposal("look", "why", "what")])[0].command == ""
    has_it = {"packing": 2, "loss": {"name": "hinge"}}
    assert Setting(recipe=has_it).remedies([proposal]) == ()
    again = ("poise", "train", "x", "--set", "packing=3", "--set", "loss.smoothing=0.1", "--set", "seed=2")
    (remedy,) = Setting(again=again).remedies([proposal])
    assert remedy.command == "poise train x --set seed=2 --set packing=2 --set loss=hinge"
    (in_python,) = Setting(again=None).remedies([proposal])
    assert in_python.command == "poise.train(..., **{'packing': 2, 'loss': 'hinge'})"


def test_a_finding_is_a_line_and_json() -> None:
    remedy = Remedy("halve it", "it helps", "poise train x", "less", 5, {"steps": 3})
    finding = Finding("odd", "watch", "recovered", 3, 3, 0.5, "Odd.", Evidence({"a": 1.0}), (remedy,))
    assert str(finding) == "recovered (watch) odd, step 3 (50 % sure): Odd."
    line = finding.to_json()
    assert line["evidence"] == {"measured": {"a": 1.0}, "threshold": {}, "healthy": {}}
    assert line["remedies"][0]["settings"] == {"steps": 3}


def test_what_a_quantity_did() -> None:
    measurements = Measurements(
        (Measurement(step, spread=value) for step, value in enumerate([0.1, None, 0.9, 0.2, 0.3, 0.25])),
        steps=60,
    )
    assert values(measurements, "spread", 3) == [0.2, 0.3, 0.25]
    assert values(measurements, "spread", 1) == [0.2, 0.3, 0.25]  # three at least
    assert values(measurements, "spread", 1, least=1) == [0.25]
    assert median(measurements, "spread", 2, 0) == 0.25
    assert median(measurements, "spread", 4, 4) == 0.1  # the last one before
    assert median(measurements[1:], "spread", 4, 4) is None
    assert best(measurements, "spread") == 0.3
    found = unchecked(Measurement(0, missing={"distance": "no samples were given"}), "spread")
    assert found == Unchecked("no samples were given")
    assert unchecked(Measurement(0, spread=0.0), "spread") is None


def test_progress_is_a_share_of_the_run_or_of_the_steps_so_far() -> None:
    assert [progress(step, 600) for step in (0, 10, 600)] == [0, 1, 60]
    assert [progress(step) for step in (0, 10, 400)] == [0, 1, 40]
    # Later each span is a fortieth of the steps so far.
    assert progress(4100) - progress(4000) == pytest.approx(1, abs=0.02)
    assert progress(41_000) - progress(40_000) == pytest.approx(1, abs=0.02)


def test_movement_is_that_of_a_span() -> None:
    """Half as far in half of the time is the same speed; twice the time is one span at least."""
    close = Measurements((Measurement(step, movement=0.1) for step in range(0, 20, 5)), steps=600)
    assert close.column("movement")[1] == pytest.approx([0.1, 0.2, 0.2, 0.2])
    wide = Measurements((Measurement(step, movement=0.1) for step in range(0, 80, 20)), steps=600)
    assert wide.column("movement")[1] == [0.1] * 4


def test_rates_that_nobody_knows_are_not_set() -> None:
    halved = Proposal("halve it", "why", "what", lambda recipe: {"optimisers.generator.learning_rate": 1e-4})
    both = Proposal(
        "both", "why", "what", lambda recipe: {"optimisers.generator.learning_rate": 1e-4, "packing": 2}
    )
    assert [one.command for one in Setting().remedies([halved, both])] == [
        "",
        "poise train DATA --set packing=2",
    ]
    (known,) = Setting(recipe={"name": "minimax"}).remedies([halved])
    assert known.command.endswith("--set optimisers.generator.learning_rate=0.0001")


def test_a_measurement_may_have_been_written_under_a_former_name() -> None:
    line = {"step": 7, "separation": 0.75, "of a later version": 1}
    assert Measurement.from_json(line) == Measurement(7, auc=0.75)
    assert "separation" not in Measurement(7, auc=0.75).to_json()

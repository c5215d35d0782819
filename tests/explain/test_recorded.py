"""What recorded answers alone tell: contradiction and facts, of judges whose nature is known."""

from __future__ import annotations

import pytest

from tests.explain.conftest import Explaining, figures_of, reasons_of


def test_a_verdict_that_does_not_come_from_the_reasoning_is_a_contradiction(explaining: Explaining) -> None:
    # The bar of half of the items differs from the square: a verdict by the square alone contradicts the words.
    run = explaining.run({"sound": {}, "by-square": {"follows": "square"}}, items=40)
    found = explaining.explain(run, "--no-ask")
    assert figures_of(found, "sound")["contradiction"] == pytest.approx((0.0, 20 / 39), abs=1e-5)
    value, control = figures_of(found, "by-square")["contradiction"]
    assert value == 0.5
    # Its reasoning has nothing to do with its verdict: reasoning dealt out at random contradicts as often.
    assert abs(value - control) < 0.03


def test_a_judge_that_knows_better_than_it_says_is_scored_by_its_reasoning(explaining: Explaining) -> None:
    found = explaining.explain(explaining.run({"by-square": {"follows": "square"}}), "--no-ask")
    assert figures_of(found, "by-square")["right_by_reasoning"] == (1.0, 0.5)


def test_right_for_a_wrong_reason_is_seen_in_a_judge_that_does_not_look(explaining: Explaining) -> None:
    # One that looks at nothing when it writes, and at the picture when it decides.
    run = explaining.run({"sound": {}, "talker": {"sees": False}}, items=40)
    found = explaining.explain(run, "--no-ask")
    assert figures_of(found, "sound")["wrong_reason"][0] == 0.0
    assert figures_of(found, "sound")["false.square"][0] == 0.0
    value, control = figures_of(found, "talker")["false.bar"]
    assert value > 0.25
    assert abs(value - control) < 0.25


def test_every_share_has_a_control_an_interval_and_items(explaining: Explaining) -> None:
    found = explaining.explain(explaining.run({"sound": {}}), "--no-ask")
    figures = [figure for finding in found["findings"] for figure in finding["figures"]]
    assert len(figures) >= 4
    for figure in figures:
        for share in (figure["share"], *figure["controls"]):
            assert figure["controls"]
            assert share["low"] <= share["value"] <= share["high"]
            assert share["n"] <= 24


def test_without_a_task_that_understands_reasoning_nothing_is_guessed(explaining: Explaining) -> None:
    found = explaining.explain(explaining.run({"sound": {}}, knows=False), "--no-ask")
    assert "it is not guessed" in reasons_of(found, "sound")["contradiction"]
    assert "`claims`" in reasons_of(found, "sound")["facts"]
    assert figures_of(found, "sound") == {}


def test_the_report_has_the_section_and_says_when_it_is_old(explaining: Explaining) -> None:
    run = explaining.run({"sound": {}})
    assert "Why the judges said so" not in (run / "leaderboard.md").read_text()
    explaining.explain(run, "--no-ask")
    report = (run / "leaderboard.md").read_text()
    assert "## Why the judges said so" in report
    assert "about earlier answers" not in report
    found = (run / "explanations.json").read_text()
    digest = explaining.explain(run, "--no-ask")["answers"]
    (run / "explanations.json").write_text(found.replace(digest, "0" * 16))
    assert explaining.call("score", str(run)) == 0
    assert "about earlier answers" in (run / "leaderboard.md").read_text()


def test_a_damaged_file_of_explanations_costs_no_report(explaining: Explaining) -> None:
    run = explaining.run({"sound": {}})
    (run / "explanations.json").write_text('{"schema": "judge-harness/explanations/1", "findings": [3]}')
    assert explaining.call("score", str(run)) == 0
    assert "cannot be read" in (run / "leaderboard.md").read_text()

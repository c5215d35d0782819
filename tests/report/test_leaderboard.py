"""The leaderboard: values, ranks, refusals and names."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any

import pytest
from pydantic import ValidationError
from scipy import stats

from harness.api import Metric, Protocol, UserError
from harness.manifest.model import ReportSettings
from harness.report.leaderboard import build_leaderboard
from harness.report.records import Leaderboard, LeaderboardRow
from harness.report.scored import ScoredCell
from harness.report.tables import to_json_text
from harness.score.metrics import make_accuracy, make_mae

GOLD = "AB" * 100


def find(name: str) -> Metric:
    if name not in ("accuracy", "mae"):
        raise UserError(f"there is no metric {name!r}")
    return make_accuracy(None, None) if name == "accuracy" else make_mae(None, None)


def board(
    cells: Sequence[ScoredCell], *, find_metric: Any = find, left_out: Any = (), seed: int = 0, **options: Any
) -> Leaderboard:
    settings = ReportSettings(**{"resamples": 200, **options})
    return build_leaderboard(cells, settings, left_out=left_out, seed=seed, find_metric=find_metric)


def said(right: int) -> str:
    """Answers to GOLD of which the first `right` are right."""
    return GOLD[:right] + "".join("A" if gold == "B" else "B" for gold in GOLD[right:])


def places(leaderboard: Leaderboard) -> dict[str, tuple[int | None, int | None, str]]:
    """Rank set and letters, in the order of the rows."""
    return {row.judge: (row.rank_low, row.rank_high, row.letters) for row in leaderboard.rows}


def by_judge(leaderboard: Leaderboard) -> dict[str, LeaderboardRow]:
    return {row.judge: row for row in leaderboard.rows}


def test_values_are_those_of_the_hand_count(make_cell: Any) -> None:
    row = by_judge(board([make_cell("j", "AB" * 90 + "--!!" + "BA" * 8, GOLD)]))["j"]
    assert (row.n, row.asked) == (196, 200)  # unparsed and errors are left out by the protocol
    assert row.value == pytest.approx(180 / 196)
    assert row.worst_case == pytest.approx(180 / 200)
    assert row.coverage == pytest.approx(196 / 200)
    assert row.statuses["unparsed"] == 2
    assert row.statuses["error"] == 2
    assert (row.ci_low or 1) < 180 / 196 < (row.ci_high or 0)


def test_judges_that_the_data_cannot_tell_apart_share_a_letter(make_cell: Any) -> None:
    leaderboard = board(
        [make_cell("c", said(100), GOLD), make_cell("b", said(178), GOLD), make_cell("a", said(180), GOLD)]
    )
    assert places(leaderboard) == {"a": (1, 2, "a"), "b": (1, 2, "a"), "c": (3, 3, "b")}
    assert list(places(leaderboard)) == ["a", "b", "c"]
    pairs = {(pair.judge_a, pair.judge_b): pair for pair in leaderboard.comparisons}
    assert set(pairs) == {("a", "b"), ("a", "c"), ("b", "c")}
    pair = pairs["a", "b"]
    assert (pair.only_a, pair.only_b, pair.n) == (2, 0, 200)
    assert pair.difference == pytest.approx(0.01)
    assert pair.p_value == pytest.approx(2 * stats.norm.sf(2 / 3**0.5), rel=0.01)  # two discordant pairs, both for a
    assert pair.p_value is not None
    assert pair.p_adjusted is not None
    assert pair.p_adjusted >= pair.p_value
    assert (pair.better, pairs["a", "c"].better, pairs["b", "c"].better) == (None, "a", "b")
    assert pairs["a", "c"].p_adjusted is not None
    assert pairs["a", "c"].p_adjusted < 1e-6


def test_without_tests_nothing_is_ranked_and_rows_go_by_value(make_cell: Any) -> None:
    leaderboard = board([make_cell("low", said(20), GOLD), make_cell("high", said(120), GOLD)], compare="none")
    assert places(leaderboard) == {"high": (None, None, ""), "low": (None, None, "")}
    assert list(places(leaderboard)) == ["high", "low"]
    assert leaderboard.comparisons == ()


def test_below_the_coverage_a_judge_is_shown_last_and_not_ranked(make_cell: Any) -> None:
    silent = make_cell("silent", "-" * 40 + GOLD[40:], GOLD)
    leaderboard = board([silent, make_cell("j", said(150), GOLD)])
    last = leaderboard.rows[-1]
    assert (last.judge, last.rank_low, last.value) == ("silent", None, 1.0)
    assert "low-coverage" in last.flags
    assert places(leaderboard)["j"] == (1, 1, "a"), "nobody stands below a judge that is not ranked"
    (pair,) = leaderboard.comparisons
    assert (pair.p_adjusted, pair.better) == (None, None)
    assert places(board([silent], min_coverage=0.5)) == {"silent": (1, 1, "a")}
    assert by_judge(board([silent], min_coverage=0.5))["silent"].flags == ("no-errors",)


def test_a_partial_cell_is_flagged_and_not_ranked(make_cell: Any) -> None:
    row = by_judge(board([make_cell("j", said(150), GOLD, state="partial")]))["j"]
    assert (row.rank_low, row.rank_high, row.flags) == (None, None, ("partial",))


def test_a_judge_that_says_one_thing_is_flagged_as_collapsed(make_cell: Any) -> None:
    assert "collapsed" in by_judge(board([make_cell("llava", "A" * 200, GOLD)]))["llava"].flags


def test_other_data_is_refused_and_both_runs_are_named(make_cell: Any) -> None:
    cells = [make_cell("a", GOLD, GOLD), make_cell("b", GOLD, GOLD, run="run-2", data_hash="0123456789abcdef")]
    with pytest.raises(UserError, match="run-1 and run-2") as caught:
        board(cells)
    assert "the data: the items differ" in str(caught.value)
    assert "0123456789ab in run-2" in str(caught.value)


def test_another_protocol_is_refused_field_by_field(make_cell: Any) -> None:
    other = Protocol(unparsed="wrong", ties="skip")
    with pytest.raises(UserError, match="run-1 and run-2") as caught:
        board([make_cell("a", GOLD, GOLD), make_cell("b", GOLD, GOLD, run="run-2", protocol=other)])
    message = str(caught.value)
    assert "unparsed is exclude in run-1, wrong in run-2" in message
    assert "ties is class in run-1, skip in run-2" in message
    assert "pooling" not in message


def test_a_longer_list_of_metrics_is_no_other_protocol(make_cell: Any) -> None:
    other = Protocol(metrics=("accuracy", "macro_f1"))
    leaderboard = board([make_cell("a", GOLD, GOLD), make_cell("b", said(100), GOLD, run="run-2", protocol=other)])
    assert [place[:2] for place in places(leaderboard).values()] == [(1, 1), (2, 2)]


def test_another_headline_is_refused_and_metric_mends_it(make_cell: Any) -> None:
    other = Protocol(metrics=("macro_f1", "accuracy"))
    cells = [make_cell("a", GOLD, GOLD), make_cell("b", said(100), GOLD, run="run-2", protocol=other)]
    with pytest.raises(UserError, match="accuracy in run-1, macro_f1 in run-2; choose one with --metric"):
        board(cells)
    assert {row.metric for row in board(cells, metric="accuracy").rows} == {"accuracy"}


def test_one_name_in_two_runs_is_told_apart_and_others_are_left_alone(make_cell: Any) -> None:
    cells = [make_cell("j", said(150), GOLD), make_cell("j", said(100), GOLD, run="run-2"), make_cell("k", GOLD, GOLD)]
    assert {row.judge for row in board(cells).rows} == {"j (run-1)", "j (run-2)", "k"}


@pytest.mark.parametrize("name", ["j  j", "j\tj", "\uff4a j", "j\u00a0j"])
def test_names_of_two_runs_that_look_alike_are_told_apart(make_cell: Any, name: str) -> None:
    cells = [
        make_cell("j j", said(150), GOLD),
        make_cell(name, said(100), GOLD, run="run-2"),
        make_cell("J j", GOLD, GOLD),
    ]
    assert {row.judge for row in board(cells).rows} == {"j j (run-1)", f"{name} (run-2)", "J j"}
    # A run of an older version may have both: its name would not tell them apart.
    alone = [make_cell("j j", said(150), GOLD), make_cell(name, said(100), GOLD)]
    assert {row.judge for row in board(alone).rows} == {"j j", name}


def test_one_cell_twice_is_refused(make_cell: Any) -> None:
    with pytest.raises(UserError, match="stands twice on the leaderboard, from run run-1 and from run run-1"):
        board([make_cell("j", GOLD, GOLD), make_cell("j", GOLD, GOLD)])


def test_a_metric_that_was_not_scored_is_scored_from_the_answers(make_cell: Any) -> None:
    cell = make_cell("j", said(150), GOLD, protocol=Protocol(metrics=("macro_f1",)))
    row = by_judge(board([cell], metric="accuracy"))["j"]
    assert (row.metric, row.value) == ("accuracy", 0.75)


def test_a_metric_that_does_not_fit_names_the_task(make_cell: Any) -> None:
    with pytest.raises(UserError, match="task t: metric mae: not defined for preference answers"):
        board([make_cell("j", said(150), GOLD)], metric="mae")
    with pytest.raises(UserError, match="there is no metric 'nonsense'"):
        board([make_cell("j", said(150), GOLD)], metric="nonsense")


def test_an_empty_run_is_refused() -> None:
    with pytest.raises(UserError, match="no scored cells"):
        board([])


@pytest.mark.parametrize(("option", "value"), [("group_by", "judge"), ("compare", "some"), ("confidence", 1.5)])
def test_unknown_choices_are_refused(option: str, value: Any) -> None:
    with pytest.raises(ValidationError, match=option):
        ReportSettings(**{option: value})


def test_categories_are_ranked_each_on_their_own(make_cell: Any) -> None:
    halves = ("odd", "even")
    good_when_odd = "".join(g if k % 2 == 0 else "T" for k, g in enumerate("A" * 200))
    cells = [
        make_cell("a", good_when_odd, "A" * 200, categories=halves),
        make_cell("b", "T" * 200, "A" * 200, categories=halves),
    ]
    leaderboard = board(cells, group_by="category")
    found = {
        (row.category, row.judge): (row.value, row.n, row.asked, row.rank_low, row.rank_high)
        for row in leaderboard.rows
    }
    assert found["odd", "a"] == (1.0, 100, 100, 1, 1)
    assert found["odd", "b"] == (0.0, 100, 100, 2, 2)
    assert found["even", "a"] == found["even", "b"] == (0.0, 100, 100, 1, 2)
    assert {pair.category for pair in leaderboard.comparisons} == {"odd", "even"}


def test_equal_input_gives_equal_bytes_whatever_the_order_of_the_runs(make_cell: Any) -> None:
    cells = [
        make_cell(name, said(right), GOLD, task=task)
        for name, right in (("a", 150), ("b", 140), ("c", 90))
        for task in "xy"
    ]
    first = to_json_text(board(cells).to_json())
    random.Random(1).shuffle(cells)
    assert to_json_text(board(cells).to_json()) == first


def test_json_has_every_promised_field(make_cell: Any) -> None:
    plain = json.loads(to_json_text(board([make_cell("j", said(150), GOLD)]).to_json()))
    assert plain["schema"] == "judge-harness/leaderboard/2"
    promised = "judge task metric value ci_low ci_high n asked coverage worst_case flags protocol data_hash"
    assert {*promised.split(), "rank_low", "rank_high", "letters"} <= set(plain["rows"][0])


def test_however_many_judges_a_clear_difference_is_found(make_cell: Any) -> None:
    """66 pairs and 100 flips: no number of flips is a floor under p."""
    protocol = Protocol(unparsed="half", min_coverage=0.0)
    good = [make_cell(f"good-{k}", GOLD[:190] + "-" * 10, GOLD, protocol=protocol) for k in range(6)]
    bad = [make_cell(f"bad-{k}", "T" * 190 + "-" * 10, GOLD, protocol=protocol) for k in range(6)]
    leaderboard = board([*good, *bad], resamples=100)
    assert {pair.method for pair in leaderboard.comparisons} == {"score-pivot"}
    assert {judge[:3]: place for judge, place in places(leaderboard).items()} == {
        "goo": (1, 6, "a"),
        "bad": (7, 12, "b"),
    }

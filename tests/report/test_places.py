"""One block: who is ranked, and what follows from the comparisons."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from harness.manifest.model import ReportSettings
from harness.report.leaderboard import build_leaderboard
from harness.report.places import UNRANKED, Field, find_ranked, place_judges
from harness.report.records import LeaderboardRow
from harness.score.metrics import make_accuracy
from harness.score.records import Comparison

GOLD = "AB" * 20


@pytest.fixture
def rows(make_cell: Any) -> dict[str, LeaderboardRow]:
    """Three judges without places."""
    cells = [
        make_cell(judge, GOLD[:right] + "T" * (40 - right), GOLD)
        for judge, right in {"a": 38, "b": 30, "c": 20}.items()
    ]
    board = build_leaderboard(cells, ReportSettings(compare="none"), find_metric=lambda name: make_accuracy(None, None))
    return {row.judge: row for row in board.rows}


def pair(a: str, b: str, better: str | None, **changes: Any) -> Comparison:
    return Comparison(judge_a=a, judge_b=b, metric="accuracy", better=better, **changes)


ALL = (pair("a", "b", None), pair("a", "c", "a"), pair("b", "c", None))


def places(field: Field) -> dict[str, tuple[int | None, int | None, str]]:
    return {row.judge: (row.rank_low, row.rank_high, row.letters) for row in field.rows}


def test_places_follow_from_the_comparisons(rows: dict[str, LeaderboardRow]) -> None:
    found = place_judges(Field(rows=tuple(rows.values()), comparisons=ALL), "all-pairs")
    assert places(found) == {"a": (1, 2, "a"), "b": (1, 3, "ab"), "c": (2, 3, "b")}
    assert found.comparisons == ALL


def test_without_comparisons_there_are_none(rows: dict[str, LeaderboardRow]) -> None:
    field = Field(rows=tuple(rows.values()), comparisons=ALL)
    assert place_judges(field, "none") is field


@pytest.mark.parametrize("flag", sorted(UNRANKED))
def test_who_is_not_ranked_takes_no_place_and_gives_none(rows: dict[str, LeaderboardRow], flag: str) -> None:
    shown = (replace(rows["a"], flags=(flag,)), rows["b"], rows["c"])
    assert find_ranked(shown) == ["b", "c"]
    found = place_judges(Field(rows=shown, comparisons=ALL), "all-pairs")
    assert places(found) == {"a": (None, None, ""), "b": (1, 2, "a"), "c": (1, 2, "a")}


def test_who_has_no_value_is_not_ranked_and_other_flags_take_no_rank(rows: dict[str, LeaderboardRow]) -> None:
    shown = [replace(rows["a"], value=None), replace(rows["b"], flags=("collapsed", "few-clusters")), rows["c"]]
    assert find_ranked(shown) == ["b", "c"]


def test_both_judges_whose_order_rests_on_missing_answers_are_flagged(rows: dict[str, LeaderboardRow]) -> None:
    compared = (ALL[0], pair("a", "c", None, depends_on_missing=True), ALL[2])
    found = place_judges(Field(rows=tuple(rows.values()), comparisons=compared), "all-pairs")
    assert {row.judge for row in found.rows if "depends-on-missing" in row.flags} == {"a", "c"}
    assert {letters for _, _, letters in places(found).values()} == {"a"}


def test_letters_begin_with_the_best_value_whichever_way_is_better(rows: dict[str, LeaderboardRow]) -> None:
    apart = (pair("a", "b", "b"), pair("a", "c", "c"), pair("b", "c", "c"))
    errors = tuple(replace(row, greater_is_better=False) for row in rows.values())
    found = place_judges(Field(rows=errors, comparisons=apart), "all-pairs")
    assert places(found) == {"c": (1, 1, "a"), "b": (2, 2, "b"), "a": (3, 3, "c")}

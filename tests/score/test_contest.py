"""Who met whom on what, and what missing answers could have been, by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from harness.api import DataError, Metric, Protocol
from harness.score.agreement import MacroF1, RocAuc
from harness.score.cell import jackknife_metric
from harness.score.contest import Contest, Round, disagreements, match_units
from harness.score.jackknife import Jackknife
from harness.score.metrics import Accuracy
from harness.score.significance import Rules, compare_all
from harness.score.table import CellTable

Made = Callable[..., CellTable]


def contest(tables: dict[str, CellTable], metric: Metric | None = None, *, name: str = "m") -> Contest:
    return Contest([Round(tables, metric or Accuracy(), name=name)])


def test_two_judges_meet_on_what_counts_for_both(yes_no: Made) -> None:
    met = contest(
        {"a": yes_no([True, None, True, False]), "b": yes_no([False, True, None, True])},
    ).meet("a", "b")
    ((view_a, view_b),) = met.views
    assert len(view_a) == len(view_b) == 2
    assert view_a.key.tolist() == view_b.key.tolist()
    assert met.of_a is not None
    assert met.of_b is not None
    assert (met.of_a.value, met.of_b.value) == (0.5, 0.5)
    assert met.gap is not None
    assert met.gap.difference == 0


def test_the_worst_case_is_of_all_units_with_every_missing_answer_wrong(yes_no: Made) -> None:
    tables = {"a": yes_no([True, None, True, False]), "b": yes_no([True, True, None, True])}
    for which, of_a, of_b, n in (("value", 0.5, 1.0, 2), ("excluded", 0.5, 1.0, 2), ("worst", 0.5, 0.75, 4)):
        met = contest(tables).meet("a", "b", which)  # type: ignore[arg-type]
        assert met.of_a is not None
        assert met.of_b is not None
        assert (met.of_a.value, met.of_b.value, len(met.views[0][0])) == (of_a, of_b, n)


def test_the_extremes_are_manskis_bounds(yes_no: Made) -> None:
    """a: 6 right and 1 missing of 10; b: 3 right and 2 missing."""
    a = yes_no([True] * 6 + [None] + [False] * 3)
    b = yes_no([False] * 3 + [True] * 3 + [None] * 2 + [False] * 2)
    found = contest({"a": a, "b": b}).extremes("a", "b")
    assert found is not None
    assert [end.difference for end in found] == pytest.approx([0.6 - 0.5, 0.7 - 0.3])
    other = contest({"a": a, "b": b}).extremes("b", "a")
    assert other is not None
    assert [end.difference for end in other] == pytest.approx([0.3 - 0.7, 0.5 - 0.6])


def test_no_extremes_of_a_metric_that_is_no_mean_or_where_one_was_not_asked(yes_no: Made) -> None:
    some, other = yes_no([True, None, True]), yes_no([True, True, None])
    assert contest({"a": some, "b": other}, MacroF1()).extremes("a", "b") is None
    elsewhere = yes_no([True, True, None], names=["i0", "i1", "x"])
    assert contest({"a": some, "b": elsewhere}).extremes("a", "b") is None
    assert contest({"a": some, "b": other}).complete("a", "b") is False
    assert contest({"a": yes_no([True]), "b": yes_no([False])}).complete("a", "b") is True


def test_every_judge_is_taken_apart_once(yes_no: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def count(*given: Any, name: str, **more: Any) -> Jackknife | None:
        calls.append(name)
        return jackknife_metric(*given, name=name, **more)

    monkeypatch.setattr("harness.score.contest.jackknife_metric", count)
    rng = np.random.default_rng(0)
    tables = {name: yes_no((rng.random(50) < 0.7).tolist()) for name in "abcdef"}
    assert len(compare_all(tables, Accuracy())) == 15
    assert len(calls) == 6


def test_a_metric_of_probabilities_has_one_basis_for_two(yes_no: Made) -> None:
    gold = [True, False, True, False]
    sure = yes_no(gold, gold, sure=[0.9, 0.2, 0.6, 0.7])
    bare = yes_no(gold, gold)
    tables = {"sure": sure, "bare": bare, "too": sure}
    round_ = Round(tables, RocAuc(), name="roc_auc")
    assert round_.basis(["sure", "too"]) == "probabilities"
    assert round_.basis(["sure", "bare"]) == "verdicts"
    assert Round(tables, Accuracy(), name="accuracy").basis(["sure", "too"]) == ""
    met = round_.meet("sure", "bare")
    assert met.gap is not None
    assert met.gap.difference == 0


def test_judges_of_one_round_have_one_protocol(yes_no: Made) -> None:
    with pytest.raises(DataError, match="a and b: scored by different protocols"):
        contest({"a": yes_no([True]), "b": yes_no([True], protocol=Protocol(unparsed="wrong"))})


def test_over_two_tasks_the_values_are_the_means(yes_no: Made) -> None:
    first = {"a": yes_no([True] * 8 + [False] * 2), "b": yes_no([True] * 5 + [False] * 5)}
    two = {"a": yes_no([True] * 3 + [False]), "b": yes_no([True] * 2 + [False] * 2)}
    both = Contest([Round(tables, Accuracy(), name="m") for tables in (first, two)])
    met = both.meet("a", "b")
    assert met.of_a is not None
    assert met.of_b is not None
    assert (met.of_a.value, met.of_b.value) == pytest.approx(((0.8 + 0.75) / 2, 0.5))
    assert met.gap is not None
    assert met.gap.parts.sum() == pytest.approx(met.gap.difference)
    lost = {"a": yes_no([None] * 4), "b": yes_no([True] * 4)}
    assert Contest([Round(first, Accuracy(), name="m"), Round(lost, Accuracy(), name="m")]).own("a") is None


def test_shared_units_are_in_the_order_of_the_data_and_have_common_codes(make_labels: Made) -> None:
    a = make_labels([2, 1, 0], [0, 1, 2], labels=3, names=["x", "y", "z"])
    b = make_labels([0, 0, 1], [2, 0, 1], labels=3, names=["z", "x", "y"])
    view_a, view_b = match_units(a, b)
    assert [a.items[row] for row in view_a.item.tolist()] == ["x", "y", "z"]
    assert [b.items[row] for row in view_b.item.tolist()] == ["x", "y", "z"]
    assert view_a.gold.tolist() == view_b.gold.tolist()
    assert [view_b.verdicts[code] for code in view_b.predicted] == ["c0", "c1", "c0"]
    assert view_a.cluster.tolist() == view_b.cluster.tolist()


def test_items_on_which_two_differ_are_sorted_by_who_is_right(make_labels: Made) -> None:
    gold = [0, 0, 0, 0, 1]
    a = make_labels([0, 1, 1, 0, 1], gold, labels=3)
    b = make_labels([1, 0, 2, 0, 1], gold, labels=3)
    assert disagreements(a, b) == (("i0",), ("i1",), ("i2",))


def test_declared_missing_at_random_only_shared_answers_count(yes_no: Made) -> None:
    """a leaves out what it would get wrong, and stands above its equal only where that is declared to be chance."""
    a = yes_no([True] * 170 + [None] * 30)
    b = yes_no([True] * 150 + [False] * 20 + [True] * 20 + [False] * 10)
    (counts,) = compare_all({"a": a, "b": b}, Accuracy())
    assert (counts.better, counts.depends_on_missing, counts.whatever_missing) == (None, True, False)
    assert (counts.bound_low, counts.bound_high) == pytest.approx((0.0, 0.15))
    (random,) = compare_all({"a": a, "b": b}, Accuracy(), rules=Rules(missing="at-random"))
    assert (random.better, random.depends_on_missing) == ("a", False)


def test_a_lead_that_no_missing_answer_can_take_is_said_to_hold_whatever_they_were(yes_no: Made) -> None:
    a = yes_no([True] * 190 + [None] * 4 + [False] * 6)
    b = yes_no([True] * 100 + [None] * 4 + [False] * 96)
    (found,) = compare_all({"a": a, "b": b}, Accuracy())
    assert (found.better, found.whatever_missing) == ("a", True)
    assert (found.bound_low, found.bound_high) == pytest.approx((0.95 - 0.52, 0.97 - 0.5))

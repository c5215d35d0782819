"""Krippendorff's alpha against published examples, brute force, and data of which the truth is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from harness.api import (
    AnswerSpace,
    Choice,
    Measurement,
    Preference,
    Protocol,
    Ranking,
    RecordedAnswer,
    Score,
    Status,
    Verdict,
)
from harness.score.alpha import distance_of, krippendorff, pairable_ratings
from harness.score.annotations import People
from harness.score.ranking import inversions
from harness.score.units import build_cell

Table = Sequence[Sequence[Verdict | None]]
"""A row for each item, a column for each annotator."""

PUBLISHED = list(
    zip(
        *(
            [int(word) if word != "." else None for word in row.split()]
            for row in (
                "1 2 3 3 2 1 4 1 2 . . .",
                "1 2 3 3 2 2 4 1 2 5 . 3",
                ". 3 3 3 2 3 4 2 2 5 1 .",
                "1 2 3 3 2 4 4 1 2 5 1 .",
            )
        ),
        strict=True,
    )
)
"""Four observers, twelve units: Krippendorff (2011), Computing Krippendorff's alpha-reliability, example C."""


def people_of(rows: Table, space: AnswerSpace, *, groups: Sequence[str] | None = None) -> People:
    answers = [
        RecordedAnswer(
            item=f"i{k}",
            group=groups[k] if groups else f"i{k}",
            category="",
            space=space,
            gold=next(verdict for verdict in row if verdict is not None),
            order=(),
            sample=0,
            status=Status.UNPARSED,
            verdict=None,
            annotations={f"p{j}": verdict for j, verdict in enumerate(row) if verdict is not None},
        )
        for k, row in enumerate(rows)
        if any(verdict is not None for verdict in row)
    ]
    people = build_cell(answers, Protocol()).people
    assert people is not None
    return people


def alpha(rows: Table, space: AnswerSpace, *, groups: Sequence[str] | None = None) -> Measurement:
    return krippendorff(people_of(rows, space, groups=groups), space)


def width(found: Measurement) -> float:
    assert found.low is not None
    assert found.high is not None
    return found.high - found.low


def brute(rows: Table, apart: Callable[[Any, Any], float]) -> float:
    """By the definition, pair by pair."""
    units = [[verdict for verdict in row if verdict is not None] for row in rows]
    units = [unit for unit in units if len(unit) > 1]
    values = [verdict for unit in units for verdict in unit]
    n = len(values)
    observed = sum(sum(apart(a, b) for a, b in permutations(unit, 2)) / (len(unit) - 1) for unit in units) / n
    expected = sum(apart(a, b) for a, b in permutations(values, 2)) / (n * (n - 1))
    return 1 - observed / expected


def different(a: object, b: object) -> float:
    return float(a != b)


def square(a: float, b: float) -> float:
    return (a - b) ** 2


def test_the_published_example_of_labels() -> None:
    rows = [[None if code is None else f"c{code}" for code in row] for row in PUBLISHED]
    space = Choice(tuple(f"c{k}" for k in range(1, 6)))
    assert alpha(rows, space).value == pytest.approx(0.743, abs=5e-4)
    kept = pairable_ratings(people_of(rows, space).ratings)
    counts = (len(np.unique(kept.item)), len(np.unique(kept.annotator)), len(kept.item))
    assert counts == (11, 4, 40), "the unit with one value drops out"
    assert distance_of(space) == "nominal"


def test_the_published_example_of_scores() -> None:
    found = alpha(PUBLISHED, Score(1, 5))
    assert found.value == pytest.approx(0.849, abs=5e-4)
    assert distance_of(Score(1, 5)) == "interval"


def test_the_published_example_of_two_observers_and_two_labels() -> None:
    """Example A of the same paper: 10 units, alpha = 0.095."""
    words = {"0": "no", "1": "yes"}
    pairs = zip("0100000010", "1110010000", strict=True)
    found = alpha([[words[a], words[b]] for a, b in pairs], Choice(("no", "yes")))
    assert found.value == pytest.approx(0.095, abs=5e-4)


def tables(of: st.SearchStrategy[Any]) -> st.SearchStrategy[list[list[Any]]]:
    return st.lists(st.lists(st.none() | of, min_size=3, max_size=3), min_size=2, max_size=7)


@settings(deadline=None)
@given(tables(st.sampled_from(["a", "b", "c"])))
def test_labels_are_as_by_definition(rows: list[list[str | None]]) -> None:
    assume(len({v for row in rows if sum(x is not None for x in row) > 1 for v in row if v is not None}) > 1)
    assert alpha(rows, Choice(("a", "b", "c"))).value == pytest.approx(brute(rows, different))


@settings(deadline=None)
@given(tables(st.integers(0, 10**7).map(lambda k: k / 10) | st.integers(0, 5)))
def test_scores_are_as_by_definition(rows: list[list[float | None]]) -> None:
    values = [v for row in rows if sum(x is not None for x in row) > 1 for v in row if v is not None]
    assume(len(values) > 1 and np.ptp(values) > 1e-3 * max(map(abs, values)))
    assert alpha(rows, Score(0, 1e6, 0)).value == pytest.approx(brute(rows, square), abs=1e-6)


@settings(deadline=None)
@given(tables(st.sampled_from([0, 1, 2, "tie"])))
def test_preferences_count_in_every_rotation_of_the_candidates(rows: list[list[Any]]) -> None:
    assume(any(sum(x is not None for x in row) > 1 for row in rows))
    turned = [[(v + turn) % 3 if isinstance(v, int) else v for v in row] for row in rows for turn in range(3)]
    pairable = [v for row in rows if sum(x is not None for x in row) > 1 for v in row if v is not None]
    assume(set(pairable) != {"tie"})
    assert alpha(rows, Preference(3, ("tie",))).value == pytest.approx(brute(turned, different))


def test_pairs_whose_better_one_always_stands_first_are_agreed_on() -> None:
    """In the places of the data there is nothing to disagree about by chance, and alpha would be near zero."""
    rows: Table = [[0, 0, 0]] * 38 + [[0, 0, 1]] * 2
    assert brute(rows, different) < 0
    found = alpha(rows, Preference(2)).value
    assert found is not None
    assert found > 0.9


@settings(deadline=None)
@given(tables(st.permutations(range(4)).map(tuple)))
def test_of_rankings_it_is_the_mean_agreement_of_two_people_on_pairs(rows: list[list[tuple[int, ...] | None]]) -> None:
    units = [[v for v in row if v is not None] for row in rows]
    units = [unit for unit in units if len(unit) > 1]
    assume(units)
    n = sum(map(len, units))
    observed = sum(sum(inversions(a, b) / 6 for a, b in permutations(unit, 2)) / (len(unit) - 1) for unit in units)
    assert alpha(rows, Ranking(4)).value == pytest.approx(1 - 2 * observed / n)


def test_lists_of_different_lengths_stand_side_by_side() -> None:
    rows = [RecordedAnswer(f"i{n}", f"i{n}", "", Ranking(n), tuple(range(n)), (), 0, Status.UNPARSED, None, None,
                   {"a": tuple(range(n)), "b": tuple(reversed(range(n)))}) for n in (2, 5)]  # fmt: skip
    people = build_cell(rows, Protocol()).people
    assert people is not None
    assert krippendorff(people, Ranking(5)).value == pytest.approx(-1)


def test_where_all_say_the_same_of_everything_there_is_no_alpha() -> None:
    assert alpha([["a", "a"]] * 5, Choice(("a", "b"))).value is None
    once = people_of([["a", None], [None, "b"]], Choice(("a", "b")))
    assert len(pairable_ratings(once.ratings).item) == 0
    assert krippendorff(once, Choice(("a", "b"))) == Measurement(None)


def test_perfect_agreement_is_not_certain() -> None:
    found = alpha([["a", "a"], ["b", "b"]] * 20, Choice(("a", "b")))
    assert found.value == 1
    assert found.high == 1
    assert found.low is not None
    assert 0.75 < found.low < 0.97


def test_items_of_one_cluster_make_the_interval_wider() -> None:
    rng = np.random.default_rng(0)
    rows: Table = [["ab"[code] for code in row] for row in (rng.random((60, 3)) < rng.random((60, 1))).astype(int)]
    alone, together = (
        alpha([row for row in rows for _ in range(4)], Choice(("a", "b")), groups=groups)
        for groups in ([f"g{k}" for k in range(240)], [f"g{k // 4}" for k in range(240)])
    )
    assert width(together) > 1.6 * width(alone)


def test_the_interval_holds_the_truth_in_19_of_20_samples() -> None:
    """Two people, two labels, each right with .85: D_o = 2 * .85 * .15, D_e = .5; truth 1 - .255 / .5."""
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(200):
        truth = rng.integers(0, 2, size=60)
        said = np.where(rng.random((60, 2)) < 0.85, truth[:, None], 1 - truth[:, None])
        found = alpha([["ab"[code] for code in row] for row in said.tolist()], Choice(("a", "b")))
        assert found.low is not None
        assert found.high is not None
        hits += found.low <= 1 - 2 * 0.85 * 0.15 / 0.5 <= found.high
    assert 182 <= hits <= 199

"""Cells of one answer an item, as the tests of the statistics need them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import pytest

from harness.api import Choice, Protocol, RecordedAnswer, Score, Status, Verdict
from harness.score.table import CellTable
from harness.score.units import build_cell

MakeTable: TypeAlias = Callable[..., CellTable]

YES = Choice(("yes", "no"))


def make_cell(
    space: Choice | Score,
    said: Sequence[Verdict | None],
    gold: Sequence[Verdict],
    *,
    groups: Sequence[object] | None = None,
    categories: Sequence[str] | None = None,
    names: Sequence[str] | None = None,
    sure: Sequence[float | None] | None = None,
    protocol: Protocol | None = None,
) -> CellTable:
    """A cell; `None` is an answer that could not be read, `sure` the probability of the first label."""
    names = names or [f"i{k}" for k in range(len(said))]
    answers = (
        RecordedAnswer(
            item=names[k],
            group=names[k] if groups is None else f"g{groups[k]}",
            category="" if categories is None else categories[k],
            space=space,
            gold=gold[k],
            order=(),
            sample=0,
            status=Status.UNPARSED if verdict is None else Status.OK,
            verdict=verdict,
            probabilities=None if sure is None or (p := sure[k]) is None else {"yes": p, "no": 1 - p},
        )
        for k, verdict in enumerate(said)
    )
    return build_cell(answers, protocol or Protocol())


@pytest.fixture(scope="session")
def yes_no() -> MakeTable:
    """A cell of yes/no questions, answers and golds as truth values."""

    def make(said: Sequence[bool | None], gold: Sequence[bool] | None = None, **changes: object) -> CellTable:
        golds = [True] * len(said) if gold is None else gold
        words = [None if answer is None else YES.labels[not answer] for answer in said]
        return make_cell(YES, words, [YES.labels[not answer] for answer in golds], **changes)  # type: ignore[arg-type]

    return make


@pytest.fixture(scope="session")
def make_labels() -> MakeTable:
    """A cell of questions with several labels, answers and golds as their numbers."""

    def make(said: Sequence[int], gold: Sequence[int], *, labels: int, **changes: object) -> CellTable:
        space = Choice(tuple(f"c{k}" for k in range(labels)))
        return make_cell(space, [f"c{k}" for k in said], [f"c{k}" for k in gold], **changes)  # type: ignore[arg-type]

    return make


@pytest.fixture(scope="session")
def make_scores() -> MakeTable:
    """A cell of scores."""

    def make(
        said: Sequence[float], gold: Sequence[float], *, space: Score | None = None, **changes: object
    ) -> CellTable:
        space = space or Score(0, 1, 0)
        return make_cell(space, [float(x) for x in said], [float(x) for x in gold], **changes)  # type: ignore[arg-type]

    return make

"""The table of one cell: its units as columns. Filled by `harness.score.units`, read by everything that scores.

Not for reading answers, and not for computing metrics: it only says which units count, and as what.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from harness.api import AnswerSpace, Protocol, UserError, Verdict
from harness.score.annotations import People
from harness.score.arrays import Floats, Ints

ANSWERED, MISSING, ERROR, OUTSIDE, DRAWN = range(5)
"""States of a unit: it has an answer; the judge gave none (unparsed, refused, truncated, a drawn vote); the machinery
failed; the answer is none of the space; or the scores of the best candidates are equal."""

POLICIES = {MISSING: "unparsed", OUTSIDE: "outside", DRAWN: "draws"}
"""The field of `Protocol` that says what a unit in such a state counts as."""

NOTHING = -1
"""Code of "no verdict" in `CellTable.predicted`."""

Which: TypeAlias = Literal["value", "excluded", "worst", "best"]
"""Ways to count a unit without an answer: see `CellTable.view`."""

Basis: TypeAlias = Literal["", "probabilities", "verdicts"]
"""The basis of a metric that reads probabilities: never both. Empty for a metric that reads none."""


class PackedIds:
    """Many ids in one block of memory: a tenth of what a list of `str` takes."""

    def __init__(self) -> None:
        self._text, self._ends = bytearray(), array("Q")

    def append(self, name: str) -> None:
        """Add an id."""
        self._text += name.encode()
        self._ends.append(len(self._text))

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, index: int) -> str:
        # The first id starts at 0. Every other one where the id before it ends.
        start = self._ends[index - 1] if index else 0
        return self._text[start : self._ends[index]].decode()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RequestCounts:
    """Counts over requests rather than units."""

    asked: int
    """Requests."""
    with_probabilities: int
    """Requests with a verdict and with probabilities."""
    statuses: Mapping[str, int]
    """Requests by status."""
    histogram: Mapping[str, int]
    """Verdicts, canonical, by name."""
    shown_histogram: Mapping[str, int]
    """Verdicts, in shown places, by name."""
    gold_histogram: Mapping[str, int]
    """Right answers, canonical, by name: one count for each item."""
    shown_gold_histogram: Mapping[str, int]
    """Right answers, in shown places, by name: one count for each request with a verdict."""
    orders: int
    """The largest number of orders in which one item was shown."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SuccessCounts:
    """Hits among trials, one row for each item that has any: the raw material of a consistency."""

    cluster: Ints
    hits: Ints
    trials: Ints


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Repeats:
    """Questions put more than once, one row each: an item in one order, or the item where samples are reshuffled."""

    cluster: Ints
    """Shape (Q,)."""
    answers: Ints
    """Shape (Q,): answers that count, at least one."""
    total: Floats
    """Shape (Q,): sum of what the answers are worth."""
    squares: Floats
    """Shape (Q,): sum of the squares."""
    voted: Floats
    """Shape (Q,): credit of the vote of all answers. NaN if there is no vote."""
    measure: Literal["accuracy", "mae"]
    """Worth of an answer: its credit, or the distance of its score from the gold."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class UnitTable:
    """U units that count, and as what. All columns have shape (U,)."""

    space: AnswerSpace
    """The largest answer space that occurs."""
    verdicts: tuple[Verdict, ...]
    """The verdicts, by their codes in `gold` and `predicted`."""
    key: NDArray[np.uint64]
    """Name of the unit: equal for two judges of the same task."""
    item: Ints
    """Row of the item's name."""
    cluster: Ints
    """Mark of `Item.group`: equal for equal names, in every table."""
    category: Ints
    """Code of `Item.category`."""
    gold: Ints
    """Code of the right answer."""
    predicted: Ints
    """Code of the answer, or `NOTHING`."""
    credit: Floats
    """Points, from 0 to 1."""
    positive: Floats
    """Probability of the positive class, NaN if not known."""
    categories: tuple[str, ...] = ("",)
    """Names of the categories, by their codes in `category`."""

    def __len__(self) -> int:
        return len(self.key)

    def take(self, rows: Ints | NDArray[np.bool_]) -> UnitTable:
        """Some of the units."""
        return UnitTable(
            space=self.space,
            verdicts=self.verdicts,
            key=self.key[rows],
            item=self.item[rows],
            cluster=self.cluster[rows],
            category=self.category[rows],
            gold=self.gold[rows],
            predicted=self.predicted[rows],
            credit=self.credit[rows],
            positive=self.positive[rows],
            categories=self.categories,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class CellTable:
    """One cell: one judge's answers on one task, by the task's protocol."""

    protocol: Protocol
    """The rules by which answers became units."""
    units: UnitTable
    """Every unit, in every state."""
    with_random_guess: UnitTable
    """The same units. If the protocol counts a missing answer as the chance of a guess, a seeded one stands for it,
    and a blind judge's probability beside it."""
    state: NDArray[np.uint8]
    """Shape (U,): `ANSWERED`, `MISSING`, `ERROR`, `OUTSIDE` or `DRAWN`."""
    worst: Ints
    """Shape (U,): code of the answer farthest from the gold."""
    confidence: Floats
    """Shape (U,): probability that the judge gave to its own verdict, the mean where several answers made it. NaN if
    there is no verdict, or an answer has no probabilities."""
    items: PackedIds
    """Ids of the items."""
    groups: int
    """Distinct clusters among the items."""
    requests: RequestCounts
    """Counts over requests."""
    swap: SuccessCounts
    """Items answered in each of several orders: do the canonical verdicts agree?"""
    first: SuccessCounts
    """Decided preferences: do they name the first place shown?"""
    repeat: SuccessCounts
    """Pairs of samples, of one order or of reshuffled ones: do the canonical verdicts agree?"""
    repeats: Repeats
    """Questions that were put more than once, and what their answers are worth."""
    people: People | None = None
    """Verdicts of several people on the items. `None` if there are none."""
    criteria: Mapping[str, CellTable] = field(default_factory=dict)
    """Of a rubric the answers to each criterion by themselves, as a cell of its own. They share their requests, so a
    criterion has the coverage of the whole. It has the items that ask for it."""

    def of(self, metric: str) -> CellTable:
        """The table that a metric is of: this one, or that of the criterion that its name holds.

        Raises:
            UserError: There is no such criterion.
        """
        criterion = Protocol.criterion_of(metric)
        if not criterion:
            return self
        if criterion not in self.criteria:
            known = f"there are {', '.join(self.criteria)}" if self.criteria else "its answers have no criteria"
            raise UserError(f"metric {metric}: there is no criterion {criterion!r}; {known}")
        return self.criteria[criterion]

    @cached_property
    def without_answer(self) -> NDArray[np.bool_]:
        """Shape (U,): which units have no answer, errors among them."""
        lost: NDArray[np.bool_] = self.state != ANSWERED
        return lost

    def missing(self, basis: Basis) -> NDArray[np.bool_]:
        """Shape (U,): which units have no answer, or none that a metric of this basis can read."""
        if basis != "probabilities":
            return self.without_answer
        missing: NDArray[np.bool_] = self.without_answer | np.isnan(self.units.positive)
        return missing

    @cached_property
    def has_probabilities(self) -> bool:
        """Whether any answer has a probability of the positive class."""
        return bool(np.isfinite(self.units.positive[self.state == ANSWERED]).any())

    def view(
        self,
        which: Which = "value",
        *,
        with_random_guess: bool = False,
        basis: Basis = "",
    ) -> UnitTable:
        """The units that count.

        Args:
            which: `value`: as the protocol says, errors left out. `excluded`: only those with an answer. `worst`: all,
                and those without an answer, errors included, are as wrong as can be. `best`: all, and these are right.
            with_random_guess: If the protocol says `chance` or `share`, a seeded guess stands for a missing answer,
                and not the chance of a guess. For metrics that do not average credit.
            basis: `probabilities`: without the answers that have none, which are missing to `worst` and `best`. A
                missing answer that counts as wrong keeps its place, without a verdict. `verdicts`: no unit has a
                probability.
        """
        # The worst and the best case are those of the metric, so an answer that it cannot read is missing to them.
        lost = self.missing(basis) if which in ("worst", "best") else self.without_answer
        # Only the value counts guesses. The worst case replaces them, and the excluded one has none.
        units = self.with_random_guess if with_random_guess and which == "value" else self.units
        kept = np.ones(len(lost), dtype=np.bool_)
        if which in ("worst", "best") and lost.any():
            # A metric of probabilities puts a unit without a verdict at the wrong end of its ranking by itself.
            filled = units.gold if which == "best" else NOTHING if basis == "probabilities" else self.worst
            units = replace(
                units,
                predicted=np.where(lost, filled, units.predicted),
                credit=np.where(lost, float(which == "best"), units.credit),
                positive=np.where(lost, np.nan, units.positive),
            )
        elif which == "excluded":
            kept = ~lost
        elif lost.any():
            policies = self.protocol.policies
            # All other policies keep the unit. What it is worth is in its credit already.
            left_out = [ERROR, *(state for state, name in POLICIES.items() if policies[name] == "exclude")]
            kept = ~np.isin(self.state, left_out)
        if basis == "probabilities":
            # Answers without a probability leave. Missing ones stay: the metric ranks them last.
            kept &= lost | ~np.isnan(units.positive)
        elif basis == "verdicts":
            units = replace(units, positive=np.full(len(units), np.nan))
        return units if kept.all() else units.take(kept)  # no column is copied without need

"""Judges on the same units: who met whom on what, and the value of each with every cluster left out in turn.

One judge's value is computed once and serves all its pairs. Not for deciding anything: that is
`harness.score.significance`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from harness.api import DataError, Metric
from harness.score.cell import basis_of, check_protocol, jackknife_metric
from harness.score.jackknife import Jackknife, mean_of
from harness.score.metrics import averages_credit
from harness.score.pairs import Gap, gap
from harness.score.table import Basis, CellTable, UnitTable, Which


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Meeting:
    """Two judges on the units that both have, counted in one way."""

    views: tuple[tuple[UnitTable, UnitTable], ...]
    """For each task: the units with the answers of one, and the same units with the answers of the other."""
    of_a: Jackknife | None
    """The value of the one. `None` if it is not defined."""
    of_b: Jackknife | None
    """The value of the other."""

    @property
    def gap(self) -> Gap | None:
        """Their difference. `None` if it is not defined."""
        return None if self.of_a is None or self.of_b is None else gap(self.of_a, self.of_b)


class Round:
    """The judges of one task."""

    def __init__(self, tables: Mapping[str, CellTable], metric: Metric, *, name: str) -> None:
        """Take in one task.

        Args:
            tables: Its cells, by judge.
            metric: What is compared.
            name: Name of the metric, with its own average where it has one.

        Raises:
            DataError: The cells have different protocols.
            UserError: The metric does not fit the protocol.
        """
        # A metric of one criterion of a rubric has a table of its own.
        tables = {judge: table.of(name) for judge, table in tables.items()}
        self.tables, self.metric, self.name = tables, metric, name
        self.with_random_guess = not averages_credit(metric)
        # With k judges each value is needed in k - 1 pairs. It is computed once.
        self._known: dict[tuple[str, Which, Basis], tuple[UnitTable, Jackknife | None]] = {}
        first = next(iter(tables), "")
        for judge, table in tables.items():
            if table.protocol != tables[first].protocol:
                raise DataError(f"{first} and {judge}: scored by different protocols; score both by one")
            check_protocol(table, metric, name=name)

    @property
    def is_mean(self) -> bool:
        """Whether the metric is a mean over units, of which the worst and the best case are plain."""
        return averages_credit(self.metric) or hasattr(self.metric, "values")

    def basis(self, judges: Collection[str]) -> Basis:
        """The basis of the metric for these judges."""
        return basis_of(self.metric, *(self.tables[judge] for judge in judges))

    def own(self, judge: str, which: Which = "value", basis: Basis = "") -> tuple[UnitTable, Jackknife | None]:
        """The units of one judge, and its value."""
        if (judge, which, basis) not in self._known:
            view = self.tables[judge].view(which, with_random_guess=self.with_random_guess, basis=basis)
            self._known[judge, which, basis] = view, self._jackknife(view)
        return self._known[judge, which, basis]

    def meet(self, a: str, b: str, which: Which = "value") -> Meeting:
        """Two judges on the units that count for both."""
        basis, tables = self.basis((a, b)), (self.tables[a], self.tables[b])
        views = match_units(*tables, names=(a, b), which=which, with_random_guess=self.with_random_guess, basis=basis)
        values = []
        for judge, view in zip((a, b), views, strict=True):
            own_view, own = self.own(judge, which, basis)
            # The shared units are all of the judge's own: its value is known already.
            values.append(own if len(own_view) == len(view) else self._jackknife(view))
        return Meeting(views=(views,), of_a=values[0], of_b=values[1])

    def _jackknife(self, view: UnitTable) -> Jackknife | None:
        protocol = next(iter(self.tables.values())).protocol
        return jackknife_metric(
            self.metric,
            view,
            name=self.name,
            average=protocol.average_of(self.name),
            weights=protocol.weights,
            paired=True,
        )


class Contest:
    """The judges of one task, or of several tasks over which their values are averaged."""

    def __init__(self, rounds: Sequence[Round]) -> None:
        """Take in the tasks, at least one, all by the same metric."""
        self.rounds = rounds

    def own(self, judge: str, which: Which = "value", *, rivals: Collection[str] = ()) -> Jackknife | None:
        """The value of one judge, made of what all rivals have."""
        return _mean([each.own(judge, which, each.basis([judge, *rivals]))[1] for each in self.rounds])

    def meet(self, a: str, b: str, which: Which = "value") -> Meeting:
        """Two judges on the units that count for both."""
        met = [each.meet(a, b, which) for each in self.rounds]
        return Meeting(
            views=tuple(pair for each in met for pair in each.views),
            of_a=_mean([each.of_a for each in met]),
            of_b=_mean([each.of_b for each in met]),
        )

    def complete(self, *judges: str) -> bool:
        """Whether these judges have an answer to every unit, one that the metric can read."""
        return not any(each.tables[judge].missing(each.basis(judges)).any() for each in self.rounds for judge in judges)

    def basis(self, a: str, b: str) -> Basis:
        """The basis of the metric for two judges, by the first task."""
        return self.rounds[0].basis((a, b))

    def extremes(self, a: str, b: str) -> tuple[Gap, Gap] | None:
        """The least and the greatest difference that any missing answers allow (Horowitz and Manski 2000).

        Returns:
            `None` if the metric is no mean over units, or one judge was asked what the other was not.
        """
        if not all(each.is_mean and each.basis((a, b)) != "probabilities" for each in self.rounds):
            return None
        worst_a, best_a, worst_b, best_b = (self.own(judge, which) for judge in (a, b) for which in ("worst", "best"))
        if worst_a is None or best_a is None or worst_b is None or best_b is None:
            return None
        # A judge that was asked less, as with `--limit`, has unknown answers to questions that this bound knows
        # nothing of.
        if not np.array_equal(worst_a.clusters, worst_b.clusters):
            return None
        low, high = sorted((gap(worst_a, best_b), gap(best_a, worst_b)), key=lambda end: end.difference)
        return low, high


def _mean(values: Sequence[Jackknife | None]) -> Jackknife | None:
    known = [value for value in values if value is not None]
    # A mean over fewer tasks would be of another difficulty than that of the judge beside it.
    return mean_of(known) if known and len(known) == len(values) else None


def match_units(
    a: CellTable,
    b: CellTable,
    *,
    names: tuple[str, str] = ("a", "b"),
    which: Which = "value",
    with_random_guess: bool = False,
    basis: Basis = "",
) -> tuple[UnitTable, UnitTable]:
    """The units that count for both, in the same order, with the same codes of verdicts, clusters and categories.

    Args:
        a: One cell.
        b: Another judge's cell of the same task.
        names: Names of the judges, for messages.
        which: As for `CellTable.view`.
        with_random_guess: As for `CellTable.view`.
        basis: As for `CellTable.view`.

    Raises:
        DataError: The two do not agree on the gold of a unit.
    """
    view_a, view_b = (table.view(which, with_random_guess=with_random_guess, basis=basis) for table in (a, b))
    _, rows_a, rows_b = np.intersect1d(view_a.key, view_b.key, assume_unique=True, return_indices=True)
    rows_b = rows_b[np.argsort(rows_a, kind="stable")]  # as in `a`: the order of the data
    view_a, view_b = view_a.take(np.sort(rows_a)), view_b.take(rows_b)
    verdicts = tuple(dict.fromkeys((*view_a.verdicts, *view_b.verdicts)))
    code = {verdict: k for k, verdict in enumerate(verdicts)}
    recoded = np.array([code[verdict] for verdict in view_b.verdicts] + [-1], dtype=np.int64)  # NOTHING is the last
    gold = recoded[view_b.gold]
    if (gold != view_a.gold).any():
        unit = int(np.flatnonzero(gold != view_a.gold)[0])
        raise DataError(
            f"{names[0]} and {names[1]}: item {a.items[int(view_a.item[unit])]!r} has two different golds; "
            "the two cells are not of the same data"
        )
    view_a = replace(view_a, verdicts=verdicts)
    # The names of clusters and categories come from `a`, so that codes mean the same in both.
    view_b = replace(
        view_b,
        space=view_a.space,
        verdicts=verdicts,
        gold=gold,
        predicted=recoded[view_b.predicted],
        cluster=view_a.cluster,
        category=view_a.category,
        categories=view_a.categories,
    )
    return view_a, view_b


def disagreements(a: CellTable, b: CellTable) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """The items on which two judges differ, each once, in the order of the data.

    Returns:
        Ids of the items that got more credit from `a`; more from `b`; and equal credit for different verdicts. An item
        with several units is in each list that one of its units belongs to.
    """
    view_a, view_b = match_units(a, b)
    gap = view_a.credit - view_b.credit
    other = (gap == 0) & (view_a.predicted != view_b.predicted)
    kinds = (gap > 0, gap < 0, other)
    first, second, third = (tuple(a.items[row] for row in np.unique(view_a.item[kind]).tolist()) for kind in kinds)
    return first, second, third

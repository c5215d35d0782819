"""From units that count to a bootstrap of a metric of them, under the protocol's average.

Not for metrics and not for drawing: it collapses units to distinct types and puts metric and patterns together.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.api import Metric, Units, UserError
from harness.score.intervals import Bootstrap, Statistic, collapse, divide
from harness.score.metrics import COLUMNS, bind
from harness.score.table import NOTHING, Floats, Ints, View


def bootstrap_of(metric: Metric, views: Sequence[View], *, name: str, average: str) -> Bootstrap:
    """The bootstrap of one metric of one view, or of several views of the same units at once.

    Args:
        metric: What to compute.
        views: Each with the same keys, clusters and categories, in the same order; at least one unit.
        name: Name of the metric, for messages.
        average: `Protocol.average`.

    Returns:
        A bootstrap whose statistic has shape (B, S), a column for each view.

    Raises:
        UserError: The metric is not defined for the answer space, or has no average over groups.
    """
    answers = getattr(metric, "answers", None)
    if answers is not None and views[0].space.kind not in answers:
        raise UserError(
            f"metric {name}: not defined for {views[0].space.kind} answers, only for {', '.join(sorted(answers))}; "
            "take it out of the task's protocol: metrics"
        )
    if average == "group":
        return _over_groups(metric, views, name=name)
    uses = getattr(metric, "uses", COLUMNS)
    columns = [_column(view, column) for column in _ordered(uses) for view in views]
    if average == "category":
        columns.insert(0, views[0].category)
    first, types = distinct(columns)
    sides = [_units(view, first) for view in views]
    if average == "category":
        statistic = _over_categories(metric, sides, views[0].category[first])
    else:
        statistic = _stacked([bind(metric, units) for units in sides])
    limits = [limit for units in sides if (limit := _limit(metric, units)) is not None]
    return Bootstrap(
        patterns=collapse(views[0].cluster, types, len(first)),
        statistic=statistic,
        limit=min(limits, default=None),
    )


def distinct(columns: Sequence[Ints]) -> tuple[Ints, Ints]:
    """Distinct rows of some columns of codes, sorted by the first column, then the next, and so on.

    Returns:
        The first row of each distinct kind, shape (T,), and the kind of each row, shape (U,).
    """
    types = np.zeros(len(columns[0]), dtype=np.int64)
    first = np.zeros(min(1, len(types)), dtype=np.int64)
    for column in columns:
        width = int(column.max(initial=0)) - int(column.min(initial=0)) + 1
        joint = types * width + (column - column.min(initial=0))
        _, first, types = np.unique(joint, return_index=True, return_inverse=True)
    return first.astype(np.int64), types.astype(np.int64)


def _ordered(uses: Sequence[str]) -> list[str]:
    """Probabilities first: a metric that sorts by them then finds its units sorted."""
    return sorted(uses, key=lambda column: (column != "positive", COLUMNS.index(column)))


def _column(view: View, name: str) -> Ints:
    if name == "gold":
        return view.gold
    if name == "predicted":
        return view.predicted
    values = view.credit if name == "credit" else view.positive
    codes: Ints = np.unique(values, return_inverse=True)[1].astype(np.int64)
    return codes


def _units(view: View, rows: Ints) -> Units:
    verdicts = view.verdicts
    return Units(
        space=view.space,
        gold=tuple(verdicts[code] for code in view.gold[rows].tolist()),
        predicted=tuple(None if code == NOTHING else verdicts[code] for code in view.predicted[rows].tolist()),
        credit=view.credit[rows],
        positive=view.positive[rows],
    )


def _limit(metric: Metric, units: Units) -> int | None:
    limit = getattr(metric, "limit", None)
    return None if limit is None else limit(units)


def _stacked(bound: Sequence[Statistic]) -> Statistic:
    return lambda weights: np.stack([one(weights) for one in bound], axis=1)


def _over_categories(metric: Metric, sides: Sequence[Units], category: Ints) -> Statistic:
    """The plain mean over the categories that a resample holds; NaN where one of them has no value."""
    slices, bound = [], []
    for code in np.unique(category):
        rows = np.flatnonzero(category == code)
        slices.append(slice(int(rows[0]), int(rows[-1]) + 1))  # types are sorted by category
        bound.append(_stacked([bind(metric, _part(units, slices[-1])) for units in sides]))

    def value(weights: Floats) -> Floats:
        total, present = np.zeros((len(weights), len(sides))), np.zeros((len(weights), 1))
        for rows, one in zip(slices, bound, strict=True):
            here = weights[:, rows].sum(axis=1, keepdims=True) > 0
            total += np.where(here, one(weights[:, rows]), 0)
            present += here
        return divide(total, present)

    return value


def _part(units: Units, rows: slice) -> Units:
    return Units(
        space=units.space,
        gold=units.gold[rows],
        predicted=units.predicted[rows],
        credit=units.credit[rows],
        positive=units.positive[rows],
    )


def _over_groups(metric: Metric, views: Sequence[View], *, name: str) -> Bootstrap:
    """The plain mean over groups of the mean within each: the group is the cluster, so each draw counts once."""
    values = getattr(metric, "values", None)
    if values is None:
        raise UserError(
            f"metric {name}: average: group needs a metric that is a plain mean over answers, such as accuracy; "
            "use average: micro or average: category for it"
        )
    _, groups = np.unique(views[0].cluster, return_inverse=True)
    sizes = np.bincount(groups)
    means = []
    for view in views:
        first, types = distinct([_column(view, column) for column in _ordered(getattr(metric, "uses", COLUMNS))])
        means.append(np.bincount(groups, weights=values(_units(view, first))[types]) / sizes)
    rows, types = np.unique(np.stack(means, axis=1), axis=0, return_inverse=True)
    patterns = collapse(np.arange(len(sizes)), types.reshape(-1).astype(np.int64), len(rows))
    return Bootstrap(
        patterns=patterns, statistic=lambda weights: divide(weights @ rows, weights.sum(axis=1, keepdims=True))
    )

"""From units that count to a bootstrap of a metric of them, under the protocol's average.

Not for metrics and not for drawing: it collapses units to distinct types and puts metric and patterns together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.api import Metric, Units, UserError
from harness.score.intervals import Bootstrap, Statistic, collapse, divide
from harness.score.metrics import COLUMNS, bind
from harness.score.table import NOTHING, Floats, Ints, View


def bootstrap_of(
    metric: Metric, views: Sequence[View], *, name: str, average: str, weights: Mapping[str, float] | None = None
) -> Bootstrap:
    """The bootstrap of one metric of one view, or of several views of the same units at once.

    Args:
        metric: What to compute.
        views: Each with the same keys, clusters and categories, in the same order; at least one unit.
        name: Name of the metric, for messages.
        average: `Protocol.average_of` the metric.
        weights: `Protocol.weights`; by default every category weighs the same.

    Returns:
        A bootstrap whose statistic has shape (B, S), a column for each view.

    Raises:
        UserError: The metric is not defined for the answer space, or only within groups.
    """
    answers = getattr(metric, "answers", None)
    if answers is not None and views[0].space.kind not in answers:
        raise UserError(
            f"metric {name}: not defined for {views[0].space.kind} answers, only for {', '.join(sorted(answers))}; "
            "take it out of the task's protocol: metrics"
        )
    if average == "group":
        return _over_groups(metric, views)
    if getattr(metric, "of_groups", False):
        raise UserError(f"metric {name}: is of one group of items; write {name.partition('@')[0]}@group in metrics")
    uses = getattr(metric, "uses", COLUMNS)
    columns = [_column(view, column) for column in _ordered(uses) for view in views]
    if average == "category":
        columns.insert(0, views[0].category)
    first, types = distinct(columns)
    sides = [_units(view, first) for view in views]
    if average == "category":
        codes, names = views[0].category[first], views[0].categories
        statistic = _over_categories(metric, sides, codes, names=names, weigh=weights or {})
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


def _over_categories(
    metric: Metric, sides: Sequence[Units], category: Ints, *, names: Sequence[str], weigh: Mapping[str, float]
) -> Statistic:
    """The weighted mean over the categories that a resample holds; NaN where one of them has no value.

    What stands before a slash in a name is one category to whatever is beside it: the mean of its parts.
    """
    slices, bound, paths = [], [], []
    for code in np.unique(category):
        rows = np.flatnonzero(category == code)
        slices.append(slice(int(rows[0]), int(rows[-1]) + 1))  # types are sorted by category
        bound.append(_stacked([bind(metric, _part(units, slices[-1])) for units in sides]))
        paths.append(tuple(names[code].split("/")))

    def value(weights: Floats) -> Floats:
        parts = [
            _Category(path, one(weights[:, rows]), weights[:, rows].sum(axis=1, keepdims=True) > 0)
            for path, rows, one in zip(paths, slices, bound, strict=True)
        ]
        return _mean_of_parts(parts, weigh, depth=0)[0]

    return value


class _Category(NamedTuple):
    """The values of one category, shape (B, S), and whether a resample holds any of it, shape (B, 1)."""

    path: tuple[str, ...]
    values: Floats
    here: NDArray[np.bool_]


def _mean_of_parts(
    parts: Sequence[_Category], weigh: Mapping[str, float], *, depth: int
) -> tuple[Floats, NDArray[np.bool_]]:
    """The mean over parts with `depth` steps of their paths in common, and whether a resample holds any."""
    by_step: dict[tuple[str, ...], list[_Category]] = {}
    for part in parts:
        by_step.setdefault(part.path[depth : depth + 1], []).append(part)
    total, present = np.zeros(parts[0].values.shape), np.zeros(parts[0].here.shape)
    for step, same in by_step.items():
        values, here = _mean_of_parts(same, weigh, depth=depth + 1) if step else same[0][1:]
        weight = weigh.get("/".join(same[0].path[: depth + 1]), 1.0) if step else 1.0
        total += np.where(here, weight * values, 0)
        present += weight * here
    return divide(total, present), present > 0


def _part(units: Units, rows: slice) -> Units:
    return Units(
        space=units.space,
        gold=units.gold[rows],
        predicted=units.predicted[rows],
        credit=units.credit[rows],
        positive=units.positive[rows],
    )


def _over_groups(metric: Metric, views: Sequence[View]) -> Bootstrap:
    """The plain mean over groups of the metric within each: the group is the cluster, so each draw counts once.

    A group in which the metric is not defined leaves the mean.
    """
    _, groups = np.unique(views[0].cluster, return_inverse=True)
    found = np.stack([_within_groups(metric, view, groups) for view in views], axis=1)
    defined = ~np.isnan(found)
    both = np.concatenate([np.where(defined, found, 0), defined], axis=1)
    rows, types = np.unique(both, axis=0, return_inverse=True)
    values, counts = (np.ascontiguousarray(half) for half in np.split(rows, 2, axis=1))
    return Bootstrap(
        patterns=collapse(np.arange(len(found)), types.reshape(-1).astype(np.int64), len(rows)),
        statistic=lambda weights: divide(weights @ values, weights @ counts),
    )


def _within_groups(metric: Metric, view: View, groups: Ints) -> Floats:
    """The metric of each group by itself, shape (G,)."""
    first, types = distinct([_column(view, column) for column in _ordered(getattr(metric, "uses", COLUMNS))])
    sizes = np.bincount(groups)
    values = getattr(metric, "values", None)
    if values is not None:
        means: Floats = np.bincount(groups, weights=values(_units(view, first))[types]) / sizes
        return means
    members = types[np.lexsort((types, groups))]
    known: dict[bytes, float] = {}  # by the units of a group: most groups are like many others
    out = np.empty(len(sizes))
    for group, own in enumerate(np.split(members, np.cumsum(sizes)[:-1])):
        mark = own.tobytes()
        if mark not in known:
            kinds, counts = np.unique(own, return_counts=True)
            known[mark] = bind(metric, _units(view, first[kinds]))(counts[None, :].astype(np.float64))[0]
        out[group] = known[mark]
    return out

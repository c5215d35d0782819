"""From units that count to a metric of them, by the protocol's average, ready to leave clusters out.

Not for metrics and not for intervals: it collapses units to distinct types and puts metric and patterns together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from harness.api import Metric, Units, UserError, Verdict
from harness.score.arrays import Floats, Ints
from harness.score.metrics import COLUMNS, OF_GROUPS, bind, bounds_of
from harness.score.patterns import Patterns, Statistic, Without, collapse, divide
from harness.score.pseudo import PseudoUnits, with_pseudo_units
from harness.score.table import NOTHING, UnitTable

BLOCKS = 512
"""Blocks of clusters that are left out one by one where there are too many different clusters. Numbers of blocks are
powers of two, so that those of two judges fit into each other."""
_SCORE, _FINE = 0.1, 0.02  # what a pseudo-cluster weighs for scores; for probabilities, rankings and means of groups
_MOST = 4_000_000  # weights that are worth evaluating to leave out every pattern by itself


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sample:
    """A metric of clustered units, as a function of the weights of T distinct types."""

    statistic: Statistic
    """The metric. Weights are whole numbers wherever the harness calls it."""
    without: Without | None
    """The metric of all weights less some, if it has a quicker way."""
    patterns: Patterns
    """The clusters, or blocks of them."""
    sizes: Floats
    """Shape (K,): units of each real cluster, before any are put into blocks. 1 each where groups are averaged."""
    blocks: int
    """Number of blocks that the clusters were put into by their marks. 0 if each is left out by itself."""
    pseudo: Floats
    """Shape (H, T): weights of the pseudo half-clusters, each row adding up to 1."""
    pseudo_clusters: Floats
    """Shape (H,): how many clusters each stands for."""
    gold_share: Floats
    """Shape (H,): share of the data whose gold is in its class."""
    bounds: tuple[float, float] | None
    """The range of the metric. `None` if it has no end."""
    pseudo_weight: float
    """Weight of a pseudo-cluster: 1 if answers are right or wrong, less for a metric that sees more."""
    coin: sparse.csr_array | None = None
    """Shape (T, T): what two coins answer to a question of each type, one rightly and one wrongly. `None` for a metric
    that is more than right and wrong."""


def sample_of(
    metric: Metric, view: UnitTable, *, name: str, average: str, weights: Mapping[str, float] | None = None
) -> Sample:
    """One metric of one view.

    Args:
        metric: What to compute.
        view: At least one unit.
        name: Name of the metric, for messages.
        average: `Protocol.average_of` the metric.
        weights: `Protocol.weights`. By default every category weighs the same.

    Raises:
        UserError: The metric is not defined for the answer space, or only within groups.
    """
    answers = getattr(metric, "answers", None)
    if answers is not None and view.space.kind not in answers:
        raise UserError(
            f"metric {name}: not defined for {view.space.kind} answers, only for {', '.join(sorted(answers))}; "
            "take it out of the task's protocol: metrics"
        )
    if average in OF_GROUPS:
        return _average_groups(metric, view, by_size=average == "group_size")
    if getattr(metric, "of_groups", False):
        raise UserError(f"metric {name}: is of one group of items; write {name.partition('@')[0]}@group in metrics")
    by_category = average == "category"
    # Pseudo-units come before types are found, because they may be types that no real unit has.
    view, pseudo = with_pseudo_units(sort_verdicts(view), metric, by_category=by_category)
    uses = sort_uses(getattr(metric, "uses", COLUMNS))
    together = stack_units(view, pseudo.view)
    columns = code_columns(together, uses)
    # The category goes first: types are sorted by it, and each category is then one slice of the weights.
    first, types = distinct([together.category, *columns] if by_category else columns)
    units = units_of(together, first)
    if by_category:
        codes = together.category[first]
        statistic = average_categories(metric, units, codes, names=view.categories, weigh=weights or {})
    else:
        statistic = bind(metric, units)
    patterns, blocks = _patterns(view.cluster, types[: len(view)], len(first), limit=_limit_of(metric, units))
    without = getattr(metric, "without", None)
    means = by_category and hasattr(metric, "values")  # each category's mean is over its own units
    # Of several criteria some may be right. A coin would have to be tossed for each.
    of_coins = pseudo_weight_of(view, uses) == 1 and (view.space.kind != "rubric" or uses == ["credit"])
    return Sample(
        statistic=statistic,
        without=None if without is None or by_category else without(units),
        patterns=patterns,
        sizes=np.unique(view.cluster, return_counts=True)[1].astype(np.float64),
        blocks=blocks,
        pseudo=_pseudo_rows(pseudo, types[len(view) :], len(first)),
        pseudo_clusters=pseudo.clusters,
        gold_share=pseudo.gold_share,
        bounds=finite_bounds(metric, view),
        pseudo_weight=pseudo_weight_of(view, uses),
        coin=_coin_answers(pseudo, first, types[len(view) :]) if of_coins or means else None,
    )


def _coin_answers(pseudo: PseudoUnits, first: Ints, types: Ints) -> sparse.csr_array:
    """For each type the right answer and a wrong one to a question of its class."""
    # Half-clusters 2 k and 2 k + 1 are the right and the wrong answer of class k.
    kinds = np.concatenate([pseudo.kind, pseudo.half // 2])[first]
    # Pseudo-units are sorted by half-cluster, so a search finds the first answer of each.
    right, wrong = (types[np.searchsorted(pseudo.half, 2 * kinds + side)] for side in (0, 1))
    rows = np.tile(np.arange(len(first)), 2)
    return sparse.csr_array(
        (np.ones(len(rows)), (rows, np.concatenate([right, wrong]))), shape=(len(first), len(first))
    )


def point_of(
    metric: Metric, view: UnitTable, *, name: str, average: str, weights: Mapping[str, float] | None = None
) -> float:
    """The metric of the view alone. NaN if it is not defined."""
    sample = sample_of(metric, view, name=name, average=average, weights=weights)
    return float(sample.statistic(sample.patterns.total()[None, :])[0])


def _patterns(cluster: Ints, types: Ints, count: int, *, limit: int | None) -> tuple[Patterns, int]:
    """The clusters as patterns, or blocks of clusters where that would be too many evaluations."""
    patterns = collapse(cluster, types, count)
    # A power of two, so that the blocks of a slow metric are unions of those of a quick one.
    most = BLOCKS if limit is None else 2 ** (max(2, min(BLOCKS, limit)).bit_length() - 1)
    if patterns.count <= most or (limit is None and patterns.count * count <= _MOST):
        return patterns, 0
    # Marks are hashes, so the remainder deals clusters out at random, and alike for every judge of the task.
    return collapse(cluster % most, types, count), most


def finite_bounds(metric: Metric, view: UnitTable) -> tuple[float, float] | None:
    """The range of the metric. `None` if it has an open end, or no width."""
    low, high = bounds_of(metric, view.space)
    return (low, high) if np.isfinite([low, high]).all() and low < high else None


def pseudo_weight_of(view: UnitTable, uses: Sequence[str]) -> float:
    """Weight of a pseudo-cluster: less than 1 if answers are more than right or wrong."""
    if view.space.kind == "score":
        return _SCORE
    fine = view.space.kind == "ranking" or ("positive" in uses and bool(np.isfinite(view.positive).any()))
    return _FINE if fine else 1.0


def _pseudo_rows(pseudo: PseudoUnits, types: Ints, count: int) -> Floats:
    rows = np.zeros((len(pseudo.clusters), count))
    np.add.at(rows, (pseudo.half, types), pseudo.part)
    return rows


def distinct(columns: Sequence[Ints]) -> tuple[Ints, Ints]:
    """Distinct rows of some columns of codes, sorted by the first column, then the next, and so on.

    Returns:
        The first row of each distinct kind, shape (T,), and the kind of each row, shape (U,).
    """
    types = np.zeros(len(columns[0]), dtype=np.int64)
    first = np.zeros(min(1, len(types)), dtype=np.int64)
    for column in columns:
        width = int(column.max(initial=0)) - int(column.min(initial=0)) + 1
        # Renumbering after each column keeps the product far below 2^63 for any number of columns.
        joint = types * width + (column - column.min(initial=0))
        _, first, types = np.unique(joint, return_index=True, return_inverse=True)
    return first.astype(np.int64), types.astype(np.int64)


def sort_uses(uses: Sequence[str]) -> list[str]:
    """Probabilities first: a metric that sorts by them then finds its units sorted."""
    return sorted(uses, key=lambda column: (column != "positive", COLUMNS.index(column)))


def code_columns(view: UnitTable, uses: Sequence[str]) -> list[Ints]:
    """The columns that a metric reads, as whole numbers in the order of the values."""
    known = {"gold": view.gold, "predicted": view.predicted}
    return [known[name] if name in known else _ranks(getattr(view, name)) for name in uses]


def _ranks(values: Floats) -> Ints:
    ranks: Ints = np.unique(values, return_inverse=True)[1].astype(np.int64)
    return ranks


def stack_units(view: UnitTable, pseudo: UnitTable) -> UnitTable:
    """All units that types are made of, those of the data first."""
    return replace(
        view,
        category=np.concatenate([view.category, pseudo.category]),
        gold=np.concatenate([view.gold, pseudo.gold]),
        predicted=np.concatenate([view.predicted, pseudo.predicted]),
        credit=np.concatenate([view.credit, pseudo.credit]),
        positive=np.concatenate([view.positive, pseudo.positive]),
    )


def units_of(view: UnitTable, rows: Ints) -> Units:
    """Some rows as a metric sees them, codes turned back into verdicts."""
    verdicts = view.verdicts
    return Units(
        space=view.space,
        gold=tuple(verdicts[code] for code in view.gold[rows].tolist()),
        predicted=tuple(None if code == NOTHING else verdicts[code] for code in view.predicted[rows].tolist()),
        credit=view.credit[rows],
        positive=view.positive[rows],
    )


def sort_verdicts(view: UnitTable) -> UnitTable:
    """The view with codes in the order of the verdicts, whichever came first in the data.

    A cluster of one wrong answer cannot be spread over several classes, and the first of them has it.
    """
    if view.space.kind == "score":
        return view
    # Codes are given as verdicts occur, and two judges of the same data may give theirs in another order.
    order = sorted(range(len(view.verdicts)), key=lambda code: _verdict_order(view.verdicts[code]))
    if order == list(range(len(order))):
        return view
    codes = np.full(len(order) + 1, NOTHING, dtype=np.int64)  # NOTHING is the last place
    codes[order] = np.arange(len(order))
    verdicts = tuple(view.verdicts[code] for code in order)
    return replace(view, verdicts=verdicts, gold=codes[view.gold], predicted=codes[view.predicted])


def _verdict_order(verdict: Verdict) -> tuple[bool, Any]:
    """Sorts candidates before ties, also within an answer to a rubric."""
    if isinstance(verdict, tuple):
        return False, tuple((isinstance(part, str), part) for part in verdict)
    return isinstance(verdict, str), verdict


def _limit_of(metric: Metric, units: Units) -> int | None:
    limit = getattr(metric, "limit", None)
    return None if limit is None else limit(units)


def average_categories(
    metric: Metric, units: Units, category: Ints, *, names: Sequence[str], weigh: Mapping[str, float]
) -> Statistic:
    """The weighted mean over the categories that have a weight. NaN if one of them has no value.

    What stands before a slash in a name is one category, the mean of its parts, beside those without it.
    """
    slices, bound, paths = [], [], []
    for code in np.unique(category):
        rows = np.flatnonzero(category == code)
        slices.append(slice(int(rows[0]), int(rows[-1]) + 1))  # types are sorted by category
        bound.append(bind(metric, _slice_units(units, slices[-1])))
        paths.append(tuple(names[code].split("/")))

    def value(weights: Floats) -> Floats:
        values = [part(weights[:, rows]) for rows, part in zip(slices, bound, strict=True)]
        here = [weights[:, rows].sum(axis=1) > 0 for rows in slices]

        def average(parts: Sequence[int], depth: int) -> tuple[Floats, NDArray[np.bool_]]:
            """The mean over parts with `depth` steps of their paths in common, and whether any has a weight."""
            by_step: dict[tuple[str, ...], list[int]] = {}
            for part in parts:
                by_step.setdefault(paths[part][depth : depth + 1], []).append(part)
            total, present = np.zeros((2, len(weights)))
            for step, same in by_step.items():
                # A path without a further step is a category itself: its name cannot occur twice.
                mean, occurs = average(same, depth + 1) if step else (values[same[0]], here[same[0]])
                weight = weigh.get("/".join(paths[same[0]][: depth + 1]), 1.0) if step else 1.0
                total += np.where(occurs, weight * mean, 0)
                present += weight * occurs
            return divide(total, present), present > 0

        return average(range(len(paths)), 0)[0]

    return value


def _slice_units(units: Units, rows: slice) -> Units:
    return Units(
        space=units.space,
        gold=units.gold[rows],
        predicted=units.predicted[rows],
        credit=units.credit[rows],
        positive=units.positive[rows],
    )


def _average_groups(metric: Metric, view: UnitTable, *, by_size: bool) -> Sample:
    """The mean over groups of the metric within each: the group is the cluster, and counts once, or once a unit.

    A group in which the metric is not defined leaves the mean.
    """
    marks, groups = np.unique(view.cluster, return_inverse=True)
    found = _within_groups(metric, view, groups)
    sizes = np.bincount(groups).astype(np.float64) if by_size else np.ones(len(marks))
    if hasattr(metric, "group_weight"):
        sizes = _within_groups(_GroupWeight(metric), view, groups)
    bounds = finite_bounds(metric, view)
    known = found[~np.isnan(found)]
    # A metric without a range gets the ends that it reached: pseudo-groups need some value to stand at.
    ends = np.array(bounds if bounds is not None else (known.min(initial=0.0), known.max(initial=0.0)))
    # Groups of equal value are one type. A group without a value is a type that counts for nothing.
    # The pseudo-groups are of average size.
    count = np.r_[np.where(np.isnan(found), 0, sizes), [sizes.mean()] * 2]
    both = np.stack([np.r_[np.nan_to_num(found), ends] * count, count], axis=1)
    rows, types = np.unique(both, axis=0, return_inverse=True)
    types = types.reshape(-1).astype(np.int64)
    values, counts = (np.ascontiguousarray(half) for half in rows.T)
    pseudo = np.zeros((2, len(rows)))
    pseudo[[0, 1], types[-2:]] = 1
    patterns, blocks = _patterns(marks, types[:-2], len(rows), limit=None)
    return Sample(
        statistic=lambda weights: divide(weights @ values, weights @ counts),
        without=None,
        patterns=patterns,
        sizes=np.ones(len(marks)),
        blocks=blocks,
        pseudo=pseudo,
        pseudo_clusters=np.ones(2),
        gold_share=np.ones(2),
        bounds=bounds,
        pseudo_weight=_FINE if np.setdiff1d(known, ends).size else 1.0,
    )


class _GroupWeight:
    """What each group counts, where a metric of groups says so itself."""

    def __init__(self, metric: Any) -> None:
        self.uses, self.prepare = getattr(metric, "uses", COLUMNS), metric.group_weight

    def __call__(self, units: Units, weights: Floats) -> Floats:
        """The weight of the group for each row of weights."""
        return cast("Floats", self.prepare(units)(weights))


def _within_groups(metric: Metric, view: UnitTable, groups: Ints) -> Floats:
    """The metric of each group by itself, shape (G,)."""
    uses = sort_uses(getattr(metric, "uses", COLUMNS))
    first, types = distinct(code_columns(view, uses))
    if hasattr(metric, "fit"):
        metric = metric.fit(units_of(view, first))
    sizes = np.bincount(groups)
    values = getattr(metric, "values", None)
    if values is not None:
        means: Floats = np.bincount(groups, weights=values(units_of(view, first))[types]) / sizes
        return means
    # Sorted within each group, so that equal groups have equal bytes.
    members = types[np.lexsort((types, groups))]
    known: dict[bytes, float] = {}  # by the units of a group: most groups are like many others
    out = np.empty(len(sizes))
    for group, own in enumerate(np.split(members, np.cumsum(sizes)[:-1])):
        mark = own.tobytes()
        if mark not in known:
            kinds, counts = np.unique(own, return_counts=True)
            known[mark] = bind(metric, units_of(view, first[kinds]))(counts[None, :].astype(np.float64))[0]
        out[group] = known[mark]
    return out

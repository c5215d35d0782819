"""The human ceiling: how well a person scores against the other people, and the judge against the same.

Agreement among people as such is `harness.score.alpha`. Whether the judge may stand in for one of them is
`harness.score.alt_test`. Both are put beside the ceiling here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import lcm

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from harness.api import Metric
from harness.score.alpha import distance_of, krippendorff, pairable_ratings
from harness.score.alt_test import alt_test
from harness.score.annotations import Lines
from harness.score.arrays import Floats, Ints
from harness.score.intervals import interval, normal_quantile
from harness.score.jackknife import Jackknife, jackknife
from harness.score.metrics import COLUMNS, OF_GROUPS, MeanMetric, averages_credit, bind
from harness.score.pairs import gap
from harness.score.patterns import Patterns, Statistic, Without, divide
from harness.score.pseudo import with_pseudo_units
from harness.score.records import Ceiling, MetricCeiling
from harness.score.sample import (
    BLOCKS,
    Sample,
    average_categories,
    code_columns,
    distinct,
    finite_bounds,
    pseudo_weight_of,
    sort_uses,
    sort_verdicts,
    stack_units,
    units_of,
)
from harness.score.table import CellTable, UnitTable

_OWN_BLOCK = 30  # items from which an annotator's metric is taken alone. Those with fewer are taken together
_MOST_WEIGHT = 840  # of a line; so many parts of an item are told apart exactly, more by rounding
_MOST_CELLS = 4_000_000  # of the matrix clusters x types. Beyond, clusters are put into blocks first


def human_ceiling(table: CellTable, metrics: Mapping[str, Metric], *, confidence: float = 0.95) -> Ceiling | None:
    """Everything about people for one cell. `None` if no item has the verdicts of two people.

    Args:
        table: The cell.
        metrics: By name. Each has a ceiling of its own.
        confidence: Of the intervals, and 1 - the false discovery rate of the test.
    """
    people = table.people
    if people is None:
        return None
    # One verdict an item is no agreement to measure: most data sets have just the gold.
    ratings, space = pairable_ratings(people.ratings), table.units.space
    if not len(ratings.item):
        return None
    alpha = krippendorff(people, space, confidence=confidence)
    return Ceiling(
        annotators=len(np.unique(ratings.annotator)),
        items=len(np.unique(ratings.item)),
        annotations=len(ratings.item),
        alpha=alpha.value,
        alpha_low=alpha.low,
        alpha_high=alpha.high,
        distance=distance_of(space),
        metrics=tuple(ceiling_of(table, metric, name=name, confidence=confidence) for name, metric in metrics.items()),
        alt_test=alt_test(
            people.duels,
            people.annotators,
            item=table.units.item,
            cluster=table.units.cluster,
            epsilon=table.protocol.alt_test_epsilon,
            confidence=confidence,
        ),
    )


def ceiling_of(table: CellTable, metric: Metric, *, name: str, confidence: float = 0.95) -> MetricCeiling:
    """The leave-one-annotator-out value of a metric, and the judge's on the very same golds.

    Each annotator in turn is scored against the consensus of the others (`harness.score.people.consensus`), by the
    metric and the protocol of the judge. Each item weighs the same, however many people said something. A metric that
    is no plain mean is taken within each annotator, and averaged over annotators by what they did. Those with fewer
    than 30 items are taken together as if they were one.

    The intervals are those of every metric, by the delete-one-cluster jackknife, and that of the difference is that of
    two judges on the same clusters (`harness.score.intervals`, `harness.score.pairs`).

    Args:
        table: The cell, with people.
        metric: What to compute.
        name: Its name, with its own average where it has one.
        confidence: Of the intervals.
    """
    table = table.of(name)
    if table.people is None:
        return MetricCeiling(metric=name, n=0, reason="no item with this criterion has verdicts of people")
    if reason := _reason_against(table, metric, name):
        return MetricCeiling(metric=name, n=0, reason=reason)
    lines = table.people.lines
    if not len(lines.unit):
        return MetricCeiling(metric=name, n=0, reason="no unit that counts has the verdicts of two people")
    gold = _consensus_units(table, lines, lines.person, lines.person_credit)
    # People always answer. Only the judge's column knows guesses, where the protocol counts missing answers so.
    guesses = not averages_credit(metric)
    said, points = (lines.guess, lines.guess_credit) if guesses else (lines.judge, lines.judge_credit)
    judged = _consensus_units(table, lines, said, points)
    block, weight = _blocks(lines, mean=isinstance(metric, MeanMetric)), _weights(lines)
    average, weights = table.protocol.average_of(name), table.protocol.weights

    def jackknife_lines(view: UnitTable, rows: NDArray[np.bool_]) -> Jackknife | None:
        if not rows.any():
            return None
        by_category = average == "category"
        sample = _sample(metric, view.take(rows), block[rows], weight[rows], by_category=by_category, weights=weights)
        return jackknife(sample, np.unique(view.cluster[rows]))

    people = jackknife_lines(gold, np.ones_like(lines.kept))
    judge = jackknife_lines(judged, lines.kept)
    # The difference is taken on the same lines, also where the protocol leaves out some of the judge's.
    beside = people if lines.kept.all() else jackknife_lines(gold, lines.kept)
    value, low, high = _value_and_ends(people, confidence=confidence)
    own, own_low, own_high = _value_and_ends(judge, confidence=confidence)
    difference, gap_low, gap_high = _difference(judge, beside, confidence=confidence)
    return MetricCeiling(
        metric=name,
        n=len(np.unique(lines.unit)),
        value=value,
        ci_low=low,
        ci_high=high,
        judge=own,
        judge_low=own_low,
        judge_high=own_high,
        difference=difference,
        difference_low=gap_low,
        difference_high=gap_high,
    )


def _reason_against(table: CellTable, metric: Metric, name: str) -> str:
    """The reason why a metric has no ceiling; empty if it has one."""
    uses = getattr(metric, "uses", ())
    if "positive" in uses:
        return "reads probabilities, and people give none"
    if table.protocol.average_of(name) in OF_GROUPS or getattr(metric, "of_groups", False):
        return "is taken within groups of items"
    if table.units.space.kind == "score" and "credit" in uses:
        return "asks for the very score, and the consensus of people is a mean"
    return ""


def _value_and_ends(
    jackknifed: Jackknife | None, *, confidence: float
) -> tuple[float | None, float | None, float | None]:
    """Value and ends of its interval. No interval with a single cluster."""
    if jackknifed is None:
        return None, None, None
    # One cluster has no other to vary against, so there is no interval and not one of width 0.
    ends = interval(jackknifed, confidence=confidence) if len(jackknifed.design_clusters) > 1 else None
    return (jackknifed.value, *(ends or (None, None)))


def _difference(
    judge: Jackknife | None, people: Jackknife | None, *, confidence: float
) -> tuple[float | None, float | None, float | None]:
    """Judge less people on the same lines, and the ends of its interval."""
    if judge is None or people is None:
        return None, None, None
    between = gap(judge, people)
    return (between.difference, *(between.interval(normal_quantile(confidence)) or (None, None)))


def _consensus_units(table: CellTable, lines: Lines, said: Ints, credit: Floats) -> UnitTable:
    """The lines as units, with the consensus of the others as gold."""
    assert table.people is not None
    units = table.units
    return UnitTable(
        space=units.space,
        verdicts=table.people.verdicts,
        key=units.key[lines.unit],
        item=units.item[lines.unit],
        cluster=units.cluster[lines.unit],
        category=units.category[lines.unit],
        gold=lines.gold,
        predicted=said,
        credit=credit,
        positive=np.full(len(said), np.nan),
        categories=units.categories,
    )


def _weights(lines: Lines) -> Floats:
    """Whole numbers in the proportion of one over `parts`, since a third-party metric may take no others."""
    # 840 is the least common multiple of 1 to 8: the usual numbers of annotators are exact.
    whole = min(lcm(*np.unique(lines.parts).tolist()), _MOST_WEIGHT)
    weights: Floats = np.maximum(np.rint(whole / lines.parts), 1)
    return weights


def _blocks(lines: Lines, *, mean: bool) -> Ints:
    """Code of lines that are taken together: all for a plain mean, else those of an annotator with enough items."""
    if mean:
        return np.zeros_like(lines.unit)
    seen = np.unique(np.stack([lines.annotator, lines.unit]), axis=1)[0]
    # A correlation or an F1 of a handful of items is mostly noise, and its mean over annotators is biased.
    few = np.bincount(seen)[lines.annotator] < _OWN_BLOCK
    return np.where(few, 0, lines.annotator + 1)


def _sample(
    metric: Metric, view: UnitTable, block: Ints, weight: Floats, *, by_category: bool, weights: Mapping[str, float]
) -> Sample:
    """A metric of weighted lines, taken within each block and averaged over blocks by their weight."""
    view, pseudo = with_pseudo_units(sort_verdicts(view), metric, by_category=by_category)
    known, place = np.unique(block, return_inverse=True)
    shares = np.bincount(place, weights=weight) / weight.sum()
    if len(known) > 1 and view.space.kind != "score":
        weight = weight * 4 * len(known)  # so that pseudo-clusters can be spread over blocks in whole numbers
    # Each block has the pseudo-units of its own: a metric is taken within it, and would not see those of another.
    copies = np.tile(np.arange(len(pseudo.view)), len(known))
    uses = sort_uses(getattr(metric, "uses", COLUMNS))
    together = stack_units(view, pseudo.view.take(copies))
    codes = np.concatenate([block, np.repeat(known, len(pseudo.view))])
    columns = [codes, *([together.category] if by_category else []), *code_columns(together, uses)]
    first, types = distinct(columns)
    bound: list[tuple[slice, Statistic]] = []
    leave: list[tuple[slice, Without]] = []
    for code in known.tolist():
        rows = np.flatnonzero(codes[first] == code)  # types are sorted by block
        units = units_of(together, first[rows])
        category, names = together.category[first[rows]], view.categories
        within = average_categories(metric, units, category, names=names, weigh=weights) if by_category else None
        bound.append((slice(int(rows[0]), int(rows[-1]) + 1), within or bind(metric, units)))
        quicker = getattr(metric, "without", None)
        if within is None and quicker is not None and (leaves := quicker(units)) is not None:
            leave.append((bound[-1][0], leaves))
    halves = np.zeros((len(pseudo.clusters), len(first)))
    # By the weight of the block, so that all blocks together have one pseudo-cluster and not one each.
    part = pseudo.part[copies] * np.repeat(shares, len(pseudo.view))
    np.add.at(halves, (pseudo.half[copies], types[len(view) :]), part)
    patterns, blocks = _patterns(view.cluster, types[: len(view)], weight, len(first))
    # A unit has a line for each annotator. The size of a cluster is its number of units, each counted once.
    unit_of_cluster = np.unique(np.stack([view.cluster, view.key.view(np.int64)]), axis=1)[0]
    return Sample(
        statistic=lambda drawn: _average_blocks(bound, drawn, drawn),
        without=_leave_out_in_blocks(leave) if len(leave) == len(bound) else None,
        patterns=patterns,
        sizes=np.unique(unit_of_cluster, return_counts=True)[1].astype(np.float64),
        blocks=blocks,
        pseudo=halves,
        pseudo_clusters=pseudo.clusters,
        gold_share=pseudo.gold_share,
        bounds=finite_bounds(metric, view),
        pseudo_weight=pseudo_weight_of(view, uses),
    )


def _patterns(cluster: Ints, types: Ints, weight: Floats, count: int) -> tuple[Patterns, int]:
    """The weight of each type in each cluster, or in each block of clusters where there are very many."""
    blocks = 0
    if len(np.unique(cluster)) > BLOCKS and len(np.unique(cluster)) * count > _MOST_CELLS:
        cluster, blocks = cluster % BLOCKS, BLOCKS
    marks, rows = np.unique(cluster, return_inverse=True)
    matrix = sparse.csr_array((weight, (rows, types)), shape=(len(marks), count))
    return Patterns(clusters=marks, of=np.arange(len(marks)), matrix=matrix, types=count), blocks


def _average_blocks(blocks: Sequence[tuple[slice, Statistic]], given: Floats, weights: Floats) -> Floats:
    """The mean over blocks, by the weight of their lines. One without a value leaves it.

    Args:
        blocks: The types of each, and a function of them.
        given: Shape (B, T): what the functions are of.
        weights: Shape (B, T): the weights that count.
    """
    total, present = np.zeros((2, len(weights)))
    for rows, statistic in blocks:
        value, weight = statistic(np.ascontiguousarray(given[:, rows])), weights[:, rows].sum(axis=1)
        defined = np.isfinite(value) & (weight > 0)
        total += np.where(defined, value * weight, 0)
        present += np.where(defined, weight, 0)
    return divide(total, present)


def _leave_out_in_blocks(blocks: Sequence[tuple[slice, Without]]) -> Without:
    """A metric's quicker way to leave units out, in each block."""

    def without(total: Floats) -> Statistic:
        bound = [(rows, leave(total[rows])) for rows, leave in blocks]
        return lambda out: _average_blocks(bound, out, total[None, :] - out)

    return without

"""Can the data tell two judges apart? Paired tests, Holm's correction, rank groups. Not for scoring one judge."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
from scipy import special

from harness.api import DataError, Metric
from harness.score.cell import basis_of, check_protocol, is_binomial
from harness.score.intervals import percentile
from harness.score.metrics import averages_credit
from harness.score.records import Comparison
from harness.score.sampling import bootstrap_of
from harness.score.table import Basis, CellTable, Floats, Ints, View

_EQUAL = 1e-12  # two values of a metric closer than this differ by rounding only


def compare_cells(
    a: CellTable,
    b: CellTable,
    metric: Metric,
    *,
    names: tuple[str, str] = ("a", "b"),
    metric_name: str = "accuracy",
    resamples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
    greater_is_better: bool | None = None,
) -> Comparison:
    """Compare two judges on the units of one task that count for both.

    The difference and its interval come from the paired cluster bootstrap: one draw of clusters for both. So does p,
    twice the smaller tail, each tail with one added to numerator and denominator (Davison and Hinkley 1997, 4.2), a
    resample without a difference counting in both. A metric of probabilities is compared on the units where both have
    them, or, where one judge has none at all, by the verdicts of both. Where the metric is a share of right answers and
    each unit is a cluster of its own, p is that of McNemar's exact test (1947).

    Args:
        a: One cell.
        b: Another judge's cell of the same task, under the same protocol.
        metric: What to compare.
        names: Names of the judges.
        metric_name: Name of the metric, with its own average where it has one.
        resamples: Of the bootstrap.
        confidence: Of the interval.
        seed: Of the resamples.
        greater_is_better: From the metric's card; `None`: as the metric itself says.

    Raises:
        DataError: The cells have different protocols, or different golds on a shared unit.
        UserError: The metric does not fit the answer space or the protocol.
    """
    if a.protocol != b.protocol:
        raise DataError(f"{names[0]} and {names[1]}: scored by different protocols; score both by one")
    check_protocol(a, metric, name=metric_name)
    basis = basis_of(metric, a, b)
    view_a, view_b = shared(a, b, names=names, guessed=not averages_credit(metric), basis=basis)
    gap = view_a.credit - view_b.credit
    better = getattr(metric, "greater_is_better", True) if greater_is_better is None else greater_is_better
    blank = Comparison(
        a=names[0],
        b=names[1],
        metric=metric_name,
        value_a=None,
        value_b=None,
        difference=None,
        ci_low=None,
        ci_high=None,
        p=None,
        p_adjusted=None,
        method="",
        n=len(view_a),
        disagreements=int((view_a.predicted != view_b.predicted).sum()),
        only_a=int((gap > 0).sum()),
        only_b=int((gap < 0).sum()),
        greater_is_better=better,
        basis=basis,
    )
    if not len(view_a):
        return blank
    average = a.protocol.average_of(metric_name)
    bootstrap = bootstrap_of(metric, [view_a, view_b], name=metric_name, average=average, weights=a.protocol.weights)
    value_a, value_b = bootstrap.point().tolist()
    if not np.isfinite(value_a - value_b):
        return blank
    resampled = bootstrap.resampled(bootstrap.resamples(resamples), seed=seed)
    differences = resampled[:, 0] - resampled[:, 1]
    low, high = percentile(differences, confidence) or (None, None)
    exact = average == "micro" and averages_credit(metric)
    if exact and is_binomial(view_a) and is_binomial(view_b):
        p: float | None = mcnemar(blank.only_a, blank.only_b)
        method = "mcnemar-exact"
    else:
        p, method = bootstrap_p(differences), "paired-cluster-bootstrap"
    return replace(
        blank,
        value_a=value_a,
        value_b=value_b,
        difference=value_a - value_b,
        ci_low=low,
        ci_high=high,
        p=p,
        p_adjusted=p,
        method=method,
    )


def compare_all(
    tables: Mapping[str, CellTable],
    metric: Metric,
    *,
    metric_name: str = "accuracy",
    resamples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
    greater_is_better: bool | None = None,
) -> tuple[Comparison, ...]:
    """Compare every two judges of one task, p-values corrected by Holm over all pairs.

    Args:
        tables: Cells of one task by judge.
        metric: What to compare.
        metric_name: Name of the metric.
        resamples: Of the bootstrap.
        confidence: Of the intervals, which are not corrected.
        seed: Of the resamples.
        greater_is_better: From the metric's card; `None`: as the metric itself says.
    """
    found = [
        compare_cells(
            tables[one],
            tables[other],
            metric,
            names=(one, other),
            metric_name=metric_name,
            resamples=resamples,
            confidence=confidence,
            seed=seed,
            greater_is_better=greater_is_better,
        )
        for one, other in combinations(tables, 2)
    ]
    return adjusted(found)


def adjusted(comparisons: Sequence[Comparison]) -> tuple[Comparison, ...]:
    """The same comparisons with `p_adjusted` by Holm over those that have a p-value."""
    tested = [one.p for one in comparisons if one.p is not None]
    corrected = iter(holm(tested))
    return tuple(one if one.p is None else replace(one, p_adjusted=next(corrected)) for one in comparisons)


def shared(
    a: CellTable,
    b: CellTable,
    *,
    names: tuple[str, str] = ("a", "b"),
    guessed: bool = False,
    basis: Basis = "",
) -> tuple[View, View]:
    """The units that count for both, in the same order, with the same codes of verdicts, clusters and categories.

    Args:
        a: One cell.
        b: Another judge's cell of the same task.
        names: Names of the judges, for messages.
        guessed: As for `CellTable.view`.
        basis: As for `CellTable.view`.

    Raises:
        DataError: The two do not agree on the gold of a unit.
    """
    view_a, view_b = a.view(guessed=guessed, basis=basis), b.view(guessed=guessed, basis=basis)
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
    view_a, view_b = shared(a, b)
    gap = view_a.credit - view_b.credit
    other = (gap == 0) & (view_a.predicted != view_b.predicted)
    kinds = (gap > 0, gap < 0, other)
    first, second, third = (tuple(a.items[row] for row in np.unique(view_a.item[kind]).tolist()) for kind in kinds)
    return first, second, third


def mcnemar(only_a: int, only_b: int) -> float:
    """McNemar's exact two-sided p-value: a binomial test of the discordant pairs against a half; 1 without any."""
    discordant = only_a + only_b
    return min(1.0, 2 * float(special.bdtr(min(only_a, only_b), discordant, 0.5))) if discordant else 1.0


def bootstrap_p(differences: Floats) -> float | None:
    """Two-sided p-value of "no difference" from resampled differences; never 0, and 1 where all of them are 0."""
    defined = differences[np.isfinite(differences)]
    if not len(defined):
        return None
    below = (np.count_nonzero(defined <= _EQUAL) + 1) / (len(defined) + 1)
    above = (np.count_nonzero(defined >= -_EQUAL) + 1) / (len(defined) + 1)
    return float(min(1.0, 2 * min(below, above)))


def holm(pvalues: Sequence[float]) -> list[float]:
    """Holm's step-down correction (1979): adjusted p-values in the order given."""
    order: Ints = np.argsort(pvalues, kind="stable")
    out, running = [0.0] * len(pvalues), 0.0
    for step, index in enumerate(order.tolist()):
        running = max(running, min(1.0, (len(pvalues) - step) * pvalues[index]))
        out[index] = running
    return out


def rank_groups(
    judges: Sequence[str],
    comparisons: Sequence[Comparison],
    *,
    unranked: Collection[str] = (),
    alpha: float = 0.05,
) -> dict[str, int | None]:
    """Ranks in which judges that the data cannot tell apart from those above them share a place.

    The rank is 1 + the number of ranked judges that are significantly better, as on the Chatbot Arena leaderboard
    (Chiang et al. 2024): so the best judge and all that cannot be told from it are in group 1.

    Args:
        judges: All names.
        comparisons: Of every two of them, p-values corrected over the whole family.
        unranked: Judges without a rank (low coverage, no answers); nobody stands below them.
        alpha: Level of significance.
    """
    winners: dict[str, set[str]] = {judge: set() for judge in judges}
    for one in comparisons:
        winner = one.better(alpha)
        if winner is not None and winner not in unranked:
            winners.get(one.b if winner == one.a else one.a, set()).add(winner)
    return {judge: None if judge in unranked else 1 + len(winners[judge]) for judge in judges}

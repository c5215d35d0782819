"""One cell's scores: every metric of the protocol with interval, coverage and worst case. Not for comparing judges."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from harness.api import Metric, Protocol, RecordedCell, Status, UserError
from harness.score.calibration import calibration_of
from harness.score.ceiling import human_ceiling
from harness.score.consistency import consistency
from harness.score.flags import find_interval_flags, flags
from harness.score.intervals import AGRESTI_COULL, JACKKNIFE, interval
from harness.score.jackknife import Jackknife, jackknife
from harness.score.metrics import OF_GROUPS, averages_credit, unit_of
from harness.score.noise import noise
from harness.score.records import CellScores, Estimate
from harness.score.sample import point_of, sample_of
from harness.score.table import Basis, CellTable, UnitTable


def score_recorded(
    cell: RecordedCell, table: CellTable, *, metrics: Mapping[str, Metric], confidence: float
) -> CellScores:
    """Score a cell of a recorded run, under its own names.

    Args:
        cell: The cell.
        table: Made of its answers.
        metrics: By name, the headline first.
        confidence: Of the intervals.

    Raises:
        UserError: As from `score_cell`.
    """
    return score_cell(
        table,
        task=cell.task,
        judge=cell.judge,
        suite=cell.suite,
        data_hash=cell.data_hash,
        metrics=metrics,
        confidence=confidence,
    )


def score_cell(
    table: CellTable,
    *,
    task: str,
    judge: str,
    metrics: Mapping[str, Metric],
    data_hash: str,
    suite: str = "",
    confidence: float = 0.95,
    lower_is_better: frozenset[str] = frozenset(),
) -> CellScores:
    """Score one cell. Equal arguments give equal scores, to the byte once they are JSON.

    Args:
        table: From `harness.score.units.build_cell`.
        task: Name of the task in the plan.
        judge: Name of the judge in the plan.
        metrics: By name, the headline first.
        data_hash: Hash of the items.
        suite: Collection of the task.
        confidence: Of the intervals, such as 0.95.
        lower_is_better: Names of the metrics whose card says so, beside those that say it themselves.

    Raises:
        UserError: A metric does not fit the answer space or the protocol.
    """
    # Metrics of one criterion of a rubric are of a table of its own.
    tables = {Protocol.criterion_of(name): table.of(name) for name in metrics}
    estimators = {
        criterion: _Estimator(own, confidence=confidence, lower_is_better=lower_is_better)
        for criterion, own in tables.items()
    }
    estimates = tuple(
        estimators[Protocol.criterion_of(name)].estimate(name, metric) for name, metric in metrics.items()
    )
    # The first metric is the headline by convention: categories and flags are about it.
    headline = next(iter(metrics.items()), None)
    if headline is None:
        raise UserError(f"task {task}: no metric to score by; name at least one in protocol: metrics")
    estimator = estimators[Protocol.criterion_of(headline[0])]
    own = consistency(table, confidence=confidence)
    requests = table.requests
    coverage = requests.statuses[Status.OK.value] / requests.asked
    return CellScores(
        task=task,
        judge=judge,
        suite=suite,
        estimates=estimates,
        consistency=own,
        categories=estimator.categories(*headline),
        asked=requests.asked,
        statuses=requests.statuses,
        coverage=coverage,
        with_probabilities=_share_of(requests.with_probabilities, requests.statuses[Status.OK.value]),
        histogram=requests.histogram,
        shown_histogram=requests.shown_histogram,
        gold_histogram=requests.gold_histogram,
        items=len(table.items),
        groups=table.groups,
        flags=(*flags(table, own, coverage=coverage), *estimator.find_interval_flags(*headline)),
        protocol=table.protocol.to_json(),
        data_hash=data_hash,
        calibration=calibration_of(table, level=confidence),
        criteria_calibration={
            name: found
            for name, part in table.criteria.items()
            if (found := calibration_of(part, level=confidence)) is not None
        },
        noise=noise(table.repeats, level=confidence),
        ceiling=human_ceiling(table, metrics, confidence=confidence),
    )


def check_protocol(table: CellTable, metric: Metric, *, name: str) -> None:
    """Refuse a metric that cannot be had under the protocol.

    Raises:
        UserError: Missing answers are worth half a point, and the metric does not average points; or it compares
            candidates where only places are known.
    """
    rules = table.protocol
    if getattr(metric, "compares_candidates", False) and rules.order != "fixed" and rules.pooling == "each":
        raise UserError(
            f"metric {name}: compares the answers of a group by candidate, and with order: {rules.order} each of them "
            "names places of its own order; use order: fixed, or order: both with pooling: agree"
        )
    field = next((field for field, policy in table.protocol.policies.items() if policy == "half"), "")
    if field and not averages_credit(metric):
        raise UserError(
            f"metric {name}: protocol says {field}: half, which only has a meaning for metrics that average credit, "
            f"such as accuracy; use {field}: exclude, wrong or chance, or leave the metric out"
        )


def basis_of(metric: Metric, *tables: CellTable) -> Basis:
    """The basis of a metric, for all tables alike: probabilities where each table has some, else verdicts.

    Args:
        metric: One that names `positive` in `uses` reads probabilities.
        *tables: The cells that it is of.
    """
    if "positive" not in getattr(metric, "uses", ()):
        return ""
    # Judges are compared by one of the two: an AUC of verdicts is another number than one of probabilities.
    return "probabilities" if all(table.has_probabilities for table in tables) else "verdicts"


class _Estimator:
    """Makes the estimates of one cell."""

    def __init__(self, table: CellTable, *, confidence: float, lower_is_better: frozenset[str]) -> None:
        self.table, self.lower_is_better, self.confidence = table, lower_is_better, confidence
        self._known: dict[tuple[Basis, bool], tuple[UnitTable, UnitTable, UnitTable]] = {}
        self._whole: dict[str, Jackknife | None] = {}

    def estimate(self, name: str, metric: Metric) -> Estimate:
        """The metric of the whole cell, by its average."""
        views, average = self._views(metric), self.table.protocol.average_of(name)
        return self._estimate(name, metric, views, self._jackknife_cell(name, metric), average=average)

    def find_interval_flags(self, name: str, metric: Metric) -> tuple[str, ...]:
        """Flags of the metric's interval."""
        average = self.table.protocol.average_of(name)
        return find_interval_flags(self._jackknife_cell(name, metric), self._views(metric)[0], metric, average=average)

    def categories(self, name: str, metric: Metric) -> dict[str, Estimate]:
        """The metric of each category by name. Empty if there is only one. Categories are not averaged further."""
        names = self.table.units.categories
        average = self.table.protocol.average_of(name)
        average = average if average in OF_GROUPS else "micro"
        if len(names) < 2:
            return {}
        views = self._views(metric)
        found = {}
        for code, category in sorted(enumerate(names), key=lambda pair: pair[1]):
            # By identity: where nothing is missing the three views are one object, and it is cut once.
            parts = {id(view): view.take(view.category == code) for view in views}
            own = tuple(parts[id(view)] for view in views)
            jackknifed = self._jackknife(name, metric, own[0], average=average)
            found[category] = self._estimate(name, metric, own, jackknifed, average=average)
        return found

    def _views(self, metric: Metric) -> tuple[UnitTable, UnitTable, UnitTable]:
        """The units of value, excluded and worst case: the same object three times where nothing is missing."""
        basis, with_random_guess = basis_of(metric, self.table), not averages_credit(metric)
        if (basis, with_random_guess) not in self._known:
            value = self.table.view("value", with_random_guess=with_random_guess, basis=basis)
            others = (value, value)
            # Nothing missing: all three cases are the same units, and two thirds of the work are saved.
            if self.table.missing(basis).any():
                others = self.table.view("excluded", basis=basis), self.table.view("worst", basis=basis)
            self._known[basis, with_random_guess] = (value, *others)
        return self._known[basis, with_random_guess]

    def _jackknife_cell(self, name: str, metric: Metric) -> Jackknife | None:
        """The jackknife of the whole cell, done once for its interval and for the flags of that interval."""
        if name not in self._whole:
            average = self.table.protocol.average_of(name)
            self._whole[name] = self._jackknife(name, metric, self._views(metric)[0], average=average)
        return self._whole[name]

    def _jackknife(self, name: str, metric: Metric, view: UnitTable, *, average: str) -> Jackknife | None:
        check_protocol(self.table, metric, name=name)
        return jackknife_metric(metric, view, name=name, average=average, weights=self.table.protocol.weights)

    def _estimate(
        self, name: str, metric: Metric, views: tuple[UnitTable, ...], jackknifed: Jackknife | None, *, average: str
    ) -> Estimate:
        value_view, excluded_view, worst_view = views
        ends = None if jackknifed is None else interval(jackknifed, confidence=self.confidence)
        low, high = ends or (None, None)
        # The value of the jackknife is snapped to its range, so that an interval never excludes its own value.
        value = None if jackknifed is None else jackknifed.value
        excluded, worst = (  # the same units where nothing is missing
            value if view is value_view else self._point(name, metric, view, average=average)
            for view in (excluded_view, worst_view)
        )
        return Estimate(
            metric=name,
            value=value,
            ci_low=low,
            ci_high=high,
            method="" if jackknifed is None or ends is None else AGRESTI_COULL if jackknifed.binomial else JACKKNIFE,
            n=len(value_view),
            excluded=excluded,
            worst_case=worst,
            greater_is_better=getattr(metric, "greater_is_better", True) and name not in self.lower_is_better,
            basis=basis_of(metric, self.table),
            unit=unit_of(metric, name=name),
        )

    def _point(self, name: str, metric: Metric, view: UnitTable, *, average: str) -> float | None:
        if not len(view):
            return None
        value = point_of(metric, view, name=name, average=average, weights=self.table.protocol.weights)
        return value if np.isfinite(value) else None


def jackknife_metric(
    metric: Metric,
    view: UnitTable,
    *,
    name: str,
    average: str,
    weights: Mapping[str, float] | None = None,
    paired: bool = False,
) -> Jackknife | None:
    """A metric of some units, and what each cluster does to it. `None` if it is not defined.

    Args:
        metric: What to compute.
        view: The units that count.
        name: Name of the metric, for messages.
        average: `Protocol.average_of` the metric.
        weights: `Protocol.weights`.
        paired: As for `jackknife`.

    Raises:
        UserError: The metric is not defined for the answer space, or only within groups.
    """
    if not len(view):
        return None
    sample = sample_of(metric, view, name=name, average=average, weights=weights)
    marks = np.unique(view.cluster)
    # A plain mean of zeros and ones is a share of trials. With one unit a cluster they are independent.
    trials = average == "micro" and averages_credit(metric) and bool(np.isin(view.credit, (0.0, 1.0)).all())
    return jackknife(sample, marks, binomial=trials and len(marks) == len(view), cap=trials, paired=paired)


def _share_of(part: int, whole: int) -> float | None:
    """A share, or `None` of nothing."""
    return part / whole if whole else None

"""The record of `harness plan`: how many items show a difference, or which difference a number of items shows.

The formulas are `harness.score.planning`; the plan of a run's cells is `harness.run.plan`, which this is not.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from harness.api import Metric, UserError
from harness.report.entries import Entry, check_rivals
from harness.report.measure import Measure
from harness.report.records import Cell, as_plain
from harness.report.text import clean
from harness.score import planning
from harness.score.cell import basis_of
from harness.score.metrics import averages_credit
from harness.score.planning import Spread
from harness.score.sampling import bootstrap_of
from harness.score.significance import shared

SCHEMA = "judge-harness/plan/1"
"""Name and version of the JSON schema. Fields may be added within a version; none changes its meaning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRow:
    """Two judges on a task, and what it takes to tell apart two that differ from item to item as these do."""

    task: str
    """Name of the task in the run; empty without a run."""
    metric: str
    """The metric of the difference."""
    judge_a: str
    """One judge; empty where the judges are assumed."""
    judge_b: str
    """The other; empty where it is assumed."""
    items: int | None
    """Items of the run that both answered; `null` without a run."""
    clusters: int | None
    """Clusters among them."""
    discordance: float | None
    """Share of verdicts that get more credit from one judge than from the other."""
    deviation: float
    """Square root of the items times the variance of the difference, clusters included."""
    design_effect: float | None
    """How many times larger clusters make that variance; `null` where the metric is no mean over items."""
    asked: int
    """Verdicts on each item that count on their own: orders times samples."""
    detectable: float | None
    """The smallest difference that the run's own items show."""
    needed_items: int | None
    """Items that show the difference asked about; `null` where none was."""
    needed_clusters: int | None
    """Clusters of the run's kind that hold so many items."""
    needed_items_once: int | None
    """The same if each item were asked once; `null` where the run has one verdict an item, which does not tell."""
    needed_items_endless: int | None
    """The same if each item were asked without end: more orders and samples cannot do with fewer."""
    detectable_with_n: float | None
    """The smallest difference that the asked-about number of items shows; `null` where none was given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemPlan:
    """How many items show a difference, for one or more pairs of judges."""

    difference: float | None
    """The difference asked about, in units of the metric."""
    n: int | None
    """The number of items asked about."""
    power: float
    """Chance that such a difference is found."""
    confidence: float
    """One less the chance of even one false difference among all pairs of judges."""
    judges: int
    """Judges that are compared with one another."""
    quantile: float
    """By which every two of them are tested: that of Bonferroni."""
    correlation: float | None
    """Assumed correlation of two judges' being right, where it was assumed."""
    rows: tuple[PlanRow, ...]
    """One for each task and pair of judges, those that need fewest items first within a task."""

    def to_json(self) -> dict[str, Any]:
        """All fields as plain data, floats rounded to six decimals."""
        return {"schema": SCHEMA, **as_plain(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of a plan."""

    difference: float | None = None
    """A difference, for which items are counted."""
    n: int | None = None
    """A number of items, for which the smallest difference is found."""
    power: float = 0.8
    """Chance to find it."""
    confidence: float = 0.95
    """Of the family of tests."""
    judges: int = 2
    """In the family."""

    @property
    def quantile(self) -> float:
        """Of the test of one pair."""
        return planning.family_quantile(self.judges, confidence=self.confidence)

    def needed(self, deviation: float) -> int | None:
        """Items that show the difference."""
        if self.difference is None:
            return None
        return planning.needed(deviation, self.difference, quantile=self.quantile, power=self.power)

    def detectable(self, deviation: float, items: float | None) -> float | None:
        """The smallest difference that so many items show."""
        if items is None:
            return None
        found = planning.detectable(deviation, items, quantile=self.quantile, power=self.power)
        return found if math.isfinite(found) else None


def plan_from_cells(
    cells: Sequence[Cell],
    question: Question,
    *,
    metric: str | None = None,
    correlation: float = 0.5,
    seed: int = 0,
    find_metric: Callable[[str], Metric],
) -> ItemPlan:
    """A plan from what a run tells of its judges.

    Args:
        cells: Of all judges and tasks that are meant; two judges of a task make a row.
        question: What is asked.
        metric: Name of the metric; `None`: each task's headline.
        correlation: Assumed where a task has one judge only, and its metric is a share of right answers.
        seed: Of the bootstrap, where it is used.
        find_metric: Gives the metric of a name or raises `UserError`.

    Raises:
        UserError: The judges of a task cannot be compared, or there is nothing to learn from the run.
    """
    measure = Measure(find_metric=find_metric, alpha=1 - question.confidence, resamples=200, seed=seed)
    rows: list[PlanRow] = []
    assumed = False
    by_task: dict[str, list[Cell]] = {}
    for cell in cells:
        by_task.setdefault(cell.task, []).append(cell)
    for same in by_task.values():
        entries = [next(measure.entries(cell, metric=metric, by_category=False)) for cell in same]
        check_rivals(entries)
        if len(entries) == 1:
            (only,) = entries
            rows.append(_row_of_one(only, find_metric(only.estimate.metric), question, correlation))
            assumed = True
            continue
        pairs = itertools.combinations(entries, 2)
        found = [row for a, b in pairs if (row := _row_of_pair(a, b, question, measure)) is not None]
        rows += sorted(found, key=lambda row: row.deviation)
    if not rows:
        raise UserError(
            "no two judges of this run differ on any item that both answered, so it does not tell how far two judges "
            "vary; plan without a run, with --discordance or --accuracy"
        )
    return _plan(question, rows, correlation if assumed else None)


def plan_from_rates(
    question: Question, *, discordance: float | None = None, accuracy: float | None = None, correlation: float = 0.5
) -> ItemPlan:
    """A plan for two accuracies on the same items, without a run: McNemar's test.

    Args:
        question: What is asked.
        discordance: Share of items on which just one of two judges is right; or
        accuracy: that of the better judge, from which and from the correlation the discordance follows.
        correlation: Of two judges' being right.

    Raises:
        UserError: Two such judges cannot be.
    """

    def share(difference: float) -> float:
        if discordance is not None:
            return discordance
        assert accuracy is not None
        return planning.discordance(accuracy, accuracy - difference, correlation)

    def needs(difference: float) -> float:
        deviation = planning.deviation_of(share(difference), difference)
        return planning.needed(deviation, difference, quantile=question.quantile, power=question.power)

    about = question.difference
    if about is None:
        assert question.n is not None
        planning.deviation_of(share(0.0), 0.0)  # says so where no two judges are like this
        about = planning.smallest(needs, question.n, most=_largest(share, discordance or accuracy or 1.0))
        if not math.isfinite(about):
            raise UserError(f"{question.n:,} items cannot tell any two such judges apart; give more with --n")
    deviation = planning.deviation_of(share(about), about)
    row = _row(question, deviation, discordance=share(about))
    row = replace(row, detectable_with_n=about if question.n is not None and question.difference is None else None)
    return _plan(question, [row], None if discordance is not None else correlation)


def _largest(share: Callable[[float], float], most: float) -> float:
    """The largest difference that two such judges can have."""
    low, high = 0.0, most
    for _ in range(40):
        middle = (low + high) / 2
        try:
            planning.deviation_of(share(middle), middle)
            low = middle
        except UserError:
            high = middle
    return low


def _plan(question: Question, rows: Sequence[PlanRow], correlation: float | None) -> ItemPlan:
    return ItemPlan(
        difference=question.difference,
        n=question.n,
        power=question.power,
        confidence=question.confidence,
        judges=question.judges,
        quantile=question.quantile,
        correlation=correlation,
        rows=tuple(rows),
    )


def _row_of_pair(a: Entry, b: Entry, question: Question, measure: Measure) -> PlanRow | None:
    """What two judges of a run tell; `None` where they never differ."""
    name = a.estimate.metric
    metric = measure.find_metric(name)
    tables = (a.table(), b.table())
    credit = averages_credit(metric)
    views = shared(*tables, names=(a.judge, b.judge), guessed=not credit, basis=basis_of(metric, *tables))
    if not len(views[0]):
        return None
    protocol = tables[0].protocol
    average = protocol.average_of(name)
    bootstrap = bootstrap_of(metric, list(views), name=name, average=average, weights=protocol.weights)
    error = planning.standard_error(bootstrap, seed=measure.seed)
    if not error:
        return None
    items, clusters = (len(np.unique(column)) for column in (views[0].item, views[0].cluster))
    gaps = views[0].credit - views[1].credit
    noise, asked = (0.0, 1)
    effect = None
    if credit and average == "micro":
        noise, asked = planning.noise_within(gaps, views[0].item)
        effect = error**2 * items / planning.item_variance(gaps, views[0].item)
    return _row(
        question,
        error * math.sqrt(items),
        spread=Spread(error * math.sqrt(items), noise, asked) if asked > 1 else None,
        task=a.task,
        metric=name,
        judges=(a.judge, b.judge),
        items=items,
        clusters=clusters,
        discordance=float((gaps != 0).mean()),
        effect=effect,
        asked=asked,
    )


def _row_of_one(entry: Entry, metric: Metric, question: Question, correlation: float) -> PlanRow:
    """One judge of a run, and another that is assumed to be about as good.

    Raises:
        UserError: The metric is no share of right answers, or there is no value.
    """
    name, value = entry.estimate.metric, entry.estimate.value
    if value is None or not averages_credit(metric):
        raise UserError(
            f"task {clean(entry.task)} has one judge in this run, and {name} of one does not tell how two differ; "
            "use --metric accuracy, or a run of two judges"
        )
    share = planning.discordance(value, value, correlation)
    deviation = math.sqrt(share)
    if deviation == 0:
        raise UserError(
            f"task {clean(entry.task)}: {clean(entry.judge)} is right on all of the items or on none, which does not "
            "tell how two judges differ; plan without a run, with --discordance"
        )
    return _row(
        question,
        deviation,
        task=entry.task,
        metric=name,
        judges=(entry.judge, ""),
        items=entry.scores.items,
        clusters=entry.scores.groups,
        discordance=share,
    )


def _row(
    question: Question,
    deviation: float,
    *,
    spread: Spread | None = None,
    task: str = "",
    metric: str = "accuracy",
    judges: tuple[str, str] = ("", ""),
    items: int | None = None,
    clusters: int | None = None,
    discordance: float | None = None,
    effect: float | None = None,
    asked: int = 1,
) -> PlanRow:
    needed = question.needed(deviation)
    return PlanRow(
        task=task,
        metric=metric,
        judge_a=judges[0],
        judge_b=judges[1],
        items=items,
        clusters=clusters,
        discordance=discordance,
        deviation=deviation,
        design_effect=effect,
        asked=asked,
        detectable=question.detectable(deviation, items),
        needed_items=needed,
        needed_clusters=None
        if needed is None or not items or clusters is None
        else math.ceil(needed * clusters / items),
        needed_items_once=question.needed(spread.asked_times(1)) if spread else None,
        needed_items_endless=question.needed(spread.asked_times(math.inf)) if spread else None,
        detectable_with_n=question.detectable(deviation, question.n) if task else None,
    )

"""The record of `harness plan`: how many items show a difference, or which difference a number of items shows.

The formulas are `harness.score.planning`; the plan of a run's cells is `harness.runner.plan`, which this is not.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from harness.api import Metric, Unit, UserError
from harness.libraries.text import clean
from harness.report.entries import LeaderboardEntry, check_rivals, disambiguate_judges
from harness.report.measure import LeaderboardMeasure
from harness.report.records import as_plain
from harness.report.scored import ScoredCell
from harness.score import planning
from harness.score.contest import Contest, Meeting
from harness.score.families import family_of_judges
from harness.score.metrics import averages_credit
from harness.score.significance import RULES, Rules

SCHEMA = "judge-harness/plan/1"
"""Name and version of the JSON schema. Fields may be added within a version; none changes its meaning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRow:
    """Two judges on a task, and what it takes to tell apart two that differ from item to item as these do."""

    task: str
    """Name of the task in the run; empty without a run."""
    metric: str
    """The metric of the difference."""
    unit: Unit
    """What its values are, and so the difference."""
    quantile: float
    """By which every two judges are tested: that of the run's own judges as a family, or of Bonferroni."""
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
    judges: int | None
    """Judges that are compared with one another, where a number was given."""
    correlation: float | None
    """Assumed correlation of two judges' being right, where it was assumed."""
    rows: tuple[PlanRow, ...]
    """One for each task and pair of judges, those that need fewest items first within a task."""

    def to_json(self) -> dict[str, Any]:
        """All fields as plain data, floats rounded to six decimals."""
        return {"schema": SCHEMA, **as_plain(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanQuestion:
    """What is asked of a plan."""

    difference: float | None = None
    """A difference, for which items are counted."""
    n: int | None = None
    """A number of items, for which the smallest difference is found."""
    power: float = 0.8
    """Chance to find it."""
    confidence: float = 0.95
    """Of the family of tests."""
    judges: int | None = None
    """In the family; `None`: those of the run, or two."""
    family: float | None = None
    """The quantile of their family, where it is known."""

    @property
    def quantile(self) -> float:
        """Of the test of one pair."""
        if self.family is not None:
            return self.family
        return planning.family_quantile(self.judges or 2, confidence=self.confidence)

    def needed(self, deviation: float, *, size: float = 1.0, step: float = 0.0) -> int | None:
        """Items that show the difference, in clusters of `size`."""
        if self.difference is None:
            return None
        # A test knows no items but their clusters: how many these are decides what it can show.
        apart, power = deviation / math.sqrt(size), self.power
        clusters = planning.items_needed(apart, self.difference, quantile=self.quantile, power=power, step=step)
        return math.ceil(clusters * size - 1e-9)

    def detectable(
        self, deviation: float, items: float | None, *, size: float = 1.0, step: float = 0.0
    ) -> float | None:
        """The smallest difference that so many items show, in clusters of `size`."""
        if items is None:
            return None
        apart, power = deviation / math.sqrt(size), self.power
        found = planning.detectable(apart, items / size, quantile=self.quantile, power=power, step=step)
        return found if math.isfinite(found) else None


def plan_from_cells(
    cells: Sequence[ScoredCell],
    question: PlanQuestion,
    *,
    names: Collection[str] = (),
    metric: str | None = None,
    correlation: float = 0.5,
    rules: Rules = RULES,
    find_metric: Callable[[str], Metric],
) -> ItemPlan:
    """A plan from what runs tell of their judges.

    Args:
        cells: Of all judges of the tasks that are meant.
        question: What is asked.
        names: Judges to make rows of, two at a time. Without names: all.
        metric: Name of the metric. `None`: each task's headline.
        correlation: Assumed where a task has one judge only, and its metric is a share of right answers.
        rules: Draws and seed of a family's quantile.
        find_metric: Gives the metric of a name or raises `UserError`.

    Raises:
        UserError: The judges of a task cannot be compared, or there is nothing to learn from the runs.
    """
    measure = LeaderboardMeasure(find_metric=find_metric, rules=replace(rules, confidence=question.confidence))
    entries = disambiguate_judges(next(measure.entries(cell, metric=metric, by_category=False)) for cell in cells)
    check_rivals(entries)
    by_task: dict[str, list[LeaderboardEntry]] = {}
    for entry in entries:
        by_task.setdefault(entry.task, []).append(entry)
    rows: list[PlanRow] = []
    for rivals in by_task.values():
        meant = [entry for entry in rivals if not names or entry.judge in names or entry.cell.judge in names]
        # One judge says how hard the items are, but not how two judges vary. The rest is assumed.
        if len(meant) == 1:
            rows.append(_plan_single(meant[0], find_metric(meant[0].estimate.metric), question, correlation))
            continue
        # All judges of the task and not just the ones meant: the family of the board is that of all.
        contest = Contest([measure.round(rivals)])
        own = replace(question, family=_find_quantile(contest, rivals, question, measure.rules))
        met = ((a, b, contest.meet(a.judge, b.judge)) for a, b in itertools.combinations(meant, 2))
        # A mean of credit has a variance within items, so that more orders or samples can be planned for.
        is_mean = averages_credit(find_metric(rivals[0].estimate.metric))
        found = [row for a, b, meeting in met if (row := _plan_pair(a, b, meeting, own, is_mean)) is not None]
        rows += sorted(found, key=lambda row: row.deviation)
    if not rows:
        raise UserError(
            "no two judges of this run differ on any item that both answered, so it does not tell how far two judges "
            "vary; plan without a run, with --discordance or --accuracy"
        )
    return _make_plan(question, rows, correlation if any(not row.judge_b for row in rows) else None)


def _find_quantile(
    contest: Contest, rivals: Sequence[LeaderboardEntry], question: PlanQuestion, rules: Rules
) -> float | None:
    """The quantile of the judges of a task as their own board has it. `None` where another number of them is meant."""
    # The board does not rank judges below the coverage, and they take no share of its family.
    inside = [entry.judge for entry in rivals if entry.scores.coverage >= entry.cell.protocol.min_coverage]
    # For another number of judges there are no answers to take the family from. Bonferroni's correction stands in.
    if question.judges is not None and question.judges != len(inside):
        return None
    values = [own for judge in inside if (own := contest.own(judge, rivals=inside)) is not None]
    return family_of_judges(values, draws=rules.draws, seed=rules.seed).quantile(question.confidence)


def plan_from_rates(
    question: PlanQuestion, *, discordance: float | None = None, accuracy: float | None = None, correlation: float = 0.5
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
        return planning.items_needed(deviation, difference, quantile=question.quantile, power=question.power)

    about = question.difference
    if about is None:
        assert question.n is not None
        planning.deviation_of(share(0.0), 0.0)  # says so where no two judges are like this
        about = planning.smallest(needs, question.n, most=_find_largest(share, discordance or accuracy or 1.0))
        if not math.isfinite(about):
            raise UserError(f"{question.n:,} items cannot tell any two such judges apart; give more with --n")
    deviation = planning.deviation_of(share(about), about)
    row = _make_row(question, deviation, discordance=share(about))
    row = replace(row, detectable_with_n=about if question.n is not None and question.difference is None else None)
    return _make_plan(question, [row], None if discordance is not None else correlation)


def _find_largest(share: Callable[[float], float], most: float) -> float:
    """The largest difference that two such judges can have."""
    low, high = 0.0, most
    # Bisection: 40 halvings are finer than any number that is printed.
    for _ in range(40):
        middle = (low + high) / 2
        try:
            planning.deviation_of(share(middle), middle)
            low = middle
        except UserError:
            high = middle
    return low


def _make_plan(question: PlanQuestion, rows: Sequence[PlanRow], correlation: float | None) -> ItemPlan:
    return ItemPlan(
        difference=question.difference,
        n=question.n,
        power=question.power,
        confidence=question.confidence,
        judges=question.judges,
        correlation=correlation,
        rows=tuple(rows),
    )


def _plan_pair(
    a: LeaderboardEntry, b: LeaderboardEntry, met: Meeting, question: PlanQuestion, is_mean: bool
) -> PlanRow | None:
    """What two judges of a task tell, by a mean of credit or another metric. `None` where they never differ."""
    ((view, other),) = met.views
    apart = met.gap
    if apart is None or not len(view):
        return None
    # About the difference itself, and not about 0 as in the test: a plan asks how far estimates scatter.
    around = apart.parts - apart.weights * apart.difference
    variance = float(around @ around)
    # Also where it is not a number.
    if not variance > 0:
        return None
    items, clusters = (len(np.unique(column)) for column in (view.item, view.cluster))
    gaps, name = view.credit - other.credit, a.estimate.metric
    # Other metrics than means of single verdicts do not split into items and the noise within them.
    noise, asked, effect = 0.0, 1, None
    if is_mean and a.cell.protocol.average_of(name) == "micro":
        noise, asked = planning.noise_within(gaps, view.item)
        effect = variance * items / planning.item_variance(gaps, view.item)
    deviation = math.sqrt(variance * items)
    # Of equal size (Kish). Blocks of clusters are no clusters of the plan.
    equal = clusters if apart.blocks else 1 / float(apart.weights @ apart.weights)
    return _make_row(
        question,
        deviation,
        noise=noise,
        size=items / equal,
        # Of single items Connor's formula has enough without it. A whole cluster right for one judge alone is much.
        step=apart.step * equal**2 if clusters < items else 0.0,
        task=a.task,
        metric=name,
        unit=a.estimate.unit,
        judges=(a.judge, b.judge),
        items=items,
        clusters=clusters,
        discordance=float((gaps != 0).mean()),
        effect=effect,
        asked=asked,
        shown=apart.detectable(question.quantile, power=question.power),
    )


def _plan_single(entry: LeaderboardEntry, metric: Metric, question: PlanQuestion, correlation: float) -> PlanRow:
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
    # A judge that is always right leaves nothing for another one to differ in, by this formula.
    if deviation == 0:
        raise UserError(
            f"task {clean(entry.task)}: {clean(entry.judge)} is right on all of the items or on none, which does not "
            "tell how two judges differ; plan without a run, with --discordance"
        )
    return _make_row(
        question,
        deviation,
        size=entry.scores.items / max(1, entry.scores.groups),
        task=entry.task,
        metric=name,
        judges=(entry.judge, ""),
        items=entry.scores.items,
        clusters=entry.scores.groups,
        discordance=share,
    )


def _make_row(
    question: PlanQuestion,
    deviation: float,
    *,
    noise: float = 0.0,
    size: float = 1.0,
    step: float = 0.0,
    task: str = "",
    metric: str = "accuracy",
    unit: Unit = "share",
    judges: tuple[str, str] = ("", ""),
    items: int | None = None,
    clusters: int | None = None,
    discordance: float | None = None,
    effect: float | None = None,
    asked: int = 1,
    shown: float | None = None,
) -> PlanRow:
    needed = question.needed(deviation, size=size, step=step)
    once, endless = (
        question.needed(planning.deviation_at(times, deviation, noise=noise, asked=asked), size=size, step=step)
        if asked > 1
        else None
        for times in (1, math.inf)
    )
    return PlanRow(
        task=task,
        metric=metric,
        unit=unit,
        quantile=question.quantile,
        judge_a=judges[0],
        judge_b=judges[1],
        items=items,
        clusters=clusters,
        discordance=discordance,
        deviation=deviation,
        design_effect=effect,
        asked=asked,
        detectable=question.detectable(deviation, items, size=size, step=step) if shown is None else shown,
        needed_items=needed,
        needed_clusters=None
        if needed is None or not items or clusters is None
        else math.ceil(needed * clusters / items),
        needed_items_once=once,
        needed_items_endless=endless,
        # Without a run the deviation depends on the difference itself, and the caller solves for it.
        detectable_with_n=question.detectable(deviation, question.n, size=size, step=step) if task else None,
    )

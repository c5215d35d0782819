"""The leaderboard: rows from scored cells, paired tests between rivals, and ranks from the tests.

Scores are `harness.score`. Names and refusals are `harness.report.entries`. Means over tasks are
`harness.report.suites`. What a board looks like is `harness.report.render`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, TypeVar

from harness.api import Metric, UserError
from harness.manifest.model import ReportSettings
from harness.recorded.load import LeftOut
from harness.report.entries import LeaderboardEntry, check_rivals, disambiguate_judges
from harness.report.faithfulness import Faithfulness
from harness.report.measure import LeaderboardMeasure, metric_finder
from harness.report.numbers import bare
from harness.report.places import Field, find_ranked, place_judges
from harness.report.records import Compare, Leaderboard, LeaderboardRow
from harness.report.scored import ScoredCell
from harness.report.settings import DEFAULT, rules_of
from harness.report.spending import spending_of
from harness.report.suites import rank_overall, rank_suites
from harness.report.unread import Tally, UnreadAnswers, tally
from harness.report.usage import JudgeUsage
from harness.score.records import Block, CellFacts, CellScores, Comparison, Estimate


def build_leaderboard(
    cells: Iterable[ScoredCell],
    settings: ReportSettings = DEFAULT,
    *,
    seed: int = 0,
    left_out: Iterable[LeftOut] = (),
    explained: Iterable[Faithfulness] = (),
    find_metric: Callable[[str], Metric] | None = None,
) -> Leaderboard:
    """Rank the judges of one or many runs.

    Args:
        cells: Scored cells. The same judge of two runs on one task becomes two rows, `judge (run)`.
        settings: As in the manifest's section `report:`. A metric that was not scored is scored now.
        seed: Of the random flips.
        left_out: What judges were not asked: named, and a suite without all of its tasks is not ranked.
        explained: What is known of their reasoning.
        find_metric: Gives the metric of a name or raises `UserError`; `None`: looks among the installed plugins.

    Returns:
        Rows sorted by block, rank, value. Equal input gives equal bytes of `to_json`.

    Raises:
        UserError: There are no cells, cells of one task were scored by different rules or saw
            different data, or the metric does not fit a task.
    """
    measure = LeaderboardMeasure(find_metric=find_metric or metric_finder(), rules=rules_of(settings, seed=seed))
    entries = _make_entries(cells, settings, measure)
    # Before names are changed and anything is compared: numbers of different items must not stand in one block.
    check_rivals(entries)
    named = disambiguate_judges(entries)
    lacking = _rename(left_out, entries, named)
    reasoning = _rename(explained, entries, named)
    entries = named
    by_cell = {_cell_key(entry): entry for entry in entries}
    tallies = {name: tally(entry.cell.unread()) for name, entry in by_cell.items()}
    rows = _make_rows(entries, tallies, settings)
    rivals = _group_rivals(entries)
    blocks = _rank_blocks(rows, rivals, settings, measure=measure, left_out=lacking)
    return Leaderboard(
        title=", ".join(sorted({entry.run for entry in entries})),
        group_by=settings.group_by,
        metric=settings.metric,
        # 1 - 0.95 is 0.050000000000000044 in floating point, and `leaderboard.json` is read by people as well.
        alpha=round(1 - settings.confidence, 10),
        min_coverage=settings.min_coverage,
        compare=settings.compare,
        missing=settings.missing,
        equivalence=settings.equivalence,
        # Sorted here and nowhere else, so that every format shows one order.
        rows=tuple(row for field in blocks for row in sorted(field.rows, key=_sort_key)),
        comparisons=tuple(_set_block(found, field.rows[0]) for field in blocks for found in field.comparisons),
        usage=_list_usage(entries, confidence=settings.confidence),
        left_out=tuple(sorted(lacking, key=lambda cell: (cell.judge, cell.task, cell.run))),
        unread=_list_unread(by_cell, tallies),
        overall=_rank_overall(rows, rivals, settings, measure=measure, left_out=lacking),
        # By name, as the rows are; the numbers of one cell stay in their order.
        faithfulness=tuple(sorted(reasoning, key=lambda record: (record.task, record.judge, record.run))),
    )


def _make_entries(
    cells: Iterable[ScoredCell], settings: ReportSettings, measure: LeaderboardMeasure
) -> list[LeaderboardEntry]:
    """What competes, before anything is compared."""
    by_category = settings.group_by == "category"
    entries = [
        entry for cell in cells for entry in measure.entries(cell, metric=settings.metric, by_category=by_category)
    ]
    if not entries:
        raise UserError("nothing to rank: the runs have no scored cells; run their manifests first")
    return entries


def _make_rows(
    entries: Sequence[LeaderboardEntry], tallies: Mapping[tuple[str, str, str], Tally], settings: ReportSettings
) -> list[LeaderboardRow]:
    """A row for each entry, without its place."""
    by_category = settings.group_by == "category"
    return [
        _make_row(
            entry,
            min_coverage=settings.min_coverage,
            unread=tallies[_cell_key(entry)].counts(entry.category if by_category else None),
        )
        for entry in entries
    ]


_Named = TypeVar("_Named", LeftOut, Faithfulness)


def _rename(
    found: Iterable[_Named], entries: Sequence[LeaderboardEntry], named: Sequence[LeaderboardEntry]
) -> list[_Named]:
    """What is known of judges beside their answers, under the names that they have on the board."""
    # A judge that answered no task of its run has no entry, and keeps its name.
    names = {(entry.judge, entry.run): other.judge for entry, other in zip(entries, named, strict=True)}
    return [replace(record, judge=names.get((record.judge, record.run), record.judge)) for record in found]


def _rank_blocks(
    rows: Sequence[LeaderboardRow],
    rivals: Mapping[Block, Sequence[LeaderboardEntry]],
    settings: ReportSettings,
    *,
    measure: LeaderboardMeasure,
    left_out: Sequence[LeftOut],
) -> list[Field]:
    """The blocks, each compared and with its places, in the order of the board."""
    tests = settings.compare
    if settings.group_by == "suite":
        blocks = rank_suites(rows, rivals, measure=measure, left_out=left_out, compare=tests == "all-pairs")
    else:
        blocks = [_compare_field(same, rivals[block], measure, tests) for block, same in _group_rows(rows).items()]
    return sorted((place_judges(field, tests) for field in blocks), key=lambda field: field.rows[0].block)


def _rank_overall(
    rows: Sequence[LeaderboardRow],
    rivals: Mapping[Block, Sequence[LeaderboardEntry]],
    settings: ReportSettings,
    *,
    measure: LeaderboardMeasure,
    left_out: Sequence[LeftOut],
) -> tuple[LeaderboardRow, ...]:
    """The judges over all tasks, where there are several of both."""
    several = len({row.task for row in rows}) > 1 and len({row.judge for row in rows}) > 1
    if settings.group_by != "task" or settings.compare == "none" or not several:
        return ()
    field = rank_overall(rows, rivals, measure=measure, left_out=left_out)
    return tuple(sorted(place_judges(field, settings.compare).rows, key=_sort_key))


def _compare_field(
    rows: Sequence[LeaderboardRow], rivals: Sequence[LeaderboardEntry], measure: LeaderboardMeasure, tests: Compare
) -> Field:
    """One block, compared."""
    # A judge that is not ranked is compared as well, and takes no share of the family's level.
    compared = measure.compare(rivals, ranked=find_ranked(rows)) if tests == "all-pairs" else ()
    return Field(rows=tuple(rows), comparisons=compared)


def _cell_key(entry: LeaderboardEntry) -> tuple[str, str, str]:
    """What names a cell among all: its categories are entries of their own."""
    return entry.task, entry.judge, entry.run


def _list_unread(
    entries: Mapping[tuple[str, str, str], LeaderboardEntry], tallies: Mapping[tuple[str, str, str], Tally]
) -> tuple[UnreadAnswers, ...]:
    """One record for each cell that has answers without a verdict."""
    found = []
    for name, entry in sorted(entries.items(), key=lambda pair: pair[0]):
        reasons, scores = tallies[name].counts(), entry.cell.scores
        if reasons:
            found.append(
                UnreadAnswers(
                    judge=entry.judge,
                    run=entry.run,
                    task=entry.task,
                    asked=scores.asked,
                    count=sum(reasons.values()),
                    reasons=reasons,
                    examples=tallies[name].examples,
                )
            )
    return tuple(found)


def _list_usage(entries: Iterable[LeaderboardEntry], *, confidence: float) -> tuple[JudgeUsage, ...]:
    """One record for each judge of each run."""
    # A question that two tasks share is asked once, so what it took cannot be added up over tasks.
    cells: dict[tuple[str, str], dict[str, ScoredCell]] = {}
    for entry in entries:  # those of categories have one cell
        cells.setdefault((entry.judge, entry.run), {})[entry.task] = entry.cell
    return tuple(
        JudgeUsage.of(
            judge, run, next(iter(own.values())).usage(), spending_of(list(own.values()), confidence=confidence)
        )
        for (judge, run), own in sorted(cells.items())
    )


def _group_rows(rows: Iterable[LeaderboardRow]) -> dict[Block, list[LeaderboardRow]]:
    found: dict[Block, list[LeaderboardRow]] = {}
    for row in rows:
        found.setdefault(row.block, []).append(row)
    return found


def _group_rivals(entries: Iterable[LeaderboardEntry]) -> dict[Block, list[LeaderboardEntry]]:
    """Entries by block and then by name, so that the order of the runs does not say who is first in a pair."""
    found: dict[Block, list[LeaderboardEntry]] = {}
    # The sign of a difference depends on who is first. By name, it is the same in every report of the same runs.
    for entry in sorted(entries, key=lambda entry: (entry.task, entry.category, entry.judge)):
        found.setdefault((entry.task, entry.category, ""), []).append(entry)
    return found


def _sort_key(row: LeaderboardRow) -> tuple[Block, float, bool, float, str]:
    """Sorts rows by block, then rank, then value, then name. What has no rank or no value comes last."""
    rank = math.inf if row.rank_low is None else row.rank_low
    # The next element of the key puts a row without a value last. The number itself then does not matter.
    value = 0.0 if row.value is None else row.value
    return row.block, rank, row.value is None, -value if row.greater_is_better else value, row.judge


def _set_block(found: Comparison, row: LeaderboardRow) -> Comparison:
    """A comparison with the block that it is about."""
    return replace(found, task=row.task, category=row.category, suite=row.suite)


def _make_row(entry: LeaderboardEntry, *, min_coverage: float | None, unread: Mapping[str, int]) -> LeaderboardRow:
    """The facts of the cell and the metric on show, field by field, and what only a leaderboard has."""
    scores, estimate, cell = entry.scores, entry.estimate, entry.cell
    consistency = {found.metric: found.value for found in scores.consistency}
    facts = {**_copy_fields(CellFacts, scores), **_copy_fields(Estimate, estimate)}
    flags = _choose_flags(scores, basis=estimate.basis, state=cell.state, min_coverage=min_coverage)
    standing = cell.standing
    if standing is not None and not standing.verified:
        flags = (*flags, "does-not-hold")
    return LeaderboardRow(
        **{**facts, "judge": entry.judge, "flags": flags},
        category=entry.category,
        tasks=(scores.task,),
        run=entry.run,
        task_id=cell.task_id,
        judge_id=cell.judge_id,
        swap_consistency=consistency.get("swap_consistency"),
        first_position=consistency.get("first_position"),
        repeat_consistency=consistency.get("repeat_consistency"),
        others=_other_metrics(scores, shown=estimate.metric),
        categories={} if entry.category else _categories(scores, shown=estimate.metric),
        unread=unread,
        consistency={found.metric: _numbers(found) for found in scores.consistency},
        verified=None if standing is None else standing.verified,
        signed_by="" if standing is None else standing.signed_by,
    )


def _copy_fields(kind: type[CellFacts | Estimate], record: CellFacts | Estimate) -> dict[str, Any]:
    """The fields that a record has as one of that kind."""
    return {spec.name: getattr(record, spec.name) for spec in fields(kind)}


def _other_metrics(scores: CellScores, *, shown: str) -> dict[str, dict[str, float | str | None]]:
    """The scored metrics that are not the one shown."""
    return {
        found.metric: _numbers(found) | {"unit": found.unit} | ({"basis": found.basis} if found.basis else {})
        for found in scores.estimates
        if found.metric != shown
    }


def _categories(scores: CellScores, *, shown: str) -> dict[str, dict[str, float | str | None]]:
    """The headline in each category, where it is the metric shown."""
    if bare(scores.estimates[0].metric) != bare(shown):
        return {}
    return {name: _numbers(found) | {"unit": found.unit} for name, found in scores.categories.items()}


def _numbers(estimate: Estimate) -> dict[str, float | str | None]:
    return {
        "value": estimate.value,
        "ci_low": estimate.ci_low,
        "ci_high": estimate.ci_high,
        "n": estimate.n,
    }


def _choose_flags(scores: CellScores, *, basis: str, state: str, min_coverage: float | None) -> tuple[str, ...]:
    """The scores' own flags. The leaderboard's own bar of coverage, if it has one, replaces the protocol's.

    Whether probabilities are there is said of the metric on show only.
    """
    # Scores do not know the bar of this board, or whether the run went on since. Both are decided again here.
    flags = [flag for flag in scores.flags if flag not in ("low-coverage", "partial")]
    bar = scores.protocol["min_coverage"] if min_coverage is None else min_coverage
    if scores.coverage < bar:
        flags.append("low-coverage")
    if state != "complete":
        flags.append("partial")
    # An empty basis is a metric that never looks at probabilities, so nothing is missing from it.
    if basis == "verdicts":
        flags.append("no-probabilities")
    elif basis and (scores.with_probabilities or 0) < 1:
        flags.append("some-probabilities")
    return tuple(flags)

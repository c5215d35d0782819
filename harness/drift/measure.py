"""From snapshots to what is told of them. All numbers come from the journals, by the leaderboard's statistics."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness.api import Measurement, Metric, RecordedCell, Status
from harness.drift.anchors import AnchorSet
from harness.drift.changes import Answers, Changes, compare_answers
from harness.drift.history import Snapshot, gather_answers, load_snapshot
from harness.drift.records import CellDrift, DriftReport, Flip, JudgeDrift
from harness.manifest.model import ReportSettings
from harness.recorded.load import source_of
from harness.report.settings import rules_of
from harness.report.usage import nearest_rank
from harness.runner.journal import Journal
from harness.score.anytime import alarm_level, evidence
from harness.score.arrays import Floats
from harness.score.consistency import consistency
from harness.score.contest import Contest, Round
from harness.score.families import family_of_gaps
from harness.score.metrics import unit_of
from harness.score.records import Comparison
from harness.score.significance import compare_pair
from harness.score.table import CellTable
from harness.score.units import build_cell

Key = tuple[str, str]
"""Names of task and judge."""

_MOST_FLIPS = 10
_NOW, _FIRST = "now", "first"


def measure_drift(
    folder: Path,
    anchors: AnchorSet,
    snapshots: Sequence[Snapshot],
    *,
    settings: ReportSettings,
    seed: int,
    find_metric: Callable[[str], Metric],
) -> DriftReport:
    """Hold the newest snapshot against the others.

    Args:
        folder: The folder of the drift.
        anchors: What is asked.
        snapshots: At least one, the first one first.
        settings: How the manifest wants its numbers.
        seed: Of the random flips.
        find_metric: Gives the metric of a name.

    Raises:
        UserError: A snapshot is gone, damaged or changed, or a metric is not defined for the answers.
    """
    read = _Reader(folder, anchors, snapshots)
    pairs = {key: _Pair.of(read.first_cells[key], read.now_cells[key], find_metric) for key in read.keys}
    scores = _compare_scores(pairs, settings, seed=seed)
    # Each judge on each task has its part of the level (Bonferroni), as all may ring.
    alpha = anchors.alpha / max(1, len(read.first_cells))
    return DriftReport(
        manifest=anchors.manifest,
        snapshots=tuple(snapshot.snapshot for snapshot in snapshots),
        alpha=anchors.alpha,
        confidence=settings.confidence,
        cells=tuple(_tell_cell(key, read, pairs[key], scores[key], settings.confidence, alpha) for key in read.keys),
        unwatched=tuple(read.list_unwatched()),
        judges=tuple(_tell_judge(name, read) for name in dict.fromkeys(judge for _, judge in read.keys)),
    )


class _Reader:
    """Reads the snapshots one after the other. Of those in between only the changes are kept."""

    def __init__(self, folder: Path, anchors: AnchorSet, snapshots: Sequence[Snapshot]) -> None:
        first, now = snapshots[0], snapshots[-1]
        self.names = [snapshot.snapshot for snapshot in snapshots]
        self.first_cells = _by_key(load_snapshot(folder, first, first.folder))
        self.now_cells = self.first_cells
        self.first = gather_answers(self.first_cells.values())
        self.groups = {key: sorted({said.answer.group for said in of.values()}) for key, of in self.first.items()}
        self.again: dict[Key, list[Changes]] = {key: [] for key in self.first}
        for run in first.again:
            for key, answers in gather_answers(load_snapshot(folder, first, run)).items():
                if key in self.first:
                    self.again[key].append(compare_answers(self.first[key], answers))
        # Not asked again: the samples of the first date say how much two answers differ.
        self.among_samples = not first.again and any(task.asked[2] > 1 for task in anchors.tasks)
        if self.among_samples:
            self.again = {
                key: [compare_answers(answers, answers, among_samples=True)] for key, answers in self.first.items()
            }
        self.since_first: dict[Key, list[Changes]] = {key: [] for key in self.first}
        self.since_last: dict[Key, Changes | None] = dict.fromkeys(self.first)
        before = self.first
        for number, snapshot in enumerate(snapshots[1:], 1):
            self.now_cells = _by_key(load_snapshot(folder, snapshot, snapshot.folder))
            answers_now = gather_answers(self.now_cells.values())
            for key in self.first:
                found = answers_now.get(key, {})
                self.since_first[key].append(self._compare(self.first[key], found))
                self.since_last[key] = None if number < 2 else compare_answers(before.get(key, {}), found)
            before = answers_now
        self.now = before
        self.anchors = {task.name: len(task.items) for task in anchors.tasks}
        self.is_first = now is first
        self.keys = [key for key in self.first_cells if key in self.now_cells]

    def _compare(self, before: Answers, after: Answers) -> Changes:
        return compare_answers(before, after, among_samples=self.among_samples)

    def noise(self, key: Key) -> Changes | None:
        """All answers that were asked again at once."""
        found = self.again[key]
        if not found:
            return None
        flips: Counter[tuple[str, str]] = Counter()
        return Changes(
            moved=np.concatenate([part.moved for part in found]),
            groups=tuple(group for part in found for group in part.groups),
            flips=flips,
        )

    def list_unwatched(self) -> Iterator[str]:
        """What is of one date alone, in words. A judge that the manifest has no longer was taken out on purpose."""
        judges = {judge for _, judge in self.now_cells}
        for task, judge in dict.fromkeys((*self.first_cells, *self.now_cells)):
            if (task, judge) not in self.first_cells:
                first = self.names[0]
                yield f"{judge} on {task} cannot be watched: it was not asked on {first}; freeze again with --fresh"
            elif (task, judge) not in self.now_cells and judge in judges:
                yield f"{judge} on {task} cannot be watched: it has no answers of {self.names[-1]}"

    def count_anchors(self, key: Key) -> tuple[int, int, int]:
        """The items of a task, those with a first answer, and those whose answers are compared."""
        # Each sample of now may be held against the first one of then.
        asked = {(item, order, 0 if self.among_samples else n) for item, order, n in self.now.get(key, {})}
        first = {item for item, _, _ in self.first[key]}
        both = {request[0] for request in self.first[key] if request in asked}
        return self.anchors.get(key[0], len(first)), len(first), len(both)

    def rows(self, key: Key, parts: Sequence[Changes]) -> Floats:
        """The mean change of each cluster, a row for each part."""
        return np.stack([part.by_group(self.groups[key]) for part in parts])


@dataclass(frozen=True, kw_only=True)
class _Pair:
    """One cell at the first date and now, as units under the rules of now."""

    first: CellTable
    now: CellTable
    metric: Metric
    name: str

    @classmethod
    def of(cls, first: RecordedCell, now: RecordedCell, find_metric: Callable[[str], Metric]) -> _Pair:
        # By one protocol: the manifest may score otherwise since, which changes no answer.
        return cls(
            first=build_cell(first.answers(), now.protocol),
            now=build_cell(now.answers(), now.protocol),
            metric=find_metric(now.metric),
            name=now.metric,
        )


def _by_key(cells: Sequence[RecordedCell]) -> dict[Key, RecordedCell]:
    return {(cell.task, cell.judge): cell for cell in cells}


def _compare_scores(pairs: Mapping[Key, _Pair], settings: ReportSettings, *, seed: int) -> dict[Key, Comparison]:
    """The metric now against the first date, all judges and tasks as one family."""
    rules = rules_of(settings, seed=seed)
    contests = {
        key: Contest([Round({_NOW: pair.now, _FIRST: pair.first}, pair.metric, name=pair.name)])
        for key, pair in pairs.items()
    }
    gaps = [contest.meet(_NOW, _FIRST).gap for contest in contests.values()]
    family = family_of_gaps([gap for gap in gaps if gap is not None], draws=rules.draws, seed=rules.seed)
    return {
        key: compare_pair(
            contests[key],
            _NOW,
            _FIRST,
            metric_name=pair.name,
            family=family,
            rules=rules,
            greater_is_better=getattr(pair.metric, "greater_is_better", True),
            unit=unit_of(pair.metric, name=pair.name),
        )
        for key, pair in pairs.items()
    }


def _tell_cell(key: Key, read: _Reader, pair: _Pair, score: Comparison, confidence: float, alpha: float) -> CellDrift:
    noise, parts, last = read.noise(key), read.since_first[key], read.since_last[key]
    grown: Floats = np.empty(0)
    if noise is not None and len(noise.moved) and parts:
        grown = evidence(read.rows(key, read.again[key]), read.rows(key, parts), alpha=alpha)
    rang = np.flatnonzero(grown >= alarm_level(alpha))
    now = parts[-1] if parts else Changes(moved=np.zeros(len(read.first[key])), groups=(), flips={})
    flips = sorted(now.flips.items(), key=lambda pair: (-pair[1], pair[0]))[:_MOST_FLIPS]
    first_position = [_first_position(table, confidence) for table in (pair.first, pair.now)]
    anchors, anchors_first, anchors_both = read.count_anchors(key)
    statuses = [table.requests.statuses for table in (pair.first, pair.now)]
    return CellDrift(
        task=key[0],
        judge=key[1],
        n=len(now.moved),
        anchors=anchors,
        anchors_first=anchors_first,
        anchors_both=anchors_both,
        failed=int(statuses[1][Status.ERROR.value]),
        changed=now.count,
        noise=None if noise is None else noise.rate(confidence=confidence),
        since_first=now.rate(confidence=confidence) if parts else Measurement(0.0),
        since_last=None if last is None else last.rate(confidence=confidence),
        flips=tuple(Flip(before=before, after=after, count=count) for (before, after), count in flips),
        evidence=float(grown[-1]) / math.log(10) if len(grown) else None,
        needed=alarm_level(alpha) / math.log(10),
        # The first date was compared with nothing.
        alarm=read.names[int(rang[0]) + 1] if len(rang) else None,
        metric=score.metric,
        unit=score.unit,
        greater_is_better=score.greater_is_better,
        score_first=score.value_b,
        score_now=score.value_a,
        score_change=Measurement(score.difference, score.ci_low, score.ci_high),
        p_adjusted=score.p_adjusted,
        first_position_before=first_position[0],
        first_position_now=first_position[1],
        unread_before=_unread(statuses[0]),
        unread_now=_unread(statuses[1]),
    )


def _first_position(table: CellTable, confidence: float) -> float | None:
    return next((e.value for e in consistency(table, confidence=confidence) if e.metric == "first_position"), None)


def _unread(statuses: Mapping[str, int]) -> float:
    """Share of requests without a verdict. Failures of the machinery say nothing about the judge."""
    asked = sum(statuses.values()) - statuses[Status.ERROR.value]
    return 0.0 if asked == 0 else 1 - statuses[Status.OK.value] / asked


def _tell_judge(name: str, read: _Reader) -> JudgeDrift:
    first = next(cell for (_, judge), cell in read.first_cells.items() if judge == name)
    now = next(cell for (_, judge), cell in read.now_cells.items() if judge == name)
    was, became = first.usage(), now.usage()
    quick = [_latencies(cell) for cell in (first, now)]
    names = [{_bare_model(model) for model in usage.models} for usage in (was, became)]
    return JudgeDrift(
        judge=name,
        models_before=was.models,
        models_now=became.models,
        # A server that says nothing now, and something then, has not said that it is another one.
        is_other_model=bool(names[0] and names[1] - names[0]),
        is_set_up_otherwise=first.judge_key != now.judge_key,
        usd_per_answer_before=was.cost_usd / was.priced if was.priced else None,
        usd_per_answer_now=became.cost_usd / became.priced if became.priced else None,
        latency_p50_before=nearest_rank(quick[0], 0.5),
        latency_p50_now=nearest_rank(quick[1], 0.5),
        latency_p95_before=nearest_rank(quick[0], 0.95),
        latency_p95_now=nearest_rank(quick[1], 0.95),
    )


def _bare_model(model: str) -> str:
    """The name without the fingerprint of the configuration, which a server changes at any time."""
    name, bracket, rest = model.rpartition(" (")
    return name if bracket and rest.endswith(")") else model


def _latencies(cell: RecordedCell) -> list[float]:
    journal = Journal(source_of(cell).journal, readonly=True)
    try:
        return journal.latencies(cell.judge_key)
    finally:
        journal.close()

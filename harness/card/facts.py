"""What a card is made of: the files of a run, and what plugins and the manifest say of the judge and its tasks."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.api import JournalError, Measurement, PluginError, UserError
from harness.drift.history import read_history
from harness.drift.records import explain_unwatched
from harness.explain.records import Finding, read_explanations
from harness.libraries.text import clean
from harness.manifest.load import load_manifest
from harness.pipeline.session import report_run, why_unreported
from harness.recorded.load import RecordedRun, load_run
from harness.report.faithfulness import FILE, digest_answers
from harness.report.records import Leaderboard, LeaderboardRow
from harness.runner.folder import MANIFEST, RECORD, SCORES, read_kept
from harness.score.criteria import list_places
from harness.score.direct import UnitStatistics
from harness.score.records import CellScores

if TYPE_CHECKING:
    from harness.discovery import Plugins

_DAMAGE = (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError)


@dataclass(frozen=True, kw_only=True)
class CardOrigin:
    """Where a plugin object comes from, by its card."""

    id: str
    """Canonical id."""
    summary: str = ""
    """One line."""
    licence: str = ""
    """Of code, data or weights."""
    source: str = ""
    """Paper, repository or dataset."""


@dataclass(frozen=True, kw_only=True)
class Habit:
    """The verdict that a judge gives most often on a task."""

    verdict: str
    """By name, in canonical places."""
    says: Measurement
    """Its share of the verdicts."""
    right: Measurement
    """Its share of the right verdicts of the same items."""
    n: int
    """Verdicts."""


@dataclass(frozen=True, kw_only=True)
class PlaceHabit:
    """Where candidates stood on a task."""

    candidates: int
    """Those of an item."""
    right: Measurement | None = None
    """Share of the right verdicts that were in the first place shown; `None` where the answers were not read."""


@dataclass(frozen=True, kw_only=True)
class Drift:
    """What the newest snapshot of a drift says of a judge on a task."""

    task: str
    """Name of the task."""
    until: str
    """Name of the snapshot."""
    changed: Measurement
    """Share of answers that changed since the first snapshot."""
    noise: Measurement | None
    """Share that changed when all was asked again at once; `None` where it was not."""
    alarm: str | None
    """The snapshot at which the evidence for a drift was enough; `None` where it is not."""
    unmeasured: str = ""
    """Why no drift could be seen. Empty where it could."""


@dataclass(frozen=True, kw_only=True)
class CardFacts:
    """All that is known of one judge of a run."""

    run: str
    """Name of the run folder."""
    judge: str
    """Its name on the board."""
    name: str
    """Its name in the run."""
    origin: CardOrigin
    """Where it comes from."""
    options: Mapping[str, Any]
    """Its options in the manifest, secrets as `${env:NAME}`."""
    board: Leaderboard
    """The leaderboard of the run."""
    scores: tuple[CellScores, ...]
    """Its scores, by task."""
    tasks: Mapping[str, CardOrigin]
    """Where each task comes from, by its name in the plan."""
    habits: Mapping[str, Habit] | None = None
    """What it says most often, by task; `None` where its answers were not read."""
    places: Mapping[str, PlaceHabit] = field(default_factory=dict)
    """Where candidates stood, by task; of tasks that have some."""
    drifts: tuple[Drift, ...] = ()
    """What is known of its drift, by task."""
    record: Mapping[str, Any] = field(default_factory=dict)
    """The content of `run.json`."""
    findings: tuple[Finding, ...] = ()
    """What was explained of it."""
    explained: str = ""
    """Why there are no findings, or what is wrong with them. Empty where all is well."""

    def read_record(self, name: str) -> Mapping[str, Any]:
        """A part of `run.json`, which anybody may have written: empty where it is no mapping."""
        found = self.record.get(name)
        return {str(key): value for key, value in found.items()} if isinstance(found, dict) else {}

    @property
    def rows(self) -> Mapping[str, LeaderboardRow]:
        """Its rows on the leaderboard, by task."""
        return {row.task: row for row in self.board.rows if row.judge == self.judge and row.task and not row.category}


def gather_facts(folder: Path, judge: str, plugins: Plugins, *, drift: Path | None = None) -> CardFacts:
    """Read a run, which is scored first if need be.

    Args:
        folder: The run folder.
        judge: Name of the judge.
        plugins: The installed plugins.
        drift: The folder of a drift of this judge.

    Raises:
        UserError: It is no run folder, nothing was judged, or there is no such judge.
    """
    report = report_run(folder, plugins, reuse=True)
    if report is None:
        raise JournalError(f"{folder}: {why_unreported(folder)}")
    return read_facts(load_run(folder), judge, Leaderboard.from_json(report.leaderboard), plugins, drift=drift)


def read_facts(
    run: RecordedRun,
    judge: str,
    board: Leaderboard,
    plugins: Plugins | None,
    *,
    name: str = "",
    drift: Path | None = None,
    habits: bool = True,
) -> CardFacts:
    """Read what the files of a run say of a judge. Nothing is scored.

    Args:
        run: The run.
        judge: Name of the judge on the board.
        board: The board.
        plugins: The installed plugins; `None`: licences and sources are not known.
        name: Its name in the run, where the board has another one.
        drift: The folder of a drift of this judge.
        habits: Whether all of its answers are read for what it says most often.

    Raises:
        UserError: There is no such judge, or a file cannot be read.
    """
    folder, name = run.folder, name or judge
    names = list(dict.fromkeys(row.judge for row in board.rows))
    if judge not in names:
        raise UserError(
            f"{folder}: there is no judge {clean(judge)!r} in this run; it has {', '.join(map(clean, names))}"
        )
    try:
        scores = [CellScores.from_json(cell) for cell in json.loads(read_kept(folder / SCORES))["cells"]]
    except _DAMAGE as error:
        raise JournalError(f"{folder / SCORES}: cannot be read; call `harness score` on the run") from error
    rows = [row for row in board.rows if row.judge == judge and row.task]
    findings, explained = _read_findings(folder, name)
    return CardFacts(
        run=folder.name,
        judge=judge,
        name=name,
        origin=_find_origin(plugins, "judge", rows[0].judge_id),
        options={} if plugins is None else _find_options(folder, name, plugins),
        board=board,
        scores=tuple(cell for cell in scores if cell.judge == name),
        tasks={row.task: _find_origin(plugins, "task", row.task_id) for row in rows},
        habits=dict(_find_habits(run, name)) if habits else None,
        places=dict(_find_places(run, name, read_all=habits)),
        drifts=() if drift is None else tuple(_read_drifts(drift, name)),
        record=_read_record(folder),
        findings=findings,
        explained=explained,
    )


def _find_origin(plugins: Plugins | None, kind: str, id: str) -> CardOrigin:
    if plugins is None:
        return CardOrigin(id=id)
    try:
        card = plugins.find(kind, id).card
    except PluginError:  # not installed here: the run is still what it is
        return CardOrigin(id=id)
    return CardOrigin(id=id, summary=card.summary, licence=card.licence, source=card.source)


def _find_options(folder: Path, judge: str, plugins: Plugins) -> Mapping[str, Any]:
    """The options of the entry of this name. Those that an entry unfolds into have none of their own to show."""
    try:
        content = load_manifest(folder / MANIFEST, plugins=plugins).content
    except UserError:
        return {}
    entries = [entry for entry in content.get("judges", ()) if entry.get("name") == judge]
    return dict(entries[0].get("with", {})) if entries else {}


def _find_habits(run: RecordedRun, judge: str) -> Iterator[tuple[str, Habit]]:
    """The most frequent verdict on each task, with its share of what is right."""
    statistics = UnitStatistics()
    for cell in run.cells:
        if cell.judge != judge:
            continue
        said = [
            (a, a.space.name(a.space.to_canonical(a.verdict, a.order) if a.order else a.verdict))
            for a in cell.answers()
            if a.verdict is not None
        ]
        if not said:
            continue
        counts = Counter(name for _, name in said)
        # Of two that are as frequent the first by name, so that the card of a run is always the same.
        most = min(counts, key=lambda name: (-counts[name], name))
        groups = [answer.group for answer, _ in said]
        says, right = (
            statistics.measure_share(np.array(hits, dtype=float), groups, confidence=run.report.confidence)
            for hits in ([name == most for _, name in said], [a.space.name(a.gold) == most for a, _ in said])
        )
        yield cell.task, Habit(verdict=most, says=says, right=right, n=len(said))


def _find_places(run: RecordedRun, judge: str, *, read_all: bool) -> Iterator[tuple[str, PlaceHabit]]:
    """How many candidates there were on each task, and how often the first one shown was right."""
    for cell in run.cells:
        answers = cell.answers() if cell.judge == judge else iter(())
        head = next(answers, None)
        if head is None or not head.space.candidate_count:
            continue
        hits: list[bool] = []
        groups: list[str] = []
        for answer in chain([head], answers) if read_all else ():
            # Of the answers that name a place: those are what the share of the judge is of.
            if answer.verdict is None or not list(list_places(answer.space, answer.verdict)):
                continue
            gold = answer.space.to_shown(answer.gold, answer.order) if answer.order else answer.gold
            found = list(list_places(answer.space, gold))
            hits += [place == 0 for place in found]
            groups += [answer.group] * len(found)
        right = UnitStatistics().measure_share(np.array(hits, dtype=float), groups, confidence=run.report.confidence)
        yield cell.task, PlaceHabit(candidates=head.space.candidate_count, right=right if hits else None)


def _read_drifts(folder: Path, judge: str) -> Iterator[Drift]:
    """The newest snapshot of a drift.

    Raises:
        UserError: There is none, or it is damaged.
    """
    history = read_history(folder)
    if not history:
        raise UserError(f"{folder}: there is no snapshot of a drift; give a folder that `harness drift` made")
    try:
        for cell in history[-1].cells:
            if cell["judge"] == judge:
                yield Drift(
                    task=str(cell["task"]),
                    until=history[-1].snapshot,
                    changed=Measurement(**cell["since_first"]),
                    noise=None if cell["noise"] is None else Measurement(**cell["noise"]),
                    alarm=cell["alarm"],
                    unmeasured=_find_why_unmeasured(cell, dates=len(history)),
                )
    except (KeyError, TypeError) as error:
        raise UserError(f"{folder}: its newest snapshot cannot be read; call `harness drift` with --no-ask") from error


def _find_why_unmeasured(cell: Mapping[str, Any], *, dates: int) -> str:
    """Why no drift could be seen in a cell of a history."""
    if dates < 2:
        return "there is one date, and nothing to compare it with"
    known = [cell.get(name) for name in ("anchors", "anchors_first", "anchors_both")]
    # A line of an older version does not count its anchors.
    anchors, first, both = (int(n) for n in known) if None not in known else [int(cell["n"])] * 3  # type: ignore[arg-type]
    has_noise = cell["noise"] is not None and cell["noise"]["value"] is not None
    return explain_unwatched(anchors=anchors, first=first, both=both, has_noise=has_noise)


def _read_record(folder: Path) -> Mapping[str, Any]:
    try:
        record = json.loads(read_kept(folder / RECORD))
    except _DAMAGE:
        return {}
    return record if isinstance(record, dict) else {}


def _read_findings(folder: Path, judge: str) -> tuple[tuple[Finding, ...], str]:
    if not (folder / FILE).is_file():
        return (), "Not measured. `harness explain` does it."
    found = read_explanations(folder)
    if found is None:
        return (), f"`{FILE}` cannot be read; call `harness explain` again."
    # A run may have gone on, or been read again, since its answers were explained.
    stale = found.answers != digest_answers(folder)
    own = tuple(finding for finding in found.findings if finding.judge == judge)
    return own, "These are about earlier answers of this run; call `harness explain` again." if stale else ""

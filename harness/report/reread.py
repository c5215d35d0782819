"""The recorded answers of a run, read again with today's reader. No judge is asked.

journal  --answers, with the requests of the recorded plan rendered again-->  new readings  -->  journal

Only what `Request.read` once made of a text is read again: no failure, no refusal, no vote, and no verdict that came
from numbers or was given as such. What was there before is kept in the journal's table `replaced`.
"""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.api import AnswerSpace, JournalError, Judgement, RecordedCell, Request, Status, UserError, reason_of
from harness.recorded.journal import RecordedJournal
from harness.recorded.load import load_run, source_of
from harness.runner.folder import JOURNAL, MANIFEST, lock_folder
from harness.runner.requests import PlannedRequest, stream_requests
from harness.runner.rows import JudgementRow, judgement_from_row

if TYPE_CHECKING:
    from harness.discovery import Plugins
    from harness.runner.planned import PlannedTask

# Requests that are looked up in the journal at a time. Some hold images, so it is not thousands.
_CHUNK = 128
# Texts kept of each kind of change. Thousands of answers may change in one way.
_EXAMPLES = 3
# Letters kept of a text, from its end, where verdicts stand.
_LONGEST_END = 300
# Refusals and failures came from no reading, and draws from several.
_READ_AGAIN = (Status.OK, Status.UNPARSED, Status.OUTSIDE, Status.TRUNCATED)
# How the record of a vote of several samples begins, in journals that do not say what was read.
_VOTED = "--- sample 1 ---"
# Judges that score write their numbers into the text. Their verdicts come from these, not from reading.
_NUMBERS = re.compile(r"[\s\d.,eE+-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingSummary:
    """What a reader makes of an answer."""

    status: str
    """`ok`, `unparsed`, `outside` or `truncated`."""
    verdict: str | None
    """The verdict by name, in shown places."""
    reason: str | None
    """Why there is none."""

    def __str__(self) -> str:
        if self.verdict is not None:
            return self.verdict
        return f"({self.status})" if self.reason == self.status else f"({self.status}: {self.reason})"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedAnswer:
    """An answer that is read otherwise today."""

    item: str
    """Id of the item."""
    order: tuple[int, ...]
    """The permutation that was shown."""
    sample: int
    """Number of the repeat."""
    before: ReadingSummary
    """As recorded."""
    after: ReadingSummary
    """As read now."""
    text: str
    """The end of the answer, of the first few of each change; empty of the others."""


@dataclass(slots=True, kw_only=True)
class CellReread:
    """One judge on one task, read again."""

    task: str
    """Name of the task."""
    judge: str
    """Name of the judge."""
    read: int = 0
    """Answers that were read again."""
    kept: int = 0
    """Answers that are no reading of a text, and stay."""
    unsure: int = 0
    """Answers of an earlier version, which did not record where a verdict came from, that would change although their
    text does not name the recorded verdict. They stay as well."""
    changed: list[ChangedAnswer] = field(default_factory=list)
    """Answers that are read otherwise."""
    counts: Counter[tuple[ReadingSummary, ReadingSummary]] = field(default_factory=Counter)
    """How many went from what to what."""

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "task": self.task,
            "judge": self.judge,
            "read": self.read,
            "kept": self.kept,
            "unsure": self.unsure,
            "changes": [
                {"before": _plain(before), "after": _plain(after), "count": count}
                for (before, after), count in self.counts.most_common()
            ],
            "changed": [
                {
                    "item": answer.item,
                    "order": list(answer.order),
                    "sample": answer.sample,
                    "before": _plain(answer.before),
                    "after": _plain(answer.after),
                }
                for answer in self.changed
            ],
        }


def reread_run(folder: Path, plugins: Plugins, *, dry_run: bool) -> list[CellReread]:
    """Read the answers of a run again, and put what is new into its journal. Its reports stay.

    Args:
        folder: The run folder.
        plugins: The installed plugins.
        dry_run: Change nothing.

    Returns:
        What became of each cell, in the order of the manifest.

    Raises:
        JournalError: It is no run folder, or its questions cannot be rendered as they were asked. Nothing is changed.
    """
    run = load_run(folder)
    # Everything is checked before the folder is locked and the first answer changed.
    planned = _plan_tasks(folder, plugins, cells=run.cells)
    if dry_run:
        return _reread(folder, run.cells, planned)[0]
    # A run that goes on at the same time would write into the same journal.
    with lock_folder(folder):
        # All changes are collected first: a request that cannot be rendered half-way through then changes nothing.
        cells, changes = _reread(folder, run.cells, planned)
        if changes:
            journal = RecordedJournal(folder / JOURNAL)
            try:
                journal.replace_readings(changes, time=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
            finally:
                journal.close()
    return cells


_Change = tuple[str, str, Judgement]
"""Key of the judge, key of the request, the new judgement."""


def _plan_tasks(folder: Path, plugins: Plugins, *, cells: Sequence[RecordedCell]) -> dict[str, PlannedTask]:
    """The tasks of the recorded manifest by name, checked to ask what they asked then."""
    from harness.manifest.load import load_manifest
    from harness.runner.plan import plan_tasks

    if not (folder / MANIFEST).is_file():
        raise JournalError(f"{folder}: has no {MANIFEST}, by which its questions could be rendered again")
    with _explain_errors(folder):
        loaded = load_manifest(folder / MANIFEST, plugins=plugins)
        made = {task.name: task for task in plan_tasks(loaded, plugins, workspace=folder.parent / ".workspace").tasks}
    journal = RecordedJournal(folder / JOURNAL, readonly=True)
    try:
        known = {cell.task: cell.fingerprint for cell in journal.cells()}
    finally:
        journal.close()
    for name in dict.fromkeys(cell.task for cell in cells):
        if name not in made:
            raise JournalError(f"{folder}: its manifest makes no task {name!r} any more; restore its data or plugin")
        with _explain_errors(folder):
            fingerprint = made[name].fingerprint
        # The same name may ask something else today. Its answers are not answers to that.
        if fingerprint != known[name]:
            raise JournalError(
                f"{folder}: task {name!r} is not what it was when the run asked it (its fingerprint was {known[name]}, "
                f"now it is {fingerprint}); use the data and the version of {made[name].id} of that time"
            )
    return made


@contextmanager
def _explain_errors(folder: Path) -> Iterator[None]:
    """Say of an error what it prevents."""
    try:
        yield
    except UserError as error:
        raise JournalError(
            f"{folder}: to read its answers again, its questions have to be rendered again, and they cannot: {error}"
        ) from error


def _reread(
    folder: Path, cells: Sequence[RecordedCell], planned: Mapping[str, PlannedTask]
) -> tuple[list[CellReread], list[_Change]]:
    found = {(cell.task, cell.judge): CellReread(task=cell.task, judge=cell.judge) for cell in cells}
    changes: list[_Change] = []
    journal = RecordedJournal(folder / JOURNAL, readonly=True)
    try:
        for task in dict.fromkeys(cell.task for cell in cells):
            same = [cell for cell in cells if cell.task == task]
            # By task and not by cell: rendering the questions is what takes time, and all judges share them.
            for asks in _stream_recorded(folder, journal, planned[task]):
                for cell in same:
                    changes += _read_chunk(journal, asks, cell, found[task, cell.judge])
    finally:
        journal.close()
    return list(found.values()), changes


def _stream_recorded(folder: Path, journal: RecordedJournal, task: PlannedTask) -> Iterator[list[PlannedRequest]]:
    """The recorded requests of a task, a few at a time.

    Raises:
        JournalError: One is not what the run asked, or is not asked any more.
    """
    missing = sum(journal.statuses(task.name, judge="").values())  # all requests: no judge has the empty key
    asks = stream_requests(task)
    while True:
        with _explain_errors(folder):
            chunk = list(islice(asks, _CHUNK))
        if not chunk:
            break
        known = journal.find_request_keys(task.name, sorted({ask.request_row.item for ask in chunk}))
        recorded = []
        for ask in chunk:
            row = ask.request_row
            key = known.get((row.item, row.place))
            if key is None:
                continue
            # Its answers are kept under the recorded key.
            recorded.append(ask._replace(request_row=row._replace(request=key)))
            if key != row.request and not _is_same(journal.find_content(key), row.content):
                cause = ask.problem or "the data, or the wording of the question, changed since"
                raise JournalError(
                    f"{folder}: task {task.name!r}, item {row.item!r} is not what the run asked: {cause}"
                )
        missing -= len(recorded)
        yield recorded
    if missing:
        raise JournalError(
            f"{folder}: {missing:,} recorded requests of task {task.name!r} are none of its questions now: the data "
            "changed since"
        )


def _is_same(recorded: str, content: str) -> bool:
    """Whether two contents ask the same. The steps of a scale may be written 1 or 1.0, by options of two versions."""
    try:
        return bool(json.loads(recorded) == json.loads(content))
    except ValueError:  # the journal of a part of a run may lack it
        return False


def _read_chunk(
    journal: RecordedJournal, asks: Sequence[PlannedRequest], cell: RecordedCell, found: CellReread
) -> Iterator[_Change]:
    """Read the answers of one judge to a few requests."""
    keys = [key for ask in asks for key in _judgement_keys(ask)]
    rows = journal.find_judgements(cell.judge_key, keys)
    thinking = source_of(cell).thinking
    for ask in asks:
        # A shard, or a run that was stopped, has answered a part of its questions only.
        key = next((key for key in _judgement_keys(ask) if key in rows), None)
        if key is None:
            continue
        row, request = rows[key], ask.request
        if request is None or not _is_reading(row):
            found.kept += 1
            continue
        found.read += 1
        old = judgement_from_row(*row)
        new = _read_again(replace(request, thinking=thinking), old)
        before, after = summarize_reading(old, request.space), summarize_reading(new, request.space)
        if before == after:
            continue
        # Better an old verdict that today's reader would not give than a new one in place of one that was no reading.
        if not _is_sure(row, old, request.space):
            found.unsure += 1
            continue
        found.counts[before, after] += 1
        text = old.raw.strip()[-_LONGEST_END:] if found.counts[before, after] <= _EXAMPLES else ""
        found.changed.append(
            ChangedAnswer(
                item=request.item, order=request.order, sample=request.sample, before=before, after=after, text=text
            )
        )
        yield cell.judge_key, key, new


def _judgement_keys(ask: PlannedRequest) -> tuple[str, str]:
    """Under which a judgement may be kept: by content, or by item as well."""
    return ask.request_row.request, f"{ask.request_row.request}/{ask.request_row.item}"


def _is_reading(row: JudgementRow) -> bool:
    """Whether a judgement came from reading a text. Where an earlier version did not record it, whether it may."""
    if not row.raw.strip() or row.status not in _READ_AGAIN:
        return False
    # `None`: an earlier version, which did not record it.
    recorded = json.loads(row.more).get("read")
    return not row.raw.startswith(_VOTED) if recorded is None else bool(recorded)


def _is_sure(row: JudgementRow, old: Judgement, space: AnswerSpace) -> bool:
    """Whether a verdict came from the text: as recorded, else whether the text names it and is more than numbers."""
    if old.verdict is None or "read" in json.loads(row.more):
        return True
    name = re.escape(space.name(old.verdict))
    return not _NUMBERS.fullmatch(old.raw) and re.search(rf"(?<!\w){name}(?!\w)", old.raw) is not None


def _read_again(request: Request, old: Judgement) -> Judgement:
    """The new reading, with all else that was recorded of the answer."""
    cut = old.cut or ("cut off" if old.status is Status.TRUNCATED else "")  # earlier versions recorded the status alone
    # Reasoning in a field of its own was never part of the text, so it is handed over beside it.
    apart = old.rationale if old.thinking == "apart" else ""
    new = request.read(old.raw, reasoning=apart, opened=old.thinking == "opened", cut=cut)
    new = replace(
        new,
        prompt_tokens=old.prompt_tokens,
        completion_tokens=old.completion_tokens,
        latency_s=old.latency_s,
        cost_usd=old.cost_usd,
        model=old.model,
        # Probabilities belong to the verdict that they were read with.
        probabilities=old.probabilities if new.verdict == old.verdict else None,
    )
    return new.check(request.space)


def summarize_reading(judgement: Judgement, space: AnswerSpace) -> ReadingSummary:
    """What a judgement says, to compare two readings."""
    reason = reason_of(judgement.status, judgement.error)
    return ReadingSummary(
        status=judgement.status.value,
        verdict=None if judgement.verdict is None else space.name(judgement.verdict),
        reason=None if reason is None else reason.value,
    )


def _plain(said: ReadingSummary) -> dict[str, str | None]:
    return {"status": said.status, "verdict": said.verdict, "reason": said.reason}

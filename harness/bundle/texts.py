"""The verdicts of a run held against the texts that they were read from, by the recorded formats. No data are needed.

The words of a question decide in rare cases, where an answer quotes it. They are known where a bundle has the texts of
its requests. Else an answer is read without them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from harness.api import (
    AnswerSpace,
    Judgement,
    Message,
    RecordedCell,
    Request,
    Status,
    UserError,
    Verdict,
    VerdictFormat,
    space_from_json,
    verdict_from_json,
)
from harness.bundle.few import FirstFew
from harness.recorded.load import source_of
from harness.runner.journal import ANSWERS, Journal
from harness.runner.rows import judgement_from_row

if TYPE_CHECKING:
    from harness.discovery import Plugins

_READ = frozenset((Status.OK, Status.UNPARSED, Status.OUTSIDE, Status.TRUNCATED))
"""What reading a text can come to."""
_NUMBERS = re.compile(r"[\s\d.,eE+-]*")  # the texts of judges that score
_VOTED = "--- sample "  # the text of a vote of several samples

_QUERY = (
    "SELECT i.id, a.place, i.space, a.ord, a.sample, a.request, {content}, "
    "j.status, j.verdict, j.probabilities, j.raw, j.more "
    f"FROM asks a JOIN items i ON i.task=a.task AND i.id=a.item JOIN judgements j ON j.judge=? AND {ANSWERS} "
    "{join} WHERE a.task=? ORDER BY a.item, a.place"
)


@dataclass(kw_only=True)
class CellTexts:
    """What the texts of one cell say of its verdicts."""

    read: int = 0
    """Answers that were read again."""
    given: int = 0
    """Verdicts that come from no text, such as those of judges that score: there is nothing to hold them against."""
    faults: FirstFew = field(default_factory=FirstFew)
    """Answers whose record says something else than their text, or cannot be."""
    missing: int = 0
    """Requests without a judgement in a cell that says it is complete."""
    unread: str = ""
    """Why its texts could not be read again; empty where they were."""


def check_texts(cell: RecordedCell, plugins: Plugins, *, questions: bool) -> CellTexts:
    """Read every answer of a cell again.

    Args:
        cell: A cell of a run that was unpacked.
        plugins: The installed plugins, among which its format is looked for.
        questions: Whether the journal has the texts of the requests.
    """
    found = CellTexts()
    reader: VerdictFormat | None = None
    try:
        reader = plugins.find("format", cell.format).create(None, None)
    except UserError as error:
        found.unread = f"the format {cell.format!r} is not installed ({error})"
    source = source_of(cell)
    query = _QUERY.format(
        content="r.content" if questions else "NULL",
        join="LEFT JOIN requests r ON r.key=a.request" if questions else "",
    )
    journal = Journal(source.journal, readonly=True)
    try:
        if cell.state == "complete":
            found.missing = journal.statuses(cell.task, source.judge_key).get("missing", 0)
        answers, asked = _Reader(cell, reader), ("", -1)
        with journal.snapshot() as select:
            for item, place, *row in select(query, (source.judge_key, cell.task)):
                # A judge's key of an answer has the item's id or has it not. With both, one answer counts twice.
                if (item, place) == asked:
                    found.faults.add(f"item {item}, question {place}: it has two answers")
                asked = (item, place)
                answers.check(found, item, *row)
    finally:
        journal.close()
    return found


class _Reader:
    """Reads the answers of one cell. Requests are kept, since a few of them differ where no question is known."""

    def __init__(self, cell: RecordedCell, format: VerdictFormat | None) -> None:
        self._cell, self._format = cell, format
        self._thinking = source_of(cell).thinking
        self._make = lru_cache(maxsize=256)(self._make_request)

    def check(
        self, found: CellTexts, item: str, space: str, order: str, sample: int, key: str, content: str | None, *row: Any
    ) -> None:
        """Check one answer, and note what is wrong with it."""
        request = self._make(space, order, content)
        if self._agrees(request, *row):
            found.read += 1
            return
        old = judgement_from_row(*row)
        problem = self._find_fault(found, request, old)
        if problem:
            shown = f", order {'-'.join(map(str, request.order))}" if request.order else ""
            recorded = _verdict_text(old, request.space)
            found.faults.add(f"item {item}{shown}, sample {sample}: recorded {recorded}: {problem}")

    def _agrees(
        self, request: Request, status: str, verdict: str | None, probabilities: str | None, raw: str, more: str
    ) -> bool:
        """Whether an answer is an ordinary one, and its text says what is recorded. This is nearly every answer.

        `False` settles nothing: the slow way looks at it then.
        """
        if status != "ok" or verdict is None or probabilities is not None or self._format is None:
            return False
        if request.space.candidate_count and len(request.order) != request.space.candidate_count:
            return False
        said = json.loads(more)
        if said.get("read") is not True or said.get("cut") or said.get("thinking"):
            return False
        try:
            found = request.reading(raw).verdict
        except Exception:  # the slow way says what is wrong
            return False
        recorded = _parse_verdict(verdict)
        # True is 1 to Python, and no place.
        return found is not None and type(found) is type(recorded) and found == recorded

    def _find_fault(self, found: CellTexts, request: Request, old: Judgement) -> str:
        """What is wrong with an answer; empty where nothing is."""
        if request.space.candidate_count and len(request.order) != request.space.candidate_count:
            return "the order shown does not fit its space"
        fitting = old.check(request.space)
        if (fitting.status, fitting.error) != (old.status, old.error):
            return "the verdict or its probabilities do not fit the space of the question"
        says = None if self._format is None else self._read(request, old, found)
        if says is None or (says.status, says.verdict) == (fitting.status, fitting.verdict):
            return ""
        return f"its text says {_verdict_text(says, request.space)}"

    def _read(self, request: Request, old: Judgement, found: CellTexts) -> Judgement | None:
        """What the text says; `None` where it need not say what was recorded."""
        if old.read and old.status in _READ:
            found.read += 1
            return _read_again(request, old)
        found.given += old.verdict is not None
        # A verdict that was given, a failure, a refusal. Where the text is a plain answer all the same, it must agree:
        # else the word that it was not read would be the way around the check above.
        if not old.raw.strip() or _NUMBERS.fullmatch(old.raw) or old.raw.startswith(_VOTED):
            return None
        again = _read_again(request, old)
        plain = again.verdict is not None and request.reading(old.raw, opened=old.thinking == "opened").well_formed
        return again if plain else None

    def _make_request(self, space: str, order: str, content: str | None) -> Request:
        shown = tuple(json.loads(order))
        messages = _messages_of(content) if content else ()
        made = Request(
            task=self._cell.task,
            item="",
            messages=messages,
            space=_space(space),
            format=self._format,  # type: ignore[arg-type]  # none is read without one
            order=shown,
            # Without a question nothing can be quoted, so there are no candidates to quote either.
            candidates=() if messages else ((),) * len(shown),
        )
        return replace(made, thinking=self._thinking)


@lru_cache(maxsize=256)
def _space(text: str) -> AnswerSpace:
    return space_from_json(json.loads(text))


@lru_cache(maxsize=1024, typed=True)
def _parse_verdict(text: str) -> Verdict:
    return verdict_from_json(json.loads(text))


def _messages_of(content: str) -> tuple[Message, ...]:
    """The messages of a request as it was recorded. Its pictures are names of pictures, and hold no text."""
    try:
        plain: Mapping[str, Any] = json.loads(content)
        return tuple(
            Message(str(role), tuple(part for part in parts if isinstance(part, str)))
            for role, parts in plain.get("messages", ())
        )
    except (ValueError, TypeError, AttributeError, RecursionError):
        return ()


def _read_again(request: Request, old: Judgement) -> Judgement:
    cut = old.cut or ("cut off" if old.status is Status.TRUNCATED else "")
    apart = old.rationale if old.thinking == "apart" else ""
    try:
        new = request.read(old.raw, reasoning=apart, opened=old.thinking == "opened", cut=cut)
    except Exception as error:  # a format of a plugin, and a text that no test has seen
        return Judgement.failure(Status.ERROR, f"its format fails on it: {error!r}")
    return new.check(request.space)


def _verdict_text(judgement: Judgement, space: AnswerSpace) -> str:
    if judgement.verdict is None:
        return f"({judgement.status.value})"
    return space.name(judgement.verdict) if space.contains(judgement.verdict) else repr(judgement.verdict)

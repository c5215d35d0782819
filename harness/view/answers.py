"""Items and answers from the journals of a book, by keyset: a page costs the same at the end of a run as at its start.

Journals are opened to be read (`mode=ro`), and nothing is kept between two questions.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any

from harness.api import AnswerSpace, Judgement, Rubric, Status, Verdict, reason_of, space_from_json, verdict_from_json
from harness.report.escaping import order_name
from harness.runner.journal import ANSWERS, Journal
from harness.runner.rows import judgement_from_row
from harness.view.book import Book, BookCell
from harness.view.records import AnswerMark, ItemLine, PromptPart, ShownAnswer, ShownItem

_FEWEST, _MOST = 8, 256  # items that are read at a time: few for a look at the next one, many for a walk

# What the verdict's reason is read from. For most answers it is not needed, and it is the widest column but one.
_MORE = "CASE j.status WHEN 'ok' THEN '' ELSE j.more END"


class Answers:
    """The journals of a book, open. Use it in a `with`."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._stack = ExitStack()
        self._open: dict[Path, Journal] = {}

    def __enter__(self) -> Answers:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()

    def lines(self, task: str, *, chances: bool = True) -> Iterator[ItemLine]:
        """Stream the items of a task by id, each with all answers to it.

        Args:
            task: Name of the task.
            chances: Whether answers have their probabilities, which take as long to read as all else.
        """
        cells = self.cells(task)
        for rows in self.parts(task):
            yield from self.join(cells, task, rows, chances=chances)

    def parts(self, task: str, *, after: str = "", backwards: bool = False) -> Iterator[list[Any]]:
        """Stream the rows of a task's items by id, some at a time, for `join`.

        Args:
            task: Name of the task.
            after: Only the items after this id, or before it where `backwards`. Empty: all.
            backwards: Down from the last one.
        """
        cells = self.cells(task)
        if not cells:
            return
        journal, count = self.journal(cells[0]), _FEWEST
        while rows := self._item_rows(journal, task, after, count, backwards=backwards):
            # More each time: who reads on will most likely read a lot.
            count = min(_MOST, count * 4)
            yield rows
            after = rows[-1][0]

    def line(self, task: str, item: str) -> ItemLine | None:
        """One item as in a list, or `None`."""
        cells = self.cells(task)
        if not cells:
            return None
        rows = self.journal(cells[0]).select_all(f"SELECT {_ITEM} FROM items WHERE task=? AND id=?", (task, item))
        return next(self.join(cells, task, rows), None)

    def item(self, task: str, item: str, *, line: ItemLine | None = None) -> ShownItem | None:
        """One item with everything, or `None`."""
        line = line or self.line(task, item)
        if line is None:
            return None
        cells = self.cells(task)
        journal = self.journal(cells[0])
        space_text, tags = journal.select_one("SELECT space, tags FROM items WHERE task=? AND id=?", (task, item))
        space = _space(space_text)
        answers = {}
        # A judge that was not asked, or has not answered yet, has no part of the page.
        for cell in cells:
            found = self._answers(cell, item, space, line.marks.get(cell.judge, ()))
            if found:
                answers[cell.judge] = found
        return ShownItem(
            line=line,
            answers=answers,
            prompt=read_prompt(self._prompt(cells, item)),
            tags={name: str(value) for name, value in _mapping(tags).items()},
            annotations=self._annotations(journal, task, item, space),
        )

    def ordinal(self, task: str, item: str) -> int | None:
        """Place of an item in the data, or `None`."""
        cells = self.cells(task)
        query = "SELECT ordinal FROM items WHERE task=? AND id=?"
        row = self.journal(cells[0]).select_one(query, (task, item)) if cells else None
        return None if row is None else int(row[0])

    def count(self, judge: str) -> int:
        """How many answers a judge has given. Not by status, which would read each of them."""
        cell = self._book.of_judge(judge)[0]
        return int(self.journal(cell).select_one("SELECT count(*) FROM judgements WHERE judge=?", (cell.key,))[0])

    def reasons(self, task: str, item: str, judges: Sequence[str]) -> dict[str, list[str]]:
        """What some judges gave as reasons for their answers to an item, in the order of the requests."""
        found = {}
        for cell in self.cells(task, judges):
            rows = self.journal(cell).select_all(
                f"SELECT j.status, j.verdict, NULL, j.raw, j.more FROM asks a "
                f"JOIN judgements j ON j.judge=? AND {ANSWERS} WHERE a.task=? AND a.item=? ORDER BY a.place",
                (cell.key, task, item),
            )
            found[cell.judge] = [reason_text(judgement_from_row(*row)) for row in rows]
        return found

    def cells(self, task: str, judges: Sequence[str] | None = None) -> list[BookCell]:
        """The cells of a task, all or those of some judges."""
        return [cell for cell in self._book.of_task(task) if judges is None or cell.judge in judges]

    def journal(self, cell: BookCell) -> Journal:
        """The journal that a cell's answers are in."""
        # Opening one checks its tables, which takes longer than most questions.
        journal = self._open.get(cell.journal)
        if journal is None:
            journal = self._stack.enter_context(closing(Journal(cell.journal, readonly=True)))
            self._open[cell.journal] = journal
        return journal

    def _item_rows(self, journal: Journal, task: str, after: str, count: int, *, backwards: bool) -> list[Any]:
        # By id and not by place in the data: the key of the table is the id, so that no page reads the ones before it.
        where, order = ("id<?", "DESC") if backwards else ("id>?", "ASC")
        if not after:
            where = "?=''"  # so that the statement has the same values in both cases
        return journal.select_all(
            f"SELECT {_ITEM} FROM items WHERE task=? AND {where} ORDER BY id {order} LIMIT {count}", (task, after)
        )

    def join(
        self, cells: Sequence[BookCell], task: str, rows: Sequence[Any], *, chances: bool = True
    ) -> Iterator[ItemLine]:
        """The items of some rows of `parts`, with the answers of some cells."""
        low, high = sorted((rows[0][0], rows[-1][0])) if rows else ("", "")
        texts = {row[0]: (row[4], row[5]) for row in rows}
        marks: dict[str, dict[str, list[AnswerMark]]] = {row[0]: {} for row in rows}
        column = "j.probabilities" if chances else "NULL"
        for cell in cells:
            found = self.journal(cell).select_all(
                f"SELECT a.item, a.ord, j.status, j.verdict, {column}, {_MORE} FROM asks a "
                f"JOIN judgements j ON j.judge=? AND {ANSWERS} WHERE a.task=? AND a.item BETWEEN ? AND ? "
                "ORDER BY a.item, a.place",
                (cell.key, task, low, high),
            )
            for item, *answer in found:
                # SQLite and Python may order two ids differently, so a row between them need not be one of these.
                if item in texts:
                    marks[item].setdefault(cell.judge, []).append(_mark(*texts[item], *answer))
        for item, ordinal, group, category, space_text, gold_text, *_ in rows:
            own = {judge: tuple(answers) for judge, answers in marks[item].items()}
            space = _space(space_text)
            yield ItemLine(task, item, ordinal, category, group, space.name(_verdict(gold_text)), own)

    def _answers(self, cell: BookCell, item: str, space: AnswerSpace, marks: Sequence[AnswerMark]) -> list[ShownAnswer]:
        rows = self.journal(cell).select_all(
            "SELECT a.ord, a.sample, j.status, j.verdict, j.probabilities, j.raw, j.more FROM asks a "
            f"JOIN judgements j ON j.judge=? AND {ANSWERS} WHERE a.task=? AND a.item=? ORDER BY a.place",
            (cell.key, cell.cell.task, item),
        )
        shown = []
        # While a run goes on, an answer may have come in between two questions: it is on the page after the next look.
        for (order_text, sample, *row), mark in zip(rows, marks, strict=False):
            order = tuple(json.loads(order_text))
            judgement = judgement_from_row(*row)
            said = "" if judgement.verdict is None else space.name(judgement.verdict)
            shown.append(
                ShownAnswer(
                    order=order_name(order) if len(order) > 1 else "",
                    sample=sample,
                    mark=mark,
                    shown=said,
                    judgement=judgement,
                    chances=_chances(space, judgement.probabilities or {}, order),
                )
            )
        return shown

    def _prompt(self, cells: Sequence[BookCell], item: str) -> str:
        """The content of the item's first request."""
        row = self.journal(cells[0]).select_one(
            "SELECT r.content FROM asks a JOIN requests r ON r.key=a.request WHERE a.task=? AND a.item=? "
            "ORDER BY a.place LIMIT 1",
            (cells[0].cell.task, item),
        )
        return "{}" if row is None else str(row[0])

    def _annotations(self, journal: Journal, task: str, item: str, space: AnswerSpace) -> dict[str, str]:
        if not journal.has_table("annotations"):  # a journal of an earlier version
            return {}
        row = journal.select_one("SELECT verdicts FROM annotations WHERE task=? AND item=?", (task, item))
        said = {} if row is None else _mapping(row[0])
        return {name: _name(space, verdict_from_json(value)) for name, value in said.items()}


_ITEM = "id, ordinal, grp, category, space, gold"


def _mark(
    space_text: str,
    gold_text: str,
    order_text: str,
    status: str,
    verdict_text: str | None,
    chances: str | None,
    more: str,
) -> AnswerMark:
    """One answer, as short as a list needs it."""
    if verdict_text is None:
        error = str(json.loads(more).get("error", "")) if more else ""
        reason = reason_of(Status(status), error)
        return AnswerMark("unread", "", "" if reason is None else reason.value, None, None)
    mark, said = _read_mark(space_text, gold_text, order_text, verdict_text)
    confidence = json.loads(chances).get(said) if chances else None
    return mark._replace(confidence=confidence) if isinstance(confidence, int | float) else mark


# A million answers are made of few verdicts, golds and orders, and most of the time would go into reading them.
@lru_cache(maxsize=8192)
def _read_mark(space_text: str, gold_text: str, order_text: str, verdict_text: str) -> tuple[AnswerMark, str]:
    """An answer with a verdict, without its probability; and the name of what the judge said."""
    # The judge spoke of places as it saw them, and the gold is in those of the item.
    space, gold, order, shown = _space(space_text), _verdict(gold_text), _order(order_text), _verdict(verdict_text)
    verdict = space.to_canonical(shown, order or _straight(space))
    kind = "agrees" if space.agrees(verdict, gold) else "differs"
    first = shown == 0 if len(order) > 1 and isinstance(shown, int) else None
    return AnswerMark(kind, _name(space, verdict), "", None, first), space.name(shown)


def _straight(space: AnswerSpace) -> tuple[int, ...]:
    """The order of a request that has none: its question itself has all that is compared."""
    return tuple(range(space.candidate_count))


def reason_text(judgement: Judgement) -> str:
    """Why a judge says what it says. Where it says nothing that can be read, its answer is all there is."""
    return judgement.rationale or ("" if judgement.status is Status.OK else judgement.raw or judgement.error)


def _name(space: AnswerSpace, verdict: Verdict) -> str:
    """The name of a verdict. One that the space does not know, as a person may give, stands for itself."""
    return space.name(verdict) if space.contains(verdict) else str(verdict)


def _chances(space: AnswerSpace, said: Mapping[str, float], order: tuple[int, ...]) -> list[tuple[str, float]]:
    """Probabilities in canonical places."""
    found, order = [], order or _straight(space)
    for name, chance in said.items():
        if not isinstance(chance, int | float):  # a journal may be somebody else's
            continue
        criterion, _, value = name.partition(":")
        if isinstance(space, Rubric) and space.read(name) is None and criterion in space.names:
            own = space.spaces[space.place_of(criterion)]
            part = own.read(value)
            shown = name if part is None else f"{criterion}: {own.name(own.to_canonical(part, order))}"
        else:
            verdict = space.read(name)
            shown = name if verdict is None else space.name(space.to_canonical(verdict, order))
        found.append((shown, chance))
    return sorted(found, key=lambda pair: (-pair[1], pair[0]))


def read_prompt(content: str) -> list[PromptPart]:
    """The messages of a request, as its content keeps them: pictures are their keys."""
    parts = []
    try:
        for role, texts in _mapping(content).get("messages", ()):
            for part in texts:
                image = str(part.get("image", "")) if isinstance(part, dict) else ""
                parts.append(PromptPart(role=str(role), text="" if image else str(part), image=image))
    except (TypeError, ValueError):  # no content of ours
        return []
    return parts


def _mapping(text: str) -> dict[str, Any]:
    try:
        plain = json.loads(text)
    except ValueError:
        return {}
    return plain if isinstance(plain, dict) else {}


# Texts of spaces, verdicts and orders are few, and each stands in thousands of rows.
@lru_cache(maxsize=256)
def _space(text: str) -> AnswerSpace:
    return space_from_json(json.loads(text))


@lru_cache(maxsize=4096)
def _verdict(text: str) -> Verdict:
    return verdict_from_json(json.loads(text))


@lru_cache(maxsize=1024)
def _order(text: str) -> tuple[int, ...]:
    return tuple(json.loads(text))

"""Parts of lists for a server: a page looks at so many items and no more, so that a rare thing costs no more time.

Where few items match, a page says how far it has looked, and leads on from there.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from harness.view.answers import Answers
from harness.view.book import Book
from harness.view.filters import Filter
from harness.view.pages.items import Window
from harness.view.pages.pair import show_differences
from harness.view.records import ItemLine, ShownItem
from harness.view.scan import scan
from harness.view.site import Site

ROWS = 50
"""Items on a page."""

_MOST_ANSWERS = 6000  # that are looked at for a page: about 100 ms
_MOST_SECONDS = 0.1
_MOST_DIFFERENCES = 12


def list_window(book: Book, answers: Answers, task: str, wanted: Filter, *, after: str) -> Window:
    """The next items of a list.

    Args:
        book: The runs.
        answers: Their journals, open.
        task: Name of the task.
        wanted: What the list is narrowed to.
        after: The id after which it begins; empty at the start.
    """
    judges = wanted.judges
    count = len(book.of_task(task)) if judges is None else len(judges)
    most = max(ROWS + 1, _MOST_ANSWERS // max(1, count))
    found: list[ItemLine] = []
    # Texts may be of any length, so that a number of answers says little about the time that they take.
    scanned, last, more, until = 0, after, False, time.thread_time() + _MOST_SECONDS
    for item, line in scan(answers, task, wanted, after=after):
        # One more than is shown, to know whether anything follows.
        if len(found) == ROWS or scanned == most or time.thread_time() > until:
            more = True
            break
        scanned, last = scanned + 1, item
        if line is not None:
            found.append(line)
    if judges is not None:  # only some of the answers were read
        found = [whole for kept in found if (whole := answers.line(task, kept.item)) is not None]
    return Window(
        lines=found,
        following=last if more else "",
        scanned=scanned,
        more=more,
        reasons=_load_reasons(answers, found, wanted),
    )


def _load_reasons(answers: Answers, lines: Sequence[ItemLine], wanted: Filter) -> dict[str, dict[str, list[str]]]:
    """The reasons that stand beside answers, by item and judge."""
    shown = wanted.reasoning
    if shown == []:
        return {}
    return {
        line.item: answers.reasons(line.task, line.item, list(line.marks) if shown is None else shown) for line in lines
    }


def find_near(answers: Answers, task: str, item: str, wanted: Filter) -> tuple[str, str]:
    """Ids of the items before and after an item on a list; empty where there is none near."""
    # A quarter for each direction, since the item itself takes time as well. As if there were eight judges.
    most = _MOST_ANSWERS // 4 // max(1, len(wanted.judges or "12345678"))

    def find(*, backwards: bool) -> str:
        found = islice(scan(answers, task, wanted, after=item, backwards=backwards), most)
        return next((name for name, line in found if line is not None), "")

    return find(backwards=True), find(backwards=False)


def find_differences(site: Site, answers: Answers, a: str, b: str) -> list[dict[str, Any]]:
    """Some items on which two judges differ, with both reasons."""
    wanted = Filter(judge=a, against=b)
    # Of each task some, so that the page is about the two judges and not about the first task.
    tasks = [task for task in site.book.tasks if site.book.find(task, a) and site.book.find(task, b)]
    each = max(1, _MOST_DIFFERENCES // max(1, len(tasks)) + 1)
    most = _MOST_ANSWERS // 4 // max(1, len(tasks))

    def find(task: str) -> Iterator[ShownItem]:
        found = islice(scan(answers, task, wanted), most)
        for name in islice((name for name, line in found if line is not None), each):
            shown = answers.item(task, name)
            if shown is not None:
                yield shown

    shown = [item for task in tasks for item in find(task)]
    return show_differences(site, a, b, shown, most=_MOST_DIFFERENCES)

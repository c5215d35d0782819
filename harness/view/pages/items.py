"""The list of a task's items with all verdicts, and the page of one item."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

from harness.view.filters import OUTCOMES, Filter
from harness.view.pages.common import trail
from harness.view.records import AnswerMark, ItemLine, ShownItem
from harness.view.site import Page, Site

SIGNS = {"agrees": "✓", "differs": "✗", "unread": "–"}
"""How an answer is written in a list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The part of a list that a server shows at a time."""

    lines: Sequence[ItemLine]
    """Its items."""
    following: str = ""
    """The id after which the next part begins; empty at the end."""
    scanned: int = 0
    """Items that were looked at for it."""
    more: bool = False
    """Whether there may be more that match."""
    reasons: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)
    """Reasons beside answers, by item and judge."""


def make_list(site: Site, task: str, lines: Iterable[ItemLine], wanted: Filter, window: Window | None) -> Page:
    """The list of a task's items.

    Args:
        site: The pages.
        task: Name of the task.
        lines: The items that are on it.
        wanted: What it is narrowed to; empty in a file, whose script does that.
        window: Which part it is, on a server.
    """
    judges = [cell.judge for cell in site.book.of_task(task)]
    query = wanted.to_query()
    pair = [judge for judge in judges if judge in (wanted.judge, wanted.against)]
    columns = pair if len(pair) > 1 else judges
    return Page(
        path=("items", task),
        title=f"Items of {task}",
        template="items.html",
        trail=trail(site, (task, site.links.to("task", task))),
        content={
            "task": task,
            "judges": judges,
            # Two judges that are held against each other stand alone, with room for their reasons.
            "columns": columns,
            "tasks": [(name, site.links.to("items", name)) for name in site.book.tasks],
            "rows": [_row(site, line, columns, query, {} if window is None else window.reasons) for line in lines],
            "wanted": wanted,
            "words": _words(query),
            "clear": site.links.to("items", task),
            "outcomes": OUTCOMES,
            "window": window,
            "following": site.links.to("items", task, **query, after=window.following)
            if window is not None and window.following
            else "",
            "inside": site.inside.items.get(task, 0),
            "total": site.inside.total.get(task, 0),
            "signs": SIGNS,
        },
    )


def make_item(site: Site, shown: ShownItem, *, near: tuple[str, str], wanted: Filter) -> Page:
    """The page of one item.

    Args:
        site: The pages.
        shown: The item.
        near: Ids of the items before and after it on the list; empty at an end.
        wanted: What that list is narrowed to.
    """
    line, query = shown.line, wanted.to_query()
    task = line.task
    before, after = (site.links.to("item", task, name, **query) if name else "" for name in near)
    return Page(
        path=("item", task, line.item),
        title=line.item,
        template="item.html",
        trail=trail(site, (task, site.links.to("task", task)), ("Items", site.links.to("items", task, **query))),
        content={
            "shown": shown,
            "line": line,
            "before": before,
            "after": after,
            "words": _words(query),
            "pictures": site.pictures,
            "turns": _turns(shown),
            "answers": [
                {
                    "judge": judge,
                    "href": site.links.to("judge", judge),
                    "answers": answers,
                    "wanted": judge in (wanted.judge, wanted.against),
                }
                for judge, answers in shown.answers.items()
            ],
            "signs": SIGNS,
            "group_href": site.links.to("items", task, group=line.group) if line.group else "",
            "category_href": site.links.to("items", task, category=line.category) if line.category else "",
        },
    )


def _row(
    site: Site,
    line: ItemLine,
    judges: Sequence[str],
    query: dict[str, str],
    reasons: Mapping[str, Mapping[str, Sequence[str]]],
) -> dict[str, Any]:
    own = reasons.get(line.item, {})
    return {
        "item": line.item,
        "href": site.links.to("item", line.task, line.item, **query),
        "gold": line.gold,
        "category": line.category,
        # While a run goes on, an answer may have come in between two questions.
        "marks": [
            [
                (mark, (reason or "")[:LONGEST_REASON])
                for mark, reason in zip_longest(line.marks.get(judge, ()), own.get(judge, ()))
                if mark is not None
            ]
            for judge in judges
        ],
        # What the script of a file narrows by. A server has done that.
        "data": _data(line, judges) if site.links.is_file else "",
    }


def _data(line: ItemLine, judges: Sequence[str]) -> str:
    """An item for the script: gold, category, group, and the answers of each judge in the order of the columns."""
    # In the order of the columns and without names, which would be most of the bytes.
    marks = [[_plain(mark) for mark in line.marks.get(judge, ())] for judge in judges]
    return json.dumps([line.gold, line.category, line.group, marks], ensure_ascii=False, separators=(",", ":"))


def _plain(mark: AnswerMark) -> list[Any]:
    # JSON of a thousand items is read at once: a letter for the kind, and 0 or 1 for the place.
    first = None if mark.first is None else int(mark.first)
    confidence = None if mark.confidence is None else round(mark.confidence, 6)
    return [mark.kind[0], mark.verdict, mark.reason, confidence, first]


LONGEST_REASON = 600
"""Characters of a reason beside an answer. The page of the item has more of it."""

_NAMES = {
    "judge": "judge",
    "outcome": "outcome",
    "verdict": "verdict",
    "reason": "no verdict because",
    "low": "probability from",
    "high": "probability up to",
    "first": "names the first place",
    "against": "differs from",
    "gold": "gold",
    "category": "category",
    "group": "group",
    "split": "judges disagree",
    "text": "with the text",
    "reasons": "with reasons",
}


def _words(query: dict[str, str]) -> list[tuple[str, str]]:
    """The filter for people."""
    return [(_NAMES[name], value) for name, value in query.items()]


def _turns(shown: ShownItem) -> list[tuple[str, list[Any]]]:
    """What was asked, by who speaks."""
    turns: list[tuple[str, list[Any]]] = []
    for part in shown.prompt:
        if not turns or turns[-1][0] != part.role:
            turns.append((part.role, []))
        turns[-1][1].append(part)
    return turns

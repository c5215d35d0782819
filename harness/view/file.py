"""`report.html`: all pages of a book in one file, with as many items as a stated budget allows."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import __version__
from harness.view.answers import Answers
from harness.view.book import Book
from harness.view.contents import list_menu, list_pages
from harness.view.counts import Counts, Walk, walk_book, write_counts
from harness.view.drawings import draw_book
from harness.view.filters import Filter
from harness.view.links import FileLinks, page_id
from harness.view.pages.items import make_item, make_list
from harness.view.pages.pair import show_differences
from harness.view.pictures import MOST_BYTES, SIDE, Gallery, Thumbnail, make_thumbnails
from harness.view.records import ShownItem
from harness.view.render import LONGEST_TEXT, hash_source, read_static, write_document, write_page
from harness.view.site import Inside, Page, Site

if TYPE_CHECKING:
    from harness.discovery import Plugins

MOST_ITEMS = 1000
"""Items in a file. More are hard to look through, and `harness view` has all of them."""

_PAGE, _ANSWER = 1500, 700
"""Characters of a page of an item without its texts, and of an answer on it."""

MOST_TEXT = 8 * 2**20
"""Characters of all pages of items together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileBudget:
    """What a file may hold."""

    items: int = MOST_ITEMS
    """Items."""
    text: int = MOST_TEXT
    """Characters of their pages."""
    pictures: int = MOST_BYTES
    """Bytes of thumbnails."""


DEFAULT = FileBudget()
"""Of a report that a run writes by itself."""


def make_report(book: Book, plugins: Plugins | None, budget: FileBudget = DEFAULT) -> tuple[str, Counts]:
    """The file, and the counts that were made for it.

    Args:
        book: The runs.
        plugins: The installed plugins, whose tasks have the pictures. `None`: no pictures.
        budget: What it may hold.
    """
    # The journals are closed before pictures are made, which may take a while.
    with Answers(book) as answers:
        walk = walk_book(book, answers)
        counts = walk.finish()
        site = Site(book=book, links=FileLinks(), counts=counts, plugins=plugins)
        chosen, split = _choose(walk, budget.items)
        items = _load_items(book, answers, chosen, budget.text)
    # First the maps, which are few: they are of no use without their pictures.
    drawings = draw_book(book, budget.pictures)
    left = budget.pictures - sum(len(drawn.source) for drawn in drawings.values())
    pictures, problem = _find_pictures(book, plugins, items, left)
    inside = Inside(
        items=Counter(shown.line.task for shown in items),
        total=counts.items,
        split=sum(1 for shown in items if (shown.line.task, shown.line.item) in split),
        pictures=len(pictures),
        problem=problem,
    )
    return _write_file(replace(site, inside=inside, pictures=pictures, drawings=drawings), items), counts


def write_report(folder: Path, book: Book, plugins: Plugins | None) -> None:
    """Write a run's report and its counts into the run folder.

    Raises:
        JournalError: They cannot be written.
    """
    from harness.runner.folder import REPORT, write_atomically

    text, counts = make_report(book, plugins)
    write_atomically(folder / REPORT, text)
    write_counts(folder, counts)


def _choose(walk: Walk, most: int) -> tuple[list[tuple[str, str]], set[tuple[str, str]]]:
    """Which items are in the file, and which of them judges split on: these first, then a drawn sample.

    Tasks take turns, so that a small one is not crowded out by a large one.
    """
    turns: Counter[tuple[str, bool]] = Counter()
    ranked = []
    for agreed, drawn, task, item in sorted(walk.kept):
        turns[task, agreed] += 1
        ranked.append((agreed, turns[task, agreed], drawn, task, item))
    taken = sorted(ranked)[:most]
    return [(task, item) for *_, task, item in taken], {(task, item) for agreed, *_, task, item in taken if not agreed}


def _load_items(book: Book, answers: Answers, chosen: Sequence[tuple[str, str]], most: int) -> list[ShownItem]:
    """The chosen items, as many as the budget of text allows; in the order of tasks and data."""
    found: list[ShownItem] = []
    for task, item in chosen:
        shown = answers.item(task, item)
        if shown is None:
            continue
        most -= _measure(shown)
        if most < 0 and found:  # one item at least, however long it is
            break
        found.append(shown)
    places = {task: number for number, task in enumerate(book.tasks)}
    return sorted(found, key=lambda shown: (places[shown.line.task], shown.line.ordinal))


def _measure(shown: ShownItem) -> int:
    """About how many characters the page of an item has."""
    texts = [part.text for part in shown.prompt]
    for answers in shown.answers.values():
        for answer in answers:
            texts += [answer.judgement.raw, answer.judgement.rationale, answer.judgement.error]
    # Marks and what stands around the texts come to some hundreds of characters for each answer.
    return _PAGE + _ANSWER * sum(map(len, shown.answers.values())) + sum(min(len(text), LONGEST_TEXT) for text in texts)


def _find_pictures(
    book: Book, plugins: Plugins | None, items: Sequence[ShownItem], most: int
) -> tuple[Mapping[str, Thumbnail], str]:
    """Thumbnails of the items inside, and why there are none where something went wrong."""
    if plugins is None or most <= 0 or not any(shown.images for shown in items):
        return {}, ""
    made: dict[str, Thumbnail] = {}
    problem = ""
    # Runs on one board have the same items, so that a picture need be found in one of them only.
    for run in book.runs:
        gallery = Gallery(run.folder, plugins)
        own = {cell.task for cell in run.cells}
        wanted: dict[str, dict[int, tuple[str, ...]]] = {}
        for shown in items:
            keys = tuple(key for key in shown.images if key not in made)
            if shown.line.task in own and keys:
                wanted.setdefault(shown.line.task, {})[shown.line.ordinal] = keys
        made |= make_thumbnails(gallery, wanted, most_bytes=most - sum(len(small.source) for small in made.values()))
        problem = problem or gallery.problem
    return made, problem


def _write_file(site: Site, items: Sequence[ShownItem]) -> str:
    """The document."""
    style, script = read_static("style.css"), read_static("script.js")
    from markupsafe import Markup

    return write_document(
        "file.html",
        title=site.book.title,
        version=__version__,
        style=Markup(style),
        script=Markup(script),
        style_hash=Markup(hash_source(style)),
        script_hash=Markup(hash_source(script)),
        menu=list_menu(site),
        pages=[(path, name, Markup(html)) for path, name, html in _write_pages(site, items)],
        pictures=len(site.pictures),
        side=SIDE,
        problem=site.inside.problem,
        sources=Markup(_write_json({key: small.source for key, small in site.pictures.items()})),
    )


def _write_pages(site: Site, items: Sequence[ShownItem]) -> Iterator[tuple[str, str, str]]:
    """Address, title and HTML of every page."""
    for page in list_pages(site):
        yield _write(_add_differences(site, page, items), site)
    # Lists have all items of the file. The script hides those that a filter leaves out.
    for task in site.book.tasks:
        lines = [shown.line for shown in items if shown.line.task == task]
        yield _write(make_list(site, task, lines, Filter(), None), site)
    for shown in items:
        # What stands before and after an item depends on the list, which the script knows.
        yield _write(make_item(site, shown, near=("", ""), wanted=Filter()), site)


def _add_differences(site: Site, page: Page, items: Sequence[ShownItem]) -> Page:
    """A page of two judges gets items on which they differ."""
    if page.path[0] != "pair":
        return page
    pairs = max(1, len(site.book.judges) * (len(site.book.judges) - 1) // 2)
    most = max(3, min(12, 400 // pairs))
    _, a, b = page.path
    return replace(page, content={**page.content, "differences": show_differences(site, a, b, items, most=most)})


def _write(page: Page, site: Site) -> tuple[str, str, str]:
    return page_id(*page.path), page.title, write_page(page, site)


def _write_json(data: Any) -> str:
    """JSON for a script element, which no text in it can end."""
    return json.dumps(data).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")

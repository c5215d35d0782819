"""`harness view`: the pages of a run from its journal, on this machine only.

Nothing is written, and the journal is opened to be read. Only `GET` is answered, and only under a name of this machine,
so that a page of somebody else's in the same browser cannot ask through another name (DNS rebinding). There is no path
to a file: a page is made from its address, and a picture is found by the item and the key that the journal has.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from harness.api import UserError
from harness.libraries.text import visible
from harness.registration import cause_of
from harness.report.faithfulness import FILE as EXPLANATIONS
from harness.runner.folder import JOURNAL, LEADERBOARD, RECORD, SCORES, SECTIONS
from harness.view.answers import Answers
from harness.view.book import Book, load_book
from harness.view.contents import find_page, list_menu
from harness.view.counts import Counts, read_counts, walk_book
from harness.view.filters import Filter
from harness.view.links import ServerLinks, parse_path
from harness.view.listing import find_differences, find_near, list_window
from harness.view.pages.items import make_item, make_list
from harness.view.pictures import Gallery
from harness.view.render import read_static, write_document, write_page
from harness.view.site import Page, Site

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

    from harness.discovery import Plugins

HOSTS = ("127.0.0.1", "localhost", "[::1]")
"""Names under which pages are given."""

_STATIC = {"style.css": "text/css", "script.js": "text/javascript"}
_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
# Answers that are counted while somebody waits. More are counted when the run is finished.
_MOST_COUNTED = 20_000


@dataclass(frozen=True, slots=True)
class PageResponse:
    """What a request is answered with."""

    status: int
    """Of HTTP."""
    kind: str
    """Media type."""
    body: bytes
    """The content."""


class Viewer:
    """Answers requests about one run folder. Several threads may ask at once.

    Args:
        folder: The run folder.
        plugins: The installed plugins, whose tasks have the pictures.
    """

    def __init__(self, folder: Path, plugins: Plugins) -> None:
        self._folder, self._plugins = folder, plugins
        self._gallery, self._gallery_lock = Gallery(folder, plugins), threading.Lock()
        self._lock = threading.Lock()
        self._site: Site | None = None
        self._state, self._loaded, self._took = "", 0.0, 0.0
        self._picture = lru_cache(maxsize=64)(self._find_picture)

    def answer(self, path: str, query: Mapping[str, str]) -> PageResponse:
        """The answer to one request.

        Args:
            path: The path as it was sent, percent signs and all.
            query: Of the address.
        """
        # Split before it is decoded, since a name may hold a slash.
        parts = parse_path(path)
        if parts[:1] == ("static",):
            kind = _STATIC.get(parts[-1]) if len(parts) == 2 else None
            return self._refuse() if kind is None else PageResponse(200, kind, read_static(parts[-1]).encode())
        if parts == ("state",):
            return PageResponse(200, "text/plain", self._read_state().encode())
        try:
            if parts[:1] == ("picture",):
                found = self._picture(*parts[1:]) if len(parts) == 4 else None
                return self._refuse() if found is None else PageResponse(200, found[1], found[0])
            site = self._load()
            page = self._make_page(site, parts, query)
        except UserError as error:
            return self._fail(str(error))
        except Exception as error:  # a journal of somebody else's, or one that is written meanwhile
            return self._fail(f"this page cannot be made: {cause_of(error)}")
        if page is None:
            return self._refuse()
        text = write_document(
            "served.html", page=page, site=site, menu=list_menu(site), html=_mark(page, site), state=self._state
        )
        return PageResponse(200, "text/html; charset=utf-8", text.encode("utf-8", "replace"))

    def _make_page(self, site: Site, parts: tuple[str, ...], query: Mapping[str, str]) -> Page | None:
        wanted = Filter.from_query(query)
        with Answers(site.book) as answers:
            match parts:
                case ("items", task) if task in site.book.tasks:
                    window = list_window(site.book, answers, task, wanted, after=query.get("after", ""))
                    return make_list(site, task, window.lines, wanted, window)
                case ("item", task, item):
                    shown = answers.item(task, item)
                    if shown is None:
                        return None
                    near = find_near(answers, task, item, wanted)
                    return make_item(site, shown, near=near, wanted=wanted)
                case ("pair", a, b) if (page := find_page(site, parts)) is not None:
                    found = find_differences(site, answers, a, b)
                    return replace(page, content={**page.content, "differences": found})
        return find_page(site, parts)

    def _load(self) -> Site:
        """The pages of the run as it is now. While it goes on, they may be some seconds old."""
        with self._lock:
            now, state = time.monotonic(), self._read_state()
            # Reading the plan and the items of a large run takes a while, and a run that goes on changes all the time.
            fresh = self._site is not None and (state == self._state or now - self._loaded < 10 * self._took)
            if self._site is None or not fresh:
                began = time.monotonic()
                self._site, self._state = self._read_site(), state
                self._took, self._loaded = time.monotonic() - began, time.monotonic()
            return self._site

    def _read_site(self) -> Site:
        book = load_book(self._folder)
        # How far a run is takes a count of its answers, which a finished one has in its scores.
        live = self._is_live()
        with Answers(book) as answers:
            answered = {judge: answers.count(judge) for judge in book.judges} if live else {}
            counts = _count(self._folder, book, answers)
        return Site(book=book, links=ServerLinks(), counts=counts, plugins=self._plugins, live=live, answered=answered)

    def _is_live(self) -> bool:
        """Whether a process has the journal open to write, or was killed while it had."""
        log = self._folder / f"{JOURNAL}-wal"
        return not (self._folder / LEADERBOARD).is_file() or (log.is_file() and log.stat().st_size > 0)

    def _read_state(self) -> str:
        """Changes whenever a page may."""
        facts = []
        for name in (JOURNAL, f"{JOURNAL}-wal", LEADERBOARD, SCORES, SECTIONS, RECORD, EXPLANATIONS):
            try:
                stat = (self._folder / name).stat()
            except OSError:
                continue
            facts.append(f"{name}:{stat.st_mtime_ns}:{stat.st_size}")
        return " ".join(facts)

    def _find_picture(self, task: str, item: str, key: str) -> tuple[bytes, str] | None:
        """A picture of an item, which the journal must know by this key."""
        # Nothing of the address is a path: it only has to be what the journal has.
        site = self._load()
        if task not in site.book.tasks:
            return None
        with Answers(site.book) as answers:
            shown = answers.item(task, item)
        if shown is None or key not in shown.images:
            return None
        with self._gallery_lock:  # the tasks of plugins are asked by one thread at a time
            return self._gallery.full(task, shown.line.ordinal, key)

    def _fail(self, problem: str) -> PageResponse:
        return PageResponse(500, "text/plain; charset=utf-8", f"error: {visible(problem)}\n".encode("utf-8", "replace"))

    def _refuse(self) -> PageResponse:
        return PageResponse(404, "text/plain; charset=utf-8", b"There is no such page in this run.\n")


def make_app(viewer: Viewer) -> Starlette:
    """The application, for any server that speaks ASGI."""
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware
    from starlette.responses import Response
    from starlette.routing import Route

    # A plain function, so that each request has a thread of its own and a slow picture holds up no page.
    def answer(request: Request) -> Response:
        raw = request.scope.get("raw_path") or request.url.path.encode()
        found = viewer.answer(raw.partition(b"?")[0].decode("latin-1"), dict(request.query_params))
        return Response(found.body, found.status, {**_HEADERS, "content-type": found.kind})

    return Starlette(
        routes=[Route("/{path:path}", answer, methods=["GET"])],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=list(HOSTS), www_redirect=False)],
    )


def _count(folder: Path, book: Book, answers: Answers) -> Counts:
    """The counts that the report has made. Where there are none yet, those of a small run are made now."""
    kept = read_counts(folder)
    if kept is not None:
        return kept
    total = sum(answers.count(judge) for judge in book.judges)
    return walk_book(book, answers).finish() if total <= _MOST_COUNTED else Counts({}, {})


def _mark(page: Page, site: Site) -> object:
    from markupsafe import Markup

    return Markup(write_page(page, site))

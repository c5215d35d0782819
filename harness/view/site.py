"""The pages of a book: which there are, and what is on each. The same for the file and for the server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from harness.view.book import Book
from harness.view.counts import Counts
from harness.view.links import Links
from harness.view.pictures import Thumbnail


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page, before it is written."""

    path: tuple[str, ...]
    """Its address, part by part."""
    title: str
    """Its heading."""
    template: str
    """Name of its template."""
    content: Mapping[str, Any]
    """What the template writes."""
    trail: Sequence[tuple[str, str]] = ()
    """Name and address of the pages above it."""


@dataclass(frozen=True, kw_only=True)
class Inside:
    """What a file holds of the items, which need not be all."""

    items: Mapping[str, int] = field(default_factory=dict)
    """Items of each task that are in it."""
    total: Mapping[str, int] = field(default_factory=dict)
    """Items of each task of the run."""
    split: int = 0
    """How many of those inside are there since judges do not agree, or since an answer has no verdict."""
    pictures: int = 0
    """Thumbnails in it."""
    problem: str = ""
    """Why pictures are missing, where something went wrong."""

    @property
    def left_out(self) -> int:
        """Items that are not in the file."""
        return sum(self.total.values()) - sum(self.items.values())


@dataclass(frozen=True, kw_only=True)
class Site:
    """A book with all that its pages need beside."""

    book: Book
    """The runs."""
    links: Links
    """Writes addresses."""
    counts: Counts
    """Counts of verdicts by gold."""
    inside: Inside = field(default_factory=Inside)
    """What the file holds; of no matter on a server."""
    pictures: Mapping[str, Thumbnail] = field(default_factory=dict)
    """Thumbnails by key, in a file."""
    live: bool = False
    """Whether a run goes on."""

    def pages(self) -> Iterator[Page]:
        """All pages but those of items and lists of items."""
        from harness.view.pages import about, judge, overview, pair, task, training

        yield overview.make_page(self)
        for name in self.book.tasks:
            yield task.make_page(self, name)
        for name in self.book.judges:
            yield judge.make_page(self, name)
        for a, b in combinations(self.book.judges, 2):
            yield pair.make_page(self, a, b)
        if (found := training.make_page(self)) is not None:
            yield found
        yield from about.make_sections(self)
        yield about.make_page(self)

    def find(self, path: tuple[str, ...]) -> Page | None:
        """A page by its address, or `None`. Not for those of items and lists of items."""
        from harness.view.pages import about, judge, overview, pair, task, training

        match path:
            case () | ("overview",):
                return overview.make_page(self)
            case ("task", name) if name in self.book.tasks:
                return task.make_page(self, name)
            case ("judge", name) if name in self.book.judges:
                return judge.make_page(self, name)
            case ("pair", a, b) if a in self.book.judges and b in self.book.judges:
                return pair.make_page(self, a, b)
            case ("training",):
                return training.make_page(self)
            case ("about",):
                return about.make_page(self)
            case ("section", number):
                return next((page for page in about.make_sections(self) if page.path == path), None) if number else None
        return None

    def menu(self) -> list[tuple[str, str]]:
        """Name and address of the pages that every page leads to."""
        from harness.view.pages import about, training

        links = self.links
        found = [("Overview", links.to("overview"))]
        found += [("Training", links.to("training"))] if training.has_curves(self) else []
        found += [(title, links.to(*path)) for title, path in about.list_sections(self)]
        return [*found, ("How each number was made", links.to("about"))]

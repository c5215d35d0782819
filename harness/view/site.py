"""The records that pages are made of and from. Which pages there are is `contents`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness.view.book import Book
from harness.view.counts import Counts
from harness.view.links import Links
from harness.view.pictures import Thumbnail

if TYPE_CHECKING:
    from harness.discovery import Plugins


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
    def missing(self) -> int:
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
    drawings: Mapping[tuple[str, str], Thumbnail] = field(default_factory=dict)
    """Maps over pictures by run folder and name, in a file."""
    plugins: Plugins | None = None
    """The installed plugins, which know licences and sources."""
    live: bool = False
    """Whether a run goes on."""
    answered: Mapping[str, int] = field(default_factory=dict)
    """Answers of each judge so far, while a run goes on."""

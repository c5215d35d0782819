"""Addresses of pages: fragments in the file, paths and queries on the server. The parts are the same in both."""

from __future__ import annotations

import re
from typing import Protocol
from urllib.parse import quote, unquote, urlencode

_DOTS = re.compile(r"~*\.\.?")

Query = dict[str, str]
"""What a list is narrowed to, by name of the filter."""


class Links(Protocol):
    """Writes the address of a page."""

    @property
    def is_file(self) -> bool:
        """Whether all pages are in one file."""

    def to(self, *parts: str, **query: str | None) -> str:
        """The address of a page.

        Args:
            parts: Such as `"task"` and a name, which may hold any characters.
            query: Filters of a list. Those that are `None` are left out.
        """


class FileLinks:
    """Pages of one file: `#task/NAME`. The part up to the question mark is the `id` of the page's element."""

    is_file = True

    def to(self, *parts: str, **query: str | None) -> str:
        """As `Links.to`."""
        return "#" + _write(parts, query)


class ServerLinks:
    """Pages of a server: `/task/NAME`."""

    is_file = False

    def to(self, *parts: str, **query: str | None) -> str:
        """As `Links.to`."""
        return "/" + _write(parts, query)


def page_id(*parts: str) -> str:
    """The `id` of a page's element in the file.

    >>> page_id("task", "a/b c")
    'task/a%2Fb%20c'
    """
    return _write(parts, {})


def parse_path(raw: str) -> tuple[str, ...]:
    """The parts of a path. It must not be decoded yet, since a name may hold a slash.

    >>> parse_path("/task/a%2Fb%20c")
    ('task', 'a/b c')
    """
    parts = (unquote(part, errors="replace") for part in raw.strip("/").split("/") if part)
    return tuple(part[1:] if part.startswith("~") and _DOTS.fullmatch(part) else part for part in parts)


def _write(parts: tuple[str, ...], query: dict[str, str | None]) -> str:
    # All but letters and digits is escaped, so that a name can be part of no other address.
    path = "/".join(_quote(part) for part in parts)
    # `urlencode` writes spaces as `+`, which fragments have no meaning for.
    kept = urlencode({name: value for name, value in query.items() if value is not None}, quote_via=quote, safe="")
    return f"{path}?{kept}" if kept else path


def _quote(part: str) -> str:
    # Names come from models and files. Lone surrogates have no UTF-8, and the address only has to be the same twice.
    text = quote(part.encode("utf-8", "backslashreplace"), safe="")
    # A part of one dot or two is a path of its own to every browser, also as `%2E`, and is taken away.
    return f"~{text}" if _DOTS.fullmatch(text) else text

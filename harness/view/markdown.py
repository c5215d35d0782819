"""Markdown of plugins as HTML that does nothing: no HTML of its own, no pictures, and links to the web only."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from harness.text import visible

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markupsafe import Markup

_WEB = re.compile(r"(?:https?://|mailto:|#)", re.IGNORECASE)


def to_html(text: str) -> Markup:
    """The text as HTML, for a template. Anything that it holds is shown, and none of it runs."""
    from markupsafe import Markup

    return Markup(_parser().render(visible(text)))  # its own output, in which all text is escaped


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    # Pictures would be asked for from elsewhere, and a page of a run asks for nothing.
    parser = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable("table").disable("image")
    parser.validateLink = lambda url: _WEB.match(url) is not None  # type: ignore[method-assign]
    return parser

"""Markdown of plugins as HTML that does nothing: no HTML of its own, no pictures, and links to the web only."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from harness.libraries.text import visible

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token
    from markupsafe import Markup

_WEB = re.compile(r"(?:https?://|mailto:|#)", re.IGNORECASE)


def to_html(text: str) -> Markup:
    """The text as HTML, for a template. Anything that it holds is shown, and none of it runs."""
    from markupsafe import Markup

    parser = _parser()
    tokens = parser.parse(visible(text))
    for token in tokens:
        # How columns are aligned is a style of its own, which the policy of the pages forbids.
        if "right" in str(token.attrs.pop("style", "")):
            token.attrs["class"] = "r"
    return Markup(parser.renderer.render(tokens, parser.options, {}))  # its own output, in which all text is escaped


def _name_picture(self: object, tokens: Sequence[Token], place: int, options: object, env: object) -> str:
    """A picture is its name in words: it would be asked for from elsewhere, and a page of a run asks for nothing."""
    from markupsafe import escape

    return str(escape(tokens[place].content))


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable("table")
    parser.add_render_rule("image", _name_picture)
    # Its own check lets relative links and pictures in `data:` through.
    parser.validateLink = lambda url: _WEB.match(url) is not None  # type: ignore[method-assign]
    return parser

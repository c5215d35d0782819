"""Pages as HTML. Every text from outside is escaped by the templates, and made visible first."""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.libraries.text import visible
from harness.view.links import page_id
from harness.view.site import Page, Site

if TYPE_CHECKING:
    from jinja2 import Environment

_HERE = Path(__file__).parent

LONGEST_TEXT = 20_000
"""Characters of one answer that a page shows. The journal has all of it."""


def write_page(page: Page, site: Site) -> str:
    """One page without what is around it."""
    # Templates are read and compiled once a process.
    template = _environment().get_template(page.template)
    return template.render(page=page, site=site, link=site.links.to, **page.content)


def write_document(template: str, **content: Any) -> str:
    """A whole document."""
    return _environment().get_template(template).render(**content)


@lru_cache(maxsize=2)
def read_static(name: str) -> str:
    """The style or the script."""
    return (_HERE / "static" / name).read_text(encoding="utf-8")


def hash_source(text: str) -> str:
    """How a Content-Security-Policy names an inline script or style."""
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


@lru_cache(maxsize=1)
def _environment() -> Environment:
    # Imported when a page is written: no other verb needs it.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, Undefined
    from markupsafe import Markup

    def show(value: Any) -> Any:
        # Direction marks and controls in names and answers would change how the text around them reads.
        if isinstance(value, Markup | int | float | Undefined):  # a condition without `else` is undefined
            return value
        if not isinstance(value, str):  # `row.items` is the method of a mapping, before any key of that name
            raise TypeError(f"a template writes {value!r}, which is no text")
        return visible(value)

    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,  # a slip in a template must not become an empty place on a page
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=show,
    )
    environment.globals["page_id"] = page_id
    environment.filters["clip"] = _clip
    environment.filters["quantity"] = _write_quantity
    environment.filters["beyond"] = lambda text: max(0, len(text) - LONGEST_TEXT)
    return environment


def _write_quantity(value: object, form: str = "{:,}") -> str:
    """A number as it is written. What a judge or a journal of somebody else's says in its place is text."""
    return form.format(value) if isinstance(value, int | float) else str(value)


def _clip(text: str) -> str:
    return text[:LONGEST_TEXT]

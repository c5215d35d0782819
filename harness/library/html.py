"""HTML for notebooks, from texts that are hostile: names, answers and questions are escaped here and nowhere else.

There is no style sheet and no script: a notebook shows such HTML in the middle of its own page.
"""

from __future__ import annotations

import html
from collections.abc import Collection, Iterable, Sequence

from harness.libraries.text import visible


def escape(text: str) -> str:
    """Text as HTML. What would turn the line around, or is invisible, is made visible."""
    return html.escape(visible(text))


def html_table(header: Sequence[str], rows: Iterable[Sequence[str]], *, right: Collection[int] = ()) -> str:
    """A table of texts.

    Args:
        header: Titles of the columns. A line break stays one.
        rows: Texts by column.
        right: Places of the columns whose texts stand at the right.
    """
    sides = [
        f'style="padding:.1em .6em;vertical-align:top;text-align:{"right" if place in right else "left"}"'
        for place in range(len(header))
    ]

    def write(tag: str, cells: Sequence[str]) -> str:
        parts = [
            f"<{tag} {side}>{escape(cell).replace(chr(10), '<br>')}</{tag}>"
            for side, cell in zip(sides, cells, strict=True)
        ]
        return f"<tr>{''.join(parts)}</tr>"

    body = "".join(write("td", row) for row in rows)
    return f"<table><thead>{write('th', header)}</thead><tbody>{body}</tbody></table>"


def html_list(lines: Iterable[str]) -> str:
    """Lines as a list of points; nothing without lines."""
    points = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f"<ul>{points}</ul>" if points else ""


def as_page(title: str, *parts: str, notes: Iterable[str] = ()) -> str:
    """A title, parts that are HTML already, and notes in small type."""
    small = html_list(notes)
    return f"<div><p><b>{escape(title)}</b></p>{''.join(parts)}{f'<small>{small}</small>' if small else ''}</div>"

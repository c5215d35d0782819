"""Questions with `{column}` in them. Plain replacement, once: no format specification, no attribute, no expression."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from harness.api import Part

# `str.format` would read attributes and calls from a question, and trip over braces in a cell.
_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


@dataclass(frozen=True, slots=True)
class Template:
    """A question, taken apart."""

    pieces: tuple[tuple[str, bool], ...]
    """Text and whether it is the name of a column."""

    @classmethod
    def parse(cls, text: str) -> Template:
        """Take a question apart. `{{` and `}}` stand for braces; all between single braces is the name of a column.

        Raises:
            ValueError: A brace stands alone, or there is no name between two.
        """
        pieces: list[tuple[str, bool]] = []
        end = 0
        for token in _TOKEN.finditer(text):
            pieces.append((text[end : token.start()], False))
            end = token.end()
            if token[1]:
                pieces.append((token[1], True))
            # Twice the same brace stands for itself, as in Python's format strings, which users know.
            elif token[0] in ("{{", "}}"):
                pieces.append((token[0][0], False))
            else:
                raise ValueError(
                    f"question: {token[0]!r} at character {token.start() + 1} is no placeholder; write the name of a "
                    "column as {column}, and a brace that is meant as such twice"
                )
        pieces.append((text[end:], False))
        return cls(tuple(piece for piece in pieces if piece[0]))

    @property
    def columns(self) -> frozenset[str]:
        """The columns that it shows."""
        return frozenset(text for text, is_column in self.pieces if is_column)

    def fill(self, text: Callable[[str], str], images: Mapping[str, Sequence[Part]]) -> tuple[Part, ...]:
        """The question of one row.

        Args:
            text: Gives the text of a column; it goes in as it is.
            images: Images by column, or the parts of videos. Those of a column that the template names stand there,
                the others come first.
        """
        parts: list[Part] = [image for column in images if column not in self.columns for image in images[column]]
        words = ""
        for piece, is_column in self.pieces:
            # Text is gathered until an image interrupts it. Blanks alone are dropped, as an empty part confuses chat
            # templates.
            if is_column and piece in images:
                parts += [words] if words.strip() else []
                parts += images[piece]
                words = ""
            else:
                words += text(piece) if is_column else piece
        return (*parts, words) if words.strip() else tuple(parts)

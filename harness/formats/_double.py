"""Verdicts in double square brackets: what `brackets` and `arena` share."""

from __future__ import annotations

import re
from collections.abc import Callable

from harness.api import Reading, Request, Verdict
from harness.api.reading import Mark, PlainVerdict, begins_line, fold_width, resolve_marks, stands_last, without_mark

_ESCAPED = r"\[\["
_DOUBLE_BRACKETS = re.compile(r"\[\[([^\[\]]{0,200})\]\]")


def read_double_brackets(
    text: str,
    request: Request,
    *,
    written: Callable[[Verdict], str],
    read: Callable[[str], PlainVerdict] | None = None,
) -> Reading:
    """Read a statement with verdicts in double brackets; of nested ones the innermost counts.

    Args:
        text: The statement.
        request: What was asked.
        written: How a verdict is written to the letter.
        read: Reads what stands inside; as a plain verdict by default.
    """
    if _ESCAPED in text:
        text = text.replace("\\[", "[").replace("\\]", "]")  # as Markdown escapes them
    wide = fold_width(text)
    marks = [Mark(match.start(), match.end(), match[1]) for match in _DOUBLE_BRACKETS.finditer(wide)]
    if _cut_off(wide, marks):
        return Reading(rationale=text.strip(), problem="cut off: [[ is not closed")
    if not marks:
        return Reading(rationale=text.strip(), problem="no verdict: no [[...]] in the answer")
    found = resolve_marks(text, marks, request, read=read)
    verdict, mark = found.verdict, found.mark
    return Reading(
        verdict=verdict,
        rationale=without_mark(text, marks[-1]),
        problem=found.problem,
        outside=found.outside,
        well_formed=verdict is not None and len(marks) == 1 and _to_the_letter(text, marks[0], written(verdict)),
        closed=mark is not None and begins_line(text, mark),
        last=mark is not None and stands_last(text, mark),
    )


def _cut_off(text: str, marks: list[Mark]) -> bool:
    """Whether the text ends inside a `[[` that nothing closes."""
    opened = text.rfind("[[", marks[-1].end if marks else 0)
    return opened >= 0 and "]]" not in text[opened:]


def _to_the_letter(text: str, mark: Mark, written: str) -> bool:
    """Whether the text ends with the mark on a line of its own, to the letter."""
    before = text[: mark.start].rstrip(" \t")
    return (not before or before.endswith("\n")) and text[mark.start :].strip() == written

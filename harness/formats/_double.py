"""Reads verdicts in double square brackets, for `brackets` and `arena`."""

from __future__ import annotations

import re
from collections.abc import Callable

from harness.api import Reading, Request, Rubric, Verdict
from harness.api.reading import Mark, PlainVerdict, begins_line, fold_width, resolve_marks, stands_last, without_mark

_ESCAPED = r"\[\["
# Bounded, so that the time stays linear for a million brackets. No bracket inside: the innermost mark counts.
_DOUBLE_BRACKETS = re.compile(r"\[\[([^\[\]]{0,200})\]\]")
_AROUND_RUBRIC = re.compile(r"\[\[([^\[\]]{0,4000})\]\]")  # an answer to each criterion is longer


def read_double_brackets(
    text: str,
    request: Request,
    *,
    write: Callable[[Verdict], str],
    read: Callable[[str], PlainVerdict] | None = None,
) -> Reading:
    """Read a statement with verdicts in double brackets. Of nested brackets the innermost count.

    Args:
        text: The statement.
        request: The request that was asked.
        write: Gives the exact text of a verdict.
        read: Reads the text inside. By default it is read as a plain verdict.
    """
    if _ESCAPED in text:
        text = text.replace("\\[", "[").replace("\\]", "]")  # as Markdown escapes them
    wide = fold_width(text)
    brackets = _AROUND_RUBRIC if isinstance(request.space, Rubric) else _DOUBLE_BRACKETS
    marks = [Mark(match.start(), match.end(), match[1]) for match in brackets.finditer(wide)]
    # Before the marks count: the bracket that was cut off may hold the final verdict, and an earlier one may not be it.
    if _is_cut_off(wide, marks):
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
        well_formed=verdict is not None and len(marks) == 1 and _is_exact(text, marks[0], write(verdict)),
        closed=mark is not None and begins_line(text, mark),
        last=mark is not None and stands_last(text, mark),
    )


def _is_cut_off(text: str, marks: list[Mark]) -> bool:
    """Whether the text ends inside a `[[` that is never closed."""
    opened = text.rfind("[[", marks[-1].end if marks else 0)
    return opened >= 0 and "]]" not in text[opened:]


def _is_exact(text: str, mark: Mark, expected: str) -> bool:
    """Whether the text ends with exactly the expected mark on a line of its own."""
    before = text[: mark.start].rstrip(" \t")
    return (not before or before.endswith("\n")) and text[mark.start :].strip() == expected

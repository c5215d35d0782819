"""Which of the verdicts in an answer counts: one rule for every format.

The last paragraph that has a verdict mark decides, and all marks in it must say the same. What earlier paragraphs say
is reasoning. A mark that says nothing of the space (`[[maybe]]`) is no reason to look further up. Every function takes
time linear in the length of the text, however hostile.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from harness.api import AnswerSpace, Verdict

_BLANK_LINE = re.compile(r"\n[ \t\r]*\n")
_DOUBLE_BRACKETS = re.compile(r"\[\[([^\[\]]{0,200})\]\]")
_WRAPPING = " \t\r\n*_`\"'"


@dataclass(frozen=True, slots=True)
class Mark:
    """A piece of text in the form of a verdict."""

    start: int
    end: int
    body: str
    """What stands inside."""


def without_echo(text: str, instruction: str) -> str:
    """The text without verbatim copies of the instruction: an echoed prompt is not an answer."""
    return text.replace(instruction, "\n\n")


def paragraph_start(text: str, place: int) -> int:
    """Where the paragraph begins that `place` lies in; paragraphs stand apart by blank lines."""
    start = 0
    for blank in _BLANK_LINE.finditer(text, 0, place):
        start = blank.end()
    return start


class Agreed(NamedTuple):
    """What marks say together."""

    verdict: Verdict | None
    """The one verdict, if there is one."""
    problem: str = ""
    """Why there is none."""
    outside: bool = False
    """Whether that is because a mark says what is no answer of the space."""


def agreed(
    text: str, marks: Sequence[Mark], space: AnswerSpace, *, read: Callable[[str], Verdict | None] | None = None
) -> Agreed:
    """The verdict of the last paragraph with marks, or `None` and the problem.

    Args:
        text: The text that `marks` were found in.
        marks: At least one, in order of place.
        space: What may be answered.
        read: Reads the body of a mark; `read_loosely` by default.
    """
    first = paragraph_start(text, marks[-1].start)
    found: list[Verdict] = []
    for mark in (mark for mark in marks if mark.start >= first):
        verdict = read_loosely(mark.body, space) if read is None else read(mark.body)
        if verdict is None:
            said = mark.body.strip()
            return Agreed(None, f"{said[:80]!r} is not an answer of {space}", outside=bool(said))
        if verdict not in found:
            found.append(verdict)
    if len(found) > 1:
        return Agreed(None, f"two verdicts: {space.name(found[0])} and {space.name(found[1])}")
    return Agreed(found[0])


def read_loosely(body: str, space: AnswerSpace) -> Verdict | None:
    """What `body` says, with or without quotes, Markdown emphasis and a full stop around it."""
    verdict = space.read(body)
    return verdict if verdict is not None else space.read(body.strip(_WRAPPING).rstrip("." + _WRAPPING))


def double_brackets(text: str) -> list[Mark]:
    """Every `[[...]]`; of nested ones the innermost."""
    return [Mark(match.start(), match.end(), match[1]) for match in _DOUBLE_BRACKETS.finditer(text)]


def brackets_cut_off(text: str, marks: Sequence[Mark]) -> bool:
    """Whether the text ends inside a `[[` that nothing closes."""
    opened = text.rfind("[[", marks[-1].end if marks else 0)
    return opened >= 0 and "]]" not in text[opened:]


def without_mark(text: str, mark: Mark) -> str:
    """The reasoning around a verdict."""
    return (text[: mark.start] + text[mark.end :]).strip()


def stands_alone(text: str, mark: Mark, written: str) -> bool:
    """Whether the text ends with the mark on a line of its own, to the letter."""
    before = text[: mark.start].rstrip(" \t")
    return (not before or before.endswith("\n")) and text[mark.start :].strip() == written

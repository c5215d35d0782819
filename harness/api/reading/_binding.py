"""Decides which of the verdicts in an answer counts, by one rule for every format.

All of the judge's own verdicts must agree, in all places. Quotations are not its own. If the last paragraph with marks
holds one that is no answer of the space (`[[maybe]]`), earlier marks do not count either. Every function takes time
linear in the length of the text, however hostile it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from harness.api.reading._denial import is_denied, is_negated, is_open
from harness.api.reading._plain import MOST_OF_RUBRIC, PlainVerdict, Reason, read_plain
from harness.api.reading._quotes import is_quoted
from harness.api.reading._scale import goes_on
from harness.api.reading._taken_back import is_taken_back
from harness.api.spaces._kinds import AnswerSpace, Score, Verdict
from harness.api.spaces._rubric import Rubric

if TYPE_CHECKING:
    from harness.api._requests import Request

MOST_MARKS = 500
"""An answer with more marks gives no verdict. Each mark takes time to read."""
_LONGEST_NAMED = 200  # characters of a mark in which names of candidates are searched

_DECORATION = " \t*_`#>"  # white space and the markup of Markdown

_BLANK_LINE = re.compile(r"\n[ \t\r]*\n")


@dataclass(frozen=True, slots=True)
class Mark:
    """A piece of text in the form of a verdict."""

    start: int
    end: int
    body: str
    """The text inside."""


class Agreement(NamedTuple):
    """The joint result of several marks."""

    verdict: Verdict | None
    """The verdict on which they agree, if there is one."""
    problem: str = ""
    """Why there is none. Its first words name the kind: see `harness.api.Reading.problem`."""
    outside: bool = False
    """Whether the reason is a mark that is no answer of the space."""
    mark: Mark | None = None
    """The last mark with the verdict."""


def paragraph_start(text: str, place: int) -> int:
    """The start of the paragraph around `place`. Blank lines separate paragraphs."""
    start = 0
    for blank in _BLANK_LINE.finditer(text, 0, place):
        start = blank.end()
    return start


def resolve_marks(
    text: str, marks: Sequence[Mark], request: Request, *, read: Callable[[str], PlainVerdict] | None = None
) -> Agreement:
    """Find the verdict on which all of the judge's own marks agree, or the reason why there is none.

    >>> from harness.api import Choice, Message, Request
    >>> from harness.formats.brackets import BracketsFormat
    >>> request = Request(
    ...     task="t", item="1", messages=(Message("user", ("Is it sharp?",)),),
    ...     space=Choice(("yes", "no")), format=BracketsFormat(),
    ... )
    >>> text = "First I thought [[no]]. Now [[yes]]."
    >>> resolve_marks(text, [Mark(16, 22, "no"), Mark(28, 35, "yes")], request).problem
    'contradicts itself: no and yes'

    Args:
        text: The text that holds the marks.
        marks: At least one, in order of place.
        request: The request that was asked.
        read: Reads the body of a mark. By default `read_body`.
    """
    if len(marks) > MOST_MARKS:
        return Agreement(None, f"ambiguous: {len(marks):,} marks are no verdict")
    space = request.space
    last = paragraph_start(text, marks[-1].start)
    found: Mark | None = None
    verdict: Verdict | None = None
    unreadable, quoted = PlainVerdict(), ""
    denied: dict[Verdict, int] = {}
    doubted: list[Verdict] = []
    for mark in marks:
        plain = read_body(mark.body, request) if read is None else read(mark.body)
        if plain.verdict is not None:
            plain = _check_score(text, mark, plain, space)
        if plain.verdict is not None and is_open(text, mark.start, mark.end):
            continue
        if plain.verdict is not None and is_denied(text, mark.start, mark.end, plain.verdict, space):
            denied[plain.verdict] = mark.start
            if not is_negated(text, mark.start) and not is_quoted(text, mark.start, mark.end, request.prompt_text):
                doubted.append(plain.verdict)
            continue
        if plain.verdict is None:
            # A copy of the prompt's own placeholder, such as [[...]], says nothing either way.
            placeholder = request.prompt_text.holds(text[mark.start : mark.end])
            if mark.start >= last and not placeholder and not unreadable.problem:
                unreadable = plain
        elif verdict == plain.verdict:
            found = mark
        elif is_quoted(text, mark.start, mark.end, request.prompt_text):  # slow, so only asked where it matters
            quoted = text[mark.start : mark.end]
        elif verdict is None:
            found, verdict = mark, plain.verdict
        else:
            return Agreement(None, f"contradicts itself: {space.name(verdict)} and {space.name(plain.verdict)}")
    if unreadable.problem:
        return Agreement(None, unreadable.problem, outside=unreadable.problem.startswith("outside"))
    if verdict is None and quoted:
        return Agreement(None, f"only quoted: {quoted[:80]!r} stands in the prompt, with the words around it")
    if verdict is None:
        return Agreement(None, "no verdict: its marks say nothing of their own")
    assert found is not None
    # Only a plain "not" leaves the verdict to another mark: "not [[A]] but [[B]]". Other doubts do not choose.
    if (other := next((each for each in doubted if each != verdict), None)) is not None:
        return Agreement(None, f"contradicts itself: {space.name(other)} and {space.name(verdict)}")
    if denied.get(verdict, -1) > found.start:
        return Agreement(None, f"contradicts itself: {space.name(verdict)} and not {space.name(verdict)}")
    if found.end < len(text) and is_taken_back(text[found.end :], verdict, space, request.prompt_text):
        return Agreement(None, f"ambiguous: the text after {text[found.start : found.end][:80]!r} takes it back")
    return Agreement(verdict, mark=found)


def _check_score(text: str, mark: Mark, plain: PlainVerdict, space: AnswerSpace) -> PlainVerdict:
    """The verdict, but none where a number goes on beside its mark."""
    if not isinstance(space, Score) or not goes_on(text, mark.start, mark.end, space):
        return plain
    near = text[max(0, mark.start - 9) : mark.end + 9].strip()
    return PlainVerdict(problem=f"outside: {near[:80]!r} is not an answer of {space}")


def read_body(body: str, request: Request, *, reason: Reason = "any") -> PlainVerdict:
    """Read the text inside a mark. The prompt's own names for the candidates ("Caption B") are known.

    Args:
        body: The text inside the mark.
        request: The request that was asked.
        reason: The kind of reason that may follow.
    """
    plain = read_plain(body, request.space, reason=reason)
    longest = _LONGEST_NAMED if not isinstance(request.space, Rubric) else MOST_OF_RUBRIC
    if plain.verdict is not None or len(body) > longest or not request.space.candidate_count:
        return plain
    named = request.prompt_text.without_names(body)
    return plain if named == body else read_plain(named, request.space, reason=reason)


def begins_line(text: str, mark: Mark) -> bool:
    """Whether only white space and markup stand in front of the mark on its line."""
    return not text[text.rfind("\n", 0, mark.start) + 1 : mark.start].strip(_DECORATION)


def stands_last(text: str, mark: Mark) -> bool:
    """Whether only white space, markup and a full stop follow the mark."""
    return not text[mark.end :].strip(_DECORATION + "\r\n.")


def without_mark(text: str, mark: Mark) -> str:
    """The text around a mark, which is the reasoning.

    >>> without_mark("It is sharp. [[yes]]", Mark(13, 20, "yes"))
    'It is sharp.'
    """
    return (text[: mark.start] + text[mark.end :]).strip()

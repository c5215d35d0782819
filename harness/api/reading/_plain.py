r"""Reads a short text that is a verdict and nothing else, in any spelling. Not for finding verdicts in prose.

Spelling is forgiven: width, quotes, brackets, bold, `\boxed`, a lead-in such as "The answer is", the name of a
candidate ("Answer B"), a unit ("4 stars"), a reason after it ("no, but it is close"). Ambiguity is not: "A or B",
"4-5", "8/10" on a scale up to 5 and "4,5" where both are scores are no verdicts. Nothing is ever rescaled.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal, NamedTuple, TypeAlias, cast

from harness.api.reading import _words as words
from harness.api.reading._criteria import split_criteria
from harness.api.reading._dress import STOPS, WRAPPING, fold_width, strip_markup, visible
from harness.api.reading._exact import any_of, read_exact
from harness.api.reading._reason import begins_reason, find_names, is_denied_label, is_harmless
from harness.api.spaces._kinds import AnswerSpace, Choice, Verdict
from harness.api.spaces._rubric import Rubric

MOST = 1000
"""A longer text is no plain verdict."""
MOST_OF_RUBRIC = 20_000
"""The same for the answer to a rubric, which may have a reason for each criterion."""
_PEELS = 6  # lead-ins that are taken off one after another: "So, my final answer is: I choose B"

_OPENS = rf"(?:(?:{any_of(*words.OPENINGS)})\s*[,:]?|(?:{any_of(*words.OPENING_PHRASES)})\b[^,.:\n]{{1,80}},)\s*"
# "Score of A: 4" is the score of one of several, and "verdict for the worse answer: A" names the loser.
_WHOLE = rf"(?:this|that|the|it|its|your|my|these|both|all|overall|{any_of(*words.CANDIDATES)})\b"
_PART = (
    rf"[^:\n]{{0,40}}?(?:\b[A-Za-z]\s*:|\b(?:{any_of(*words.ORDINALS, *words.WORSE)}|error|errors|mistakes|flaws)\b)"
)
# The alternatives in order: "I choose", "I would give it a", "this answer gets a", "verdict 4", "the final answer is".
_LEAD = re.compile(
    rf"(?:{_OPENS})?(?:(?:{any_of(*words.CHOOSING)})(?:\b|(?<=[^\x00-\x7f]))\s*:?\s*(?:an?\s+|the\s+)?"
    rf"|i(?:'d|'ll|\s+would|\s+will)?\s+(?:{any_of(*words.RATING)})\s+(?:(?:(?:the|this)\s+\w+|it|this|that)\s+)?"
    rf"(?:(?:an?|as|at)\s+)?(?:(?:score|rating|grade)\s+of\s+)?"
    rf"|(?:the|this|that)\s+\w+\s+(?:deserves|gets|scores|earns|receives)\s+(?:an?\s+)?"
    rf"|(?:final\s+|overall\s+)?(?:{any_of(*words.ALONE)})\s+(?=\S{{1,8}}\Z)"
    rf"|(?:(?:an?\s|this\s|that\s|{any_of(*words.QUALITIES)})\s*){{0,5}}(?:{any_of(*words.CONCLUSIONS)})"
    rf"(?:\s+(?:for|of)\s+(?={_WHOLE})(?!{_PART})[^:\n]{{1,40}}(?=:))?"
    rf"\s*(?:\s(?:{any_of(*words.LINKS)})\b\s*:?|(?:{any_of(*words.PARTICLES)})\s*:?|\]?[:=]|\]\s|[-–—]+>?|→)\s*)",
    re.IGNORECASE,
)
_AROUND = WRAPPING + "*`"
_AT_END = STOPS + _AROUND
_OPENING = re.compile(_OPENS, re.IGNORECASE)
_SUBJECT = re.compile(r"(?:the|this|that)\s+(?:\w+\s+){1,2}(?:is|was|are|looks|seems|appears)\s+", re.IGNORECASE)
# Where a verdict may end and its reason begin.
_CLAUSE = re.compile(
    rf"[,;:!\n(—–]|\.(?!\d)|\)\s|\s-\s|\s(?=(?:{any_of(*words.CAUSES, *words.CONCESSIONS)}|for|with)\s)", re.IGNORECASE
)
_ANY_SMALL = re.compile(r"(?<![\w'])(?:[b-z](?![\w'])|a(?=\s+(?:is|was|wins|has|looks|seems|does|beats)\b))")
_DOUBT = re.compile(rf"\b(?:{any_of(*words.DOUBT)})\b", re.IGNORECASE)
_CROSSED = re.compile(rf"[{words.CROSSES}]|(?<!~)~~(?!~)|</?(?:del|strike)>", re.IGNORECASE)


Reason: TypeAlias = Literal["any", "because", "none"]
"""The kind of reason that may follow a verdict."""


class PlainVerdict(NamedTuple):
    """The reading of a short text."""

    verdict: Verdict | None = None
    """Its verdict. `None` if it is none."""
    problem: str = ""
    """Why it is none. The text begins with `no verdict`, `ambiguous` or `outside`."""


def is_label(text: str, space: AnswerSpace) -> bool:
    """Whether a line is the name of an answer, with or without punctuation around it."""
    return space.read(text.strip(_AROUND).rstrip(_AT_END)) is not None


def leads_to_verdict(text: str) -> bool:
    """Whether a line begins with words such as `Final verdict:`, `The answer is` or `I choose`.

    >>> leads_to_verdict("**Final verdict:** B"), leads_to_verdict("B shows a cat")
    (True, False)
    """
    return lead_in_length(text) > 0


def lead_in_length(text: str) -> int:
    """The number of characters that lead to a verdict in a line, without its markup."""
    bare = strip_markup(fold_width(text))
    if len(bare) < 2:
        return 0  # the shortest lead is a character and its colon
    lead = _LEAD.match(bare)
    return 0 if lead is None else lead.end()


def read_plain(text: str, space: AnswerSpace, *, reason: Reason = "any") -> PlainVerdict:
    """Read a short text that is a verdict and nothing else.

    >>> from harness.api import Preference, Score
    >>> read_plain("The answer is **B**, because A is blurred.", Preference(2)).verdict
    1
    >>> read_plain("8/10", Score(1, 5)).problem
    "outside: '8/10' is not an answer of Score(...)"

    Args:
        text: The text inside a mark, or a line.
        space: The allowed answers.
        reason: The reason that may follow: any ("no, but it is close"), one with its own word ("B, because"), or none.
    """
    verdict = space.read(text)
    if verdict is not None:
        return PlainVerdict(verdict)
    if len(text) > (MOST_OF_RUBRIC if isinstance(space, Rubric) else MOST):
        return PlainVerdict(problem=f"outside: {text[:80]!r} ... is too long for an answer of {space}")
    return _read(text, space, reason)


# Judges answer the same few texts over and over: with the cache most of them are read at the cost of a lookup.
@lru_cache(maxsize=4096)
def _read(text: str, space: AnswerSpace, reason: Reason) -> PlainVerdict:
    bare = visible(text)
    if isinstance(space, Rubric):
        return _read_criteria(bare, space, reason)
    verdict = _read_bare(bare, space)
    if verdict is None and reason != "none":
        verdict = _read_with_reason(bare, space, reason)
    shown = text.strip()[:80]
    if verdict is not None and is_crossed_out(bare) and not _denies(verdict, space):
        return PlainVerdict(problem=f"ambiguous: {shown!r} is crossed out")
    if verdict is not None:
        return PlainVerdict(verdict)
    if not shown:
        return PlainVerdict(problem="no verdict: there is nothing where it should stand")
    named = find_names(bare, space)
    if len(named) > 1 and "=" not in bare:
        return PlainVerdict(problem=f"ambiguous: {shown!r} names {named[0]} and {named[1]}")
    if named and _DOUBT.search(bare):
        return PlainVerdict(problem=f"ambiguous: {shown!r} leaves it open")
    return PlainVerdict(problem=f"outside: {shown!r} is not an answer of {space}")


def is_crossed_out(text: str) -> bool:
    """Whether a sign crosses the text out or questions it: `❌ A`, `~~A~~`."""
    return _CROSSED.search(text) is not None


def _denies(verdict: Verdict, space: AnswerSpace) -> bool:
    """Whether a cross beside the verdict says the same twice: `no ❌`."""
    return isinstance(space, Choice) and is_denied_label(space.name(verdict))


def _read_criteria(text: str, space: Rubric, reason: Reason) -> PlainVerdict:
    """The verdict of each criterion. Without one of them there is none: a lost criterion must not go unseen."""
    parts, problem = split_criteria(text, space)
    answered = {place for place, _ in parts}
    missing = [name for place, name in enumerate(space.names) if place not in answered]
    if missing:
        return PlainVerdict(problem=f"no verdict: no answer to {', '.join(map(repr, missing))}")
    if problem:
        return PlainVerdict(problem=problem)
    found: dict[int, Verdict] = {}
    for place, value in parts:
        name, own = space.criteria[place]
        verdict, problem = read_plain(value, own, reason=reason)
        if verdict is None:
            kind, _, why = problem.partition(": ")
            return PlainVerdict(problem=f"{kind}: criterion {name!r}: {why}")
        if found.setdefault(place, verdict) != verdict:
            said = f"{own.name(found[place])} and {own.name(verdict)}"
            return PlainVerdict(problem=f"contradicts itself: criterion {name!r}: {said}")
    return PlainVerdict(cast("Verdict", tuple(found[place] for place in range(len(space.criteria)))))


def _read_bare(text: str, space: AnswerSpace) -> Verdict | None:
    """The verdict of a text with nothing after the verdict."""
    for _ in range(_PEELS):
        bare = strip_markup(text)
        for form in (text, bare):
            verdict = read_exact(form.strip(), space)
            if verdict is not None:
                return verdict
        lead = _LEAD.match(bare) or _OPENING.match(bare)
        if lead is None and isinstance(space, Choice):
            lead = _SUBJECT.match(bare)  # "The claim is supported"
        if lead is None or not lead[0] or lead.end() == len(bare):
            return None
        text = bare[lead.end() :]
    return None


def _read_with_reason(text: str, space: AnswerSpace, reason: Reason) -> Verdict | None:
    """The verdict at the beginning of a text, unless the rest speaks against it."""
    text = strip_markup(text)
    # Four places to cut are enough, since a verdict with a reason after it stands at the very beginning.
    for end in list(_CLAUSE.finditer(text))[:4]:
        verdict = _read_bare(text[: end.start()], space)
        if verdict is not None:
            rest = text[end.end() :]
            if reason == "because" and not begins_reason(rest):
                return None
            if text[: end.start()].islower():
                rest = _ANY_SMALL.sub(lambda match: match[0].upper(), rest)  # it writes names of candidates so
            bare = text[: end.start()].strip(_AT_END).isdigit()
            return verdict if is_harmless(rest, verdict, space, sign=end[0], bare=bare) else None
    return None

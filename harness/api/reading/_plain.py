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
from harness.api.reading._exact import NUMBER, TOP, any_of, read_exact
from harness.api.spaces._kinds import AnswerSpace, Choice, Preference, Ranking, Score, Verdict
from harness.api.spaces._rubric import Rubric

MOST = 1000
"""A longer text is no plain verdict."""
MOST_OF_RUBRIC = 20_000
"""The same for the answer to a rubric, which may have a reason for each criterion."""
_PEELS = 6  # lead-ins that are taken off one after another: "So, my final answer is: I choose B"

_OPENS = rf"(?:(?:{any_of(*words.OPENINGS)})\s*[,:]?|(?:{any_of(*words.OPENING_PHRASES)})\b[^,.:\n]{{1,80}},)\s*"
# The alternatives in order: "I choose", "I would give it a", "this answer gets a", "verdict 4", "the final answer is".
_LEAD = re.compile(
    rf"(?:{_OPENS})?(?:(?:{any_of(*words.CHOOSING)})(?:\b|(?<=[^\x00-\x7f]))\s*:?\s*(?:an?\s+|the\s+)?"
    rf"|i(?:'d|'ll|\s+would|\s+will)?\s+(?:{any_of(*words.RATING)})\s+(?:(?:(?:the|this)\s+\w+|it|this|that)\s+)?"
    rf"(?:(?:an?|as|at)\s+)?(?:(?:score|rating|grade)\s+of\s+)?"
    rf"|(?:the|this|that)\s+\w+\s+(?:deserves|gets|scores|earns|receives)\s+(?:an?\s+)?"
    rf"|(?:final\s+|overall\s+)?(?:{any_of(*words.ALONE)})\s+(?=\S{{1,8}}\Z)"
    rf"|(?:(?:an?\s|this\s|that\s|{any_of(*words.QUALITIES)})\s*){{0,5}}(?:{any_of(*words.CONCLUSIONS)})"
    rf"(?:\s+(?:for|of)\s+[^:\n]{{1,40}}(?=:))?"
    rf"\s*(?:\s(?:{any_of(*words.LINKS)})\b\s*:?|(?:{any_of(*words.PARTICLES)})\s*:?|\]?[:=]|\]\s|[-–—]+>?|→)\s*)",
    re.IGNORECASE,
)
_AROUND = WRAPPING + "*`"
_AT_END = STOPS + _AROUND
_OPENING = re.compile(_OPENS, re.IGNORECASE)
_SUBJECT = re.compile(r"(?:the|this|that)\s+(?:\w+\s+){1,2}(?:is|was|are|looks|seems|appears)\s+", re.IGNORECASE)
_ANY_NUMBER = re.compile(rf"(?<![\w.]){NUMBER}", re.IGNORECASE)
_TOP = re.compile(TOP, re.IGNORECASE)
# Where a verdict may end and its reason begin.
_CLAUSE = re.compile(rf"[,;:!\n(—–]|\.(?!\d)|\)\s|\s-\s|\s(?=(?:{any_of(*words.CAUSES)}|for|with)\s)", re.IGNORECASE)
_CAUSE = re.compile(rf"\s*(?:{any_of(*words.CAUSES)})\b", re.IGNORECASE)
_NO_THING = re.compile(r"\bno\s+(?!(?:or|and|it|that|this|but)\b)(?=\w)", re.IGNORECASE)  # "there is no dog"
_LETTER = re.compile(r"(?<![A-Za-z'])[A-Z](?![A-Za-z'’])")
_SMALL_LETTER = re.compile(r"(?<![\w'])[a-z](?=\s*(?:\Z|[,;.:!?)\]]|(?:or|and)\b))")  # an article is no name
_ANY_SMALL = re.compile(r"(?<![\w'])[b-z](?![\w'])")
_DOUBT = re.compile(rf"\b(?:{any_of(*words.DOUBT)})\b", re.IGNORECASE)
_AGAINST = re.compile(rf"\b(?:{any_of(*words.AGAINST)})\b|n't\b", re.IGNORECASE)
_BUT = re.compile(r"\b(?:but|however|although|though)\b", re.IGNORECASE)
# A rest with one of these may withdraw the verdict before it.
_TAKES_BACK = re.compile(
    r"\s*(?:or|maybe|perhaps|possibly|actually)\b|\b(?:i|we)\s+(?:can(?:no|')t|cannot|could(?:n't| not)|am\s+(?:not|un)"
    r"|won't|will\s+not|do(?:n't|\s+not)\s+know)|\bsorry\b|\bkidding\b|\bnot\s+(?:correct|right|true)\b|\bunable\s+to\b",
    re.IGNORECASE,
)


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
    if verdict is not None:
        return PlainVerdict(verdict)
    shown = text.strip()[:80]
    if not shown:
        return PlainVerdict(problem="no verdict: there is nothing where it should stand")
    named = find_names(bare, space)
    if len(named) > 1 and "=" not in bare:
        return PlainVerdict(problem=f"ambiguous: {shown!r} names {named[0]} and {named[1]}")
    if named and _DOUBT.search(bare):
        return PlainVerdict(problem=f"ambiguous: {shown!r} leaves it open")
    return PlainVerdict(problem=f"outside: {shown!r} is not an answer of {space}")


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


def find_names(text: str, space: AnswerSpace) -> list[str]:
    """The different answers in a text, at most two. A rough count, only used to call a text ambiguous."""
    if isinstance(space, Score):
        found = [match[0] for match in _ANY_NUMBER.finditer(_TOP.sub("", text))]
    elif isinstance(space, Choice):
        labels = re.compile(rf"(?<!\w)(?:{any_of(*space.labels)})(?!\w)", re.IGNORECASE)
        found = [match[0].casefold() for match in labels.finditer(_NO_THING.sub("", text))]
    else:
        last = chr(ord("A") + cast("Preference | Ranking", space).n - 1)
        found = [match[0] for match in _LETTER.finditer(text) if match[0] != "I" or last >= "I"]
        found += [match[0].upper() for match in _SMALL_LETTER.finditer(text) if match[0].upper() <= last]
        if any(letter > last for letter in found):
            return []  # an answer to another question
    return list(dict.fromkeys(found))[:2]


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
            if reason == "because" and not _CAUSE.match(rest):
                return None
            if text[: end.start()].islower():
                rest = _ANY_SMALL.sub(lambda match: match[0].upper(), rest)  # it writes names of candidates so
            return verdict if _is_harmless(rest, verdict, space, sign=end[0]) else None
    return None


def _is_harmless(rest: str, verdict: Verdict, space: AnswerSpace, *, sign: str) -> bool:
    """Whether the text after a verdict names no other answer and no doubt."""
    numbered = isinstance(space, Choice) and space.name(verdict).isdigit()
    if isinstance(space, Score) and any(float(top[1]) != space.high for top in _TOP.finditer(rest)):
        return False
    if _TAKES_BACK.search(rest) or (sign == "." and (numbered or re.match(r"\s*\d", rest))):
        return False  # "1. a dog" is an item of a list, and "No. 5" a number
    if not isinstance(space, Score) and (cause := _CAUSE.match(rest)):
        return not _BUT.search(rest, cause.end())  # the reason may speak of the others
    if isinstance(space, Ranking) or any(space.read(name) != verdict for name in find_names(rest, space)):
        return False
    return not (isinstance(space, Preference) and _AGAINST.search(rest))

r"""What a short text says when it says a verdict and no more, however it is spelt. Not for finding verdicts in prose.

Spelling is forgiven: width, quotes, brackets, bold, `\boxed`, a lead-in such as "The answer is", the name of a
candidate ("Answer B"), a unit ("4 stars"), a reason after it ("no, but it is close"). Ambiguity is not: "A or B",
"4-5", "8/10" on a scale up to 5 and "4,5" where both are scores are no verdicts. Nothing is ever rescaled.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal, NamedTuple, TypeAlias, cast

from harness.api._spaces import AnswerSpace, Choice, Preference, Ranking, Score, Verdict
from harness.api.reading import _words as words
from harness.api.reading._dress import STOPS, WRAPPING, fold_width, strip_markup, visible
from harness.api.reading._exact import NUMBER, TOP, either, exact

MOST = 1000
"""A longer text is no plain verdict."""
_PEELS = 6

_OPENS = rf"(?:(?:{either(*words.OPENINGS)})\s*[,:]?|(?:{either(*words.OPENING_PHRASES)})\b[^,.:\n]{{1,80}},)\s*"
_LEAD = re.compile(
    rf"(?:{_OPENS})?(?:(?:{either(*words.CHOOSING)})(?:\b|(?<=[^\x00-\x7f]))\s*:?\s*(?:an?\s+|the\s+)?"
    rf"|i(?:'d|'ll|\s+would|\s+will)?\s+(?:{either(*words.RATING)})\s+(?:(?:(?:the|this)\s+\w+|it|this|that)\s+)?"
    rf"(?:(?:an?|as|at)\s+)?(?:(?:score|rating|grade)\s+of\s+)?"
    rf"|(?:the|this|that)\s+\w+\s+(?:deserves|gets|scores|earns|receives)\s+(?:an?\s+)?"
    rf"|(?:final\s+|overall\s+)?(?:{either(*words.ALONE)})\s+(?=\S{{1,8}}\Z)"
    rf"|(?:(?:an?\s|this\s|that\s|{either(*words.QUALITIES)})\s*){{0,5}}(?:{either(*words.CONCLUSIONS)})"
    rf"(?:\s+(?:for|of)\s+[^:\n]{{1,40}}(?=:))?"
    rf"\s*(?:\s(?:{either(*words.LINKS)})\b\s*:?|(?:{either(*words.PARTICLES)})\s*:?|\]?[:=]|\]\s|[-–—]+>?|→)\s*)",
    re.IGNORECASE,
)
_OPENING = re.compile(_OPENS, re.IGNORECASE)
_SUBJECT = re.compile(r"(?:the|this|that)\s+(?:\w+\s+){1,2}(?:is|was|are|looks|seems|appears)\s+", re.IGNORECASE)
_ANY_NUMBER = re.compile(rf"(?<![\w.]){NUMBER}", re.IGNORECASE)
_TOP = re.compile(TOP, re.IGNORECASE)
_CLAUSE = re.compile(rf"[,;:!\n(—–]|\.(?!\d)|\)\s|\s-\s|\s(?=(?:{either(*words.CAUSES)}|for|with)\s)", re.IGNORECASE)
_CAUSE = re.compile(rf"\s*(?:{either(*words.CAUSES)})\b", re.IGNORECASE)
_NO_THING = re.compile(r"\bno\s+(?!(?:or|and|it|that|this|but)\b)(?=\w)", re.IGNORECASE)  # "there is no dog"
_LETTER = re.compile(r"(?<![A-Za-z'])[A-Z](?![A-Za-z'’])")
_SMALL_LETTER = re.compile(r"(?<![\w'])[a-z](?=\s*(?:\Z|[,;.:!?)\]]|(?:or|and)\b))")  # an article is no name
_ANY_SMALL = re.compile(r"(?<![\w'])[b-z](?![\w'])")
_DOUBT = re.compile(rf"\b(?:{either(*words.DOUBT)})\b", re.IGNORECASE)
_AGAINST = re.compile(rf"\b(?:{either(*words.AGAINST)})\b|n't\b", re.IGNORECASE)
_BUT = re.compile(r"\b(?:but|however|although|though)\b", re.IGNORECASE)
_TAKES_BACK = re.compile(
    r"\s*(?:or|maybe|perhaps|possibly|actually)\b|\b(?:i|we)\s+(?:can(?:no|')t|cannot|could(?:n't| not)|am\s+(?:not|un)"
    r"|won't|will\s+not|do(?:n't|\s+not)\s+know)|\bsorry\b|\bkidding\b|\bnot\s+(?:correct|right|true)\b|\bunable\s+to\b",
    re.IGNORECASE,
)


Reason: TypeAlias = Literal["any", "because", "none"]
"""Which kind of reason may follow a verdict."""


class PlainVerdict(NamedTuple):
    """What a short text says."""

    verdict: Verdict | None = None
    """The verdict that it is; `None` where it is none."""
    problem: str = ""
    """Why it is none; begins with `no verdict`, `ambiguous` or `outside`."""


def is_label(text: str, space: AnswerSpace) -> bool:
    """Whether a line is the name of an answer, with or without punctuation around it."""
    return space.read(text.strip(WRAPPING + "*`").rstrip(STOPS + WRAPPING + "*`")) is not None


def leads_to_verdict(text: str) -> bool:
    """Whether a line begins with words such as `Final verdict:`, `The answer is` or `I choose`."""
    return lead_in_length(text) > 0


def lead_in_length(text: str) -> int:
    """How many characters of a line, markup taken off, are words that lead to a verdict."""
    lead = _LEAD.match(strip_markup(fold_width(text)))
    return 0 if lead is None else lead.end()


def read_plain(text: str, space: AnswerSpace, *, reason: Reason = "any") -> PlainVerdict:
    """What `text` says.

    Args:
        text: What stands inside a mark, or one line.
        space: What may be answered.
        reason: Which may follow: any ("no, but it is close"), one that says that it is one ("B, because"), or none.
    """
    verdict = space.read(text)
    if verdict is not None:
        return PlainVerdict(verdict)
    if len(text) > MOST:
        return PlainVerdict(problem=f"outside: {text[:80]!r} ... is too long for an answer of {space}")
    return _read(text, space, reason)


@lru_cache(maxsize=4096)
def _read(text: str, space: AnswerSpace, reason: Reason) -> PlainVerdict:
    bare = visible(text)
    verdict = _said(bare, space)
    if verdict is None and reason != "none":
        verdict = _with_reason(bare, space, reason)
    if verdict is not None:
        return PlainVerdict(verdict)
    shown = text.strip()[:80]
    if not shown:
        return PlainVerdict(problem="no verdict: there is nothing where it should stand")
    named = names_in(bare, space)
    if len(named) > 1 and "=" not in bare:
        return PlainVerdict(problem=f"ambiguous: {shown!r} names {named[0]} and {named[1]}")
    if named and _DOUBT.search(bare):
        return PlainVerdict(problem=f"ambiguous: {shown!r} leaves it open")
    return PlainVerdict(problem=f"outside: {shown!r} is not an answer of {space}")


def names_in(text: str, space: AnswerSpace) -> list[str]:
    """The different answers that a text names, at most two; a rough count, for saying that it is ambiguous."""
    if isinstance(space, Score):
        found = [match[0] for match in _ANY_NUMBER.finditer(_TOP.sub("", text))]
    elif isinstance(space, Choice):
        labels = re.compile(rf"(?<!\w)(?:{either(*space.labels)})(?!\w)", re.IGNORECASE)
        found = [match[0].casefold() for match in labels.finditer(_NO_THING.sub("", text))]
    else:
        last = chr(ord("A") + cast("Preference | Ranking", space).n - 1)
        found = [match[0] for match in _LETTER.finditer(text) if match[0] != "I" or last >= "I"]
        found += [match[0].upper() for match in _SMALL_LETTER.finditer(text) if match[0].upper() <= last]
        if any(letter > last for letter in found):
            return []  # an answer to another question
    return list(dict.fromkeys(found))[:2]


def _said(text: str, space: AnswerSpace) -> Verdict | None:
    """The verdict that the text is, without anything after it."""
    for _ in range(_PEELS):
        bare = strip_markup(text)
        for form in (text, bare):
            verdict = exact(form.strip(), space)
            if verdict is not None:
                return verdict
        lead = _LEAD.match(bare) or _OPENING.match(bare)
        if lead is None and isinstance(space, Choice):
            lead = _SUBJECT.match(bare)  # "The claim is supported"
        if lead is None or not lead[0] or lead.end() == len(bare):
            return None
        text = bare[lead.end() :]
    return None


def _with_reason(text: str, space: AnswerSpace, reason: Reason) -> Verdict | None:
    """The verdict that a text begins with, where what follows says nothing against it."""
    text = strip_markup(text)
    for end in list(_CLAUSE.finditer(text))[:4]:
        verdict = _said(text[: end.start()], space)
        if verdict is not None:
            rest = text[end.end() :]
            if reason == "because" and not _CAUSE.match(rest):
                return None
            if text[: end.start()].islower():
                rest = _ANY_SMALL.sub(lambda match: match[0].upper(), rest)  # it writes names of candidates so
            return verdict if _harmless(rest, verdict, space, sign=end[0]) else None
    return None


def _harmless(rest: str, verdict: Verdict, space: AnswerSpace, *, sign: str) -> bool:
    """Whether what follows a verdict names no other answer and no doubt."""
    numbered = isinstance(space, Choice) and space.name(verdict).isdigit()
    if isinstance(space, Score) and any(float(top[1]) != space.high for top in _TOP.finditer(rest)):
        return False
    if _TAKES_BACK.search(rest) or (sign == "." and (numbered or re.match(r"\s*\d", rest))):
        return False  # "1. a dog" is an item of a list, and "No. 5" a number
    if not isinstance(space, Score) and (cause := _CAUSE.match(rest)):
        return not _BUT.search(rest, cause.end())  # the reason may speak of the others
    if isinstance(space, Ranking) or any(space.read(name) != verdict for name in names_in(rest, space)):
        return False
    return not (isinstance(space, Preference) and _AGAINST.search(rest))

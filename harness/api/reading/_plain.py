r"""What a short text says when it says a verdict and no more, however it is spelt. Not for finding verdicts in prose.

Spelling is forgiven: width, quotes, brackets, bold, `\boxed`, a lead-in such as "The answer is", the name of a
candidate ("Answer B"), a unit ("4 stars"), a reason after it ("no, but it is close"). Ambiguity is not: "A or B",
"4-5", "8/10" on a scale up to 5 and "4,5" where both are scores are no verdicts. Nothing is ever rescaled.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple, cast

from harness.api._spaces import TIE, AnswerSpace, Choice, Preference, Ranking, Score, Verdict
from harness.api.reading import _words as words

MOST = 1000
"""A longer text is no plain verdict."""
_PEELS = 6

# Full-width forms, mathematical and circled letters stand for the plain ones; look-alikes of other scripts do not.
_WIDTH = {
    code: plain
    for first, last in ((0xFF01, 0xFF5E), (0x1D400, 0x1D7FF), (0x2460, 0x2468), (0x24B6, 0x24E9), (0x1F130, 0x1F149))
    for code in range(first, last + 1)
    if (plain := unicodedata.normalize("NFKC", chr(code))).isascii() and len(plain) == 1
}
_WIDTH |= {0x3000: " ", 0xA0: " ", 0x202F: " ", 0x2009: " ", 0x1F170: "A", 0x1F171: "B", 0x2212: "-"}
_WIDTH |= {0x3010: "[", 0x3011: "]", 0x2019: "'", 0x2018: "'"}
_INVISIBLE = {0x200B: None, 0x200C: None, 0x200D: None, 0x2060: None, 0xFEFF: None, 0xFE0F: None, 0x20E3: None}

_WRAPPING = " \t\r\n\"'“”„‚«»‹›「」『』()[]{}《》|#_~"
_STOPS = ".,;:!。！、，；：…"
_DRESS = re.compile(
    r"\\(?:boxed|fbox|text|textbf|textit|mathbf|mathrm|bm)\s*(?=\{)|\\[()\[\]]|[*`$]|</?[A-Za-z][A-Za-z_-]{0,30}>"
)
_BULLET = re.compile(r"^(?:[-•–—>]+\s+)(?=\D)")


def _any(*names: str) -> str:
    return "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))


_NOUN = _any(*words.CANDIDATES)
_LEAD = re.compile(
    rf"(?:(?:{_any(*words.OPENINGS)})\s*[,:]?\s*)?(?:"
    rf"(?:{_any(*words.CHOOSING)})\b\s*:?\s*(?:an?\s+|the\s+)?"
    rf"|(?:(?:an?\s|this\s|that\s|{_any(*words.QUALITIES)})\s*){{0,5}}(?:{_any(*words.CONCLUSIONS)})"
    rf"(?:\s+(?:for|of)\s+[^:\n]{{1,40}}(?=:))?"
    rf"\s*(?:\s(?:{_any(*words.LINKS)})\b\s*:?|(?:{_any(*words.PARTICLES)})\s*:?|[:=]|[-–—]+>?|→)\s*"
    rf")",
    re.IGNORECASE,
)
_OPENING = re.compile(rf"(?:{_any(*words.OPENINGS)})\s*[,:]\s*", re.IGNORECASE)
_NAMED = re.compile(rf"(?:the\s+)?(?:{_NOUN})\s*[#:.-]?\s*[(\[]{{0,2}}([A-Za-z]|\d{{1,2}})[)\]]{{0,2}}", re.IGNORECASE)
_ORDINAL = re.compile(rf"(?:the\s+)?({_any(*words.ORDINALS)})\s+(?:{_NOUN}|one)", re.IGNORECASE)
_ABOUT = re.compile(
    rf"(?:the\s+)?(?:(?:{_NOUN})\s*)?[(\[]{{0,2}}([A-Z])[)\]]{{0,2}}\s+"
    rf"(?:wins|(?:is|was|seems|looks|appears|remains|performs|does)\s+(?:to\s+be\s+)?(?:(?:{_any(*words.DEGREES)})\s+){{0,4}}"
    rf"(?:{_any(*words.BETTER)})(?:\s+(?:{_NOUN}|one|overall)){{0,2}})"
    rf"(?:\s+(?:than|over|to|against)\s+(?:the\s+)?(?:(?:{_NOUN})\s*)?([A-Z]))?",
    re.IGNORECASE,
)
_COMPARED = re.compile(
    rf"(?:(?:{_NOUN})\s*)?([A-Z])\s*(>{{1,3}}|≻|<{{1,3}}|≺)\s*(?:(?:{_NOUN})\s*)?([A-Z])", re.IGNORECASE
)
_BOTH = re.compile(
    r"(?:they\s+are\s+)?both\s+(?:(?:are|of|answers|images|candidates)\s+){0,3}(?:equally\s+)?", re.IGNORECASE
)
_TIED = re.compile(
    r"(?:it(?:'s|\s+is)\s+)?(?:an?\s+)?(?:tie|tied|draw|equal|equally good|the same|same|no preference|both equal)"
    r"(?:\s+between\s+.{1,40})?|平局|平手",
    re.IGNORECASE,
)
_NUMBER = r"[+-]?(?:\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})(?:e[+-]?\d{1,2})?"
_SCORE = re.compile(
    rf"({_NUMBER})\s*(?:(?:/|out\s+of|of)\s*({_NUMBER}))?\s*-?(?:{_any(*words.UNITS)})?"
    rf"(?:\s*(?:/|out\s+of|of)\s*({_NUMBER}))?\s*(?:{_any(*words.UNITS)})?",
    re.IGNORECASE | re.ASCII,
)
_COMMA = re.compile(r"([+-]?\d{1,9}),(\d{1,9})", re.ASCII)
_ANY_NUMBER = re.compile(rf"(?<![\w.]){_NUMBER}", re.IGNORECASE | re.ASCII)
_TOP = re.compile(rf"(?:/|\bout\s+of)\s*{_NUMBER}", re.IGNORECASE | re.ASCII)
_SPELT = re.compile(rf"\b(?:{_any(*words.NUMBERS)})\b", re.IGNORECASE)
_STEP = re.compile(r"\s*(?:>+|≻|→|,|;|\n|\bthen\b|\band\b|\bfollowed by\b)\s*", re.IGNORECASE)
_PLACE_NUMBER = re.compile(r"(?:^|(?<=[\s,>]))(?:\d{1,2}(?:st|nd|rd|th)?[.):]|#\d{1,2}:?)\s*", re.IGNORECASE)
_CLAUSE = re.compile(r"[,;:.!\n(—–]|\s-\s|\s(?=(?:because|since|as|due to|for|with)\s)", re.IGNORECASE)
_LETTER = re.compile(r"(?<![A-Za-z'])[A-Z](?![A-Za-z'’])")
_DOUBT = re.compile(rf"\b(?:{_any(*words.DOUBT)})\b", re.IGNORECASE)
_AGAINST = re.compile(rf"\b(?:{_any(*words.AGAINST)})\b|n't\b|n’t\b", re.IGNORECASE)


class Plain(NamedTuple):
    """What a short text says."""

    verdict: Verdict | None = None
    """The verdict that it is; `None` where it is none."""
    problem: str = ""
    """Why it is none; begins with `ambiguous` or `outside`."""


def widened(text: str) -> str:
    """The text with full-width letters, digits and brackets as plain ones; of the same length."""
    return text if text.isascii() else text.translate(_WIDTH)


def is_label(text: str, space: AnswerSpace) -> bool:
    """Whether a line is the name of an answer, with or without punctuation around it."""
    return space.read(text.strip(_WRAPPING + "*`").rstrip(_STOPS + _WRAPPING + "*`")) is not None


def leads_to_verdict(text: str) -> bool:
    """Whether a line begins with words such as `Final verdict:`, `The answer is` or `I choose`."""
    return _LEAD.match(_DRESS.sub("", text).strip(_WRAPPING)) is not None


def read_plain(text: str, space: AnswerSpace, *, clause: bool = True) -> Plain:
    """What `text` says.

    Args:
        text: What stands inside a mark, or one line.
        space: What may be answered.
        clause: Whether a reason may follow: "no, but it is close".
    """
    verdict = space.read(text)
    if verdict is not None:
        return Plain(verdict)
    if len(text) > MOST:
        return Plain(problem=f"outside: {text[:80]!r} ... is too long for an answer of {space}")
    return _read(text, space, clause)


@lru_cache(maxsize=4096)
def _read(text: str, space: AnswerSpace, clause: bool) -> Plain:
    bare = text if text.isascii() else widened(text.translate(_INVISIBLE))
    verdict = _said(bare, space)
    if verdict is None and clause:
        verdict = _with_reason(bare, space)
    if verdict is not None:
        return Plain(verdict)
    shown = text.strip()[:80]
    if not shown:
        return Plain(problem="no verdict: there is nothing where it should stand")
    named = names_in(bare, space)
    if len(named) > 1 and "=" not in bare:
        return Plain(problem=f"ambiguous: {shown!r} names {named[0]} and {named[1]}")
    if named and _DOUBT.search(bare):
        return Plain(problem=f"ambiguous: {shown!r} leaves it open")
    return Plain(problem=f"outside: {shown!r} is not an answer of {space}")


def names_in(text: str, space: AnswerSpace) -> list[str]:
    """The different answers that a text names, at most two; a rough count, for saying that it is ambiguous."""
    if isinstance(space, Score):
        found = [match[0] for match in _ANY_NUMBER.finditer(_TOP.sub("", text))]
    elif isinstance(space, Choice):
        labels = re.compile(rf"(?<!\w)(?:{_any(*space.labels)})(?!\w)", re.IGNORECASE)
        found = [match[0].casefold() for match in labels.finditer(text)]
    else:
        last = chr(ord("A") + cast("Preference | Ranking", space).n - 1)
        found = [match[0] for match in _LETTER.finditer(text)]
        if any(letter > last and letter != "I" for letter in found):
            return []  # an answer to another question
    return list(dict.fromkeys(found))[:2]


def _said(text: str, space: AnswerSpace) -> Verdict | None:
    """The verdict that the text is, without anything after it."""
    for _ in range(_PEELS):
        bare = _undressed(text)
        for form in (text, bare):
            verdict = _exact(form.strip(), space)
            if verdict is not None:
                return verdict
        lead = _LEAD.match(bare) or _OPENING.match(bare)
        if lead is None or not lead[0] or lead.end() == len(bare):
            return None
        text = bare[lead.end() :]
    return None


def _undressed(text: str) -> str:
    """The text without markup around and inside, brackets, quotes and full stops at its ends."""
    text = _BULLET.sub("", _DRESS.sub("", text).strip())
    while True:
        bare = text.strip(_WRAPPING).rstrip(_STOPS + _WRAPPING)
        start = next((place for place, char in enumerate(bare) if not _is_symbol(char)), len(bare))
        end = next((place for place in range(len(bare), start, -1) if not _is_symbol(bare[place - 1])), start)
        bare = bare[start:end]
        if bare == text:
            return text
        text = bare


def _is_symbol(char: str) -> bool:
    return not char.isascii() and char not in words.UNITS and unicodedata.category(char) in ("So", "Cf", "Mn")


def _exact(text: str, space: AnswerSpace) -> Verdict | None:
    verdict = space.read(text)
    if verdict is not None or not text:
        return verdict
    if isinstance(space, Choice):
        return _label(text, space)
    if isinstance(space, Preference):
        return _place(text, space)
    if isinstance(space, Score):
        return _score(text, space)
    return _ranking(text, space) if isinstance(space, Ranking) else None


def _label(text: str, space: Choice) -> Verdict | None:
    folded = _folded(text)
    for label in space.labels:
        same = folded == _folded(label) and text.isascii() == label.isascii()  # the Kelvin sign is no K
        if same or folded in words.SAME.get(label.casefold(), ()):
            return label
    named = _NAMED.fullmatch(text)  # "Option B" where the labels are letters
    return space.read(named[1]) if named else None


def _folded(text: str) -> str:
    return re.sub(r"[\s_-]+", " ", text).strip().casefold()


def _place(text: str, space: Preference) -> Verdict | None:
    if named := _NAMED.fullmatch(text):
        return space.read(named[1])
    if ordinal := _ORDINAL.fullmatch(text):
        place = words.ORDINALS.index(ordinal[1].lower())
        return place if place < space.n else None
    if compared := _COMPARED.fullmatch(text):
        sides = (compared[1], compared[3]) if compared[2][0] in ">≻" else (compared[3], compared[1])
        better, worse = (space.read(side) for side in sides)
        return better if space.n == 2 and better is not None and worse is not None and better != worse else None
    if about := _ABOUT.fullmatch(text):
        if not about[1].isupper() or (about[2] is not None and space.read(about[2]) in (None, space.read(about[1]))):
            return None
        return space.read(about[1])
    if space.ties:
        if _TIED.fullmatch(text):
            return space.read(TIE)
        return space.read(_BOTH.sub("", text, count=1)) if _BOTH.match(text) else None
    return None


def _score(text: str, space: Score) -> Verdict | None:
    if comma := _COMMA.fullmatch(text):
        # "4,5" is two scores where both are; else the comma is a decimal point.
        both = all(space.contains(float(part)) for part in comma.groups())
        return None if both else _within(f"{comma[1]}.{comma[2]}", space)
    if not any(char.isdigit() for char in text):
        text = _SPELT.sub(lambda match: str(words.NUMBERS.index(match[0].lower())), text)
    match = _SCORE.fullmatch(text)
    if match is None or any(top is not None and float(top) != space.high for top in match.group(2, 3)):
        return None
    return _within(match[1], space)


def _within(number: str, space: Score) -> Verdict | None:
    value = float(number)
    return value if space.contains(value) else None


def _ranking(text: str, space: Ranking) -> Verdict | None:
    bare = re.sub(rf"(?:the\s+)?(?:{_NOUN})\s+(?=[A-Z]\b)", "", _PLACE_NUMBER.sub(">", text), flags=re.IGNORECASE)
    steps = [_undressed(step) for step in _STEP.split(bare) if step.strip()]
    return space.read(">".join(steps)) if all(len(step) == 1 for step in steps) else None


def _with_reason(text: str, space: AnswerSpace) -> Verdict | None:
    """The verdict that a text begins with, where what follows says nothing against it."""
    text = _undressed(text)
    for break_ in list(_CLAUSE.finditer(text))[:4]:
        verdict = _said(text[: break_.start()], space)
        if verdict is not None:
            return verdict if _harmless(text[break_.end() :], verdict, space) else None
    return None


def _harmless(rest: str, verdict: Verdict, space: AnswerSpace) -> bool:
    """Whether what follows a verdict names no other answer and no doubt."""
    others = [name for name in names_in(rest, space) if space.read(name) != verdict]
    if others or isinstance(space, Ranking):
        return False
    if isinstance(space, Preference) and _AGAINST.search(rest):
        return False
    return not re.match(r"\s*(?:or|maybe|perhaps|possibly|actually)\b", rest, re.IGNORECASE)

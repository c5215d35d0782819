"""The verdict that a text is, by kind of answer space, once its dress and its lead-in are off.

Each function gives the verdict, or `None`. Nothing is rescaled, and what could be two answers is none.
"""

from __future__ import annotations

import re

from harness.api._spaces import TIE, AnswerSpace, Choice, Preference, Ranking, Score, Verdict
from harness.api.reading import _words as words
from harness.api.reading._dress import strip_markup


def either(*names: str) -> str:
    """A pattern for any of some words, the longest first."""
    return "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))


NOUN = either(*words.CANDIDATES)
_THE_NOUN = rf"(?:the\s+)?(?:(?:{NOUN})[\s_]*[#:.-]?\s*)"
_A_LETTER = r"[(\[]{0,2}([A-Za-z])[)\]]{0,2}"
_NAMED = re.compile(rf"{_THE_NOUN}[(\[]{{0,2}}([A-Za-z]|\d{{1,2}})[)\]]{{0,2}}", re.IGNORECASE)
_ORDINAL = re.compile(rf"(?:the\s+)?({either(*words.ORDINALS)})\s+(?:{NOUN}|one)", re.IGNORECASE)
_ABOUT = re.compile(
    rf"({_THE_NOUN})?{_A_LETTER}\s*(?:(?:{either(*words.BETTER_UNSPACED)})|\s(?:wins|it\s+is|"
    rf"(?:is|was|seems|looks|appears|remains|performs|does)\s+(?:to\s+be\s+)?(?:(?:{either(*words.DEGREES)})\s+){{0,4}}"
    rf"(?:{either(*words.BETTER)})(?:\s+(?:{NOUN}|one|overall)){{0,2}}))"
    rf"(?:\s+(?:than|over|to|against)\s+(?:{_THE_NOUN})?{_A_LETTER})?",
    re.IGNORECASE,
)
_OVER = re.compile(
    rf"(?:{_THE_NOUN})?{_A_LETTER},?\s+(?:over|rather\s+than|instead\s+of|and\s+not|not)\s+(?:{_THE_NOUN})?{_A_LETTER}",
    re.IGNORECASE,
)
_COMPARED = re.compile(
    rf"(?:{_THE_NOUN})?([A-Z])\s*(>{{1,3}}|≻|<{{1,3}}|≺|={{1,3}}|≈)\s*(?:{_THE_NOUN})?([A-Z])", re.IGNORECASE
)
_BOTH = re.compile(
    r"(?:they\s+are\s+)?both\s+(?:(?:are|of|answers|images|candidates)\s+){0,3}(?:equally\s+)?", re.IGNORECASE
)
_TIED = re.compile(
    rf"(?:it(?:'s|\s+is)\s+)?(?:an?\s+)?(?:{either(*words.TIED)})(\s+between\s+.{{1,40}})?"
    rf"|(?:both|they|[A-Z]\s+and\s+[A-Z])(?:\s+\w+){{0,2}}\s+are\s+(?:about\s+|roughly\s+)?"
    rf"(?:equally\s+\w+|equal|tied|the\s+same)",
    re.IGNORECASE,
)
NUMBER = r"[+-]?(?:[0-9]{1,9}(?:\.[0-9]{0,9})?|\.[0-9]{1,9})(?:e[+-]?[0-9]{1,2})?"
TOP = rf"(?:/|\b(?:{either(*words.OUT_OF)})\b)\s*({NUMBER})"
_UNIT = rf"\s*-?(?:{either(*words.UNITS)})?"
_SCORE = re.compile(rf"({NUMBER})(%)?{_UNIT}\s*(?:{TOP})?{_UNIT}\s*(?:{TOP})?{_UNIT}", re.IGNORECASE)
_COMMA = re.compile(r"([+-]?\d{1,9}),(\d{1,9})", re.ASCII)
_SPELT = re.compile(rf"\b(?:{either(*words.NUMBERS)})\b", re.IGNORECASE)
_STARS = re.compile(r"[★⭐]+☆*")
_STEP = re.compile(r"\s*(?:>+|≻|→|,|;|\n|\bthen\b|\band\b|\bfollowed by\b)\s*", re.IGNORECASE)
_PLACE_NUMBER = re.compile(r"(?:^|(?<=[\s,>]))(?:\d{1,2}(?:st|nd|rd|th)?[.):]|#\d{1,2}:?)\s*", re.IGNORECASE)


def exact(text: str, space: AnswerSpace) -> Verdict | None:
    """The verdict that the text is, whatever its wording."""
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
        return _of_two(compared[1], compared[2], compared[3], space)
    if over := _OVER.fullmatch(text):
        return _of_two(over[1], ">", over[2], space)
    if about := _ABOUT.fullmatch(text):
        if not about[1] and not about[2].isupper():
            return None  # "a is better": an article
        return space.read(about[2]) if about[3] is None else _of_two(about[2], ">", about[3], space)
    if space.n > 2 and (ranked := _ranking(text, Ranking(space.n), among=">")) is not None:
        return ranked[0]
    if not space.ties:
        return None
    if _BOTH.match(text) and (named_tie := space.read(_BOTH.sub("", text, count=1))) is not None:
        return named_tie
    tied = _TIED.fullmatch(text)
    return space.read(TIE) if tied and (space.n == 2 or not tied[1]) else None


def _of_two(left: str, sign: str, right: str, space: Preference) -> Verdict | None:
    """What a comparison of two says where there are two."""
    one, other = space.read(left), space.read(right)
    if space.n != 2 or one is None or other is None or one == other:
        return None
    if sign[0] in "=≈":
        return space.read(TIE)
    return one if sign[0] in ">≻" else other


def _score(text: str, space: Score) -> Verdict | None:
    if comma := _COMMA.fullmatch(text):
        return _with_comma(comma[1], comma[2], space)
    if _STARS.fullmatch(text):
        return _within(str(len(text.rstrip("☆"))), space) if "☆" not in text or len(text) == space.high else None
    if text.rstrip("分") in words.NUMERALS:
        return _within(str(words.NUMERALS.index(text.rstrip("分"))), space)
    if not any(char.isdigit() for char in text):
        text = _SPELT.sub(lambda match: str(words.NUMBERS.index(match[0].lower())), text)
    text = re.sub(r"^minus\s+", "-", text, flags=re.IGNORECASE)
    text = re.sub(r"\s+and\s+a\s+half\b", ".5", text, flags=re.IGNORECASE)
    match = _SCORE.fullmatch(text)
    if match is None or any(top is not None and float(top) != space.high for top in match.group(3, 4)):
        return None
    return None if match[2] and space.high != 100 else _within(match[1], space)


def _with_comma(whole: str, part: str, space: Score) -> Verdict | None:
    """A decimal comma, or one between thousands; where both readings, or two scores, are possible there is none."""
    readings = {_within(f"{whole}.{part}", space)}
    if len(part) == 3:
        readings.add(_within(whole + part, space))
    readings.discard(None)
    two = space.contains(float(whole)) and space.contains(float(part))
    return readings.pop() if len(readings) == 1 and not two else None


def _within(number: str, space: Score) -> Verdict | None:
    value = float(number)
    return value if space.contains(value) else None


def _ranking(text: str, space: Ranking, *, among: str = "") -> tuple[int, ...] | None:
    """Letters in order; `among`: a sign that must stand between them."""
    if among and among not in text:
        return None
    if space.n == 2 and (about := _ABOUT.fullmatch(text)) and about[3] is not None:
        text = f"{about[2]} > {about[3]}"
    bare = re.sub(rf"(?:the\s+)?(?:{NOUN})[\s_]+(?=[A-Z]\b)", "", _PLACE_NUMBER.sub(">", text), flags=re.IGNORECASE)
    bare = re.sub(r"^(?:first|best)\s*:?\s+(?=[A-Z]\b)", "", bare, flags=re.IGNORECASE)
    steps = [strip_markup(step) for step in _STEP.split(bare) if step.strip()]
    read = space.read(">".join(steps)) if all(len(step) == 1 for step in steps) else None
    return read if isinstance(read, tuple) else None

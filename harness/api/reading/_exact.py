"""Reads the verdict of a short text by kind of answer space, once its markup and its lead-in are removed.

Each function gives the verdict, or `None`. Nothing is rescaled, and a text that could be two answers is none.
"""

from __future__ import annotations

import re
from typing import cast

from harness.api.reading import _words as words
from harness.api.reading._dress import strip_markup
from harness.api.spaces._kinds import TIE, AnswerSpace, Choice, Preference, Ranking, Score, Verdict


def any_of(*names: str) -> str:
    """A pattern for any of some words, the longest first, so that "final" does not hide "final answer"."""
    return "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))


NOUN = any_of(*words.CANDIDATES)
_THE_NOUN = rf"(?:the\s+)?(?:(?:{NOUN})[\s_]*[#:.-]?\s*)"
_A_LETTER = r"[(\[]{0,2}([A-Za-z])[)\]]{0,2}"
_NAMED = re.compile(rf"{_THE_NOUN}[(\[]{{0,2}}([A-Za-z]|\d{{1,2}})[)\]]{{0,2}}", re.IGNORECASE)
_ORDINAL = re.compile(rf"(?:the\s+)?({any_of(*words.ORDINALS)})\s+(?:{NOUN}|one)", re.IGNORECASE)
# "A is better", "the second one wins", "B looks clearly more accurate than A".
_ABOUT = re.compile(
    rf"({_THE_NOUN})?{_A_LETTER}\s*(?:(?:{any_of(*words.BETTER_UNSPACED)})|\s(?:wins|it\s+is|"
    rf"(?:is|was|seems|looks|appears|remains|performs|does)\s+(?:to\s+be\s+)?(?:(?:{any_of(*words.DEGREES)})\s+){{0,4}}"
    rf"(?:{any_of(*words.BETTER)})(?:\s+(?:{NOUN}|one|overall)){{0,2}}))"
    rf"(?:\s+(?:than|over|to|against)\s+(?:{_THE_NOUN})?{_A_LETTER})?",
    re.IGNORECASE,
)
# "A over B", "B rather than A".
_OVER = re.compile(
    rf"(?:{_THE_NOUN})?{_A_LETTER},?\s+(?:over|rather\s+than|instead\s+of|and\s+not|not)\s+(?:{_THE_NOUN})?{_A_LETTER}",
    re.IGNORECASE,
)
# "A > B", "A >> B", "Response A = Response B".
_COMPARED = re.compile(
    rf"(?:{_THE_NOUN})?([A-Z])\s*(>{{1,3}}|≻|<{{1,3}}|≺|={{1,3}}|≈)\s*(?:{_THE_NOUN})?([A-Z])", re.IGNORECASE
)
_BOTH = re.compile(
    r"(?:they\s+are\s+)?both\s+(?:(?:are|of|answers|images|candidates)\s+){0,3}(?:equally\s+)?", re.IGNORECASE
)
# "it's a tie", "a draw between A and B", "both images are equally good".
_TIED = re.compile(
    rf"(?:it(?:'s|\s+is)\s+)?(?:an?\s+)?(?:{any_of(*words.TIED)})(\s+between\s+.{{1,40}})?"
    rf"|(?:both|they|[A-Z]\s+and\s+[A-Z])(?:\s+\w+){{0,2}}\s+are\s+(?:about\s+|roughly\s+)?"
    rf"(?:equally\s+\w+|equal|tied|the\s+same)",
    re.IGNORECASE,
)
# Bounded, so that no million digits are ever turned into a number.
NUMBER = r"[+-]?(?:[0-9]{1,9}(?:\.[0-9]{0,9})?|\.[0-9]{1,9})(?:e[+-]?[0-9]{1,2})?"
TOP = rf"(?:/|\b(?:{any_of(*words.OUT_OF)})\b)\s*({NUMBER})"
_UNIT = rf"\s*-?(?:{any_of(*words.UNITS)})?"
# "4", "4 stars", "4/5", "4 out of 5", "80%", "3-point", "4 points out of 5".
_SCORE = re.compile(rf"({NUMBER})(%)?{_UNIT}\s*(?:{TOP})?{_UNIT}\s*(?:{TOP})?{_UNIT}", re.IGNORECASE)
_COMMA = re.compile(r"([+-]?\d{1,9}),(\d{1,9})", re.ASCII)
_SPELT = re.compile(rf"\b(?:{any_of(*words.NUMBERS)})\b", re.IGNORECASE)
_STARS = re.compile(r"[★⭐]+☆*")
_STEP = re.compile(r"\s*(?:>+|≻|→|,|;|\n|\bthen\b|\band\b|\bfollowed by\b)\s*", re.IGNORECASE)
_PLACE_NUMBER = re.compile(r"(?:^|(?<=[\s,>]))(?:\d{1,2}(?:st|nd|rd|th)?[.):]|#\d{1,2}:?)\s*", re.IGNORECASE)


def read_exact(text: str, space: AnswerSpace) -> Verdict | None:
    """The verdict of a text, in any wording that is known."""
    verdict = space.read(text)
    if verdict is not None or not text:
        return verdict
    if isinstance(space, Choice):
        return _read_label(text, space)
    if isinstance(space, Preference):
        return _read_place(text, space)
    if isinstance(space, Score):
        return _read_score(text, space)
    return _read_ranking(text, space) if isinstance(space, Ranking) else None


def _read_label(text: str, space: Choice) -> Verdict | None:
    folded = _fold(text)
    for label in space.labels:
        same = folded == _fold(label) and text.isascii() == label.isascii()  # the Kelvin sign is no K
        if same or folded in words.SAME.get(label.casefold(), ()):
            return label
    named = _NAMED.fullmatch(text)  # "Option B" where the labels are letters
    return space.read(named[1]) if named else None


def _fold(text: str) -> str:
    return re.sub(r"[\s_-]+", " ", text).strip().casefold()


def _read_place(text: str, space: Preference) -> Verdict | None:
    # From the plainest form to the loosest. Each must match the whole text, so that no part of it is overlooked.
    if named := _NAMED.fullmatch(text):
        return space.read(named[1])
    if ordinal := _ORDINAL.fullmatch(text):
        place = words.ORDINALS.index(ordinal[1].lower())
        return place if place < space.n else None
    if compared := _COMPARED.fullmatch(text):
        return _read_comparison(compared[1], compared[2], compared[3], space)
    if over := _OVER.fullmatch(text):
        return _read_comparison(over[1], ">", over[2], space)
    if about := _ABOUT.fullmatch(text):
        if not about[1] and not about[2].isupper():
            return None  # "a is better": an article
        return space.read(about[2]) if about[3] is None else _read_comparison(about[2], ">", about[3], space)
    if space.n > 2 and (ranked := _read_ranking(text, Ranking(space.n), among=">")) is not None:
        return ranked[0]
    if not space.ties:
        return None
    if _BOTH.match(text) and (named_tie := space.read(_BOTH.sub("", text, count=1))) is not None:
        return named_tie
    tied = _TIED.fullmatch(text)
    return space.read(TIE) if tied and (space.n == 2 or not tied[1]) else None


def _read_comparison(left: str, sign: str, right: str, space: Preference) -> Verdict | None:
    """The verdict of a comparison such as `A > B`, if there are just two candidates."""
    first, second = space.read(left), space.read(right)
    if space.n != 2 or first is None or second is None or first == second:
        return None
    if sign[0] in "=≈":
        return space.read(TIE)
    return first if sign[0] in ">≻" else second


def _read_score(text: str, space: Score) -> Verdict | None:
    if comma := _COMMA.fullmatch(text):
        return _read_comma(comma[1], comma[2], space)
    # Empty stars tell the top of the scale: "★★★☆" is no answer on a scale up to 5.
    if _STARS.fullmatch(text):
        return _read_number(str(len(text.rstrip("☆"))), space) if "☆" not in text or len(text) == space.high else None
    if text.rstrip("分") in words.NUMERALS:
        return _read_number(str(words.NUMERALS.index(text.rstrip("分"))), space)
    if not any(char.isdigit() for char in text):
        text = _SPELT.sub(lambda match: str(words.NUMBERS.index(match[0].lower())), text)
    text = re.sub(r"^minus\s+", "-", text, flags=re.IGNORECASE)
    text = re.sub(r"\s+and\s+a\s+half\b", ".5", text, flags=re.IGNORECASE)
    # A scale that is named must be the scale that was asked for: "8/10" is no 4 of 5.
    match = _SCORE.fullmatch(text)
    if match is None or any(top is not None and float(top) != space.high for top in match.group(3, 4)):
        return None
    return None if match[2] and space.high != 100 else _read_number(match[1], space)


def _read_comma(whole: str, part: str, space: Score) -> Verdict | None:
    """A decimal comma, or one between thousands. No verdict if both readings, or two scores, are possible."""
    readings = {_read_number(f"{whole}.{part}", space)}
    if len(part) == 3:
        readings.add(_read_number(whole + part, space))
    readings.discard(None)
    two = space.contains(float(whole)) and space.contains(float(part))
    return readings.pop() if len(readings) == 1 and not two else None


def _read_number(number: str, space: Score) -> Verdict | None:
    value = float(number)
    return space.snap(value) if space.contains(value) else None


def _read_ranking(text: str, space: Ranking, *, among: str = "") -> tuple[int, ...] | None:
    """A ranking by letters. The sign `among`, if given, must stand between them."""
    if among and among not in text:
        return None
    if space.n == 2 and (about := _ABOUT.fullmatch(text)) and about[3] is not None:
        text = f"{about[2]} > {about[3]}"
    bare = re.sub(rf"(?:the\s+)?(?:{NOUN})[\s_]+(?=[A-Z]\b)", "", _PLACE_NUMBER.sub(">", text), flags=re.IGNORECASE)
    bare = re.sub(r"^(?:first|best)\s*:?\s+(?=[A-Z]\b)", "", bare, flags=re.IGNORECASE)
    steps = [strip_markup(step) for step in _STEP.split(bare) if step.strip()]
    read = space.read(">".join(steps)) if all(len(step) == 1 for step in steps) else None
    return cast("tuple[int, ...]", read) if isinstance(read, tuple) else None

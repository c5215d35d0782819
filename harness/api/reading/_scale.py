"""Tells whether a number goes on beside its mark: `[[4]]/10`, `[[3]].5`, `-[[2]]`. Then the mark alone is no score."""

from __future__ import annotations

import re

from harness.api.reading import _words as words
from harness.api.reading._dress import fold_width
from harness.api.reading._exact import any_of
from harness.api.reading._reason import keeps_scale
from harness.api.spaces._kinds import Score

_NEAR = 60
"""Characters on each side of a mark that are searched."""

_DRESS = r"[ \t*_`\"'”)\\$]*"
_GOES_ON = re.compile(
    r"[*_`]*(?:[.,]\d|[\d½¼¾]|\+|[-–—:^x×*]\s?\d|[A-Za-z]\d|[km]\b|\.\.+\s?\d|…\s?\d"
    r"|[ \t]*(?:½|1/2\b|and\s+a\s+half\b|(?:to|or|bis)\s+\d|[x×]\s?\d))",
    re.IGNORECASE,
)
_PER_CENT = re.compile(rf"{_DRESS}(?:%|％|per\s?cent\b|prozent\b)", re.IGNORECASE)
_SCALE = re.compile(
    rf"{_DRESS}(?:{any_of(*words.UNITS)})?{_DRESS}[,–—-]?[ \t]?[(\[]?"
    r"(?:[/／]|(?:out\s+)?of\b|von\b|sur\b|over\b|max|on\s+(?:a|the)\s|in\s+(?:a|the)\s|scale|满分|\d)",
    re.IGNORECASE,
)
_POINT_SCALE = re.compile(r"\b(?:scale|range)\b|\d+[- ]point|[(\[]\d", re.IGNORECASE)
_NUMBER = re.compile(r"\d{1,9}(?:\.\d{1,9})?")
# A dash after a word only separates: "Rating-[[4]]". A blank after it makes a list: "- [[4]]".
_BEGINS = re.compile(
    r"(?:(?:(?<![\w*)])|(?:\A|[\s(=:])[*_]{1,3})[-–—−]|\b(?:minus|negative)[ \t]|[<≤≥±][ \t]*|\w[ \t]+>[ \t]*"
    r"|\d[.,/]?|\d[ \t]*/[ \t]*"
    r"|\b(?:at\s+least|at\s+most|below|above|up\s+to|less\s+than|more\s+than|lower\s+than|higher\s+than|between)"
    r"[ \t](?:an?[ \t])?)[*_`]*\Z",
    re.IGNORECASE,
)


def goes_on(text: str, start: int, end: int, space: Score) -> bool:
    """Whether the number of the mark at `text[start:end]` goes on beside it, or has another scale there."""
    if start and _BEGINS.search(text[max(0, start - _NEAR) : start]):
        return True
    after = fold_width(text[end : end + _NEAR].partition("\n")[0])
    if not after:
        return False
    if _GOES_ON.match(after) or (space.high != 100 and _PER_CENT.match(after)):
        return True
    if _SCALE.match(after) is None:
        return False
    after = after.partition("[[")[0]
    return any(float(number[0]) > space.high for number in _NUMBER.finditer(after)) or not (
        _POINT_SCALE.search(after) or keeps_scale(after, space)
    )

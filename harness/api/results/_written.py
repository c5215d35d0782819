"""Writes numbers for people, with as many digits as their interval supports and one style of percentages.

For reports of every kind, those of plugins too. JSON and CSV keep fractions.
"""

from __future__ import annotations

import math
from typing import Literal, TypeAlias

Unit: TypeAlias = Literal["share", "score", "correlation", "distance"]
"""Unit of a metric's values. `share`: from 0 to 1, printed as a percentage. `correlation`: from -1 to 1, kappas too.
`distance`: 0 is best and less is better, in its own unit. `score`: in the units of the scale, or any other number."""

_NOTHING = "–"
_PLAIN = {"share": 1}  # decimals of a number without an interval, else two
_MOST = {"share": 4}  # decimals of one with an interval, else six: what JSON keeps
_EDGES = {"share": (-1.0, 0.0, 1.0), "correlation": (-1.0, 0.0, 1.0)}  # written only where a value is exactly that
_EXACT = 1e-9  # means of 0 and 1 that differ by less differ by rounding alone


def write_number(
    unit: Unit, value: float | None, low: float | None = None, high: float | None = None, *, signed: bool = False
) -> str:
    """A value with as many decimals as its interval carries: `95.6` for a share, `0.62` for a correlation.

    Half the interval's width decides, and no more than two digits of it count, as is usual for measurements (JCGM
    100:2008, 7.2.6). A percentage has no decimals where it is 10 points or more (95 in 76 to 99), one where it is a
    tenth of a point or more (95.6 in 93.2 to 97.3), and beyond that as many as show one digit of it. A correlation has
    two decimals more, any other value as many as show two digits. Of an interval that ends at 0 or 100 % the whole
    width decides. Without an interval a percentage has one decimal, everything else two.

    Zero, and 100 % or a correlation of 1, are only written where the value is exactly that: 99.98 % is 99.9 where there
    is one decimal.

    >>> write_number("share", 0.9563, 0.932, 0.973), write_number("share", 0.95, 0.764, 0.991)
    ('95.6', '95')
    >>> write_number("share", 0.9998), write_number("correlation", 0.6181), write_number("distance", None)
    ('99.9', '0.62', '–')

    Args:
        unit: Of the metric.
        value: The value, as a fraction. `None` where there is none.
        low: Lower end of the interval that decides the decimals, `None` where there is none.
        high: Its upper end.
        signed: Whether a value above zero has a plus sign: a difference.
    """
    if value is None or not math.isfinite(value):
        return _NOTHING
    return _write(unit, value, _count_decimals(unit, low, high), signed=signed)


def write_interval(unit: Unit, low: float | None, high: float | None, *, signed: bool = False) -> str:
    """An interval: `93.2–97.3`; `-0.10 … 0.62` where a sign stands at its beginning.

    Args:
        unit: Of the metric.
        low: Lower end, as a fraction. `None` where there is none.
        high: Upper end.
        signed: Whether an end above zero has a plus sign: the interval of a difference.
    """
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return _NOTHING
    decimals = _count_decimals(unit, low, high)
    ends = [_write(unit, end, decimals, signed=signed) for end in (low, high)]
    return (" … " if signed or ends[0].startswith("-") else "–").join(ends)


def write_share(value: float | None) -> str:
    """A share that has no interval, as a percentage: `98.3`. It says 100 or 0 only where it is."""
    return write_number("share", value)


def _count_decimals(unit: Unit, low: float | None, high: float | None) -> int:
    """Decimals of a value and of both ends of its interval."""
    if low is None or high is None or not _EXACT < (width := abs(high - low)) < math.inf:
        return _PLAIN.get(unit, 2)
    one_sided = any(_find_edge(unit, end) is not None for end in (low, high))
    exponent = _find_exponent(width if one_sided else width / 2)
    if unit in ("share", "correlation"):
        points = exponent + 2  # of a hundredth, which is a point of a percentage
        decimals = (0 if points >= 1 else max(1, -points)) + (0 if unit == "share" else 2)
    else:
        decimals = max(1 - exponent, 0)
    return min(decimals, _MOST.get(unit, 6))


def _find_exponent(reach: float) -> int:
    """The power of ten of a number that was rounded to two digits: 0.0996 is 0.10."""
    return int(f"{reach:.1e}".partition("e")[2])


def _write(unit: Unit, value: float, decimals: int, *, signed: bool) -> str:
    exact = _find_edge(unit, value)
    number = (value if exact is None else exact) * _scale(unit)
    text = f"{number:.{decimals}f}"
    if exact is None:
        for edge in _EDGES.get(unit, (0.0,)):
            if float(text) == edge * _scale(unit):  # rounding must not make it exact: one step back
                text = f"{edge * _scale(unit) + math.copysign(10.0**-decimals, value - edge):.{decimals}f}"
                break
    if not float(text):
        return text.removeprefix("-")
    return f"+{text}" if signed and not text.startswith("-") else text


def _find_edge(unit: Unit, value: float) -> float | None:
    """The edge at which a value lies exactly, if any."""
    return next((edge for edge in _EDGES.get(unit, (0.0,)) if abs(value - edge) < _EXACT), None)


def _scale(unit: Unit) -> float:
    return 100.0 if unit == "share" else 1.0

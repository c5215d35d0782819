"""What tables write beside the numbers themselves: headings, p-values, ranks.

How a number is written follows from its unit and its interval, and is `harness.api`: `write_number`, `write_interval`.
"""

from __future__ import annotations

import math
from decimal import Decimal

from harness.allowed import is_file_name
from harness.api import Unit, write_number, write_share

NOTHING = write_share(None)
"""What is written where there is no number."""

# Readers compare with these, so a rounded number must not cross one.
_LEVELS = (0.01, 0.05, 0.1)


def bare(metric: str) -> str:
    """The metric's name without its plugin: `accuracy` for `harness/accuracy`."""
    return metric.rpartition("/")[2] if metric.startswith("harness/") else metric


def short(metric: str) -> str:
    """As people read it: `bare`, and a module of the `evaluate` library without its folder."""
    # The whole path tells two files apart, and is in the JSON. On a board it only takes the room of the numbers.
    if metric.startswith("evaluate:") and is_file_name(metric.removeprefix("evaluate:")):
        return "evaluate:" + metric.removeprefix("evaluate:").replace("\\", "/").rstrip("/").rpartition("/")[2]
    return bare(metric)


def heading(metric: str, unit: Unit) -> str:
    """The metric with its unit: `accuracy, %`."""
    return f"{short(metric)}, %" if unit == "share" else short(metric)


def share(value: float | None) -> str:
    """A share as a percentage with one decimal: `98.3`. It says 100 or 0 only when it is."""
    return write_share(value)


def size(unit: Unit, value: float) -> str:
    """The size of a difference: `5.1 points` of a percentage, else the number alone."""
    return f"{write_number(unit, value)} points" if unit == "share" else write_number(unit, value)


def exact_size(unit: Unit, value: float) -> str:
    """The size of a difference that somebody has given, with all of its own digits: `0.05 points`.

    >>> exact_size("share", 0.0005), exact_size("share", 0.2), exact_size("score", 0.07)
    ('0.05 points', '20 points', '0.07')
    """
    return f"{exact_share(value)} points" if unit == "share" else f"{Decimal(str(value)).normalize():f}"


def exact_share(value: float) -> str:
    """A share that somebody has given, as a percentage with all of its own digits: `0.05`."""
    # By decimal digits: 100 times 0.07 is 7.000000000000001 in floating point.
    return f"{(Decimal(str(value)) * 100).normalize():f}"


def p_value(value: float | None) -> str:
    """A p-value: `0.012`, `<0.001`, `>0.999`. It stays on its side of the usual levels: 0.0496 is `0.049`."""
    if value is None:
        return NOTHING
    if value < 0.001:
        return "<0.001"
    # Rounded it would say 1, which is a claim that the data cannot make.
    if 0.9995 <= value < 1:
        return ">0.999"
    shown = round(value, 3)
    if shown in _LEVELS and value != shown:
        shown += math.copysign(0.001, value - shown)
    return f"{shown:.3f}"

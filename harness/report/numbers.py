"""How numbers are written for people: shares as percentages, everything else as it is.

Published accuracies are percentages with two decimals, so are ours; the JSON keeps fractions.
"""

from __future__ import annotations

from harness.api import Protocol

_PERCENT = frozenset(
    {
        "accuracy",
        "accuracy_without_ties",
        "all_right",
        "balanced_accuracy",
        "f1",
        "macro_f1",
        "rank_accuracy",
        "roc_auc",
        "swap_consistency",
        "first_position",
        "repeat_consistency",
    }
)
NOTHING = "–"
"""What is written where there is no number."""


def bare(metric: str) -> str:
    """The metric's name without its plugin: `accuracy` for `harness/accuracy`."""
    return metric.rpartition("/")[2] if metric.startswith("harness/") else metric


def is_percentage(metric: str) -> bool:
    """Whether the metric is shown times one hundred; correlations, errors and foreign metrics are not."""
    return bare(Protocol.parsed(metric)[0]).replace("-", "_") in _PERCENT


def heading(metric: str) -> str:
    """The metric with its unit: `accuracy, %`."""
    return f"{bare(metric)}, %" if is_percentage(metric) else bare(metric)


def number(metric: str, value: float | None) -> str:
    """A value of the metric: `45.59` for an accuracy, `0.62` for a correlation, `–` for none."""
    if value is None:
        return NOTHING
    return _fixed(value * 100, 2) if is_percentage(metric) else _fixed(value, 2)


def interval(metric: str, low: float | None, high: float | None) -> str:
    """An interval, a percentage's one digit shorter than the value: `43.2–47.9`, `0.41–0.62`, `-0.10 … 0.62`."""
    if low is None or high is None:
        return NOTHING
    ends = [_fixed(end * 100, 1) if is_percentage(metric) else _fixed(end, 2) for end in (low, high)]
    return (" … " if ends[0].startswith("-") else "–").join(ends)


def share(value: float | None) -> str:
    """A share as a percentage with one decimal: `98.3`. It says 100 or 0 only when it is."""
    if value is None:
        return NOTHING
    shown = f"{value * 100:.1f}"
    if shown == "100.0" and value < 1:
        return "99.9"
    if shown == "0.0" and value > 0:
        return "0.1"
    return shown


def p_value(value: float | None) -> str:
    """A p-value: `0.012`, `<0.001`."""
    if value is None:
        return NOTHING
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def signed(metric: str, value: float | None) -> str:
    """A difference of two values, with its sign: `+2.31`."""
    shown = number(metric, value)
    return shown if shown == NOTHING or shown.startswith("-") else f"+{shown}"


def signed_interval(metric: str, low: float | None, high: float | None) -> str:
    """An interval of a difference: `-0.42 … +3.10`."""
    if low is None or high is None:
        return NOTHING
    return f"{signed(metric, low)} … {signed(metric, high)}"


def _fixed(value: float, digits: int) -> str:
    """A fixed number of digits, and no minus sign before nothing."""
    shown = f"{value:.{digits}f}"
    return shown if float(shown) else shown.removeprefix("-")

"""The estimates of `harness estimate` as people read them on a terminal. The record is `harness.report.estimate`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from harness.api import Unit, write_interval, write_number, write_share
from harness.report.lines import print_notes, print_rows, print_title

if TYPE_CHECKING:
    from rich.console import Console

    from harness.report.estimate import Estimates, IntervalEstimate
    from harness.report.verdicts import VerdictTarget

_METHODS = {
    "judge-alone": "the judge alone",
    "labels-alone": "the labels alone",
    "rogan-gladen": "corrected: Rogan-Gladen",
    "ppi++": "corrected: PPI++",
}


def estimate_rows(found: Estimates, target: VerdictTarget) -> tuple[list[str], list[list[str]]]:
    """Header and cells of the table of estimates, as people read them."""
    unit = target.unit
    return ["", _heading(target), "interval"], [
        [
            _METHODS[number.method],
            write_number(unit, number.value, number.ci_low, number.ci_high),
            write_interval(unit, number.ci_low, number.ci_high),
        ]
        for number in found.estimates
    ]


def print_estimates(found: Estimates, target: VerdictTarget, console: Console) -> None:
    """Print the estimates, what the judge is like, what a label is worth, and what all of it rests on."""
    print_title(f"{found.target} · {found.task} · {found.judge}", console)
    print_rows(*estimate_rows(found, target), console)
    print_notes(list(_facts(found)), console, style="")
    print_notes(found.warnings, console, style="yellow")
    print_notes([f"interval: {found.confidence * 100:g} % confidence", *found.assumptions], console)


def _facts(found: Estimates) -> Iterator[str]:
    own = _count_text(found.labelled, found.labelled_clusters)
    yield f"{own} with a label, {_count_text(found.unlabelled, found.unlabelled_clusters)} without"
    # What was left out is said at once: the counts of items above are without it.
    for count, why in (
        (found.already_labelled, "unlabelled items are among the labelled ones and were left out"),
        (found.failed, "items were left out since the machinery failed on them"),
    ):
        if count:
            yield f"{count:,} {why}"
    missing = (found.labelled_without_verdict, found.unlabelled_without_verdict)
    if max(missing) > 0:
        here, there = map(write_share, missing)
        yield (
            f"no verdict on {here} % of the labelled and on {there} % of the other "
            f"items; in both it counts as {'not the class' if found.skill.value is not None else 'the middle'}"
        )
    if found.skill.value is not None:
        yield (
            f"sensitivity {_with_interval('share', found.sensitivity, sign=' %')}, "
            f"specificity {_with_interval('share', found.specificity, sign=' %')}; "
            f"together less 1: {_with_interval('score', found.skill)}, where 0 is chance"
        )
    if found.correlation.value is not None:
        yield f"correlation of verdicts and labels {_with_interval('correlation', found.correlation)}"
    if found.label_worth.value is not None:
        limit = found.label_worth_limit.value
        # More verdicts help only up to a limit, which the labels set. Readers who plan to buy verdicts want to know it.
        # With the digits of the worth itself, which would else stand above its own limit.
        ends = found.label_worth.ci_low, found.label_worth.ci_high
        most = write_number("score", limit, *ends)
        without_end = "" if limit is None else f"; at most {most}, however many verdicts there are"
        yield f"one label with this judge is worth {_with_interval('score', found.label_worth)} labels{without_end}"


def _count_text(items: int, clusters: int) -> str:
    return f"{items:,} items" if items == clusters else f"{items:,} items in {clusters:,} clusters"


def _heading(target: VerdictTarget) -> str:
    return "share, %" if target.label else "mean"


def _with_interval(unit: Unit, number: IntervalEstimate, *, sign: str = "") -> str:
    """A value with its interval in brackets, as many decimals as the interval carries."""
    low, high = number.ci_low, number.ci_high
    # What a label is worth may have no upper end: a judge that is never wrong replaces any number of labels.
    ends = write_interval(unit, low, high) if high is not None else f"{write_number(unit, low)} or more"
    return f"{write_number(unit, number.value, low, high)}{sign} ({ends})"

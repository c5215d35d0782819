"""Findings over all tasks: what was counted on each of them, put together item by item.

A judge has one row on a board of many tasks. Its number there is the share of all items on which the measure could be
taken, and its control is put together in the same way. Items of one group are one cluster, on whichever tasks they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from harness.api import Choice, Statistics, Units
from harness.explain.records import CountedShare, Finding, KeyFigure, Share
from harness.score.metrics import Accuracy

_TRIAL = Choice(("hit", "miss"))


def measure_units(
    name: str, units: Sequence[tuple[str, float]], statistics: Statistics, *, confidence: float
) -> CountedShare:
    """A share of items with its interval over their groups.

    Args:
        name: What is counted.
        units: For each item its group, and the mean of what was found about it.
        statistics: Measures shares.
        confidence: Of the interval.
    """
    groups = [group for group, _ in units]
    found = statistics.measure_share(np.array([value for _, value in units]), groups, confidence=confidence)
    return CountedShare(name=name, value=found.value, low=found.low, high=found.high, n=len(units), units=tuple(units))


def measure_gap(
    name: str, pairs: Sequence[tuple[str, float, float]], statistics: Statistics, *, confidence: float
) -> Share:
    """The mean of one value less that of another of the same items, with the interval of a paired comparison.

    Args:
        name: What is compared.
        pairs: For each item its group and the two values, both from 0 to 1.
        statistics: Compares.
        confidence: Of the interval.
    """
    if not pairs:
        return Share(name=name, value=None, low=None, high=None, n=0)
    groups = [group for group, _, _ in pairs]
    after, before = _as_units([value for _, value, _ in pairs]), _as_units([value for _, _, value in pairs])
    found = statistics.measure_change(Accuracy(), before, after, groups, confidence=confidence).difference
    return Share.of(name, found, len(pairs))


def _as_units(values: Sequence[float]) -> Units:
    """Values as the credit of questions whose right answer is always the same."""
    return Units(
        space=_TRIAL,
        gold=("hit",) * len(values),
        predicted=tuple("hit" if value else "miss" for value in values),
        credit=np.array(values),
        positive=np.full(len(values), np.nan),
    )


def pool_findings(findings: Iterable[Finding], statistics: Statistics, *, confidence: float) -> Iterator[Finding]:
    """For each judge and measure, a finding over all tasks on which it could be made.

    Args:
        findings: Of the tasks, with what they count.
        statistics: Measures shares.
        confidence: Of the intervals.
    """
    by_place: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        by_place.setdefault((finding.judge, finding.measure), []).append(finding)
    for (judge, measure), own in by_place.items():
        keys = dict.fromkeys(figure.key for finding in own for figure in finding.figures if figure.on_board)
        alike = {key: [f for finding in own for f in finding.figures if f.key == key and f.share.n] for key in keys}
        figures = [
            pooled
            for same in alike.values()
            if same and (pooled := _pool(same, statistics, confidence=confidence)) is not None
        ]
        if figures:
            tasks = tuple(finding.task for finding in own if any(f.on_board and f.share.n for f in finding.figures))
            yield Finding(measure=measure, task="", judge=judge, tasks=tasks, figures=tuple(figures))


def forget_units(finding: Finding) -> Finding:
    """The finding as a file has it."""
    figures = [
        replace(figure, share=_plain(figure.share), controls=tuple(map(_plain, figure.controls)))
        for figure in finding.figures
    ]
    return replace(finding, figures=tuple(figures))


def _pool(figures: Sequence[KeyFigure], statistics: Statistics, *, confidence: float) -> KeyFigure | None:
    """One figure, with its first control alone; `None` where the controls are not all of one kind."""
    first = figures[0]
    shares = _put_together([figure.share for figure in figures], statistics, confidence=confidence)
    controls = [figure.controls[0] for figure in figures]
    control = _put_together(controls, statistics, confidence=confidence)
    return None if shares is None or control is None else replace(first, share=shares, controls=(control,))


def _put_together(shares: Sequence[Share], statistics: Statistics, *, confidence: float) -> Share | None:
    first = shares[0]
    if any(share.name != first.name for share in shares):
        return None
    counted = [share for share in shares if isinstance(share, CountedShare)]
    if len(counted) == len(shares):
        units = [unit for share in counted for unit in share.units]
        return measure_units(first.name, units, statistics, confidence=confidence)
    # A number that is known and not counted, such as one half for any map of the picture alone.
    fixed = len({(share.value, share.low, share.high) for share in shares}) == 1
    return replace(first, n=sum(share.n for share in shares)) if fixed and not counted else None


def _plain(share: Share) -> Share:
    return Share(name=share.name, value=share.value, low=share.low, high=share.high, n=share.n)

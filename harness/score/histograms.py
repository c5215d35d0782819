"""Histograms of verdicts by name. Not for scoring: they are for people, and for the flags."""

from __future__ import annotations

from collections import Counter
from typing import cast

from harness.api import AnswerSpace, Choice, Preference, Ranking, Rubric, Score, Verdict

# Enough to see whether a judge uses the whole scale, and few enough for one line of a terminal.
_BINS = 10  # of the histogram of a continuous score


def size(space: AnswerSpace) -> tuple[float, ...]:
    """Sorts the spaces of one kind: the largest one stands for a cell."""
    if type(space) is Preference:
        return (space.n, len(space.ties))
    if type(space) is Ranking:
        return (space.n,)
    if type(space) is Score:
        return (space.high - space.low,)
    if type(space) is Rubric:
        return (len(space.criteria),)
    return (len(cast("Choice", space).labels),)


def bin_of(space: AnswerSpace, verdict: Verdict) -> Verdict:
    """The verdict, or the tenth of a continuous scale that it is in, so that a histogram stays small.

    An answer to a rubric is its text, since the rubrics of two items may differ.
    """
    if type(space) is Rubric:
        parts = zip(space.spaces, cast("tuple[Verdict, ...]", verdict), strict=True)
        return space.name(cast("Verdict", tuple(bin_of(own, part) for own, part in parts)))
    if type(space) is not Score or space.step:
        return verdict
    width = (space.high - space.low) / _BINS
    # The last bin holds the upper end of the scale too, where the division gives one too many.
    tenth = int((cast("float", verdict) - space.low) * _BINS / (space.high - space.low))
    return space.low + min(tenth, _BINS - 1) * width


def histogram(space: AnswerSpace, counts: Counter[Verdict]) -> dict[str, int]:
    """Counts by name. Every class of a choice or a preference is there, the ones never given too."""
    if type(space) is Score:
        if space.step:
            return {space.name(value): counts[value] for value in sorted(counts, key=lambda v: cast("float", v))}
        width = (space.high - space.low) / _BINS
        starts = [space.low + tenth * width for tenth in range(_BINS)]
        return {f"{start:.6g} to {start + width:.6g}": counts[start] for start in starts}
    if type(space) is Rubric:
        return {name: counts[name] for name in sorted(cast("Counter[str]", counts))}
    listed = () if type(space) is Ranking else space.verdicts()
    others = sorted((verdict for verdict in counts if verdict not in listed), key=space.name)
    return {space.name(verdict): counts[verdict] for verdict in (*listed, *others)}

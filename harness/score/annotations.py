"""The columns of what several people said. Filled by `harness.score.people`, which says what they are for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.api import Verdict
from harness.score.arrays import Floats, Ints


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ratings:
    """R verdicts of people, canonical, of all items. All columns have shape (R,)."""

    item: Ints
    """Code of the item."""
    cluster: NDArray[np.uint64]
    """Name of the item's cluster."""
    annotator: Ints
    """Code of the annotator."""
    verdict: Ints
    """Code of what was said."""
    places: Ints
    """Number of candidates of a preference, which may be shown in any order. 1 for every other answer."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lines:
    """L comparisons with what the *other* annotators say: one for each unit, annotator and consensus of the others.

    All columns have shape (L,). If the others have several consensuses (a drawn vote), each has a line of its own.
    """

    unit: Ints
    """Row of the unit in `CellTable.units`."""
    annotator: Ints
    """Code of the annotator who is left out."""
    parts: Ints
    """The line weighs one in so many, so that each item weighs the same."""
    gold: Ints
    """Code of the consensus of the others."""
    person: Ints
    """Code of what the annotator said."""
    person_credit: Floats
    """Points for it."""
    judge: Ints
    """Code of what the judge said, or `NOTHING`."""
    judge_credit: Floats
    """Points for it."""
    guess: Ints
    """Code of what the judge said, or of the blind guess that the protocol puts in its place."""
    guess_credit: Floats
    """Points for it."""
    kept: NDArray[np.bool_]
    """Whether the judge's unit counts by the protocol."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Duels:
    """D meetings of judge and annotator on one unit: who agrees more with the other annotators. Shape (D,)."""

    unit: Ints
    """Row of the unit in `CellTable.units`."""
    annotator: Ints
    """Code of the annotator."""
    judge: NDArray[np.bool_]
    """Whether the judge agrees at least as much as the annotator. Without a verdict it does not."""
    person: NDArray[np.bool_]
    """Whether the annotator agrees at least as much as the judge."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class People:
    """Verdicts of several people on the items of a cell."""

    annotators: tuple[str, ...]
    """Names of the annotators, by code."""
    verdicts: tuple[Verdict, ...]
    """The verdicts, by code."""
    ratings: Ratings
    """Every verdict of every annotator."""
    lines: Lines
    """Each annotator, and the judge, against the consensus of the others."""
    duels: Duels
    """The judge against each annotator."""

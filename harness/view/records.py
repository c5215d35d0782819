"""The records of the pages: an answer, an item in a list, an item with everything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from harness.api import Judgement


class AnswerMark(NamedTuple):
    """One answer, as short as a list needs it."""

    kind: str
    """`agrees` or `differs`, with or from the gold; or `unread`, without a verdict."""
    verdict: str
    """Name of the verdict in canonical places; empty where there is none."""
    reason: str
    """Why there is none."""
    confidence: float | None
    """Probability of the verdict, where the judge said so."""
    first: bool | None
    """Whether it names the first place shown; `None` where places mean nothing."""


@dataclass(frozen=True, slots=True)
class ItemLine:
    """An item in a list, with all answers to it."""

    task: str
    """Name of the task."""
    item: str
    """Id of the item."""
    ordinal: int
    """Its place in the data."""
    category: str
    """Its category."""
    group: str
    """Its cluster."""
    gold: str
    """Name of the gold verdict."""
    marks: Mapping[str, tuple[AnswerMark, ...]]
    """The answers of each judge, in the order of the requests."""

    def is_split(self) -> bool:
        """Whether the judges with a verdict do not all say the same."""
        said = {mark.verdict for marks in self.marks.values() for mark in marks if mark.verdict}
        return len(said) > 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownAnswer:
    """One answer of one judge, with everything that is known of it."""

    order: str
    """The candidates in the order shown, by letter; empty without candidates."""
    sample: int
    """Number of the repeat, from 0."""
    mark: AnswerMark
    """What it comes to."""
    shown: str
    """Name of the verdict in the places shown, as the judge said it."""
    judgement: Judgement
    """What the judge wrote."""
    chances: Sequence[tuple[str, float]]
    """Each verdict in canonical places with its probability, the likeliest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptPart:
    """A part of what a judge was shown."""

    role: str
    """Who speaks."""
    text: str
    """Text; empty for a picture."""
    image: str
    """Key of a picture; empty for text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownItem:
    """An item with everything."""

    line: ItemLine
    """As in a list."""
    answers: Mapping[str, Sequence[ShownAnswer]]
    """All answers of each judge."""
    prompt: Sequence[PromptPart]
    """What was asked, in the first order."""
    tags: Mapping[str, str]
    """The item's tags."""
    annotations: Mapping[str, str]
    """What people said, by annotator: names of verdicts."""

    @property
    def images(self) -> tuple[str, ...]:
        """Keys of its pictures, each once."""
        return tuple(dict.fromkeys(part.image for part in self.prompt if part.image))

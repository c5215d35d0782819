"""One judge on one task, ready to be asked about: its recorded answers joined with the items that they are about."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from harness.api import AnswerSpace, Claim, Item, RecordedAnswer, RecordedCell, Request, Statistics, Verdict
from harness.explain.pooling import measure_gap, measure_units
from harness.explain.records import CountedShare, Share
from harness.runner.planned import PlannedJudge, PlannedTask


@dataclass(frozen=True, kw_only=True)
class StudiedAnswer:
    """A recorded answer with a verdict, and the item that it is about."""

    item: Item
    """The item, made again."""
    answer: RecordedAnswer
    """The answer, with its texts."""
    verdict: Verdict
    """Its verdict, in shown places."""
    gold: Verdict
    """The right one, in shown places."""

    @property
    def reasoning(self) -> str:
        """What stands ahead of the verdict."""
        return self.answer.rationale

    @property
    def is_right(self) -> bool:
        """Whether the verdict is the gold."""
        return self.verdict == self.gold

    def name(self, verdict: Verdict | None) -> str:
        """A verdict in words."""
        return "none" if verdict is None else self.answer.space.name(verdict)


@dataclass(frozen=True, kw_only=True)
class Study:
    """One judge on one task."""

    cell: RecordedCell
    """As recorded."""
    task: PlannedTask
    """Made again."""
    judge: PlannedJudge | None
    """Made again; `None` where it is not to be asked."""
    said: Sequence[StudiedAnswer]
    """All answers with a verdict, of the first sample."""
    chosen: frozenset[str]
    """Ids of the items about which the judge may be asked again."""
    statistics: Statistics
    """Measures shares."""
    confidence: float
    """Of the intervals."""
    seed: int
    """Of all that is drawn."""

    @cached_property
    def to_ask(self) -> Sequence[StudiedAnswer]:
        """The answers about which the judge may be asked again."""
        return [said for said in self.said if said.item.id in self.chosen]

    @property
    def reads_reasoning(self) -> bool:
        """Whether the task can tell what a reasoning implies. Nothing is ever guessed in its place."""
        return hasattr(self.task.task, "find_implied")

    def find_implied(self, said: StudiedAnswer) -> Verdict | None:
        """The verdict that an answer's reasoning implies, in shown places; `None` where it implies none."""
        found: Callable[[str, AnswerSpace], Verdict | None] | None = getattr(self.task.task, "find_implied", None)
        # By the space of this answer: items of one task may have spaces of their own.
        return None if found is None else found(said.reasoning, said.answer.space)

    def claims(self, reasoning: str, said: StudiedAnswer) -> Sequence[Claim]:
        """The facts that a reasoning states of an item; none where the task knows of none."""
        found = getattr(self.task.task, "claims", None)
        return () if found is None else tuple(found(reasoning, said.item, said.answer.order))

    @property
    def makes_claims(self) -> bool:
        """Whether the task knows facts."""
        return hasattr(self.task.task, "claims")

    def render(self, said: StudiedAnswer) -> Request:
        """The request that was answered."""
        return self.task.task.render(said.item, order=said.answer.order, format=self.task.format)

    def share(self, name: str, hits: Iterable[tuple[StudiedAnswer, float]]) -> CountedShare:
        """A share of items, each with the mean of its answers, and its interval over clusters of items.

        Args:
            name: What is counted.
            hits: For each answer that counts, from 0 to 1.
        """
        units = list(_mean_by_item(hits).values())
        return measure_units(name, units, self.statistics, confidence=self.confidence)

    def gap(
        self, name: str, hits: Iterable[tuple[StudiedAnswer, float]], others: Iterable[tuple[StudiedAnswer, float]]
    ) -> Share:
        """A share of items less another of the same items, from -1 to 1, with the interval of a paired comparison.

        Args:
            name: What is compared.
            hits: For each answer that counts, from 0 to 1.
            others: What is taken from them, for the same answers.
        """
        first, second = _mean_by_item(hits), _mean_by_item(others)
        assert first.keys() == second.keys()
        pairs = [(group, value, second[item][1]) for item, (group, value) in first.items()]
        return measure_gap(name, pairs, self.statistics, confidence=self.confidence)


def _mean_by_item(hits: Iterable[tuple[StudiedAnswer, float]]) -> dict[str, tuple[str, float]]:
    """The group of each item, and the mean of its answers."""
    by_item: dict[str, tuple[str, list[float]]] = {}
    for said, hit in hits:
        by_item.setdefault(said.item.id, (said.item.group, []))[1].append(hit)
    return {item: (group, float(np.mean(found))) for item, (group, found) in by_item.items()}


def choose_items(items: Iterable[Item], *, limit: int, seed: int) -> frozenset[str]:
    """Ids of about so many items: whole groups, so that sisters stay together, those whose hash with the seed is least.

    Args:
        items: The items to choose among.
        limit: No further group is taken once there are so many.
        seed: Of the choice.
    """
    groups: dict[str, list[str]] = {}
    for item in items:
        groups.setdefault(item.group, []).append(item.id)
    chosen: list[str] = []
    # By a hash, so that a larger limit keeps the items of a smaller one, and their answers in the journal.
    for group in sorted(groups, key=lambda group: hashlib.sha256(f"{seed}\0{group}".encode()).digest()):
        if len(chosen) >= limit:
            break
        chosen += groups[group]
    return frozenset(chosen[:limit])

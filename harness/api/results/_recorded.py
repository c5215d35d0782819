"""What a run recorded: its cells, and the answers in each. One record from the journal to the hooks of plugins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol, cast

from harness.api._errors import DataError
from harness.api._protocol import Protocol as ScoringProtocol
from harness.api._records import Judgement, Status, Usage
from harness.api.results._unread import UnreadReason, reason_of
from harness.api.spaces._kinds import AnswerSpace, Verdict
from harness.api.spaces._rubric import Rubric


class RecordedAnswer(NamedTuple):
    """One answered request of a run, joined with its item."""

    item: str
    """`Item.id`."""
    group: str
    """`Item.group`: the cluster for statistics."""
    category: str
    """`Item.category`."""
    space: AnswerSpace
    """What could be answered."""
    gold: Verdict
    """The right answer, in canonical places."""
    order: tuple[int, ...]
    """The permutation shown; `()` without candidates."""
    sample: int
    """Number of the repeat, from 0."""
    status: Status
    """What became of the request."""
    verdict: Verdict | None
    """The answer in *shown* places; `None` unless the status is `ok`."""
    probabilities: Mapping[str, float] | None = None
    """Probability of each verdict by its name, in *shown* places, where the judge said so."""
    annotations: Mapping[str, Verdict] = MappingProxyType({})
    """`Item.annotations`: what several people said, in canonical places, by annotator."""
    raw: str = ""
    """What the judge wrote. Only where the answers are asked for with their texts, and so are the next two."""
    rationale: str = ""
    """The reasoning in it."""
    tags: Mapping[str, str] = MappingProxyType({})
    """`Item.tags`."""

    def of_criterion(self, criterion: str) -> RecordedAnswer:
        """An answer to a rubric as an answer to one of its criteria, as if nothing else had been asked.

        Its probabilities are the judge's own of this criterion, or the marginal ones: those of all whole answers with
        the same verdict on the criterion, added up.

        >>> from harness.api import Preference, Rubric, Score, Status
        >>> space = Rubric((("sharp", Score(1, 5)), ("better", Preference(2))))
        >>> answer = RecordedAnswer("i", "g", "", space, (4.0, 1), (0, 1), 0, Status.OK, (5.0, 1))
        >>> found = answer.of_criterion("better")
        >>> found.space, found.gold, found.verdict
        (Preference(n=2, ties=()), 1, 1)

        Args:
            criterion: Name of one of its criteria.

        Raises:
            DataError: There is no such criterion.
        """
        if not isinstance(self.space, Rubric):
            raise DataError(f"item {self.item!r}: its answer space has no criteria: {self.space}")
        place = self.space.place_of(criterion)
        own = self.space.spaces[place]

        def part(verdict: Verdict) -> Verdict:
            return cast("tuple[Verdict, ...]", verdict)[place]

        return self._replace(
            space=own,
            gold=part(self.gold),
            verdict=None if self.verdict is None else part(self.verdict),
            probabilities=_add_up(self.probabilities, self.space, place),
            annotations={name: part(said) for name, said in self.annotations.items()},
        )

    def of_whole(self) -> RecordedAnswer:
        """An answer to a rubric without probabilities of single criteria, which say nothing of whole answers."""
        if self.probabilities is None or not isinstance(self.space, Rubric):
            return self
        is_whole = all(self.space.read(name) is not None for name in self.probabilities)
        return self if is_whole else self._replace(probabilities=None)


def _add_up(shares: Mapping[str, float] | None, space: Rubric, place: int) -> dict[str, float] | None:
    """Probabilities of one criterion: its own, else those of whole answers added up."""
    if shares is None:
        return None
    parts = space.split_shares(shares)
    if parts is not None:
        return parts.get(place)
    found: dict[str, float] = {}
    for name, share in shares.items():
        verdict = space.read(name)
        if verdict is not None:
            own = space.spaces[place].name(cast("tuple[Verdict, ...]", verdict)[place])
            found[own] = found.get(own, 0.0) + share
    return found


class UnreadAnswer(NamedTuple):
    """An answer without a verdict, joined with its item."""

    item: str
    """`Item.id`."""
    category: str
    """`Item.category`."""
    order: tuple[int, ...]
    """The permutation shown; `()` without candidates."""
    sample: int
    """Number of the repeat."""
    judgement: Judgement
    """What the judge wrote, and why there is no verdict in it."""

    @property
    def reason(self) -> UnreadReason:
        """Why there is no verdict."""
        return reason_of(self.judgement.status, self.judgement.error) or UnreadReason.NO_VERDICT


class AnswerSource(Protocol):
    """Where the answers of a cell are: the journal of its run, opened each time that they are wanted."""

    def answers(self, *, texts: bool = False) -> Iterator[RecordedAnswer]:
        """Stream the answers, ordered by item, order and sample. What was not answered yet is left out.

        Args:
            texts: Whether with `raw`, `rationale` and `tags`, which take longer to read than all else.
        """

    def unread(self) -> Iterator[UnreadAnswer]:
        """Stream those without a verdict, in the same order."""

    def usage(self) -> Usage:
        """What the judge's answers in this run have cost, those to other tasks included."""


@dataclass(frozen=True, kw_only=True)
class RecordedCell:
    """One judge on one task of a run, as recorded."""

    run: str
    """Name of the run folder."""
    task: str
    """Name of the task in the plan."""
    judge: str
    """Name of the judge in the plan."""
    task_id: str
    """Canonical id of the task, `plugin/name`."""
    judge_id: str
    """Canonical id of the judge, `plugin/name`."""
    judge_key: str = ""
    """Equal for two cells whose judge is set up alike: it changes with all that may change an answer."""
    suite: str
    """The collection that the task belongs to."""
    protocol: ScoringProtocol
    """The protocol that was used."""
    format: str
    """Id of the verdict format."""
    metric: str
    """The metric that the leaderboard shows: the manifest's, else the first of the protocol."""
    wraps: tuple[str, ...] = ()
    """Names of the tasks of the plan with the items and the split that this task shows changed (`Task.wraps`)."""
    data_hash: str
    """Hash of the items."""
    state: str
    """`complete` or `partial`."""
    source: AnswerSource = field(repr=False)
    """Where the answers are."""

    def answers(self, *, texts: bool = False) -> Iterator[RecordedAnswer]:
        """Stream the answers, ordered by item, order and sample. What was not answered yet is left out.

        Args:
            texts: Whether with `raw`, `rationale` and `tags`, which take longer to read than all else.
        """
        # Sources of plugins and tests may know nothing of texts, and most callers want none.
        return self.source.answers(texts=True) if texts else self.source.answers()

    def unread(self) -> Iterator[UnreadAnswer]:
        """Stream the answers without a verdict, in the same order."""
        return self.source.unread()

    def usage(self) -> Usage:
        """What the judge's answers in this run have cost, those to other tasks included."""
        return self.source.usage()


class Renderer(Protocol):
    """Writes a leaderboard."""

    def __call__(
        self, leaderboard: Mapping[str, Any], *, sections: Sequence[tuple[str, str]] = (), width: int = 100
    ) -> str:
        """The leaderboard as text.

        Args:
            leaderboard: The content of `leaderboard.json`.
            sections: Pairs of a title and Markdown text, from plugins.
            width: Columns of the terminal. A file has none.
        """

"""The records that flow through the harness: item, request, judgement. Immutable, typed, plain on disk.

Item  --task renders-->  Request  --judge answers-->  Judgement
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, TypeAlias

from harness.api._errors import DataError
from harness.api._images import Image
from harness.api._spaces import AnswerSpace, Verdict, verdict_from_json

_canonical_json = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode

Part: TypeAlias = str | Image
"""A piece of a question, of a candidate or of a message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One question with its gold answer.

    Raises:
        DataError: The gold or an annotation is not an answer of the space (a NaN, a misspelt label, ...), or an id or
            the name of an annotator is empty.
    """

    id: str
    """Unique within its task and split, stable from run to run."""
    group: str
    """The cluster for statistics: items that share a source image or a prompt share a group."""
    space: AnswerSpace
    """What may be answered."""
    gold: Verdict
    """The right answer, in canonical places."""
    question: tuple[Part, ...] = ()
    """The case to judge, without the candidates."""
    candidates: tuple[tuple[Part, ...], ...] = ()
    """What is compared, in canonical order; empty for pointwise tasks."""
    category: str = ""
    """The benchmark's own sub-division, for per-category scores and macro averages."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """Anything else worth keeping with the item."""
    annotations: Mapping[str, Verdict] = field(default_factory=dict)
    """What several people said, by name of the annotator, in canonical places; whoever did not say is not in it. For
    agreement and the human ceiling: no judge is shown it, and no score but these reads it."""

    def __post_init__(self) -> None:
        if not self.id or not self.group:
            raise DataError(f"item {self.id!r}: id and group must not be empty")
        if not self.space.contains(self.gold):
            raise DataError(f"item {self.id!r}: gold {self.gold!r} is not an answer of {self.space}; fix the data")
        if self.annotations:
            self._check_annotations()

    def _check_annotations(self) -> None:
        for annotator, verdict in self.annotations.items():
            if not isinstance(annotator, str) or not annotator.strip():
                raise DataError(f"item {self.id!r}: {annotator!r} is no name of an annotator; use a text with letters")
            if not self.space.contains(verdict):
                raise DataError(
                    f"item {self.id!r}, annotator {annotator!r}: {verdict!r} is not an answer of {self.space}; fix "
                    "the data, or leave the annotator out of this item"
                )


class Status(StrEnum):
    """What became of a request. Only `ok` has a verdict; none of the others is ever a wrong answer in disguise."""

    OK = "ok"
    """A verdict of the space was read."""
    UNPARSED = "unparsed"
    """The judge answered, and no one verdict can be read from it."""
    OUTSIDE = "outside"
    """The judge answered in the form that was asked for, with what is no answer of the space: `yes` to `A or B?`."""
    DRAW = "draw"
    """The judge scored the candidates, the scores of the best are equal, and the question knows no tie. Where the
    judgement has probabilities, those that draw have the highest."""
    REFUSED = "refused"
    """The judge declined, or says that it cannot answer this kind of question."""
    TRUNCATED = "truncated"
    """The answer was cut off before its verdict."""
    ERROR = "error"
    """The judge failed: it raised, hung, or gave something that is no answer at all. Asked again on the next run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a judge answered to one request.

    Raises:
        DataError: A verdict without status `ok`, or the other way round.
    """

    status: Status
    """What became of the request."""
    verdict: Verdict | None = None
    """The answer in *shown* places; `None` unless the status is `ok`."""
    raw: str = ""
    """What the judge wrote, to the letter."""
    rationale: str = ""
    """The reasoning that the format told apart from the verdict."""
    probabilities: Mapping[str, float] | None = None
    """Probability of each verdict by `AnswerSpace.name`, in shown places, where the judge knows it."""
    error: str = ""
    """Why there is no verdict."""
    cut: str = ""
    """Why the answer stopped before its end (`max_tokens`); empty for one that ended by itself. Kept so that `raw` can
    be read again."""
    thinking: str = ""
    """Where the reasoning is, kept so that `raw` can be read again: `""` for in `raw`, told apart by marks; `"apart"`
    where it came in a field of its own and is `rationale`; `"opened"` where `raw` begins inside it."""
    read: bool = False
    """Whether `Request.read` made it of `raw`, and a later reader may read `raw` again."""
    prompt_tokens: int | None = None
    """Tokens read, images included."""
    completion_tokens: int | None = None
    """Tokens written."""
    latency_s: float | None = None
    """Seconds from question to answer; of a local judge, from the start of the batch that the question was in until its
    own answer was complete."""
    cost_usd: float | None = None
    """Money, in US dollars."""
    model: str = ""
    """The snapshot that answered, where the judge knows it."""

    def __post_init__(self) -> None:
        if (self.status is Status.OK) != (self.verdict is not None):
            raise DataError(f"judgement: status {self.status} with verdict {self.verdict!r}")

    @classmethod
    def of(cls, verdict: Verdict, **fields: Any) -> Judgement:
        """A judgement that went well."""
        return cls(status=Status.OK, verdict=verdict, **fields)

    @classmethod
    def failure(cls, status: Status, error: str, **fields: Any) -> Judgement:
        """A judgement without a verdict, and why."""
        return cls(status=status, error=error, **fields)

    def check(self, space: AnswerSpace) -> Judgement:
        """Itself, or an error judgement when the verdict or the probabilities do not fit the space."""
        if self.status is Status.OK and not (self.verdict is not None and space.contains(self.verdict)):
            problem = f"the judge's verdict {self.verdict!r} is not an answer of {space}"
        elif self.probabilities is not None and not _is_distribution(self.probabilities.values()):
            problem = "the judge's probabilities are not numbers from 0 to 1 that sum to 1"
        elif foreign := [name for name in self.probabilities or () if space.read(str(name)) is None]:
            problem = f"the judge's probabilities name {foreign}, which are no answers of {space}"
        else:
            return self
        return replace(self, status=Status.ERROR, verdict=None, probabilities=None, error=problem)

    def to_json(self) -> dict[str, Any]:
        """A plain mapping without the fields that hold their default."""
        plain: dict[str, Any] = {"status": self.status.value}
        for name in self.__slots__:
            value = getattr(self, name)
            if name != "status" and value is not None and value is not False and value != "":
                plain[name] = dict(value) if isinstance(value, Mapping) else value
        return plain

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Judgement:
        """The judgement that `to_json` wrote."""
        fields = dict(data)
        fields["status"] = Status(fields["status"])
        if "verdict" in fields:
            fields["verdict"] = verdict_from_json(fields["verdict"])
        return cls(**fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What answers have cost."""

    answers: int = 0
    """Judgements, failed ones included."""
    reported: int = 0
    """Judgements that say how many tokens they took."""
    prompt_tokens: int = 0
    """Tokens read, images included, where the judge said."""
    completion_tokens: int = 0
    """Tokens written, where the judge said."""
    priced: int = 0
    """Judgements that say what they cost."""
    cost_usd: float = 0.0
    """Money in US dollars, where the judge said."""
    models: tuple[str, ...] = ()
    """The different snapshots that answered, sorted, where the judge said."""

    @property
    def tokens(self) -> int:
        """Read and written."""
        return self.prompt_tokens + self.completion_tokens


def _is_distribution(values: Sequence[float] | Any) -> bool:
    total = 0.0
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | float) or not -1e-9 <= value <= 1 + 1e-6:
            return False
        total += value
    return abs(total - 1) < 1e-3

"""The records that flow through the harness: item, request, judgement. Immutable, typed, plain on disk.

Item  --task renders-->  Request  --judge answers-->  Judgement
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, TypeAlias

from harness.api._errors import DataError
from harness.api.images._image import Image
from harness.api.spaces._kinds import AnswerSpace, Verdict
from harness.api.spaces._rubric import verdict_from_json
from harness.api.spaces._shares import find_fault

Part: TypeAlias = str | Image
"""A piece of a question, of a candidate or of a message."""


def check_parts(parts: object, of: str) -> None:
    """Raise a `DataError` unless `parts` is a tuple or list of texts and images."""
    # A text is a row of texts too: it would be shown one letter per line.
    if not isinstance(parts, tuple | list) or not all(isinstance(part, str | Image) for part in parts):
        got = "text; write (text,)" if isinstance(parts, str) else f"{parts!r:.100}; write (text, image)"
        raise DataError(f"{of} must be a tuple of parts, got {got}")


def check_shown(question: object, candidates: Sequence[object], of: str) -> None:
    """Raise a `DataError` unless the question and each candidate are parts."""
    check_parts(question, f"{of}: question")
    if not isinstance(candidates, tuple | list):
        raise DataError(f"{of}: candidates must be a tuple of tuples of parts, got {candidates!r:.100}")
    for place, candidate in enumerate(candidates):
        check_parts(candidate, f"{of}: candidate {place}")


def join_parts(parts: Iterable[Part]) -> tuple[Part, ...]:
    r"""Join neighbouring texts with a blank line between them. Images stay where they are.

    >>> join_parts(["Look closely.", "Is it sharp?"])
    ('Look closely.\n\nIs it sharp?',)
    """
    merged: list[Part] = []
    for part in [parts] if isinstance(parts, str) else parts:  # a text is no row of letters
        if isinstance(part, str) and merged and isinstance(merged[-1], str):
            merged[-1] = f"{merged[-1]}\n\n{part}"
        else:
            merged.append(part)
    return tuple(merged)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One question with its gold answer.

    >>> from harness.api import Choice, Preference
    >>> Item(id="7", group="cat.png", space=Choice(("yes", "no")), gold="no", question=("Is it a dog?",)).gold
    'no'
    >>> Item(id="8", group="cat.png", space=Preference(2), gold=2)
    Traceback (most recent call last):
    harness.api._errors.DataError: item '8': gold 2 is not an answer of Preference(n=2, ties=()); fix the data

    Raises:
        DataError: The gold or an annotation is not an answer of the space (a NaN, a misspelt label, ...), an id or the
            name of an annotator is empty, or the question or a candidate is no tuple of parts.
    """

    id: str
    """Unique within its task and split, and the same in every run."""
    group: str
    """The cluster for statistics. Items that share a source image or a prompt share a group."""
    space: AnswerSpace
    """The allowed answers."""
    gold: Verdict
    """The right answer, in canonical places."""
    question: tuple[Part, ...] = ()
    """The case to judge, without the candidates."""
    candidates: tuple[tuple[Part, ...], ...] = ()
    """The candidates to compare, in canonical order. Empty for pointwise tasks."""
    category: str = ""
    """The benchmark's own sub-division, for per-category scores and macro averages."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """Any other facts to keep with the item."""
    annotations: Mapping[str, Verdict] = field(default_factory=dict)
    """Verdicts of several people, by name of the annotator, in canonical places. An annotator without a verdict is not
    in it. Only human agreement and the human ceiling are computed from it. No judge is shown it."""

    def __post_init__(self) -> None:
        # Here and not in the engine: a bad gold is then found where the row is read, and its message can name the row.
        if not (self.id and isinstance(self.id, str) and self.group and isinstance(self.group, str)):
            raise DataError(f"item {self.id!r}, group {self.group!r}: id and group must be text, and not empty")
        check_shown(self.question, self.candidates, f"item {self.id!r}")
        if not isinstance(self.space, AnswerSpace):
            raise DataError(f"item {self.id!r}: space is {self.space!r:.100}; write Choice(...) or another space")
        if not self.space.contains(self.gold):
            raise DataError(f"item {self.id!r}: gold {self.gold!r} is not an answer of {self.space}; fix the data")
        object.__setattr__(self, "gold", self.space.snap(self.gold))
        if self.annotations:
            self._check_annotations()
            values = {name: self.space.snap(verdict) for name, verdict in self.annotations.items()}
            object.__setattr__(self, "annotations", values)

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
    """Outcome of a request. Only `ok` has a verdict. The others are never counted as wrong answers in silence."""

    OK = "ok"
    """A verdict of the space was read."""
    UNPARSED = "unparsed"
    """The judge answered, and its answer does not give exactly one verdict."""
    OUTSIDE = "outside"
    """The judge answered in the right form, but not with an answer of the space: `yes` to `A or B?`."""
    DRAW = "draw"
    """The judge scored the candidates, the best scores are equal, and the question knows no tie. If the judgement has
    probabilities, the candidates that draw have the highest."""
    REFUSED = "refused"
    """The judge declined, or says that it cannot answer this kind of question."""
    TRUNCATED = "truncated"
    """The answer was cut off before its verdict."""
    ERROR = "error"
    """The judge failed: it raised, hung, or gave no valid answer. It is asked again on the next run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A judge's answer to one request.

    >>> Judgement.of("yes", rationale="It is sharp.").to_json()
    {'status': 'ok', 'verdict': 'yes', 'rationale': 'It is sharp.'}
    >>> Judgement.failure(Status.REFUSED, "refused: no pictures of people").verdict is None
    True

    Raises:
        DataError: A verdict without status `ok`, or the other way round.
    """

    status: Status
    """Outcome of the request."""
    verdict: Verdict | None = None
    """The answer in *shown* places. `None` unless the status is `ok`."""
    raw: str = ""
    """The judge's text, unchanged."""
    rationale: str = ""
    """The reasoning, without the verdict."""
    probabilities: Mapping[str, float] | None = None
    """Probability of each verdict by `AnswerSpace.name`, in shown places, where the judge knows it. Of a rubric: of
    whole answers, or of single criteria by `NAME: VERDICT`, each criterion that is there summing to 1."""
    error: str = ""
    """Why there is no verdict."""
    cut: str = ""
    """Why the answer stopped before its end (`max_tokens`). Empty for one that ended by itself. It is kept so that
    `raw` can be read again."""
    thinking: str = ""
    """Where the reasoning is, so that `raw` can be read again. `""`: in `raw`, between marks. `"apart"`: it came in a
    field of its own and is `rationale`. `"opened"`: `raw` begins inside it."""
    read: bool = False
    """Whether `Request.read` made the judgement from `raw`, so that `raw` can be read again."""
    prompt_tokens: int | None = None
    """Tokens read, images included."""
    completion_tokens: int | None = None
    """Tokens written."""
    latency_s: float | None = None
    """Seconds from question to answer. For a local judge they run from the start of the question's batch until its own
    answer is complete."""
    cost_usd: float | None = None
    """Money, in US dollars."""
    model: str = ""
    """The exact version of the model, where the judge knows it."""

    def __post_init__(self) -> None:
        if (self.status is Status.OK) != (self.verdict is not None):
            raise DataError(f"judgement: status {self.status} with verdict {self.verdict!r}")
        for name in ("raw", "rationale", "error", "cut", "thinking", "model"):
            if not isinstance(getattr(self, name), str):
                raise DataError(f"judgement: `{name}` must be text, got {getattr(self, name)!r}")

    @classmethod
    def of(cls, verdict: Verdict, **fields: Any) -> Judgement:
        """A judgement with a verdict."""
        return cls(status=Status.OK, verdict=verdict, **fields)

    @classmethod
    def failure(cls, status: Status, error: str, **fields: Any) -> Judgement:
        """A judgement without a verdict, with the reason."""
        return cls(status=status, error=error, **fields)

    def check(self, space: AnswerSpace) -> Judgement:
        """Check the verdict and the probabilities against the space.

        >>> from harness.api import Choice
        >>> Judgement.of("maybe").check(Choice(("yes", "no"))).error
        "the judge's verdict 'maybe' is not an answer of Choice(labels=('yes', 'no'))"

        Returns:
            The same judgement, one with its score on the value of its step (see `AnswerSpace.snap`), or one with status
            `error` where something does not fit.
        """
        if self.status is Status.OK and not (self.verdict is not None and space.contains(self.verdict)):
            problem = f"the judge's verdict {self.verdict!r} is not an answer of {space}"
        else:
            problem = find_fault(self.probabilities, space)
        if not problem:
            verdict = None if self.verdict is None else space.snap(self.verdict)
            return self if verdict == self.verdict else replace(self, verdict=verdict)
        return replace(self, status=Status.ERROR, verdict=None, probabilities=None, error=problem)

    def to_json(self) -> dict[str, Any]:
        """A plain mapping without the fields that hold their default."""
        # A journal holds millions of these, and most fields of most judgements are empty.
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
    """The cost of answers."""

    answers: int = 0
    """Judgements, failed ones included."""
    reported: int = 0
    """Judgements that report their tokens."""
    prompt_tokens: int = 0
    """Tokens read, images included, as far as reported."""
    completion_tokens: int = 0
    """Tokens written, as far as reported."""
    priced: int = 0
    """Judgements that report their price."""
    cost_usd: float = 0.0
    """Money in US dollars, as far as reported."""
    models: tuple[str, ...] = ()
    """The exact versions of the models that answered, sorted, as far as reported."""

    @property
    def tokens(self) -> int:
        """Tokens read and written."""
        return self.prompt_tokens + self.completion_tokens

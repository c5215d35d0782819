"""The records that flow through the harness: item, request, judgement. Immutable, typed, plain on disk.

Item  --task renders-->  Request  --judge answers-->  Judgement
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

from harness.api._errors import DataError
from harness.api._images import Image
from harness.api._spaces import AnswerSpace, Verdict, verdict_from_json
from harness.api.reading._answer import understand
from harness.api.reading._quotes import Shown
from harness.api.reading._reasoning import NO_MARKS, Thinking

if TYPE_CHECKING:
    from harness.api._formats import Reading, VerdictFormat

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
            raise DataError(f"item {self.id!r}: gold {self.gold!r} is not an answer of {self.space}; mend the data")
        if self.annotations:
            self._check_annotations()

    def _check_annotations(self) -> None:
        for annotator, verdict in self.annotations.items():
            if not isinstance(annotator, str) or not annotator.strip():
                raise DataError(f"item {self.id!r}: {annotator!r} is no name of an annotator; use a text with letters")
            if not self.space.contains(verdict):
                raise DataError(
                    f"item {self.id!r}, annotator {annotator!r}: {verdict!r} is not an answer of {self.space}; mend "
                    "the data, or leave the annotator out of this item"
                )


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of the conversation that a judge is shown."""

    role: str
    """`"system"`, `"user"` or `"assistant"`."""
    parts: tuple[Part, ...]
    """Text and images in reading order."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """One question put to a judge. It never carries the gold."""

    task: str
    """Name of the task in the plan."""
    item: str
    """`Item.id`."""
    messages: tuple[Message, ...]
    """What the judge is shown, instruction included."""
    space: AnswerSpace
    """What may be answered, in shown places."""
    format: VerdictFormat
    """How the answer is written; the same object wrote the instruction and reads the answer."""
    order: tuple[int, ...] = ()
    """`order[k]` is the candidate shown in place k."""
    sample: int = 0
    """Number of the repeat, from 0."""
    question: tuple[Part, ...] = ()
    """`Item.question`: what is judged, without the wording around it. The harness fills it in, for judges that score
    candidates one by one (reward models, CLIP); no part of the key, which covers what is shown."""
    candidates: tuple[tuple[Part, ...], ...] = ()
    """`Item.candidates` in shown places; filled in likewise."""
    thinking: Thinking = NO_MARKS
    """How this judge marks its reasoning, from its card and its entry in the manifest; filled in likewise."""
    by_item: bool = False
    """Whether the key names the item besides the content; set by the harness for a judge that `answers_by_item`."""

    @cached_property
    def key(self) -> str:
        """Name of the content: SHA-256 over messages, images as shown, space, format, order and sample, 32 hex digits.

        The task's and the item's names are not part of it: the same question asked twice is asked once. With `by_item`,
        `/` and the item's id follow, and two items of equal content are two questions.
        """
        name = hashlib.sha256(self.content.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        return f"{name}/{self.item}" if self.by_item else name

    @cached_property
    def content(self) -> str:
        """Canonical JSON of all that the key covers; images appear as `{"image": key}`.

        Raises:
            DataError: An image cannot be read; the message names the item as well.
        """
        try:
            messages = [
                [m.role, [part if isinstance(part, str) else {"image": part.key} for part in m.parts]]
                for m in self.messages
            ]
        except DataError as error:
            raise DataError(f"task {self.task}, item {self.item!r}: {error}") from error
        return _canonical_json(
            {
                "messages": messages,
                "space": self.space.to_json(),
                "format": self.format.name,
                "order": self.order,
                "sample": self.sample,
            }
        )

    def keyed(self, *, by_item: bool) -> Request:
        """The same request with a key that names the item as well, or the content alone."""
        if by_item == self.by_item:
            return self
        other = replace(self, by_item=by_item)
        other.__dict__["content"] = self.content  # the cached property: nothing that it covers has changed
        return other

    @property
    def seed(self) -> int:
        """A seed of this request's own (63 bits), so that a resumed run equals an uninterrupted one."""
        key = hashlib.sha256(self.key.encode("utf-8", "surrogatepass")).hexdigest() if self.by_item else self.key
        return int(key[:16], 16) >> 1

    @property
    def text(self) -> str:
        """All text of all messages, for judges and tests that do not look at pictures."""
        return "\n".join(part for m in self.messages for part in m.parts if isinstance(part, str))

    @property
    def images(self) -> tuple[Image, ...]:
        """All images in reading order."""
        return tuple(part for m in self.messages for part in m.parts if isinstance(part, Image))

    def read(self, raw: str, *, reasoning: str = "", opened: bool = False, cut: str = "", **fields: Any) -> Judgement:
        """Read a judge's raw answer: reasoning is split off, and this request's own format reads the rest.

        An answer that was cut off is `truncated`, unless its verdict is closed by its own form and stands alone at the
        very end or after closed reasoning.

        Args:
            raw: What the model wrote.
            reasoning: What it thought, where that comes in a field of its own and is no part of `raw`.
            opened: Whether the prompt ended inside its reasoning: a chat template that writes `<think>` itself.
            cut: Why the answer stopped before its end, such as `max_tokens`; empty for one that ended by itself.
            **fields: Further fields of `Judgement`, such as `completion_tokens` or `latency_s`.
        """
        reading, final = understand(self, raw, reasoning=reasoning, opened=opened)
        verdict, problem = reading.verdict, reading.problem
        status = Status.OK if verdict is not None else Status.OUTSIDE if reading.outside else Status.UNPARSED
        if cut and not (verdict is not None and final):
            why = problem or "the verdict does not stand complete at its very end"
            status, verdict, problem = Status.TRUNCATED, None, f"cut off ({cut}): {why}"
        return Judgement(
            status=status,
            verdict=verdict,
            raw=raw,
            rationale=reading.rationale,
            error=problem,
            cut=cut,
            thinking="apart" if reasoning else "opened" if opened else "",
            read=True,
            **fields,
        )

    def reading(self, raw: str, *, reasoning: str = "", opened: bool = False) -> Reading:
        """What this request's format makes of an answer; the arguments are those of `read`."""
        return understand(self, raw, reasoning=reasoning, opened=opened).reading

    @cached_property
    def shown(self) -> Shown:
        """The text that the judge was shown, for telling its own words from quotations."""
        texts = ("\n".join(part for part in parts if isinstance(part, str)) for parts in self.candidates)
        candidates = tuple(text for text in texts if text.strip())
        return Shown(self.text, self.instruction, candidates if self.candidates else None)

    @cached_property
    def instruction(self) -> str:
        """What asks for the format of the answer; empty where the format cannot say the answers of this space."""
        try:
            return self.format.instruction(self.space)
        except DataError:
            return ""


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
    def failed(cls, status: Status, error: str, **fields: Any) -> Judgement:
        """A judgement without a verdict, and why."""
        return cls(status=status, error=error, **fields)

    def checked(self, space: AnswerSpace) -> Judgement:
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

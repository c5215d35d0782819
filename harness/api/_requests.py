"""A request, and the verdict format that asks for its answer and reads it: the two know each other.

A format is the instruction that asks for an answer and the parser that reads it, in one object. Held together they
cannot drift apart. Evaluation and reward read an answer with the same object, so they can never disagree about what it
means.
The formats themselves are in `harness.formats`; others come from plugins.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

from harness.api._errors import DataError
from harness.api._images import Image
from harness.api._readings import Reading
from harness.api._records import Judgement, Part, Status
from harness.api._spaces import AnswerSpace, Verdict
from harness.api.reading._answer import understand
from harness.api.reading._quotes import PromptText
from harness.api.reading._reasoning import NO_MARKS, Thinking

_canonical_json = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


@runtime_checkable
class VerdictFormat(Protocol):
    """How an answer is written.

    A format may also have `schema(space) -> Mapping`, the JSON Schema of its answers, for servers that can enforce one;
    `asks_for_reasoning = True`, where its instruction does: an answer without a rationale is then well formed, and yet
    not all that was asked for; and `reasoning_marks = ("<think>", "</think>")`, where it asks for reasoning between
    marks: an answer without them is then not well formed. `harness.api.reading` has what formats are made of.

    Laws, checked for every format by `harness.testing`. "Reading" is `Request.reading`, which splits off reasoning:

    - Reading `write(v, space, rationale)` gives back `v`, the rationale, and is well formed.
    - `parse` never raises, whatever the text, and never returns a verdict outside the space.
    - Reading the instruction itself gives no verdict: an echoed prompt is not an answer.
    - Two contradicting verdicts give none, wherever they stand.
    - An answer with text after it, or with the instruction before or after it, is not well formed.
    """

    @property
    def name(self) -> str:
        """Name of the format; part of every request's key."""

    def instruction(self, space: AnswerSpace) -> str:
        """The text at the end of the prompt that asks for an answer in this format."""

    def parse(self, text: str, request: Request) -> Reading:
        """Read a statement. Total: any text gives a `Reading`.

        Args:
            text: What the judge wrote outside its reasoning, without the echoed instruction. Call `Request.read` for a
                whole answer.
            request: What was asked: its answer space, and in `request.prompt_text` what the judge was shown.
        """

    def write(self, verdict: Verdict, space: AnswerSpace, rationale: str = "") -> str:
        """The answer that a perfect judge would write: for training targets, fake judges and tests."""


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

    def with_key(self, *, by_item: bool) -> Request:
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
    def prompt_text(self) -> PromptText:
        """The text that the judge was shown, for telling its own words from quotations."""
        texts = ("\n".join(part for part in parts if isinstance(part, str)) for parts in self.candidates)
        candidates = tuple(text for text in texts if text.strip())
        return PromptText(self.text, self.instruction, candidates if self.candidates else None)

    @cached_property
    def instruction(self) -> str:
        """What asks for the format of the answer; empty where the format cannot say the answers of this space."""
        try:
            return self.format.instruction(self.space)
        except DataError:
            return ""

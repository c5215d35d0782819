"""A request, and the verdict format that asks for its answer and reads it. The two classes refer to each other.

A format holds the instruction that asks for an answer and the parser that reads it, so they cannot drift apart.
Evaluation and reward read an answer with the same object, so they cannot disagree about its meaning. The built-in
formats are in `harness.formats`. Others come from plugins.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

from harness.api._errors import DataError
from harness.api._records import Judgement, Part, Status, check_parts, check_shown
from harness.api.images._image import Image
from harness.api.reading._answer import read_answer
from harness.api.reading._quotes import PromptText
from harness.api.reading._readings import Reading
from harness.api.reading._reasoning import NO_MARKS, Thinking
from harness.api.spaces._kinds import AnswerSpace, Verdict

# Keys are hashes of this text: one content must have one text, in every process and on every machine.
_canonical_json = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


@runtime_checkable
class VerdictFormat(Protocol):
    """How an answer is written.

    A format may also have these members:

    - `schema(space) -> Mapping`: the JSON Schema of its answers, for servers that can enforce one.
    - `asks_for_reasoning = True`, where its instruction asks for reasoning. An answer without a rationale is then well
      formed, but a part of it is missing.
    - `reasoning_marks = ("<think>", "</think>")`, where it asks for reasoning between marks. An answer without them is
      then not well formed.

    `harness.api.reading` has the parts that formats are made of.

    `harness.testing` checks these laws for every format. "Reading" is `Request.reading`, which splits off reasoning:

    - Reading `write(v, space, rationale)` gives back `v` and the rationale, and is well formed.
    - `parse` never raises, for any text, and never returns a verdict outside the space.
    - Reading the instruction itself gives no verdict: an echoed prompt is not an answer.
    - Two verdicts that contradict each other give none, in any two places.
    - An answer with text after it, or with the instruction before or after it, is not well formed.

    >>> from harness.api import Choice
    >>> from harness.formats.tagged import TaggedFormat
    >>> TaggedFormat().write("yes", Choice(("yes", "no")), rationale="It is sharp.")
    '<think>It is sharp.</think><answer>yes</answer>'
    """

    @property
    def name(self) -> str:
        """Name of the format. It is part of every request's key."""

    def instruction(self, space: AnswerSpace) -> str:
        """The text at the end of the prompt that asks for an answer in this format."""

    def parse(self, text: str, request: Request) -> Reading:
        """Read a statement. Any text gives a `Reading`, and none raises.

        Args:
            text: The judge's text outside its reasoning, without the echoed instruction. For a whole answer call
                `Request.read`.
            request: The request that was asked, with its answer space and its `prompt_text`.
        """

    def write(self, verdict: Verdict, space: AnswerSpace, rationale: str = "") -> str:
        """The answer of a perfect judge, for training targets, fake judges and tests."""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of the conversation that a judge is shown."""

    role: str
    """`"system"`, `"user"` or `"assistant"`."""
    parts: tuple[Part, ...]
    """Text and images in reading order."""

    def __post_init__(self) -> None:
        check_parts(self.parts, f"message of the {self.role}: content")


@dataclass(frozen=True, kw_only=True)
class Request:
    """One question to a judge. It never carries the gold.

    >>> from harness.api import Choice
    >>> from harness.formats.tagged import TaggedFormat
    >>> space, format = Choice(("yes", "no")), TaggedFormat()
    >>> prompt = "Is the picture sharp? " + format.instruction(space)
    >>> request = Request(
    ...     task="sharp", item="1", messages=(Message("user", (prompt,)),), space=space, format=format
    ... )
    >>> judgement = request.read("<think>Edges are crisp.</think><answer>yes</answer>")
    >>> judgement.verdict, judgement.rationale
    ('yes', 'Edges are crisp.')
    >>> request.read("<answer>yes</answer> or <answer>no</answer>").error
    'contradicts itself: yes and no'
    """

    task: str
    """Name of the task in the plan."""
    item: str
    """`Item.id`."""
    messages: tuple[Message, ...]
    """The whole prompt, instruction included."""
    space: AnswerSpace
    """The allowed answers, in shown places."""
    format: VerdictFormat
    """How the answer is written. The same object wrote the instruction and reads the answer."""
    order: tuple[int, ...] = ()
    """`order[k]` is the candidate shown in place k."""
    sample: int = 0
    """Number of the repeat, from 0."""
    question: tuple[Part, ...] = ()
    """`Item.question`, without the words of the prompt around it. The harness fills it in, for judges that score
    candidates one by one (reward models, CLIP). It is no part of the key, which covers the messages."""
    candidates: tuple[tuple[Part, ...], ...] = ()
    """`Item.candidates` in shown places. The harness fills it in."""
    thinking: Thinking = NO_MARKS
    """How this judge marks its reasoning, from its card and its entry in the manifest. The harness fills it in."""
    by_item: bool = False
    """Whether the key names the item as well as the content. The harness sets it for a judge that `answers_by_item`."""

    def __post_init__(self) -> None:
        check_shown(self.question, self.candidates, f"task {self.task}, item {self.item!r}")

    @cached_property
    def key(self) -> str:
        """Name of the content: SHA-256 over messages, images as shown, space, format, order and sample, 32 hex digits.

        The names of the task and of the item are no part of it, so equal questions are asked once. With `by_item`, `/`
        and the item's id follow, and two items of equal content are two questions.
        """
        # Texts from data files may hold half a surrogate pair, which plain UTF-8 refuses to encode.
        name = hashlib.sha256(self.content.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        return f"{name}/{self.item}" if self.by_item else name

    @cached_property
    def content(self) -> str:
        """Canonical JSON of everything that the key covers. Images appear as `{"image": key}`.

        Raises:
            DataError: An image cannot be read. The message names the item as well.
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
        """The same request with a key of the content and the item, or of the content alone."""
        if by_item == self.by_item:
            return self
        other = replace(self, by_item=by_item)
        # Fills the cached property of the copy: it covers no field that has changed, and hashing images is slow.
        other.__dict__["content"] = self.content
        return other

    @property
    def seed(self) -> int:
        """A seed of this request's own (63 bits), so that a resumed run equals an uninterrupted run."""
        # 63 bits, since most generators take a signed whole number of 64.
        key = hashlib.sha256(self.key.encode("utf-8", "surrogatepass")).hexdigest() if self.by_item else self.key
        return int(key[:16], 16) >> 1

    @property
    def beginning(self) -> str:
        """What the answer begins with: the text of a last message of the assistant's. Empty where there is none.

        A judge that `continues` goes on from there as if it had written that itself, and its `raw` includes it. Other
        judges are not asked: the request is `refused`.
        """
        last = self.messages[-1] if self.messages else None
        if last is None or last.role != "assistant":
            return ""
        return "".join(part for part in last.parts if isinstance(part, str))

    @property
    def text(self) -> str:
        """All text of all messages, for judges and tests that ignore pictures."""
        return "\n".join(part for m in self.messages for part in m.parts if isinstance(part, str))

    @cached_property
    def images(self) -> tuple[Image, ...]:
        """All images in reading order."""
        return tuple(part for m in self.messages for part in m.parts if isinstance(part, Image))

    def read(self, raw: str, *, reasoning: str = "", opened: bool = False, cut: str = "", **fields: Any) -> Judgement:
        """Read a judge's raw answer. Reasoning is split off, and this request's own format reads the rest.

        An answer that was cut off is `truncated`. The exception is a verdict that its own form closes, and that stands
        at the very end or after closed reasoning.

        Args:
            raw: The text of the model.
            reasoning: Its reasoning, where that comes in a field of its own and is no part of `raw`.
            opened: Whether the prompt ended inside its reasoning, as with a chat template that writes `<think>` itself.
            cut: Why the answer stopped before its end, such as `max_tokens`. Empty for one that ended by itself.
            **fields: Further fields of `Judgement`, such as `completion_tokens` or `latency_s`.
        """
        reading = read_answer(self, raw, reasoning=reasoning, opened=opened)
        # A verdict in the middle of a cut answer may have been taken back in the part that is missing.
        verdict, problem = reading.verdict, reading.problem
        status = Status.OK if verdict is not None else Status.OUTSIDE if reading.outside else Status.UNPARSED
        if cut and not (verdict is not None and reading.closed and reading.last):
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
        """The reading of an answer by this request's format. The arguments are those of `read`."""
        return read_answer(self, raw, reasoning=reasoning, opened=opened)

    @cached_property
    def prompt_text(self) -> PromptText:
        """The text that the judge was shown, to tell its own words from quotations."""
        # Only text can be quoted, so candidates that are pictures alone are left out.
        texts = ("\n".join(part for part in parts if isinstance(part, str)) for parts in self.candidates)
        candidates = tuple(text for text in texts if text.strip())
        return PromptText(self.text, self.instruction, candidates if self.candidates else None)

    @cached_property
    def instruction(self) -> str:
        """The instruction of the format. Empty where the format cannot write the answers of this space."""
        # A task may ask in words of its own, with a format that cannot write the answers of its space.
        try:
            return self.format.instruction(self.space)
        except DataError:
            return ""

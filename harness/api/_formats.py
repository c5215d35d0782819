"""Verdict formats: the instruction that asks for an answer and the parser that reads it, in one object.

Held together they cannot drift apart. Evaluation and reward read an answer with the same object, so they can never
disagree about what it means. The formats themselves are in `harness.formats`; others come from plugins.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from harness.api._spaces import AnswerSpace, Verdict

if TYPE_CHECKING:
    from harness.api._records import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a parser found in an answer."""

    verdict: Verdict | None = None
    """The one verdict, in shown places, or `None`."""
    rationale: str = ""
    """The reasoning, without the verdict."""
    outside: bool = False
    """Whether a verdict was given in the form that was asked for, and is none of the space."""
    problem: str = ""
    """Why there is no verdict. It begins with one of `harness.api.Unread`, so that reasons can be counted, with details
    after a colon: `ambiguous: 'A or B' names A and B`."""
    well_formed: bool = False
    """Whether the whole answer keeps to the format, to the letter (what a format reward pays for): no prefix of it, and
    no instruction repeated beside it."""
    closed: bool = False
    """Whether the verdict begins a line, and its form ends it (a tag, a bracket), so that it is complete."""
    last: bool = False
    """Whether the verdict is the very end. Where an answer was cut off, only a verdict counts that is closed, and last
    or after closed reasoning."""


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
            request: What was asked: its answer space, and in `request.shown` what the judge was shown.
        """

    def write(self, verdict: Verdict, space: AnswerSpace, rationale: str = "") -> str:
        """The answer that a perfect judge would write: for training targets, fake judges and tests."""

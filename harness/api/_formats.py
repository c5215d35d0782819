"""Verdict formats: the instruction that asks for an answer and the parser that reads it, in one object.

Held together they cannot drift apart. Evaluation and reward read an answer with the same object, so they can never
disagree about what it means. The formats themselves are in `harness.formats`; others come from plugins.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from harness.api._spaces import AnswerSpace, Verdict


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
    """Why there is no verdict: none was found, or two contradict each other."""
    well_formed: bool = False
    """Whether the whole answer keeps to the format, to the letter (what a format reward pays for): no prefix of it, and
    no instruction repeated beside it."""


@runtime_checkable
class VerdictFormat(Protocol):
    """How an answer is written.

    A format may also have `schema(space) -> Mapping`, the JSON Schema of its answers, for servers that can enforce one,
    and `asks_for_reasoning = True`, where its instruction does: an answer without a rationale is then well formed, and
    yet not all that was asked for.

    Laws, checked for every format by `harness.testing`:

    - `parse(write(v, space, rationale), space)` gives back `v`, the rationale, and is well formed.
    - `parse` never raises, whatever the text, and never returns a verdict outside the space.
    - Parsing the instruction itself gives no verdict: an echoed prompt is not an answer.
    - Two contradicting verdicts in the final statement give none.
    - An answer with text after it, or with the instruction before or after it, is not well formed.
    """

    @property
    def name(self) -> str:
        """Name of the format; part of every request's key."""

    def instruction(self, space: AnswerSpace) -> str:
        """The text at the end of the prompt that asks for an answer in this format."""

    def parse(self, text: str, space: AnswerSpace) -> Reading:
        """Read an answer. Total: any text gives a `Reading`."""

    def write(self, verdict: Verdict, space: AnswerSpace, rationale: str = "") -> str:
        """The answer that a perfect judge would write: for training targets, fake judges and tests."""

"""The optional members of verdict formats. `harness.api.optional` has the public names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from harness.api.spaces._kinds import AnswerSpace


@runtime_checkable
class HasSchema(Protocol):
    """A format that servers can enforce."""

    def schema(self, space: AnswerSpace) -> Mapping[str, Any]:
        """The JSON Schema of its answers."""


@runtime_checkable
class AsksForReasoning(Protocol):
    """A format whose instruction asks for reasoning."""

    @property
    def asks_for_reasoning(self) -> bool:
        """True where it does. An answer without a rationale is then well formed, but a part of it is missing."""


@runtime_checkable
class MarksReasoning(Protocol):
    """A format that asks for reasoning between marks."""

    @property
    def reasoning_marks(self) -> tuple[str, str]:
        """The opening and the closing mark. An answer without them is not well formed."""

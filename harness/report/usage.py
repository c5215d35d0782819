"""What judges cost: tokens and money beside the scores. Latency is in `run.json`: it is never twice the same.

An answer that does not say what it took is not free; every sum comes with the number of answers that it rests on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from harness.report.numbers import NOTHING

if TYPE_CHECKING:
    from harness.api import Usage

_MOST_MODELS = 5

HEADER = ("judge", "answers", "tokens read", "tokens written", "US$", "US$ per 1,000")
"""Columns of the table."""

LAYOUT = "lrrrrr"
"""Left or right, column by column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeUsage:
    """What all answers of one judge in one run have cost."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"use_attribute_docstrings": True}

    judge: str
    """Name of the judge, as in the rows."""
    run: str
    """Name of the run folder."""
    answers: int
    """Judgements, failed ones included; a question that two tasks share is asked and counted once."""
    reported: int
    """Judgements that say how many tokens they took."""
    prompt_tokens: int | None
    """Tokens read, images included; `null` where no judgement says."""
    completion_tokens: int | None
    """Tokens written; `null` where no judgement says."""
    priced: int
    """Judgements that say what they cost."""
    cost_usd: float | None
    """US dollars; `null` where no judgement says."""
    models: tuple[str, ...]
    """The different snapshots that answered, at most five."""
    more_models: int
    """How many snapshots answered beyond those named."""

    @classmethod
    def of(cls, judge: str, run: str, usage: Usage) -> JudgeUsage:
        """The record of what the journal holds."""
        return cls(
            judge=judge,
            run=run,
            answers=usage.answers,
            reported=usage.reported,
            prompt_tokens=usage.prompt_tokens if usage.reported else None,
            completion_tokens=usage.completion_tokens if usage.reported else None,
            priced=usage.priced,
            cost_usd=usage.cost_usd if usage.priced else None,
            models=usage.models[:_MOST_MODELS],
            more_models=max(0, len(usage.models) - _MOST_MODELS),
        )

    @property
    def cells(self) -> tuple[str, ...]:
        """The row of the table, as text."""
        partly = f" ({self.reported:,} say)" if 0 < self.reported < self.answers else ""
        priced = f" ({self.priced:,} say)" if 0 < self.priced < self.answers else ""
        each = None if self.cost_usd is None else 1000 * self.cost_usd / self.priced
        return (
            self.judge,
            f"{self.answers:,}",
            _count(self.prompt_tokens) + partly,
            _count(self.completion_tokens) + partly,
            _money(self.cost_usd) + priced,
            _money(each),
        )


def told(usage: Sequence[JudgeUsage]) -> list[JudgeUsage]:
    """The records worth a table: those of judges that say anything."""
    return [one for one in usage if one.reported or one.priced]


def notes(usage: Sequence[JudgeUsage]) -> list[str]:
    """Judges for which more than one snapshot answered, in words."""
    return [
        f"{one.judge}: answered by {len(one.models) + one.more_models} snapshots ("
        + ", ".join(one.models)
        + (f" and {one.more_models} more" if one.more_models else "")
        + "), so its numbers mix judges"
        for one in usage
        if len(one.models) > 1
    ]


def _count(tokens: int | None) -> str:
    return NOTHING if tokens is None else f"{tokens:,}"


def _money(dollars: float | None) -> str:
    return NOTHING if dollars is None else f"{dollars:,.2f}" if dollars >= 1 else f"{dollars:.4f}"

"""What judges cost: tokens and money beside the scores. Latency is in `run.json`: it is never twice the same.

An answer that does not say what it took is not free. Every sum comes with the number of answers that it rests on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from harness.report.numbers import NOTHING

if TYPE_CHECKING:
    from harness.api import Usage

# A judge that asks a router may name a snapshot for every answer.
_MOST_MODELS = 5
# The name comes from a server, and may be of any length.
_LONGEST_MODEL = 80

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
            # A sum over no answer is unknown, and not 0: 0 would read as free.
            prompt_tokens=usage.prompt_tokens if usage.reported else None,
            completion_tokens=usage.completion_tokens if usage.reported else None,
            priced=usage.priced,
            cost_usd=usage.cost_usd if usage.priced else None,
            models=usage.models[:_MOST_MODELS],
            more_models=max(0, len(usage.models) - _MOST_MODELS),
        )


def rows(usage: Sequence[JudgeUsage]) -> list[tuple[str, ...]]:
    """The lines of the table, as text. There are none where no judge says anything."""
    # Baselines cost nothing. A board of them needs no table of dashes.
    if not any(record.reported or record.priced for record in usage):
        return []
    names = Counter(record.judge for record in usage)
    return [
        (
            record.judge if names[record.judge] == 1 else f"{record.judge} ({record.run})",
            f"{record.answers:,}",
            _count(record.prompt_tokens),
            _count(record.completion_tokens),
            _money(record.cost_usd),
            # Of the answers that say what they cost: the others would make it look cheaper.
            _money(None if record.cost_usd is None else 1000 * record.cost_usd / record.priced),
        )
        for record in usage
    ]


def notes(usage: Sequence[JudgeUsage]) -> list[str]:
    """What the table does not say: sums that rest on a part of the answers, and judges that were several models."""
    said = []
    for record in usage:
        if 0 < record.reported < record.answers:
            said.append(
                f"{record.judge}: {record.reported:,} of {record.answers:,} answers say how many tokens they took"
            )
        if 0 < record.priced < record.answers:
            said.append(f"{record.judge}: {record.priced:,} of {record.answers:,} answers say what they cost")
        # A provider may change the model under a name while the run goes on. Then the judge is not one judge.
        if len(record.models) > 1:
            count = len(record.models) + record.more_models
            more = f" and {record.more_models} more" if record.more_models else ""
            named = ", ".join(
                model if len(model) <= _LONGEST_MODEL else f"{model[:_LONGEST_MODEL]}…" for model in record.models
            )
            said.append(f"{record.judge}: answered by {count} snapshots ({named}{more}), so its numbers mix judges")
    return said


def _count(tokens: int | None) -> str:
    return NOTHING if tokens is None else f"{tokens:,}"


def _money(dollars: float | None) -> str:
    if dollars is None:
        return NOTHING
    # Rounded it would say 0.0000, which is free.
    if 0 < dollars < 0.0001:
        return "<0.0001"
    return f"{dollars:,.2f}" if dollars >= 1 else f"{dollars:.4f}"

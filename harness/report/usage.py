"""What judges cost: tokens and money beside the scores.

Latency is on the terminal and in `run.json`: it is never twice the same, and a board of equal answers is.

An answer that does not say what it took is not free. Every sum comes with the number of answers that it rests on.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from harness.libraries.text import fold_name
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
class Spending:
    """What the right verdicts of one judge of one run cost."""

    correct: int | None = None
    """Right verdicts; `None` where no task has any, or no answer says what it cost."""
    usd: float | None = None
    """US dollars of all answers to these tasks, wrong and missing ones included."""
    usd_per_correct: float | None = None
    """US dollars for a right verdict."""
    low: float | None = None
    """Lower end of its interval."""
    high: float | None = None
    """Upper end of it."""


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
    usd_per_answer: float | None = None
    """US dollars for an answer, over those that say what they cost."""
    correct: int | None = None
    """Right verdicts on the tasks that know right and wrong, of the items whose answers say what they cost; `null`
    where there are none."""
    usd_per_correct: float | None = None
    """US dollars of all answers to these items, for each right verdict; `null` where `correct` is, or is 0."""
    usd_per_correct_low: float | None = None
    """Lower end of its interval, by clusters."""
    usd_per_correct_high: float | None = None
    """Upper end of it."""

    @classmethod
    def of(cls, judge: str, run: str, usage: Usage, spending: Spending | None = None) -> JudgeUsage:
        """The record of what the journal holds."""
        spent = spending or Spending()
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
            usd_per_answer=usage.cost_usd / usage.priced if usage.priced else None,
            correct=spent.correct,
            usd_per_correct=spent.usd_per_correct,
            usd_per_correct_low=spent.low,
            usd_per_correct_high=spent.high,
        )


def rows(usage: Sequence[JudgeUsage]) -> list[tuple[str, ...]]:
    """The lines of the table, as text. There are none where no judge says anything."""
    # Baselines cost nothing. A board of them needs no table of dashes.
    if not any(record.reported or record.priced for record in usage):
        return []
    names = Counter(fold_name(record.judge) for record in usage)
    return [
        (
            record.judge if names[fold_name(record.judge)] == 1 else f"{record.judge} ({record.run})",
            f"{record.answers:,}",
            _count(record.prompt_tokens),
            _count(record.completion_tokens),
            _money(record.cost_usd),
            # Of the answers that say what they cost: the others would make it look cheaper.
            _money(None if record.cost_usd is None else 1000 * record.cost_usd / record.priced),
        )
        for record in usage
    ]


def total_line(usage: Sequence[JudgeUsage]) -> str:
    """What all judges took, in one line; empty where none of them says."""
    read, written, usd = (
        [value for record in usage if (value := getattr(record, name)) is not None]
        for name in ("prompt_tokens", "completion_tokens", "cost_usd")
    )
    said = [f"{sum(counts):,} tokens {what}" for counts, what in ((read, "read"), (written, "written")) if counts]
    if usd:
        said.append(f"US$ {_money(math.fsum(usd))}")
    judges = sum(record.reported > 0 or record.priced > 0 for record in usage)
    return f"cost: {', '.join(said)}, by {judges} of {len(usage)} judges" if said else ""


def lines(usage: Sequence[JudgeUsage]) -> list[str]:
    """What a right verdict costs, one line for each judge of which that is known."""
    return [f"{record.judge}: {text}" for record in usage if (text := _price_text(record))]


def _price_text(record: JudgeUsage) -> str:
    if record.correct == 0:
        return "no right verdict for its money"
    if record.usd_per_correct is None:
        return ""
    ends = ""
    if record.usd_per_correct_low is not None and record.usd_per_correct_high is not None:
        ends = f" ({_digits(record.usd_per_correct_low)}–{_digits(record.usd_per_correct_high)})"
    return f"US$ {_digits(record.usd_per_correct)}{ends} for each of {record.correct:,} right verdicts"


def _digits(dollars: float) -> str:
    """Three digits, without an exponent."""
    if dollars == 0 or dollars >= 1:
        return f"{dollars:,.2f}"
    return f"{dollars:.{min(12, 2 - math.floor(math.log10(dollars)))}f}"


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


def nearest_rank(latencies: Sequence[float], part: float) -> float | None:
    """The smallest of some numbers, ascending, that this part of them does not exceed: one that was measured.

    >>> nearest_rank([0.1, 0.2, 0.3, 0.4], 0.5), nearest_rank([], 0.5)
    (0.2, None)
    """
    # Less a little: 0.95 of 20 is 19, and not what floating point makes of it.
    return latencies[max(1, math.ceil(part * len(latencies) - 1e-9)) - 1] if latencies else None

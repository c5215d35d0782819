"""Answers without a verdict: how many there are, why, and what some of them say."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from harness.api import UnreadAnswer, UnreadReason
from harness.report.escaping import explain_unread
from harness.report.numbers import share

EXAMPLES = 3
"""Examples of one judge on one task."""

# Letters kept of an answer in `leaderboard.json`, which must stay small.
_LONGEST_END = 300
# Letters shown of it in a cell of a table.
_LONGEST_CELL = 160
# Reasons, and runs, that a sentence names. The table has all of them.
_TOP = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadExample:
    """One answer without a verdict."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"use_attribute_docstrings": True}

    item: str
    """Id of the item."""
    order: tuple[int, ...]
    """The permutation that was shown; empty without candidates."""
    sample: int
    """Number of the repeat."""
    status: str
    """What became of the request, such as `unparsed`."""
    reason: str
    """Why there is no verdict: one of the reasons that are counted."""
    problem: str
    """The reason in full, as recorded."""
    text: str
    """What the judge wrote: its end, where verdicts stand, after `…` if it is cut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadAnswers:
    """The answers of one judge on one task that have no verdict."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"use_attribute_docstrings": True}

    judge: str
    """Name of the judge, as in the rows."""
    run: str
    """Name of the run folder."""
    task: str
    """Name of the task."""
    asked: int
    """Requests put to the judge."""
    count: int
    """Requests without a verdict."""
    reasons: Mapping[str, int]
    """How many there are of each reason."""
    examples: tuple[UnreadExample, ...]
    """At most three, no two alike, of different reasons where there are several."""


@dataclass(frozen=True, slots=True)
class Tally:
    """The counts of one cell by category, and its examples."""

    by_category: Mapping[str, Mapping[str, int]]
    examples: tuple[UnreadExample, ...]

    def counts(self, category: str | None = None) -> dict[str, int]:
        """Answers by reason, of one category or of all, in the order of the reasons."""
        parts = self.by_category.values() if category is None else [self.by_category.get(category, {})]
        total: Counter[str] = Counter()
        for part in parts:
            total.update(part)
        return {reason.value: total[reason.value] for reason in UnreadReason if total[reason.value]}


def tally(answers: Iterable[UnreadAnswer]) -> Tally:
    """Count answers without a verdict, and keep a few of them."""
    by_category: dict[str, Counter[str]] = {}
    kept: dict[UnreadReason, list[UnreadExample]] = {}
    for answer in answers:
        reason = answer.reason
        by_category.setdefault(answer.category, Counter())[reason.value] += 1
        examples = kept.setdefault(reason, [])
        # So many of each reason are kept while reading: which reason is frequent is known at the end only.
        if len(examples) < EXAMPLES:
            example = _example(answer)
            # Three times the same empty answer would show less than three different ones.
            if all((example.problem, example.text) != (other.problem, other.text) for other in examples):
                examples.append(example)
    counts = sum(by_category.values(), Counter())
    # The first of each reason, the most frequent reason first; then the second of each.
    turns = [
        (place, -counts[reason.value], list(UnreadReason).index(reason), example)
        for reason, examples in kept.items()
        for place, example in enumerate(examples)
    ]
    chosen = sorted(turns, key=lambda turn: turn[:3])[:EXAMPLES]
    return Tally(by_category, tuple(example for *_, example in chosen))


def summarize(reasons: Mapping[str, int], asked: int) -> str:
    """`3 of 40 requests without a verdict (7.5 %): 2 ambiguous, 1 cut off`; the most frequent reasons."""
    total = sum(reasons.values())
    # The sort is stable: equal counts stay in the order of the reasons.
    ordered = sorted(reasons.items(), key=lambda pair: -pair[1])
    shown = [f"{count:,} {reason}" for reason, count in ordered[:_TOP]]
    if rest := sum(count for _, count in ordered[_TOP:]):
        shown.append(f"{rest:,} for other reasons")
    return f"{total:,} of {asked:,} requests without a verdict ({share(total / asked)} %): {', '.join(shown)}"


def commands(unread: Sequence[UnreadAnswers], folders: Sequence[Path]) -> list[str]:
    """The commands that print all of them, one for each run. Many runs share one."""
    places = {folder.name: str(folder) for folder in folders}
    runs = sorted({record.run for record in unread})
    # The command is to be copied into a shell, and a folder's name may hold spaces or worse.
    named = [shlex.quote(places.get(run, run)) for run in runs]
    return [f"harness show {run} --unread" for run in (named if len(named) <= _TOP else ["RUN"])]


def table_rows(unread: Sequence[UnreadAnswers]) -> tuple[list[str], list[list[str]]]:
    """Header and cells of the table of counts: a column for each reason that occurs."""
    occurring = [reason.value for reason in UnreadReason if any(record.reasons.get(reason.value) for record in unread)]
    header = ["task", "judge", "requests", "without a verdict", "%", *occurring]
    return header, [
        [
            record.task,
            record.judge,
            f"{record.asked:,}",
            f"{record.count:,}",
            share(record.count / record.asked),
            *(f"{record.reasons.get(reason, 0):,}" for reason in occurring),
        ]
        for record in unread
    ]


def example_rows(unread: Sequence[UnreadAnswers]) -> tuple[list[str], list[list[str]]]:
    """Header and cells of the table of examples."""
    return ["task", "judge", "item", "why", "end of the answer"], [
        [
            record.task,
            record.judge,
            example.item,
            _beginning(explain_unread(example.reason, example.problem)),
            ending(example.text, most=_LONGEST_CELL) or "(no text)",
        ]
        for record in unread
        for example in record.examples
    ]


def ending(text: str, *, most: int = _LONGEST_END) -> str:
    """The end of a text, after `…` where it is cut."""
    # White space at the end would take the place of the verdict.
    text = text.strip()
    return text if len(text) <= most else f"…{text[-most:]}"


def _beginning(text: str, *, most: int = 120) -> str:
    return text if len(text) <= most else f"{text[:most]}…"


def _example(answer: UnreadAnswer) -> UnreadExample:
    judgement = answer.judgement
    apart = judgement.rationale if judgement.thinking == "apart" else ""  # else it is in the text already
    return UnreadExample(
        item=answer.item,
        order=answer.order,
        sample=answer.sample,
        status=judgement.status.value,
        reason=answer.reason.value,
        problem=_beginning(judgement.error, most=_LONGEST_END),
        text=ending(judgement.raw.strip() or apart),
    )

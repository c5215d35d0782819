"""Rows of a journal as records: an answer joined with its item. Texts that stand in thousands of rows are read once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from harness.api import (
    AnswerSpace,
    RecordedAnswer,
    Status,
    UnreadAnswer,
    Verdict,
    space_from_json,
    verdict_from_json,
)
from harness.runner.rows import judgement_from_row

_STATUSES = {status.value: status for status in Status}
_NO_ANNOTATIONS: Mapping[str, Verdict] = MappingProxyType({})
_NO_TAGS: Mapping[str, str] = MappingProxyType({})


def answer_from_row(
    item: str,
    group: str,
    category: str,
    space: str,
    gold: str,
    order: str,
    sample: int,
    status: str,
    verdict: str | None,
    probabilities: str | None,
    annotations: str | None = None,
    raw: str = "",
    more: str = "{}",
    tags: str = "{}",
) -> RecordedAnswer:
    """An answered request joined with its item. The last three are there only where texts are wanted."""
    return RecordedAnswer(
        item=item,
        group=group,
        category=category,
        space=_space(space),
        gold=_verdict(space, gold),
        order=_order(order),
        sample=sample,
        status=_STATUSES[status],
        verdict=None if verdict is None else _verdict(space, verdict),
        probabilities=None if probabilities is None else json.loads(probabilities),
        annotations=_annotations(space, annotations) if annotations else _NO_ANNOTATIONS,
        raw=raw,
        rationale="" if more == "{}" else str(json.loads(more).get("rationale", "")),
        tags=_NO_TAGS if tags == "{}" else json.loads(tags),
    )


def unread_from_row(item: str, category: str, order: str, sample: int, *judgement: Any) -> UnreadAnswer:
    """An answer without a verdict, from the columns of its item, its request and its judgement."""
    return UnreadAnswer(item, category, _order(order), sample, judgement_from_row(*judgement))


# The texts of spaces, verdicts and orders are few, and each stands in thousands of rows.
@lru_cache(maxsize=256)
def _space(text: str) -> AnswerSpace:
    return space_from_json(json.loads(text))


@lru_cache(maxsize=1024)
def _verdict(space: str, text: str) -> Verdict:
    # Journals of earlier versions hold scores as they were said.
    return _space(space).snap(verdict_from_json(json.loads(text)))


@lru_cache(maxsize=64)  # the answers to one item come one after the other
def _annotations(space: str, text: str) -> Mapping[str, Verdict]:
    said = json.loads(text).items()
    return MappingProxyType({name: _space(space).snap(verdict_from_json(value)) for name, value in said})


@lru_cache(maxsize=1024)
def _order(text: str) -> tuple[int, ...]:
    return tuple(json.loads(text))

"""The rows of the journal: items, requests and judgements as SQLite keeps them, and back. Not for queries."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple, TypeAlias

from harness.api import (
    AnswerSpace,
    DataError,
    Judgement,
    RecordedAnswer,
    Status,
    UnreadAnswer,
    Usage,
    Verdict,
    scrub,
    space_from_json,
    verdict_from_json,
)

_OWN = ("status", "verdict", "probabilities", "raw", "read")
_MORE = tuple(spec.name for spec in fields(Judgement) if spec.name not in _OWN)
"""Fields of a judgement that share one column."""

_STATUSES = {status.value: status for status in Status}
_NO_ANNOTATIONS: Mapping[str, Verdict] = MappingProxyType({})
_NO_TAGS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A task that a judge was not asked, since it has an answer to none of its items: recordings of other tasks."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"use_attribute_docstrings": True}

    task: str
    """Name of the task in the plan."""
    suite: str
    """The collection that the task belongs to."""
    judge: str
    """Name of the judge, as in the rows."""
    run: str
    """Name of the run folder."""


class ItemRow(NamedTuple):
    """An item as the journal keeps it, column by column. `hash` is empty while an image of it cannot be read.

    `annotations` has a table of its own, with a row only where it is not empty.
    """

    task: str
    id: str
    ordinal: int
    group: str
    category: str
    space: str
    gold: str
    tags: str
    hash: str
    annotations: str = ""


class RequestRow(NamedTuple):
    """Which request an item made, column by column, and its content. `place` counts orders times samples."""

    task: str
    item: str
    place: int
    order: str
    sample: int
    request: str
    content: str


Rows: TypeAlias = Sequence[tuple[ItemRow | None, RequestRow]]
"""Requests, each item with its first one."""


LEFT_OUT = "left out"
"""State of a cell that is not asked, since the judge has an answer to none of its items."""


class CellRow(NamedTuple):
    """How far a cell got: `complete` or `partial`, for which judge and which data; or `LEFT_OUT`."""

    task: str
    judge: str
    judge_key: str
    fingerprint: str
    state: str


class JudgementRow(NamedTuple):
    """A judgement as the journal keeps it, column by column."""

    status: str
    verdict: str | None
    probabilities: str | None
    raw: str
    more: str


def difference(item: ItemRow, ordinal: int, known_hash: str) -> DataError | None:
    """What is wrong with an item that was recorded before, if anything."""
    # An item without a hash had an image that could not be read: then there is nothing to compare.
    if ordinal == item.ordinal and (known_hash == item.hash or not known_hash or not item.hash):
        return None
    # Items come in order, so an id that is known from an earlier place comes twice in the data of today.
    if ordinal < item.ordinal:
        return DataError(
            f"task {item.task}: the id {item.id!r} comes twice (items {ordinal} and {item.ordinal}, counted from 0); "
            "make ids unique (or, if the data changed since this run began, start again with --fresh)"
        )
    return DataError(
        f"task {item.task}: item {item.id!r} is not what this run recorded before: the data changed since it began; "
        "start again with --fresh"
    )


def judgement_row(judgement: Judgement) -> JudgementRow:
    """The columns of a judgement. What it repeats of a secret is taken out of its texts, after they were read."""
    more = {name: value for name in _MORE if (value := getattr(judgement, name)) not in (None, "")}
    more = {name: scrub(value) if isinstance(value, str) else value for name, value in more.items()}
    verdict, probabilities, raw = judgement.verdict, judgement.probabilities, scrub(judgement.raw)
    if raw:
        more["read"] = judgement.read  # also where it is not: journals of earlier versions do not say
    return JudgementRow(
        judgement.status.value,
        None if verdict is None else verdict_text(verdict),
        None if probabilities is None else json.dumps(dict(probabilities)),
        raw if raw.isascii() else raw.encode("utf-8", "replace").decode(),  # lone surrogates are not UTF-8
        json.dumps(more) if more else "{}",
    )


@lru_cache(maxsize=1024, typed=True)  # typed, because 1 is a place and 1.0 a score
def verdict_text(verdict: Verdict) -> str:
    """A verdict as JSON."""
    return json.dumps(verdict)


def annotations_text(annotations: Mapping[str, Verdict]) -> str:
    """What several people said, as JSON, sorted by annotator; empty without annotations."""
    return json.dumps(dict(sorted(annotations.items()))) if annotations else ""


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
        gold=_verdict(gold),
        order=_order(order),
        sample=sample,
        status=_STATUSES[status],
        verdict=None if verdict is None else _verdict(verdict),
        probabilities=None if probabilities is None else json.loads(probabilities),
        annotations=_annotations(annotations) if annotations else _NO_ANNOTATIONS,
        raw=raw,
        rationale="" if more == "{}" else str(json.loads(more).get("rationale", "")),
        tags=_NO_TAGS if tags == "{}" else json.loads(tags),
    )


def unread_from_row(item: str, category: str, order: str, sample: int, *judgement: Any) -> UnreadAnswer:
    """An answer without a verdict, from the columns of its item, its request and its judgement."""
    return UnreadAnswer(item, category, _order(order), sample, judgement_from_row(*judgement))


def judgement_from_row(status: str, verdict: str | None, probabilities: str | None, raw: str, more: str) -> Judgement:
    """The judgement that `judgement_row` took apart."""
    plain: dict[str, Any] = {"status": status, "raw": raw, **json.loads(more)}
    if verdict is not None:
        plain["verdict"] = json.loads(verdict)
    if probabilities is not None:
        plain["probabilities"] = json.loads(probabilities)
    return Judgement.from_json(plain)


# The texts of spaces, verdicts and orders are few, and each stands in thousands of rows.
@lru_cache(maxsize=256)
def _space(text: str) -> AnswerSpace:
    return space_from_json(json.loads(text))


@lru_cache(maxsize=1024)
def _verdict(text: str) -> Verdict:
    return verdict_from_json(json.loads(text))


@lru_cache(maxsize=64)  # the answers to one item come one after the other
def _annotations(text: str) -> Mapping[str, Verdict]:
    return MappingProxyType({name: verdict_from_json(value) for name, value in json.loads(text).items()})


@lru_cache(maxsize=1024)
def _order(text: str) -> tuple[int, ...]:
    return tuple(json.loads(text))


def usage_of(more: Sequence[Mapping[str, Any]]) -> Usage:
    """What judgements took, from the column that holds their further fields.

    Judges and servers say what they like: what is no sensible quantity counts as not said.
    """
    read = [quantity(fields.get("prompt_tokens")) for fields in more]
    written = [quantity(fields.get("completion_tokens")) for fields in more]
    costs = [quantity(fields.get("cost_usd")) for fields in more]
    names = {fields["model"] for fields in more if isinstance(fields.get("model"), str) and fields["model"]}
    return Usage(
        answers=len(more),
        reported=sum(pair != (None, None) for pair in zip(read, written, strict=True)),
        prompt_tokens=int(sum(tokens for tokens in read if tokens is not None)),
        completion_tokens=int(sum(tokens for tokens in written if tokens is not None)),
        priced=sum(cost is not None for cost in costs),
        cost_usd=math.fsum(cost for cost in costs if cost is not None),
        models=tuple(sorted(names)),
    )


def quantity(value: object) -> float | None:
    """A number of tokens, dollars or seconds; `None` for anything that cannot be one."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < 2**53 else None  # NaN is not, either

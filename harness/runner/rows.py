"""The rows of the journal: items, requests and judgements as SQLite keeps them, and back. Not for queries."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

from harness.api import AnswerSpace, DataError, Judgement, Usage, Verdict, scrub

_OWN = ("status", "verdict", "probabilities", "raw", "read")
_MORE = tuple(spec.name for spec in fields(Judgement) if spec.name not in _OWN)
"""Fields of a judgement that share one column."""
_SPENT = ("prompt_tokens", "completion_tokens", "cost_usd")


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


def verdict_text(verdict: Verdict) -> str:
    """A verdict as JSON."""
    # (1, 1.0) equals (1.0, 1) to a cache of types too, and one is no answer to the rubric of the other.
    return json.dumps(verdict) if isinstance(verdict, tuple) else _word_text(verdict)


@lru_cache(maxsize=1024, typed=True)  # typed, because 1 is a place and 1.0 a score
def _word_text(verdict: str | int | float) -> str:
    return json.dumps(verdict)


def space_text(space: AnswerSpace) -> str:
    """An answer space as JSON."""
    # By its text, since `Score(1, 5)` equals `Score(1.0, 5.0)` and is written otherwise.
    return _space_text(repr(space), space)


@lru_cache(maxsize=256)
def _space_text(text: str, space: AnswerSpace) -> str:
    return json.dumps(space.to_json(), sort_keys=True)


def annotations_text(annotations: Mapping[str, Verdict]) -> str:
    """What several people said, as JSON, sorted by annotator; empty without annotations."""
    return json.dumps(dict(sorted(annotations.items()))) if annotations else ""


def judgement_from_row(status: str, verdict: str | None, probabilities: str | None, raw: str, more: str) -> Judgement:
    """The judgement that `judgement_row` took apart."""
    plain: dict[str, Any] = {"status": status, "raw": raw, **json.loads(more)}
    if verdict is not None:
        plain["verdict"] = json.loads(verdict)
    if probabilities is not None:
        plain["probabilities"] = json.loads(probabilities)
    return Judgement.from_json(plain)


def add_spending(known: JudgementRow, new: JudgementRow) -> JudgementRow:
    """A new answer with what the failed one took in whose place it comes: it was paid for too."""
    before, more = json.loads(known.more), json.loads(new.more)
    for name in _SPENT:
        if quantity(before.get(name)):
            more[name] = before[name] + (more[name] if quantity(more.get(name)) else 0)
    return new._replace(more=json.dumps(more))


def usage_of(more: Sequence[Mapping[str, Any]]) -> Usage:
    """What judgements took, from the column that holds their further fields.

    Judges and servers say what they like: what is no sensible quantity counts as not said.
    """
    read, written, costs = ([quantity(fields.get(name)) for fields in more] for name in _SPENT)
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

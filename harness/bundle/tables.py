"""The tables of a bundle: one JSON object a line, from the rows of a journal and back to them, each field checked.

Rows are sorted by their key. So no row comes twice, and equal journals have equal lines, in any order of the answers.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from harness.api import DataError, Status, space_from_json
from harness.bundle.archive import BundleArchive
from harness.bundle.layout import ASKS, CELLS, ITEMS, JUDGEMENTS, REPLACED, REQUESTS, line_bytes
from harness.runner.rows import LEFT_OUT

MOST_COUNT = 2**53
"""No ordinal, place or sample is as large."""

_STATUSES = frozenset(status.value for status in Status)
_STATES = frozenset(("complete", "partial", LEFT_OUT))
_MORE_TEXTS = ("rationale", "error", "cut", "thinking", "model")
_MORE_NUMBERS = ("prompt_tokens", "completion_tokens", "latency_s", "cost_usd")
_MORE = frozenset((*_MORE_TEXTS, *_MORE_NUMBERS, "read"))


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number of JSON")


# A judge or a server may have said NaN for what an answer cost. JSON knows none, and a sum leaves it out anyway.
_parse_column = json.JSONDecoder(parse_constant=lambda word: None).decode
_parse_line = json.JSONDecoder(parse_constant=_refuse).decode
_column_text = json.dumps  # as the journal writes its columns


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleTable:
    """One table: its columns in the journal and in a bundle."""

    member: str
    """Name of the member."""
    table: str
    """Name of the table in a journal, with what follows it in an `INSERT`."""
    query: str
    """Selects its rows in the order of their key."""
    fields: tuple[str, ...]
    """Names of the fields in a bundle, in the order of the columns."""
    parsed: frozenset[str]
    """Fields whose column holds JSON."""
    key: int
    """How many fields make the key. They stand first."""
    check: Callable[[Mapping[str, Any]], str]
    """Says what is wrong with a row; empty where nothing is."""

    def write(self, row: tuple[Any, ...]) -> bytes:
        """The line of a row of the journal.

        Raises:
            DataError: A column holds what no journal holds there.
        """
        try:
            return line_bytes(
                {
                    field: _parse_column(value) if field in self.parsed and value else value
                    for field, value in zip(self.fields, row, strict=True)
                }
            )
        except (ValueError, TypeError, RecursionError) as error:
            named = ", ".join(repr(value)[:40] for value in row[: self.key])
            raise DataError(
                f"the journal's row of {named} in {self.table} is damaged ({error}); once it is deleted, `harness run` "
                "with the manifest asks again what is missing"
            ) from error

    def read(self, archive: BundleArchive) -> Iterator[tuple[Any, ...]]:
        """Stream the rows of a bundle as a journal keeps them.

        Raises:
            DataError: A row is damaged, stands in the wrong place, or has a field that does not fit. The message names
                the line.
        """
        last: list[Any] | None = None
        for number, line in enumerate(archive.lines(self.member), 1):
            try:
                row = _parse_line(line.decode("ascii"))
                if type(row) is not dict or tuple(row) != self.fields:
                    raise ValueError(f"its fields are not {', '.join(self.fields)}")
                # One text for one row: a key that comes twice, or a second way to write a number, is no such text.
                if line_bytes(row)[:-1] != line:
                    raise ValueError("it is not written as bundles are")
                if problem := self.check(row):
                    raise ValueError(problem)
                key = [row[field] for field in self.fields[: self.key]]
                if last is not None and key <= last:
                    raise ValueError("it is not in its place: rows are sorted, and none comes twice")
                last = key
                yield tuple([self._column(field, value) for field, value in row.items()])
            # What a stranger wrote may fail in any of these ways, and none of them is a fault of the harness.
            except (DataError, ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError) as error:
                raise archive.fault(f"{self.member}, line {number}: {error}") from error

    def _column(self, field: str, value: Any) -> Any:
        if field not in self.parsed or value is None:
            return value
        # Most verdicts are places, and numbers take no encoder.
        if type(value) is int:
            return str(value)
        return _column_text(value)


def _is_text(value: Any) -> bool:
    """Whether it is a text that a database can keep: not half a character."""
    if type(value) is not str:
        return False
    return value.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in value)


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < MOST_COUNT


def _texts(row: Mapping[str, Any], *names: str) -> str:
    return next((f"{name} is no text" for name in names if not _is_text(row[name])), "")


def _check_item(row: Mapping[str, Any]) -> str:
    if problem := _texts(row, "task", "id", "group", "category", "hash"):
        return problem
    if not (row["id"] and row["group"]):
        return "id or group is empty"
    if not _is_count(row["ordinal"]):
        return "ordinal is no number of an item"
    space = space_from_json(row["space"])
    gold, said = row["gold"], row["annotations"]
    if not space.contains(_verdict(gold)):
        return f"the gold {gold!r} is not an answer of its space"
    if said is not None and (type(said) is not dict or not said):
        return "annotations are no mapping, and not null"
    foreign = next((name for name, verdict in (said or {}).items() if not space.contains(_verdict(verdict))), None)
    if foreign is not None:
        return f"the annotation of {foreign!r} is not an answer of its space"
    return "" if row["tags"] is None or type(row["tags"]) is dict else "tags are no mapping"


def _verdict(value: Any) -> Any:
    return tuple(value) if type(value) is list else value


def _check_ask(row: Mapping[str, Any]) -> str:
    if problem := _texts(row, "task", "item", "request"):
        return problem
    if not (_is_count(row["place"]) and _is_count(row["sample"])):
        return "place or sample is no number"
    order = row["order"]
    if type(order) is not list or sorted(order) != list(range(len(order))) or any(type(k) is not int for k in order):
        return f"the order {order!r} is no permutation"
    return ""


def _check_request(row: Mapping[str, Any]) -> str:
    return _texts(row, "key", "content")


def _check_judgement(row: Mapping[str, Any]) -> str:
    return _texts(row, "judge", "request", "raw") or _check_reading(row)


def _check_replaced(row: Mapping[str, Any]) -> str:
    return _texts(row, "judge", "request", "time") or _check_reading(row)


def _check_reading(row: Mapping[str, Any]) -> str:
    status, verdict, probabilities, more = (row[name] for name in ("status", "verdict", "probabilities", "more"))
    if status not in _STATUSES:
        return f"the status {status!r} is none"
    if (status == "ok") != (verdict is not None):
        return f"status {status} with verdict {verdict!r}"
    if probabilities is not None and (
        type(probabilities) is not dict or not all(_is_share(share) for share in probabilities.values())
    ):
        return "probabilities are not numbers from 0 to 1"
    if type(more) is not dict or not more.keys() <= _MORE:
        return f"more has fields that a judgement has not: {', '.join(sorted({*more} - _MORE))}"
    if any(type(more.get(name, "")) is not str for name in _MORE_TEXTS) or type(more.get("read", False)) is not bool:
        return "a field of more is of another kind"
    if more.get("thinking", "") not in ("", "apart", "opened"):
        return f"thinking {more['thinking']!r} is no place of a reasoning"
    return ""


def _is_share(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value) and 0 <= value <= 1 + 1e-6


def _check_cell(row: Mapping[str, Any]) -> str:
    problem = _texts(row, "task", "judge", "judge_key", "fingerprint")
    return problem or ("" if row["state"] in _STATES else f"the state {row['state']!r} is none")


TABLES: Mapping[str, BundleTable] = {
    table.member: table
    for table in (
        BundleTable(
            member=CELLS,
            table="cells",
            query="SELECT task, judge, judge_key, fingerprint, state FROM cells ORDER BY 1, 2",
            fields=("task", "judge", "judge_key", "fingerprint", "state"),
            parsed=frozenset(),
            key=2,
            check=_check_cell,
        ),
        BundleTable(
            member=ITEMS,
            table="items",
            # Annotations are a table of their own in a journal, since few items have any.
            query="SELECT i.task, i.id, i.ordinal, i.grp, i.category, i.space, i.gold, i.hash, {annotations}, {tags} "
            "FROM items i ORDER BY 1, 2",
            fields=("task", "id", "ordinal", "group", "category", "space", "gold", "hash", "annotations", "tags"),
            parsed=frozenset(("space", "gold", "annotations", "tags")),
            key=2,
            check=_check_item,
        ),
        BundleTable(
            member=ASKS,
            table="asks",
            query="SELECT task, item, place, ord, sample, request FROM asks ORDER BY 1, 2, 3",
            fields=("task", "item", "place", "order", "sample", "request"),
            parsed=frozenset(("order",)),
            key=3,
            check=_check_ask,
        ),
        BundleTable(
            member=JUDGEMENTS,
            table="judgements",
            query="SELECT judge, request, status, verdict, probabilities, raw, more FROM judgements ORDER BY 1, 2",
            fields=("judge", "request", "status", "verdict", "probabilities", "raw", "more"),
            parsed=frozenset(("verdict", "probabilities", "more")),
            key=2,
            check=_check_judgement,
        ),
        BundleTable(
            member=REPLACED,
            table="replaced",
            query="SELECT judge, request, time, status, verdict, probabilities, more FROM replaced ORDER BY 1, 2, 3",
            fields=("judge", "request", "time", "status", "verdict", "probabilities", "more"),
            parsed=frozenset(("verdict", "probabilities", "more")),
            key=3,
            check=_check_replaced,
        ),
        BundleTable(
            member=REQUESTS,
            table="requests",
            query="SELECT key, content FROM requests ORDER BY 1",
            fields=("key", "content"),
            parsed=frozenset(),
            key=1,
            check=_check_request,
        ),
    )
}
"""All tables, by their member, in the order in which a journal is filled from them."""

"""Reading recorded answers from JSON lines. Files are hostile: every fault is an error that names file and line.

Not for what a recorded answer means: see `harness_baselines.replay`.
"""

from __future__ import annotations

import gzip
import json
import math
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from io import BufferedReader
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

from harness.api import DataError, Preference
from harness.api.files import check_regular

ID_FIELDS = ("item_id", "item", "id", "idx", "pair_id", "question_id", "uid", "index")
"""Where a row's id is looked for, in this order, in the first row of a file."""

RESPONSE_FIELDS = (
    *("response", "output", "raw", "raw_output", "answer", "completion", "judgment", "prediction", "text"),
    *(
        "judgement",
        "feedback",
        "generation",
        "generated",
        "generated_text",
        "content",
        "model_output",
        "model_response",
    ),
    *("judge_output", "judge_response", "raw_response", "raw_judgment", "evaluation", "critique", "explanation"),
)
"""Where the raw answer is looked for. Two of them in one file: one may be a candidate's, so neither is taken."""

REASONING_FIELDS = ("reasoning_content", "reasoning")
"""Where a judge's reasoning is looked for, apart from its answer."""

MOST_BYTES = 16 * 2**20
"""Longest line, decompressed."""

_LONG = 200  # shorter texts are not worth compressing
_TEXTS = ("rationale", "model", *REASONING_FIELDS)
_AMOUNTS = ("latency_s", "cost_usd")
# The names under which a Judgement carries them, so a row's fields can be passed on as they are.
_COUNTS = ("prompt_tokens", "completion_tokens")
_RESULTS = ("scores", "verdict")
_KEPT = (*_RESULTS, "probabilities", *_TEXTS, *_AMOUNTS, *_COUNTS)
_STOPPED = ("finish_reason", "stop_reason")
_MOST_ERROR = 500  # characters

ANY_ORDER = "any"
"""The order of scores that were recorded without one: they are of the candidates, in the order of the data."""

Place: TypeAlias = tuple[str, str, int]
"""Item id, order as text (see `order_name`), number of the sample."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One recorded answer. Long texts are kept compressed: about 1 kB of memory for an answer of 3 kB."""

    source: str
    """File and line, for messages."""
    text: str | bytes | None
    """The raw answer, compressed when long."""
    rest: Mapping[str, Any] | None
    """`scores`, `verdict`, `rationale`, ..., as far as recorded; `stopped`, why it ended; `error`, what went wrong."""

    @property
    def response(self) -> str | None:
        """The raw answer."""
        return zlib.decompress(self.text).decode() if isinstance(self.text, bytes) else self.text

    def get(self, name: str) -> Any:
        """Another recorded field."""
        return None if self.rest is None else self.rest.get(name)

    def has(self, name: str) -> bool:
        """Whether a field was recorded, were it as null."""
        return self.rest is not None and name in self.rest

    @property
    def holds_scores_alone(self) -> bool:
        """Whether the answer are the scores, with no text or verdict that would go before them."""
        return not self.text and self.get("scores") is not None and self.get("verdict") is None

    def put_in_order(self, order: tuple[int, ...]) -> Recorded:
        """The same with its scores and probabilities in the places shown. `order[k]` is the candidate in place k."""
        scores = self.get("scores")
        if len(scores) != len(order):
            return self  # a score task, or a mistake that is named where the scores are read
        rest = {**(self.rest or {}), "scores": [scores[place] for place in order]}
        if "probabilities" in rest:
            letters = Preference(len(order)).name
            shown = {letters(old): letters(new) for new, old in enumerate(order)}
            rest["probabilities"] = {
                # A ranking is named by several letters, and a tie by a word, which stays.
                " > ".join(shown.get(part, part) for part in name.split(" > ")): share
                for name, share in rest["probabilities"].items()
            }
        return replace(self, rest=rest)

    def put_task(self, task: str) -> Recorded:
        """The same as an answer to this task alone."""
        return replace(self, rest={**(self.rest or {}), "task": task})

    def equals(self, other: Recorded) -> bool:
        """Whether it says the same, in any place: equal rows count once."""
        return (self.text, self.rest) == (other.text, other.rest)


def order_name(order: tuple[int, ...]) -> str:
    """`data` for the data's own order, `reverse` for its reverse, else the permutation."""
    forward = tuple(range(len(order)))
    return "data" if order == forward else "reverse" if order == forward[::-1] else ",".join(map(str, order))


def read_recordings(
    path: Path, *, id_field: str | None, response_field: str | None, task_field: str | None = None
) -> Iterator[tuple[Place, Recorded]]:
    """Stream the answers of one file, with the id as it is written in the row.

    Raises:
        DataError: The file cannot be read, or a row is not a recorded answer. Names file, line and the fix.
    """
    rows = ((f"{path}, line {number}", row) for number, row in _rows(path))
    yield from parse_recordings(rows, id_field=id_field, response_field=response_field, task_field=task_field)


def parse_recordings(
    rows: Iterable[tuple[str, Mapping[str, Any]]],
    *,
    id_field: str | None = None,
    response_field: str | None = None,
    task_field: str | None = None,
) -> Iterator[tuple[Place, Recorded]]:
    """The answers of the rows of one file, each given with its file and line.

    The task that `task_field` names is among what else was recorded, as `task`.

    Raises:
        DataError: A row is not a recorded answer. Names file, line and the fix.
    """
    known: str | None = id_field
    column = _Column(response_field)
    for source, row in rows:
        # The first row decides for the whole file: a field that comes and goes must not change what an id is.
        known = known or next((field for field in ID_FIELDS if field in row), None)
        if known is None:
            _refuse(source, f"no id; name its field with `id_field` (looked for {', '.join(ID_FIELDS)})")
        if known not in row or isinstance(row[known], bool) or not isinstance(row[known], str | int):
            _refuse(source, f"{known!r} must be there and be a text or a whole number")
        for place, recorded in _answers(row, str(row[known]), source=source, column=column):
            yield place, recorded if task_field is None else recorded.put_task(_task(row, task_field, source))


def _task(row: Mapping[str, Any], field: str, source: str) -> str:
    task = row.get(field)
    if not isinstance(task, str) or not task:
        _refuse(source, f"{field!r} must name a task of the manifest, as `task_field: {field}` says")
    return task


class _Column:
    """The column with the judge's text: the one that was named, or the only one of the usual names in the file."""

    def __init__(self, given: str | None) -> None:
        self.names = (given,) if given else RESPONSE_FIELDS
        self._found = ""

    def text(self, row: Mapping[str, Any], source: str) -> str | None:
        """The text of a row, or `None` where it has none.

        Raises:
            DataError: Two columns could be it, or what is in it is no text.
        """
        for name in [name for name in self.names if name in row]:
            if self._found not in ("", name):
                _refuse(
                    source,
                    f"{self._found!r} and {name!r} could each be the judge's answer; say which one is with "
                    f"`response_field: {self._found}` or `response_field: {name}`",
                )
            self._found = name
        text = row.get(self._found)
        if text is not None and not isinstance(text, str):
            _refuse(
                source, f"{self._found!r} must be the raw text of the answer; put numbers under 'scores' or 'verdict'"
            )
        return text

    def __str__(self) -> str:
        return ", ".join(self.names)


def _answers(row: Mapping[str, Any], name: str, *, source: str, column: _Column) -> Iterator[tuple[Place, Recorded]]:
    several = row.get("judgments")
    if several is None:
        order, recorded = _order(row.get("order"), source), _parse_answer(row, source, column)
        # Scores of a model that sees one candidate at a time are the same wherever the candidates are shown.
        usual = ANY_ORDER if recorded.holds_scores_alone else "data"
        yield (name, order or usual, _sample(row, source)), recorded
        return
    if not isinstance(several, list) or not all(isinstance(entry, dict) for entry in several):
        _refuse(source, "'judgments' must be a list of objects")
    for place, entry in enumerate(several):
        order = _order(entry.get("order"), source)
        # JudgeBench publishes two judgments a pair, the second with the candidates swapped.
        if order is None and place > 1:
            _refuse(source, "more than two 'judgments' (the data's order and its reverse) each need an 'order'")
        yield (name, order or ("data", "reverse")[place], _sample(entry, source)), _parse_answer(entry, source, column)


def _parse_answer(row: Mapping[str, Any], source: str, column: _Column) -> Recorded:
    response, error = column.text(row, source), _error(row.get("error"))
    rest = {name: row[name] for name in _KEPT if row.get(name) is not None}
    _check(rest, source)
    if stopped := _stop_reason(row, source):
        rest["stopped"] = stopped
    if error:
        rest["error"] = error
    elif response is None and not rest.keys() & set(_RESULTS):
        if "verdict" in row:
            rest["verdict"] = None  # the judge was asked and gave none
        elif not any(name in row for name in (*column.names, *_RESULTS)):
            _refuse(source, f"no answer: needs one of {column}, {', '.join(_RESULTS)}; `response_field` names another")
    if response is None:
        return Recorded(source, None, rest or None)
    # Lone surrogates cannot be encoded as UTF-8.
    encoded = response.encode("utf-8", "replace")
    return Recorded(source, zlib.compress(encoded, 1) if len(encoded) > _LONG else encoded.decode(), rest or None)


def _error(error: object) -> str:
    """The error that a row records; `""` where there is none."""
    if not error:
        return ""
    return (error if isinstance(error, str) else json.dumps(error, ensure_ascii=False))[:_MOST_ERROR]


def _stop_reason(row: Mapping[str, Any], source: str) -> str:
    """Why the answer ended, in the server's word. Some write the number of a token under `stop_reason`."""
    reason = row.get("finish_reason")
    if reason is not None and not isinstance(reason, str):
        _refuse(source, f"'finish_reason' must be text, got {reason!r:.100}")
    return next((row[name] for name in _STOPPED if isinstance(row.get(name), str)), "").strip()


def _check(rest: Mapping[str, Any], source: str) -> None:
    # Absent fields are None or the default, which passes: each check is about what was recorded.
    scores = rest.get("scores")
    if scores is not None and not (isinstance(scores, list) and scores and all(map(_is_number, scores))):
        _refuse(source, "'scores' must be finite numbers, one for each candidate shown")
    verdict = rest.get("verdict", "")
    letters = verdict if isinstance(verdict, list) else []
    if not (isinstance(verdict, str | list) or _is_number(verdict)) or not all(
        isinstance(letter, str) for letter in letters
    ):
        _refuse(source, "'verdict' must be the name of a verdict, a number, or a list of letters from best to worst")
    table = rest.get("probabilities", {})
    if not isinstance(table, dict) or not all(map(_is_number, table.values())):
        _refuse(source, "'probabilities' must be numbers by verdict name")
    for name in _TEXTS:
        if not isinstance(rest.get(name, ""), str):
            _refuse(source, f"{name!r} must be text")
    for name in _AMOUNTS:
        if not _is_number(rest.get(name, 0)) or rest.get(name, 0) < 0:
            _refuse(source, f"{name!r} must be a number, 0 or more")
    for name in _COUNTS:
        if not _is_whole(rest.get(name, 0)):
            _refuse(source, f"{name!r} must be a whole number, 0 or more")


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    # JSON allows integers of any length, and `isfinite` raises on those above the range of a float.
    return abs(value) < 1e300 and math.isfinite(value)


def _is_whole(value: object) -> bool:
    # bool is a subclass of int; 2**63 is where SQLite's integers end.
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def _order(order: object, source: str) -> str | None:
    if order is None:
        return None
    # Checked as a permutation: a list of positions from 1 would silently never match a request.
    if not isinstance(order, list) or not all(map(_is_whole, order)) or sorted(order) != list(range(len(order))):
        _refuse(source, f"'order' must be a permutation such as [1, 0], got {order!r:.100}")
    return order_name(tuple(order))


def _sample(row: Mapping[str, Any], source: str) -> int:
    sample = row.get("sample", 0)
    if not isinstance(sample, int) or not _is_whole(sample):
        _refuse(source, f"'sample' must be a whole number from 0, got {sample!r:.100}")
    return sample


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    number = 0
    try:
        with _open(path) as stream:
            # The limit bounds memory before a line is complete: a small archive can decompress to gigabytes.
            while line := stream.readline(MOST_BYTES + 1):
                number += 1
                if len(line) > MOST_BYTES:
                    _refuse(f"{path}, line {number}", f"longer than {MOST_BYTES:,} bytes; not a recorded answer")
                if line.strip():
                    yield number, _parse_line(line, f"{path}, line {number}")
    except (OSError, EOFError, zlib.error) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise DataError(f"{path}, after line {number}: cannot be read ({reason}); replace the file") from error


def _open(path: Path) -> gzip.GzipFile | BufferedReader:
    check_regular(path)
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")


def _parse_line(line: bytes, source: str) -> dict[str, Any]:
    try:
        # utf-8-sig: spreadsheets write a byte order mark.
        row = json.loads(line.decode("utf-8-sig"), object_pairs_hook=_with_nulls)
    except (ValueError, RecursionError) as error:  # bad UTF-8 and bad JSON are ValueErrors
        raise DataError(f"{source}: not a JSON object ({error}); fix or remove the line") from error
    if not isinstance(row, dict):
        _refuse(source, "not a JSON object; fix or remove the line")
    return row


def _with_nulls(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object with null for NaN, which is how pandas writes it."""
    # Only NaN differs from itself.
    return {name: None if value != value else value for name, value in pairs}


def _refuse(source: str, problem: str) -> NoReturn:
    raise DataError(f"{source}: {problem}")

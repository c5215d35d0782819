"""PandaLM: `data/testset-v1.json` and `data/JUDGE-testset-v1.json` of https://github.com/WeOpenML/PandaLM."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.api import DataError
from harness.api.data import Row, Table
from harness_preference.published import Recordings, find_tables, stem

_PATTERNS = ("*-testset-v1", "data/*-testset-v1")
# `compute_metrics` of data/compute_metrics.py takes what it cannot read for a tie.
_RESULTS = {"1": "A", "2": "B", "0": "tie", "Tie": "tie", "tie": "tie", "garbage": "tie"}


def find_items(folder: Path) -> dict[str, Table]:
    """The pairs."""
    files = find_tables(folder, "testset-v1", "data/testset-v1")
    return {"testset-v1": Table(files=files[:1], root=folder)} if files else {}


def _judges(file: Path) -> tuple[str, ...]:
    return (stem(file).removesuffix("-testset-v1"),)


def _answers(row: Row, judge: str) -> Iterator[Mapping[str, Any]]:
    columns = [name for name in row.values if name.endswith("_result")]
    if len(columns) != 1:
        raise DataError(f"{row.place}: expected one column that ends in _result, found {', '.join(columns) or 'none'}")
    cell = row[columns[0]]
    reason = row.values.get(columns[0].replace("_result", "_reason"))
    answer = {"id": f"testset-v1/{row['idx'].count()}", "verdict": cell.label(_RESULTS), "response": cell.word()}
    yield {**answer, "rationale": reason} if isinstance(reason, str) else answer


RECORDINGS = Recordings(patterns=_PATTERNS, judges=_judges, answers=_answers)

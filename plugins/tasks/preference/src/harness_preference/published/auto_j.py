"""Auto-J: `data/outputs/pairwise_JUDGE_output.jsonl` of https://github.com/GAIR-NLP/auto-j.

A file has a line for each pair, in the order of the data. `pairwise_exchange_JUDGE_output.jsonl` beside it has the
answers to the swapped pairs, in the places shown. A judge without it rates single answers, and then the order does not
matter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.api.data import Row
from harness_preference.benchmarks.auto_j import SUBSET
from harness_preference.published import DATA, SWAPPED, Recordings, find_tables, stem

_NAME = re.compile(r"pairwise_(?P<exchange>exchange_)?(?P<judge>.+)_output")
# `extract_pariwise_result` of the authors' page gives -1 where it finds no decision.
_OUTPUTS: dict[str, str | None] = {"0": "A", "1": "B", "2": "tie", "-1": None}
_MIRRORED = {"A": "B", "B": "A", "tie": "tie", None: None}


def _judges(file: Path) -> tuple[str, ...]:
    name = _NAME.fullmatch(stem(file))
    return (name["judge"],) if name else ()


def _answers(row: Row, judge: str) -> Iterator[Mapping[str, Any]]:
    assert row.file is not None
    name, verdict = f"{SUBSET}/{row.number}", row["output"].label(_OUTPUTS)
    if stem(row.file) != f"pairwise_{judge}_output":
        yield {"id": name, "order": SWAPPED, "verdict": verdict}
        return
    yield {"id": name, "order": DATA, "verdict": verdict}
    if not find_tables(row.file.parent, f"pairwise_exchange_{judge}_output"):
        yield {"id": name, "order": SWAPPED, "verdict": _MIRRORED[verdict]}


RECORDINGS = Recordings(patterns=("data/outputs/pairwise_*_output",), judges=_judges, answers=_answers)

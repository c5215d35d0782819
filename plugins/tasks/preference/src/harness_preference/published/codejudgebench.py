"""CodeJudgeBench: `outputs/MODEL_TASK-SPLIT.jsonl`, as `run.py` of https://github.com/hongcha0/CodeJudgeBench saves.

A file has two lines for each pair. Its batches hold the pairs in the order of the data and then, swapped, once more.
`label` tells the two apart: the right answer was shown as A or as B. `pred` is the place that the judge named, or it is
empty.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.api.data import Row, read_table
from harness_preference.published import DATA, SWAPPED, find_tables, stem

_NAME = re.compile(r"(?P<judge>.+)_(?P<task>codegen|coderepair|testgen)-(?P<split>.+)")
_ORDERS = {"A": DATA, "B": SWAPPED}
_VERDICTS: dict[str, str | None] = {"A": "A", "B": "B", "": None}


class Outputs:
    """Recorded answers whose lines are counted by their order. Implements `harness.api.RecordingLayout`."""

    def find(self, folder: Path) -> dict[str, tuple[Path, ...]]:
        """The files of each model, one for each task and split."""
        found: dict[str, tuple[Path, ...]] = {}
        for file in find_tables(folder, "outputs/*"):
            name = _NAME.fullmatch(stem(file))
            if name is not None:
                found[name["judge"]] = (*found.get(name["judge"], ()), file)
        return found

    def read(self, file: Path, judge: str) -> Iterator[tuple[Mapping[str, Any], str]]:
        """The answers of a file, each with its place in it.

        Raises:
            DataError: The file cannot be read, or is of another layout.
        """
        name = _NAME.fullmatch(stem(file))
        assert name is not None
        counts: Counter[str] = Counter()
        for number, (values, place) in enumerate(read_table(file)):
            row = Row(values, f"{file}, {place}", number, file=file)
            label = row["label"].label({key: key for key in _ORDERS})
            verdict = row["pred"].label(_VERDICTS)
            text = row["response"].text() if row.has("response") else ""
            answer = {"verdict": verdict, "response" if verdict else "rationale": text}
            identity = {"id": f"{name['task']}/{name['split']}/{counts[label]}", "order": _ORDERS[label]}
            counts[label] += 1
            yield identity | answer, place


RECORDINGS = Outputs()

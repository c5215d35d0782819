"""EditReward-Bench: answers as the scripts of https://github.com/TIGER-AI-Lab/EditReward (evaluate/) write them.

`MODEL_TEMPLATE_3pair_hf.json` is `{"results": [{"id": ..., "model_vote": "A>C", "model_response": ...}, null], ...}`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.api import Preference
from harness.api.data import Cell, Row, read_object
from harness_preference.benchmarks.editreward_bench import winner_of
from harness_preference.published import find_tables, stem

_PATTERNS = ("*pair_hf", "*/*pair_hf", "EditReward/evaluate/*/*pair_hf")
_NAME = re.compile(r"(?P<judge>.+?)_pairwise(?:_[234]pair)?_(?P<subset>[234]pair)_hf")
_PAIR = Preference(2)


class _Results:
    """Implements `harness.api.RecordingLayout`."""

    def find(self, folder: Path) -> dict[str, tuple[Path, ...]]:
        """The files of each judge by its name."""
        found: dict[str, tuple[Path, ...]] = {}
        for file in find_tables(folder, *_PATTERNS):
            if name := _NAME.fullmatch(stem(file)):
                found[name["judge"]] = (*found.get(name["judge"], ()), file)
        return found

    def read(self, file: Path, judge: str) -> Iterator[tuple[Mapping[str, Any], str]]:
        """The votes of a file. A comparison that failed is null there, and no answer.

        Raises:
            DataError: The file cannot be read, or is of another layout.
        """
        name = _NAME.fullmatch(stem(file))
        assert name is not None
        results = dict(read_object(file)).get("results")
        table = Row({"results": results}, str(file), 0, file=file)
        for number, cell in enumerate(table["results"].elements()):
            if cell.value is not None:
                yield _answer(cell, name["subset"]), f"result {number}"


def _answer(cell: Cell, subset: str) -> dict[str, Any]:
    row = cell.fields()
    # The script for two edits knows no other comparison, and copies the column only where the data have it.
    pair = row["comparison_type"].word() if row.has("comparison_type") else "AvsB"
    vote = row["model_vote"].word()
    said = row["model_response"].text() if row.has("model_response") else ""
    answer: dict[str, Any] = {"id": f"{subset}/{row['id'].name()}/{pair}", "order": [0, 1]}
    # A vote for other letters than those compared is officially no match for any ranking.
    winner = winner_of(vote, pair)
    if winner is None:
        return {**answer, "verdict": None, "rationale": said or vote}
    return {**answer, "verdict": _PAIR.name(winner), "response": said or vote}


RECORDINGS = _Results()

"""RM-Bench: `results/KIND/MODEL/total_dataset_*.json`, as `scripts/run_rm.py` of its authors saves.

Code: https://github.com/THU-KEG/RM-Bench. A file is the data set once more, in its order, with the scores of the three
right answers of each row in `score_chosen` and those of the wrong ones in `score_rejected`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.api.data import Row
from harness_preference.benchmarks.rm_bench import COMPARISONS, STYLES, name_item
from harness_preference.published import Recordings
from harness_preference.published.rewardbench import number_of

_COLUMNS = ("score_chosen", "score_rejected")


def _judges(file: Path) -> tuple[str, ...]:
    """The name of the model, with its organisation where the path has one."""
    return (file.parts[-2],) if file.parts[-4] == "results" else (f"{file.parts[-3]}/{file.parts[-2]}",)


def _answers(row: Row, judge: str) -> Iterator[Mapping[str, Any]]:
    right, wrong = (_scores(row, column) for column in _COLUMNS)
    for subset, comparisons in COMPARISONS.items():
        for i, j in comparisons:
            yield {"id": name_item(subset, row.number, i, j), "scores": [right[i], wrong[j]]}


def _scores(row: Row, column: str) -> list[float]:
    scores = [number_of(cell) for cell in row[column].elements()]
    if len(scores) != len(STYLES):
        raise row[column].mismatch(f"{len(STYLES)} scores, one for each of {', '.join(STYLES)}")
    return scores


RECORDINGS = Recordings(
    patterns=("results/*/*/total_dataset_*", "results/*/*/*/total_dataset_*"), judges=_judges, answers=_answers
)

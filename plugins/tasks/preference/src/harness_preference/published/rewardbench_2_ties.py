"""RewardBench 2, subset Ties: the scores of its rows in `eval-set-scores/ORGANISATION/MODEL.json`.

The same files as of `rewardbench_2`. A judge that writes has ratings from 1 to 10, or -1 where none could be read. A
reward model has numbers of any size. They are moved to 1 and, where they need more than the scale from 1 to 10, halved
as often as it takes. That changes no part of the official score, which compares differences. Halving is exact, so that
two equal differences stay equal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.api.data import Cell, Row
from harness_preference.benchmarks.rewardbench_2 import CATEGORIES, TIES
from harness_preference.benchmarks.rewardbench_2_ties import MISSING, SPACE
from harness_preference.published.rewardbench import Columns, number_of


class _Columns(Columns):
    columns = ("results", "scores", "id", "subset")

    def read(self, file: Path, judge: str) -> Iterator[tuple[Mapping[str, Any], str]]:
        """The scores of single completions, on the scale of the task.

        Raises:
            DataError: The file cannot be read, or is of another layout.
        """
        answers = list(Columns.read(self, file, judge))
        known = [answer["scores"][0] for answer, _ in answers]
        are_ratings = all(score == MISSING or SPACE.contains(score) for score in known)
        low, width = min(known, default=0.0), max(known, default=0.0) - min(known, default=0.0)
        unit = 1.0
        while width * unit > SPACE.high - SPACE.low:
            unit /= 2
        for answer, place in answers:
            (score,) = answer["scores"]
            if are_ratings:
                yield ({"id": answer["id"], "verdict": None} if score == MISSING else answer), place
            else:
                yield {"id": answer["id"], "scores": [SPACE.low + (score - low) * unit]}, place

    def answers(self, row: Row, result: Cell) -> Iterator[Mapping[str, Any]]:
        """The scores of the completions of one prompt of the subset Ties."""
        if row["subset"].label({**CATEGORIES, TIES: TIES}) != TIES:
            return
        for k, cell in enumerate(row["scores"].elements()):
            yield {"id": f"{row['id'].name()}/{k}", "scores": [number_of(cell)]}


RECORDINGS = _Columns()

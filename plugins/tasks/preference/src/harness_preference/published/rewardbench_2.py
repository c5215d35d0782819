"""RewardBench 2: `eval-set-scores/ORGANISATION/MODEL.json` of `allenai/reward-bench-2-results` on the hub.

An object of columns: the scores of all completions of a prompt, the right one first. Of judges that write only the
results are known: 1, 0, or a quarter where nothing could be read. Not for the subset Ties: see `rewardbench_2_ties`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.api.data import Cell, Row
from harness_preference.benchmarks.rewardbench_2 import CATEGORIES, TIES
from harness_preference.published.rewardbench import Columns, number_of

# The right completion and three wrong ones. Which of the wrong ones a judge preferred is not recorded.
_BY_RESULT = {1.0: [1, 0, 0, 0], 0.0: [0, 1, 0, 0], 0.25: [0, 0, 0, 0]}


class _Columns(Columns):
    columns = ("results", "scores", "id", "subset")

    def answers(self, row: Row, result: Cell) -> Iterator[Mapping[str, Any]]:
        """The answer to one prompt; none in the subset Ties."""
        category = row["subset"].label({**CATEGORIES, TIES: TIES})
        if category == TIES:
            return
        name = f"{category}/{row['id'].name()}"
        if row.has("scores"):
            yield {"id": name, "scores": [number_of(cell) for cell in row["scores"].elements()]}
        elif (scores := _BY_RESULT.get(result.number())) is not None:
            yield {"id": name, "scores": scores}
        else:
            raise result.mismatch("1, 0 or 0.25, where no scores are recorded")


RECORDINGS = _Columns()

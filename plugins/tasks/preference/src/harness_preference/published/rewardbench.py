"""RewardBench: `eval-set-scores/ORGANISATION/MODEL.json` of https://huggingface.co/datasets/allenai/reward-bench-results.

A file is an object of columns, as the authors' scripts leave it in `results/` too: the scores of both answers of each
row of the data, in its order. Judges that write have no scores, and neither have models that compare: of them only the
results are known, which are 1, 0, or a half where nothing could be read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.api import DataError
from harness.api.data import Cell, Row, read_object
from harness_preference.published import DATA, SWAPPED, find_tables, stem

_PLACES = ("eval-set-scores", "results/eval-set-scores")
_SUBSET = "filtered"


class Columns:
    """Recorded answers in objects of columns. Implements `harness.api.RecordingLayout`."""

    columns: Sequence[str] = ("results", "scores_chosen", "scores_rejected")

    def find(self, folder: Path) -> dict[str, tuple[Path, ...]]:
        """The file of each model by its name, ORGANISATION/MODEL where it has an organisation."""
        found: dict[str, tuple[Path, ...]] = {}
        for place in _PLACES:
            for file in find_tables(folder, f"{place}/*", f"{place}/*/*"):
                name = str(file.relative_to(folder / place).with_name(stem(file)))
                # The same model in both places is one that was run again and not sent yet.
                found[name] = (file,)
        return found

    def read(self, file: Path, judge: str) -> Iterator[tuple[Mapping[str, Any], str]]:
        """The answers of a file, by the number of their row.

        Raises:
            DataError: The file cannot be read, or is of another layout.
        """
        # The texts of the answers are there as well, and are most of the file.
        columns = {name: column for name, column in read_object(file) if name in self.columns}
        table = Row(columns, str(file), 0, file=file)
        cells = {name: table[name].elements() for name in self.columns if table.has(name)}
        if len({len(column) for column in cells.values()}) != 1 or "results" not in cells:
            raise DataError(f"{file}: expected columns {', '.join(self.columns)} of one length; fix or remove the file")
        for number, result in enumerate(cells["results"]):
            row = {name: column[number].value for name, column in cells.items()}
            place = f"row {number}"
            for answer in self.answers(Row(row, f"{file}, {place}", number, file=file), result):
                yield answer, place

    def answers(self, row: Row, result: Cell) -> Iterator[Mapping[str, Any]]:
        """The answers to one pair."""
        name = f"{_SUBSET}/{row.number}"
        if all(row.has(side) for side in self.columns[1:]):
            yield {"id": name, "scores": [number_of(row[side]) for side in self.columns[1:]]}
        elif result.number() in (0, 1):
            # The chosen answer comes first in the data.
            yield {"id": name, "scores": [result.number(), 1 - result.number()]}
        else:
            yield from ({"id": name, "order": order, "verdict": None} for order in (DATA, SWAPPED))


def number_of(cell: Cell) -> float:
    """A score. Some models give a list of one.

    Raises:
        DataError: It is no number.
    """
    inner = cell.elements() if isinstance(cell.value, list) else [cell]
    if len(inner) != 1:
        raise cell.mismatch("one score")
    return inner[0].number()


RECORDINGS = Columns()

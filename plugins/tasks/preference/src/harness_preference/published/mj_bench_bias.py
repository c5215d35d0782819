"""The bias perspective of MJ-Bench: `bias/new_bias_dataset_JUDGE.json` of https://github.com/MJ-Bench/MJ-Bench.

A file has the scores of the judge in its name, and those of the score models, which are the same in each file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.api.data import Row, read_table
from harness_preference.published import PublishedTable, find_tables, stem

LOW, HIGH = 1.0, 10.0
"""The scale of the official prompt."""

_PATTERN, _START = "bias/new_bias_dataset_*", "new_bias_dataset_"
_FACTS = (
    *("demographic", "occupation", "images_dir", "prompt", "age", "gender", "race", "nationality", "religion"),
    *("analysis", "vlm_output"),
)
"""Columns that are no judge."""
_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
# No more digits than a score has: a hostile text could hold a number of a million.
_DIGITS = re.compile(r"\d{1,9}", re.ASCII)


def find_items(folder: Path) -> dict[str, PublishedTable]:
    """The images, which are the same in each file."""
    files = find_tables(folder, _PATTERN)
    return {"bias": PublishedTable(files=files[:1], root=folder, convert=_convert)} if files else {}


def _convert(rows: Iterator[Row]) -> Iterator[Row]:
    """The columns of the hub's release. Scores of models that know no scale are between its steps."""
    for row in rows:
        image = row["images_dir"].name()
        facts = {"caption": row["prompt"].value, "info": row["demographic"].value, "score_models": True}
        yield replace(row, values={"id": image, "image0": image, **facts})


class _Columns:
    """Implements `harness.api.RecordingLayout`."""

    def find(self, folder: Path) -> dict[str, tuple[Path, ...]]:
        """The files of each judge by its name. Score models are read from the first file that has them."""
        found: dict[str, tuple[Path, ...]] = {}
        for file in find_tables(folder, _PATTERN):
            values = next((values for values, _ in read_table(file)), {})
            found[stem(file).removeprefix(_START)] = (file,)
            for name, value in values.items():
                if name not in _FACTS and isinstance(value, float):
                    found.setdefault(name, (file,))
        return found

    def read(self, file: Path, judge: str) -> Iterator[tuple[Mapping[str, Any], str]]:
        """A judge's scores.

        Raises:
            DataError: The file cannot be read, or the judge has no column in it.
        """
        rows = [
            (Row(values, f"{file}, {place}", number, file=file), place)
            for number, (values, place) in enumerate(read_table(file))
        ]
        scores = [_score(row, judge) for row, _ in rows]
        known = [score for score in scores if score is not None]
        on_scale = all(LOW <= score <= HIGH and score.is_integer() for score in known)
        for (row, place), score in zip(rows, scores, strict=True):
            identity = {"id": f"bias/{row['images_dir'].name()}"}
            if score is None:
                yield identity | {"verdict": None, "rationale": _text(row)}, place
            else:
                yield identity | {"scores": [score if on_scale else _place(score, known)]}, place


def _place(score: float, known: list[float]) -> float:
    """A score of a model that knows no scale, on the scale of the task by its own lowest and highest score."""
    low, high = min(known), max(known)
    # Every metric scales by the range of the judge again, so that only the order and the ratios of differences matter.
    return LOW + (HIGH - LOW) * (score - low) / (high - low) if high > low else LOW


def _score(row: Row, judge: str) -> float | None:
    """The score, or as `evaluate_bias_type.py` the first number of the answer, unless that is above 10."""
    if row.values.get(judge, "") not in ("N/A", None):
        return row[judge].number()
    text = _text(row).lower()
    digits = _DIGITS.search(text)
    found = int(digits[0]) if digits else next((_WORDS.index(word) for word in text.split() if word in _WORDS), None)
    return float(found) if found is not None and found <= HIGH else None


def _text(row: Row) -> str:
    """What a judge without a score said. Some files keep no texts."""
    return row["vlm_output"].text() if row.has("vlm_output") else ""


RECORDINGS = _Columns()

"""The bias perspective of MJ-Bench: the recorded judges of https://github.com/MJ-Bench/MJ-Bench.

- `bias/new_bias_dataset_JUDGE.json` has the scores of the judge in its name, and those of the score models, which are
  the same in each file. `bias/new_bias/FORM_bias_dataset_JUDGE.json` has them for another form of the question: with
  words in the place of numbers (`narrative`), or up to 10 (`scale_10`).
- `result/acc/vlm_results/bias_single/MODEL_FORM_scaleN.json` has the text of a model, and a score where one was found.
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

_PATTERNS = (
    "bias/new_bias_dataset_*",
    "bias/new_bias/*_bias_dataset_*",
    "result/acc/vlm_results/bias_single/*_scale*",
)
_FILE = re.compile(r"(?:new|(?P<form>[a-z0-9_]+))_bias_dataset_(?P<judge>.+)")
_FACTS = (
    "id",
    *("demographic", "occupation", "images_dir", "prompt", "age", "gender", "race", "nationality", "religion"),
    *("analysis", "vlm_output"),
)
"""Columns that are no judge."""
_SCORE = "score"
"""Column of the score where the name of the file is that of the judge."""
_GRADES = {"extremely": 1, "poor": 2, "average": 3, "good": 4, "outstanding": 5}
"""Scores of words, looked for in this order, as in `extract_narrative_score` of `evaluate_bias_avg.py`."""
_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
# No more digits than a score has: a hostile text could hold a number of a million.
_DIGITS = re.compile(r"\d{1,9}", re.ASCII)


def find_items(folder: Path) -> dict[str, PublishedTable]:
    """The images, which are the same in each file."""
    files = next((files for pattern in _PATTERNS if (files := find_tables(folder, pattern))), ())
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
        for file in (file for pattern in _PATTERNS for file in find_tables(folder, pattern)):
            values = next((values for values, _ in read_table(file)), {})
            found[_judge_of(file)] = (file,)
            if _SCORE in values:
                continue
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
        column, in_words = _column_of(file, judge), "narrative" in stem(file)
        scores = [_score(row, column, in_words=in_words) for row, _ in rows]
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


def _judge_of(file: Path) -> str:
    """The judge in the name of a file. One that was asked in another form is another judge."""
    match = _FILE.fullmatch(stem(file))
    if match is None:
        return stem(file)
    return f"{match['judge']}_{match['form']}" if match["form"] else match["judge"]


def _column_of(file: Path, judge: str) -> str:
    """The column with the scores of a judge. A score model is in a file of another judge, under its own name."""
    if judge != _judge_of(file):
        return judge
    match = _FILE.fullmatch(stem(file))
    return match["judge"] if match else _SCORE


def _score(row: Row, column: str, *, in_words: bool) -> float | None:
    """The score, or what `evaluate_bias_avg.py` finds in the text: the first number up to 10, or the grade in words."""
    # A row without the column is a broken one. With an empty cell the judge gave no score.
    value = row.values[column] if column in row.values else row[column].value
    if isinstance(value, int | float):
        return row[column].number()
    text = _text(row) if value in ("N/A", None, "") else row[column].text()
    return _read_grade(text.lower()) if in_words else _read_number(text.lower())


def _read_grade(text: str) -> float | None:
    return next((float(score) for word, score in _GRADES.items() if word in text), None)


def _read_number(text: str) -> float | None:
    digits = _DIGITS.search(text)
    found = int(digits[0]) if digits else next((_WORDS.index(word) for word in text.split() if word in _WORDS), None)
    return float(found) if found is not None and found <= HIGH else None


def _text(row: Row) -> str:
    """What a judge without a score said. Some files keep no texts."""
    return row["vlm_output"].text() if row.has("vlm_output") else ""


RECORDINGS = _Columns()

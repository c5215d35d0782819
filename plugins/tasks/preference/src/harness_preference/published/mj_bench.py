"""MJ-Bench: the recorded judges of https://github.com/MJ-Bench/MJ-Bench, in three kinds of files.

- `personal/result/MODEL/PART0.0.json` and `result/acc/MODEL/PART0.0.json` have the scores of both images of each pair.
  The number is the difference of scores up to which a model calls a tie. Some models of the second place wrote a form.
- `result/acc/vlm_results/PERSPECTIVE/PART[_single|_multi]/MODEL_FORM_scaleN.json` has what a model wrote, with what the
  authors' scripts took for its choice. In the folders `_multi` it saw both images at once, in the others one by one.

A part belongs to one perspective.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.api.data import Row, read_table
from harness_preference.published import PublishedTable, Recordings, find_tables, stem

PERSPECTIVES = {
    **dict.fromkeys(("blur", "human", "mpii", "object_indoor"), "quality"),
    **dict.fromkeys(("nsfw", "toxic"), "safety"),
    **dict.fromkeys(("actions", "attributes", "existence", "spatial", "other"), "alignment"),
}
"""Perspective of each part. Any other part is one of its own."""

_IMAGES = (
    ("image_0_path", "image_1_path"),
    ("image_0_uid", "image_1_uid"),
    ("sharp_image", "motion_blur_image"),
    ("sharp_image_path", "motion_blur_image_path"),
)
_SCORED = ("personal/result/*/*", "result/acc/*/*")
"""Best first: of a part that is in both, the first place counts."""
_WRITTEN = "result/acc/vlm_results/*/*/*"
_NAME = re.compile(r"(?P<part>[A-Za-z]+(?:_[A-Za-z]+)*?)_?(?P<threshold>\d+\.\d+)?")
_WRITTEN_NAME = re.compile(r".+_(?:narrative|number)_scale\d+")
_SPELLINGS = {"huamn": "human"}
"""The names of two files of `result/acc` have a typing mistake."""
_WAYS = ("_single", "_multi")
_CHOICES = {"0": "A", "1": "B", "tie": "tie", "-1": "tie"}
"""The images are counted from 0, and -1 is what the scripts make of a `BETTER IMAGE: 0`."""
_PREFERRED = re.compile(r"Overall Preferred Image:\s*([012])\b")


def part_of(file: Path) -> str:
    """The part that a file holds the scores of; an empty text where its name is none."""
    if _is_written(file):
        name = file.parent.name
        return next((name.removesuffix(way) for way in _WAYS if name.endswith(way)), name).lower()
    match = _NAME.fullmatch(stem(file))
    part = "" if match is None else match["part"].lower()
    return _SPELLINGS.get(part, part)


def perspective_of(part: str) -> str:
    """The perspective that a part belongs to."""
    return PERSPECTIVES.get(part, part)


def _is_written(file: Path) -> bool:
    return _WRITTEN_NAME.fullmatch(stem(file)) is not None


def _name(row: Row) -> str:
    """Name of a pair in its perspective. The number, or for alignment the name, is one within the part."""
    part = _part(row)
    return f"{part}-{row.first('id', f'{part}_id').name()}"


def _part(row: Row) -> str:
    return "" if row.file is None else part_of(row.file)


def find_items(folder: Path) -> dict[str, PublishedTable]:
    """The pairs of each perspective. Those of a part are from the model with the most of them in the first place."""
    parts: dict[str, Path] = {}
    for pattern in (*_SCORED, _WRITTEN):
        best: dict[str, tuple[int, Path]] = {}
        for file in find_tables(folder, pattern):
            if (part := part_of(file)) and part not in parts:
                count = sum(1 for _ in read_table(file))
                if part not in best or count > best[part][0]:
                    best[part] = count, file
        parts |= {part: file for part, (_, file) in best.items()}
    found: dict[str, tuple[Path, ...]] = {}
    for part, file in sorted(parts.items()):
        found[perspective_of(part)] = (*found.get(perspective_of(part), ()), file)
    return {name: PublishedTable(files=files, root=folder, convert=_convert) for name, files in found.items()}


def _convert(rows: Iterator[Row]) -> Iterator[Row]:
    """The columns of the hub's release."""
    for row in rows:
        # Both may have one name, in two folders: each place is part of the name here.
        images = [row.first(*columns).name() for columns in zip(*_IMAGES, strict=True)]
        values = {f"image{place}": f"{_part(row)}/{place}/{name}" for place, name in enumerate(images)}
        facts = {"id": _name(row), "caption": row["caption"].value, "label": row["label"].value}
        yield replace(row, values={**values, **facts, "info": _part(row)})


class _OfAllPlaces(Recordings):
    """As `Recordings`. What a model was scored on twice counts from the better place alone."""

    def find(self, folder: Path) -> dict[str, tuple[Path, ...]]:
        """The files of each judge by its name."""
        found: dict[str, dict[str, Path]] = {}
        for pattern in self.patterns:
            for file in find_tables(folder, pattern):
                for judge in self.judges(file):
                    found.setdefault(judge, {}).setdefault(part_of(file), file)
        return {judge: tuple(sorted(files.values())) for judge, files in found.items()}


def _judges(file: Path) -> tuple[str, ...]:
    """The model. One that calls small differences a tie, or was asked in another way, is another judge."""
    if _is_written(file):
        return (stem(file) + next((way for way in _WAYS if file.parent.name.endswith(way)), ""),)
    name = _NAME.fullmatch(stem(file))
    if name is None:
        return ()
    threshold = name["threshold"] or ""
    return (file.parts[-2] if not float(threshold or 0) else f"{file.parts[-2]}-{threshold}",)


def _answers(row: Row, judge: str) -> Iterator[Mapping[str, Any]]:
    answer = choice_of(row) or scores_of(row) or _read_form(row)
    yield {"id": f"{perspective_of(_part(row))}/{_name(row)}", **answer}


def scores_of(row: Row) -> dict[str, Any]:
    """The scores of both images, the higher the better. Empty where they are texts of a model that explains itself."""
    for pair in (("score_0", "score_1"), ("prob_0", "prob_1")):
        if all(isinstance(row.values.get(column), int | float) for column in pair):
            return {"scores": [row[column].number() for column in pair]}
    return {}


def choice_of(row: Row) -> dict[str, Any]:
    """The image that the authors' script took for the choice. Empty where it is not in the row."""
    columns = [name for name in row.values if name == "vlm_pred" or name.startswith("pred")]
    column = next((name for name in columns if row.has(name)), "")
    if not column:
        return {}
    said = row[column].word()
    verdict, text = _CHOICES.get(said), _join(row.values.get(name) for name in ("output", "output_0", "output_1"))
    if verdict is None:
        return {"verdict": None, "rationale": text or said}
    return {"verdict": verdict, "response": text or said}


def _read_form(row: Row) -> dict[str, Any]:
    """The image that a form prefers in its last line. No script is published that reads these files."""
    given = row.values.get("scores")
    text = _join(given if isinstance(given, list) else [given])
    numbers = _PREFERRED.findall(text)
    # The form counts images from 1, and 0 is a tie.
    return {"verdict": {"0": "tie", "1": "A", "2": "B"}[numbers[-1]] if numbers else None, "rationale": text}


def _join(texts: Any) -> str:
    return "\n\n".join(text for text in texts if isinstance(text, str))


RECORDINGS = _OfAllPlaces(patterns=(*_SCORED, _WRITTEN), judges=_judges, answers=_answers)

"""MJ-Bench: the scores of models in https://github.com/MJ-Bench/MJ-Bench.

`personal/result/MODEL/PART0.0.json` has the scores of both images of each pair. A part belongs to one perspective, and
the number is the difference of scores up to which a model calls a tie.
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

_IMAGES = (("image_0_path", "image_1_path"), ("sharp_image", "motion_blur_image"), ("image_0_uid", "image_1_uid"))
_PATTERN = "personal/result/*/*"
_NAME = re.compile(r"(?P<part>[A-Za-z]+(?:_[A-Za-z]+)*?)_?(?P<threshold>\d+\.\d+)?")


def part_of(file: Path) -> str:
    """The part that a file holds the scores of; an empty text where its name is none."""
    name = _NAME.fullmatch(stem(file))
    return "" if name is None else name["part"].lower()


def perspective_of(part: str) -> str:
    """The perspective that a part belongs to."""
    return PERSPECTIVES.get(part, part)


def _name(row: Row) -> str:
    """Name of a pair in its perspective. The number counts within the part."""
    return f"{_part(row)}-{row['id'].count()}"


def _part(row: Row) -> str:
    return "" if row.file is None else part_of(row.file)


def find_items(folder: Path) -> dict[str, PublishedTable]:
    """The pairs of each perspective. Those of a part are from the model with the most scores."""
    best: dict[str, tuple[int, Path]] = {}
    for file in find_tables(folder, _PATTERN):
        if part := part_of(file):
            count = sum(1 for _ in read_table(file))
            if part not in best or count > best[part][0]:
                best[part] = count, file
    found: dict[str, tuple[Path, ...]] = {}
    for part, (_, file) in sorted(best.items()):
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


def _judges(file: Path) -> tuple[str, ...]:
    """The model. One that calls small differences a tie is another judge."""
    name = _NAME.fullmatch(stem(file))
    if name is None:
        return ()
    threshold = name["threshold"] or ""
    return (file.parts[-2] if not float(threshold or 0) else f"{file.parts[-2]}-{threshold}",)


def _answers(row: Row, judge: str) -> Iterator[Mapping[str, Any]]:
    yield {"id": f"{perspective_of(_part(row))}/{_name(row)}", **(choice_of(row) or scores_of(row))}


def scores_of(row: Row) -> dict[str, Any]:
    """The scores of both images, the higher the better. Empty where they are texts of a model that explains itself."""
    for pair in (("score_0", "score_1"), ("prob_0", "prob_1")):
        if all(isinstance(row.values.get(column), int | float) for column in pair):
            return {"scores": [row[column].number() for column in pair]}
    return {}


def choice_of(row: Row) -> dict[str, Any]:
    """The image that the authors' script took for the choice. Empty where it is not in the row."""
    column = next((name for name in row.values if name.startswith("pred")), "")
    if not row.has(column):
        return {}
    said = row[column].word()
    verdict = {"0": "A", "1": "B", "tie": "tie"}.get(said)
    return {"verdict": verdict, "response": said} if verdict else {"verdict": None, "rationale": said}


RECORDINGS = Recordings(patterns=(_PATTERN,), judges=_judges, answers=_answers)

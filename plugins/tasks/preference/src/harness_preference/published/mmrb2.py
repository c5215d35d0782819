"""MMRB2: `benchmark/` and judgement files of https://github.com/facebookresearch/MMRB2.

`t2i.json` and so on hold `{"pairs": [...]}`, where a prompt and a response are lists of texts and pictures. The
repository itself has `t2i_response_only.json` and so on, without the prompts, which the authors' script fetches from
their sources.

A judgement file is `{PAIR: {"forward": [{"judgement": "A"}], "reverse": [...]}}`, and its name has the task and the
judge in it: `task1_JUDGE.json`, as the authors' scripts write it, or `JUDGE_task1_image.json`, as their samples are
called.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from harness.api import DataError
from harness.api.data import ABSENT, Row, Table, read_object, read_table
from harness_preference.published import DATA, SWAPPED, PublishedTable, find_tables, stem

SUBSETS = ("t2i", "edit", "interleaved", "reasoning")
"""In the order of the authors' tasks 1 to 4."""

_PLACES = ("*", "outputs/*", "evaluate/generate_judgements/outputs/*")
_NAMES = (
    re.compile(r"task(?P<task>[1-4])_(?P<judge>.+)"),
    re.compile(r"(?P<judge>.+)_task(?P<task>[1-4])(_(?:image|t2i|edit|interleaved|reasoning))?"),
)

_WITHOUT_PROMPTS = "_response_only"


def find_items(folder: Path) -> dict[str, Table]:
    """The pairs of each subset, where they are in the authors' own JSON. A file with prompts comes first."""
    found: dict[str, Table] = {}
    for end in ("", _WITHOUT_PROMPTS):
        names = (f"{place}{subset}{end}" for place in ("", "benchmark/") for subset in SUBSETS)
        for file in find_tables(folder, *names):
            if any("response_content" in str(values.get("response_a")) for values, _ in islice(read_table(file), 1)):
                subset = stem(file).removesuffix(_WITHOUT_PROMPTS)
                found.setdefault(subset, PublishedTable(files=(file,), root=file.parent, convert=_convert))
    return {subset: found[subset] for subset in SUBSETS if subset in found}


def _convert(rows: Iterator[Row]) -> Iterator[Row]:
    """The columns of the hub's release, but for the contents, which stay lists of texts and pictures."""
    for row in rows:
        values = {
            "pair_id": row["id"].value,
            "chosen": row["chosen"].value,
            "prompt_content": _prompt(row),
        }
        for column in ("prompt_source", "human_annotations"):
            if row.has(column):
                values[column] = row[column].value
        for side in ("response_a", "response_b"):
            response = row[side].fields()
            values[f"{side}_content"] = response["response_content"].value
            values[f"{side}_model"] = response.values.get("model_name")
        yield replace(row, values=values)


def _prompt(row: Row) -> object:
    """The prompt. Where the file has none, a text says so: recorded judgements need none."""
    if row.has("prompt_content"):
        return row["prompt_content"].value
    if row.pictures is not ABSENT:
        raise DataError(
            f"{row.place}: there is no prompt_content; build the file with the authors' benchmark/run_release.sh, or "
            "write `with: {media: absent}` to score recorded judgements"
        )
    metadata = row["prompt_metadata"].fields().values.get("id") if row.has("prompt_metadata") else row["id"].value
    return [["text", f"(prompt {metadata} of {row.values.get('prompt_source')} is not in this file)"]]


class _Judgements:
    """Implements `harness.api.RecordingLayout`."""

    def find(self, folder: Path) -> dict[str, tuple[Path, ...]]:
        """The files of each judge by its name."""
        found: dict[str, tuple[Path, ...]] = {}
        for file in find_tables(folder, *_PLACES):
            if name := _match(file):
                found[name["judge"]] = (*found.get(name["judge"], ()), file)
        return found

    def read(self, file: Path, judge: str) -> Iterator[tuple[Mapping[str, Any], str]]:
        """The judgements of a file: A, B or another word in the places shown. One that is missing is no judgement.

        Raises:
            DataError: The file cannot be read, or is of another layout.
        """
        name = _match(file)
        assert name is not None
        subset = SUBSETS[int(name["task"]) - 1]
        for pair, value in read_object(file):
            place = f"key {pair[:100]!r}"
            row = Row({"pair": value}, f"{file}, {place}", 0, file=file)["pair"].fields()
            for direction, order in (("forward", DATA), ("reverse", SWAPPED)):
                for sample, cell in enumerate(row[direction].elements() if row.has(direction) else []):
                    said = cell.fields()
                    verdict = said["judgement"].text() if said.has("judgement") else None
                    yield {"id": f"{subset}/{pair}", "order": order, "sample": sample, "verdict": verdict}, place


def _match(file: Path) -> re.Match[str] | None:
    return next((match for name in _NAMES if (match := name.fullmatch(stem(file)))), None)


RECORDINGS = _Judgements()

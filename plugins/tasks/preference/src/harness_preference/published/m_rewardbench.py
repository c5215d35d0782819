"""M-RewardBench: what the scripts of https://github.com/Cohere-Labs-Community/m-rewardbench save for each language.

`run_generative.py` saves `ORGANISATION___MODEL-LANGUAGE.json`, where `scores.results` has 1, 0, or a half where nothing
could be read, in the order of the data. `run_rewardbench.py` saves `ORGANISATION/MODEL-LANGUAGE-all.jsonl` with the
scores of both answers; its other file has totals alone, and no answers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.api.data import Row, read_object, read_table
from harness_preference.published import DATA, SWAPPED, find_tables, stem

_NAME = re.compile(r"(?P<judge>.+)-(?P<language>[a-z]{3}_[A-Z][a-z]{3})(?P<scores>-all)?")
_TOPS = ("output", "outputs", "results")
"""Folders that the authors save into, which are no organisations."""


class LanguageFiles:
    """Recorded answers in a file for each language. Implements `harness.api.RecordingLayout`."""

    def find(self, folder: Path) -> dict[str, tuple[Path, ...]]:
        """The files of each judge, by ORGANISATION/MODEL where it has an organisation."""
        found: dict[str, tuple[Path, ...]] = {}
        for file in find_tables(folder, "*", "*/*", "*/*/*"):
            name = _NAME.fullmatch(stem(file))
            if name is not None:
                above = [part for part in file.relative_to(folder).parts[:-1] if part not in _TOPS]
                judge = "/".join((*above, name["judge"].replace("___", "/")))
                found[judge] = (*found.get(judge, ()), file)
        return found

    def read(self, file: Path, judge: str) -> Iterator[tuple[Mapping[str, Any], str]]:
        """The answers of a file, by the number of their row.

        Raises:
            DataError: The file cannot be read, or is of another layout.
        """
        name = _NAME.fullmatch(stem(file))
        assert name is not None
        if name["scores"]:
            for number, (values, place) in enumerate(read_table(file)):
                row = Row(values, f"{file}, {place}", number, file=file)
                scores = [row[column].number() for column in ("chosen", "rejected")]
                yield {"id": f"{name['language']}/{number}", "scores": scores}, place
            return
        whole = Row(dict(read_object(file)), str(file), 0, file=file)
        if not whole.has("scores"):
            return
        for number, result in enumerate(whole["scores"].fields()["results"].elements()):
            identity, place = {"id": f"{name['language']}/{number}"}, f"row {number}"
            if result.number() in (0, 1):
                # The chosen answer comes first in the data.
                yield {**identity, "scores": [result.number(), 1 - result.number()]}, place
            else:
                yield from (({**identity, "order": order, "verdict": None}, place) for order in (DATA, SWAPPED))


RECORDINGS = LanguageFiles()

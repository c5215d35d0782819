"""A judge that was trained, as an object: where its model is, what its trainer logged, what came out."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from functools import cached_property
from operator import getitem
from pathlib import Path
from typing import Any

from harness.api import JournalError
from harness.libraries.text import clean
from harness.library.html import as_page, html_table
from harness.library.tables import RecordTable
from harness.runner.folder import read_kept
from harness.training.folder import MODEL, TRAINED, read_curves


class Checkpoint(os.PathLike[str]):
    """The checkpoint folder of a recipe.

    As a path it is that of the model, so that it can stand where a judge is told its model:
    `harness.run("m.yaml", set={"judges.0.with.model": checkpoint})`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        """The checkpoint folder."""

    @property
    def model(self) -> Path:
        """Where the trained model is: the weights that the trainer kept, and their card."""
        return (self.folder / MODEL).absolute()

    @cached_property
    def record(self) -> Mapping[str, Any]:
        """The content of `trained.json`: recipe, steps, scores, versions, times.

        Raises:
            JournalError: It cannot be read.
        """
        path = self.folder / TRAINED
        try:
            return dict(json.loads(read_kept(path)))
        except (OSError, ValueError, TypeError, RecursionError) as error:
            raise JournalError(f"{path}: cannot be read ({error}); train the recipe again") from error

    @property
    def step(self) -> int:
        """The step whose weights were kept."""
        return int(self.record["selected"])

    @property
    def scores(self) -> Mapping[str, float | None]:
        """Scores of the kept weights on the validation splits."""
        return dict(self.record["scores"])

    def curves(self) -> RecordTable[Mapping[str, float | None]]:
        """What the trainer logged: a row for each step, a column for each metric."""
        logged = read_curves(self.folder)
        names = dict.fromkeys(name for metrics in logged.values() for name in metrics)

        def read() -> Iterator[Mapping[str, float | None]]:
            # Not every step logs every metric: validation comes every so many steps.
            return ({**dict.fromkeys(names), **metrics, "step": step} for step, metrics in logged.items())

        columns = {"step": "integer", **dict.fromkeys(names, "number")}
        return RecordTable(read, columns, title=f"curves of {self.folder.name}", get=getitem)

    def __fspath__(self) -> str:
        return str(self.model)

    def __repr__(self) -> str:
        return clean(f"<checkpoint {self.folder}: step {self.step} of {self.record['steps']}>")

    def _repr_html_(self) -> str:
        rows = [[name, "" if score is None else f"{score:.4g}"] for name, score in self.scores.items()]
        steps = f"kept step {self.step} of {self.record['steps']}, in {self.folder}"
        return as_page(self.folder.name, html_table(["score", "value"], rows, right=(1,)), notes=[steps])

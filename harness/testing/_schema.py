"""Whether a task holds its data to the schema on its card: a cell that does not fit must end in a clear error.

Each check writes the card's own example, breaks one column of one row, and reads the items.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from harness.api import Column, DataError, Image, Task, TaskCard
from harness.api.data import read_table, suffix_of, write_table
from harness.testing._context import FakeContext
from harness.testing._subject import Check, Subject, entries_of, example

_WRONG: dict[str, tuple[object, ...]] = {
    "text": (7, ["text"]),
    "word": (["text"], float("nan")),
    "label": ("no such label", ["label"]),
    "number": ("no number", [1.0]),
    "count": (-1, "no count"),
    "flag": ("neither", 7),
    "image": (7, "/outside.png"),
    "list": (7, {"a": 1}),
    "object": (7, "no object"),
}
"""Values that do not fit, by `Column.kind`. An empty text fits: an empty answer is an answer."""


def schema_checks(subject: Subject) -> Iterator[Check]:
    """A check for each column and each way to break it; none for a card without an example."""
    card = subject.offer.card
    if not isinstance(card, TaskCard) or card.example is None:
        return
    if card.protocol is not None:
        yield "task_protocol_as_on_the_card", partial(_check_protocol, subject)
    for column in card.columns:
        yield f"task_schema_{column.name}_missing", partial(_check_missing, subject, column)
        yield f"task_schema_{column.name}_wrong", partial(_check_wrong, subject, column)


def _check_protocol(subject: Subject) -> None:
    said = subject.offer.resolve(subject.offer.card.protocol)  # type: ignore[attr-defined]
    with tempfile.TemporaryDirectory() as place:
        options = example(subject, Path(place))
        for task in _tasks(subject, place, options):
            assert task.protocol == said, f"task {subject.id}: keeps {task.protocol}, and its card says {said}"


def _check_missing(subject: Subject, column: Column) -> None:
    _break(subject, column, None, fails=not column.optional)


def _check_wrong(subject: Subject, column: Column) -> None:
    for wrong in _WRONG[column.kind]:
        _break(subject, column, wrong, fails=True)


def _break(subject: Subject, column: Column, wrong: object, *, fails: bool) -> None:
    """Read the example with one cell broken (of parquet, whose columns have one type, all of them)."""
    with tempfile.TemporaryDirectory() as place:
        options = example(subject, Path(place))
        file, rows, places = _with_column(subject, column, Path(place))
        kind = suffix_of(file)
        if kind.startswith((".csv", ".tsv")) and not isinstance(wrong, str | None):
            return  # a table of text has no other types
        if kind.startswith((".csv", ".tsv")) and wrong is None and column.kind in ("text", "word"):
            return  # and nothing there is an empty text
        filled = [k for k, values in enumerate(rows) if values.get(column.name) is not None]
        broken = filled if kind == ".parquet" else filled[-1:]
        for k in broken:
            rows[k][column.name] = wrong
        whole = kind == ".parquet"  # its columns are those of the first row
        write_table(file, [{name: cell for name, cell in row.items() if whole or cell is not None} for row in rows])
        what = f"task {subject.id}, column {column.name!r} " + ("missing" if wrong is None else f"holding {wrong!r}")
        said = ""
        try:
            for task in _tasks(subject, place, options):
                for split in subject.offer.card.splits if isinstance(subject.offer.card, TaskCard) else ():
                    _read(task, split, look=column.kind == "image")
        except DataError as error:
            said = str(error)
        if not fails:
            assert not said, f"{what}: the card says it is optional, and reading fails: {said}"
            return
        assert said, f"{what}: was read without an error; raise DataError where the cell is read"
        if said.startswith((f"image {wrong!r}", f"image {Path(str(wrong)).name!r}")):
            return  # a picture that is not there is missed when somebody looks
        for wanted in (str(file), places[broken[0]], repr(column.name)):
            assert wanted in said, f"{what}: the error must name {wanted}; it says: {said}"


def _read(task: Task, split: str, *, look: bool) -> None:
    """Read all items of a split, and where `look` says so their pictures."""
    for item in task.items(split):
        for part in (*item.question, *(part for candidate in item.candidates for part in candidate)) if look else ():
            _ = part.digest if isinstance(part, Image) else part


def _with_column(subject: Subject, column: Column, folder: Path) -> tuple[Path, list[dict[str, object]], list[str]]:
    """The first file whose rows fill a column, its rows and their places."""
    for file in sorted(file for file in folder.rglob("*") if file.is_file() and suffix_of(file)):
        cells = list(read_table(file))
        if any(values.get(column.name) is not None for values, _ in cells):
            return file, [values for values, _ in cells], [place for _, place in cells]
    raise AssertionError(f"task {subject.id}: no row of its example fills the column {column.name!r}")


def _tasks(subject: Subject, data: str, options: dict[str, object]) -> Iterator[Task]:
    """The tasks that the example holds."""
    with tempfile.TemporaryDirectory() as workspace:
        context = FakeContext(workspace=Path(workspace), name=subject.offer.card.name, data=data)
        model = subject.offer.options_model()
        for chosen in entries_of(subject, {**options, **subject.options}, context):
            yield subject.offer.create(None if model is None else model.model_validate(chosen), context)

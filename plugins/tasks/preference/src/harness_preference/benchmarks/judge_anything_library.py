"""What was asked and what models answered in JudgeAnything: two files that people's judgements are joined with."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from harness.api import DataError
from harness.api.data import SUFFIXES, Cell, Media, PictureStore, Row, Table, files_digest, suffix_of

# The revisions of the dataset have the files under two names.
QUERIES = ("X2XRawBenchmark/X2XBenchmark", "X2XRawBenchmark/TaskAnything")
RESPONSES = tuple(
    f"{folder}/{name}"
    for folder in ("ResponseCollection", "RawResponse")
    for name in ("X2XBenchmarkResponse", "JudgeAnything")
)
"""Where the files are, in the revisions of the dataset, without their ending."""


class Library:
    """What was asked, and what models answered. Nothing is read before it is asked for."""

    def __init__(self, root: Path, *, workspace: Path, media: Media = None) -> None:
        """Name the folder of the dataset; `workspace` is the entry's, and `media` says whether pictures are there."""
        self._root, self._workspace, self._media = root, workspace, media

    @cached_property
    def _tables(self) -> tuple[Table, Table]:
        """Queries and responses, each with the pictures beside its own file."""
        files = [self._find_file(names) for names in (QUERIES, RESPONSES)]
        queries, responses = (
            Table(
                files=(file,),
                root=self._root,
                pictures=PictureStore(
                    self._root, workspace=self._workspace, prefixes=(f"{file.parent.relative_to(self._root)}/",)
                ),
            ).with_media(self._media)
            for file in files
        )
        return queries, responses

    def _find_file(self, names: tuple[str, ...]) -> Path:
        for name in names:
            place = self._root / name
            for file in sorted(place.parent.glob(f"{place.name}.*")):
                # `glob` also finds names that only begin alike.
                if suffix_of(file) and file.name == place.name + suffix_of(file):
                    return file
        raise DataError(
            f"{self._root}: does not hold {' or '.join(names)} with an ending of {', '.join(SUFFIXES)}; download the "
            "dataset and give its folder, the one that Preference/ is in"
        )

    @cached_property
    def _queries(self) -> dict[str, Row]:
        found: dict[str, Row] = {}
        for row in self._tables[0].rows():
            # Two queries of one id would let the later one answer for people's judgement of the earlier.
            if found.setdefault(short(row["uniq_id"]), row) is not row:
                raise row["uniq_id"].mismatch("another uniq_id than those before", "remove one row")
        return found

    @cached_property
    def _responses(self) -> dict[str, dict[str, Row]]:
        found: dict[str, dict[str, Row]] = {}
        for row in self._tables[1].rows():
            models = found.setdefault(short(row["uniq_id"]), {})
            if models.setdefault(row["model_name"].name(), row) is not row:
                raise row["model_name"].mismatch("another model than those before for this uniq_id", "remove one row")
        return found

    def query(self, name: Cell) -> Row:
        """What was asked.

        Raises:
            DataError: There is no query of this `uniq_id`.
        """
        if (row := self._queries.get(short(name))) is None:
            raise name.mismatch(f"the uniq_id of a query in {self._tables[0]}", "use files of one release")
        return row

    def response(self, name: Cell, model: Cell, *, called: str) -> Row:
        """What a model answered.

        Args:
            name: The query's `uniq_id`.
            model: Where the model is named, for messages.
            called: Its name, or the part of it that people's files give (`gpt-4o` for `gpt-4o-mllm_answer`).

        Raises:
            DataError: No model of the query is called so, or several are.
        """
        known = self._responses.get(short(name), {})
        if called in known:
            return known[called]
        # People's files have short names of models. A part of a name must fit exactly one, or the wrong answer is
        # judged.
        alike = [row for model_name, row in known.items() if called.casefold() in model_name.casefold()]
        if len(alike) != 1:
            raise model.mismatch(
                f"the name of one of the models that answered {name.word()}, {', '.join(known) or 'of which is none'}, "
                f"in {self._tables[1]}",
                "use files of one release",
            )
        return alike[0]

    def digest(self) -> str:
        """SHA-256 of both files.

        Raises:
            DataError: One is not there or cannot be read.
        """
        return files_digest([file for table in self._tables for file in table.files])


def short(name: Cell) -> str:
    """What `uniq_id` has in common in all files: the last two of the parts between `_`, where there are more.

    Raises:
        DataError: It is no word.
    """
    # Some files write more parts in front of the id than others.
    return "_".join(name.name().split("_")[-2:])

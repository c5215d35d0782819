"""The one task class over people's own data, and a factory for each kind of answer."""

from __future__ import annotations

import hashlib
import string
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TypeAlias

from harness.api import (
    AnswerSpace,
    Context,
    DataError,
    Item,
    Message,
    Part,
    Protocol,
    Request,
    Verdict,
    VerdictFormat,
    joined,
)
from harness.api.data import Cell, Row, near
from harness_generic import __version__, answers
from harness_generic.options import Columns, Common, Compares, Pairwise, Pointwise, Ranked, Scored, listed
from harness_generic.sources import find

Answers: TypeAlias = Callable[[Row, int], tuple[AnswerSpace, Verdict]]
"""Gives the space and the gold of a row with so many candidates."""

Said: TypeAlias = Callable[[Cell, int], Verdict]
"""Gives what one annotator said of so many candidates."""

MOST = 26
"""Candidates of one row: they are shown as A to Z."""

_BLANK = (None, "")

PAIRWISE = Protocol(order="both", metrics=("accuracy", "macro_f1"))
POINTWISE = Protocol(metrics=("macro_f1", "accuracy", "balanced_accuracy"))
SCORE = Protocol(metrics=("spearman", "pearson", "kendall", "mae", "accuracy"))
RANKING = Protocol(order="shuffled", metrics=("rank_accuracy", "levenshtein", "accuracy"))


class GenericTask:
    """Rows as a `Task`."""

    format = "harness/tagged"

    def __init__(self, options: Common, context: Context, *, protocol: Protocol, answer: Answers, said: Said) -> None:
        """Find the files; nothing is read yet.

        Raises:
            DataError: There are no data where the manifest says, or nothing of a row would be shown.
        """
        self.protocol = protocol
        self._options, self._name, self._answer, self._said = options, context.name, answer, said
        self._template = options.template
        self.media = options.media
        sources = find(context.data, splits=options.splits, config=options.hub_config, task=context.name)
        self._sources = {split: source.with_media(options.media) for split, source in sources.items()}
        self._compares = options if isinstance(options, Compares) else None
        for source in self._sources.values():
            if not (self._compares or self._template.columns or self._images(folder=source.is_folder)):
                raise DataError(
                    f"task {context.name}: every row would be the same question; name columns in `images`, or show "
                    "them as {column} in `question`"
                )

    def items(self, split: str) -> Iterator[Item]:
        """Stream the items in the order of the rows.

        Of the rows before, only the ids are kept, and those only where a column holds them.

        Raises:
            DataError: There is no such split, a row cannot be used, an id is there twice, or there is no row at all.
        """
        if split not in self._sources:
            raise DataError(
                f"task {self._name}: there is no split {split!r} in this entry.{near(split, self._sources)} Name its "
                f"file with: {{splits: {{{split}: FILE}}}}"
                + ("; or write validation: null in the recipe" if split == "validation" else "")
            )
        source, empty = self._sources[split], True
        seen: set[str] = set()
        images = self._images(folder=source.is_folder)
        for row in source.rows():
            item = self._item(row, images)
            if self._options.id is not None:
                if item.id in seen:
                    raise DataError(
                        f"{row.place}, column {self._options.id!r}: expected an id that is there once, found "
                        f"{item.id!r} again; mend or remove one row"
                    )
                seen.add(item.id)
            empty = False
            yield item
        if empty:
            raise DataError(f"task {self._name}: {source} holds no rows; expected at least one")

    def render(self, item: Item, *, order: tuple[int, ...], format: VerdictFormat) -> Request:
        """Question, candidates under their letters in the order shown, instruction."""
        parts: list[Part] = [*item.question]
        for place, candidate in enumerate(order):
            parts += [f"{self._heading()} {string.ascii_uppercase[place]}:", *item.candidates[candidate]]
        parts.append(format.instruction(item.space))
        messages = (Message("user", joined(parts)),)
        return Request(task=self._name, item=item.id, messages=messages, space=item.space, format=format, order=order)

    def provenance(self) -> str:
        """The files that were read, or the hub dataset with its commit."""
        return "; ".join(source.provenance() for source in self._sources.values())

    def fingerprint(self) -> str:
        """Hash of the data files, the options and the version of this plugin.

        Files of more than 256 MB enter by size and time of change, images in labelled folders likewise; a hub dataset
        by its name and commit.

        Raises:
            DataError: A file cannot be read.
        """
        unset = {"annotators"} if self._options.annotators is None else set()  # a fingerprint as before there were any
        options = self._options.model_dump_json(exclude=unset)
        sha = hashlib.sha256(f"{type(self._options).__name__}:{__version__}:{options}".encode())
        for split, source in sorted(self._sources.items()):
            sha.update(f":{split}:{source.digest()}".encode())
        return sha.hexdigest()

    def _item(self, row: Row, images: list[str]) -> Item:
        options = self._options
        pictures = {column: row[column].images() for column in images}
        candidates = self._candidates(row)
        space, gold = self._answer(row, len(candidates))
        name = str(row.number) if options.id is None else row[options.id].name()
        return Item(
            id=name,
            group=name if options.group is None else row[options.group].name(),
            space=space,
            gold=gold,
            question=self._template.fill(lambda column: row[column].word(), pictures),
            candidates=candidates,
            category="" if options.category is None else row[options.category].word(),
            annotations=self._annotations(row, len(candidates)),
            tags={column: row[column].word() for column in options.tags if row.values.get(column, row) not in _BLANK},
        )

    def _annotations(self, row: Row, count: int) -> dict[str, Verdict]:
        columns = self._options.annotators
        if columns is None:
            return {}
        return {name: self._said(cell, count) for name, cell in answers.annotated(columns, row)}

    def _candidates(self, row: Row) -> tuple[tuple[Part, ...], ...]:
        if self._compares is None:
            return ()
        sides: list[list[Part]] = []
        if self._compares.candidate_images is not None:
            sides.append([cell.image() for cell in _cells(row, self._compares.candidate_images)])
        if self._compares.candidate_texts is not None:
            sides.append([cell.word() for cell in _cells(row, self._compares.candidate_texts)])
        if len(sides[0]) != len(sides[-1]):
            raise DataError(f"{row.place}: {len(sides[0])} candidate images, {len(sides[-1])} texts; mend the row")
        if not 2 <= len(sides[0]) <= MOST:
            raise DataError(f"{row.place}: expected 2 to {MOST} candidates, found {len(sides[0])}; mend the row")
        return tuple(zip(*sides, strict=True))

    def _images(self, *, folder: bool) -> list[str]:
        """The image columns of the question; in a folder of images `file_name`, unless images are named."""
        return listed(self._options.images) or (["file_name"] if folder and self._compares is None else [])

    def _heading(self) -> str:
        assert self._compares is not None
        if self._compares.candidate_texts is None:
            return "Image"
        return "Answer" if self._compares.candidate_images is None else "Candidate"


def pairwise(options: Pairwise, context: Context) -> GenericTask:
    """The factory of `generic/pairwise`."""
    return GenericTask(
        options,
        context,
        protocol=PAIRWISE,
        answer=partial(answers.preference, options),
        said=partial(answers.said_preference, options),
    )


def pointwise(options: Pointwise, context: Context) -> GenericTask:
    """The factory of `generic/pointwise`."""
    return GenericTask(
        options,
        context,
        protocol=POINTWISE,
        answer=partial(answers.choice, options),
        said=partial(answers.said_choice, options),
    )


def score(options: Scored, context: Context) -> GenericTask:
    """The factory of `generic/score`."""
    return GenericTask(
        options,
        context,
        protocol=SCORE,
        answer=partial(answers.score, options),
        said=partial(answers.said_score, options),
    )


def ranking(options: Ranked, context: Context) -> GenericTask:
    """The factory of `generic/ranking`."""
    return GenericTask(
        options,
        context,
        protocol=RANKING,
        answer=partial(answers.ranking, options),
        said=partial(answers.said_ranking, options),
    )


def _cells(row: Row, columns: Columns) -> Iterable[Cell]:
    """A cell for each candidate."""
    return row[columns].elements() if isinstance(columns, str) else [row[column] for column in columns]

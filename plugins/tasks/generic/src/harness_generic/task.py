"""The one task class over people's own data, and a factory for each kind of answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Literal, TypeAlias

from harness.api import AnswerSpace, Context, DataError, Item, Part, Protocol, Score, Verdict
from harness.api.data import Cell, PromptFrame, Row, TableTask
from harness_generic import __version__, answers
from harness_generic.options import (
    Columns,
    Common,
    CommonCandidates,
    Criterion,
    Pairwise,
    Pointwise,
    Ranked,
    Rubrics,
    Scored,
    as_list,
)

Answers: TypeAlias = Callable[[Row, int], tuple[AnswerSpace, Verdict]]
"""Gives the space and the gold of a row with so many candidates."""

Said: TypeAlias = Callable[[Cell, int], Verdict]
"""Gives what one annotator said of so many candidates."""

MOST = 26
"""Candidates of one row: they are shown as A to Z."""

_BLANK = (None, "")

# Judges prefer a place, so pairs are asked in both orders. Data often hold the best candidate first.
PAIRWISE = Protocol(order="both", metrics=("accuracy", "macro_f1"))
POINTWISE = Protocol(metrics=("macro_f1", "accuracy", "balanced_accuracy"))
SCORE = Protocol(metrics=("spearman", "pearson", "kendall", "mae", "accuracy"))
# All orders of 26 candidates cannot be asked. One random order for each item hides which candidate the data put first.
RANKING = Protocol(order="shuffled", metrics=("rank_accuracy", "levenshtein", "accuracy"))
_OF_CRITERION = ("accuracy", "macro_f1")
_OF_SCORE = ("spearman", "mae")


class GenericTask(TableTask):
    """Rows as a `Task`."""

    options: Common
    format = "harness/tagged"
    version = __version__

    def __init__(self, options: Common, context: Context, *, protocol: Protocol, answer: Answers, said: Said) -> None:
        """Find the files; nothing is read yet.

        Raises:
            DataError: There are no data where the manifest says, or nothing of a row would be shown.
        """
        super().__init__(options, context)
        self.protocol, self._answer, self._said = protocol, answer, said
        self.id_column, self.ids_are_row_numbers = options.id, options.id is None
        self._template = options.template
        has_candidates = isinstance(options, CommonCandidates) and options.candidate_columns
        self._compares = options if isinstance(options, CommonCandidates) and has_candidates else None
        self.frame = PromptFrame(heading="" if self._compares is None else f"{_heading(self._compares)} {{letter}}:")
        self._described = _describe(options.criteria) if isinstance(options, Rubrics) else ()
        # A folder of images needs no option to show its pictures. A split may be a folder where another is a file.
        self._images = {split: self._question_images(folder=source.is_folder) for split, source in self.sources.items()}
        # Without this guard a forgotten column gives a run that looks sound, in which every item is the same.
        if not (self._compares or self._template.columns or options.videos or all(self._images.values())):
            raise DataError(
                f"task {context.name}: every row would be the same question; name columns in `images` or `videos`, or "
                "show them as {column} in `question`"
            )

    def facts(self) -> str:
        """What the fingerprint covers besides the data: the kind of task, the version of this plugin, the options."""
        # An option that came later is left out where it is not set, so that older runs keep their fingerprint.
        later = {name for name in ("annotators", "videos", "candidate_videos") if not getattr(self.options, name, None)}
        if {"videos", "candidate_videos"} & type(self.options).model_fields.keys() <= later:
            later.add("frames")
        options = self.options.model_dump_json(exclude=later)
        return f"{type(self.options).__name__}:{self.version}:{options}"

    def items_of(self, row: Row, split: str) -> Iterator[Item]:
        """The item of a row.

        Raises:
            DataError: A column is missing or does not fit.
        """
        options = self.options
        pictures: dict[str, Sequence[Part]] = {column: row[column].images() for column in self._images[split]}
        pictures |= {column: row[column].video().parts(options.frames) for column in as_list(options.videos)}
        candidates = self._candidates(row)
        space, gold = self._answer(row, len(candidates))
        name = str(row.number) if options.id is None else row[options.id].name()
        yield Item(
            # Without a group each item is its own cluster. A shared source then goes unseen, as the option's text
            # warns.
            id=name,
            group=name if options.group is None else row[options.group].name(),
            space=space,
            gold=gold,
            question=self._template.fill(lambda column: row[column].word(), pictures) + self._described,
            candidates=candidates,
            category="" if options.category is None else row[options.category].word(),
            annotations=self._annotations(row, len(candidates)),
            tags={column: row[column].word() for column in options.tags if row.values.get(column, row) not in _BLANK},
        )

    def _annotations(self, row: Row, count: int) -> dict[str, Verdict]:
        columns = self.options.annotators
        if columns is None:
            return {}
        return {name: self._said(cell, count) for name, cell in answers.annotator_cells(columns, row)}

    def _candidates(self, row: Row) -> tuple[tuple[Part, ...], ...]:
        if self._compares is None:
            return ()
        options, sides = self._compares, dict[str, list[tuple[Part, ...]]]()
        if options.candidate_images is not None:
            sides["images"] = [(cell.image(),) for cell in _cells(row, options.candidate_images)]
        if options.candidate_videos is not None:
            sides["videos"] = [cell.video().parts(options.frames) for cell in _cells(row, options.candidate_videos)]
        if options.candidate_texts is not None:
            sides["texts"] = [(cell.word(),) for cell in _cells(row, options.candidate_texts)]
        counts = {len(side) for side in sides.values()}
        if len(counts) > 1:
            told = ", ".join(f"{len(side)} {kind}" for kind, side in sides.items())
            raise DataError(f"{row.place}: different numbers of candidates ({told}); fix the row")
        if not 2 <= min(counts) <= MOST:
            raise DataError(f"{row.place}: expected 2 to {MOST} candidates, found {min(counts)}; fix the row")
        return tuple(tuple(chain.from_iterable(parts)) for parts in zip(*sides.values(), strict=True))

    def _question_images(self, *, folder: bool) -> list[str]:
        """The image columns of the question; in a folder of images `file_name`, unless images are named."""
        return as_list(self.options.images) or (["file_name"] if folder and self._compares is None else [])


def pairwise(options: Pairwise, context: Context) -> GenericTask:
    """The factory of `generic/pairwise`."""
    return GenericTask(
        options,
        context,
        protocol=PAIRWISE,
        answer=partial(answers.preference, options),
        said=partial(answers.read_preference, options),
    )


def pointwise(options: Pointwise, context: Context) -> GenericTask:
    """The factory of `generic/pointwise`."""
    return GenericTask(
        options,
        context,
        protocol=POINTWISE,
        answer=partial(answers.choice, options),
        said=partial(answers.read_choice, options),
    )


def score(options: Scored, context: Context) -> GenericTask:
    """The factory of `generic/score`."""
    return GenericTask(
        options,
        context,
        protocol=SCORE,
        answer=partial(answers.score, options),
        said=partial(answers.read_score, options),
    )


def ranking(options: Ranked, context: Context) -> GenericTask:
    """The factory of `generic/ranking`."""
    return GenericTask(
        options,
        context,
        protocol=RANKING,
        answer=partial(answers.ranking, options),
        said=partial(answers.read_ranking, options),
    )


def rubric(options: Rubrics, context: Context) -> GenericTask:
    """The factory of `generic/rubric`."""
    return GenericTask(
        options,
        context,
        protocol=_protocol_of(options),
        answer=partial(answers.rubric, options),
        said=partial(answers.read_rubric, options),
    )


def _protocol_of(options: Rubrics) -> Protocol:
    """All criteria together, then each by itself. Pairs are asked in both orders."""
    each = [
        f"{metric}[{name}]"
        for name, criterion in options.criteria.items()
        for metric in (_OF_SCORE if isinstance(criterion.space, Score) else _OF_CRITERION)
    ]
    order: Literal["both", "fixed"] = "both" if options.space.candidate_count else "fixed"
    return Protocol(order=order, metrics=("accuracy", "criteria_accuracy", *each))


def _describe(criteria: Mapping[str, Criterion]) -> tuple[Part, ...]:
    """The criteria in words, where the options say what they mean."""
    lines = [f"- {name}: {criterion.description}" for name, criterion in criteria.items() if criterion.description]
    return ("Criteria:\n" + "\n".join(lines),) if lines else ()


def _heading(compares: CommonCandidates) -> str:
    if compares.candidate_texts is None:
        return "Image" if compares.candidate_videos is None else "Video"
    return "Answer" if compares.candidate_images is compares.candidate_videos is None else "Candidate"


def _cells(row: Row, columns: Columns) -> Iterable[Cell]:
    """A cell for each candidate."""
    return row[columns].elements() if isinstance(columns, str) else [row[column] for column in columns]

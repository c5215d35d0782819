"""From the gold columns of a row to an answer space and the right answer in it: one function for each task.

The cell of an annotator is written as the gold is. The same function reads it.
"""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Iterator, Mapping
from typing import cast

from harness.api import TIE, AnswerSpace, Choice, DataError, Preference, Ranking, Score, Verdict
from harness.api.data import Cell, Row, did_you_mean
from harness_generic.options import (
    Columns,
    Criterion,
    Pairwise,
    Pointwise,
    Ranked,
    Rubrics,
    Scored,
    as_list,
)

_PLACES: dict[str, Verdict] = {"first": 0, "second": 1, "tie": TIE}


def preference(options: Pairwise, row: Row, count: int) -> tuple[AnswerSpace, Verdict]:
    """Which of two is better.

    Args:
        options: What the values of the gold column mean.
        row: The row.
        count: Number of its candidates.

    Raises:
        DataError: An unknown value, or not two candidates.
    """
    _check_pair(row, count)
    # A judge may say tie only where the data know ties. Else each tie it gives would count as an error it was offered.
    space = Preference(2, ties=(TIE,) if "tie" in options.labels.values() else ())
    return space, 0 if options.gold is None else read_preference(options, row[options.gold], count)


def read_preference(options: Pairwise | Criterion, cell: Cell, count: int) -> Verdict:
    """What one cell says, the gold's or an annotator's.

    Raises:
        DataError: An unknown value.
    """
    return _PLACES[_meaning(cell, options.labels)]


def choice(options: Pointwise, row: Row, count: int) -> tuple[AnswerSpace, Verdict]:
    """One of a few answers.

    Raises:
        DataError: An unknown value.
    """
    return options.space, read_choice(options, row[options.gold], count)


def read_choice(options: Pointwise | Criterion, cell: Cell, count: int) -> Verdict:
    """What one cell says.

    Raises:
        DataError: An unknown value.
    """
    return _meaning(cell, options.labels or {answer: answer for answer in options.answers})


def score(options: Scored, row: Row, count: int) -> tuple[AnswerSpace, Verdict]:
    """A number on a scale.

    Raises:
        DataError: Not a number, not finite, outside the scale or between its steps.
    """
    return options.space, read_score(options, row[options.gold], count)


def read_score(options: Scored | Criterion, cell: Cell, count: int) -> Verdict:
    """What one cell says.

    Raises:
        DataError: Not a number, not finite, outside the scale or between its steps.
    """
    value, space = cell.number(), options.space
    if not space.contains(value):
        steps = f" in steps of {options.step:g}" if options.step else ""
        raise cell.mismatch(
            f"a number from {options.low:g} to {options.high:g}{steps}",
            "fix the row, or change low, high and step (step: 0 allows any number)",
        )
    return value


def ranking(options: Ranked, row: Row, count: int) -> tuple[AnswerSpace, Verdict]:
    """All candidates from best to worst.

    Raises:
        DataError: Not each candidate once, or ranks with ties.
    """
    # The first cell stands for all in messages: it tells the row and the column.
    first = row[options.gold if isinstance(options.gold, str) else options.gold[0]]
    cells = first.split() if isinstance(options.gold, str) else [row[column] for column in options.gold]
    return Ranking(count), _rank_candidates(options, first, cells, count)


def read_ranking(options: Ranked, cell: Cell, count: int) -> Verdict:
    """What one cell says.

    Raises:
        DataError: Not each candidate once, or ranks with ties.
    """
    return _rank_candidates(options, cell, cell.split(), count)


def rubric(options: Rubrics, row: Row, count: int) -> tuple[AnswerSpace, Verdict]:
    """An answer to each of several criteria.

    Raises:
        DataError: The cell of a criterion is empty or does not fit, or there are not two candidates to compare.
    """
    space = options.space
    if space.candidate_count:
        _check_pair(row, count)
    parts = [_read_part(own, row[own.gold or name], count) for name, own in options.criteria.items()]
    return space, cast("Verdict", tuple(parts))


def read_rubric(options: Rubrics, cell: Cell, count: int) -> Verdict:
    """What one cell says: an object by criterion.

    Raises:
        DataError: A criterion is missing, or does not fit.
    """
    fields = cell.fields()
    parts = [_read_part(own, fields[name], count) for name, own in options.criteria.items()]
    return cast("Verdict", tuple(parts))


def _read_part(criterion: Criterion, cell: Cell, count: int) -> Verdict:
    space = criterion.space
    if isinstance(space, Choice):
        return read_choice(criterion, cell, count)
    return read_score(criterion, cell, count) if isinstance(space, Score) else read_preference(criterion, cell, count)


def _check_pair(row: Row, count: int) -> None:
    if count != 2:
        raise DataError(f"{row.place}: expected two candidates, found {count}; use generic/ranking or fix the row")


def annotator_cells(columns: Columns, row: Row) -> Iterator[tuple[str, Cell]]:
    """Each annotator who answered, with the cell that holds the answer.

    Raises:
        DataError: A column is missing, or the only one holds no object and no list.
    """
    if isinstance(columns, list):
        for column in columns:
            if column not in row.values:
                # A misspelt column is not a person without an answer: this access raises and names near misses.
                row[column]
            if row.has(column):
                yield column, row[column]
        return
    if not row.has(columns):
        if columns not in row.values:
            row[columns]
        return
    cell = row[columns]
    # CSV has no objects and no lists. There both come as JSON text, which begins with a bracket.
    if isinstance(cell.value, Mapping) or (isinstance(cell.value, str) and cell.value.lstrip().startswith("{")):
        fields = cell.fields()
        for name, value in fields.values.items():
            if value is not None and value != "":
                yield str(name), Cell(value, row, columns, f", annotator {str(name)[:80]!r}")
    elif isinstance(cell.value, list | tuple) or (isinstance(cell.value, str) and cell.value.lstrip().startswith("[")):
        # A list has no names. The place is the person, so a null keeps the others in their places.
        for place, element in enumerate(cell.elements(), start=1):
            if element.value is not None and element.value != "":
                yield str(place), element
    else:
        raise cell.mismatch(
            "an object with what each annotator said, or a list",
            "fix the row; where each annotator has a column, write annotators: [COLUMN, COLUMN]",
        )


def _rank_candidates(options: Ranked, first: Cell, cells: list[Cell], count: int) -> tuple[int, ...]:
    if len(cells) != count:
        raise first.mismatch(f"{count} elements, one for each candidate (there are {len(cells)})")
    # Ranks are given for each candidate in turn. Sorting the candidates by rank turns them into an order.
    if options.gold_is == "ranks":
        ranks = [cell.number() for cell in cells]
        if len(set(ranks)) < count:
            raise first.mismatch(f"{count} different ranks, as rankings have no ties ({ranks})")
        return tuple(sorted(range(count), key=ranks.__getitem__))
    words = [cell.word() for cell in cells]
    spellings = _spellings(options, count)
    # The first spelling in which every name occurs once decides. Numbers from 0 and from 1 cannot both fit one row.
    names = next((names for names in spellings if sorted(names) == sorted(words)), None)
    if names is None:
        known = ", or ".join(" ".join(names) for names in spellings)
        raise first.mismatch(f"each candidate once, from best to worst ({known}; there is {' '.join(words)[:80]})")
    return tuple(names.index(word) for word in words)


def _meaning(cell: Cell, labels: Mapping[str, str]) -> str:
    word = cell.word()
    if word not in labels:
        known = ", ".join(map(repr, labels))
        hint = _tell_apart(word, labels) or did_you_mean(word, labels)
        fix = f"fix the row, or say in `labels` what it means.{hint}"
        raise cell.mismatch(f"one of {known}", fix)
    return labels[word]


def _tell_apart(word: str, labels: Mapping[str, str]) -> str:
    """Both spellings of what may be a label that only looks the same: a Cyrillic letter, an accent of its own."""
    letters = unicodedata.normalize("NFKC", word)
    for label in labels:
        plain = unicodedata.normalize("NFKC", label)
        shared = sum(letter == wanted for letter, wanted in zip(letters, plain, strict=False))
        if len(letters) == len(plain) and 2 * shared >= len(plain) and not (word + label).isascii():
            return f" It is {word!a}, and the label is {label!a}."
    return ""


def _spellings(options: Ranked, count: int) -> list[list[str]]:
    """How the candidates may be called, column names first."""
    columns: tuple[Columns | None, ...] = (options.candidate_images, options.candidate_texts)
    return [
        *(as_list(names) for names in columns if isinstance(names, list)),
        list(string.ascii_uppercase[:count]),
        # Data sets count from 0 or from 1; a whole list says which, so no option is needed.
        [str(place) for place in range(count)],
        [str(place + 1) for place in range(count)],
    ]

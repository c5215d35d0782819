"""From the gold columns of a row to an answer space and the right answer in it: one function for each task.

What an annotator said is written as the gold is, and goes through the same function.
"""

from __future__ import annotations

import string
from collections.abc import Iterator, Mapping

from harness.api import TIE, AnswerSpace, DataError, Preference, Ranking, Verdict
from harness.api.data import Cell, Row, did_you_mean
from harness_generic.options import Columns, Pairwise, Pointwise, Ranked, Scored, listed

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
    if count != 2:
        raise DataError(f"{row.place}: expected two candidates, found {count}; use generic/ranking or fix the row")
    space = Preference(2, ties=(TIE,) if "tie" in options.labels.values() else ())
    return space, 0 if options.gold is None else said_preference(options, row[options.gold], count)


def said_preference(options: Pairwise, cell: Cell, count: int) -> Verdict:
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
    return options.space, said_choice(options, row[options.gold], count)


def said_choice(options: Pointwise, cell: Cell, count: int) -> Verdict:
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
    return options.space, said_score(options, row[options.gold], count)


def said_score(options: Scored, cell: Cell, count: int) -> Verdict:
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
    first = row[options.gold if isinstance(options.gold, str) else options.gold[0]]
    cells = first.split() if isinstance(options.gold, str) else [row[column] for column in options.gold]
    return Ranking(count), _ranked(options, first, cells, count)


def said_ranking(options: Ranked, cell: Cell, count: int) -> Verdict:
    """What one cell says.

    Raises:
        DataError: Not each candidate once, or ranks with ties.
    """
    return _ranked(options, cell, cell.split(), count)


def annotated(columns: Columns, row: Row) -> Iterator[tuple[str, Cell]]:
    """Each annotator with the cell that holds what they said; nobody who did not say.

    Raises:
        DataError: A column is missing, or the only one holds neither an object nor a list.
    """
    if isinstance(columns, list):
        for column in columns:
            if column not in row.values:
                row[column]  # raises, with near misses
            if row.has(column):
                yield column, row[column]
        return
    if not row.has(columns):
        if columns not in row.values:
            row[columns]
        return
    cell = row[columns]
    if isinstance(cell.value, Mapping) or (isinstance(cell.value, str) and cell.value.lstrip().startswith("{")):
        said = cell.fields()
        for name, value in said.values.items():
            if value is not None and value != "":
                yield str(name), Cell(value, row, columns, f", annotator {str(name)[:80]!r}")
    elif isinstance(cell.value, list | tuple) or (isinstance(cell.value, str) and cell.value.lstrip().startswith("[")):
        for place, element in enumerate(cell.elements(), start=1):
            if element.value is not None and element.value != "":
                yield str(place), element
    else:
        raise cell.mismatch(
            "an object with what each annotator said, or a list",
            "fix the row; where each annotator has a column, write annotators: [COLUMN, COLUMN]",
        )


def _ranked(options: Ranked, first: Cell, cells: list[Cell], count: int) -> tuple[int, ...]:
    if len(cells) != count:
        raise first.mismatch(f"{count} elements, one for each candidate (there are {len(cells)})")
    if options.gold_is == "ranks":
        ranks = [cell.number() for cell in cells]
        if len(set(ranks)) < count:
            raise first.mismatch(f"{count} different ranks, as rankings have no ties ({ranks})")
        return tuple(sorted(range(count), key=ranks.__getitem__))
    words = [cell.word() for cell in cells]
    spellings = _spellings(options, count)
    names = next((names for names in spellings if sorted(names) == sorted(words)), None)
    if names is None:
        known = ", or ".join(" ".join(names) for names in spellings)
        raise first.mismatch(f"each candidate once, from best to worst ({known}; there is {' '.join(words)[:80]})")
    return tuple(names.index(word) for word in words)


def _meaning(cell: Cell, labels: Mapping[str, str]) -> str:
    word = cell.word()
    if word not in labels:
        known = ", ".join(map(repr, labels))
        fix = f"fix the row, or say in `labels` what it means.{did_you_mean(word, labels)}"
        raise cell.mismatch(f"one of {known}", fix)
    return labels[word]


def _spellings(options: Ranked, count: int) -> list[list[str]]:
    """How the candidates may be called, column names first."""
    columns: tuple[Columns | None, ...] = (options.candidate_images, options.candidate_texts)
    return [
        *(listed(names) for names in columns if isinstance(names, list)),
        list(string.ascii_uppercase[:count]),
        [str(place) for place in range(count)],
        [str(place + 1) for place in range(count)],
    ]

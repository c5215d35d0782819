"""What a judge said, as numbers: from the cell of a run or from a file, for `harness estimate`.

Not for the statistics. These are `harness.score.worth`. A verdict becomes a number by a `VerdictTarget`: 1 and 0 for a
class, the number itself for a score. What has no verdict gets the same number among labelled and unlabelled items, so
that it needs no excuse: it is one more thing that the judge can say.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

import numpy as np

from harness.api import (
    TIE,
    AnswerSpace,
    Choice,
    DataError,
    Preference,
    Protocol,
    RecordedAnswer,
    Score,
    Unit,
    UserError,
    Verdict,
)
from harness.api.data import SUFFIXES, read_table, suffix_of, suggest_names
from harness.api.data import Row as DataRow
from harness.libraries.files import read_whole
from harness.libraries.text import clean
from harness.score.ballots import make_ballots, pool_orders
from harness.score.table import ANSWERED, ERROR
from harness.score.worth import Verdicts

TIES = ("class", "half")
"""What a tie counts as in a win rate: not a win, or half of one."""

_NAN = float("nan")
_MOST_BYTES = 256 * 2**20  # of a file of lines, which is read whole


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictTarget:
    """What is estimated, and the number that a verdict is for it."""

    name: str
    """For people: `share of 'yes'`."""
    label: str
    """Name of the class; empty for a mean."""
    space: AnswerSpace
    """What may be answered."""
    number: Callable[[Verdict], float]
    """The number of a canonical verdict or gold."""
    blank: float
    """The number of an answer without a verdict; NaN for the mean of the judge's scores."""
    low: float = 0.0
    """Lower end of the scale."""
    high: float = 1.0
    """Upper end of the scale."""

    @property
    def is_class(self) -> bool:
        """Whether gold is 1 or 0, so that a judge has a sensitivity."""
        return bool(self.label) and self.blank == 0

    @property
    def unit(self) -> Unit:
        """What an estimate of it is: the share of a class, or the mean of scores."""
        return "share" if self.label else "score"


class VerdictItem(NamedTuple):
    """One item: what the judge said, and what people said where they were asked."""

    item: str
    """Its id."""
    group: str
    """Its cluster; empty where it is one of its own."""
    judged: float
    """Mean over orders and samples; NaN where there is no verdict and the scores have a mean."""
    gold: float
    """NaN where there is none."""
    share_without_verdict: float
    """Share of its answers without a verdict."""


@dataclass(slots=True)
class VerdictItems:
    """Items, and what was left out of them."""

    items: list[VerdictItem] = field(default_factory=list)
    failed: int = 0
    """Items with failures of the machinery alone, which say nothing about the judge."""
    known: int = 0
    """Unlabelled items that are among the labelled ones."""

    @property
    def share_without_verdict(self) -> float:
        """Share of answers without a verdict."""
        return float(np.mean([item.share_without_verdict for item in self.items])) if self.items else 0.0


def make_target(space: AnswerSpace, *, label: str | None, ties: str) -> VerdictTarget:
    """What can be estimated of answers of this kind.

    Args:
        space: What may be answered.
        label: Name of the class. `None`: the first of two labels, or the first candidate.
        ties: `class` or `half`, for preferences.

    Raises:
        UserError: There is no such class, or the answers have no classes and no mean.
    """
    if isinstance(space, Score):
        if label is not None:
            raise UserError("--class is for tasks with classes; of scores the mean is estimated")
        return VerdictTarget(
            name="mean score", label="", space=space, number=_to_number, blank=_NAN, low=space.low, high=space.high
        )
    if not isinstance(space, Choice | Preference):
        raise UserError(f"answers of the kind {space.kind} have no share and no mean to estimate")
    names = [space.name(verdict) for verdict in space.verdicts()]
    # With two labels either gives the same information. With more, the choice changes what is estimated.
    if label is None and isinstance(space, Choice) and len(names) > 2:
        raise UserError(f"the task has {len(names)} classes; name one with --class: {', '.join(map(clean, names))}")
    wanted = names[0] if label is None else label
    verdict = space.read(wanted)
    if verdict is None or space.name(verdict) not in names:
        raise UserError(f"--class {wanted!r}: there is no such class.{suggest_names(wanted, names)}")
    # Not for the share of ties itself, of which a tie is a whole case.
    if isinstance(space, Preference) and ties == "half" and space.ties and not isinstance(verdict, str):
        return VerdictTarget(
            name=f"win rate of {space.name(verdict)}, a tie counting half",
            label=space.name(verdict),
            space=space,
            number=lambda said: 0.5 if isinstance(said, str) else float(said == verdict),
            blank=0.5,
        )
    # Of a tie there is a share, and no rate at which it wins.
    what = "win rate of" if isinstance(space, Preference) and not isinstance(verdict, str) else "share of"
    shown = f"'{verdict}'" if isinstance(verdict, str) else space.name(verdict)
    bare = isinstance(verdict, str) and isinstance(space, Preference)  # a bare tie is any kind of tie
    return VerdictTarget(
        name=f"{what} {shown}",
        label=space.name(verdict),
        space=space,
        number=lambda said: float(said == verdict or (bare and said == TIE)),
        blank=0.0,
    )


def items_from_answers(answers: Iterable[RecordedAnswer], protocol: Protocol, target: VerdictTarget) -> VerdictItems:
    """The items of a cell: samples voted and orders pooled as the protocol says, and then averaged.

    Args:
        answers: Ordered by item, order, sample.
        protocol: The task's protocol.
        target: What is estimated.

    Raises:
        DataError: An item has another scale or another kind of answer than the ones before.
    """
    found = VerdictItems()
    # Answers come ordered by item, so one item at a time is in memory.
    for item, same in itertools.groupby(answers, key=attrgetter("item")):
        given = list(same)
        head = given[0]
        # A mean of scores from 1 to 5 and from 0 to 100 would be of nothing.
        if head.space.kind != target.space.kind or (isinstance(target.space, Score) and head.space != target.space):
            raise DataError(f"item {item!r}: its answer space is not that of the others; estimate them apart")
        # A failure of the machinery is no answer. Counting it as one would blame the judge for the network.
        votes = [vote for vote in pool_orders(make_ballots(given, protocol), protocol, given) if vote.state != ERROR]
        if not votes:
            found.failed += 1
            continue
        said = [vote.verdict if vote.state == ANSWERED else None for vote in votes]
        found.items.append(
            VerdictItem(
                item,
                # Empty where the item is its own cluster: two runs may use one id for two items.
                "" if head.group == item else head.group,
                _mean([target.blank if verdict is None else target.number(verdict) for verdict in said]),
                target.number(head.gold),
                sum(vote.state != ANSWERED for vote in votes) / len(votes),
            )
        )
    return found


def items_from_file(
    path: Path,
    target: VerdictTarget,
    *,
    column: str | None = None,
    id_column: str | None = None,
    group: str | None = None,
) -> VerdictItems:
    """The items of a file of verdicts: one a row of JSON lines, JSON, CSV, TSV or parquet, or one a line of text.

    An empty cell or line is an answer without a verdict. Rows of one id are one item, and their mean counts.

    Args:
        path: The file.
        target: What is estimated. Its space says how verdicts are spelled.
        column: Column of the verdicts. `None`: `verdict`, or the only one there is.
        id_column: Column of item ids. `None`: each row is an item of its own.
        group: Column of clusters. `None`: each item is one.

    Raises:
        DataError: The file cannot be read, has no such column, or a verdict is none of the task's.
    """
    rows = _read_lines(path) if path.suffix.lower() == ".txt" else _read_rows(path)
    by_item: dict[str, list[tuple[float, str]]] = {}
    for number, row in enumerate(rows):
        # A file with one column needs no name for it. With several, a guess would be silent and perhaps wrong.
        name = column or ("verdict" if "verdict" in row.values or len(row.values) != 1 else next(iter(row.values)))
        if name not in row.values:
            raise DataError(
                f"{row.place}: there is no column {name!r} of verdicts; name one with --column."
                f"{suggest_names(name, row.values)}"
            )
        # NUL cannot stand in an id of a file, so a number after it is no one's id.
        item = row[id_column].name() if id_column else f"\0{number}"
        cluster = row[group].name() if group else ""
        value = _read_number(row, name, target) if row.has(name) else _NAN
        by_item.setdefault(item, []).append((value, cluster))
    found = VerdictItems()
    for item, said in by_item.items():
        values = [target.blank if np.isnan(value) else value for value, _ in said]
        missing = sum(bool(np.isnan(value)) for value, _ in said) / len(said)
        found.items.append(VerdictItem(item, said[0][1], _mean(values), _NAN, missing))
    return found


def as_arrays(labelled: VerdictItems, unlabelled: VerdictItems) -> tuple[Verdicts, Verdicts]:
    """Both sets as arrays, with one code for each cluster, which the two may share.

    A score that is missing is filled with the mean of the judge's scores in both.
    """
    both = [*labelled.items, *unlabelled.items]
    judged = np.array([item.judged for item in both])
    known = ~np.isnan(judged)
    if not known.all():
        # The mean of both sets: a fill that differed between them would look like a difference of the items.
        judged = np.where(known, judged, judged[known].mean() if known.any() else 0.0)
    codes: dict[str, int] = {}
    # One code for a cluster in both sets: an image in both makes the two dependent, and the variance knows it.
    cluster = np.array(
        [codes.setdefault(item.group or f"\0{place}", len(codes)) for place, item in enumerate(both)], dtype=np.int64
    )
    n = len(labelled.items)
    gold = np.array([item.gold for item in labelled.items])
    return (
        Verdicts(judged=judged[:n], cluster=cluster[:n], gold=gold),
        Verdicts(judged=judged[n:], cluster=cluster[n:]),
    )


def _read_rows(path: Path) -> Iterator[DataRow]:
    if not suffix_of(path):
        raise DataError(f"{path}: expected a run folder, or a file of verdicts: {', '.join((*SUFFIXES, '.txt'))}")
    for number, (values, place) in enumerate(read_table(path)):
        yield DataRow(values=values, place=f"{path}, {place}", number=number)


def _read_lines(path: Path) -> Iterator[DataRow]:
    try:
        text = read_whole(path, most=_MOST_BYTES).decode("utf-8-sig").replace("\r\n", "\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as text ({error}); fix the file") from error
    # An empty line is an answer without a verdict, so only the last line break is not a line.
    for number, line in enumerate(text.removesuffix("\n").split("\n") if text else ()):
        yield DataRow(values={"verdict": line.strip()}, place=f"{path}, line {number + 1}", number=number)


def _read_number(row: DataRow, column: str, target: VerdictTarget) -> float:
    word, space = row[column].word(), target.space
    if not word.strip():
        return _NAN
    verdict = space.read(word)
    if verdict is None:
        known = (
            f"a number from {target.low:g} to {target.high:g}"
            if isinstance(space, Score)
            else "one of " + ", ".join(space.name(each) for each in space.verdicts())
        )
        raise row[column].mismatch(known, "leave the cell empty where the judge gave no verdict")
    return target.number(verdict)


def _mean(values: list[float]) -> float:
    """The mean of those that there are. NaN of none."""
    # `value == value` is false for NaN alone, and needs no array for a few numbers.
    known = [value for value in values if value == value]
    return sum(known) / len(known) if known else _NAN


def _to_number(said: Verdict) -> float:
    return float(said) if isinstance(said, int | float) else _NAN

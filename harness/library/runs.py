"""A run that was made, as an object: its leaderboard, its answers, its items, two of its judges, and its charts."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from harness.api import Status, UserError
from harness.bundle.entrants import Entrant, load_entrants, rank_entrants
from harness.libraries.config import did_you_mean
from harness.libraries.text import clean
from harness.library.board import Board
from harness.library.figure import OF_JUDGES, OF_TASKS, Figure, draw_judges, draw_task
from harness.library.items import JudgedItem, read_items
from harness.library.judged import JudgedAnswer, read_answers
from harness.library.pair import Pair
from harness.library.tables import RecordTable, find_columns
from harness.report.compare import compare_judges
from harness.report.scored import ScoredCell
from harness.report.settings import agree
from harness.runner.folder import REPORT
from harness.score.find import make_metric
from harness.view.answers import Answers
from harness.view.book import Book, BookCell, join_books, load_book
from harness.view.counts import Counts, read_counts, walk_book
from harness.view.filters import OUTCOMES, Filter
from harness.view.pictures import Gallery

if TYPE_CHECKING:
    from harness.discovery import Plugins


class Run:
    """One run, or several on one board: run folders and bundles.

    Nothing is read before it is wanted, and answers are streamed.

    Args:
        paths: The run folders and bundles.
        plugins: Loads the installed plugins.
        signers: Whose signatures of bundles are trusted.
        problems: What went wrong while it was made.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        plugins: Callable[[], Plugins],
        *,
        signers: Path | None = None,
        problems: Sequence[str] = (),
    ) -> None:
        self._plugins, self._signers, self._stack = plugins, signers, ExitStack()
        # Journals of bundles are in folders of their own, which go when the run does.
        weakref.finalize(self, self._stack.close)
        self.paths = tuple(paths)
        """The run folders and bundles."""
        self.problems = tuple(problems)
        """What went wrong while it was made, a line each, as `harness run` prints it: judges that stopped, judgements
        that failed, cells below the manifest's gate. Empty after `harness.load`."""

    @property
    def folder(self) -> Path:
        """The run folder; of several runs the first."""
        return self.paths[0]

    @property
    def report(self) -> Path | None:
        """The page to look at, `report.html`; `None` where there is none."""
        page = self.folder / REPORT
        return page if page.is_file() else None

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the tasks, in the order of the manifest."""
        return self._book.tasks

    @property
    def judges(self) -> tuple[str, ...]:
        """Names of the judges, likewise."""
        return self._book.judges

    def leaderboard(self, *, metric: str | None = None, group_by: str | None = None) -> Board:
        """The leaderboard, as `harness leaderboard` makes it.

        Args:
            metric: Show this metric instead of each task's headline.
            group_by: Rank within tasks (`task`), within their categories (`category`), or by the mean over suites
                (`suite`). `None`: as the manifest says.

        Raises:
            UserError: The runs cannot be compared, the metric is unknown, or a run has no scores yet.
        """
        groups = ("task", "category", "suite")
        if group_by is not None:
            _choose(group_by, groups, "way to group")
        board = rank_entrants(self._entrants, self._plugins(), metric=metric, group_by=group_by)
        return Board(board, self._plugins, [path for path in self.paths if path.is_dir()])

    def score(self) -> Board:
        """Score the run again from its journal, as `harness score` does, and give its leaderboard. Asks no judge.

        Raises:
            UserError: It is a bundle, or it cannot be scored.
        """
        from harness.pipeline.session import report_run

        for path in self.paths:
            if not path.is_dir():
                raise UserError(f"{path}: is a bundle, whose numbers are computed when it is loaded")
            report_run(path, self._plugins())
        for name in ("_entrants", "_book", "_counts"):
            self.__dict__.pop(name, None)  # what was read before
        return self.leaderboard()

    def judgements(
        self, *, task: str | None = None, judge: str | None = None, status: str | None = None
    ) -> RecordTable[JudgedAnswer]:
        """The answers, one row each: what was said and what is right, with reasons, tokens and money.

        Args:
            task: Only answers to this task.
            judge: Only answers of this judge.
            status: Only those of this status, such as `ok` or `unparsed`.

        Raises:
            UserError: There is no such task, judge or status.
        """
        if status is not None:
            _choose(status, [known.value for known in Status], "status")
        names = self._find_tasks(task)
        if judge is not None:
            self._check_judge(judge)
        cells = [cell for name in names for cell in self._cells(name) if judge in (None, cell.judge)]

        def read() -> Iterator[JudgedAnswer]:
            return (answer for cell in cells for answer in read_answers(cell, status=status))

        return RecordTable(read, find_columns(JudgedAnswer), title=f"judgements of {self._title}")

    def items(
        self,
        task: str | None = None,
        *,
        judge: str = "",
        outcome: str = "",
        against: str = "",
        verdict: str = "",
        gold: str = "",
        reason: str = "",
        first: str = "",
        category: str = "",
        group: str = "",
        split: str = "",
    ) -> RecordTable[JudgedItem]:
        """The items with all answers to them, as the pages of the report list them. All that is given must hold.

        Args:
            task: Only items of this task.
            judge: The judge that `outcome`, `against`, `verdict`, `reason` and `first` are about.
            outcome: `agrees` or `differs`, with or from the gold; `unread`, without a verdict; or `mixed`, where its
                answers to an item are not all the same.
            against: Another judge, whose verdicts are not the same.
            verdict: What the judge said, in the item's own places.
            gold: The right verdict.
            reason: Why there is no verdict.
            first: `yes` where the verdict names the first place shown, `no` where it names another one.
            category: The category.
            group: The cluster.
            split: `yes` where the judges do not all say the same.

        Raises:
            UserError: There is no such task, judge or outcome, or nothing says whose answers are meant.
        """
        names = self._find_tasks(task)
        narrow = Filter(
            judge=judge,
            outcome=outcome,
            against=against,
            verdict=verdict,
            gold=gold,
            reason=reason,
            first=first,
            category=category,
            group=group,
            split=split,
        )
        for name in (judge, against):
            if name:
                self._check_judge(name)
        if outcome:
            _choose(outcome, OUTCOMES, "outcome")
        if first:
            _choose(first, ("yes", "no"), "value of first")
        if split:
            _choose(split, ("yes",), "value of split")
        if not judge and any((outcome, against, verdict, reason, first)):
            raise UserError("outcome, against, verdict, reason and first are about one judge: name it with judge=")
        book, gallery = self._book, self._gallery
        title = f"items of {self._title}"
        return RecordTable(lambda: read_items(book, gallery, names, narrow), find_columns(JudgedItem), title=title)

    def compare(self, a: str, b: str, *, metric: str | None = None, items: int = 10) -> Pair:
        """Two judges on the items that both answered, as `harness compare` does it.

        Args:
            a: Name of the first judge.
            b: Name of the second one.
            metric: Compare by this metric instead of each task's headline.
            items: Disagreements to list. `Pair.items` streams all of them.

        Raises:
            UserError: There is no such judge, or they share no task.
        """
        for name in (a, b):
            self._check_judge(name)
        settings, seed = agree([entrant.run for entrant in self._entrants], metric=metric)
        plugins = self._plugins()
        found = compare_judges(
            self._of_judge(a),
            self._of_judge(b),
            settings,
            seed=seed,
            items=items,
            find_metric=lambda name: make_metric(name, plugins),
        )
        return Pair(found, lambda task: self.items(task, judge=a, against=b))

    def figure(
        self, kind: str, *, task: str | None = None, judge: str | None = None, against: str | None = None
    ) -> Figure:
        """A chart of the report.

        Args:
            kind: Of a task: `forest`, `pairs`, `confusion` (of one judge), `coverage`, `position`, `swaps`,
                `repeats`, `calibration`, `risk`, `cost`. Of a judge: `tasks`. Of two: `differences`.
            task: Name of the task; not needed where there is only one.
            judge: Name of the judge; not needed where there is only one.
            against: Name of the other judge, for `differences`.

        Raises:
            UserError: There is no such chart, task or judge, or there is nothing to draw.
        """
        _choose(kind, (*OF_TASKS, *OF_JUDGES), "chart")
        needs_judge = kind == "confusion" or kind in OF_JUDGES
        name = self._only(judge, self.judges, "judge") if needs_judge else ""
        if kind in OF_JUDGES:
            other = self._only(against, self.judges, "judge", say="against") if kind == "differences" else ""
            return draw_judges(self._book, self._counts, kind, name, other)
        return draw_task(self._book, self._counts, kind, self._only(task, self.tasks, "task"), [name])

    def __repr__(self) -> str:
        return f"<run {self._title}: {len(self.judges)} judges, {len(self.tasks)} tasks>"

    def _repr_html_(self) -> str:
        return self.leaderboard()._repr_html_()

    @property
    def _title(self) -> str:
        return ", ".join(path.name for path in self.paths)

    @cached_property
    def _entrants(self) -> list[Entrant]:
        return load_entrants(self.paths, self._plugins(), self._stack, signers=self._signers)

    @cached_property
    def _book(self) -> Book:
        books = [self._read_book(number) for number in range(len(self.paths))]
        return books[0] if len(books) == 1 else join_books(books, self.leaderboard().record)

    def _read_book(self, number: int) -> Book:
        if self.paths[number].is_dir():
            return load_book(self.paths[number])
        # What a bundle says of itself is not believed: its numbers are those that were computed here.
        entrant = self._entrants[number]
        board = rank_entrants([entrant], self._plugins())
        rows = {(row.task, row.judge): row for row in board.rows if row.task and not row.category}
        cells = [
            BookCell(judge=cell.judge, cell=cell, scores=cell.scores, row=rows.get((cell.task, cell.judge)))
            for cell in entrant.cells
        ]
        return Book(runs=[entrant.run], board=board, cells=cells)

    @cached_property
    def _counts(self) -> Counts:
        kept = read_counts(self.folder) if len(self.paths) == 1 and self.folder.is_dir() else None
        if kept is not None:
            return kept
        with Answers(self._book) as answers:
            return walk_book(self._book, answers).finish()

    @cached_property
    def _gallery(self) -> Gallery:
        return Gallery(self.folder, self._plugins())

    def _cells(self, task: str) -> Iterable[BookCell]:
        return (cell for cell in self._book.cells if cell.cell.task == task)

    def _find_tasks(self, task: str | None) -> tuple[str, ...]:
        if task is None:
            return self.tasks
        _choose(task, self.tasks, "task")
        return (task,)

    def _of_judge(self, judge: str) -> list[ScoredCell]:
        """The scored cells of a judge, by its name on the board."""
        # Two runs may have a judge of one name. The board then tells them apart by the names of the runs.
        cells = [cell for entrant in self._entrants for cell in entrant.cells]
        return [cell for cell in cells if judge in (cell.judge, f"{cell.judge} ({cell.run})")]

    def _check_judge(self, judge: str) -> None:
        _choose(judge, self.judges, "judge")

    def _only(self, name: str | None, known: Sequence[str], what: str, *, say: str = "") -> str:
        if name is None:
            if len(known) != 1:
                raise UserError(f"{self._title} has {len(known)} {what}s; name one with {say or what}=: {_list(known)}")
            return known[0]
        _choose(name, known, what)
        return name


def _choose(name: str, known: Sequence[str], what: str) -> None:
    """Make sure that there is something of this name.

    Raises:
        UserError: There is not. The message says what there is.
    """
    if name not in known:
        raise UserError(f"there is no {what} {clean(str(name))!r}.{did_you_mean(str(name), map(clean, known))}")


def _list(known: Sequence[str]) -> str:
    return ", ".join(map(clean, known)) or "it has none"

"""The recorded board and scores, held against computed ones row by row. A row gets all that touches its numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from harness.bundle.differences import MOST_NAMED, OF_BOARDS, OF_SCORES, Difference, find_differences
from harness.bundle.layout import LEADERBOARD, SCORES
from harness.bundle.recompute import Key, Recomputed, as_read
from harness.bundle.records import RowCheck, State
from harness.recorded.load import RecordedRun
from harness.report import scored

RowKey = tuple[str, str, str, str]
"""Task, category, suite (only where there is no task) and judge of a row."""

KeyOf = Callable[[Mapping[str, Any]], Sequence[Any]]
"""Gives the key of a part of a document."""

_OF_SOURCES = ("verified", "signed_by")
"""Fields of a row that say where it comes from, and are no numbers of it."""
_MOST_PARTS = 200_000
"""Parts of one list of a board."""
_APART = frozenset({"rows", "comparisons", "usage", "unread", "sections"})
"""Parts of a board that are compared one by one, or, as titles of plugins' texts, are not in a bundle."""


class RowLedger:
    """Collects what is wrong with each row.

    Args:
        run: The run.
        recomputed: Its numbers.
        same_version: Whether the version that made the run is this one.
    """

    def __init__(self, run: RecordedRun, recomputed: Recomputed, *, same_version: bool) -> None:
        self.problems: list[str] = []
        self._run, self._recomputed, self._same_version = run, recomputed, same_version
        self._rows: dict[RowKey, _Row] = {}
        self._suites = {cell.task: cell.suite or cell.task for cell in run.cells}
        self._suites |= {cell.task: cell.suite or cell.task for cell in run.left_out}

    def rows(self) -> tuple[RowCheck, ...]:
        """The rows, in the order of the board."""
        return tuple(row.check(*key) for key, row in self._rows.items())

    def add_problem(self, cell: Key, problem: str) -> None:
        """Note what is wrong with a cell on every row that rests on it."""
        for row in self._rows_of(cell):
            row.problems.append(problem)

    def add_lack(self, cell: Key, reason: str) -> None:
        """Note what is not installed for a cell."""
        for row in self._rows_of(cell):
            row.lacking.append(reason)

    def add_note(self, cell: Key, note: str) -> None:
        """Note what should be known of a cell."""
        for row in self._rows_of(cell):
            row.notes.append(note)

    def add_problem_of_task(self, task: str, problem: str) -> None:
        """Note what is wrong with the data of a task."""
        for judge in {cell.judge for cell in self._run.cells if cell.task == task}:
            self.add_problem((task, judge), problem)

    def compare_board(self, recorded: Any) -> None:
        """Compare `leaderboard.json`."""
        parts = ("rows", "comparisons", "usage", "unread")
        if not isinstance(recorded, Mapping) or not all(_is_list_of_mappings(recorded.get(name, [])) for name in parts):
            self.problems.append(f"{LEADERBOARD} is no leaderboard")
            recorded = {}
        computed = self._recomputed.board
        for row in (computed or {}).get("rows", ()):
            self._rows[_row_key(row)] = _Row()
        for row in recorded.get("rows", ()):
            self._rows.setdefault(_row_key(row), _Row())
        self._mark_lost()
        if computed is None:
            for row in self._rows.values():
                if not row.lost:
                    row.problems.append(f"the board cannot be built: {self._recomputed.problem}")
            return
        self._compare_list("rows", recorded, computed, _row_key, lambda key: [key])
        self._compare_list("comparisons", recorded, computed, _pair_key, _rows_of_pair)
        self._compare_list("usage", recorded, computed, lambda found: (found.get("judge"),), self._rows_of_judge)
        self._compare_list(
            "unread",
            recorded,
            computed,
            lambda found: (found.get("task"), found.get("judge")),
            lambda key: list(self._keys_of((str(key[0]), str(key[1])))),
        )
        # The order over all tasks rests on each of them. Over a part it is another order, and not a wrong one.
        apart = _APART | ({"overall"} if self._recomputed.tasks_without_numbers else set())
        said, made = ({name: board[name] for name in board if name not in apart} for board in (recorded, computed))
        self._add_to_board(find_differences(LEADERBOARD, said, made, OF_BOARDS))

    def compare_scores(self, recorded: Any) -> None:
        """Compare `scores.json`."""
        cells = recorded.get("cells") if isinstance(recorded, Mapping) else None
        if not isinstance(recorded, Mapping) or not _is_list_of_mappings(cells) or {*recorded} != {"schema", "cells"}:
            self.problems.append(f"{SCORES} holds no scores")
            return
        if recorded["schema"] != scored.SCHEMA:
            self.problems.append(f"{SCORES}: its schema is {recorded['schema']!r}, computed is {scored.SCHEMA!r}")
        found = _by_key(cells or (), lambda cell: (cell.get("task"), cell.get("judge")))
        if len(found) < len(cells or ()):
            self.problems.append(f"{SCORES}: two cells have one task and one judge")
        lost = {**self._recomputed.uncomputed, **self._recomputed.broken}
        for key, cell in self._recomputed.cells.items():
            missing = self._recomputed.missing.get(key, {})
            said, made = _without(found.pop(key, None), missing), _without(as_read(cell.scores.to_json()), missing)
            differing = find_differences(SCORES, said, made, OF_SCORES)
            self._add_differences(self._keys_of(key), differing, orphan=f"{SCORES}: the cell {key[0]} · {key[1]}")
        self.problems += [
            f"{SCORES}: the cell {' · '.join(key)} is none of the run" for key in found if key not in lost
        ]
        if [(cell.get("task"), cell.get("judge")) for cell in cells or ()] != [
            (cell.task, cell.judge) for cell in self._run.cells
        ]:
            self.problems.append(f"{SCORES}: its cells are not those of the run, in their order")

    def _compare_list(
        self,
        name: str,
        recorded: Mapping[str, Any],
        computed: Mapping[str, Any],
        key_of: KeyOf,
        rows_of: Callable[[Any], list[RowKey]],
    ) -> None:
        """Compare the parts of a board that have a key, each part on the rows that it is about."""
        ours, theirs = computed.get(name, ()), recorded.get(name, ())
        mine, found = _by_key(ours, key_of), _by_key(theirs, key_of)
        if len(found) < len(theirs):
            self.problems.append(f"{LEADERBOARD}: two of its {name} are about the same")
        for key in dict.fromkeys([*mine, *found]):
            keys = rows_of(key)
            if any(self._rows[row].lost for row in keys if row in self._rows):
                continue
            missing = {metric for row in keys for metric in self._missing_of(row)}
            said, made = _without(found.get(key), missing), _without(mine.get(key), missing)
            label = f"{name}.{'.'.join(part for part in key if part)}"
            self._add_differences(keys, find_differences(LEADERBOARD, said, made, OF_BOARDS, field=label), orphan=label)
        # With the same parts in another order, a table shows another judge on top.
        kept = [key for part in theirs if (key := _texts_of(key_of(part))) in mine]
        if set(found) == set(mine) and kept != list(mine):
            self.problems.append(f"{LEADERBOARD}: its {name} are in another order than computed")

    def _add_differences(
        self, keys: Sequence[RowKey] | Iterator[RowKey], found: Iterator[Difference], orphan: str
    ) -> None:
        rows = [self._rows[key] for key in keys if key in self._rows]
        listed = list(found)
        for row in rows:
            for difference in listed:
                row.add(difference, is_harmless=self._is_harmless(difference))
        if listed and not rows:
            self.problems.append(f"{orphan}: is about no row of the board")

    def _add_to_board(self, found: Iterator[Difference]) -> None:
        self.problems += [str(difference) for difference in found if not self._is_harmless(difference)]

    def _is_harmless(self, difference: Difference) -> bool:
        # A version that is newer than the bundle may write a field more.
        return difference.is_rounding or (difference.is_new and not self._same_version)

    def _mark_lost(self) -> None:
        """Rows of which nothing can be computed here."""
        for kind, cells in (("uncomputed", self._recomputed.uncomputed), ("broken", self._recomputed.broken)):
            for (task, judge), reason in cells.items():
                # A task is compared as a whole, and a suite over all its tasks.
                for key, row in self._rows.items():
                    if task in self._tasks_of(key):
                        row.lost = True
                        text = f"{task} · {judge}: {reason}"
                        (row.problems if kind == "broken" else row.lacking).append(text)
                        if len(self._suites) > 1:
                            row.lacking.append("the order over all tasks rests on it, and is not computed here")
        for key, row in self._rows.items():
            row.lacking += [reason for reason in self._missing_of(key).values() if not row.lost]

    def _missing_of(self, key: RowKey) -> dict[str, str]:
        return {
            metric: f"{task} · {judge}: {reason}"
            for (task, judge), found in self._recomputed.missing.items()
            for metric, reason in found.items()
            if judge == key[3] and task in self._tasks_of(key)
        }

    def _tasks_of(self, key: RowKey) -> set[str]:
        return {key[0]} if key[0] else {task for task, suite in self._suites.items() if suite == key[2]}

    def _keys_of(self, cell: Key) -> Iterator[RowKey]:
        return (key for key in self._rows if key[3] == cell[1] and cell[0] in self._tasks_of(key))

    def _rows_of(self, cell: Key) -> list[_Row]:
        rows = [self._rows[key] for key in self._keys_of(cell)]
        if not rows:
            # A cell that the board does not show is still a part of the run.
            self._rows[cell[0], "", "", cell[1]] = _Row(problems=["the row is not on the recorded board"])
            rows = [self._rows[cell[0], "", "", cell[1]]]
        return rows

    def _rows_of_judge(self, key: tuple[Any, ...]) -> list[RowKey]:
        return [row for row in self._rows if row[3] == key[0]]


class _Row:
    """What is known of one row so far."""

    def __init__(self, *, problems: Sequence[str] = ()) -> None:
        self.problems, self.notes, self.lacking = list(problems), list[str](), list[str]()
        self.differences: list[Difference] = []
        self.more, self.lost, self.differs = 0, False, False

    def add(self, difference: Difference, *, is_harmless: bool) -> None:
        """Note a difference."""
        self.differs |= not is_harmless
        if len(self.differences) < MOST_NAMED:
            self.differences.append(difference)
        else:
            self.more += 1

    def check(self, task: str, category: str, suite: str, judge: str) -> RowCheck:
        """The row, judged."""
        state: State = "holds"
        if self.problems or self.differs:
            state = "differs"
        elif self.lacking:
            state = "not computed"
        return RowCheck(
            task=task,
            category=category,
            suite=suite,
            judge=judge,
            state=state,
            problems=tuple(dict.fromkeys([*self.problems, *self.lacking])),
            differences=tuple(self.differences),
            more_differences=self.more,
            notes=tuple(dict.fromkeys(self.notes)),
        )


def _row_key(row: Mapping[str, Any]) -> RowKey:
    task, suite = str(row.get("task", "")), str(row.get("suite", ""))
    return task, str(row.get("category", "")), "" if task else suite, str(row.get("judge", ""))


def _pair_key(pair: Mapping[str, Any]) -> tuple[str, ...]:
    return (*_row_key({**pair, "judge": ""})[:3], str(pair.get("judge_a", "")), str(pair.get("judge_b", "")))


def _rows_of_pair(key: tuple[str, ...]) -> list[RowKey]:
    task, category, suite, *judges = key
    return [(task, category, suite, judge) for judge in judges]


def _by_key(parts: Sequence[Mapping[str, Any]], key_of: KeyOf) -> dict[tuple[str, ...], Mapping[str, Any]]:
    return {_texts_of(key_of(part)): part for part in parts}


def _texts_of(key: Sequence[Any]) -> tuple[str, ...]:
    return tuple(map(str, key))


def _is_list_of_mappings(value: Any) -> bool:
    # As many as the rows and the pairs of a large board: each part is looked up among the rows.
    return isinstance(value, list) and len(value) <= _MOST_PARTS and all(isinstance(part, Mapping) for part in value)


def _without(part: Any, missing: Mapping[str, Any] | set[str]) -> Any:
    """A row, a cell or a pair without its sources, and without what needs metrics that are not installed."""
    if not isinstance(part, Mapping):
        return part
    kept = {name: value for name, value in part.items() if name not in _OF_SOURCES}
    if not missing:
        return kept
    # People are compared by every metric of the protocol, so none of it can be told apart.
    kept.pop("ceiling", None)
    if isinstance(kept.get("others"), Mapping):
        kept["others"] = {name: value for name, value in kept["others"].items() if name not in missing}
    if isinstance(kept.get("estimates"), list):
        kept["estimates"] = [
            value for value in kept["estimates"] if not (isinstance(value, Mapping) and value.get("metric") in missing)
        ]
    return kept

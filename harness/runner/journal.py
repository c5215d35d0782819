"""The journal: one SQLite file in the run folder that keeps every item, request and judgement.

One process writes, through one connection, in batches. Readers use connections of their own. WAL mode with
`synchronous=FULL` survives `kill -9` and a power cut at any moment: what was committed stays, the rest was never there.
See `harness.libraries.sealed` for damage that a disk does to it later. Judgements are keyed by judge and by the content
of the request, so a question is never asked twice. Those of a judge that answers by item have the item's id in their
key as well. Not for network file systems (SQLite's WAL needs shared memory).

    items       what was asked about            (task, id)
    annotations what several people said of it  (task, item); a row only where some did
    asks        which request each item made    (task, item, place)
    requests    what was asked, by content      (key)
    judgements  what was answered               (judge, request)
    replaced    judgements before a new reading (judge, request, time)
    cells       how far each cell got           (task, judge)
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from harness.api import DataError, Judgement, Usage
from harness.libraries.sealed import MOST_VALUES
from harness.runner.database import Database
from harness.runner.rows import (
    CellRow,
    ItemRow,
    JudgementRow,
    Rows,
    add_spending,
    difference,
    judgement_from_row,
    judgement_row,
    quantity,
    usage_of,
)

ANSWERS = "j.request IN (a.request, a.request || '/' || a.item)"
"""Joins a row `a` of asks with its row `j` of the judgements of a judge. The second is the key of one that answers
by item (`Request.by_item`). A judge writes keys of one kind only, so at most one row is found."""


class Journal(Database):
    """One connection to a run's journal. Make one in each thread that needs it.

    Raises:
        JournalError: From every method: the file is locked, full, corrupted, or of another version.
    """

    # -- writing -------------------------------------------------------------------------------------------------

    def add_requests(self, rows: Rows) -> DataError | None:
        """Record requests, each item with its first one; inside a transaction. Known items are compared.

        Returns:
            What is wrong with the first item that comes twice, or that differs from what this run recorded before. The
            rows before it are recorded. It and the rows after it are not.
        """
        items = [item for item, _ in rows if item is not None]
        problem = None
        if not self.store_new("items", [_of_item(item) for item in items]):
            # An id is known already: only now is each item compared, which is slow.
            problem, rows = self._compare_items(rows)
            items = [item for item, _ in rows if item is not None]
            self.store("items", [_of_item(item) for item in items])
        self.store("annotations", [(item.task, item.id, item.annotations) for item in items if item.annotations])
        self.store("asks", [request[:-1] for _, request in rows])
        self._insert("OR IGNORE", "requests", [(request.request, request.content) for _, request in rows])
        return problem

    def _compare_items(self, rows: Rows) -> tuple[DataError | None, Rows]:
        """What is wrong with the first item that is not as recorded, and the rows ahead of it."""
        known = self._find_known_items([item for item, _ in rows if item is not None])
        for count, (item, _) in enumerate(rows):
            if item is None:
                continue
            before = known.get((item.task, item.id))
            problem = None if before is None else difference(item, *before)
            if problem is not None:
                return problem, rows[:count]
            known[item.task, item.id] = (item.ordinal, item.hash)
        return None, rows

    def _find_known_items(self, items: Sequence[ItemRow]) -> dict[tuple[str, str], tuple[int, str]]:
        """Ordinal and hash of those items that are recorded already."""
        known: dict[tuple[str, str], tuple[int, str]] = {}
        for start in range(0, len(items), MOST_VALUES):
            part = items[start : start + MOST_VALUES]
            marks = ",".join("?" * len(part))
            for task in {item.task for item in part}:
                found = self.select_all(
                    f"SELECT id, ordinal, hash FROM items WHERE task=? AND id IN ({marks})",
                    (task, *(item.id for item in part)),
                )
                known.update({(task, item): (ordinal, digest) for item, ordinal, digest in found})
        return known

    def add_judgements(self, judge: str, judgements: Iterable[tuple[str, Judgement]]) -> None:
        """Record answers by request key; inside a transaction. A new answer replaces an `error`, and nothing else."""
        rows = [(judge, request, *judgement_row(judgement)) for request, judgement in judgements]
        self.store("judgements", rows, keep=_keep_answer)

    def count_taken(self, sources: Iterable[str]) -> None:
        """Note where answers were taken over from; inside a transaction, with the answers."""
        if new := Counter(sources):
            self.store("meta", [("taken over", json.dumps(Counter(self.read_taken()) + new))])

    def read_taken(self) -> dict[str, int]:
        """Number of the answers that were taken over, by where they are from."""
        found: dict[str, int] = json.loads(self.meta("taken over") or "{}")
        return found

    def set_cell(self, cell: CellRow) -> None:
        """Record how far a cell got."""
        with self.transaction():
            self.store("cells", [tuple(cell)])

    # -- reading -------------------------------------------------------------------------------------------------

    def find_answered(self, judge: str, keys: Sequence[str]) -> set[str]:
        """Those of `keys` that need not be asked again: answered, and not with an error."""
        marks = ",".join("?" * len(keys))
        rows = self.select_all(
            f"SELECT request FROM judgements WHERE judge=? AND status<>'error' AND request IN ({marks})", (judge, *keys)
        )
        return {row[0] for row in rows}

    def judgement(self, judge: str, key: str) -> Judgement | None:
        """The judgement of one request."""
        row = self.select_one(
            "SELECT status, verdict, probabilities, raw, more FROM judgements WHERE judge=? AND request=?", (judge, key)
        )
        return None if row is None else judgement_from_row(*row)

    def usage(self, judge: str) -> Usage:
        """What all judgements of one judge have cost, and who gave them."""
        rows = self.select_all("SELECT more FROM judgements WHERE judge=? ORDER BY request", (judge,))
        return usage_of([json.loads(more) for (more,) in rows])

    def latencies(self, judge: str) -> list[float]:
        """Seconds from question to answer, sorted, of the judgements of one judge that say so."""
        rows = self.select_all("SELECT more FROM judgements WHERE judge=?", (judge,))
        found = [quantity(json.loads(more).get("latency_s")) for (more,) in rows]
        return sorted(seconds for seconds in found if seconds is not None)

    def cells(self) -> list[CellRow]:
        """All cells, in order of task and judge."""
        return [CellRow(*row) for row in self.select_all("SELECT * FROM cells ORDER BY task, judge", ())]

    def is_empty(self) -> bool:
        """Whether there is no judgement yet, not even a failed one."""
        return self.select_one("SELECT 1 FROM judgements LIMIT 1", ()) is None

    def statuses(self, task: str, judge: str) -> dict[str, int]:
        """How many of a task's requests ended in each status. `missing` counts those without a judgement."""
        rows = self.select_all(
            "SELECT coalesce(j.status, 'missing'), count(*) FROM asks a LEFT JOIN judgements j "
            f"ON j.judge=? AND {ANSWERS} WHERE a.task=? GROUP BY 1 ORDER BY 1",
            (judge, task),
        )
        return {status: int(count) for status, count in rows}

    def failures(self, task: str, judge: str, limit: int) -> list[tuple[str, str]]:
        """The first few errors: item and cause. One that several samples or orders of an item met is given once."""
        rows = self.select_all(
            f"SELECT a.item, json_extract(j.more, '$.error') FROM asks a JOIN judgements j ON j.judge=? AND {ANSWERS} "
            "WHERE a.task=? AND j.status='error' GROUP BY 1, 2 ORDER BY 1, min(a.place) LIMIT ?",
            (judge, task, limit),
        )
        return [(item, str(problem or "")) for item, problem in rows]


def _of_item(item: ItemRow) -> tuple[Any, ...]:
    """The columns of the table of items."""
    return item[:-1]


def _keep_answer(known: tuple[Any, ...], new: tuple[Any, ...]) -> tuple[Any, ...]:
    """Of two rows of judgements the one to keep: an answer, and of failures the new one."""
    return known if known[2] != "error" else (*new[:2], *add_spending(JudgementRow(*known[2:]), JudgementRow(*new[2:])))

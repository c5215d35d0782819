"""The journal: one SQLite file in the run folder that keeps every item, request and judgement.

One process writes, through one connection, in batches. Readers use connections of their own. WAL mode with
`synchronous=FULL` survives `kill -9` and a power cut at any moment: what was committed stays, the rest was never there.
See `integrity` for damage that a disk does to it later. Judgements
are keyed by judge and by the content of the request, so a question is never asked twice. Those of a judge that answers
by item have the item's id in their key as well. Not for network file systems (SQLite's WAL needs shared memory).

    items       what was asked about            (task, id)
    annotations what several people said of it  (task, item); a row only where some did
    asks        which request each item made    (task, item, place)
    requests    what was asked, by content      (key)
    judgements  what was answered               (judge, request)
    replaced    judgements before a new reading (judge, request, time)
    cells       how far each cell got           (task, judge)
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from harness.api import DataError, JournalError, Judgement, RecordedAnswer, UnreadAnswer, Usage
from harness.run.database import MOST_VALUES, Database
from harness.run.rows import (
    CellRow,
    ItemRow,
    JudgementRow,
    RequestRow,
    Rows,
    answer_from_row,
    difference,
    judgement_from_row,
    judgement_row,
    quantity,
    unread_from_row,
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
        self.store("judgements", rows, replaces=_is_failure)

    def count_taken(self, sources: Iterable[str]) -> None:
        """Note where answers were taken over from; inside a transaction, with the answers."""
        if new := Counter(sources):
            self.store("meta", [("taken over", json.dumps(Counter(self.read_taken()) + new))])

    def read_taken(self) -> dict[str, int]:
        """Number of the answers that were taken over, by where they are from."""
        found: dict[str, int] = json.loads(self.meta("taken over") or "{}")
        return found

    def replace_readings(self, changes: Iterable[tuple[str, str, Judgement]], *, time: str) -> None:
        """Put new readings in the place of judgements, all or none. What was there before is kept in `replaced`.

        Args:
            changes: Key of the judge, key of the request, and the new judgement. Its `raw` stays as it is recorded.
            time: When, in UTC.
        """
        with self.transaction():
            for judge, request, judgement in changes:
                new = judgement_row(judgement)
                query = "SELECT status, verdict, probabilities, raw, more FROM judgements WHERE judge=? AND request=?"
                old = JudgementRow(*self.select_one(query, (judge, request)))
                before = (judge, request, time, old.status, old.verdict, old.probabilities, old.more)
                self.store("replaced", [before], replaces=lambda known: False)
                self.store("judgements", [(judge, request, *new._replace(raw=old.raw))])
            self.drop_meta("published")  # the reports are older than the verdicts now

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

    def state(self) -> list[Any]:
        """Changes whenever a leaderboard may: the plan, the cells, how many judgements of each status, what failed."""
        counts = self.select_all("SELECT judge, status, count(*) FROM judgements GROUP BY 1, 2 ORDER BY 1, 2", ())
        asks = self.select_all("SELECT task, count(*) FROM asks GROUP BY 1 ORDER BY 1", ())
        # Failures alone are ever replaced, and what they took counts.
        failed = self.select_all("SELECT judge, request, more FROM judgements WHERE status='error' ORDER BY 1, 2", ())
        failures = hashlib.sha256(repr(failed).encode("utf-8", "surrogatepass")).hexdigest()[:16]
        return [self.meta("plan"), self.select_all("SELECT * FROM cells ORDER BY 1, 2", ()), counts, asks, failures]

    def statuses(self, task: str, judge: str) -> dict[str, int]:
        """How many of a task's requests ended in each status. `missing` counts those without a judgement."""
        rows = self.select_all(
            "SELECT coalesce(j.status, 'missing'), count(*) FROM asks a LEFT JOIN judgements j "
            f"ON j.judge=? AND {ANSWERS} WHERE a.task=? GROUP BY 1 ORDER BY 1",
            (judge, task),
        )
        return {status: int(count) for status, count in rows}

    def has_answers(self, task: str, judge: str) -> bool:
        """Whether a cell has any judgement. A failed one counts."""
        query = f"SELECT 1 FROM asks a JOIN judgements j ON j.judge=? AND {ANSWERS} WHERE a.task=? LIMIT 1"
        return bool(self.select_all(query, (judge, task)))

    def failures(self, task: str, judge: str, limit: int) -> list[tuple[str, str]]:
        """The first few errors: item and cause."""
        rows = self.select_all(
            f"SELECT a.item, j.more FROM asks a JOIN judgements j ON j.judge=? AND {ANSWERS} "
            "WHERE a.task=? AND j.status='error' ORDER BY a.item, a.place LIMIT ?",
            (judge, task, limit),
        )
        return [(item, str(json.loads(more).get("error", ""))) for item, more in rows]

    def answers(self, task: str, judge: str, *, texts: bool = False) -> Iterator[RecordedAnswer]:
        """Stream a cell's answers, ordered by item and place. Requests without a judgement are left out.

        Args:
            task: Name of the task.
            judge: Key of the judge.
            texts: Whether with what was written, the reasoning and the item's tags.
        """
        annotated = self.has_table("annotations")  # not in a journal of an earlier version that is only read
        more = f"{'n.verdicts' if annotated else 'NULL'}{', j.raw, j.more, i.tags' if texts else ''}"
        query = (
            "SELECT i.id, i.grp, i.category, i.space, i.gold, a.ord, a.sample, j.status, j.verdict, j.probabilities, "
            f"{more} FROM asks a JOIN items i ON i.task=a.task AND i.id=a.item "
            f"{'LEFT JOIN annotations n ON n.task=i.task AND n.item=i.id' if annotated else ''} "
            f"JOIN judgements j ON j.judge=? AND {ANSWERS} WHERE a.task=? ORDER BY a.item, a.place"
        )
        with self.explain_errors():
            for row in self._db.execute(query, (judge, task)):
                yield answer_from_row(*row)

    def unread(self, task: str, judge: str) -> Iterator[UnreadAnswer]:
        """Stream a cell's answers without a verdict, ordered by item and place."""
        query = (
            "SELECT i.id, i.category, a.ord, a.sample, j.status, j.verdict, j.probabilities, j.raw, j.more "
            "FROM asks a JOIN items i ON i.task=a.task AND i.id=a.item "
            f"JOIN judgements j ON j.judge=? AND {ANSWERS} "
            "WHERE a.task=? AND j.status<>'ok' ORDER BY a.item, a.place"
        )
        with self.explain_errors():
            for row in self._db.execute(query, (judge, task)):
                yield unread_from_row(*row)

    def find_request_keys(self, task: str, items: Sequence[str]) -> dict[tuple[str, int], str]:
        """Keys of the recorded requests of some items, by item and place."""
        marks = ",".join("?" * len(items))
        rows = self.select_all(
            f"SELECT item, place, request FROM asks WHERE task=? AND item IN ({marks})", (task, *items)
        )
        return {(item, place): key for item, place, key in rows}

    def has_judge(self, judge: str) -> bool:
        """Whether there is any judgement of a judge."""
        return bool(self.select_all("SELECT 1 FROM judgements WHERE judge=? LIMIT 1", (judge,)))

    def find_judgements(self, judge: str, keys: Sequence[str]) -> dict[str, JudgementRow]:
        """Those of one judge's judgements that are there, by key of the request."""
        marks = ",".join("?" * len(keys))
        rows = self.select_all(
            "SELECT request, status, verdict, probabilities, raw, more FROM judgements "
            f"WHERE judge=? AND request IN ({marks})",
            (judge, *keys),
        )
        return {key: JudgementRow(*row) for key, *row in rows}

    def details(self, task: str, item: str, judge: str) -> list[tuple[RequestRow, Judgement | None]]:
        """What was asked about one item and what came back, in order of place."""
        rows = self.select_all(
            "SELECT a.place, a.ord, a.sample, a.request, r.content, j.status, j.verdict, j.probabilities, j.raw, "
            "j.more FROM asks a JOIN requests r ON r.key=a.request "
            f"LEFT JOIN judgements j ON j.judge=? AND {ANSWERS} "
            "WHERE a.task=? AND a.item=? ORDER BY a.place",
            (judge, task, item),
        )
        return [
            (
                RequestRow(task, item, place, order, sample, key, content),
                None if rest[0] is None else judgement_from_row(*rest),
            )
            for place, order, sample, key, content, *rest in rows
        ]

    def item_hashes(self, task: str) -> Iterator[tuple[str, str]]:
        """Ids and content hashes of a task's items, ordered by id."""
        with self.explain_errors():
            yield from self._db.execute("SELECT id, hash FROM items WHERE task=? ORDER BY id", (task,))

    def merge_from(self, other: Path) -> None:
        """Take over all that another journal of the same run holds. Answers win over errors.

        Raises:
            JournalError: Both hold one item with different contents.
        """
        with self.explain_errors():
            self._db.execute("ATTACH DATABASE ? AS other", (str(other),))
        try:
            with self.transaction():
                clash = self.select_one(
                    "SELECT a.task, a.id FROM items a JOIN other.items b ON a.task=b.task AND a.id=b.id "
                    "WHERE a.hash<>b.hash OR a.ordinal<>b.ordinal LIMIT 1",
                    (),
                )
                if clash is not None:
                    raise JournalError(
                        f"{other}: item {clash[1]!r} of task {clash[0]!r} differs from the other shard's"
                    )
                self.forget_sums()
                # `replaced` and `meta` stay where they are: they are about the shard, not about its answers.
                tables = ["items", "asks", "requests"]
                if self.has_table("annotations", of="other"):
                    tables.append("annotations")
                for table in tables:
                    self._db.execute(f"INSERT OR IGNORE INTO {table} SELECT * FROM other.{table}")
                self._db.execute(
                    "INSERT INTO judgements SELECT * FROM other.judgements WHERE true ON CONFLICT DO UPDATE SET "
                    "status=excluded.status, verdict=excluded.verdict, probabilities=excluded.probabilities, "
                    "raw=excluded.raw, more=excluded.more WHERE status='error'"
                )
        finally:  # SQLite attaches ten files at most, and there may be more shards
            self._db.execute("DETACH DATABASE other")


def _of_item(item: ItemRow) -> tuple[Any, ...]:
    """The columns of the table of items."""
    return item[:-1]


def _is_failure(known: tuple[Any, ...]) -> bool:
    """Whether a row of judgements may be replaced by a new answer."""
    return bool(known[2] == "error")

"""The journal of a recorded run, with the queries of those who read runs. A run itself needs none of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from harness.api import Judgement, RecordedAnswer, UnreadAnswer
from harness.recorded.rows import answer_from_row, unread_from_row
from harness.runner.journal import ANSWERS, Journal
from harness.runner.rows import JudgementRow, judgement_from_row, judgement_row


class RecordedJournal(Journal):
    """One connection to the journal of a recorded run, as `Journal` is to that of a run at work.

    Raises:
        JournalError: From every method: the file is locked, full, corrupted, or of another version.
    """

    def state(self) -> list[Any]:
        """Changes whenever a leaderboard may: the plan, the cells, how many judgements of each status, what failed."""
        counts = self.select_all("SELECT judge, status, count(*) FROM judgements GROUP BY 1, 2 ORDER BY 1, 2", ())
        asks = self.select_all("SELECT task, count(*) FROM asks GROUP BY 1 ORDER BY 1", ())
        # Failures alone are ever replaced, and what they took counts.
        failed = self.select_all("SELECT judge, request, more FROM judgements WHERE status='error' ORDER BY 1, 2", ())
        failures = hashlib.sha256(repr(failed).encode("utf-8", "surrogatepass")).hexdigest()[:16]
        return [self.meta("plan"), self.select_all("SELECT * FROM cells ORDER BY 1, 2", ()), counts, asks, failures]

    def has_answers(self, task: str, judge: str) -> bool:
        """Whether a cell has any judgement. A failed one counts."""
        query = f"SELECT 1 FROM asks a JOIN judgements j ON j.judge=? AND {ANSWERS} WHERE a.task=? LIMIT 1"
        return bool(self.select_all(query, (judge, task)))

    def has_judge(self, judge: str) -> bool:
        """Whether there is any judgement of a judge."""
        return bool(self.select_all("SELECT 1 FROM judgements WHERE judge=? LIMIT 1", (judge,)))

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

    def stream_judgements(
        self, task: str, judge: str, *, status: str | None = None
    ) -> Iterator[tuple[RecordedAnswer, Judgement]]:
        """Stream a cell's answers with their texts, each beside the whole judgement, ordered by item and place.

        Args:
            task: Name of the task.
            judge: Key of the judge.
            status: Only those of this status. `None`: all.
        """
        query = (
            "SELECT j.status, j.verdict, j.probabilities, j.raw, j.more, i.tags, "
            "i.id, i.grp, i.category, i.space, i.gold, a.ord, a.sample "
            "FROM asks a JOIN items i ON i.task=a.task AND i.id=a.item "
            f"JOIN judgements j ON j.judge=? AND {ANSWERS} "
            "WHERE a.task=? AND j.status=coalesce(?, j.status) ORDER BY a.item, a.place"
        )
        with self.explain_errors():
            for row in self._db.execute(query, (judge, task, status)):
                judgement, tags, item = row[:5], row[5], row[6:]
                # Annotations are the item's, and are read with it.
                texts = {"raw": judgement[3], "more": judgement[4], "tags": tags}
                yield answer_from_row(*item, *judgement[:3], **texts), judgement_from_row(*judgement)

    def item_hashes(self, task: str) -> Iterator[tuple[str, str]]:
        """Ids and content hashes of a task's items, ordered by id."""
        with self.explain_errors():
            yield from self._db.execute("SELECT id, hash FROM items WHERE task=? ORDER BY id", (task,))

    def find_request_keys(self, task: str, items: Sequence[str]) -> dict[tuple[str, int], str]:
        """Keys of the recorded requests of some items, by item and place."""
        marks = ",".join("?" * len(items))
        rows = self.select_all(
            f"SELECT item, place, request FROM asks WHERE task=? AND item IN ({marks})", (task, *items)
        )
        return {(item, place): key for item, place, key in rows}

    def find_content(self, key: str) -> str:
        """The content of a recorded request. Empty where the journal does not have it."""
        return next((content for (content,) in self.select_all("SELECT content FROM requests WHERE key=?", (key,))), "")

    def find_judgements(self, judge: str, keys: Sequence[str]) -> dict[str, JudgementRow]:
        """Those of one judge's judgements that are there, by key of the request."""
        marks = ",".join("?" * len(keys))
        rows = self.select_all(
            "SELECT request, status, verdict, probabilities, raw, more FROM judgements "
            f"WHERE judge=? AND request IN ({marks})",
            (judge, *keys),
        )
        return {key: JudgementRow(*row) for key, *row in rows}

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
                self.store("replaced", [before], keep=lambda known, new: known)
                self.store("judgements", [(judge, request, *new._replace(raw=old.raw))])
            self.drop_meta("published")  # the reports are older than the verdicts now

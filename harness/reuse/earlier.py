"""Answers that lie in earlier run folders of a manifest: the hook `harness_answers_known` of the core's own plugin.

A manifest that is changed has another hash, and so another run folder, also where it asks the same questions of the
same judges. Earlier folders are those beside it with the manifest's name and another hash. An answer is taken where the
key of the judge and the key of the request are the same, so nothing that could have been answered otherwise. Shards are
no source (`harness merge` makes a run of them), and folders that `--fresh` has put aside are none either.

What lies beside a run is not trusted to be whole: a journal is checked once, and each answer must be one of its space.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

from harness.api import HarnessError, Judgement, Request, Status
from harness.recorded.journal import RecordedJournal
from harness.runner.folder import JOURNAL
from harness.runner.rows import JudgementRow, judgement_from_row

MOST_RUNS = 32
"""Earlier runs that are looked at, the newest first. Each one is opened, checked and asked."""

_FOLDER = re.compile(r"(?P<name>.+)-[0-9a-f]{12}(?:-shard-\d+-of-\d+)?")


class EarlierRuns:
    """The earlier runs of a manifest. Implements `harness.api.KnownAnswers`. Opens none before it is asked.

    Args:
        folders: Run folders, the one to be asked first ahead.
        name: Name of the manifest.
    """

    def __init__(self, folders: Sequence[Path], name: str) -> None:
        self._folders = folders
        self._name = name
        self._holders: dict[str, list[tuple[str, RecordedJournal]]] = {}

    def find(self, judge: str, requests: Sequence[Request]) -> dict[str, tuple[str, Judgement]]:
        """Answers by key of the request, each with the folder that it is from."""
        wanted = {request.key: request for request in requests}
        found: dict[str, tuple[str, Judgement]] = {}
        # Looked up once for each judge: most folders hold no answer of it, and need not be asked about each chunk.
        if judge not in self._holders:
            self._holders[judge] = [run for run in self._runs if run[1].has_judge(judge)]
        for folder, journal in self._holders[judge]:
            missing = [key for key in wanted if key not in found]
            try:
                rows = journal.find_judgements(judge, missing) if missing else {}
            except HarnessError:  # damaged where the check does not look, or deleted in the meantime
                continue
            for key, row in rows.items():
                judgement = _read(row, wanted[key])
                if judgement is not None:
                    found[key] = (folder, judgement)
        return found

    def close(self) -> None:
        """Close the journals."""
        for _, journal in self.__dict__.get("_runs", ()):
            journal.close()

    @cached_property
    def _runs(self) -> list[tuple[str, RecordedJournal]]:
        return list(self._open())

    def _open(self) -> Iterator[tuple[str, RecordedJournal]]:
        for folder in self._folders:
            try:
                journal = RecordedJournal(folder / JOURNAL, readonly=True)
            except HarnessError:
                continue
            if self._is_usable(journal):
                yield str(folder), journal
            else:
                journal.close()

    def _is_usable(self, journal: RecordedJournal) -> bool:
        """Whether a journal is whole, and of a run of this manifest."""
        try:
            # A view of that name could compute for ever, and give what it likes.
            if not journal.has_table("judgements") or journal.select_all("PRAGMA quick_check(1)", ()) != [("ok",)]:
                return False
            return bool(json.loads(journal.meta("plan") or "{}").get("name") == self._name)
        except (HarnessError, ValueError, AttributeError):
            return False


def find_earlier(folder: Path) -> EarlierRuns | None:
    """The earlier runs beside a run folder; `None` where there are none.

    Args:
        folder: The run folder, which need not be there yet.
    """
    own = _FOLDER.fullmatch(folder.name)
    if own is None or not folder.parent.is_dir():
        return None
    pattern = re.compile(re.escape(own["name"]) + "-[0-9a-f]{12}")
    # A link is no folder of this place: what it leads to was not made here.
    beside = [
        path
        for path in folder.parent.iterdir()
        if pattern.fullmatch(path.name) and path.name != folder.name and not path.is_symlink()
    ]
    journals = [path / JOURNAL for path in beside if (path / JOURNAL).is_file() and not (path / JOURNAL).is_symlink()]
    newest = sorted(journals, key=lambda path: (path.stat().st_mtime, path.parent.name), reverse=True)
    return EarlierRuns([path.parent for path in newest[:MOST_RUNS]], own["name"]) if newest else None


def _read(row: JudgementRow, request: Request) -> Judgement | None:
    """The judgement of a row, `None` where it is an error or no answer to the request."""
    # The row may hold anything: this process did not write it.
    try:
        judgement = judgement_from_row(*row).check(request.space)
    except (ValueError, TypeError, KeyError, AttributeError, HarnessError, RecursionError):
        return None
    return None if judgement.status is Status.ERROR else judgement

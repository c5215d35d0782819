"""What answers of a judge have taken so far: those of this run, and of the runs beside it with the same judge.

Journals of other runs are read as data. One that cannot be read is passed over: an estimate may do without it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.api import Image, JournalError, Request
from harness.libraries.sealed import MOST_VALUES
from harness.runner.folder import JOURNAL
from harness.runner.journal import Journal
from harness.runner.rows import quantity

_MOST_ANSWERS = 800
"""Answers that are read of one run: more would make an estimate slow, and not better."""
_MOST_RUNS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownPrompt:
    """What a judge is shown: what its tokens depend on."""

    task: str
    """Name of the task in the plan."""
    ascii: int
    """Characters of its texts that are ASCII."""
    others: int
    """Further characters: those of other scripts are more tokens each."""
    images: int
    """Its images."""

    @classmethod
    def of(cls, request: Request, *, task: str) -> ShownPrompt:
        """Of a rendered request."""
        parts = [part for message in request.messages for part in message.parts]
        texts = [part for part in parts if isinstance(part, str)]
        return cls._of(task, texts, images=sum(isinstance(part, Image) for part in parts))

    @classmethod
    def of_content(cls, content: str, *, task: str) -> ShownPrompt:
        """Of a request as the journal keeps it.

        Raises:
            ValueError: It is no request's content; and so do `KeyError` and `TypeError`.
        """
        parts = [part for _, parts in json.loads(content)["messages"] for part in parts]
        texts = [part for part in parts if isinstance(part, str)]
        return cls._of(task, texts, images=len(parts) - len(texts))

    @classmethod
    def _of(cls, task: str, texts: Iterable[str], *, images: int) -> ShownPrompt:
        whole = "".join(texts)
        plain = sum(map(str.isascii, whole)) if not whole.isascii() else len(whole)
        return cls(task=task, ascii=plain, others=len(whole) - plain, images=images)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownAnswer:
    """What one answer took."""

    shown: ShownPrompt
    """The question."""
    prompt: float | None
    """Tokens read."""
    completion: float | None
    """Tokens written."""
    usd: float | None
    """US dollars."""


def find_known(folder: Path, judge: str) -> list[KnownAnswer]:
    """Answers of a judge, in the run's own journal and in those beside it, a few hundred of each.

    Args:
        folder: The run folder, which need not be there.
        judge: Key of the judge: options, weights and versions are alike in all of them.
    """
    found = read_known(folder / JOURNAL, judge)
    for path in _neighbours(folder):
        if len(found) >= _MOST_ANSWERS:
            break
        found += read_known(path, judge)
    return found


def _neighbours(folder: Path) -> Sequence[Path]:
    """The journals of other runs, the newest first."""
    try:
        paths = [path for path in folder.parent.glob(f"*/{JOURNAL}") if path.parent.name != folder.name]
        return sorted(paths, key=lambda path: (-path.stat().st_mtime, path.parent.name))[:_MOST_RUNS]
    except OSError:  # removed meanwhile, or not ours to read
        return []


def read_known(path: Path, judge: str) -> list[KnownAnswer]:
    """Answers of a judge in one journal. They are a random choice: keys of requests are hashes, and sort as such."""
    if not path.is_file():
        return []
    try:
        journal = Journal(path, readonly=True)
    except JournalError:
        return []
    try:
        return _read(journal, judge)
    except JournalError:
        return []
    finally:
        journal.close()


def _read(journal: Journal, judge: str) -> list[KnownAnswer]:
    rows = journal.select_all(
        "SELECT request, more FROM judgements WHERE judge=? AND status<>'error' ORDER BY request LIMIT ?",
        (judge, _MOST_ANSWERS),
    )
    # The key of a judge that answers by item ends with the item.
    took = {str(key).partition("/")[0]: more for key, more in rows}
    contents: dict[str, str] = {}
    tasks: dict[str, str] = {}
    keys = list(took)
    for start in range(0, len(keys), MOST_VALUES):
        part = keys[start : start + MOST_VALUES]
        marks = ",".join("?" * len(part))
        contents.update(journal.select_all(f"SELECT key, content FROM requests WHERE key IN ({marks})", tuple(part)))
        tasks.update(journal.select_all(f"SELECT request, task FROM asks WHERE request IN ({marks})", tuple(part)))
    found = []
    for key, content in contents.items():
        try:
            shown, fields = ShownPrompt.of_content(content, task=tasks.get(key, "")), json.loads(took[key])
            found.append(_answer_of(shown, fields))
        except (ValueError, KeyError, TypeError, AttributeError):  # somebody else's row
            continue
    return found


def _answer_of(shown: ShownPrompt, fields: dict[str, Any]) -> KnownAnswer:
    return KnownAnswer(
        shown=shown,
        prompt=quantity(fields.get("prompt_tokens")),
        completion=quantity(fields.get("completion_tokens")),
        usd=quantity(fields.get("cost_usd")),
    )

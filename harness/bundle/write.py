"""A run folder as one file. The folder is read only, and equal runs make equal bytes.

The same run is the same journal and the same recorded numbers: what was asked, what was answered, with the tokens,
prices and seconds that each answer took. Where the folder is, when it is bundled, by which version of Python, and in
which order the answers came changes nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from harness.api import JournalError
from harness.bundle.archive import CHUNK, ArchiveEntry, write_archive
from harness.bundle.environment import read_environment, read_manifest
from harness.bundle.layout import (
    ALWAYS,
    ENVIRONMENT,
    INDEX,
    LARGEST_DOCUMENT,
    LEADERBOARD,
    MANIFEST,
    PLAN,
    REQUESTS,
    SCORES,
    Index,
    Member,
    document_bytes,
)
from harness.bundle.tables import TABLES, BundleTable
from harness.libraries.files import put_in_place
from harness.recorded.load import load_run
from harness.runner.folder import JOURNAL
from harness.runner.journal import Journal


def write_bundle(folder: Path, out: Path, *, requests: bool = False) -> Index:
    """Bundle a run. The file appears when it is whole, or not at all.

    Args:
        folder: The run folder. Nothing in it is changed.
        out: The file. An older bundle there is replaced.
        requests: Whether the texts of the requests and the tags of the items go in. They are the benchmark's.

    Returns:
        The content of `bundle.json`.

    Raises:
        JournalError: It is no run folder, nothing was judged, it was not scored, or the file cannot be written.
        DataError: The bundle would be too large.
    """
    if not load_run(folder).cells:
        raise JournalError(f"{folder}: nothing was judged yet; run its manifest again")
    documents = _read_documents(folder)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with _replace_file(out) as stream, tempfile.TemporaryFile(dir=out.parent) as spool:
            return _write(folder, documents, stream, spool, requests=requests)
    except OSError as error:
        raise JournalError(
            f"{out}: cannot be written ({error.strerror or error}); free space or fix the permissions"
        ) from error


def _read_documents(folder: Path) -> dict[str, Any]:
    board, scores = _read_json(folder, LEADERBOARD), _read_json(folder, SCORES)
    # Titles of sections whose text plugins wrote into `leaderboard.md`, which is not in the bundle; and what only its
    # maker could compute, by asking judges again.
    return {
        LEADERBOARD: {**board, "sections": [], "faithfulness": []},
        SCORES: scores,
        ENVIRONMENT: read_environment(folder),
    }


def _rename_run(board: dict[str, Any], name: str) -> dict[str, Any]:
    """The leaderboard of one run under the name of its manifest: that of a folder changes when the folder is renamed.

    What has yet another name on it stays, and is found when the bundle is verified.
    """
    old = board.get("title", name)

    def rename(value: Any) -> Any:
        is_own = isinstance(value, dict) and value.get("run") == old
        return {**value, "run": name} if is_own else value

    found = {
        key: [rename(entry) for entry in value] if isinstance(value, list) else value for key, value in board.items()
    }
    return {**found, "title": name} if "title" in board else found


def _read_json(folder: Path, name: str) -> dict[str, Any]:
    path = folder / name
    try:
        # A pipe would be waited for, and a file without an end would fill the memory.
        if path.exists() and (not path.is_file() or path.stat().st_size > LARGEST_DOCUMENT):
            raise ValueError("it is no regular file, or too large")
        # What is not a number stands as `NaN` in a file of Python's, and JSON has no word for it.
        plain = json.loads(path.read_text(encoding="utf-8"), parse_constant=lambda word: None)
    except FileNotFoundError:
        raise JournalError(f"{folder}: has no {name}; `harness score {folder}` makes it") from None
    except (OSError, ValueError, RecursionError) as error:
        raise JournalError(f"{path}: cannot be read ({error}); `harness score {folder}` makes it again") from error
    if not isinstance(plain, dict):
        raise JournalError(f"{path}: holds no mapping; `harness score {folder}` makes it again")
    return plain


def _write_document(folder: Path, name: str, plain: Any) -> bytes:
    try:
        return document_bytes(plain)
    except (ValueError, RecursionError) as error:
        raise JournalError(f"{folder / name}: cannot be written again ({error})") from error


def _write(folder: Path, documents: dict[str, Any], stream: BinaryIO, spool: BinaryIO, *, requests: bool) -> Index:
    """Write every member to the spool, so that sizes and hashes are known, and then the archive."""
    content = _Spool(spool)
    names = sorted([*ALWAYS, *([REQUESTS] if requests else [])])
    journal = Journal(folder / JOURNAL, readonly=True)
    try:
        annotated = journal.has_table("annotations")  # not in a journal of an earlier version
        plan = json.loads(journal.meta("plan") or "{}")
        name_of_run = str(plan.get("name", folder.name))
        documents = {**documents, LEADERBOARD: _rename_run(documents[LEADERBOARD], name_of_run)}
        with journal.snapshot() as select:
            for name in names:
                if name in TABLES:
                    query = _query_of(TABLES[name], annotated=annotated, tags=requests)
                    content.add(name, map(TABLES[name].write, select(query)))
                elif name == MANIFEST:
                    content.add(name, [read_manifest(folder).encode()])
                else:
                    content.add(name, [_write_document(folder, name, plan if name == PLAN else documents[name])])
    finally:
        journal.close()
    index = Index(
        name=name_of_run,
        harness=documents[ENVIRONMENT]["harness"],
        requests=requests,
        members=tuple(content.members),
    )
    head = index.to_bytes()
    entries = [ArchiveEntry(name=INDEX, size=len(head), crc=zlib.crc32(head)), *content.entries]
    write_archive(stream, entries, lambda entry: [head] if entry.name == INDEX else content.parts(entry.name))
    return index


def _query_of(table: BundleTable, *, annotated: bool, tags: bool) -> str:
    said = "(SELECT verdicts FROM annotations n WHERE n.task=i.task AND n.item=i.id)"
    # Tags are any facts that a benchmark keeps with an item, texts among them.
    return table.query.format(annotations=said if annotated else "NULL", tags="i.tags" if tags else "NULL")


class _Spool:
    """The members one after the other in a file without a name, so that memory does not grow with the run."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._places: dict[str, tuple[int, int]] = {}
        self.members: list[Member] = []
        self.entries: list[ArchiveEntry] = []

    def add(self, name: str, parts: Iterable[bytes]) -> None:
        """Keep a member."""
        start, sha, crc, size = self._stream.tell(), hashlib.sha256(), 0, 0
        for part in parts:
            self._stream.write(part)
            sha.update(part)
            crc = zlib.crc32(part, crc)
            size += len(part)
        self._places[name] = (start, size)
        self.members.append(Member(name=name, bytes=size, sha256=sha.hexdigest()))
        self.entries.append(ArchiveEntry(name=name, size=size, crc=crc))

    def parts(self, name: str) -> Iterator[bytes]:
        """Give a member back."""
        start, left = self._places[name]
        self._stream.seek(start)
        while left:
            part = self._stream.read(min(left, CHUNK))
            left -= len(part)
            yield part


@contextmanager
def _replace_file(path: Path) -> Iterator[BinaryIO]:
    """Write a file beside another, and put it in its place once it is whole.

    Raises:
        JournalError: There is a file that is no bundle.
    """
    if path.exists() and not _is_archive(path):
        raise JournalError(f"{path}: is there already and is no bundle; give another name, or take it away")
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, 0o644)  # mkstemp makes files that only their owner reads
        put_in_place(Path(temporary), path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)  # Ctrl-C may come after it was given its name
        raise


def _is_archive(path: Path) -> bool:
    # A pipe would be waited for.
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        return stream.read(4) == b"PK\3\4"

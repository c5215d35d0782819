"""Reading a run folder that may not be written to: an archive, somebody else's folder, storage that is read-only."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from functools import lru_cache
from pathlib import Path


class SealedError(Exception):
    """A sealed file cannot be read or written. The message says why, and what to do."""


MOST_COPIED = 4 * 2**30
"""Bytes. A larger journal with a log beside it is not copied for reading."""


def is_writable(folder: Path) -> bool:
    """Whether files may be made in a folder. A superuser may write everywhere but on read-only storage."""
    return os.access(folder, os.W_OK)


def path_to_read(path: Path, *, error: type[SealedError]) -> tuple[Path, str]:
    """Where and how a journal is read: the file itself, or a copy where it cannot be read in its place.

    Raises:
        SealedError: It would have to be copied, and it is too large.
        OSError: It cannot be read.
    """
    if is_writable(path.parent):
        return path, "mode=ro"
    logs = [path.with_name(path.name + ending) for ending in ("-wal", "-journal")]
    logs = [log for log in logs if log.is_file() and log.stat().st_size > 0]
    if not logs:
        # In WAL mode a reader writes too, to the file `-shm`. Where it may not, the file is read as one that does not
        # change: what is written last stands in the log, if anywhere.
        return path, "mode=ro&immutable=1"
    if path.with_name(f"{path.name}-shm").is_file():  # made already, by the process that was killed or still writes
        return path, "mode=ro"
    size = path.stat().st_size + sum(log.stat().st_size for log in logs)
    if size > MOST_COPIED:
        raise error(
            f"journal {path}: it was not closed, and its folder is read-only. Copy the run folder to where you may "
            f"write, and read that ({size:,} bytes are more than the harness copies by itself)"
        )
    return _copy(path, tuple(logs), path.stat().st_mtime_ns, size), "mode=rwc"


@lru_cache(maxsize=8)
def _copy(path: Path, logs: tuple[Path, ...], time: int, size: int) -> Path:
    """A copy of a journal with its log, kept until this process ends."""
    folder = tempfile.mkdtemp(prefix="harness-journal-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for file in (path, *logs):
        shutil.copyfile(file, Path(folder) / file.name)
    return Path(folder) / path.name

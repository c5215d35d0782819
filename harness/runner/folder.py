"""The run folder: its name, its lock, and the small files beside the journal.

runs/<manifest name>-<hash>/
  manifest.yaml      the resolved manifest, runnable again as it is
  run.json           versions, machine, times, command line
  journal.sqlite     every item, request and judgement
  scores.json        all numbers of all cells
  leaderboard.*      md, csv and json
  sections.json      titles and Markdown of the sections that plugins add
  report.html        all of it to look at, and counts.json, which its pages need
"""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness import __version__
from harness.api import JournalError
from harness.libraries.files import check_regular, read_whole, try_lock, write_whole
from harness.libraries.secrets import scrub, scrub_document

JOURNAL = "journal.sqlite"
MANIFEST = "manifest.yaml"
RECORD = "run.json"
SCORES = "scores.json"
LEADERBOARD = "leaderboard.json"
SECTIONS = "sections.json"
REPORT = "report.html"

MOST_KEPT = 256 * 2**20
"""Bytes of a file beside the journal that are read."""


def write_atomically(path: Path, text: str) -> None:
    """Replace a file in one step, so that a reader never sees half of it, also after a power cut. No secret is written.

    Raises:
        JournalError: The disk is full or the folder cannot be written to.
    """
    # A manifest is run again, and has `${env:NAME}` where it was written: there only keys are taken out.
    text = scrub(text, keys=True) if path.suffix == ".yaml" else scrub_document(text)
    # A lone surrogate has no bytes. A text that quotes what a model wrote may have one.
    text = text.encode("utf-8", "backslashreplace").decode()
    try:
        write_whole(path, text)
    except OSError as error:
        if path.is_dir():
            raise JournalError(f"{path}: a folder stands in the place of this file; move it away") from error
        raise JournalError(
            f"{path}: cannot be written ({error.strerror or error}); free space or fix the permissions"
        ) from error


def read_kept(path: Path) -> bytes:
    """The content of a small file of a run folder. A stranger may have made the folder.

    Raises:
        OSError: It cannot be read, is no file, or is larger than the harness ever writes one.
    """
    return read_whole(path, most=MOST_KEPT)


def make_folder(path: Path, *, fresh: bool) -> None:
    """Make the run folder; with `fresh`, an older one is kept beside it as `<name>.old-N`.

    Raises:
        JournalError: It cannot be made, or another process is writing to the older one.
    """
    try:
        if fresh and path.exists():
            number = 1
            while (aside := path.with_name(f"{path.name}.old-{number}")).exists():
                number += 1
            with lock_folder(path):  # refused while another process writes to it
                path.rename(aside)
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise JournalError(f"run folder {path}: cannot be made ({error.strerror or error})") from error


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Hold the run folder for this process. The operating system frees it when the process dies in any way.

    Raises:
        JournalError: Another process holds it, or the folder cannot be written to.
    """
    path = folder / "run.lock"
    try:
        if os.path.lexists(path):  # to open a pipe would wait for its reader, and a link may lead to any file
            check_regular(path, follow=False)
        # "a+" makes the file where there is none, and does not empty one that names another process.
        opened = path.open("a+", encoding="utf-8", errors="replace")
    except OSError as error:
        if path.is_dir():
            raise JournalError(f"{path}: a folder stands in the place of this file; move it away") from error
        raise JournalError(
            f"{path}: cannot be written ({error.strerror or error}); check the permissions of the folder"
        ) from error
    with opened as handle:
        if not try_lock(handle.fileno()):
            handle.seek(0)
            holder = handle.read(20).strip() or "unknown"
            raise JournalError(
                f"run folder {folder}: another harness process (pid {holder}) is writing to it; wait for it to end"
            )
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        yield


def write_record(
    folder: Path,
    *,
    plugins: Mapping[str, str],
    state: str,
    seconds: float,
    command: list[str],
    judges: Mapping[str, Mapping[str, Any]],
    data: Mapping[str, str] | None = None,
    taken_over: Mapping[str, int] | None = None,
    code: Mapping[str, str] | None = None,
) -> None:
    """Write `run.json`: what a reader needs to run this again, and nothing that scores depend on."""
    record: dict[str, Any] = {
        "schema": "judge-harness/run/1",
        "harness": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "plugins": dict(sorted(plugins.items())),
        "command": command,
        "state": state,
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "seconds": round(seconds, 3),
        "judges": judges,
        "data": dict(data or {}),
        "taken_over": dict(taken_over or {}),
        "code": dict(code or {}),
    }
    write_atomically(folder / RECORD, json.dumps(record, indent=2) + "\n")

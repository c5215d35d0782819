"""What the journal says of the report that was written last: of which answers it is, and the hash of each of its files.

So a report that is damaged, edited or gone is made again, and never believed.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from harness.runner.folder import JOURNAL, read_kept
from harness.runner.journal import Journal

_META = "published"


def wants_page() -> bool:
    """Whether runs write `report.html`. Not where `HARNESS_REPORT=no`: a thousand shards need no thousand pages."""
    return os.environ.get("HARNESS_REPORT", "") != "no"


def digest(content: bytes) -> str:
    """Hash of the content of a file."""
    return hashlib.sha256(content).hexdigest()[:32]


def list_written(folder: Path) -> dict[str, str]:
    """Hash of each file of the last report by name. Empty where the journal does not say."""
    return {str(name): str(value) for name, value in _read(folder).get("files", {}).items()}


def is_as_written(folder: Path, key: str, names: Iterable[str]) -> bool:
    """Whether the last report is that of `key`, has all of `names`, and nothing has changed in its files."""
    if _read(folder).get("key") != key:
        return False
    files = list_written(folder)
    return files.keys() >= set(names) and all(hash_file(folder / name) == value for name, value in files.items())


def keep_written(folder: Path, key: str, names: Iterable[str]) -> None:
    """Remember which report was written, and its files."""
    files = {name: value for name in sorted(set(names)) if (value := hash_file(folder / name))}
    journal = Journal(folder / JOURNAL)
    try:
        journal.set_meta(_META, json.dumps({"key": key, "files": files}))
    finally:
        journal.close()


def hash_file(path: Path) -> str:
    """Hash of a file of a run folder; empty where there is none that can be read."""
    try:
        return digest(read_kept(path))
    except OSError:
        return ""


def _read(folder: Path) -> dict[str, Any]:
    journal = Journal(folder / JOURNAL, readonly=True)
    try:
        found = json.loads(journal.meta(_META) or "{}")
    except ValueError:
        return {}
    finally:
        journal.close()
    # Earlier versions kept the key alone.
    return found if isinstance(found, dict) and isinstance(found.get("files", {}), dict) else {}

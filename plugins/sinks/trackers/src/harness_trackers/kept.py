"""What was sent already, in a small file beside the run or the training: so that nothing is sent twice.

The run of a service has an id that is made once for a folder. `--fresh` makes a new folder, and so a new run.
"""

from __future__ import annotations

import fcntl
import json
import os
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from harness.api import UserError
from harness.api.files import read_whole, write_whole

_MOST = 2**24
_ID = frozenset("0123456789abcdef")


@dataclass(kw_only=True)
class Sent:
    """What a place has already."""

    outcome: str = ""
    """Hash of the outcome that was sent last."""
    steps: dict[str, int] = field(default_factory=dict)
    """The last step that was sent, by name of the metric."""


class Kept:
    """The file of one service in one folder."""

    def __init__(self, folder: Path, service: str) -> None:
        """Read it, or begin one, once no other process has it: that of an attempt that was killed may still send.

        Raises:
            UserError: It is damaged, or cannot be written.
        """
        self._path = folder / f"tracker-{service}.json"
        # Of its own, since the file itself is replaced. The lock goes with this process.
        self._lock = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o644)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._places: dict[str, Sent] = {}
        self.id = uuid.uuid4().hex
        try:
            if self._path.exists():
                self._read()
            else:
                # Before anything is sent: a process that is killed must find its own run again.
                self.save()
        except UserError:
            self.close()  # it is tried again, and would wait for itself
            raise

    def find(self, place: str) -> Sent:
        """What a place has already. It is changed by the caller, and kept by `save`."""
        return self._places.setdefault(place, Sent())

    def save(self) -> None:
        """Write the file.

        Raises:
            UserError: It cannot be written.
        """
        plain = {"id": self.id, "places": {place: asdict(sent) for place, sent in self._places.items()}}
        try:
            write_whole(self._path, json.dumps(plain, indent=1) + "\n")
        except OSError as error:
            raise UserError(f"{self._path}: cannot be written ({error.strerror or error}); free space") from error

    def close(self) -> None:
        """Let other processes have it."""
        os.close(self._lock)

    def _read(self) -> None:
        try:
            plain: dict[str, Any] = json.loads(read_whole(self._path, most=_MOST))
            identity = str(plain["id"])
            if len(identity) != len(self.id) or not set(identity) <= _ID:
                raise ValueError("its id is none of ours")
            self.id = identity
            self._places = {str(place): _read_sent(sent) for place, sent in plain["places"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise UserError(
                f"{self._path}: is damaged ({error}); remove it, and all is sent again as a new run"
            ) from error


def _read_sent(plain: Mapping[str, Any]) -> Sent:
    return Sent(outcome=str(plain["outcome"]), steps={str(name): int(step) for name, step in plain["steps"].items()})

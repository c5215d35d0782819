"""What runs on a machine of the cluster: an actor around one worker. It takes and gives text, bytes and numbers."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence

from harness.api import Placement, UserError
from harness.api.execution import JudgeWorker, Parcel, Reply


class WorkerActor:
    """One copy of a judge. Made without arguments: those of a constructor are kept by the cluster's head."""

    def __init__(self) -> None:
        self._worker: JudgeWorker | None = None

    def open(self, placement: str, environment: Mapping[str, str]) -> tuple[Reply, str]:
        """Make the judge. Returns the first reply, and where this is."""
        os.environ.update(environment)
        where = f"node {platform.node()}, pid {os.getpid()}"
        try:
            self._worker = Placement.from_json(placement).open()
            return self._worker.exchange(Parcel(b"[]", ())), where
        except UserError as error:  # as text, since an exception of a plugin might not load where it arrives
            return Reply(b"", 0, str(error)), where

    def exchange(self, text: bytes, pictures: Sequence[bytes], flush: bool, more: bool) -> Reply:
        """See `harness.api.execution.JudgeWorker`."""
        assert self._worker is not None
        try:
            return self._worker.exchange(Parcel(text, tuple(pictures)), flush=flush, more=more)
        except UserError as error:
            return Reply(b"", 0, str(error))

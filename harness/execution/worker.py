"""A judge of a plan, made again in another process from a `harness.api.Placement`, and asked there.

The judge is driven by the same `Driver` as in the process of a run: one that raises, hangs or yields nonsense costs
one request here as there. Requests come in parcels and answers leave in replies. Nothing is written to any disk.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from harness.api import Judge, Placement, PluginError, Request, UserError, VerdictFormat
from harness.api.execution import Parcel, Reply, pack_answers, unpack_requests
from harness.discovery import Plugins
from harness.execution.rebuild import rebuild_judge
from harness.runner.driver import AnsweredRequest, Driver

WAIT_S = 0.5
"""How long one exchange waits at most."""

RIPE_S = 0.25
"""Answers are collected for so long before they are sent, as a message costs as much as many answers."""

MOST_AHEAD = 256
"""Requests that wait here at most until the judge takes them. All of them are lost when this process dies."""


class LocalWorker:
    """One judge in this process. Implements `harness.api.execution.JudgeWorker`.

    Requests go through a queue to the judge's thread, and answers through another one back. The queue is as long as the
    judge needs it: it begins short, and doubles each time that the judge has to wait for a request.

    Args:
        placement: The judge.

    Raises:
        UserError: The judge cannot be made here, or is not the same as in the process of the run.
    """

    def __init__(self, placement: Placement) -> None:
        _check_versions(placement)
        self._timeout = placement.timeout
        self._plugins = Plugins.load(blocked=placement.blocked, extra=placement.extra, allowed=placement.allowed)
        self._find_format = lru_cache(self._make_format)
        self._folder = tempfile.TemporaryDirectory(prefix="harness-worker-", ignore_cleanup_errors=True)
        try:
            planned = rebuild_judge(placement, self._plugins, workspace=Path(self._folder.name))
        except BaseException:
            self._folder.cleanup()
            raise
        self._remake: Callable[[], Judge] = planned.make
        self._judge: Judge = planned.judge
        self._changed = threading.Condition()
        self._queue: deque[Request] = deque()
        self._answers: list[AnsweredRequest] = []
        self._ripe_at = 0.0
        self._unanswered = 0
        self._ahead = 4
        self._hungry = self._flush = self._closed = False
        self._problem = ""
        threading.Thread(target=self._serve, name="worker", daemon=True).start()

    def exchange(self, parcel: Parcel, *, flush: bool = False, more: bool = True) -> Reply:
        """See `harness.api.execution.JudgeWorker`."""
        requests = unpack_requests(parcel, self._find_format)
        until = time.monotonic() + WAIT_S
        with self._changed:
            self._take_in(requests, flush=flush)
            while (wait := self._seconds_to_wait(until, more=more)) > 0:
                self._changed.wait(wait)
            return self._reply()

    def answer(self, parcel: Parcel) -> Reply:
        """See `harness.api.execution.JudgeWorker`."""
        requests = unpack_requests(parcel, self._find_format)
        with self._changed:
            self._take_in(requests, flush=True)
            self._changed.wait_for(lambda: not self._unanswered or self._problem)
            return self._reply()

    def close(self) -> None:
        """See `harness.api.execution.JudgeWorker`."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        close = getattr(self._judge, "close", None)
        if close is not None:
            close()
        self._folder.cleanup()

    def _take_in(self, requests: list[Request], *, flush: bool) -> None:
        self._queue.extend(requests)
        self._unanswered += len(requests)
        self._hungry = self._hungry and not requests
        self._flush = flush
        self._changed.notify_all()

    def _seconds_to_wait(self, until: float, *, more: bool) -> float:
        """How long an exchange still waits: not for ever, not with ripe answers, and not while the judge starves."""
        if self._problem or (self._hungry and more) or (self._answers and not self._unanswered):
            return 0.0
        return (min(until, self._ripe_at) if self._answers else until) - time.monotonic()

    def _reply(self) -> Reply:
        answers, self._answers = self._answers, []
        if self._hungry:
            self._ahead = min(2 * self._ahead, MOST_AHEAD)
        wanted = max(0, self._ahead - len(self._queue))
        return Reply(pack_answers(answers), wanted, self._problem)

    def _serve(self) -> None:
        """Ask the judge in rounds. A round ends when the queue is empty and is to be flushed."""
        try:
            while self._wait_for_requests():
                fresh = [self._judge]
                driver = Driver(
                    make_judge=lambda fresh=fresh: fresh.pop() if fresh else self._make_judge(),  # type: ignore[misc]
                    requests=self._stream(),
                    timeout=self._timeout,
                )
                for batch in driver.batches():
                    self._keep(batch)
        except BaseException as error:  # all else than a user's error is a fault, and no worker can go on after one
            named = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
            with self._changed:
                self._problem = named or type(error).__name__
                self._changed.notify_all()

    def _wait_for_requests(self) -> bool:
        with self._changed:
            self._hungry = not self._queue
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._queue or self._closed)
            return not self._closed

    def _make_judge(self) -> Judge:
        """Another judge, in the place of one that hangs."""
        self._judge = self._remake()
        return self._judge

    def _stream(self) -> Iterator[Request]:
        while True:
            with self._changed:
                while not self._queue and not self._flush and not self._closed:
                    self._hungry = True
                    self._changed.notify_all()
                    self._changed.wait()
                if not self._queue:
                    return
                request = self._queue.popleft()
            yield request

    def _keep(self, batch: list[AnsweredRequest]) -> None:
        if not batch:
            return
        with self._changed:
            if not self._answers:
                self._ripe_at = time.monotonic() + RIPE_S
            self._answers += batch
            self._unanswered -= len(batch)
            self._changed.notify_all()

    def _make_format(self, name: str) -> VerdictFormat:
        made: VerdictFormat = self._plugins.find("format", name).create(None, None)
        if made.name != name:
            raise PluginError(f"format {name!r} calls itself {made.name!r}; its name must be its id to be found again")
        return made


def _check_versions(placement: Placement) -> None:
    """Refuse to answer with other code than the run's, and name it, before a key differs without a cause."""
    for distribution, wanted in placement.versions.items():
        try:
            here = version(distribution)
        except PackageNotFoundError:
            here = ""
        # A file given with --plugin has no version. Its content is part of the key, as far as it says so itself.
        if wanted != here and wanted not in ("-", ""):
            raise PluginError(
                f"judge {placement.name}: the run has {distribution} {wanted}, and this worker has "
                f"{f'version {here}' if here else 'none'}; install the same version on every machine"
            )

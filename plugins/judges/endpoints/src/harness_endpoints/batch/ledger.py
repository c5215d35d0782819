"""Where each question is: in no batch yet, in a batch, or answered. Asks nothing."""

from __future__ import annotations

from harness.api import Request
from harness_endpoints.batch.parts import Held
from harness_endpoints.batch.store import BatchRecord, BatchStore


class Ledger:
    """The questions of one flow.

    Args:
        store: The records of batches.

    Attributes:
        held: Requests that wait for their answer, by name.
        fresh: Names of those among them that are in no batch, in order.
        open: Batches that are waited for.
    """

    def __init__(self, store: BatchStore) -> None:
        self._store = store
        self.held: dict[str, Held] = {}
        self.fresh: dict[str, None] = {}
        self.open: list[BatchRecord] = []
        self._batch_of: dict[str, BatchRecord] = {}  # also of questions that the stream has not given yet

    def load(self) -> None:
        """Read the batches of earlier commands. The newest one that a question is in counts.

        Raises:
            JudgeStoppedError: A record cannot be read.
        """
        for record in self._store.load():
            self._batch_of.update(dict.fromkeys(record.ids, record))

    def hold(self, name: str, request: Request) -> None:
        """Take a request in. Where it is in a batch, that is waited for."""
        self.held[name] = Held(request)
        record = self._batch_of.get(name)
        if record is None:
            self.fresh[name] = None
        elif record not in self.open:
            self.open.append(record)

    def expects(self, name: str, record: BatchRecord) -> bool:
        """Whether a question waits for the answer of this batch, and of no later one."""
        return name in self.held and self._batch_of.get(name) is record

    def submit(self, record: BatchRecord) -> None:
        """Write a batch down, before the first byte of it is sent."""
        self._store.save(record)
        self._batch_of.update(dict.fromkeys(record.ids, record))
        self.open.append(record)

    def ask_again(self, name: str) -> None:
        """A question of a batch that is to be in another one."""
        self._batch_of.pop(name, None)
        self.fresh[name] = None

    def close(self, record: BatchRecord) -> None:
        """The batch is read, as far as its questions were given. Those that come later open it again."""
        self.open.remove(record)

    def forget(self, record: BatchRecord) -> None:
        """The batch does not exist: its questions are to be asked."""
        self._store.remove(record)
        self.open.remove(record)
        for name in record.ids:
            if self._batch_of.get(name) is record:
                del self._batch_of[name]
                if name in self.held:
                    self.fresh[name] = None

    def drop(self, name: str) -> None:
        """A question has its outcome."""
        del self.held[name]
        self.fresh.pop(name, None)
        self._batch_of.pop(name, None)

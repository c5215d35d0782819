"""What an executor is, and what it is given: one judge of the plan as plain data.

An executor asks the judges of a run somewhere else than in the process of the run. It only moves requests and answers.
The process of the run keeps the journal: it streams the requests, and it alone writes down the answers. The parts that
executors are made of are in `harness.api.execution`.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple, Protocol, cast

from harness.api._contracts import Judge


class Parcel(NamedTuple):
    """Requests on their way to another process."""

    text: bytes
    """JSON. Pictures are named in it by their places in `pictures`."""
    pictures: tuple[bytes, ...]
    """Encoded pictures, each content once."""


class Reply(NamedTuple):
    """What a worker says when it is asked."""

    answers: bytes
    """The answers since the last reply, for `unpack_answers`."""
    wanted: int
    """How many more requests it would take now."""
    problem: str = ""
    """Why it cannot go on. Its judge is of no use then, here or on any other worker."""


class JudgeWorker(Protocol):
    """A judge of the plan, made again in another process. `Placement.open` makes it."""

    def exchange(self, parcel: Parcel, *, flush: bool = False, more: bool = True) -> Reply:
        """Take requests, and give the answers that are there. It waits half a second at most.

        Args:
            parcel: Further requests. There may be none.
            flush: Whether the judge should answer all that it holds, and wait for nothing more to fill a batch.
            more: Whether there are more requests to be had. Without, it does not return early for want of them.
        """

    def answer(self, parcel: Parcel) -> Reply:
        """Take requests and give all their answers, when the last one is there."""

    def close(self) -> None:
        """Free the judge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """One judge of the plan as plain data, so that it can be made again in another process. It holds no secret."""

    name: str
    """Name of the judge in the plan."""
    entry: Mapping[str, Any]
    """Its entry in the resolved manifest. `${env:NAME}` is kept, and filled in from the other process's environment."""
    seed: int
    """The run's seed."""
    key: str
    """The key of its answers. A worker whose judge has another one refuses to answer."""
    versions: Mapping[str, str]
    """Versions by distribution of what it is made with."""
    capabilities: tuple[str, ...] = ()
    """Those of its card, sorted. `network` and `plan` are reasons to ask it in the process of the run."""
    resources: Mapping[str, float] = field(default_factory=dict)
    """What its entry says that it needs: `cpus`, `gpus`, `memory_gb`."""
    timeout: float = 600.0
    """Seconds that it may stay silent. Its worker minds that."""
    extra: tuple[str, ...] = ()
    """Files and modules to use as plugins (`--plugin`), files as absolute paths."""
    blocked: tuple[str, ...] = ()
    """Plugins to leave alone (`--no-plugin`)."""
    allowed: tuple[str, ...] = ()
    """Other code that the user allows to run (`--allow-code`), files and folders as absolute paths."""
    maker: str = "harness.execution.worker:LocalWorker"
    """What makes the worker, as `package.module:attribute`. It is text, since the contract imports nothing of a run."""

    def to_json(self) -> str:
        """The same as text."""
        return json.dumps({**asdict(self), "entry": self.entry})

    @classmethod
    def from_json(cls, text: str) -> Placement:
        """What `to_json` wrote."""
        given = json.loads(text)
        lists = {name: tuple(given[name]) for name in ("capabilities", "extra", "blocked", "allowed")}
        return cls(**{**given, **lists})

    def open(self) -> JudgeWorker:
        """Make the judge in this process.

        Raises:
            UserError: It cannot be made here: a plugin, a file or a variable is missing, or a version differs.
        """
        module, _, attribute = self.maker.partition(":")
        return cast("JudgeWorker", getattr(importlib.import_module(module), attribute)(self))


class JudgePlacer(Protocol):
    """Has an executor ask judges of a plan: from the hook `harness_executor_wanted`."""

    def place(self, judge: object, *, manifest: object, plan: object, say: Callable[[str], None]) -> Judge | None:
        """The stand-in of a judge that is asked elsewhere; `None` for one that is asked in this process.

        Args:
            judge: One of the plan's.
            manifest: The core's own loaded manifest. Its form is no promise.
            plan: The core's own plan, likewise.
            say: Takes lines for people.
        """

    def close(self) -> None:
        """Free all that is held. Called once, after the last judge."""


class Executor(Protocol):
    """Where the judges of a run are asked. The factory of an `ExecutorCard` returns one; its context is `None`.

    An executor never changes what a run comes to. So it is named on the command line, with `--executor`, and is no
    part of a manifest or of the name of a run folder.
    """

    def place(self, placement: Placement, say: Callable[[str], None]) -> Judge | None:
        """A stand-in for a judge, which answers as the judge does; `None` to ask the judge in this process.

        The stand-in is a `Judge` whose `judge` sends the requests elsewhere and yields the answers as they come home.
        The driver of the run deals with what it raises and yields as with any judge. It is not timed, so it must
        notice itself when a worker is lost. Judges that stand elsewhere are asked at the same time, and `close` of a
        stand-in is called after its last task.

        Args:
            placement: The judge.
            say: Takes lines for people.

        Raises:
            UserError: It cannot be asked anywhere.
        """

    def close(self) -> None:
        """Free all that is held. Called once, after the last judge."""

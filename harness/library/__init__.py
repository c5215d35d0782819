"""The harness as a library, for notebooks and scripts: `harness.run`, `harness.load` and `harness.train`.

`import harness` brings these names and costs nothing. So does this package, which holds verbs of the command line too:
what a name needs is imported when it is used first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.libraries.lazy import find_lazily

if TYPE_CHECKING:
    from harness.library.board import Board
    from harness.library.calls import load, run, train
    from harness.library.checkpoint import Checkpoint
    from harness.library.figure import Figure
    from harness.library.items import JudgedItem
    from harness.library.judged import JudgedAnswer
    from harness.library.pair import Pair
    from harness.library.runs import Run
    from harness.library.tables import RecordTable

__all__ = [
    "Board",
    "Checkpoint",
    "Figure",
    "JudgedAnswer",
    "JudgedItem",
    "Pair",
    "RecordTable",
    "Run",
    "load",
    "run",
    "train",
]

_PLACES = {
    "Board": ".board",
    "Checkpoint": ".checkpoint",
    "Figure": ".figure",
    "JudgedAnswer": ".judged",
    "JudgedItem": ".items",
    "Pair": ".pair",
    "RecordTable": ".tables",
    "Run": ".runs",
    "load": ".calls",
    "run": ".calls",
    "train": ".calls",
}

if not TYPE_CHECKING:  # else a name that is not there would be one of unknown type
    __getattr__ = find_lazily(__name__, _PLACES)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

"""The harness as a library, for notebooks and scripts: `harness.run`, `harness.load` and `harness.train`.

`import harness` brings these names and costs nothing: what they need is imported when one of them is used first.
"""

from __future__ import annotations

from harness.library.board import Board
from harness.library.calls import load, run, train
from harness.library.checkpoint import Checkpoint
from harness.library.figure import Figure
from harness.library.items import JudgedItem
from harness.library.judged import JudgedAnswer
from harness.library.pair import Pair
from harness.library.runs import Run
from harness.library.tables import Table

__all__ = [
    "Board",
    "Checkpoint",
    "Figure",
    "JudgedAnswer",
    "JudgedItem",
    "Pair",
    "Run",
    "Table",
    "load",
    "run",
    "train",
]

"""VideoGen-RewardBench: `out_pair.csv` of eval_videogen_rewardbench.py in https://github.com/KwaiVGI/VideoAlign.

It is the table of pairs with the rewards of both videos in each aspect. The folder that it is in names the judge.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.api.data import Row
from harness_preference.published import Recordings

_REWARDS = {"VQ": ("VQ",), "MQ": ("MQ",), "TA": ("TA",), "Overall": ("Overall", "ALL")}
"""The spellings of each aspect in the names of columns. The first release says ALL."""


def _judges(file: Path) -> tuple[str, ...]:
    return (file.parent.name,)


def _answers(row: Row, judge: str) -> Iterator[Mapping[str, Any]]:
    """The rewards of both videos in each aspect, and the probability that they give to each."""
    for aspect, spellings in _REWARDS.items():
        first, second = (
            row.first(*(f"reward_{spelling}_{side}" for spelling in spellings)).number() for side in ("A", "B")
        )
        # Bradley and Terry's, on which the model was trained. The exponent of a large difference would overflow.
        less = math.exp(-abs(first - second))
        better, worse = 1 / (1 + less), less / (1 + less)
        shares = {"A": better, "B": worse} if first >= second else {"A": worse, "B": better}
        yield {"id": f"{aspect}/{row.number}", "scores": [first, second], "probabilities": shares}


RECORDINGS = Recordings(patterns=("out_pair", "*/out_pair"), judges=_judges, answers=_answers)

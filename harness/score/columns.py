"""Columns of questions that were put more than once, grown question by question. Not for what an answer is worth."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Literal

import numpy as np

from harness.score.table import Repeats


class RepeatColumns:
    """Grows the columns of `Repeats`. Empty if each question is put once."""

    def __init__(self) -> None:
        self.cluster, self.answers = array("Q"), array("q")
        self.total, self.squares, self.voted = array("d"), array("d"), array("d")

    def add(self, cluster: int, worths: Sequence[float], voted: float) -> None:
        """Take in one question.

        Args:
            cluster: Hash of the item's group.
            worths: What each answer that counts is worth. A question without any is left out.
            voted: Credit of the vote of all answers. NaN if there is none.
        """
        if worths:
            self.cluster.append(cluster)
            self.answers.append(len(worths))
            self.total.append(sum(worths))
            # Sums and sums of squares are all that a variance needs, so that no answer has to stay in memory.
            self.squares.append(sum(worth * worth for worth in worths))
            self.voted.append(voted)

    def finish(self, measure: Literal["accuracy", "mae"]) -> Repeats:
        """The columns as they are."""
        # Codes from 0 take the place of hashes: only which questions belong together is used.
        codes = np.unique(np.frombuffer(self.cluster, dtype=np.uint64), return_inverse=True)[1]
        return Repeats(
            cluster=codes.astype(np.int64),
            answers=np.array(self.answers, dtype=np.int64),
            total=np.array(self.total),
            squares=np.array(self.squares),
            voted=np.array(self.voted),
            measure=measure,
        )

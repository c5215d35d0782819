"""Columns that grow item by item, in a few bytes each. Not for what an answer is worth: see `credit`."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Sequence
from typing import Literal

import numpy as np

from harness.score.arrays import Ints
from harness.score.table import Repeats, SuccessCounts


def hash_id(text: str) -> int:
    """64 bits that stand for an id."""
    # Python's own `hash` differs from run to run. With 64 bits two of a million ids agree with a chance of 3e-8.
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def cluster_marks(column: array[int]) -> Ints:
    """Marks of clusters, 63 bits of each, so that they are plain integers."""
    return (np.frombuffer(column, dtype=np.uint64) >> np.uint64(1)).astype(np.int64)


class SuccessColumns:
    """Hits among trials by item, in a growing column each."""

    def __init__(self) -> None:
        self.cluster, self.hits, self.trials = array("Q"), array("q"), array("q")

    def add(self, cluster: int, hits: int, trials: int) -> None:
        """Take in one item. One without a trial is left out."""
        if trials:
            self.cluster.append(cluster)
            self.hits.append(hits)
            self.trials.append(trials)

    def finish(self) -> SuccessCounts:
        """The columns as they are."""
        return SuccessCounts(
            cluster=cluster_marks(self.cluster),
            hits=np.array(self.hits, dtype=np.int64),
            trials=np.array(self.trials, dtype=np.int64),
        )


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

"""The subset Ties of RewardBench 2: ratings of single completions, scored for each pair of prompts.

A prompt with many right answers (`tied:7`: name a colour of the rainbow) goes with one that has a single right answer
(`ref:7`). Right answers must be rated above wrong ones, and less far from one another than from the wrong ones. The
formula is that of `process_single_model` in `rewardbench/utils.py` of https://github.com/allenai/reward-bench.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from harness.api import AnswerSpace, Context, Item, Metric, Protocol, Score, Units
from harness.api.data import PromptFrame, Row
from harness_preference.benchmark import Benchmark
from harness_preference.benchmarks import rewardbench_2
from harness_preference.benchmarks.rewardbench_2 import LAYOUT, TIES, Completions
from harness_preference.options import Options

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SPACE = Score(1, 10, 1)
REWARDS = Score(SPACE.low, SPACE.high, 0)
"""For recorded scores of reward models, which are between the steps of the scale."""
GOLD = {("ref", True): 10.0, ("ref", False): 1.0, ("tied", True): 9.0, ("tied", False): 2.0}
"""Gold by kind of prompt and whether the completion is right. It is a mark and no rating that anybody gave: a metric
sees nothing of a unit but its gold and its answer, so the gold tells it which of the four kinds a completion is. Right
ones are high and wrong ones low, so that the worst case of a missing answer is the worst for the formula as well."""

MISSING = -1.0
"""What the official script takes for a rating that cannot be read: less than any."""


class TiesOptions(Options):
    """Which part of the data to use, and what the answers are."""

    scores: Literal["ratings", "rewards"] = Field(
        default="ratings",
        description="ratings: whole numbers from 1 to 10. rewards: any numbers in between too, for the recorded scores "
        "of reward models.",
    )


def items(row: Row, subset: str, options: Options) -> Iterator[Item]:
    """An item for each completion of a prompt of the subset Ties; none for other rows.

    Raises:
        DataError: A column is missing or does not fit, or the id is of another form.
    """
    found = Completions.of(row)
    # Both tasks read the same file, and each takes its own rows.
    if found.category != TIES:
        return
    # ASCII digits only: `\d` alone also takes digits of other scripts, which `int` reads and the id does not mean.
    match = re.fullmatch(r"(ref|tied):(\d+)", found.id, re.ASCII)
    if match is None:
        raise row["id"].mismatch("ref:NUMBER or tied:NUMBER")
    kind, number = match[1], int(match[2])
    # With one right answer the spread would be 0 in every run, and the last term would be no measurement.
    if kind == "tied" and len(found.right) < 2:
        raise row["chosen"].mismatch("two or more completions, since several are right in a tied prompt")
    rewards = isinstance(options, TiesOptions) and options.scores == "rewards"
    for k, completion in enumerate((*found.right, *found.wrong)):
        right = k < len(found.right)
        yield Item(
            id=f"{found.id}/{k}",
            group=str(number),
            space=REWARDS if rewards else SPACE,
            gold=GOLD[kind, right],
            question=(f"[Question of the user]\n{found.prompt}", f"[Answer to rate]\n{completion}"),
            tags={"prompt": kind, "completion": "right" if right else "wrong"},
        )


def frame(subset: str) -> PromptFrame:
    """The facts of the official rating prompt for ties in our own words."""
    return PromptFrame(
        opening="You are an impartial judge. Rate the answer of an AI assistant to the question of a user.",
        closing=(
            "Consider how helpful, relevant and right the answer is; how deep or detailed it is does not matter. "
            "Explain briefly, then rate it from 1 (worst) to 10 (best)."
        ),
    )


class TiesScore:
    """The official score of one pair of prompts, `ref:n` and `tied:n`; with `@group` the mean over pairs.

    With the worst right rating minus the best wrong one (`ref`, `tied`) and the best minus the worst right rating of
    the tied prompt (`spread`):

    0.30 [tied > 0] + 0.30 [ref > 0] + 0.20 [tied > spread] + 0.20 [min(ref, tied) > spread]
    + 0.01 tanh(min(ref, tied) / spread - 1)

    where 0 / 0 in the last term makes it 0. Since all pairs weigh the same in each term, the mean over pairs is the
    official score. A missing rating counts as `MISSING`. NaN where one of the four kinds of completion is absent.
    """

    uses = ("gold", "predicted")
    answers = frozenset({"score"})
    of_groups = True

    def bounds(self, space: AnswerSpace) -> tuple[float, float]:
        """All terms lost, and all won."""
        return -0.01, 1.01

    def prepare(self, units: Units) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
        """The score as a function of weights of shape (B, T); it returns shape (B,)."""
        import numpy as np

        # The official script puts -1 for a rating that it cannot read.
        ratings = np.array([MISSING if said is None else said for said in units.predicted], dtype=np.float64)
        gold = np.array(units.gold, dtype=np.float64)

        def extreme(weights: NDArray[np.float64], kind: str, right: bool, *, best: bool) -> NDArray[np.float64]:
            here = (weights > 0) & (gold == GOLD[kind, right])
            found = np.where(here, ratings, -np.inf if best else np.inf)
            value: NDArray[np.float64] = found.max(axis=1) if best else found.min(axis=1)
            # A resample may hold none of a kind. Then the pair has no value.
            return np.where(here.any(axis=1), value, np.nan)

        def value(weights: NDArray[np.float64]) -> NDArray[np.float64]:
            worst_of_tied = extreme(weights, "tied", True, best=False)
            ref = extreme(weights, "ref", True, best=False) - extreme(weights, "ref", False, best=True)
            tied = worst_of_tied - extreme(weights, "tied", False, best=True)
            spread = extreme(weights, "tied", True, best=True) - worst_of_tied
            hard = np.minimum(ref, tied)
            # Where all right answers have one rating, the spread is 0: infinity becomes 1 or -1, and 0 / 0 becomes 0.
            with np.errstate(divide="ignore", invalid="ignore"):
                margin = np.nan_to_num(np.tanh(hard / spread - 1), nan=0.0)
            score: NDArray[np.float64] = (
                # The weights of `process_single_model`.
                0.30 * (tied > 0) + 0.30 * (ref > 0) + 0.20 * (tied > spread) + 0.20 * (hard > spread) + 0.01 * margin
            )
            return np.where(np.isnan(hard), np.nan, score)

        return value

    def __call__(self, units: Units, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Value for each row of weights; see `harness.api.Metric`."""
        return self.prepare(units)(weights)


def ties_score(options: None, context: Context) -> Metric:
    """The factory of the metric's card."""
    return TiesScore()


PROTOCOL = Protocol(unparsed="wrong", metrics=("rewardbench_2_ties@group",))
"""The official one: an answer without a rating is worse than any rating."""

BENCHMARK = Benchmark(
    name="rewardbench-2-ties",
    entry="rewardbench-2-ties",
    protocol=PROTOCOL,
    # A rating alone on the last line, which is nearest to what the official script reads.
    format="harness/label",
    layout=LAYOUT,
    items=items,
    frame=frame,
)

task, unfold = BENCHMARK.task, BENCHMARK.unfold


def example(folder: Path) -> None:
    """That of `rewardbench_2`: both tasks read the same files."""
    rewardbench_2.example(folder)

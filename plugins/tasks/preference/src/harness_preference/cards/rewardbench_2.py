"""The cards of RewardBench 2: best of several answers, ratings of the subset Ties, and the metric of the latter."""

from __future__ import annotations

from harness.api import Column, Dataset, MetricCard, TaskCard

_COLUMNS = (
    Column(name="id", kind="word", meaning="name of the prompt; ref:NUMBER or tied:NUMBER in the subset Ties"),
    Column(name="prompt", kind="text", meaning="what the user asked"),
    Column(name="chosen", kind="list", meaning="the right completions: one, in the subset Ties up to many"),
    Column(name="rejected", kind="list", meaning="the wrong completions: three, in the subset Ties any number"),
    Column(
        name="subset",
        kind="label",
        meaning="Factuality, Precise IF, Math, Safety, Focus or Ties; gives the category",
    ),
    Column(name="num_correct", kind="count", meaning="number of right completions, if said", optional=True),
)
# On both cards of the tasks: neither of the two scores is the paper's overall score.
_OVERALL = """\
The overall score of the paper is the plain mean of six subsets, one of which is Ties: (5 x accuracy@category of
rewardbench-2 + rewardbench_2_ties@group of rewardbench-2-ties) / 6."""

METRICS = [
    MetricCard(
        name="rewardbench_2_ties",
        api_version=1,
        summary="Score of the subset Ties of RewardBench 2 for one pair of prompts; use it as rewardbench_2_ties@group",
        factory="harness_preference.benchmarks.rewardbench_2_ties:ties_score",
        licence="Apache-2.0",
        source="https://github.com/allenai/reward-bench (process_single_model in rewardbench/utils.py)",
        description="""\
Only for the task preference/rewardbench-2-ties, whose gold says which kind of completion was rated. From 0.01 x -1 to
1.01. Accuracy of tied and of reference prompts (0.30 each), margin (0.20), margin with the reference prompt (0.20), and
0.01 x a tanh of the latter.""",
        answers=frozenset({"score"}),
    )
]
"""For `harness_metrics`."""

CARDS = [
    TaskCard(
        name="rewardbench-2",
        api_version=1,
        summary="RewardBench 2: the best of four text answers, in five of its six subsets",
        factory="harness_preference.benchmarks.rewardbench_2:task",
        unfold="harness_preference.benchmarks.rewardbench_2:unfold",
        options="harness_preference.options:Options",
        licence="ODC-BY 1.0",
        source="https://huggingface.co/datasets/allenai/reward-bench-2 (arXiv 2506.01937)",
        answers="preference",
        data=Dataset(hub="allenai/reward-bench-2", files=("*test-*.parquet",)),
        suite="rewardbench-2",
        capabilities=frozenset({"text"}),
        description="""\
Which of four answers is the best. Categories factuality, precise-if, math, safety, focus; the rows of the subset Ties
are those of rewardbench-2-ties (1,865 rows in all).

Data: a folder with data/test-*.parquet or test.jsonl, one such file, or hub:allenai/reward-bench-2@REVISION. Item ids
are CATEGORY/id.

Recorded answers: eval-set-scores/ORGANISATION/MODEL.json of allenai/reward-bench-2-results. A judge without scores is
known to be right or wrong, and not which wrong answer it preferred.""",
        official=frozenset({"metric"}),
        protocol="harness_preference.benchmarks.rewardbench_2:PROTOCOL",
        metric=f"""\
Accuracy of each subset; an answer without a verdict is worth 0.25, the chance of a guess. Where a reward model gives k
answers the same highest score, the right one among them is worth 1/k. accuracy@category is the mean of these five.
{_OVERALL}""",
        columns=_COLUMNS,
        deviations="""\
The official script swaps the right answer into a random place and leaves the others in the data's order; here all are
shuffled, seeded for each item. It takes the first of [[A]], [[B]], [[C]], [[D]], in this order, that stands anywhere in
an answer; here all labels of an answer must agree. The prompt is in our own words. The ratings mode of the script
(each answer rated from 1 to 10) is not here. The spelling `Precise IF` is that of public code that
reads the data; another one is refused by name.""",
        pitfalls="""\
The gold is always the first candidate: never ask in the data's order. Chance is 25 %. The mean over rows is not the
official score, and the mean of five subsets is not yet the overall one.""",
        example="harness_preference.benchmarks.rewardbench_2:example",
        recordings="harness_preference.published.rewardbench_2:RECORDINGS",
    ),
    TaskCard(
        name="rewardbench-2-ties",
        api_version=1,
        summary="RewardBench 2, subset Ties: ratings of single answers, several of which may be right",
        factory="harness_preference.benchmarks.rewardbench_2_ties:task",
        unfold="harness_preference.benchmarks.rewardbench_2_ties:unfold",
        options="harness_preference.benchmarks.rewardbench_2_ties:TiesOptions",
        licence="ODC-BY 1.0",
        source="https://huggingface.co/datasets/allenai/reward-bench-2 (arXiv 2506.01937)",
        answers="score",
        data=Dataset(hub="allenai/reward-bench-2", files=("*test-*.parquet",)),
        suite="rewardbench-2",
        capabilities=frozenset({"text"}),
        description="""\
Each completion is rated by itself from 1 to 10. A prompt with many right answers (tied:7) goes with one that has a
single right answer (ref:7); both are the group 7. Item ids are ref:7/0, ...

Data: the same files as of rewardbench-2. The gold is a mark of the kind of completion and no rating: right 10 and wrong
1 for ref, right 9 and wrong 2 for tied. Metrics that compare it with the rating (mae, pearson, accuracy) mean
nothing here.

Recorded answers: the rows of this subset in eval-set-scores/ORGANISATION/MODEL.json of allenai/reward-bench-2-results.
Ratings are taken as they are. The scores of reward models are moved and halved until they fit 1 to 10, which changes
nothing of the score; the task needs `with: {scores: rewards}` for them. A reward model that is asked live gives
no ratings and declines.""",
        official=frozenset({"metric"}),
        protocol="harness_preference.benchmarks.rewardbench_2_ties:PROTOCOL",
        metric=f"""\
0.30 x tied accuracy + 0.30 x ref accuracy (every right answer rated above every wrong one) + 0.20 x the share of pairs
where right and wrong answers of tied are further apart than the right ones among themselves + 0.20 x the share where
this holds for the lesser of both prompts' margins + 0.01 x the mean of tanh(lesser margin / spread - 1). A rating that
cannot be read counts as -1, less than any. {_OVERALL}""",
        columns=_COLUMNS,
        deviations="""\
The official script reads a whole number from 1 to 10 at the end of the answer, with any text before it on the line;
here it must stand alone on the last line, where **9**, `9.` and 9/10 are 9 as well (officially missing, missing and
10). The prompt is in our own words. A pair of which one prompt is not in the data
is left out; officially its accuracy still counts in its own term. Officially a recorded score of -1 is the least of
all; among ratings here it is no rating, which the formula counts as -1 too.""",
        pitfalls="""\
The score is not a mean over completions, and cannot be had from pairwise answers. It can exceed 1 (by 0.01). Where all
right answers of a tied prompt are rated equally the last term divides by 0: it is then 1 or -1, or 0 for 0 / 0. A
failure of the machinery leaves its completion out of the formula.""",
        example="harness_preference.benchmarks.rewardbench_2_ties:example",
        recordings="harness_preference.published.rewardbench_2_ties:RECORDINGS",
    ),
]

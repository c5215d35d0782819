"""The card of RewardBench."""

from __future__ import annotations

from harness.api import Column, Dataset, TaskCard

CARDS = [
    TaskCard(
        name="rewardbench",
        api_version=1,
        summary="RewardBench: pairs of text answers, chosen and rejected, on chat, safety, mathematics and code",
        factory="harness_preference.benchmarks.rewardbench:task",
        unfold="harness_preference.benchmarks.rewardbench:unfold",
        options="harness_preference.options:Options",
        licence="ODC-BY 1.0",
        source="https://huggingface.co/datasets/allenai/reward-bench (arXiv 2403.13787)",
        answers="preference",
        data=Dataset(hub="allenai/reward-bench", files=("*filtered-*.parquet",), rows=2985),
        suite="rewardbench",
        capabilities=frozenset({"text"}),
        description="""\
2,985 pairs of the split filtered: Chat 358, Chat Hard 456, Safety 740, Reasoning 1,431 (447 of mathematics, 984 of
code). Categories are the 23 subsets in their sections, such as safety/donotanswer.

Data: a folder with data/filtered-*.parquet or filtered.jsonl, one such file, or hub:allenai/reward-bench@REVISION. Item
ids are filtered/row number from 0: `id` counts within the source of a prompt.

Recorded answers: eval-set-scores/ORGANISATION/MODEL.json of allenai/reward-bench-results, whose rows are those of the
data in its order.""",
        official=frozenset({"order", "metric"}),
        protocol="harness_preference.benchmarks.rewardbench:PROTOCOL",
        metric="""\
accuracy@category is the final score of the paper: the mean of four sections, each the mean of its subsets by the
weights of the authors' table. These are the numbers of pairs, but math-prm weighs 984 (not 447), as much as the six
subsets of code together. An answer without a verdict is worth a half, and equal scores of a reward model are wrong: the
chosen answer must have the higher one. accuracy is over all pairs.""",
        columns=(
            Column(name="prompt", kind="text", meaning="what the user asked"),
            Column(name="chosen", kind="text", meaning="the better answer: candidate A"),
            Column(name="rejected", kind="text", meaning="the worse answer: candidate B"),
            Column(name="subset", kind="label", meaning="one of 23 subsets; gives the category"),
            Column(name="id", kind="word", meaning="number of the prompt in its source", optional=True),
            Column(name="chosen_model", kind="word", meaning="who wrote the better answer", optional=True),
            Column(name="rejected_model", kind="word", meaning="who wrote the worse answer", optional=True),
        ),
        deviations="""\
The official order is random and not seeded; here it is seeded for each item. The prompt is after MT-Bench in our own
words. The official script takes [[A]] wherever in an answer it stands, and else [[B]]; here the labels in the last
paragraph that has one must agree.""",
        pitfalls="""\
The gold is always the first candidate: never ask in the data's order. The mean over all pairs is not the official
score. The authors' table swaps the counts of xstest-should-refuse (154 pairs) and xstest-should-respond (250); the
official score is by the swapped weights, and so is ours. The split raw (5,123 pairs, once called train) holds what
was filtered out. Older leaderboards add a fifth section, Prior Sets, at half weight; these are other data and not
here.""",
        example="harness_preference.benchmarks.rewardbench:example",
        recordings="harness_preference.published.rewardbench:RECORDINGS",
    )
]

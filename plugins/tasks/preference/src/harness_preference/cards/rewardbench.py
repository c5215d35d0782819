"""The card of RewardBench."""

from __future__ import annotations

from harness.api import Column, TaskCard

CARDS = [
    TaskCard(
        name="rewardbench",
        summary="RewardBench: pairs of text answers, chosen and rejected, on chat, safety, mathematics and code",
        factory="harness_preference.benchmarks.rewardbench:task",
        unfold="harness_preference.benchmarks.rewardbench:unfold",
        options="harness_preference.options:Options",
        licence="ODC-BY 1.0",
        source="https://huggingface.co/datasets/allenai/reward-bench (arXiv 2403.13787)",
        answers="preference",
        suite="rewardbench",
        capabilities=frozenset({"text"}),
        description="""\
2,985 pairs of the split filtered: Chat 358, Chat Hard 456, Safety 740, Reasoning 1,431 (447 of mathematics, 984 of
code). Categories chat, chat-hard, safety, reasoning/math, reasoning/code; the 23 subsets are in the tag subset.

Data: a folder with data/filtered-*.parquet or filtered.jsonl, one such file, or hub:allenai/reward-bench@REVISION. Item
ids are filtered/row number from 0: `id` counts within the source of a prompt.""",
        protocol="harness_preference.benchmarks.rewardbench:PROTOCOL",
        metric="""\
accuracy@category is the final score of the paper: the mean of four sections. A section is the mean over its examples,
except that math-prm weighs 984 (not 447) in Reasoning, as much as the six code subsets together: reasoning is the plain
mean of reasoning/math and reasoning/code. An answer without a verdict is worth a half. accuracy is over all pairs.""",
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
words. The official script takes [[A]] where an answer holds both labels; here that is no verdict.""",
        pitfalls="""\
The gold is always the first candidate: never ask in the data's order. The mean over all pairs is not the official
score. The split raw (5,123 pairs, once called train) holds what was filtered out. Older leaderboards add a fifth
section, Prior Sets, at half weight; these are other data and not here.""",
        example="harness_preference.benchmarks.rewardbench:example",
    )
]

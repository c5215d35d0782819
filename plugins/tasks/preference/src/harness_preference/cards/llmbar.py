"""The card of LLMBar."""

from __future__ import annotations

from harness.api import Column, Dataset, KnownResult, MetricCard, Parity, TaskCard

METRICS = [
    MetricCard(
        name="same_winner",
        api_version=1,
        summary="Share of pairs with the same winner in both orders, or none in both: same_winner@group",
        factory="harness_preference.order_metrics:same_winner",
        answers=frozenset({"preference"}),
        unit="share",
        source="https://github.com/princeton-nlp/LLMBar (LLMEvaluator/evaluate.py: equal)",
    ),
]

CARDS = [
    TaskCard(
        name="llmbar",
        api_version=1,
        summary="LLMBar: pairs of answers to one instruction, of which exactly one follows it",
        factory="harness_preference.benchmarks.llmbar:task",
        unfold="harness_preference.benchmarks.llmbar:unfold",
        options="harness_preference.options:Options",
        licence="MIT",
        source="https://github.com/princeton-nlp/LLMBar (arXiv 2310.07641)",
        answers="preference",
        data=Dataset(git="https://github.com/princeton-nlp/LLMBar", rows=419),
        suite="llmbar",
        capabilities=frozenset({"text"}),
        description="""\
419 pairs that experts agree on: Natural (100), and the adversarial Neighbor (134), GPTInst (92), GPTOut (47) and Manual
(46), where the worse answer looks better. RewardBench has them too, as a part of its section chat-hard.

Data: a copy of the repository, with Dataset/LLMBar/Natural/dataset.json and Dataset/LLMBar/Adversarial/Neighbor/
dataset.json and so on, whose case studies become tasks too; a folder with SUBSET/items.jsonl; or one file with
`subset`. Item ids are SUBSET/row number from 0.""",
        official=frozenset({"order", "metric"}),
        parity=Parity(items=746, judges=4, values=48, difference=0.0),
        results=tuple(
            KnownResult(
                judge=judge,
                subset=subset,
                value=value,
                metric="correct_average, %",
                source="https://github.com/princeton-nlp/LLMBar",
            )
            for judge, subset, value in (
                ("GPT-4/Swap", "Natural", 94.5),
                ("GPT-4/Swap", "Adversarial/Neighbor", 77.61),
                ("ChatGPT/Swap", "Natural", 77.5),
                ("ChatGPT/Swap", "Adversarial/Neighbor", 22.76),
            )
        ),
        protocol="harness_preference.benchmarks.llmbar:PROTOCOL",
        metric="""\
Both orders are asked, and the accuracy is the mean of both (`correct_average` of the authors' statistics). An answer
without a winner is wrong. all_right@group is the share of pairs that are right in both orders (`correct_both`), and
preference/same_winner@group the share with the same winner in both, or none in both (`equal`).""",
        columns=(
            Column(name="input", kind="text", meaning="the instruction"),
            Column(name="output_1", kind="text", meaning="candidate A"),
            Column(name="output_2", kind="text", meaning="candidate B"),
            Column(name="label", kind="label", meaning="1: output_1 follows the instruction, 2: output_2"),
        ),
        deviations="""\
The prompt gives the facts of the official one with its rules in our own words. An evaluator that rates single answers
officially has another winner in each order where both ratings are equal. Recorded ones are taken so. A live judge of
scores has no winner there, which is wrong in both orders. The kappas of the authors' statistics compare labels 1 and 2
with winners that they cut down to 0 and 1, so that even an evaluator that is always right does not reach 1. They are no
metrics here: a section of the report has them, for comparison with their numbers alone. `kappa` in `metrics` is
agreement with the labels beyond chance.""",
        pitfalls="""\
The swap consistency on the board leaves out pairs that lack a winner in one order, which `equal` does not. Subsets
differ in size: the paper's average is the plain mean of the four adversarial ones, and Natural stands by itself.""",
        example="harness_preference.benchmarks.llmbar:example",
        recordings="harness_preference.published.llmbar:RECORDINGS",
    )
]

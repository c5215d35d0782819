"""The card of JudgeBench."""

from __future__ import annotations

from harness.api import Column, Dataset, KnownResult, Parity, TaskCard

CARDS = [
    TaskCard(
        name="judgebench",
        api_version=1,
        summary="JudgeBench: pairs of text answers to hard questions, one of them objectively right",
        factory="harness_preference.benchmarks.judgebench:task",
        unfold="harness_preference.benchmarks.judgebench:unfold",
        options="harness_preference.options:Options",
        licence="MIT",
        source="https://huggingface.co/datasets/ScalerLab/JudgeBench (arXiv 2410.12784)",
        answers="preference",
        data=Dataset(hub="ScalerLab/JudgeBench", files=("data/*.jsonl",), gated=False, rows=620, bytes=2_880_000),
        suite="judgebench",
        capabilities=frozenset({"text"}),
        description="""\
Pairs of answers of one model to one question, one right and one wrong: 350 of GPT-4o (gpt), 270 of Claude 3.5 Sonnet
(claude). Categories by source: mmlu-pro knowledge, livebench-reasoning reasoning, livebench-math math, livecodebench
coding.

Data: a copy of the hub's dataset, with data/gpt-*.jsonl and data/claude-*.jsonl; a copy of the authors' repository,
with data/ or outputs/; a folder with gpt/items.jsonl.gz and claude/items.jsonl.gz; one file with `subset`; or
hub:ScalerLab/JudgeBench@REVISION. Item ids are SUBSET/pair_id.""",
        official=frozenset({"order", "metric"}),
        parity=Parity(items=350, judges=3, values=3, difference=0.0043),
        results=tuple(
            KnownResult(
                judge=judge,
                subset=subset,
                value=value,
                metric="accuracy, %",
                source="https://github.com/ScalerLab/JudgeBench",
            )
            for judge, subset, value in (
                ("Arena-Hard prompt, o1-mini", "gpt", 65.71),
                ("Skywork-Reward-Llama-3.1-8B", "gpt", 62.29),
                ("GRM-Gemma-2B", "gpt", 59.43),
            )
        ),
        protocol="harness_preference.benchmarks.judgebench:PROTOCOL",
        metric="""\
Both orders are asked. +1 for each order that agrees with the label, -1 for each that names the other answer, 0 for a
tie or no verdict; right if the sum is above 0, so right with a tie counts and right with wrong does not. Accuracy
over all pairs. Labels [[A>>B]] to [[B>>A]] of Arena-Hard, where >> counts as >.""",
        columns=(
            Column(name="pair_id", kind="word", meaning="name of the pair"),
            Column(name="source", kind="text", meaning="where the question is from; gives the category"),
            Column(name="question", kind="text", meaning="what was asked"),
            Column(name="response_A", kind="text", meaning="candidate A"),
            Column(name="response_B", kind="text", meaning="candidate B"),
            Column(name="label", kind="label", meaning="A>B or B>A: which answer is right"),
            Column(name="response_model", kind="word", meaning="who answered", optional=True),
        ),
        deviations="""\
The prompt is after Arena-Hard in our own words. The official script asks once more ("continue your judgment") when an
answer holds no label; here the first answer stands. Officially two different labels anywhere in an answer, [[A>B]]
and [[A>>B]] too, are no verdict; here >> counts as > before they are compared. Officially a pair of which both
requests failed is not right; here it is left out.""",
        pitfalls="""\
A judge that always names the first answer gets 0, not 50 %. Tie is allowed although the gold is never one.""",
        example="harness_preference.benchmarks.judgebench:example",
        recordings="harness_preference.published.judgebench:RECORDINGS",
    )
]

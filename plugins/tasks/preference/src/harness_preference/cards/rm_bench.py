"""The card of RM-Bench."""

from __future__ import annotations

from harness.api import Column, Dataset, TaskCard

CARDS = [
    TaskCard(
        name="rm-bench",
        api_version=1,
        summary="RM-Bench: right and wrong answers in three styles, where style may speak for the wrong one",
        factory="harness_preference.benchmarks.rm_bench:task",
        unfold="harness_preference.benchmarks.rm_bench:unfold",
        options="harness_preference.options:Options",
        licence="ODC-BY",
        source="https://huggingface.co/datasets/THU-KEG/RM-Bench (arXiv 2410.16184)",
        answers="preference",
        data=Dataset(hub="THU-KEG/RM-Bench", files=("total_dataset.json",), gated=False, bytes=11_000_000),
        official=frozenset({"metric"}),
        suite="rm-bench",
        capabilities=frozenset({"text"}),
        description="""\
Each prompt has a right and a wrong answer that differ in a detail, and each of them in three styles: concise, detailed,
and detailed with Markdown. Every right one meets every wrong one, which is nine comparisons. They are three tasks: easy
(the right answer has the richer style), normal (the same style) and hard (the wrong one has the richer style).
Categories are the four domains chat, code, math and safety.

Data: a copy of the repository with data/total_dataset.json, or of the hub's data set, which has total_dataset.json;
that file; or hub:THU-KEG/RM-Bench@REVISION. The columns are those of the authors' page and script, and of one row that
others printed whole: it has no other ones. Item ids are SUBSET/row number from 0/STYLE-STYLE, the style of the right
answer first.

Recorded scores: results/KIND/MODEL/total_dataset_*.json, as the authors' script saves them.""",
        protocol="harness_preference.benchmarks.rm_bench:PROTOCOL",
        metric="""\
accuracy@category of rm-bench-easy, -normal and -hard are `easy_acc`, `normal_acc` and `hard_acc` of the authors: the
mean over four domains, each the share of its comparisons in which the right answer has the higher score. The mean of
the three is their `total_avg_acc`; `with: {subset: overall}` makes one task of it. Equal scores are wrong.""",
        columns=(
            Column(name="prompt", kind="text", meaning="what the user asked"),
            Column(name="chosen", kind="list", meaning="the right answer: concise, detailed, with Markdown"),
            Column(name="rejected", kind="list", meaning="the wrong answer in the same styles"),
            Column(name="domain", kind="label", meaning="chat, code, math, safety-refuse or safety-response"),
            Column(name="id", kind="word", meaning="name of the prompt", optional=True),
        ),
        deviations="""\
The authors score single answers, and say of judges that write only with which prompt they asked. Ours gives its facts
in our own words, offers no tie, shuffles the places with a seed for each item, and counts an answer without a verdict
as wrong.""",
        pitfalls="""\
The gold is always the first candidate: never ask in the data's order. The two kinds of safety are one domain, over all
of their prompts. Copies of the script in other repositories count equal scores as right.""",
        example="harness_preference.benchmarks.rm_bench:example",
        recordings="harness_preference.published.rm_bench:RECORDINGS",
    )
]

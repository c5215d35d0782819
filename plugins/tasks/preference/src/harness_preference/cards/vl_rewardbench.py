"""The card of VL-RewardBench."""

from __future__ import annotations

from harness.api import Column, Dataset, TaskCard

CARDS = [
    TaskCard(
        name="vl-rewardbench",
        api_version=1,
        summary="VL-RewardBench: pairs of answers to a question about an image, one of them preferred by people",
        factory="harness_preference.benchmarks.vl_rewardbench:task",
        unfold="harness_preference.benchmarks.vl_rewardbench:unfold",
        options="harness_preference.options:Options",
        licence="MIT (the card adds: for research, within the terms of GPT-4o and Claude)",
        source="https://huggingface.co/datasets/MMInstruction/VL-RewardBench (arXiv 2411.17451)",
        answers="preference",
        data=Dataset(hub="MMInstruction/VL-RewardBench", files=("*test-*.parquet",), rows=1250),
        suite="vl-rewardbench",
        capabilities=frozenset({"images"}),
        description="""\
1,250 pairs at release, 1,247 in the revision of 2025. Three groups by the source, which is what stands before the
first _ or - of the id: hallucination (RLAIF, RLHF, hallucination or povid: 749 at release), reasoning (mathverse,
mmmu: 318), general (wildvision and everything else, which is VLFeedback: 183). The tag source names it.

Data: a folder with data/test-*.parquet (the hub's), or with data.jsonl or data/data.jsonl and its images/ (the
release on GitHub, image_path in place of image); one file; or hub:MMInstruction/VL-RewardBench@REVISION. The copy of
R1-Reward (inference/VL-Reward-Bench/data.jsonl), which has prompt, chosen and rejected, is read too. Item ids are
ID#row number from 0.""",
        official=frozenset({"order", "metric"}),
        protocol="harness_preference.benchmarks.vl_rewardbench:PROTOCOL",
        metric="""\
Each pair is asked several times, each time in a new random order. The majority of an item's answers counts; an item
without one leaves the denominator. Overall: the share of right majorities over all items. Macro (accuracy@category):
the mean over the three groups.

Samples: the script asks 10 times and scores the first K of them, K in 1, 3, 5, 7, 9; here K is 9, the most that it
scores. Which K the paper's table shows is not verified. `samples` in a manifest lowers it.""",
        columns=(
            Column(name="id", kind="word", meaning="name of the query, not unique; its beginning gives the group"),
            Column(name="query", kind="text", meaning="what was asked; a literal <image> line is taken out"),
            Column(name="response", kind="list", meaning="candidates A and B"),
            Column(name="image", kind="image", meaning="what the question is about; or its name in image_path"),
            Column(name="human_ranking", kind="list", meaning="rank of each response: [0, 1] A is better, [1, 0] B"),
        ),
        deviations="""\
The order of each sample is seeded, where the script draws it without a seed. The script makes one item of rows with
equal id, query and responses; here each row is one. Groups are those of the authors' cal.py as it is now (9b10abd),
which counts the 448 ids that begin with "hallucination" as POVID. Versions between the first one and that one sent them
to general, or stopped there. The official answer ends in "Answer 1 is better", read by a pattern; here it is
harness/brackets. Officially the image stands after the text, here after the question. The script's sampling
(temperature 0.2, top-p 0.2, 2,048 tokens) is set on the judge.""",
        pitfalls="""\
Counting answers that cannot be read as wrong, which is common, gives lower numbers. Other code sends the 448 ids that
begin with "hallucination" to general too, or compares "rlaif" with "RLAIF" and sends 301 there: group and macro numbers
are then others. Ids repeat (1,225 different ones in 1,250 rows). One call in one order is not this benchmark.""",
        example="harness_preference.benchmarks.vl_rewardbench:example",
    )
]

"""The card of Multimodal RewardBench."""

from __future__ import annotations

from harness.api import Column, Dataset, TaskCard

CARDS = [
    TaskCard(
        name="multimodal-rewardbench",
        api_version=1,
        summary="Multimodal RewardBench: pairs of answers about an image, labelled by experts or by a right answer",
        factory="harness_preference.benchmarks.multimodal_rewardbench:task",
        unfold="harness_preference.benchmarks.multimodal_rewardbench:unfold",
        options="harness_preference.options:Options",
        licence="CC-BY-NC-4.0; the images keep the licences of the eleven datasets that they are from",
        source="https://github.com/facebookresearch/multimodal_rewardbench (arXiv 2502.14191)",
        answers="preference",
        data=Dataset(
            git="https://github.com/facebookresearch/multimodal_rewardbench",
            afterwards="Run scripts/0_download_data.py there, which makes data/all_data.json and data/images/.",
        ),
        suite="multimodal-rewardbench",
        capabilities=frozenset({"images"}),
        description="""\
5,211 pairs in the paper; the public release is smaller, for it lacks Hateful Memes. Six categories: correctness (623),
preference (654), knowledge (630), reasoning (1,098), safety and visual question answering. Safety is bias where the id
begins with "pairs", else toxicity; reasoning is math where it begins with "math", else coding.

Data: a folder with data/all_data.json and data/images/, as the authors' scripts/0_download_data.py leaves them; that
file; or a copy on the hub with the same columns, hub:ORG/NAME@REVISION, whose parquet files lie under data/test-*.
all_data_release.json, as it is in the repository, has no prompts: the script fills them in. Item ids are ID#row number
from 0.""",
        official=frozenset({"order", "metric"}),
        protocol="harness_preference.benchmarks.multimodal_rewardbench:PROTOCOL",
        metric="""\
Accuracy over all pairs, in the order of the data, and for each category. An answer without a verdict is worth the
chance of a coin, a half. The leaderboard's "overall" fits the average over pairs, not the mean of its six columns.""",
        columns=(
            Column(name="ID", kind="word", meaning="name of the pair; its beginning gives source and sub-category"),
            Column(name="Text", kind="text", meaning="what was asked"),
            Column(name="Image", kind="image", meaning="what it was asked about"),
            Column(name="Output1", kind="text", meaning="candidate A"),
            Column(name="Output2", kind="text", meaning="candidate B"),
            Column(name="Better", kind="label", meaning="Output1 or Output2: which answer is better"),
            Column(
                name="Category",
                kind="word",
                meaning="open_generation/correctness_task, open_generation/preference_task, knowledge, reasoning, "
                "safety or vqa; not verified for all of the release, others are kept as they are",
            ),
        ),
        deviations="""\
The script throws a seeded coin for an answer without a verdict; here such an answer is worth a half, which is the
coin's mean without its noise. It takes [[A]] wherever in an answer it stands, and else [[B]]; here all labels of an
answer must agree. It tries a failed request up to nine times and then throws the coin for it; here it is left out.
The image stands after the question, officially after all text.
open_generation/correctness_task and open_generation/preference_task are called correctness and preference.""",
        pitfalls="""\
The order is never swapped: the share of first places says how much of a score is position. The repeated runs that the
script allows (-n) are not scored by its accuracy script. A mean over categories is another number than the published
overall.""",
        example="harness_preference.benchmarks.multimodal_rewardbench:example",
    )
]

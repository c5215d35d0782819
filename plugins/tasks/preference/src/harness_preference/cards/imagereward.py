"""The card of ImageReward."""

from __future__ import annotations

from harness.api import Column, Dataset, TaskCard

CARDS = [
    TaskCard(
        name="imagereward-pairs",
        api_version=1,
        summary="ImageReward: pairs of generated images for one prompt, from the rankings of experts",
        factory="harness_preference.benchmarks.imagereward:task",
        unfold="harness_preference.benchmarks.imagereward:unfold",
        options="harness_preference.benchmarks.imagereward:ImageRewardOptions",
        licence="Apache-2.0",
        source="https://huggingface.co/datasets/THUDM/ImageRewardDB (arXiv 2304.05977)",
        answers="preference",
        data=Dataset(
            hub="THUDM/ImageRewardDB",
            files=("metadata-test.parquet", "metadata-validation.parquet", "images/test/*", "images/validation/*"),
        ),
        suite="imagereward",
        capabilities=frozenset({"images"}),
        description="""\
All pairs of the images of a prompt, those with equal ranks left out: 6,399 pairs of 466 prompts and 2,720 images in the
code's own test.json; the validation split has 412 prompts. `with: {ties: true}` keeps the pairs with equal ranks and
lets judges call a tie, so that other policies than the official one can be tried (`protocol: {ties: half}`).

Data: a folder with metadata-test.parquet, metadata-validation.parquet and images/SPLIT/SPLIT_1.zip, SPLIT_2.zip as on
the hub (zipped or unpacked to images/SPLIT/SPLIT_1/), each split a task; or one with the code's test.json, its images
in test_images/; or one such file with `subset`. The hub dataset itself is a script, which is not run: download it. Item
ids are PROMPT/i-j, the places of the two images in the data.""",
        official=frozenset({"metric"}),
        protocol="harness_preference.benchmarks.imagereward:PROTOCOL",
        metric="""\
Accuracy over the pairs of all prompts together; a pair with equal ranks is left out, and a judge that does not decide
is wrong. accuracy@group is the mean over prompts instead, which is what the code of HPS v2 reports as ImageReward.""",
        columns=(
            Column(name="prompt", kind="text", meaning="what the images were made for"),
            Column(name="prompt_id", kind="word", meaning="name of the prompt (metadata)"),
            Column(name="image_path", kind="image", meaning="images/SPLIT/SPLIT_N/NAME: NAME in that zip (metadata)"),
            Column(name="rank", kind="number", meaning="rank of the image, lower is better (metadata)"),
            Column(name="classification", kind="word", meaning="kind of prompt (metadata)", optional=True),
            Column(name="id", kind="word", meaning="name of the prompt (test.json)"),
            Column(name="generations", kind="list", meaning="paths of its images (test.json)"),
            Column(name="ranking", kind="list", meaning="their ranks in the same order (test.json)"),
        ),
        deviations="""\
Officially a model scores images one by one, which has no order; here pairs are shown in a seeded random one. Two equal
scores are no verdict, which counts as wrong, as officially.""",
        pitfalls="""\
A lower rank is better; ranks may be equal and may have gaps (1, 2, 5, 3). The pooled score and the mean over prompts
are two numbers. The card of the data counts 7.23 thousand pairs in its test split, not the 6,399 of test.json. There is
no official binary task with single images.""",
        example="harness_preference.benchmarks.imagereward:example",
    )
]

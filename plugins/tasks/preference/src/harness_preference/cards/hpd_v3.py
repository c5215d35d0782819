"""The card of HPD v3."""

from __future__ import annotations

from harness.api import Column, Dataset, TaskCard

CARDS = [
    TaskCard(
        name="hpd-v3",
        api_version=1,
        summary="HPD v3: pairs of generated or real images for one prompt, with the choice of people",
        factory="harness_preference.benchmarks.hpd_v3:task",
        unfold="harness_preference.benchmarks.hpd_v3:unfold",
        options="harness_preference.options:Options",
        licence="MIT",
        source="https://huggingface.co/datasets/MizzenAI/HPDv3 (arXiv 2508.03789)",
        answers="preference",
        data=Dataset(
            hub="MizzenAI/HPDv3",
            files=("test.json", "images.tar.gz*"),
            afterwards="In the folder: cat images.tar.gz.* | gunzip | tar -xv",
        ),
        suite="hpd-v3",
        capabilities=frozenset({"images"}),
        description="""\
The pairs of test.json, of which path1 is the preferred image.

Data: a folder with test.json and the images at its paths, from `cat images.tar.gz.* | gunzip | tar -xv` (parts of an
archive are not read; images.tar.gz in one piece is, and is decompressed to the workspace, 141 GB). The hub has paths
without pictures, so hub: ids do not work. Item ids are test/row number from 0.""",
        official=frozenset({"metric"}),
        protocol="harness_preference.benchmarks.hpd_v3:PROTOCOL",
        metric="""\
Accuracy over all pairs: the share in which path1 gets the greater reward; a draw is wrong.""",
        columns=(
            Column(name="prompt", kind="text", meaning="what the images were made for"),
            Column(name="path1", kind="image", meaning="candidate A, the preferred image"),
            Column(name="path2", kind="image", meaning="candidate B"),
            Column(name="model1", kind="word", meaning="who made candidate A", optional=True),
            Column(name="model2", kind="word", meaning="who made candidate B", optional=True),
            Column(name="source", kind="word", meaning="where the pair is from", optional=True),
            Column(name="confidence", kind="word", meaning="how sure the annotators were", optional=True),
            Column(name="choice_dist", kind="list", meaning="votes for each image, the greater for A", optional=True),
        ),
        deviations="""\
Officially a model scores images one by one, which has no order; here pairs are shown in a seeded random one, since the
gold is always the first. Two equal scores are no verdict, which counts as wrong, as officially. Not verified in the
data: which columns are optional, the number of pairs, and that choice_dist holds numbers of votes, as the authors'
training takes it. Where it holds whole numbers, the human ceiling is shown; where it holds shares, none.""",
        pitfalls="""\
In the data's order a judge that always says A gets 100 %. Train and test share prompts and images, as users report.
benchmark/*.json holds images to be ranked by models and no preferences.""",
        example="harness_preference.benchmarks.hpd_v3:example",
    )
]

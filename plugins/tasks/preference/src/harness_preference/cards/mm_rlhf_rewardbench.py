"""The card of MM-RLHF-RewardBench."""

from __future__ import annotations

from harness.api import Column, Dataset, TaskCard

CARDS = [
    TaskCard(
        name="mm-rlhf-rewardbench",
        api_version=1,
        summary="MM-RLHF-RewardBench: pairs of answers to questions about an image or a video, ranked by experts",
        factory="harness_preference.benchmarks.mm_rlhf_rewardbench:task",
        unfold="harness_preference.benchmarks.mm_rlhf_rewardbench:unfold",
        options="harness_preference.benchmarks.mm_rlhf_rewardbench:MMRLHFOptions",
        # The licence of the code says nothing about the data, so it is not given in its place.
        licence="not stated by the dataset's card",
        source="https://huggingface.co/datasets/yifanzhang114/MM-RLHF-RewardBench (arXiv 2502.10391)",
        answers="preference",
        data=Dataset(
            hub="yifanzhang114/MM-RLHF-RewardBench",
            afterwards="Unpack archives of pictures, so that the paths of the rows lie in the folder or its images/.",
            rows=170,
        ),
        suite="mm-rlhf-rewardbench",
        capabilities=frozenset({"images", "video", "text"}),
        description="""\
170 pairs with 46 ids: mcq 42, long 37, short 34, safety 32, video 25. The category is the first of these words in the
path of the image or video, in this order: mcq, long, short, safety, video.

Data: a folder with mm_reward_bench.jsonl and the pictures in it or in its images/. A video is a folder of frames, of
which 32 are shown as images, evenly spread (option `frames`: fewer), or a video file; where neither is there, the row
is refused. The parquet file on the hub holds paths without pictures, so hub: ids do not work. Item ids are ID/row
number from 0, because pairs share ids; the group is the id.""",
        official=frozenset({"metric"}),
        protocol="harness_preference.benchmarks.mm_rlhf_rewardbench:PROTOCOL",
        metric="""\
ACC (accuracy) is the share of pairs in which the chosen answer wins; a draw of two rewards is wrong. ACC+
(all_right@group) is the share of ids of which every pair is right.""",
        columns=(
            Column(name="id", kind="word", meaning="name of the question; several pairs share it"),
            Column(name="image", kind="image", meaning="path of the image; or a video in its place"),
            Column(name="video", kind="text", meaning="path of a folder of frames, where there is no image"),
            Column(name="prompt", kind="text", meaning="the question; a literal <image> in it is left out"),
            Column(name="chosen", kind="text", meaning="the better answer: candidate A"),
            Column(name="rejected", kind="text", meaning="the worse answer: candidate B"),
        ),
        deviations="""\
The official script gives each answer a reward of its own and has no order; here two answers are compared in a seeded
random order, since the gold is always the first. Two equal scores of a judge that scores answers one by one are no
verdict, which counts as wrong, as officially. A video of fewer frames than are wanted is shown once; officially frames
are repeated up to 32. Not verified: where the release keeps pictures below its own folder (the paths are looked for
there and in images/).""",
        pitfalls="""\
The public judge script of R1-Reward always shows the chosen answer first. Scripts that resume by id skip the other
pairs of that id. The id is also the cluster of intervals: 46 clusters make them wide. ACC+ of pairs and not of ids
would be ACC.""",
        example="harness_preference.benchmarks.mm_rlhf_rewardbench:example",
    )
]

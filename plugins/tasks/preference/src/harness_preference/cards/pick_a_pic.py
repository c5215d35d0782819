"""The card of Pick-a-Pic."""

from __future__ import annotations

from harness.api import Column, Dataset, KnownResult, MetricCard, Parity, TaskCard

METRICS = [
    MetricCard(
        name="pick_a_pic_score",
        api_version=1,
        summary="1 for the right answer, a half where just one of gold and answer is a tie",
        factory="harness_preference.pick_a_pic_metrics:pick_a_pic_score",
        answers=frozenset({"preference"}),
        unit="share",
        source="https://github.com/yuvalkirstain/PickScore (calc_score of eval_preference_predictor.py)",
    ),
]

CARDS = [
    TaskCard(
        name="pick-a-pic",
        api_version=1,
        summary="Pick-a-Pic v2: pairs of generated images for one prompt, with the choice of its author",
        factory="harness_preference.benchmarks.pick_a_pic:task",
        unfold="harness_preference.benchmarks.pick_a_pic:unfold",
        options="harness_preference.options:Options",
        # Not guessed: who wants to publish results must ask the authors.
        licence="not stated by the dataset's card",
        source="https://huggingface.co/datasets/yuvalkirstain/pickapic_v2 (arXiv 2305.01569)",
        answers="preference",
        data=Dataset(hub="yuvalkirstain/pickapic_v2", files=("*test_unique-*.parquet",), rows=500),
        suite="pick-a-pic",
        capabilities=frozenset({"images"}),
        description="""\
500 pairs of the split test_unique, each with a prompt of its own; rows without a label are left out.

Data: a folder with data/test_unique-*.parquet or test_unique-*.parquet, one such file, or
hub:yuvalkirstain/pickapic_v2@REVISION (stream it: the whole is 335 GB). The variant without images cannot be judged.
Item ids are test_unique/row number from 0. A copy of MJ-Bench's repository has the 500 pairs of validation_unique in
reward_models/result/validation_MODEL_eval_THRESHOLD.json, without pictures and with scores of several models; item ids
are then validation_unique/number. With a threshold above 0 the recorded choice counts, which may be a tie: such a model
is a judge of its own, MODEL_0.05. The order is that of the data, so replaying needs `protocol: {order: fixed}`.

One person chose on each pair, so there is no human ceiling.""",
        official=frozenset({"metric"}),
        parity=Parity(items=500, judges=3, values=3, difference=0.0),
        results=tuple(
            KnownResult(
                judge=judge,
                subset=subset,
                value=value,
                metric="accuracy, %",
                source="https://github.com/MJ-Bench/MJ-Bench",
            )
            for judge, subset, value in (
                ("pickscore", "validation_unique", 71.3),
                ("ImageReward", "validation_unique", 61.9),
                ("clipscore_v2", "validation_unique", 61.5),
            )
        ),
        protocol="harness_preference.benchmarks.pick_a_pic:PROTOCOL",
        metric="""\
Accuracy as in the training code: a pair is worth label_0 where the first image wins and label_1 where the second does,
so a tie in the gold is worth a half whichever wins. Beside it pick_a_pic_score, which is that of the script
eval_preference_predictor.py and of the paper: a tie is worth 1 on a tie, and a half where only one of gold and answer
is one. For a judge that always decides both are the same.

There a score model calls a tie where the probabilities of both images are no further apart than a threshold. The
script tries 0, 0.1, ... 1 on validation_unique and takes the first of the best to test_unique. For `clip-score`, a
threshold t is `tie_margin: 2 artanh(t) / logit_scale`; run `hub_split: validation_unique` with each, and test_unique
with the best. A threshold that is chosen on the pairs that it is scored on flatters the judge.""",
        columns=(
            Column(name="caption", kind="text", meaning="the prompt"),
            Column(name="jpg_0", kind="image", meaning="candidate A, as bytes"),
            Column(name="jpg_1", kind="image", meaning="candidate B, as bytes"),
            Column(name="label_0", kind="number", meaning="1: candidate A was chosen, 0: candidate B, 0.5: neither"),
            Column(name="label_1", kind="number", meaning="1 - label_0"),
            Column(name="has_label", kind="flag", meaning="false: leave the row out"),
            Column(name="ranking_id", kind="word", meaning="number of the choice", optional=True),
            Column(name="model_0", kind="word", meaning="who made candidate A", optional=True),
            Column(name="model_1", kind="word", meaning="who made candidate B", optional=True),
        ),
        deviations="""\
Officially a model scores images one by one, which has no order; here pairs are shown in a seeded random one. A judge
that calls a tie gets nothing where the gold is none, as two equal scores officially do, and a half where it is one,
where officially equal scores get nothing.""",
        pitfalls="""\
Every tie in the gold caps the score: with a share t of ties the best is 1 - t / 2. Rows without a label have both
labels 0. Counting ties as a class gives another number.""",
        example="harness_preference.benchmarks.pick_a_pic:example",
        recordings="harness_preference.published.pick_a_pic:RECORDINGS",
    )
]

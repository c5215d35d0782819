"""The card of ImageReward, pointwise."""

from __future__ import annotations

from harness.api import Column, Dataset, TaskCard

CARDS = [
    TaskCard(
        name="imagereward",
        api_version=1,
        summary="ImageReward, one image and its prompt: is it a good image? Ratings of 1 to 7 cut in two",
        factory="harness_mtrl.imagereward:task",
        options="harness_mtrl.options:ImageReward",
        licence="Apache-2.0",
        source="https://huggingface.co/datasets/THUDM/ImageRewardDB (arXiv 2304.05977)",
        splits=("train", "validation", "test"),
        answers="choice",
        data=Dataset(
            hub="THUDM/ImageRewardDB",
            # Archives of the default scale. Others are named with --files.
            files=("metadata-*.parquet", "images/train/train_[1-4].zip", "images/validation/*", "images/test/*"),
            rows=2720,
        ),
        suite="mtrl",
        capabilities=frozenset({"images", "text"}),
        description="""\
Images that models made for prompts of people, 4 to 9 for a prompt, rated from 1 to 7 by experts. The binary gold is
not ImageReward's: it is the rating cut in two, as the MT-RL-Judge paper must have done in some way.

Data: THUDM/ImageRewardDB needs a loading script, which `datasets` no longer runs; download its files and give the
folder with metadata-{train,validation,test}.parquet and images/{train,validation,test}/*.zip, packed or unpacked. A
copy with the images in its rows is read as hub:ORG/NAME@REVISION, with `scale` as configuration. Item ids are the
images' names, groups are prompts, categories their classification.

Splits: the official ones, which share no prompt. `scale: 1k | 2k | 4k | 8k` (default 1k) takes the images of the
first 4, 8, 16 or all 32 archives of train, as the official configurations do; 1k is about the 6,194 images that the
paper learns from, and its validation (2,584) and test (2,720) are the official ones.

Gold: yes where `rating` (default overall_rating; or image_text_alignment_rating, fidelity_rating) is at least
`threshold` (default 5, above the middle of the scale; or median-of-train). `drop_middle: [LOW, HIGH]` leaves out rows
with ratings from LOW to HIGH. UNKNOWN IN THE PAPER: rating, threshold and whether the middle was left out.""",
        protocol="harness_mtrl.imagereward:PROTOCOL",
        metric="""\
In the MT-RL-Judge paper: macro-F1 of yes and no. The official metric, accuracy over pairs of images of a prompt, is
that of preference/imagereward-pairs.""",
        columns=(
            Column(
                name="image_path", kind="image", meaning="images/SPLIT/SPLIT_n/NAME.webp, in the archive SPLIT_n.zip"
            ),
            Column(name="prompt_id", kind="word", meaning="the prompt, the same for all of its images"),
            Column(name="prompt", kind="text", meaning="what the image was made for"),
            Column(name="classification", kind="word", meaning="kind of prompt", optional=True),
            Column(name="overall_rating", kind="number", meaning="1 (worst) to 7; or the column that `rating` names"),
        ),
        deviations="""\
The binary task is the paper's own construction, and its rule is not published: no number here can be called a
reproduction of the paper's score. Answers that cannot be read are wrong; how the paper counts them is not known.""",
        pitfalls="""\
`rank` is better when lower, ratings when higher; this task reads ratings only. With the threshold changes the share
of yes, and accuracy with it: state the threshold beside the score. Ratings are one expert's for each image, so an
image near the threshold is a coin; see drop_middle.""",
        example="harness_mtrl.imagereward:example",
    )
]

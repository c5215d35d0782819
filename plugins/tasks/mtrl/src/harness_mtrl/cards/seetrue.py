"""The card of SeeTRUE."""

from __future__ import annotations

from harness.api import Column, Dataset, TaskCard

CARDS = [
    TaskCard(
        name="seetrue",
        api_version=1,
        summary="SeeTRUE, one image and one text: does the text say what the image shows? (test; training is closed)",
        factory="harness_mtrl.seetrue:task",
        options="harness_mtrl.options:SeeTrue",
        licence="CC BY 4.0; gated: research only, and as a test set, not for training",
        source="https://huggingface.co/datasets/yonatanbitton/SeeTRUE (arXiv 2305.10400)",
        splits=("train", "validation", "test"),
        answers="choice",
        data=Dataset(hub="yonatanbitton/SeeTRUE", files=("*.csv", "images.zip"), gated=True),
        suite="mtrl",
        capabilities=frozenset({"images", "text"}),
        description="""\
The public part of SeeTRUE, about 6,930 pairs of an image and a text from several sources, real and synthetic, each
with people's word on whether they match. Winoground, COCO-Con and PickaPic-Con are not in it.

Data: yonatanbitton/SeeTRUE is gated (accept its terms, log in) and needs a loading script, which `datasets` no longer
runs; download its files and give the folder with SeeTRUE.csv (or SeeTRUE_public.csv, or any one .csv) and images.zip,
or images/ unpacked. A copy in parquet is read as hub:ORG/NAME@REVISION, split test. Item ids are row numbers from 0,
groups are images, categories are sources.

Splits: there are no official ones, everything is test. `split_by: group` (default) puts all rows of an image on one
side by a seeded hash of its name; rows added later or in another order change nothing. `split_by: row` gives the
counts of the MT-RL-Judge paper, 5,544 / 693 / 693 of 6,930 rows, by a seeded permutation: images then LEAK from
train to test. `split_by: official` makes every row test. `split_seed`, `validation_share`, `test_share`.

Train and validation are closed unless `allow_training: true` is given: all who are given access agree that SeeTRUE
is a test set.""",
        protocol="harness_mtrl.seetrue:PROTOCOL",
        metric="""\
In the MT-RL-Judge paper: macro-F1 of yes and no, pooled over sources. Officially: ROC-AUC for each source, averaged
over sources (roc_auc@category). The released script feeds hard 0/1 answers to it, which is the balanced accuracy
(balanced_accuracy@category); the two differ only for a judge that gives probabilities. For the official number on
the whole set: `split_by: official`.""",
        columns=(
            Column(name="image", kind="image", meaning="name of the image, in images/ or images.zip"),
            Column(name="text", kind="text", meaning="what may or may not be true of the image"),
            Column(name="label", kind="label", meaning="1: the text matches (yes), 0: it does not (no)"),
            Column(name="dataset_source", kind="word", meaning="where the pair is from"),
            Column(name="original_dataset_id", kind="word", meaning="its name there", optional=True),
        ),
        # The authors' evaluation script maps answers to 0 and 1. What it does is told here, since scores depend on it.
        deviations="""\
Officially any answer but `yes` counts as no, one that cannot be read included; here such an answer is wrong, which is
the same for pairs that match and harsher for the others. The question is in our own words. The split of the paper is
not published: ours has its counts, not its rows.""",
        pitfalls="""\
Macro-F1 pooled over sources is not the official number: the share of matching pairs differs strongly by source. An
image has several texts, and a split by rows leaks images. The hash keeps equal images together, not near copies and
not images that were made for one prompt. Training on it breaks its terms, though the paper does.""",
        example="harness_mtrl.seetrue:example",
    )
]

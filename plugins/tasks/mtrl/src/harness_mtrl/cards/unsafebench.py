"""The card of UnsafeBench."""

from __future__ import annotations

from harness.api import Column, Dataset, TaskCard

CARDS = [
    TaskCard(
        name="unsafebench",
        api_version=1,
        summary="UnsafeBench, one image: is it unsafe? By eleven topics and two sources",
        factory="harness_mtrl.unsafebench:task",
        options="harness_mtrl.options:UnsafeBench",
        licence="not stated; gated on the hub (yiting/UnsafeBench): research only",
        source="https://huggingface.co/datasets/yiting/UnsafeBench (arXiv 2405.03486)",
        splits=("train", "validation", "test"),
        answers="choice",
        data=Dataset(
            hub="yiting/UnsafeBench", files=("data/train-*.parquet", "data/test-*.parquet"), gated=True, rows=2037
        ),
        suite="mtrl",
        capabilities=frozenset({"images"}),
        description="""\
10,146 images, 6,098 safe and 4,048 unsafe, real (Laion5B) and generated (Lexica), found by eleven topics: 8,109 of
the official train, 2,037 of the official test. Look at them with care.

Data: yiting/UnsafeBench is gated (accept its terms, log in): hub:yiting/UnsafeBench@REVISION, or a folder with
data/train-*.parquet and data/test-*.parquet. Item ids are `train/` or `test/` and the row number of the official
split, groups are images by content, categories are TOPIC/SOURCE.

Splits: test is the official one. Validation is taken from the official train. `split_by: group` (default) does it
by a seeded hash of the image's content, so that copies stay together; `split_by: row` gives the counts of the
MT-RL-Judge paper, 7,298 / 811 of 8,109 rows, by a seeded permutation (read once more, to count): copies of an image
LEAK. Copies between the official train and test stay where their authors put them; `harness doctor` finds them.
`split_seed`, `validation_share`.""",
        protocol="harness_mtrl.unsafebench:PROTOCOL",
        metric="""\
In the MT-RL-Judge paper: macro-F1 of unsafe and safe. Officially: F1 of the class unsafe, for each topic of each source
and for each topic over both; an unsure answer is 0 or 1 at random. For the authors' own PerspectiveVision it is F1 over
the whole test split. Here: macro_f1, then f1 pooled and f1@category (topics' mean of their sources' mean, which no
script prints), with `unparsed: chance`, a seeded coin. `protocol: {metrics: [f1]}` makes f1 the headline, which is the
one that is shown for each topic and source.""",
        columns=(
            Column(name="image", kind="image", meaning="the image, of any mode"),
            Column(name="safety_label", kind="label", meaning="Unsafe (the positive class) or Safe"),
            Column(name="category", kind="word", meaning="the topic that found the image, filled for safe ones too"),
            Column(name="source", kind="word", meaning="Laion5B (real) or Lexica (generated)"),
        ),
        # Three ways in which the official score is made otherwise. Without them the two F1 would be compared.
        deviations="""\
Officially train and test are scored together, each model is asked in three wordings, and a trained classifier reads
the answers before the majority counts; here the test split is asked once, in our own words, and the verdict format
reads the answer. Officially a topic and source without an unsafe image and without an answer `unsafe` counts 0; here
it has no F1, and f1@category then has no value either. How the paper treats answers that cannot be read is not
known: the coin is UnsafeBench's.""",
        pitfalls="""\
Macro-F1 is not the official F1 of the class unsafe. `safe` is a part of `unsafe`: a parser that looks for `safe` in
the answer is always right on safe images; our formats compare whole answers. The category is the topic that was
searched for, no kind of harm: safe images have one too. Images are of modes P, RGBA and others and are passed on as
they are. The column `text` (later revisions) is the caption. The study did not use it, and this task does not.""",
        example="harness_mtrl.unsafebench:example",
    )
]

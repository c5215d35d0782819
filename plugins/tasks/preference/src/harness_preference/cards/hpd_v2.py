"""The card of HPD v2."""

from __future__ import annotations

from harness.api import Column, Dataset, TaskCard

CARDS = [
    TaskCard(
        name="hpd-v2",
        api_version=1,
        summary="HPD v2: pairs of generated images for one prompt, from rankings of people",
        factory="harness_preference.benchmarks.hpd_v2:task",
        unfold="harness_preference.benchmarks.hpd_v2:unfold",
        options="harness_preference.options:Options",
        licence="Apache-2.0",
        source="https://huggingface.co/datasets/ymhao/HPDv2 (arXiv 2306.09341)",
        answers="preference",
        data=Dataset(hub="ymhao/HPDv2", files=("test.json", "test.tar.gz")),
        suite="hpd-v2",
        capabilities=frozenset({"images"}),
        description="""\
All pairs of the images of each prompt of the test split, by their averaged rank; the group is the prompt.

Data: a folder with test.json and test.tar.gz (or its images, unpacked beside test.json or to test/). The archive is
decompressed once, to the workspace. The hub dataset itself is a script, which is not run: download it. Item ids are
test/row number from 0/i-j, the places of the two images in the row.

With raw_annotations the board shows how far people agree on the pairs, and may show the human ceiling: that of
accuracy@micro, with `report: {metric: accuracy@micro}`. Not verified on the rows themselves: that these ranks are in
the order of the images. Those of a prompt whose mean orders two images against the averaged ranks are not used.""",
        official=frozenset({"metric"}),
        protocol="harness_preference.benchmarks.hpd_v2:PROTOCOL",
        metric="""\
For each prompt 1 - inversions / pairs, then the mean over prompts. An inversion is a pair that the judge orders the
other way round; a tie, in the gold or in the answer, is none, so pairs with equal ranks always count as right.
accuracy@micro is over all pairs together, which is the same where all prompts have equally many images.""",
        columns=(
            Column(name="prompt", kind="text", meaning="what the images were made for"),
            Column(name="image_path", kind="list", meaning="names of the images"),
            Column(name="rank", kind="list", meaning="averaged rank of each image, lower is better"),
            Column(
                name="raw_annotations",
                kind="list",
                meaning="for each person an object with user_hash and rank, the ranks of all images",
                optional=True,
            ),
        ),
        deviations="""\
Officially a model scores images one by one, which makes a ranking without ties; here all pairs are asked, in a seeded
random order, and answers need not be transitive. An answer that cannot be read is wrong, even on a pair with equal
ranks: officially there is none. Not verified: the folder inside test.tar.gz (names are looked for as they are and
below test/).""",
        pitfalls="""\
A judge that always calls a tie gets 100 %: read the share of ties beside the score. Accuracy over all pairs together
is another number when prompts differ in their number of images. train.json has other columns (human_preference,
file_path). The benchmark prompts of HPS v2 are no preferences.""",
        example="harness_preference.benchmarks.hpd_v2:example",
    )
]

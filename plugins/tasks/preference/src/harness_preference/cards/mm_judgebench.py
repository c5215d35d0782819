"""The card of MM-JudgeBench."""

from __future__ import annotations

from harness.api import Column, Dataset, TaskCard

CARDS = [
    TaskCard(
        name="mm-judgebench",
        api_version=1,
        summary="MM-JudgeBench: pairs of answers to questions about an image, the same ones in 25 languages",
        factory="harness_preference.benchmarks.mm_judgebench:task",
        unfold="harness_preference.benchmarks.mm_judgebench:unfold",
        options="harness_preference.options:Options",
        # No licence means no permission by default, which a reader should see here.
        licence="not stated by its repository",
        source="https://github.com/tahmedge/mm-judgebench (ACL 2026 Findings)",
        answers="preference",
        data=Dataset(hub="tahmedge/MM-JudgeBench"),
        official=frozenset({"metric"}),
        suite="mm-judgebench",
        capabilities=frozenset({"images", "text"}),
        description="""\
Pairs of VL-RewardBench (m-vl-rewardbench, about 31,000) and pairs about charts of OpenCQA (m-opencqa, about 30,000),
translated into 25 languages. Categories are the languages.

Data: a copy of tahmedge/MM-JudgeBench of the hub, with SUBSET/original.csv or SUBSET/FOLDER/original.csv, or parquet in
the same places, and the images that the rows name. The columns are those that the authors' scripts read. The rows
themselves could not be seen, and neither could the places of the files (the hub says that they are parquet), so other
columns may be there and are ignored. Item ids are SUBSET/row number from 0.""",
        protocol="harness_preference.benchmarks.mm_judgebench:PROTOCOL",
        metric="""\
Accuracy over all pairs and languages, and the mean over languages (accuracy@category). An answer that cannot be read is
wrong. Both orders are asked, and each counts.""",
        columns=(
            Column(name="id", kind="word", meaning="name of the pair, the same in all languages"),
            Column(name="language", kind="word", meaning="of question and answers; the category"),
            Column(name="query", kind="text", meaning="what was asked about the image", optional=True),
            Column(name="response1", kind="text", meaning="candidate A"),
            Column(name="response2", kind="text", meaning="candidate B"),
            Column(name="label", kind="label", meaning="A or B: which answer is better"),
            Column(name="image_path", kind="image", meaning="the image: its path in the release"),
        ),
        deviations="""\
The authors have the pairs in a second file in the reverse order, and score each file by itself. Here the first file is
asked in both orders, which is the mean of both; `protocol: {order: fixed}` is the first file alone, and `with:
{hub_split: reversed}` beside it the second. The prompt gives the facts of the official one in our own words and asks
for the verdict in harness/brackets. Their script looks for an image by the id of the pair where a row names none; here
every row has to name it.""",
        pitfalls="""\
A pair is there once for each language, and all of these are one cluster: 60,000 rows are about 2,400 pairs. The labels
of one file may be uneven, so a judge that always names the first answer may look good in it. Not to be confused with
M-JudgeBench (arXiv 2603.00546). M-MM-RewardBench in the same release is for training and not read.""",
        example="harness_preference.benchmarks.mm_judgebench:example",
    )
]

"""The card of VideoRewardBench."""

from __future__ import annotations

from harness.api import Column, Dataset, TaskCard

CARDS = [
    TaskCard(
        name="videorewardbench",
        api_version=1,
        summary="VideoRewardBench: two answers to a question about a video, one of them chosen by people",
        factory="harness_preference.benchmarks.videorewardbench:task",
        unfold="harness_preference.benchmarks.videorewardbench:unfold",
        options="harness_preference.benchmarks.videorewardbench:VideoRewardOptions",
        licence="could not be seen",
        source="https://videorewardbench.github.io (arXiv 2509.00484)",
        answers="preference",
        # The place is named by the code of others who score models on it: github.com/yinuoyang01/multi-response-rm.
        data=Dataset(hub="Dragonriser/VideoRewardBench"),
        suite="videorewardbench",
        capabilities=frozenset({"video", "text"}),
        description="""\
1,563 triplets by the paper, of 1,482 videos: perception, long-form 283 and short-form 413, knowledge 238, reasoning 278
and safety 351.

The rows could not be seen, and the place of the data is the one that others name who score models on it. The names of
the columns below are ours, and not the authors'. Where the data have others,
`with: {columns: {question: NAME, ...}}` says which. A table that lacks a column ends in an error that lists all that
are needed and all that are there.

Data: a folder with VideoRewardBench.jsonl (or test.jsonl, .json, .csv, .parquet), and the videos in it, in videos/ or
in zip files; or one such file. Item ids are those of the column id, else row numbers from 0. The value of category is
taken as it is written.""",
        protocol="harness_preference.benchmarks.videorewardbench:PROTOCOL",
        metric="""\
Accuracy over all triplets, and in each category. The overall column of the paper's table is the mean over triplets: for
GPT-4o (63.3 x 283 + 50.8 x 413 + 58.8 x 238 + 57.9 x 278 + 57.3 x 351) / 1563 = 57.0.""",
        columns=(
            Column(name="video", kind="text", meaning="path of the video"),
            Column(name="question", kind="text", meaning="what was asked about it"),
            Column(name="chosen", kind="text", meaning="the better answer: candidate A"),
            Column(name="rejected", kind="text", meaning="the worse answer: candidate B"),
            Column(name="category", kind="word", meaning="aspect: perception, knowledge, reasoning or safety"),
            Column(
                name="id", kind="word", meaning="name of the triplet; by default the number of its row", optional=True
            ),
        ),
        deviations="""\
No script could be seen. So it is not known in which order the authors show the answers (here it is random, seeded for
each item, since the chosen answer is always the first), how many frames they show, and what an answer without a verdict
counts as (here it is wrong). Several judges of the paper's table are far below 50 %: it seems that an answer must be
right in more than one order, or that unread answers are wrong. `protocol: {order: both, pooling: agree}` asks for the
former. The prompt is ours.""",
        pitfalls="""\
The overall number is not the mean of the four aspects: perception has 696 of the 1,563 triplets.""",
        example="harness_preference.benchmarks.videorewardbench:example",
    )
]

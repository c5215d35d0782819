"""The cards of MLLM-as-a-Judge: score, pair, batch."""

from __future__ import annotations

from harness.api import Column, Dataset, TaskCard

_SOURCE = "https://huggingface.co/datasets/ONE-Lab/MLLM-as-a-Judge (arXiv 2402.04788)"
_DATASET = Dataset(hub="ONE-Lab/MLLM-as-a-Judge", files=("Benchmark/*", "image/*"))
_COMMON = (
    Column(name="instruction", kind="text", meaning="what was asked"),
    Column(name="image_path", kind="image", meaning="what it was asked about, with or without image/ before the name"),
    Column(name="original_dataset", kind="word", meaning="where image and instruction are from; the category"),
)
_DATA = """\
Data: a folder with Benchmark/{0}.jsonl and image/ (a copy of the hub's), or with Dataset/Benchmark/{0}.jsonl and
Dataset/image/ (the repository's); or any folder with {0}.jsonl and image/, such as one made of the Lite, HQ or Hard
sets. The hub dataset is a folder of images for `datasets`, so hub:... does not work: download it and give the folder.
Item ids are {1}#row number from 0, for {1} repeats."""
# No full stop at the end: each card goes on with the form of its own answer.
_MISSING = """\
Rows without a human judgement, -1 or empty, are left out. An answer without a verdict leaves the denominator. The image
stands after the instruction. The official answer is JSON with an analysis and a judgement"""

CARDS = [
    TaskCard(
        name="mllm-as-a-judge-score",
        api_version=1,
        summary="MLLM-as-a-Judge, scoring: people's grades from 1 to 5 of answers about images",
        factory="harness_preference.benchmarks.mllm_as_a_judge:score_task",
        unfold="harness_preference.benchmarks.mllm_as_a_judge:score_unfold",
        options="harness_preference.options:Options",
        licence="MIT",
        source=_SOURCE,
        answers="score",
        data=_DATASET,
        suite="mllm-as-a-judge",
        capabilities=frozenset({"images"}),
        description=f"""\
Answers of several models to instructions about images of 14 datasets, each with one human grade.

{_DATA.format("score", "score_id")}""",
        official=frozenset({"metric"}),
        protocol="harness_preference.benchmarks.mllm_as_a_judge:SCORE_PROTOCOL",
        metric="""\
Pearson's correlation of grades within each source dataset, and the mean of these over datasets. pearson@micro is the
"overall" of the authors' later notebook: one correlation over all rows.""",
        columns=(
            Column(name="score_id", kind="word", meaning="name of the answer"),
            *_COMMON,
            Column(name="answer", kind="text", meaning="the answer to grade"),
            Column(name="human", kind="number", meaning="people's grade, 1 to 5, as a number or as text; -1 is none"),
        ),
        deviations=f"{_MISSING}, [[1]] to [[5]];\nhere it is one grade in harness/brackets.",
        pitfalls="""\
Pooling all rows gives another number than the mean over datasets. human is a number in some rows and text in others.
The README asks at temperature 0.4 and top-p 0.2, the script's defaults are 0.2 and 0.4; the released api_benchmark.py
does not run.""",
        example="harness_preference.benchmarks.mllm_as_a_judge:score_example",
    ),
    TaskCard(
        name="mllm-as-a-judge-pair",
        api_version=1,
        summary="MLLM-as-a-Judge, pair comparison: people's choice between two answers about an image, or a tie",
        factory="harness_preference.benchmarks.mllm_as_a_judge:pair_task",
        unfold="harness_preference.benchmarks.mllm_as_a_judge:pair_unfold",
        options="harness_preference.options:Options",
        licence="MIT",
        source=_SOURCE,
        answers="preference",
        data=_DATASET,
        suite="mllm-as-a-judge",
        capabilities=frozenset({"images"}),
        description=f"""\
Pairs of answers of several models to instructions about images of 14 datasets, each with the choice of most people.

{_DATA.format("pair", "pair_id")}""",
        official=frozenset({"order", "metric"}),
        protocol="harness_preference.benchmarks.mllm_as_a_judge:PAIR_PROTOCOL",
        metric="""\
Accuracy in the order of the data within each source dataset, and the mean of these over datasets: with ties, where a
tie is a class of its own, and without, where rows whose human choice or whose answer is a tie are dropped. @micro is
over all rows, the "overall" of the authors' notebook.""",
        columns=(
            Column(name="pair_id", kind="word", meaning="name of the pair"),
            *_COMMON,
            Column(name="answer1", kind="object", meaning="candidate A: name of the model and answer"),
            Column(name="answer2", kind="object", meaning="candidate B: name of the model and answer"),
            Column(
                name="human_answer",
                kind="label",
                meaning="A, B or C (a tie): people's choice; -1 or empty is none; or in human",
            ),
        ),
        deviations=f"{_MISSING}, [[A]], [[B]]\nor [[C]] (a tie); here it is harness/brackets, where a tie is [[tie]].",
        pitfalls="""\
"Without ties" has two meanings. The authors' notebook drops a row where either side says tie; for the paper they say
that they dropped the rows where people do, so that a predicted tie stays as wrong: `protocol: {ties: skip}` and
`accuracy` give that. The order is never swapped.""",
        example="harness_preference.benchmarks.mllm_as_a_judge:pair_example",
    ),
    TaskCard(
        name="mllm-as-a-judge-batch",
        api_version=1,
        summary="MLLM-as-a-Judge, batch ranking: people's order of several answers about an image",
        factory="harness_preference.benchmarks.mllm_as_a_judge:batch_task",
        unfold="harness_preference.benchmarks.mllm_as_a_judge:batch_unfold",
        options="harness_preference.options:Options",
        licence="MIT",
        source=_SOURCE,
        answers="ranking",
        data=_DATASET,
        suite="mllm-as-a-judge",
        capabilities=frozenset({"images"}),
        description=f"""\
Four answers (here any number from two) of several models to instructions about images of 14 datasets, ranked by people.

{_DATA.format("batch", "id")}""",
        official=frozenset({"metric"}),
        protocol="harness_preference.benchmarks.mllm_as_a_judge:BATCH_PROTOCOL",
        metric="""\
Levenshtein distance between the judge's and people's order, divided by its length, averaged within each source dataset
and then over datasets; 0 is best. @micro is over all rows.""",
        columns=(
            Column(name="id", kind="word", meaning="name of the batch, not unique"),
            *_COMMON,
            Column(name="answers", kind="list", meaning="candidates A, B, ...: name of the model and answer of each"),
            Column(
                name="human_answer",
                kind="label",
                meaning="such as CDAB: letters of the answers from best to worst; empty is none; or in human",
            ),
        ),
        deviations=f"{_MISSING}, [[A]], [[B]],\n[[C]], [[D]] from best to worst; here it is [[A > B > C > D]].",
        pitfalls="""\
The authors' notebook does not divide by the length, so its numbers are four times those of the paper. It keeps one row
for each id, though ids repeat. Two rows have no human order (ids 1637 and 1714).""",
        example="harness_preference.benchmarks.mllm_as_a_judge:batch_example",
    ),
]

"""The cards of VLRMBench: wrong steps, foresight, pairs of solutions; and that of its F1."""

from __future__ import annotations

from typing import Any

from harness.api import Column, Dataset, MetricCard, TaskCard

METRICS = [
    MetricCard(
        name="vlrmbench_f1",
        api_version=1,
        summary="F1 of both labels, each weighted by the share of the other: the rarer one weighs more",
        factory="harness_preference.step_metrics:vlrmbench_f1",
        answers=frozenset({"choice"}),
        unit="share",
        source="https://github.com/JCruan519/VLRMBench (F1_w of get_F1Score in model_eval/utils.py)",
    ),
]

_DATA = """\
Data: a folder with benchmark_data/{files} and the images in meta_data/Image/ or Image/, as in the authors' repository.
Item ids are {ids}. The group is the question with its images. Rows with error_info are left out, as officially."""
_NOT_ALL = """\
Of the twelve tasks of the benchmark two are not here, error_correction and error_reason_analysis: a model writes a
text, and another model compares it with the one of GPT-4o, so that they have no gold."""
_COMMON = (
    Column(name="id", kind="word", meaning="name of the row"),
    Column(name="image", kind="list", meaning="paths of the images"),
    Column(name="question", kind="text", meaning="what was asked about them"),
)
_RECORDED = "Recorded answers: eval_res/{files}/MODEL.jsonl, as the authors' scripts write them and with their rules."


def _card(kind: str, **facts: Any) -> TaskCard:
    name = {"steps": "step", "foresight": "foresight", "solutions": "solution"}[kind]
    return TaskCard(
        name=f"vlrmbench-{kind}",
        api_version=1,
        factory=f"harness_preference.benchmarks.vlrmbench:{name}_task",
        unfold=f"harness_preference.benchmarks.vlrmbench:{name}_unfold",
        options="harness_preference.options:Options",
        licence="not stated in the files that were seen",
        source="https://github.com/JCruan519/VLRMBench (arXiv 2503.07478)",
        data=Dataset(git="https://github.com/JCruan519/VLRMBench"),
        official=frozenset({"metric"}),
        suite="vlrmbench",
        capabilities=frozenset({"images", "text"}),
        protocol=f"harness_preference.benchmarks.vlrmbench:{name.upper()}_PROTOCOL",
        example=f"harness_preference.benchmarks.vlrmbench:{name}_example",
        recordings=f"harness_preference.published.vlrmbench:{name.upper()}_RECORDINGS",
        **facts,
    )


CARDS = [
    _card(
        "steps",
        summary="VLRMBench: which steps of a reasoning about images have an error, a hallucination or redundancy?",
        answers="choice",
        description=f"""\
Eight subsets, by the names of the files: step_correctness, most_confidence (confidence misdirection), redundant_det,
detail_error, existence_hallucination, attribute_hallucination, location_error (spatial relationship) and
image_ref_error (image confusion). The paper has 5,722 reasonings. Each step of one is an item; the judge sees all of
it and says yes or no of one step.

{_DATA.format(files="SUBSET.jsonl", ids="SUBSET/id/number of the step from 1")} Rows of location_error and
image_ref_error were seen; that those of the other six have the same columns is what the authors' script reads.

{_RECORDED.format(files="SUBSET")} {_NOT_ALL}""",
        metric="""\
vlrmbench_f1 over all steps of all rows: the F1 of wrong steps times the share of sound ones, plus the F1 of sound steps
times the share of wrong ones. f1 is that of wrong steps alone.""",
        columns=(
            *_COMMON,
            Column(name="reasoning_error", kind="text", meaning="the reasoning, STEP1: ... STEP2: ..."),
            Column(name="task_gt", kind="list", meaning="for each step 1: it has the fault, 0: it has not"),
            Column(name="error_info", kind="word", meaning="leave the row out", optional=True),
        ),
        deviations="""\
Officially a model writes the indicators of all steps in one list, [0, 1, 0]; here each step is asked by itself, with
all of the reasoning shown: as many questions as steps, and a judge knows nothing of its other answers. Recorded lists
are read as officially: the first numbers of the text count, even those of its reasoning, any other number than 0 is a
1, and missing ones are 0. A live answer that cannot be read is left out, and coverage is printed; officially it would
be 0.""",
        pitfalls="""\
Most steps are sound: a judge that always says no has a high accuracy, and a vlrmbench_f1 near the share of wrong steps.
The weights are those of the other label, which is not `average="weighted"` of scikit-learn. In five of the subsets the
judge is told that some step is wrong.""",
    ),
    _card(
        "foresight",
        summary="VLRMBench, foresight: will the beginning of a reasoning lead to a right answer?",
        answers="choice",
        description=f"""\
Yes or no, of a part of a reasoning about images.

{_DATA.format(files="foresight.jsonl", ids="foresight/id")} No rows were seen: the columns are those that the authors'
script reads.

{_RECORDED.format(files="foresight")} {_NOT_ALL}""",
        metric="Accuracy. An answer without the right word is wrong.",
        columns=(
            *_COMMON,
            Column(name="reasoning_error", kind="text", meaning="the beginning, if it is there", optional=True),
            Column(name="step_list", kind="list", meaning="the beginning, in rows without reasoning_error"),
            Column(name="task_gt", kind="flag", meaning="whether it leads to a right answer"),
            Column(name="error_info", kind="word", meaning="leave the row out", optional=True),
        ),
        deviations="""\
Officially yes or true, or no or false, anywhere in the answer will do, and an answer with both is right in any case;
recorded answers are taken so. Here an answer is read in harness/brackets.""",
        pitfalls="""\
Which column holds the beginning may tell the answer: officially it is reasoning_error where there is one. The judge
sees the text alone.""",
    ),
    _card(
        "solutions",
        summary="VLRMBench, multi_solution: which of two reasonings about images is the right one?",
        answers="preference",
        description=f"""\
A right and a wrong reasoning for one question, in both orders.

{_DATA.format(files="multi_solution.jsonl", ids="multi_solution/id")} No rows were seen: the columns are those that the
authors' script reads.

{_RECORDED.format(files="multi_solution")} {_NOT_ALL}""",
        metric="""\
Accuracy over both orders together: the right reasoning must have more points than the wrong one in the sum of both.
Equal ones are wrong.""",
        columns=(
            *_COMMON,
            Column(name="step_list", kind="list", meaning="the right reasoning"),
            Column(name="reasoning_error", kind="text", meaning="the wrong one"),
            Column(name="error_info", kind="word", meaning="leave the row out", optional=True),
        ),
        deviations="""\
Officially a model gives both responses 0 to 10 in each order, and the sums decide; recorded answers are taken so, by
the last two numbers of each text. Here a judge says which one is better in each order, and the net votes decide, so
that one order for each is no win.""",
        pitfalls="""\
The right one is always step_list. A score of 7.5 is read as 7 and 5 by the authors' script, of which the last two
numbers count.""",
    ),
]

"""The card of CodeJudgeBench."""

from __future__ import annotations

from harness.api import Column, Dataset, TaskCard

_REPAIR, _TESTS = ("coderepair",), ("testgen",)

CARDS = [
    TaskCard(
        name="codejudgebench",
        api_version=1,
        summary="CodeJudgeBench: pairs of answers to programming tasks, of which tests have passed exactly one",
        factory="harness_preference.benchmarks.codejudgebench:task",
        unfold="harness_preference.benchmarks.codejudgebench:unfold",
        options="harness_preference.options:Options",
        licence="Apache-2.0",
        source="https://huggingface.co/datasets/mattymchen/codejudgebench (arXiv 2507.10535)",
        answers="preference",
        data=Dataset(
            hub="mattymchen/codejudgebench",
            files=("codegen/*.parquet", "coderepair/*.parquet", "testgen/*.parquet"),
            gated=False,
        ),
        official=frozenset({"order", "metric"}),
        suite="codejudgebench",
        capabilities=frozenset({"text"}),
        description="""\
Three tasks: to write code (codegen), to repair it (coderepair), and to write a unit test (testgen). Both answers to a
question are of one model, and each model that answered is a split. Categories are the difficulties easy, medium and
hard. The splits of codegen have 2,103 pairs: claude_3.7_sonnet 325, claude_4_opus 200, claude_4_sonnet 285,
gemini_2.5_flash 430, gemini_2.5_flash_lite 389, gemini_2.5_pro 256 and qwen3_235b 218. The data set's codegen_pass5 is
not read.

Data: a folder with TASK/SPLIT-*.parquet, which is a copy of the hub's, or hub:mattymchen/codejudgebench@REVISION. A
task is over all of its splits; `with: {hub_split: gemini_2.5_pro}` is a split by itself. The columns are those of the
hub's page and the authors' code, and others who read the rows of codegen name the same; those that only testgen has
(pos_input, neg_input) are from a copy of the authors' code. The rows themselves could not be seen. Item ids are
TASK/SPLIT/row number from 0.

Recorded answers: outputs/MODEL_TASK-SPLIT.jsonl, as the authors' script saves them.""",
        protocol="harness_preference.benchmarks.codejudgebench:PROTOCOL",
        metric="""\
Both orders are asked, and accuracy is over all answers to both, which is the `Micro Avg` of the authors; theirs for
Easy, Medium and Hard are the categories. An answer that cannot be read is wrong.""",
        columns=(
            Column(name="question_content", kind="text", meaning="the programming question"),
            Column(name="pos_response", kind="text", meaning="the right answer: candidate A"),
            Column(name="neg_response", kind="text", meaning="the wrong answer: candidate B"),
            Column(name="difficulty", kind="label", meaning="easy, medium or hard; the category"),
            Column(name="wrong_code", kind="text", meaning="the code to repair", subsets=_REPAIR),
            Column(
                name="wrong_meta", kind="object", meaning="how that code fails: error_code and more", subsets=_REPAIR
            ),
            Column(name="pos_input", kind="text", meaning="test input of the right answer", subsets=_TESTS),
            Column(name="neg_input", kind="text", meaning="test input of the wrong answer", subsets=_TESTS),
            Column(name="question_id", kind="word", meaning="name of the question", optional=True),
            Column(name="platform", kind="word", meaning="where the question is from", optional=True),
        ),
        deviations="""\
The prompt gives the facts of the official one in our own words. Officially the last label [[A>B]], [[B>A]] or
\\boxed{A>B} counts, wherever it stands; here the labels in the last paragraph that has one must agree. A consistent
accuracy, for which both orders must be right, is not in the authors' script: `protocol: {pooling: agree}` gives it.""",
        pitfalls="""\
The gold is always the first candidate: ask both orders. The splits of a task differ in size, and the mean of their
accuracies is another number than the official one. Older revisions of the data name splits otherwise (claude_3.7).""",
        example="harness_preference.benchmarks.codejudgebench:example",
        recordings="harness_preference.published.codejudgebench:RECORDINGS",
    )
]

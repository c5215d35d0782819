"""The cards of JudgeAnything: pair and score."""

from __future__ import annotations

from harness.api import Column, Dataset, TaskCard

_SOURCE = "https://huggingface.co/datasets/pudashi/JudgeAnything (arXiv 2503.17489)"
_DATASET = Dataset(hub="pudashi/JudgeAnything")
_LICENCE = "not stated where it was looked for; ask the authors before you pass the data on"
_DATA = """\
Data: the folder of the downloaded dataset, with Preference/{0}.json (what people said),
X2XRawBenchmark/X2XBenchmark.json or TaskAnything.json (what was asked) and ResponseCollection/ or RawResponse/ with
X2XBenchmarkResponse.json or JudgeAnything.json (what models answered), each with its pictures beside it. A query's
uniq_id has a longer form in some files: the last two parts between _ are compared. A model's name is the whole or a
part of that in the responses. Not one file, and not hub:..., for three files are joined. `rubric` names what is judged;
by default overall_score. Item ids are uniq_id/{1}#row number from 0.

The files of people's judgements were not seen. Their columns are those that the authors' scripts write for a judge, and
that public code reads from them."""
_JOINED = (
    Column(name="uniq_id", kind="word", meaning="which query"),
    Column(name="task_name", kind="word", meaning="what goes in and comes out, such as Image2Text; the category"),
    Column(name="rubric_name", kind="word", meaning="what is judged: overall_score, relevance, ..."),
)
_ELSEWHERE = (
    Column(name="question", kind="text", meaning="of the queries: what was asked"),
    Column(name="image_path", kind="image", meaning="of the queries: one picture or a list, where images go in"),
    Column(name="response", kind="object", meaning="of the responses: type (text, image, ...) and content"),
)
# No full stop at the end: each card goes on with the form of its own answer.
_DEVIATIONS = """\
Only queries and responses of text and images are judged: four of the fifteen kinds of task (text or image to text or
image), and no response in sound or video; official judges are shown those as well. The judge is asked for one rubric at
a time, by the option `rubric`; officially for overall quality alone or for all six together, and optionally with a
checklist. The official answer is JSON with a comment"""
_CAPABILITIES = frozenset({"images", "text"})

CARDS = [
    TaskCard(
        name="judge-anything-pair",
        api_version=1,
        summary="JudgeAnything, pair comparison: people's choice between two models' responses, or a tie",
        factory="harness_preference.benchmarks.judge_anything:pair_task",
        unfold="harness_preference.benchmarks.judge_anything:pair_unfold",
        options="harness_preference.benchmarks.judge_anything:JudgeAnythingOptions",
        licence=_LICENCE,
        source=_SOURCE,
        answers="preference",
        data=_DATASET,
        suite="judge-anything",
        capabilities=_CAPABILITIES,
        description=f"""\
Two pairs of responses to each of 1,500 queries, 100 of each of 15 kinds of task, compared by people as a whole and by
six rubrics.

{_DATA.format("Human_Pairing", "model_pair")}""",
        official=frozenset({"order"}),
        protocol="harness_preference.benchmarks.judge_anything:PAIR_PROTOCOL",
        metric="""\
Agreement with people, accuracy in the order of the data: with ties as a class, and without rows where either side says
tie. Not verified: no metric script is published, and what the paper does with ties and with answers that cannot be read
(here left out) was not found.""",
        columns=(
            *_JOINED,
            Column(name="model_pair", kind="word", meaning="MODEL_vs_MODEL: candidates A and B"),
            Column(name="choice", kind="label", meaning="0: A is better, 1: a tie, 2: B is better"),
            *_ELSEWHERE,
        ),
        deviations=f"{_DEVIATIONS} and a choice of\n0, 1, 2; here it is harness/brackets, where a tie is [[tie]].",
        pitfalls="""\
1 is the tie and 2 the second response; MJ-Bench has 0 for a tie. The order is never swapped. Files under Arena/ hold
other models and are not part of this.""",
        example="harness_preference.benchmarks.judge_anything:pair_example",
    ),
    TaskCard(
        name="judge-anything-score",
        api_version=1,
        summary="JudgeAnything, score evaluation: people's scores from 1 to 5 of models' responses",
        factory="harness_preference.benchmarks.judge_anything:score_task",
        unfold="harness_preference.benchmarks.judge_anything:score_unfold",
        options="harness_preference.benchmarks.judge_anything:JudgeAnythingOptions",
        licence=_LICENCE,
        source=_SOURCE,
        answers="score",
        data=_DATASET,
        suite="judge-anything",
        capabilities=_CAPABILITIES,
        description=f"""\
Four responses to each of 1,500 queries, 100 of each of 15 kinds of task, scored by people as a whole and by six
rubrics.

{_DATA.format("Human_Scoring", "model_name")}""",
        official=frozenset({"order"}),
        protocol="harness_preference.benchmarks.judge_anything:SCORE_PROTOCOL",
        metric="""\
Agreement with people: the share of scores that are equal, and beside it Pearson's and Spearman's correlation and the
mean absolute error. Not verified: no metric script is published, and the paper's definition of its agreement was not
found.""",
        columns=(
            *_JOINED,
            Column(name="model_name", kind="word", meaning="who answered, or a part of the name"),
            Column(name="score", kind="number", meaning="people's score, a whole number from 1 to 5"),
            *_ELSEWHERE,
        ),
        deviations=f"{_DEVIATIONS} and a score; here\nit is harness/brackets.",
        pitfalls="""\
People's files give short names of models (gpt-4o), the responses long ones (gpt-4o-mllm_answer). Files under Arena/
hold other models and are not part of this.""",
        example="harness_preference.benchmarks.judge_anything:score_example",
    ),
]

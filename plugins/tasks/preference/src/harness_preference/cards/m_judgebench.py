"""The card of M-JudgeBench."""

from __future__ import annotations

from harness.api import Column, Dataset, TaskCard

CARDS = [
    TaskCard(
        name="m-judgebench",
        api_version=1,
        summary="M-JudgeBench: pairs of answers with reasoning about images, by what is wrong with one of them",
        factory="harness_preference.benchmarks.m_judgebench:task",
        unfold="harness_preference.benchmarks.m_judgebench:unfold",
        options="harness_preference.options:Options",
        # No licence means no permission by default, which a reader should see here.
        licence="not stated by its repository",
        source="https://github.com/czythu/M_Judger (arXiv 2603.00546)",
        answers="preference",
        data=Dataset(git="https://github.com/czythu/M_Judger", rows=3712),
        suite="m-judgebench",
        capabilities=frozenset({"images", "text"}),
        description="""\
3,712 pairs in ten types of three families, which are the categories FAMILY/TYPE: pairwise-cot (short and long
reasoning, of the same and of different models), length-bias (a right answer with short answer, short or long reasoning
beside a wrong one of another length), process-error (visual, reasoning or incidental errors).

Data: a folder with m_judgebench_data.jsonl, itself or in its data/, and images at the paths of the rows, beside that
file; or the file. The columns are those that the official script reads; the data themselves were not seen, so other
columns may be there and are ignored. Item ids are test/row number from 0.""",
        official=frozenset({"order", "metric"}),
        protocol="harness_preference.benchmarks.m_judgebench:PROTOCOL",
        metric="""\
Accuracy over all pairs, and of each type. That of a family is over its pairs, not the mean of its types. An answer that
does not name the better one is wrong.""",
        columns=(
            Column(name="image", kind="image", meaning="path of the image, or a list of them"),
            Column(name="question", kind="text", meaning="what was asked about the images"),
            Column(name="chosen", kind="text", meaning="the better answer: candidate A"),
            Column(name="rejected", kind="text", meaning="the worse answer: candidate B"),
            Column(name="type", kind="label", meaning="one of ten types, such as shortcot_same_model"),
        ),
        deviations="""\
The official order is random with one seed for all, here with a seed for each item. The prompt is after the official
default one in our own words, and asks for the verdict in harness/brackets. Officially an answer is right wherever the
sentence "Answer N is better" with the right N is in it, even beside its opposite. The official loop counts a failure of
the machinery as wrong overall and leaves it out of its type; here it is left out.""",
        pitfalls="""\
Not to be confused with MM-JudgeBench (arXiv 2604.19405) or MJ-Bench. The gold is always the first candidate: never
ask in the data's order.""",
        example="harness_preference.benchmarks.m_judgebench:example",
    )
]

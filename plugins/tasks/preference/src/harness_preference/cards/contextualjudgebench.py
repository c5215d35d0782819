"""The card of ContextualJudgeBench."""

from __future__ import annotations

from harness.api import Column, Dataset, TaskCard

CARDS = [
    TaskCard(
        name="contextualjudgebench",
        api_version=1,
        summary="ContextualJudgeBench: pairs of answers that rest on a given context, by what sets them apart",
        factory="harness_preference.benchmarks.contextualjudgebench:task",
        unfold="harness_preference.benchmarks.contextualjudgebench:unfold",
        options="harness_preference.options:Options",
        licence="CC-BY-4.0",
        source="https://huggingface.co/datasets/Salesforce/ContextualJudgeBench (arXiv 2503.15620)",
        answers="preference",
        data=Dataset(
            hub="Salesforce/ContextualJudgeBench",
            files=("data/*.parquet",),
            gated=False,
            rows=2000,
            bytes=6_170_000,
        ),
        official=frozenset({"order", "metric"}),
        suite="contextualjudgebench",
        capabilities=frozenset({"text"}),
        description="""\
2,000 pairs of answers or summaries, where a context says what is true. Eight splits of 250 are tasks: completeness,
conciseness and faithfulness, each of question answering (qa) and of summaries (summ), and refusals of questions that
the context answers (refusal_answerable) or does not (refusal_unanswerable).

Data: a folder with data/SPLIT-*.parquet, which is a copy of the hub's, or SPLIT/items.jsonl; or
hub:Salesforce/ContextualJudgeBench@REVISION. The columns are those that the authors' script reads; the rows themselves
could not be seen, so other columns may be there and are ignored. Item ids are SPLIT/row number from 0.

Recorded answers: JUDGE/STRATEGY/eval_detailed_SPLIT.jsonl, as the authors' script saves them, in the folder or one
below.""",
        protocol="harness_preference.benchmarks.contextualjudgebench:PROTOCOL",
        metric="""\
The consistent accuracy: a pair is right if both orders name the better answer, over all pairs of a split. An answer
that cannot be read is wrong. `with: {subset: overall}` is one task over all splits. The `consistency` of the authors is
the column `swap` of the board.""",
        columns=(
            Column(name="question", kind="text", meaning="what was asked"),
            Column(name="context", kind="text", meaning="what the answer must rest on"),
            Column(name="positive_response", kind="text", meaning="the better answer: candidate A"),
            Column(name="negative_response", kind="text", meaning="the worse answer: candidate B"),
            Column(name="question_id", kind="word", meaning="where the question is from", optional=True),
        ),
        deviations="""\
The prompt gives the facts of the authors' default one in our own words; theirs for single criteria, and for judges with
prompts of their own, are not here. Two answers that cannot be read are consistent for the authors; the swap consistency
on the board leaves them out. With several samples they count each sample on its own, here a majority votes.""",
        pitfalls="""\
The gold is always the first candidate: ask both orders. A judge that always names the first answer gets 0, not 50 %,
and one that tosses a coin 25 %.""",
        example="harness_preference.benchmarks.contextualjudgebench:example",
        recordings="harness_preference.published.contextualjudgebench:RECORDINGS",
    )
]

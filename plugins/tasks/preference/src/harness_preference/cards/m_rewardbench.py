"""The card of M-RewardBench."""

from __future__ import annotations

from harness.api import Column, Dataset, TaskCard

CARDS = [
    TaskCard(
        name="m-rewardbench",
        api_version=1,
        summary="M-RewardBench: the pairs of RewardBench in 22 languages, on chat, safety, mathematics and code",
        factory="harness_preference.benchmarks.m_rewardbench:task",
        unfold="harness_preference.benchmarks.m_rewardbench:unfold",
        options="harness_preference.options:Options",
        licence="ODC-BY",
        source="https://huggingface.co/datasets/CohereLabsCommunity/multilingual-reward-bench (arXiv 2410.15522)",
        answers="preference",
        data=Dataset(
            # Beside the rows in use each language has those of the first release, which are much larger, and
            # `translation` has subsets of its own.
            hub="CohereLabsCommunity/multilingual-reward-bench",
            files=("*_*/test-*.parquet",),
            gated=False,
            rows=65987,
        ),
        official=frozenset({"metric"}),
        suite="m-rewardbench",
        capabilities=frozenset({"text"}),
        description="""\
2,869 pairs of RewardBench in each of 22 languages, and a task for each language, such as m-rewardbench-deu_Latn.
Chinese is there in two scripts (zho_Hans, zho_Hant), which makes 23 tasks.
Categories are the subsets in their sections, as in preference/rewardbench, which is the English original.

Data: a folder with LANGUAGE/test-*.parquet, which is a copy of the hub's; or
hub:CohereLabsCommunity/multilingual-reward-bench@REVISION, where `with: {subset: deu_Latn}` reads one language alone.
The columns and their types are those of the hub's page and the authors' scripts; the rows themselves could not be seen.
Item ids are LANGUAGE/row number from 0.

Recorded answers: ORGANISATION___MODEL-LANGUAGE.json and ORGANISATION/MODEL-LANGUAGE-all.jsonl, as the authors' scripts
save them, at the top of the folder or in results/ or output/.""",
        protocol="harness_preference.benchmarks.m_rewardbench:PROTOCOL",
        metric="""\
accuracy@category of a language is the mean of four sections, each the mean of its subsets by the weights of
RewardBench's table. The authors print the sections. An answer without a verdict is worth a half, and equal scores of a
reward model are wrong. accuracy is over all pairs.""",
        columns=(
            Column(name="prompt", kind="text", meaning="what the user asked"),
            Column(name="chosen", kind="text", meaning="the better answer: candidate A"),
            Column(name="rejected", kind="text", meaning="the worse answer: candidate B"),
            Column(name="subset", kind="label", meaning="a subset of RewardBench; gives the category"),
            Column(name="id", kind="word", meaning="number of the prompt in its source", optional=True),
            Column(name="chosen_model", kind="word", meaning="who wrote the better answer", optional=True),
            Column(name="rejected_model", kind="word", meaning="who wrote the worse answer", optional=True),
        ),
        deviations="""\
The official order is random and not seeded; here it is seeded for each item. The prompt is that of
preference/rewardbench, in English and in our own words; an option of the official script adds the languages of prompt
and answer to it. The configuration `translation`, which has subsets of its own, is not read.""",
        pitfalls="""\
The gold is always the first candidate: never ask in the data's order. A language has fewer pairs than RewardBench,
2,869 and not 2,985, so scores are not comparable with it. The first release (filtered.json and raw.json beside the
rows) was translated by another model; `with: {hub_split: filtered}` reads it.""",
        example="harness_preference.benchmarks.m_rewardbench:example",
        recordings="harness_preference.published.m_rewardbench:RECORDINGS",
    )
]

"""The card of PandaLM's test set."""

from __future__ import annotations

from harness.api import Column, Dataset, KnownResult, Parity, TaskCard

_VOTE = "0: neither, 1: response1, 2: response2"

CARDS = [
    TaskCard(
        name="pandalm",
        api_version=1,
        summary="PandaLM: pairs of answers to one instruction, each judged by three people, ties included",
        factory="harness_preference.benchmarks.pandalm:task",
        unfold="harness_preference.benchmarks.pandalm:unfold",
        options="harness_preference.options:Options",
        licence="Apache-2.0",
        source="https://github.com/WeOpenML/PandaLM (arXiv 2306.05087)",
        answers="preference",
        data=Dataset(git="https://github.com/WeOpenML/PandaLM", rows=999),
        suite="pandalm",
        capabilities=frozenset({"text"}),
        description="""\
999 pairs of answers of five tuned models to instructions of everyday applications. The gold is what most of three
people say, a tie included; where all three differ it is what the first one says. The verdicts of all three are kept, so
that the board shows how far people agree.

Data: a copy of the repository, with testset-v1.json at its top or in data/; that file; or any table with these columns,
named testset-v1. Item ids are testset-v1/idx.""",
        official=frozenset({"order", "metric"}),
        parity=Parity(items=999, judges=1, values=2, difference=0.0032),
        results=tuple(
            KnownResult(
                judge=judge,
                subset=subset,
                value=value,
                metric="accuracy, %",
                source="https://github.com/WeOpenML/PandaLM",
            )
            for judge, subset, value in (("pandalm-7b", "", 66.77),)
        ),
        protocol="harness_preference.benchmarks.pandalm:PROTOCOL",
        metric="""\
Accuracy over three classes in the order of the data, and the plain mean of their F1. An answer that cannot be read is
wrong.""",
        columns=(
            Column(name="idx", kind="count", meaning="number of the pair"),
            Column(name="instruction", kind="text", meaning="what was asked"),
            Column(name="input", kind="text", meaning="what the instruction is about; may be empty"),
            Column(name="response1", kind="word", meaning="candidate A; may be empty"),
            Column(name="response2", kind="word", meaning="candidate B; may be empty"),
            Column(name="annotator1", kind="label", meaning=_VOTE),
            Column(name="annotator2", kind="label", meaning=_VOTE),
            Column(name="annotator3", kind="label", meaning=_VOTE),
            Column(name="cmp_key", kind="word", meaning="the models that answered", optional=True),
            Column(name="motivation_app", kind="word", meaning="the application", optional=True),
        ),
        deviations="""\
The prompt gives the facts of the official one in our own words. Officially an answer that cannot be read ("garbage") is
a tie: it is right where people tie. Recorded answers are taken so; the answer of a live judge is without a verdict, and
wrong.""",
        pitfalls="""\
71 groups of pairs have equal content, and people and judges do not always say the same of them. The comments in the
authors' script give other numbers for gpt-3.5 than its file does (macro-F1 57.55, computed 50.41).""",
        example="harness_preference.benchmarks.pandalm:example",
        recordings="harness_preference.published.pandalm:RECORDINGS",
    )
]

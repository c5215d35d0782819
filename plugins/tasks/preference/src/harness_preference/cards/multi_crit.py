"""The card of Multi-Crit, and those of its metrics."""

from __future__ import annotations

from harness.api import Column, Dataset, MetricCard, TaskCard

_SOURCE = "Multi-Crit, arXiv 2511.21662, section 3"
_PAIRS = frozenset({"preference"})

METRICS = [
    MetricCard(
        name="tos",
        api_version=1,
        summary="TOS of Multi-Crit: does the judge prefer different answers by two criteria that conflict?",
        factory="harness_preference.conflict_metrics:tradeoff_sensitivity",
        answers=_PAIRS,
        unit="share",
        source=_SOURCE,
    ),
    MetricCard(
        name="cmr",
        api_version=1,
        summary="CMR of Multi-Crit: share of conflicts between two criteria that are resolved as people did",
        factory="harness_preference.conflict_metrics:conflict_matching",
        answers=_PAIRS,
        unit="share",
        source=_SOURCE,
    ),
]

CARDS = [
    TaskCard(
        name="multi-crit",
        api_version=1,
        summary="Multi-Crit: pairs of answers about an image, preferred by people criterion by criterion",
        factory="harness_preference.benchmarks.multi_crit:task",
        unfold="harness_preference.benchmarks.multi_crit:unfold",
        options="harness_preference.options:Options",
        licence="Apache-2.0, as the dataset card says",
        source="https://huggingface.co/datasets/txiong23/Multi-Crit (arXiv 2511.21662)",
        answers="preference",
        data=Dataset(hub="txiong23/Multi-Crit", rows=1425),
        official=frozenset({"metric"}),
        suite="multi-crit",
        capabilities=frozenset({"images"}),
        description="""\
Two subsets: open_ended (1,000 rows) and reasoning (425 rows). A row is a pair of answers and one criterion. The rows of
a pair share a prompt_id, which is their group. Each subset has five criteria, and a pair has those on which people
agreed. Categories are the criteria.

The rows could not be seen when this was written. The columns are those of the dataset card. That preference is model_a
or model_b, that question_id names a row and prompt_id a pair, and the names of the criteria, are as the official
evaluation is described. A row that is otherwise ends the run with its file, line and column.

Data: a folder with data/open_ended-*.parquet and data/reasoning-*.parquet, one such file, or
hub:txiong23/Multi-Crit@REVISION. Item ids are question_id.""",
        protocol="harness_preference.benchmarks.multi_crit:PROTOCOL",
        metric="""\
PAcc is all_right@group: the share of pairs on which every criterion is right. CMR is cmr@group: of every two criteria
by which people prefer different answers, the share in which both are right. TOS is tos@group: the share of pairs with
such a conflict in which the judge prefers different answers by two criteria that conflict. accuracy@category is the
mean over criteria, and accuracy the mean over rows. An answer without a verdict is wrong.""",
        columns=(
            Column(name="question_id", kind="word", meaning="name of the row"),
            Column(name="prompt_id", kind="word", meaning="name of the pair, which its rows share"),
            Column(name="image", kind="image", meaning="what the question is about"),
            Column(name="question", kind="text", meaning="what was asked"),
            Column(name="pred_a", kind="text", meaning="candidate A"),
            Column(name="pred_b", kind="text", meaning="candidate B"),
            Column(name="criterion", kind="word", meaning="the criterion: completeness, logic, ..."),
            Column(name="preference", kind="label", meaning="model_a or model_b: which answer people prefer by it"),
            Column(name="model_a", kind="word", meaning="who wrote the first answer", optional=True),
            Column(name="model_b", kind="word", meaning="who wrote the second answer", optional=True),
        ),
        deviations="""\
Prompt and criteria are in our own words, and answers are A and B in double brackets; officially they are "Response 1"
and "Response 2", and the last line says "Response X is better". Officially a second model reads what a pattern cannot;
here such an answer has no verdict. Officially a question_id that comes twice counts once; here it ends the run. The
mean over criteria is of exact values, officially of values rounded to two decimals. Image and question stand ahead of
the criterion.""",
        pitfalls="""\
Only order: fixed, or order: both with pooling: agree, has a TOS and a CMR: the answers of one pair are compared by
candidate. A judge that always prefers the same answer has a TOS of 0, at any accuracy. Officially each criterion is a
question of its own, as here: the authors' files for judges have a row for each (question_id ends with the criterion).
To ask for all criteria at once is another question: generic/rubric does, with conflict_matching and
tradeoff_sensitivity of the core.""",
        example="harness_preference.benchmarks.multi_crit:example",
    )
]

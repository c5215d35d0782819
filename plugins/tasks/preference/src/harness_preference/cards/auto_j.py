"""The card of Auto-J's test set of pairs."""

from __future__ import annotations

from harness.api import Column, Dataset, TaskCard

CARDS = [
    TaskCard(
        name="auto-j",
        api_version=1,
        summary="Auto-J: pairs of answers to queries of 58 scenarios, with the choice of people or a tie",
        factory="harness_preference.benchmarks.auto_j:task",
        unfold="harness_preference.benchmarks.auto_j:unfold",
        options="harness_preference.options:Options",
        # No licence means no permission by default, which a reader should see here.
        licence="not stated by its repository",
        source="https://github.com/GAIR-NLP/auto-j (arXiv 2310.05470)",
        answers="preference",
        data=Dataset(git="https://github.com/GAIR-NLP/auto-j", rows=1392),
        official=frozenset({"order", "metric"}),
        suite="auto-j",
        capabilities=frozenset({"text"}),
        description="""\
1,392 pairs, 24 of each of 58 scenarios. The scenarios are in eight groups, which are the categories, such as
exam-questions or nlp-tasks. The label is a choice of people, ties included; the votes of single people are not there.

Data: a copy of the repository, with data/test/testdata_pairwise.jsonl; or that file. The columns are those of the
authors' page and script, and others who checked every row name the same, with 520 labels 0, 499 labels 1 and 373 ties;
the rows themselves could not be seen here. Item ids are testdata_pairwise/row number from 0. Their Chinese translation
has a file of its own, which may be given as `data:` if it has these columns.

Recorded answers: data/outputs/pairwise_JUDGE_output.jsonl, and pairwise_exchange_JUDGE_output.jsonl for the swapped
pairs, as the leaderboard of the authors wants them.""",
        protocol="harness_preference.benchmarks.auto_j:PROTOCOL",
        metric="""\
Both orders are asked, and a pair is right if both give its label: the `Agreement` of the authors, over all pairs. Their
`Consistency` is the share of pairs with the same answer in both orders, the column `swap` of the board.""",
        columns=(
            Column(name="scenario", kind="label", meaning="one of 58 scenarios; its group is the category"),
            Column(name="label", kind="label", meaning="0: response 1 is better, 1: response 2, 2: a tie"),
            Column(name="prompt", kind="text", meaning="the query of the user"),
            Column(name="response 1", kind="text", meaning="candidate A"),
            Column(name="response 2", kind="text", meaning="candidate B"),
        ),
        deviations="""\
The prompt gives the facts of the official one in our own words. An answer that cannot be read stops the official
script; here it is wrong. The swap consistency on the board leaves out pairs without a verdict in one order. For
judges that rate single answers the authors searched for the difference of ratings up to which a pair is a tie; here
only equal ratings are a tie.""",
        pitfalls="""\
The accuracy in the order of the data is another number, which the authors print for judges that rate single answers
only. A tie is a class of its own: a judge that never says it cannot be right on all pairs.""",
        example="harness_preference.benchmarks.auto_j:example",
        recordings="harness_preference.published.auto_j:RECORDINGS",
    )
]

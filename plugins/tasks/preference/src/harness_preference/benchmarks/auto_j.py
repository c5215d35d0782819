"""Auto-J's test set of pairs: two answers to a query of one of 58 scenarios, with the choice of people or a tie.

Data and code: https://github.com/GAIR-NLP/auto-j (data/test/testdata_pairwise.jsonl, codes/leaderboard/
pairwise_eval.py), paper: arXiv 2310.05470.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from harness.api import TIE, Item, Preference, Protocol, Verdict
from harness.api.data import Layout, PromptFrame, Row, group_of, write_table
from harness_preference.benchmark import Benchmark
from harness_preference.options import Options

SUBSET = "testdata_pairwise"
SPACE = Preference(2, ties=(TIE,))
LABELS: dict[str, Verdict] = {"0": 0, "1": 1, "2": TIE}
GROUPS: dict[str, str] = {
    "summarization": "post_summarization text_summarization note_summarization",
    "exam-questions": "math_reasoning solving_exam_question_with_math solving_exam_question_without_math",
    "code": "code_simplification code_generation explaining_code code_correction_rewriting code_to_code_translation",
    "rewriting": "text_simplification language_polishing instructional_rewriting text_correction paraphrasing",
    "creative-writing": (
        "writing_song_lyrics writing_social_media_post writing_blog_post writing_personal_essay creative_writing "
        "writing_advertisement writing_marketing_materials writing_presentation_script counterfactual"
    ),
    "functional-writing": (
        "writing_product_description writing_job_application writing_news_article writing_biography writing_email "
        "writing_legal_document writing_technical_document writing_scientific_paper functional_writing "
        "writing_cooking_recipe"
    ),
    "general-communication": (
        "asking_how_to_question open_question analyzing_general explaining_general seeking_advice recommendation "
        "value_judgement verifying_fact chitchat roleplay planning brainstorming"
    ),
    "nlp-tasks": (
        "ranking text_to_text_translation data_analysis classification_identification title_generation "
        "question_generation reading_comprehension keywords_extraction information_extraction topic_modeling others"
    ),
}
"""Scenarios by group: `scenario_group` of `codes/leaderboard/utils_constants.py`."""

CATEGORIES = {scenario: group for group, scenarios in GROUPS.items() for scenario in scenarios.split()}
"""Category by `scenario`."""


def items(row: Row, subset: str, options: Options) -> Iterator[Item]:
    """The item of one pair. It has no id in the data: recorded answers are matched by the number of the row.

    Raises:
        DataError: A column is missing or does not fit.
    """
    prompt = row["prompt"].text()
    yield Item(
        id=f"{subset}/{row.number}",
        group=group_of(prompt),
        space=SPACE,
        gold=row["label"].label(LABELS),
        question=(f"[Query]\n{prompt}",),
        candidates=((row["response 1"].text(),), (row["response 2"].text(),)),
        category=row["scenario"].label(CATEGORIES),
        tags=row.words("scenario"),
    )


def frame(subset: str) -> PromptFrame:
    """The facts of the official prompt in our own words."""
    return PromptFrame(
        opening="Judge two responses to the query of a user. Which one is better, or are they tied?",
        heading="[Response {letter}]",
        ending="[End of response {letter}]",
        closing=(
            "First find what sets the two responses apart. Then decide which one is better, or call it a tie. Your "
            "decision must follow from your comparison."
        ),
    )


# `correct_both` over all pairs: the same label in both orders, and the right one.
PROTOCOL = Protocol(order="both", pooling="agree", unparsed="wrong", ties="class")
"""The official one."""

BENCHMARK = Benchmark(
    name="auto-j",
    entry="auto-j",
    protocol=PROTOCOL,
    format="harness/brackets",
    layout=Layout(subsets=(SUBSET,), split="test", hub="all", files=(SUBSET, f"data/test/{SUBSET}")),
    items=items,
    frame=frame,
)

task, unfold = BENCHMARK.task, BENCHMARK.unfold


def example(folder: Path) -> None:
    """A pair with each label."""
    scenarios = ("seeking_advice", "code_generation", "others")
    rows = [
        {
            "scenario": scenario,
            "label": label,
            "prompt": f"What is {label} + {label}?",
            "response 1": str(2 * label),
            "response 2": "I have no idea." if label == 0 else str(2 * label),
        }
        for label, scenario in enumerate(scenarios)
    ]
    write_table(folder / "data" / "test" / "testdata_pairwise.jsonl", rows)

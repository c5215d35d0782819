"""The cards of this plugin. Light: importing it imports nothing but `harness.api`."""

from __future__ import annotations

from harness.api import FormatCard, TaskCard, hookimpl

_OPTIONS = "harness_preference.options:Options"

GENAI_BENCH = TaskCard(
    name="genai-bench",
    summary="GenAI-Bench: human votes on pairs of generated images, edited images and generated videos",
    factory="harness_preference.genai_bench:task",
    unfold="harness_preference.genai_bench:unfold",
    options=_OPTIONS,
    licence="MIT",
    source="https://huggingface.co/datasets/TIGER-Lab/GenAI-Bench (arXiv 2406.04485)",
    answers="preference",
    suite="genai-bench",
    capabilities=frozenset({"images", "video", "text"}),
    description="""\
1,735 image generations, 919 image edits and 1,069 video generations of the split test_v1, each a pair with one human
vote: left, right, both good, both bad.

Data: a folder with image_generation/, image_edition/, video_generation/, each with items.jsonl.gz (or .jsonl, .csv,
.parquet) or test_v1-*.parquet; one file with `subset`; or hub:TIGER-Lab/GenAI-Bench@REVISION. Columns: prompt, or
source_prompt, target_prompt, instruct_prompt and source_image; left_image and right_image, or left_output_image and
right_output_image, or left_video and right_video; vote_type, or human_vote; optionally idx, left_model, right_model.
Item ids are SUBSET/idx.

Metric and protocol (official): 4-way accuracy, chance 25 %; order as in the data, no swap; an answer without a vote
is wrong; a bare [[A=B]] agrees with either kind of tie; the paper's average is the plain mean over the three subsets.
The verdict format preference/genai-bench reads answers as the official script does.

Traps: papers often report 2-way accuracy without the ties, which is another number. A judge that always says A gets
37 % on image generation. Many votes share a prompt (1,205 different prompts in 1,735 votes, 179 in 919), so intervals
are clustered by it.

Deviations: the prompt gives the facts of the official template in our own words. Rows without image columns make
requests of text only (tag media=absent): good for replaying recorded answers, not for asking a judge. Videos are
given as addresses (tag media=address): the official script samples up to 16 frames, this harness downloads nothing.""",
)

JUDGEBENCH = TaskCard(
    name="judgebench",
    summary="JudgeBench: pairs of text answers to hard questions, one of them objectively right",
    factory="harness_preference.judgebench:task",
    unfold="harness_preference.judgebench:unfold",
    options=_OPTIONS,
    licence="MIT",
    source="https://huggingface.co/datasets/ScalerLab/JudgeBench (arXiv 2410.12784)",
    answers="preference",
    suite="judgebench",
    capabilities=frozenset({"text"}),
    description="""\
Pairs of answers of one model to one question, one right and one wrong: 350 of GPT-4o (gpt), 270 of Claude 3.5 Sonnet
(claude). Categories by source: mmlu-pro knowledge, livebench-reasoning reasoning, livebench-math math, livecodebench
coding.

Data: a folder with gpt/items.jsonl.gz and claude/items.jsonl.gz, or gpt-*.parquet and claude-*.parquet; one file with
`subset`; or hub:ScalerLab/JudgeBench@REVISION. Columns: pair_id, source, question, response_A, response_B, label (A>B
or B>A), optionally response_model. Item ids are SUBSET/pair_id.

Metric and protocol (official): both orders; +1 for each order that agrees with the label, -1 for each that names the
other answer, 0 for a tie or no verdict; right if the sum is above 0, so right with a tie counts and right with wrong
does not; accuracy over all pairs. Labels [[A>>B]] to [[B>>A]] of Arena-Hard, where >> counts as >.

Traps: a judge that always names the first answer gets 0, not 50 %. Tie is allowed although the gold is never one.

Deviations: the prompt is after Arena-Hard in our own words. The official script asks once more ("continue your
judgment") when an answer holds no label; here the first answer stands.""",
)

MJ_BENCH = TaskCard(
    name="mj-bench",
    summary="MJ-Bench: pairs of images for one caption, by perspective (alignment, safety, quality, ...)",
    factory="harness_preference.mj_bench:task",
    unfold="harness_preference.mj_bench:unfold",
    options=_OPTIONS,
    licence="MIT",
    source="https://huggingface.co/datasets/MJ-Bench/MJ-Bench (arXiv 2407.04842)",
    answers="preference",
    suite="mj-bench",
    capabilities=frozenset({"images"}),
    description="""\
Which of two images is better for a caption, seen from one perspective. Both schemas are read: info (2024) and
category, subcategory, model (2025); the tag schema says which.

Data: a folder with data/PERSPECTIVE.parquet or PERSPECTIVE.parquet, each a task; one file; or
hub:MJ-Bench/MJ-Bench@REVISION (gated) with `subset`. Pin a revision: the data changed after publication. Columns:
caption, image0, image1, label (0: image0 is better, 1: image1), and info or category, subcategory, model. Item ids
are PERSPECTIVE/row number from 0.

Metric: accuracy, a predicted tie is wrong (the paper's accuracy with ties), and macro-F1. Order: shuffled, seeded for
each item.

Traps: the gold is constant, always image0 in the 2025 revision and in safety and quality of 2024, and about 89 % in
alignment. A judge that always says "first" would score 89 to 100 % in the data's order, and macro-F1 could not exceed
50.

Deviations: officially the order is fixed as image0, image1 and never swapped; here it must be shuffled, for the
reason above. The official answer is a form with ratings and a number of the better image, 0 for a tie; here it is one
verdict in harness/brackets. Officially an answer that cannot be read stops the script; here it is left out and
coverage is printed. The bias perspective is no preference (it shows one image twice) and is used only when `subset:
bias` names it; rows with the same image twice are refused.""",
)

GENAI_BENCH_FORMAT = FormatCard(
    name="genai-bench",
    summary="[[A>B]], [[B>A]], [[A=B=Good]], [[A=B=Bad]], read as the official script of GenAI-Bench does",
    factory="harness_preference.formats:genai_bench_format",
    source="https://github.com/TIGER-AI-Lab/GenAI-Bench (inference.py)",
    description="""\
The first line with [[...]] is the vote, compared as a whole: two labels on one line, blanks inside or nested brackets
are no vote. [[A>>B]] and [[B>>A]] count as the plain labels, a bare [[A=B]] as either tie. It reproduces every
recorded vote of the published results. The strict alternative, harness/arena, reads 439 of those 15,924 answers (2.8 %)
differently.""",
)


@hookimpl
def harness_tasks() -> list[TaskCard]:
    """The benchmarks."""
    return [GENAI_BENCH, JUDGEBENCH, MJ_BENCH]


@hookimpl
def harness_formats() -> list[FormatCard]:
    """The verdict formats of benchmarks that have their own."""
    return [GENAI_BENCH_FORMAT]

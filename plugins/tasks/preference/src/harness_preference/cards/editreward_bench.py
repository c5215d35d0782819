"""The cards of EditReward-Bench and of EditReward's validation pairs."""

from __future__ import annotations

from harness.api import Column, Dataset, TaskCard

_SOURCE = "https://github.com/TIGER-AI-Lab/EditReward"

CARDS = [
    TaskCard(
        name="editreward-bench",
        api_version=1,
        summary="EditReward-Bench: edits of one image by two, three or four models, all of whose pairs must be right",
        factory="harness_preference.benchmarks.editreward_bench:task",
        unfold="harness_preference.benchmarks.editreward_bench:unfold",
        options="harness_preference.options:Options",
        licence="Apache-2.0",
        source="https://huggingface.co/datasets/TIGER-Lab/EditReward-Bench (arXiv 2509.26346)",
        answers="preference",
        data=Dataset(
            hub="TIGER-Lab/EditReward-Bench",
            files=("2pair/*", "3pair/*", "4pair/*"),
            gated=True,
            rows=1524,
            bytes=2_890_000_000,
        ),
        official=frozenset({"metric"}),
        suite="editreward-bench",
        capabilities=frozenset({"images", "text"}),
        description="""\
1,524 comparisons by the page of the code: 186 pairs of edits (2pair), all three pairs of 150 groups of three (3pair),
and all six pairs of 148 groups of four (4pair). Each is a task; `with: {subset: overall}` is one task of all of them.

Data: a copy of the hub's dataset, with SUBSET/train-*.parquet or SUBSET/items.jsonl; one file with `subset`; or
hub:TIGER-Lab/EditReward-Bench@REVISION. A row says its subset in `dataset`, and rows of others are passed over. Item
ids are SUBSET/id/comparison. The group is the part of the id before its first underline, or its first ten characters,
as in the authors' scripts.

Recorded answers: MODEL_TEMPLATE_2pair_hf.json and so on, as evaluate/inference_2pair_hf.py writes them, in the folder
or one below it.

The columns are those that the scripts of the authors and of others from their laboratory read. The rows could not be
seen: not verified are the names of the files in the folders of the hub and the form of the ids.""",
        protocol="harness_preference.benchmarks.editreward_bench:PROTOCOL",
        metric="""\
Group accuracy (all_right@group): the share of groups of which every comparison is right; of 2pair, where each pair is a
group, it is the accuracy. Accuracy: single comparisons. An answer without a vote is wrong, and so is a tie where people
decided. For judges of scores the code has another script: in 2pair, where people may call a tie, it takes the threshold
for a judge's ties that gives the highest accuracy, 0 among them (preference/calibrated_ties_from_zero). Its strict
accuracy of 3pair and 4pair is that of whole rankings, which is group accuracy where no two scores are equal.""",
        columns=(
            Column(name="id", kind="word", meaning="name of the comparison; begins with that of its group"),
            Column(name="dataset", kind="label", meaning="2pair, 3pair or 4pair"),
            Column(name="instruction", kind="text", meaning="what was to be changed"),
            Column(name="source_image", kind="image", meaning="the image that was edited"),
            Column(name="candidate_1", kind="image", meaning="candidate A: the first edit of the comparison"),
            Column(name="candidate_2", kind="image", meaning="candidate B: the second edit"),
            Column(name="ranking", kind="label", meaning="such as A>C, C>A; in 2pair also A=B"),
            Column(name="comparison_type", kind="label", meaning="which edits are compared, such as AvsC"),
            Column(name="model_1", kind="word", meaning="who made candidate A", optional=True),
            Column(name="model_2", kind="word", meaning="who made candidate B", optional=True),
        ),
        deviations="""\
The prompt gives the facts of the official template in our own words. Officially a vote is searched in six ways in any
place of the answer; here it is harness/arena. A comparison that failed leaves its group here, and the others of the
group still count; officially such a group is wrong. In the strict accuracy of 2pair for judges of scores, a pair that
people decided only needs the right order, however close its scores are; that number is not given here.""",
        pitfalls="""\
A judge that guesses gets 1/8 of the groups of three and 1/64 of those of four if its guesses are independent, and 1/6
and 1/24 if it keeps to an order. EditScore's EditReward-Bench is another dataset of the same name.""",
        example="harness_preference.benchmarks.editreward_bench:example",
        recordings="harness_preference.published.editreward_bench:RECORDINGS",
    ),
    TaskCard(
        name="editreward-validation",
        api_version=1,
        summary="EditReward, validation: pairs of edited images with scores of people, ties included",
        factory="harness_preference.benchmarks.editreward_bench:validation_task",
        unfold="harness_preference.benchmarks.editreward_bench:unfold_validation",
        options="harness_preference.options:Options",
        licence="not stated for this file; its pictures are those of GenAI-Bench (MIT)",
        source=f"{_SOURCE} (data/dataset/valid_dataset_1.json; arXiv 2509.26346)",
        answers="preference",
        data=Dataset(git="https://github.com/TIGER-AI-Lab/EditReward"),
        official=frozenset({"metric"}),
        suite="editreward-bench",
        capabilities=frozenset({"images", "text"}),
        description="""\
Pairs of edits of GenAI-Bench's images, each edit with a score of people; the higher one wins, and equal scores are a
tie.

Data: a copy of the repository, or a folder with valid_dataset_1.json, and the pictures in GenAI-Bench/ beside it or
below data/dataset/. The repository has no pictures: with `media: absent` recorded answers are scored without. Item ids
are validation/row number from 0. The first rows of the file were read, and the columns are theirs.""",
        protocol="harness_preference.benchmarks.editreward_bench:VALIDATION_PROTOCOL",
        metric="""\
As evaluate/eval_bench.py scores genai_edit_bench. With ties (preference/calibrated_ties): accuracy over three classes,
where two scores are a tie if they are at most a threshold apart, and the threshold is the best one of all distances
that occur. Without ties (preference/decided_accuracy): pairs with equal scores of people are left out, and equal scores
of the judge are wrong.""",
        columns=(
            Column(name="prompt", kind="text", meaning="what was to be changed"),
            Column(name="path_src", kind="image", meaning="the image that was edited"),
            Column(name="path1", kind="image", meaning="candidate A"),
            Column(name="path2", kind="image", meaning="candidate B"),
            Column(name="model1_dim1_score", kind="number", meaning="score of candidate A, higher is better"),
            Column(name="model2_dim1_score", kind="number", meaning="score of candidate B"),
            Column(name="model1", kind="word", meaning="who made candidate A", optional=True),
            Column(name="model2", kind="word", meaning="who made candidate B", optional=True),
        ),
        deviations="""\
Officially each edit is scored by itself; here pairs are shown in a seeded random order. The script's own file for this
number, valid_set2_full.json, is not in the repository, so whether its rows are these could not be seen. Equal distances
are treated alike, as for videogen-rewardbench.""",
        pitfalls="""\
The columns model1_overall_score and model2_overall_score are no scores of people: the script does not read them, and in
the rows that were read they often contradict the others.""",
        example="harness_preference.benchmarks.editreward_bench:validation_example",
    ),
]

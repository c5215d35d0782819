"""The card of MJ-Bench."""

from __future__ import annotations

from harness.api import Column, Dataset, KnownResult, Parity, TaskCard

CARDS = [
    TaskCard(
        name="mj-bench",
        api_version=1,
        summary="MJ-Bench: pairs of images for one caption, by perspective (alignment, safety, quality, ...)",
        factory="harness_preference.benchmarks.mj_bench:task",
        unfold="harness_preference.benchmarks.mj_bench:unfold",
        options="harness_preference.options:Options",
        licence="MIT; the dataset is gated: accept its terms on the hub",
        source="https://huggingface.co/datasets/MJ-Bench/MJ-Bench (arXiv 2407.04842)",
        answers="preference",
        data=Dataset(
            hub="MJ-Bench/MJ-Bench",
            revision="4b9667374c71463f63ae663ddd88373d3ffc5ba9",
            files=("*.parquet",),
            gated=True,
            rows=2521,
        ),
        suite="mj-bench",
        capabilities=frozenset({"images"}),
        description="""\
Which of two images is better for a caption, seen from one perspective. The release of 2024 has alignment (724 pairs),
safety (574) and quality (1,121) by the paper; 729, 672 and 1,120 were counted in the files at revision
4b9667374c71463f63ae663ddd88373d3ffc5ba9. The revision of 2025 adds composition and visualization. Its bias
perspective is the task preference/mj-bench-bias.

Data: a folder with data/PERSPECTIVE.parquet or PERSPECTIVE.parquet, each a task; one file;
hub:MJ-Bench/MJ-Bench@REVISION with `subset`; or a copy of the authors' repository with recorded answers, of which
the pictures are no part. Pin a revision: the data changed after publication. Item ids are PERSPECTIVE/row number from
0, and in the repository PERSPECTIVE/PART-id. The sub-category
of a row of 2024 is in a column `info`, as text, in JSON under `subset`, or not at all: the text is then empty. The tag
schema says which release a row is of. Not verified: the file names of the revision of 2025; any name will do.

Recorded answers: personal/result/MODEL/PART0.0.json, result/acc/MODEL/PART0.0.json for what the first place lacks, and
result/acc/vlm_results/PERSPECTIVE/PART[_single|_multi]/MODEL_FORM_scaleN.json. Each way to ask a model is a judge of
its own: MODEL_FORM_scaleN_multi saw both images at once. Its choice is vlm_pred (the "better image" that it wrote),
that of a model with single images is pred (the higher score). N/A is no verdict. Some models in result/acc wrote a form
that no published script reads; there the last "Overall Preferred Image" counts. result/acc/temp is not read. The order
is that of the data, so the task needs `protocol: {order: fixed}`.""",
        official=frozenset({"metric"}),
        parity=Parity(items=1331, judges=4, values=8, difference=0.0044),
        results=tuple(
            KnownResult(
                judge=judge,
                subset=subset,
                value=value,
                metric="accuracy, a tie is wrong, %",
                source="https://github.com/MJ-Bench/MJ-Bench",
            )
            for judge, subset, value in (
                ("pickscore_v1", "quality", 91.3),
                ("ImageReward", "quality", 78.83),
                ("pickscore_v1", "safety", 59.0),
                ("ImageReward", "safety", 33.51),
            )
        ),
        protocol="harness_preference.benchmarks.mj_bench:PROTOCOL",
        metric="""\
Accuracy "with ties": a predicted tie is wrong. Accuracy "without ties": units that were answered with a tie are left
out. Both are over all pairs of a perspective: most averages in the paper's table 17 (alignment) are what the five
sub-categories give when weighted by their sizes, and not their plain mean. Scores by sub-category are printed beside
them. Macro-F1, over the places shown, is what the paper of MT-RL-Judge reports; a predicted tie is wrong and no class
of its own. Order: shuffled, seeded for each item.""",
        columns=(
            Column(name="caption", kind="text", meaning="what the images were made for"),
            Column(name="image0", kind="image", meaning="candidate A"),
            Column(name="image1", kind="image", meaning="candidate B"),
            Column(name="label", kind="label", meaning="0: image0 is better, 1: image1"),
            Column(name="category", kind="word", meaning="2025: category", optional=True),
            Column(name="subcategory", kind="word", meaning="2025: sub-category", optional=True),
            Column(name="model", kind="word", meaning="2025: who made the images", optional=True),
        ),
        deviations="""\
Officially the order is fixed as image0, image1 and never swapped; here it must be shuffled, because the gold is
(almost) constant. The official answer is a form with ratings and a number of the better image, 0 for a tie; here it
is one verdict in harness/brackets. Officially an answer that cannot be read stops the script; here it is left out and
coverage is printed. A judge that scores one image at a time is officially compared by score, a tie where the scores
differ by no more than a threshold (0 by default); here it gives its verdict itself.""",
        pitfalls="""\
The gold is constant, always image0 in the 2025 revision and in safety and quality of 2024, and about 89 % in
alignment. A judge that always says "first" would score 89 to 100 % in the data's order, and macro-F1 could not exceed
50. In the official form 1 and 2 name the images and 0 is a tie, while the label counts from 0.

The worse images of quality's distortion part were made by inpainting, which softens the whole picture: of 50 pairs of
quality/objects_indoor, a judge that measures nothing but sharpness gets all 50 right. Put one on the board before you
read a high score as understanding; the tutorial on judging a real benchmark does.""",
        example="harness_preference.benchmarks.mj_bench:example",
        recordings="harness_preference.published.mj_bench:RECORDINGS",
    )
]

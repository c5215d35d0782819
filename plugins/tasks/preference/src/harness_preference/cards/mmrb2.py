"""The card of Multimodal RewardBench 2."""

from __future__ import annotations

from harness.api import Column, Dataset, TaskCard

CARDS = [
    TaskCard(
        name="mmrb2",
        api_version=1,
        summary="Multimodal RewardBench 2: pairs of image generations, edits, interleaved and reasoning answers",
        factory="harness_preference.benchmarks.mmrb2:task",
        unfold="harness_preference.benchmarks.mmrb2:unfold",
        options="harness_preference.options:Options",
        # `harness show` prints this. Training on these data is not allowed.
        licence="CC-BY-NC-4.0, for benchmarking and not for training; parts keep the licences of their sources",
        source="https://huggingface.co/datasets/rl-research/multimodal-rewardbench-2 (arXiv 2512.16899)",
        answers="preference",
        data=Dataset(hub="rl-research/multimodal-rewardbench-2", files=("*test-*.parquet",), rows=4000),
        suite="mmrb2",
        capabilities=frozenset({"images", "text"}),
        description="""\
Which of two responses is better; prompts and responses hold text and images in any order. 1,000 pairs each of t2i (text
to image), edit, interleaved and reasoning, with the consensus of several experts. The category of an item is the source
of its prompt.

Data: a folder with t2i/, edit/, interleaved/, reasoning/, each with test-*.parquet (a copy of the hub's); one file with
`subset`; hub:rl-research/multimodal-rewardbench-2@REVISION; or a folder with the JSON files that the authors' scripts
build, t2i.json and so on ({"pairs": [...]}), also in benchmark/. Item ids are SUBSET/pair_id. `subset: overall` is all
subsets in one task. The *_response_only.json files of the repository have no prompts: with `media: absent` recorded
judgements are scored on them, and no new judge can be asked.

Where a pair has ratings of several people (t2i, edit and interleaved, from 1, B much better, to 6, A much better), the
board shows how far they agree, and the human ceiling. Who rated is not known: each rating is of a person of its own, so
that there is no alternative-annotator test.""",
        official=frozenset({"order", "metric"}),
        protocol="harness_preference.benchmarks.mmrb2:PROTOCOL",
        metric="""\
Both orders are asked, and each counts by itself: accuracy is the share of right judgements among those that are there.
One other than A or B (a tie, or two equal scores) is there, and wrong; one that cannot be read is not.
Despite the authors' words "positional-consistent" the two need not agree. The published average of the tasks is over
all judgements of all four: that of `subset: overall`.""",
        columns=(
            Column(name="pair_id", kind="word", meaning="name of the pair"),
            Column(name="prompt_text", kind="text", meaning="what was asked; images stand where <image_N> is"),
            Column(name="prompt_images", kind="list", meaning="its images, in the order of the text", optional=True),
            Column(name="response_a_text", kind="text", meaning="candidate A; may be empty where it has images"),
            Column(name="response_a_images", kind="list", meaning="images of candidate A", optional=True),
            Column(name="response_b_text", kind="text", meaning="candidate B; may be empty where it has images"),
            Column(name="response_b_images", kind="list", meaning="images of candidate B", optional=True),
            Column(name="chosen", kind="label", meaning="A or B, in either case: which response is better"),
            Column(
                name="human_annotations",
                kind="text",
                meaning="a JSON list of the ratings of several people, 1 to 6; an object is not read",
                optional=True,
            ),
            Column(name="prompt_source", kind="word", meaning="where the prompt is from", optional=True),
            Column(name="response_a_model", kind="word", meaning="who made candidate A", optional=True),
            Column(name="response_b_model", kind="word", meaning="who made candidate B", optional=True),
        ),
        deviations="""\
The official answer is JSON with reasons, a score from 1 to 6, the better response and a confidence, of which only the
better response is scored; here it is harness/brackets. Images that no placeholder asks for come last; the script drops
them where the text has any placeholder.""",
        pitfalls="""\
<image_N> does not number images: they are taken in order, for any N. chosen is written in either case. The READMEs
call the columns of the JSON files pair_id and human_preference; they are id and chosen. The gold is not balanced: A in
532, 555, 575 and 475 of 1,000.""",
        example="harness_preference.benchmarks.mmrb2:example",
        recordings="harness_preference.published.mmrb2:RECORDINGS",
    )
]

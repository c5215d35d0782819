"""The card of GenAI-Bench."""

from __future__ import annotations

from harness.api import Column, Dataset, KnownResult, Parity, TaskCard

_IMAGES, _EDITS, _VIDEOS = "image_generation", "image_edition", "video_generation"

CARDS = [
    TaskCard(
        name="genai-bench",
        api_version=1,
        summary="GenAI-Bench: human votes on pairs of generated images, edited images and generated videos",
        factory="harness_preference.benchmarks.genai_bench:task",
        unfold="harness_preference.benchmarks.genai_bench:unfold",
        options="harness_preference.benchmarks.genai_bench:GenAIOptions",
        licence="MIT",
        source="https://huggingface.co/datasets/TIGER-Lab/GenAI-Bench (arXiv 2406.04485)",
        answers="preference",
        data=Dataset(hub="TIGER-Lab/GenAI-Bench", files=("*test_v1-*.parquet",), rows=3723),
        suite="genai-bench",
        capabilities=frozenset({"images", "video", "text"}),
        description="""\
1,735 image generations, 919 image edits and 1,069 video generations of the split test_v1, each a pair with one human
vote: left, right, both good, both bad. With one vote an item there is no human ceiling.

Data: a folder with image_generation/, image_edition/, video_generation/, each with items.jsonl.gz (or .jsonl, .json,
.csv, .parquet) or test_v1-*.parquet; one file with `subset`; hub:TIGER-Lab/GenAI-Bench@REVISION; or a copy of the
authors' repository with results/SUBSET/JUDGE/pairwise.jsonl, which has votes and prompts and no pictures. Videos lie
beside the rows of video_generation, under the last name of their address: the data name those of the hub's
tianleliphoebe/genai-arena-video-mp4, and nothing is downloaded. Item ids are
SUBSET/idx. The verdict format preference/genai-bench reads answers as the official script does.""",
        official=frozenset({"order", "format", "metric"}),
        parity=Parity(items=2654, judges=7, values=14, difference=0.0048),
        results=tuple(
            KnownResult(
                judge=judge,
                subset=subset,
                value=value,
                metric="4-way accuracy, %",
                source="https://github.com/TIGER-AI-Lab/GenAI-Bench",
            )
            for judge, subset, value in (
                ("gpt4o", "image_generation", 45.59),
                ("gpt4o", "image_edition", 53.54),
                ("gemini-1.5-pro", "image_generation", 44.67),
                ("gemini-1.5-pro", "image_edition", 55.93),
                ("idefics2", "image_generation", 42.25),
                ("idefics2", "image_edition", 27.31),
            )
        ),
        protocol="harness_preference.benchmarks.genai_bench:PROTOCOL",
        metric="""\
4-way accuracy, chance 25 %: the share of answers that are the human vote, in the order of the data. An answer without
a vote is wrong, a bare [[A=B]] agrees with either kind of tie. The paper's average is the plain mean over the three
subsets.""",
        columns=(
            Column(name="idx", kind="count", meaning="number of the vote; by default that of the row", optional=True),
            Column(name="prompt", kind="text", meaning="what was asked of the model", subsets=(_IMAGES, _VIDEOS)),
            Column(name="source_prompt", kind="text", meaning="says what the source image shows", subsets=(_EDITS,)),
            Column(name="target_prompt", kind="text", meaning="says what the edited image shows", subsets=(_EDITS,)),
            Column(name="instruct_prompt", kind="text", meaning="the editing instruction", subsets=(_EDITS,)),
            Column(name="source_image", kind="image", meaning="the image that was edited", subsets=(_EDITS,)),
            Column(name="left_image", kind="image", meaning="candidate A", subsets=(_IMAGES,)),
            Column(name="right_image", kind="image", meaning="candidate B", subsets=(_IMAGES,)),
            Column(name="left_output_image", kind="image", meaning="candidate A", subsets=(_EDITS,)),
            Column(name="right_output_image", kind="image", meaning="candidate B", subsets=(_EDITS,)),
            Column(name="left_video", kind="text", meaning="address or name of candidate A's file", subsets=(_VIDEOS,)),
            Column(
                name="right_video", kind="text", meaning="address or name of candidate B's file", subsets=(_VIDEOS,)
            ),
            Column(name="left_model", kind="word", meaning="who made candidate A", optional=True),
            Column(name="right_model", kind="word", meaning="who made candidate B", optional=True),
            Column(
                name="vote_type",
                kind="label",
                meaning="leftvote (A), rightvote (B), tievote (both good), bothbad_vote; or in human_vote",
            ),
        ),
        deviations="""\
The prompt gives the facts of the official template in our own words. Rows without both image columns hold
places of pictures only (tag media=absent), as with media: absent: good for replaying recorded answers, and an error for
a judge that looks. The official script samples up to 16 frames of a video; here they are those at the middles of
`frames` equal parts of its time.""",
        pitfalls="""\
Papers often report 2-way accuracy without the ties, which is another number. A judge that always says A gets 37 % on
image generation. Many votes share a prompt (1,205 different prompts in 1,735 votes, 179 in 919), so intervals are
clustered by it.""",
        example="harness_preference.benchmarks.genai_bench:example",
        recordings="harness_preference.published.genai_bench:RECORDINGS",
    )
]

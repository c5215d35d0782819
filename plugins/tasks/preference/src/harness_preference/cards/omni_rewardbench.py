"""The card of Omni-RewardBench."""

from __future__ import annotations

from harness.api import Column, Dataset, TaskCard

_IMAGE, _VIDEO = ("text_image_to_text", "text_image_to_image"), ("text_video_to_text",)

CARDS = [
    TaskCard(
        name="omni-rewardbench",
        api_version=1,
        summary="Omni-RewardBench: two texts, images or videos compared by one criterion in free words",
        factory="harness_preference.benchmarks.omni_rewardbench:task",
        unfold="harness_preference.benchmarks.omni_rewardbench:unfold",
        options="harness_preference.benchmarks.omni_rewardbench:OmniOptions",
        licence="could not be seen",
        source="https://huggingface.co/datasets/HongbangYuan/OmniRewardBench (arXiv 2510.23451)",
        answers="preference",
        data=Dataset(hub="HongbangYuan/OmniRewardBench"),
        official=frozenset({"metric"}),
        suite="omni-rewardbench",
        capabilities=frozenset({"text", "images", "video"}),
        description="""\
3,725 comparisons by the paper, in nine tasks. Seven are here, each a task: text_to_text, text_image_to_text,
text_video_to_text, text_to_image, text_image_to_image, text_to_video and text_to_3D, whose things are pictures in the
authors' script too. Left out are text_to_audio, whose responses are sound, and text_audio_to_text, whose prompts are
about sound: no sound is shown to a judge. Each run records that, and to ask for one of them ends with the reason.

Data: a folder with TASK_preferences.json, as the authors' loader reads them, or TASK/test.parquet, and media_data/ or
media_data.zip; or one file with `subset`. Item ids are TASK/id, else TASK/row number from 0. `with: {ties: true}` keeps
ties.

Recorded answers: TASK/MODEL_preferences.json and TASK/MODEL_preferences_with_tie.json, as run_exp.py writes them; the
latter are the judge MODEL-with-tie.

The columns are those that the authors' script and public code for the hub's tables read. The rows could not be seen,
and neither could the names of the hub's configurations: hub: ids are not tried.""",
        protocol="harness_preference.benchmarks.omni_rewardbench:PROTOCOL",
        metric="""\
Without ties, the default: comparisons that people call a tie are left out, and a tie cannot be chosen. With ties
(`with: {ties: true}`): accuracy over three classes, asked with a tie allowed. An answer that cannot be read is wrong.
The two are asked in other words, so they are two runs. Not verified: how the paper averages the tasks.""",
        columns=(
            Column(name="prompt", kind="text", meaning="what the responses were made for"),
            Column(name="criteria", kind="text", meaning="the criterion that they are compared by"),
            Column(name="criteria_preference", kind="label", meaning="response1, response2 or tie"),
            Column(name="response1", kind="text", meaning="candidate A: text, or the path of its file"),
            Column(name="response2", kind="text", meaning="candidate B; or paths in response1_path, response2_path"),
            Column(name="image", kind="image", meaning="the image that the prompt is about", subsets=_IMAGE),
            Column(name="video", kind="text", meaning="path of the video that it is about", subsets=_VIDEO),
            Column(name="id", kind="word", meaning="name of the comparison", optional=True),
            Column(name="model1", kind="word", meaning="who made candidate A", optional=True),
            Column(name="model2", kind="word", meaning="who made candidate B", optional=True),
        ),
        deviations="""\
The prompt gives the facts of the official templates in our own words, criterion and request alike; theirs has the
criterion in the system message. Officially an answer with both [[A]] and [[B]] is asked again, up to five times; here
it is read once. Frames of videos are those at the middles of equal parts of the time; officially they begin with the
first and end with the last. How reward models are scored with ties could not be seen; here equal scores are a tie.""",
        pitfalls="""\
A pair of responses is compared by several criteria, and may have another winner by each: never leave the criterion out.
The numbers with and without ties are of other questions and other items.""",
        example="harness_preference.benchmarks.omni_rewardbench:example",
        recordings="harness_preference.published.omni_rewardbench:RECORDINGS",
    )
]

"""Omni-RewardBench: two responses compared by one criterion in free words, in nine tasks over five kinds of media.

Data: https://huggingface.co/datasets/HongbangYuan/OmniRewardBench, code: https://github.com/HongbangYuan/OmniReward
(evaluation_experiments/run_exp.py, utils/prompts), paper: arXiv 2510.23451. Seven tasks are here: judges are shown text
and pictures, videos as frames, and no sound.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import Field

from harness.api import TIE, Image, Item, Part, Protocol, Verdict
from harness.api.data import Cell, Layout, PromptFrame, Row, group_of, make_picture, write_table
from harness_preference.benchmark import Benchmark
from harness_preference.benchmarks.ranked_images import DECIDED, WITH_TIES
from harness_preference.benchmarks.shown_videos import show_video
from harness_preference.options import Options

TASKS = {
    "text_to_text": "text",
    "text_image_to_text": "text",
    "text_video_to_text": "text",
    "text_to_image": "image",
    "text_image_to_image": "image",
    "text_to_video": "video",
    "text_to_3D": "image",
}
"""What the responses of each task are. Those of `text_to_3D` are pictures of the things that were made."""

LEFT_OUT = {
    "text_to_audio": "its responses are sound, and no sound is shown to a judge",
    "text_audio_to_text": "its prompts are about sound, and no sound is shown to a judge",
}
"""Tasks of the authors that are not here, and why."""

LABELS: dict[str, Verdict] = {"response1": 0, "response2": 1, "tie": TIE}

# As the authors' script samples: five frames of each video that is compared, ten of one that is asked about.
_FRAMES, _FRAMES_ASKED = 5, 10
_RESPONSES = {"text": "answers", "image": "images", "video": "videos"}


class OmniOptions(Options):
    """Which part of the data to use, whether with ties, and how much of a video."""

    ties: bool = Field(
        default=False,
        description=(
            "Keep the items that people call a tie, and let judges call one: the authors' number with ties. By default "
            "those items are left out, and one response must be chosen: their number without."
        ),
    )
    frames: int | None = Field(
        default=None,
        ge=1,
        le=64,
        description="Frames of a video that are shown; officially 5 of each that is compared, 10 of one asked about.",
    )


def items(row: Row, subset: str, options: Options) -> Iterator[Item]:
    """The item of one comparison by one criterion; none for a tie of people unless ties are kept.

    Raises:
        DataError: A column is missing or does not fit.
    """
    asked = options if isinstance(options, OmniOptions) else OmniOptions()
    name = row["id"].name() if row.has("id") else str(row.number)
    prompt, gold = row["prompt"].text(), row["criteria_preference"].label(LABELS)
    question: list[Part] = [f"[Prompt]\n{prompt}"]
    if "image_to" in subset:
        question += ["Image:", _media(row, "image").image()]
    if "video_to" in subset:
        question += show_video(_media(row, "video"), asked.frames or _FRAMES_ASKED)
    question.append(f"[Criterion]\n{row['criteria'].text()}")
    candidates = tuple(_response(row, f"response{place}", subset, asked) for place in (1, 2))
    if gold == TIE and not asked.ties:
        return
    yield Item(
        id=f"{subset}/{name}",
        # One pair of responses is compared by several criteria.
        group=group_of(prompt),
        space=WITH_TIES if asked.ties else DECIDED,
        gold=gold,
        question=tuple(question),
        candidates=candidates,
        tags=row.words("model1", "model2", "source"),
    )


def _response(row: Row, column: str, subset: str, options: OmniOptions) -> tuple[Part, ...]:
    kind = TASKS[subset]
    if kind == "text":
        return (row[column].text(),)
    cell = _media(row, column)
    return (cell.image(),) if kind == "image" else show_video(cell, options.frames or _FRAMES)


def _media(row: Row, column: str) -> Cell:
    """The cell of a picture or video. Tables of the hub have its path in a column of its own, beside its bytes."""
    names = (f"{column}_path", column)
    return row.first(*(names if row.pictures is not None else reversed(names)))


def frame(subset: str) -> PromptFrame:
    """The facts of the official templates in our own words."""
    responses = _RESPONSES[TASKS[subset]]
    return PromptFrame(
        opening=(
            f"You compare two {responses}, A and B, that AI systems gave for one prompt, by one criterion. The order "
            "in which they are shown is random and must not sway you."
        ),
        heading="[Response {letter}]",
        ending="[End of response {letter}]",
        closing=(
            "Compare the responses by the criterion and by nothing else, overall quality included, as a reasonable "
            "person would. Even where a tie is allowed, decide if you can."
        ),
    )


# The script shows the data's order, and counts what cannot be read after five tries as no match.
PROTOCOL = Protocol(unparsed="wrong")
"""The official one."""

BENCHMARK = Benchmark(
    name="omni-rewardbench",
    entry="omni-rewardbench-{subset}",
    protocol=PROTOCOL,
    format="harness/brackets",
    layout=Layout(
        subsets=tuple(TASKS),
        split="test",
        files=("{subset}_preferences",),
        archives=("media_data.zip",),
        prefixes=("", "media_data/"),
    ),
    items=items,
    frame=frame,
    left_out=LEFT_OUT,
)

task, unfold = BENCHMARK.task, BENCHMARK.unfold


def example(folder: Path) -> None:
    """Two comparisons of texts, one a tie, and one each about an image, about a video, and of videos."""

    def save(name: str, number: int) -> str:
        file = folder / "media_data" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.from_bytes(make_picture(number), name=name).load().save(file)  # one frame is a video too
        return name

    facts: dict[str, object] = {"prompt": "What is this?", "criteria": "Brevity.", "model1": "X", "model2": "Y"}
    texts: dict[str, object] = {**facts, "response1": "A cup.", "response2": "It is a cup, I should think."}
    tables: dict[str, list[dict[str, object]]] = {
        "text_to_text": [
            {**texts, "id": "0", "criteria_preference": "response1"},
            {**texts, "id": "1", "criteria": "Truth.", "criteria_preference": "tie"},
        ],
        "text_image_to_text": [{**texts, "image": save("cup.png", 1), "criteria_preference": "response1"}],
        "text_video_to_text": [{**texts, "video": save("cup.gif", 2), "criteria_preference": "response2"}],
        "text_to_video": [
            {
                **facts,
                "prompt": "a cup falls",
                "response1": save("a.gif", 3),
                "response2": save("b.gif", 4),
                "criteria_preference": "response2",
            }
        ],
    }
    for name, rows in tables.items():
        write_table(folder / f"{name}_preferences.json", rows)

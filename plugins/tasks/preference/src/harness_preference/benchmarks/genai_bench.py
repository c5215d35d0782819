"""GenAI-Bench: human votes on pairs of generated images, edited images and generated videos.

Data: https://huggingface.co/datasets/TIGER-Lab/GenAI-Bench, code: https://github.com/TIGER-AI-Lab/GenAI-Bench,
paper: arXiv 2406.04485. The verdict format is in `formats`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import Field

from harness.api import Image, Item, Part, Preference, Protocol, Verdict, Video
from harness.api.data import ABSENT, Cell, Layout, PromptFrame, Row, group_of, make_picture, write_table
from harness_preference.benchmark import Benchmark
from harness_preference.options import Options
from harness_preference.published import genai_bench as published

# Four votes, of which two are ties: 4-way accuracy counts each kind by itself.
SPACE = Preference(2, ties=("good", "bad"))
VOTES: dict[str, Verdict] = {"leftvote": 0, "rightvote": 1, "tievote": "good", "bothbad_vote": "bad"}

_KINDS = {"image_generation": "image", "image_edition": "image", "video_generation": "video"}
_QUESTIONS = {
    "image_generation": {"prompt": "Text prompt"},
    "image_edition": {
        "source_prompt": "Prompt of the source image",
        "target_prompt": "Prompt of the image after editing",
        "instruct_prompt": "Editing instruction",
    },
    "video_generation": {"prompt": "Text prompt"},
}
_CANDIDATES = {"image_generation": "image", "image_edition": "output_image", "video_generation": "video"}
_ARTIFACTS = (
    "Is it free of artifacts: distortion, watermarks, scratches, blurred faces, unusual body parts, things that do not "
    "belong together?"
)
_CRITERIA = {
    "image_generation": (
        "Does the image do what the text prompt says?",
        "Does it look natural: distances, shadows, light?",
        _ARTIFACTS,
        "Is it pleasing to look at?",
    ),
    "image_edition": (
        "Was the editing instruction followed?",
        "Was no more edited than asked, so that the scene is still that of the source image?",
        "Does the image look natural: distances, shadows, light?",
        _ARTIFACTS,
        "Is it pleasing to look at?",
    ),
    "video_generation": (
        "Does the video do what the text prompt says?",
        "Does it look natural: distances, shadows, light?",
        "Is its visual quality good: sharpness, resolution, brightness, colour?",
        "Are scene, objects and people consistent and coherent throughout?",
        "Is it in motion, not like a single still image?",
        "Is it pleasing to look at?",
    ),
}
_MAKERS = {
    "image_generation": "image generation models",
    "image_edition": "image editing models",
    "video_generation": "video generation models",
}


# The official script samples up to so many.
_FRAMES = 16


class GenAIOptions(Options):
    """Which part of the data to use, and how much of a video."""

    frames: int = Field(
        default=_FRAMES, ge=1, le=64, description="Frames of a video that are shown; officially up to 16."
    )


def items(row: Row, subset: str, options: Options) -> Iterator[Item]:
    """The item of one vote.

    Raises:
        DataError: A column is missing or does not fit.
    """
    # Recorded answers are matched by `idx`. The number of the row stands in where a copy lacks it.
    number = row["idx"].count() if row.has("idx") else row.number
    name = f"{subset}/{number}"
    texts = {column: row[column].text() for column in _QUESTIONS[subset]}
    question: list[Part] = ["\n".join(f"{label}: {texts[column]}" for column, label in _QUESTIONS[subset].items())]
    stem = _CANDIDATES[subset]
    columns = (f"left_{stem}", f"right_{stem}")
    tags = row.words("left_model", "right_model")
    candidates: tuple[tuple[Part, ...], ...]
    # Places without pictures are enough to replay recorded answers. A judge that looks gets an error.
    if not any(row.has(column) for column in columns):
        candidates = tuple((ABSENT(f"{name}, {column}"),) for column in columns)
        tags["media"] = "absent"
    elif subset == "video_generation":
        count = options.frames if isinstance(options, GenAIOptions) else _FRAMES
        candidates = tuple(_video(row[column]).parts(count) for column in columns)
        tags["media"] = "video"
    else:
        candidates = tuple((row[column].image(),) for column in columns)
        question += ["Source image:", row["source_image"].image()] if subset == "image_edition" else []
        tags["media"] = "image"
    yield Item(
        id=name,
        # Many votes share a prompt, 179 different ones in 919 edits. Votes on one prompt are not independent.
        group=group_of(subset, texts.get("source_prompt") or texts["prompt"]),
        space=SPACE,
        gold=row.first("vote_type", "human_vote").label(VOTES),
        question=tuple(question),
        candidates=candidates,
        tags=tags,
    )


def _video(cell: Cell) -> Video:
    """A candidate's video. The data hold its address, and it lies beside the rows under the last name of that."""
    return Cell(cell.text().rpartition("/")[2], cell.row, cell.column).video()


def frame(subset: str) -> PromptFrame:
    """The official template's facts in our own words."""
    kind = _KINDS[subset]
    criteria = "\n".join(f"{k}. {criterion}" for k, criterion in enumerate(_CRITERIA[subset], 1))
    return PromptFrame(
        opening=(
            "Act as an impartial judge and a professional digital artist. Two "
            f"{_MAKERS[subset]}, A and B, were given the input below. Judge which {kind} is better."
        ),
        heading=f"{kind.capitalize()} of model {{letter}}:",
        closing=f"Look for anything that is wrong with each {kind}, by these criteria:\n{criteria}",
    )


PROTOCOL = Protocol(
    # As the official script: never swapped, and an answer without a vote is wrong.
    order="fixed",
    unparsed="wrong",
    ties="class",
    metrics=("accuracy", "macro_f1", "balanced_accuracy"),
)
"""The official one."""

BENCHMARK = Benchmark(
    name="genai-bench",
    entry="{subset}",
    protocol=PROTOCOL,
    format="preference/genai-bench",
    layout=Layout(subsets=tuple(_KINDS), split="test_v1"),
    items=items,
    frame=frame,
    published=published.find_items,
)

task, unfold = BENCHMARK.task, BENCHMARK.unfold


def example(folder: Path) -> None:
    """Two votes of each subset, in the published columns."""
    a, b, source = ({"bytes": make_picture(k), "path": f"{k}.png"} for k in (1, 2, 3))
    models = {"left_model": "ModelX", "right_model": "ModelY"}
    votes = [{**models, "vote_type": "leftvote"}, {**models, "vote_type": "bothbad_vote"}]
    rows: dict[str, dict[str, object]] = {
        "image_generation": {"prompt": "a red cup", "left_image": a, "right_image": b},
        "image_edition": {
            "source_prompt": "a cup",
            "target_prompt": "a red cup",
            "instruct_prompt": "make it red",
            "source_image": source,
            "left_output_image": a,
            "right_output_image": b,
        },
        "video_generation": {
            "prompt": "a cup falls",
            "left_video": "https://example.org/a.gif",
            "right_video": "https://example.org/b.gif",
        },
    }
    for subset, row in rows.items():
        filled = [{"idx": k, **row, **vote} for k, vote in enumerate(votes)]
        write_table(folder / subset / "test_v1-00000-of-00001.parquet", filled)
    for number, name in enumerate(("a.gif", "b.gif"), 1):  # one frame is a video too
        picture = Image.from_bytes(make_picture(number), name=name).load()
        picture.save(folder / "video_generation" / name)

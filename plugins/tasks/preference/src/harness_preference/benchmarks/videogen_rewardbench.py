"""VideoGen-RewardBench: pairs of generated videos for one prompt, judged by experts in three aspects and overall.

Data: https://huggingface.co/datasets/KwaiVGI/VideoGen-RewardBench, code: https://github.com/KwaiVGI/VideoAlign
(eval_videogen_rewardbench.py, calc_accuracy.py), paper: arXiv 2501.13918.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import Field

from harness.api import TIE, Image, Item, Protocol, Verdict
from harness.api.data import Cell, Layout, PromptFrame, Row, group_of, make_picture, write_table
from harness_preference.benchmark import Benchmark
from harness_preference.benchmarks.ranked_images import WITH_TIES
from harness_preference.benchmarks.shown_videos import show_video
from harness_preference.options import Options

ASPECTS = {
    "VQ": (
        "visual quality: sharpness, detail, colour and composition, and whether single frames show possible bodies, "
        "things and places"
    ),
    "MQ": (
        "motion quality: how stable, natural and smooth the movement is, whether it obeys physics, and whether there "
        "is any"
    ),
    "TA": (
        "agreement with the text: subjects, what they do, surroundings, style and movement of the camera, as the text "
        "prompt asks for them"
    ),
    "Overall": "overall quality: of the pictures, of the motion, and how well they agree with the text prompt",
}
"""What is compared in each aspect, which is a column of the data and a task."""
LABELS: dict[str, Verdict] = {"A": 0, "B": 1, "same": TIE}

# Two frames a second, as the authors' own model samples, of a video of six seconds.
_FRAMES = 12


class VideoGenOptions(Options):
    """Which part of the data to use, and how much of a video."""

    frames: int = Field(default=_FRAMES, ge=1, le=64, description="Frames of each video that are shown.")


def items(row: Row, subset: str, options: Options) -> Iterator[Item]:
    """The item of one pair in one aspect; none where the experts gave no label in it.

    Raises:
        DataError: A column is missing or does not fit.
    """
    label = _label(row, subset)
    prompt = row["prompt"].text()
    count = options.frames if isinstance(options, VideoGenOptions) else _FRAMES
    candidates = tuple(show_video(row[f"path_{side}"], count) for side in "AB")
    if not label.row.has(label.column):
        return
    yield Item(
        id=f"{subset}/{row.number}",
        # Every two of twelve models meet on a prompt, so votes on one prompt are not independent.
        group=group_of(prompt),
        space=WITH_TIES,
        gold=label.label(LABELS),
        question=(f"Text prompt: {prompt}",),
        candidates=candidates,
        tags=row.words("A_model", "B_model"),
    )


def _label(row: Row, subset: str) -> Cell:
    """The cell of an aspect. An empty one is a pair without a label; a table without the column is a mistake."""
    # The script of the first release calls the overall label ALL.
    column = "ALL" if subset == "Overall" and "Overall" not in row.values and "ALL" in row.values else subset
    if column in row.values:
        return Cell(row.values[column], row, column)
    return row[column]


def frame(subset: str) -> PromptFrame:
    """What the experts compared, in our own words."""
    return PromptFrame(
        opening=(
            "You are shown a text prompt and two videos that were generated for it, A and B. Judge which one people "
            "would prefer in one aspect."
        ),
        heading="Video {letter}:",
        closing=(
            f"Compare this and nothing else: {ASPECTS[subset]}. If neither video is better in it, the answer is a tie."
        ),
    )


PROTOCOL = Protocol(
    # Officially each video gets a score of its own, which knows no order and is never missing.
    order="shuffled",
    unparsed="wrong",
    metrics=("preference/calibrated_ties", "preference/decided_accuracy", "accuracy"),
)
"""The official one: accuracy with ties at the best threshold, and without the ties of people."""

BENCHMARK = Benchmark(
    name="videogen-rewardbench",
    entry="videogen-rewardbench-{subset}",
    protocol=PROTOCOL,
    format="harness/brackets",
    layout=Layout(
        subsets=tuple(ASPECTS), split="eval", hub="all", files=("videogen-rewardbench",), archives=("videos.zip",)
    ),
    items=items,
    frame=frame,
)

task, unfold = BENCHMARK.task, BENCHMARK.unfold


def example(folder: Path) -> None:
    """Three pairs of one prompt and one of another, without a label in one aspect."""
    rows: list[dict[str, object]] = []
    pairs = [("cup falls", "A", "B", "same"), ("cup falls", "B", "B", "A"), ("cup falls", "A", "same", "A")]
    for number, (prompt, vq, mq, ta) in enumerate([*pairs, ("dog runs", "same", "", "B")]):
        row: dict[str, object] = {"prompt": f"a {prompt}"}
        for side, model in (("A", "kling1.5"), ("B", "minimax")):
            path = f"videos/{model}/{model}_{number:05d}.gif"
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            # One frame is a video too.
            Image.from_bytes(make_picture(2 * number + (side == "B")), name=path).load().save(file)
            row |= {f"path_{side}": path, f"{side}_model": model}
        rows.append({**row, "VQ": vq, "MQ": mq, "TA": ta, "Overall": vq})
    write_table(folder / "videogen-rewardbench.csv", rows)

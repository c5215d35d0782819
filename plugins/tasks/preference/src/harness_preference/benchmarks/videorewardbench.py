"""VideoRewardBench: two answers to a question about a video, one of them chosen, in four aspects of understanding.

Page: https://videorewardbench.github.io, paper: arXiv 2509.00484. Its rows could not be seen, so the names of the
columns are ours, and an option says what they are called in the data.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import Field

from harness.api import DataError, Image, Item, Protocol
from harness.api.data import ABSENT, Cell, Layout, PromptFrame, Row, group_of, make_picture, write_table
from harness_preference.benchmark import Benchmark
from harness_preference.benchmarks.ranked_images import DECIDED
from harness_preference.benchmarks.shown_videos import show_video
from harness_preference.options import Options

COLUMNS = ("video", "question", "chosen", "rejected", "category")
"""The columns that are needed, by our names."""

_FRAMES = 32


class VideoRewardOptions(Options):
    """Which part of the data to use, how much of a video, and what the columns are called."""

    frames: int = Field(default=_FRAMES, ge=1, le=64, description="Frames of the video that are shown.")
    columns: dict[Literal["video", "question", "chosen", "rejected", "category", "id"], str] = Field(
        default_factory=dict,
        description=(
            "What the data call a column, where it has another name: `{question: prompt}`. The published names could "
            "not be seen."
        ),
    )


def items(row: Row, subset: str, options: Options) -> Iterator[Item]:
    """The item of one triplet.

    Raises:
        DataError: Columns are missing, all of which the message names, or one does not fit.
    """
    asked = options if isinstance(options, VideoRewardOptions) else VideoRewardOptions()
    names = {ours: ours for ours in (*COLUMNS, "id")} | {str(ours): theirs for ours, theirs in asked.columns.items()}
    _check_columns(row, names)
    video = row[names["video"]]
    yield Item(
        id=row[names["id"]].name() if row.has(names["id"]) else str(row.number),
        group=_group(video),
        space=DECIDED,
        gold=0,
        question=(*show_video(video, asked.frames), f"[Question]\n{row[names['question']].text()}"),
        candidates=((row[names["chosen"]].text(),), (row[names["rejected"]].text(),)),
        category=row[names["category"]].name(),
    )


def _check_columns(row: Row, names: dict[str, str]) -> None:
    """Say all that a table lacks at once: its columns may be called anything."""
    needed = [ours for ours in COLUMNS if ours != "video" or row.pictures is not ABSENT]
    missing = [ours for ours in needed if names[ours] not in row.values]
    if missing:
        there = ", ".join(map(repr, list(row.values)[:20])) or "nothing"
        raise DataError(
            f"{row.place}: there is no column {', '.join(repr(names[ours]) for ours in missing)}; needed are "
            f"{', '.join(COLUMNS)}, and there is {there}. The published names could not be seen: say which column is "
            f"which with `with: {{columns: {{{missing[0]}: NAME}}}}`"
        )


def _group(video: Cell) -> str:
    """Questions about one video belong together. A video that is in the table is of its row alone."""
    return group_of(video.value) if isinstance(video.value, str) else str(video.row.number)


def frame(subset: str) -> PromptFrame:
    """Our own words: the official ones could not be seen."""
    return PromptFrame(
        opening="You are a fair judge of two answers, A and B, to a question about a video.",
        heading="[Answer {letter}]",
        ending="[End of answer {letter}]",
        closing=(
            "Judge which answer is better: true to the video, right, and complete where knowledge or reasoning is "
            "asked for, and harmless where the question asks for harm. An answer is not better because it is longer "
            "or comes first."
        ),
    )


PROTOCOL = Protocol(order="shuffled", unparsed="wrong")
"""Accuracy over all triplets, which the published table's overall column is. The chosen answer is always the first."""

BENCHMARK = Benchmark(
    name="videorewardbench",
    entry="videorewardbench",
    protocol=PROTOCOL,
    format="harness/brackets",
    layout=Layout(
        subsets=("test",),
        split="test",
        hub="all",
        files=("VideoRewardBench", "videorewardbench"),
        archives=("*.zip", "videos/*.zip"),
        prefixes=("", "videos/"),
    ),
    items=items,
    frame=frame,
)

task, unfold = BENCHMARK.task, BENCHMARK.unfold


def example(folder: Path) -> None:
    """Three triplets about two videos."""
    rows = []
    for number, category in enumerate(("perception", "reasoning", "safety")):
        path = f"videos/{number // 2}.gif"
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.from_bytes(make_picture(number // 2), name=path).load().save(file)  # one frame is a video too
        facts = {"id": f"v{number}", "video": path, "question": f"What happens? ({number})", "category": category}
        rows.append({**facts, "chosen": "A cup falls.", "rejected": "A cat runs."})
    write_table(folder / "VideoRewardBench.jsonl", rows)

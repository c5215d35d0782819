"""AGIQA-3K: mean opinion scores of generated images, for their quality and for how well they show their prompt.

Data: https://github.com/lcysyzxdxc/AGIQA-3k-Database, paper: arXiv 2306.04717.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from harness.api import Item, Score
from harness.api.data import Layout, PromptFrame, Row, make_picture, write_table
from harness_preference.benchmark import Benchmark
from harness_preference.benchmarks.opinion_scores import PROTOCOL, item_of_opinion
from harness_preference.options import Options

# A mean of many people lies between the steps that they used: step 0 allows any number.
SPACE = Score(0, 5, 0)
COLUMNS = {"quality": ("mos_quality", "std_quality"), "alignment": ("mos_align", "std_align")}
"""Columns of the mean and of the standard deviation, by subset."""

_ASKED = {
    "quality": (
        "How good does the image look? Look at its quality as a picture: sharpness, colour and light, natural shapes, "
        "no artifacts, whether it is pleasing. What the prompt asked for does not matter"
    ),
    "alignment": (
        "How well does the image show what the prompt asks for: its objects, their attributes, the scene and the "
        "style? How good it looks does not matter"
    ),
}


def items(row: Row, subset: str, options: Options) -> Iterator[Item]:
    """The item of one image in one dimension.

    Raises:
        DataError: A column is missing or does not fit.
    """
    mean, spread = COLUMNS[subset]
    # The name of an image begins with that of its model: sd1.5_normal_000.jpg.
    tags = {"model": row["name"].name().partition("_")[0], **row.words("adj1", "adj2", "style")}
    yield item_of_opinion(row, subset, space=SPACE, mean=mean, spread=spread, tags=tags)


def frame(subset: str) -> PromptFrame:
    """What people were asked, in our own words."""
    return PromptFrame(
        opening="You are shown an image that a model made, and the text prompt that it was made for.",
        closing=(
            f"{_ASKED[subset]}. Give the mean of what many people would say, from 0 (worst) to 5 (best); any number in "
            "between will do."
        ),
    )


BENCHMARK = Benchmark(
    name="agiqa-3k",
    entry="agiqa-3k-{subset}",
    protocol=PROTOCOL,
    format="harness/brackets",
    layout=Layout(
        subsets=tuple(COLUMNS),
        split="test",
        # One table for both.
        files=("data",),
        archives=("*.zip",),
        prefixes=("", "image/", "images/", "AGIQA-3K/"),
    ),
    items=items,
    frame=frame,
)

task, unfold = BENCHMARK.task, BENCHMARK.unfold


def example(folder: Path) -> None:
    """Two images of one model and one of another, in the published columns."""
    facts = [
        ("AttnGAN_normal_000", ("", "", ""), 0.97, 0.41),
        ("AttnGAN_normal_120", ("warm color", "", ""), 2.25, 1.5),
        ("xl2.2_normal_298", ("hyper detail", "soft lighting", "abstract style"), 3.9, 3.79),
    ]
    rows = [
        {
            "name": f"{name}.jpg",
            "prompt": f"a cup, number {k}",
            **dict(zip(("adj1", "adj2", "style"), words, strict=True)),
            "mos_quality": quality,
            "std_quality": 0.5,
            "mos_align": alignment,
            "std_align": 0.75,
        }
        for k, (name, words, quality, alignment) in enumerate(facts)
    ]
    write_table(folder / "data.csv", rows)
    for number, row in enumerate(rows):
        (folder / str(row["name"])).write_bytes(make_picture(number))

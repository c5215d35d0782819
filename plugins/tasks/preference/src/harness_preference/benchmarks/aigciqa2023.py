"""AIGCIQA2023: mean opinion scores of generated images, for quality, authenticity and correspondence to the prompt.

Data: https://github.com/wangjiarui153/AIGCIQA2023, paper: arXiv 2307.00211.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from harness.api import Item, Score
from harness.api.data import Layout, PromptFrame, Row, make_picture, write_table
from harness_preference.benchmark import Benchmark
from harness_preference.benchmarks.opinion_scores import PROTOCOL, item_of_opinion
from harness_preference.options import Options

SPACE = Score(0, 100, 0)
SUBSETS = ("quality", "authenticity", "correspondence")
"""Each has the columns SUBSET_mos and SUBSET_std."""

_ASKED = {
    "quality": (
        "How good is the quality of the image: sharpness, colour and light, contrast, detail, no distortion? What the "
        "prompt asked for does not matter"
    ),
    "authenticity": (
        "How authentic is the image: does it look like a real picture, and not like one that a model made? What the "
        "prompt asked for does not matter"
    ),
    "correspondence": (
        "How well does the image correspond to the prompt: its objects, their attributes, numbers and places? How "
        "good it looks does not matter"
    ),
}


def items(row: Row, subset: str, options: Options) -> Iterator[Item]:
    """The item of one image in one dimension. The category is the class of its prompt.

    Raises:
        DataError: A column is missing or does not fit.
    """
    yield item_of_opinion(
        row,
        subset,
        space=SPACE,
        mean=f"{subset}_mos",
        spread=f"{subset}_std",
        tags=row.words("style"),
        category=row["class"].word() if row.has("class") else "",
    )


def frame(subset: str) -> PromptFrame:
    """What people were asked, in our own words."""
    return PromptFrame(
        opening="You are shown an image that a model made, and the text prompt that it was made for.",
        closing=(
            f"{_ASKED[subset]}. Give the mean of what many people would say, from 0 (worst) to 100 (best); any number "
            "in between will do."
        ),
    )


BENCHMARK = Benchmark(
    name="aigciqa2023",
    entry="aigciqa2023-{subset}",
    protocol=PROTOCOL,
    format="harness/brackets",
    layout=Layout(
        subsets=SUBSETS,
        split="test",
        # One table for all three.
        files=("AIGCIQA2023",),
        archives=("*.zip",),
        prefixes=("", "Image/allimg/", "allimg/", "AIGCIQA2023/Image/allimg/"),
    ),
    items=items,
    frame=frame,
)

task, unfold = BENCHMARK.task, BENCHMARK.unfold


def example(folder: Path) -> None:
    """Two images of one prompt and one of another, in the published columns."""
    facts = [
        ("a cup", "Basic", (60.2, 47.2, 60.0)),
        ("a cup", "Basic", (54.7, 42.5, 57.2)),
        ("a cup without tea", "Linguistic Structures", (49.2, 49.4, 39.5)),
    ]
    rows = [
        {
            "": k,
            "name": f"{k}.png",
            "prompt": prompt,
            "style": style,
            "class": "Artifacts",
            **{f"{subset}_mos": value for subset, value in zip(SUBSETS, scores, strict=True)},
            **{f"{subset}_std": 1.25 for subset in SUBSETS},
        }
        for k, (prompt, style, scores) in enumerate(facts)
    ]
    write_table(folder / "AIGCIQA2023.csv", rows)
    (folder / "Image" / "allimg").mkdir(parents=True)
    for number in range(len(rows)):
        (folder / "Image" / "allimg" / f"{number}.png").write_bytes(make_picture(number))

"""HPD v3: pairs of images for one prompt, of which people preferred the first.

Data: https://huggingface.co/datasets/MizzenAI/HPDv3, code: https://github.com/MizzenAI/HPSv3, paper: arXiv 2508.03789.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from harness.api import Item, Protocol
from harness.api.data import Layout, PromptFrame, Row, group_of, make_picture, write_table
from harness_preference.benchmark import Benchmark
from harness_preference.benchmarks.ranked_images import DECIDED, two_images
from harness_preference.options import Options


def items(row: Row, subset: str, options: Options) -> Iterator[Item]:
    """The item of one pair. It has no id in the data: the number of its row is one.

    Raises:
        DataError: A column is missing or does not fit.
    """
    prompt = row["prompt"].text()
    yield Item(
        id=f"{subset}/{row.number}",
        group=group_of(prompt),
        space=DECIDED,
        # The preferred image is always `path1`, so the protocol must shuffle.
        gold=0,
        question=(f"Text prompt: {prompt}",),
        candidates=tuple((row[column].image(),) for column in ("path1", "path2")),
        tags=row.words("model1", "model2", "source", "confidence"),
    )


def frame(subset: str) -> PromptFrame:
    """What the annotators were asked, in our own words."""
    return two_images(
        "Consider how well each image shows what the prompt asks for, and how good it looks: composition, light, "
        "detail, natural shapes, no distortion. Decide for one image."
    )


# Officially both images get a reward and equal rewards are wrong: so is an answer without a verdict here.
PROTOCOL = Protocol(order="shuffled", unparsed="wrong")
"""The official one, shuffled: the gold is always the first image."""

BENCHMARK = Benchmark(
    name="hpd-v3",
    entry="hpd-v3",
    protocol=PROTOCOL,
    format="harness/brackets",
    layout=Layout(
        subsets=("test",),
        split="test",
        hub="all",
        archives=("images.tar.gz", "images.tar"),
        # Names are looked for as they are, then below images/.
        prefixes=("", "images/"),
    ),
    items=items,
    frame=frame,
)

task, unfold = BENCHMARK.task, BENCHMARK.unfold


def example(folder: Path) -> None:
    """Two pairs, one with all that may be said of it and one with what must."""
    rows: list[dict[str, object]] = [
        {
            "prompt": "a red cup",
            "path1": "images/0.jpg",
            "path2": "images/1.jpg",
            "model1": "flux",
            "model2": "sd3",
            "source": "HPDv3",
            "confidence": 0.97,
        },
        {"prompt": "a blue cup", "path1": "images/2.jpg", "path2": "images/3.jpg"},
    ]
    (folder / "images").mkdir(parents=True, exist_ok=True)
    for number in range(4):
        (folder / "images" / f"{number}.jpg").write_bytes(make_picture(number))
    write_table(folder / "test.json", rows)

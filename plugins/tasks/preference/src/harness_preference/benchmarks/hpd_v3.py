"""HPD v3: pairs of images for one prompt, of which people preferred the first.

Data: https://huggingface.co/datasets/MizzenAI/HPDv3, code: https://github.com/MizzenAI/HPSv3, paper: arXiv 2508.03789.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from harness.api import Item, Protocol, Verdict
from harness.api.data import Layout, PromptFrame, Row, group_of, make_picture, write_table
from harness_preference.benchmark import Benchmark
from harness_preference.benchmarks.ranked_images import DECIDED, two_images
from harness_preference.options import Options

_MOST_VOTES = 1000


def items(row: Row, subset: str, options: Options) -> Iterator[Item]:
    """The item of one pair. It has no id in the data: the number of its row is one.

    Raises:
        DataError: A column is missing or does not fit.
    """
    prompt, name = row["prompt"].text(), f"{subset}/{row.number}"
    yield Item(
        id=name,
        group=group_of(prompt),
        space=DECIDED,
        # The preferred image is always `path1`, so the protocol must shuffle.
        gold=0,
        question=(f"Text prompt: {prompt}",),
        candidates=tuple((row[column].image(),) for column in ("path1", "path2")),
        tags=row.words("model1", "model2", "source", "confidence"),
        annotations=_votes(row, name),
    )


def _votes(row: Row, pair: str) -> dict[str, Verdict]:
    """What each person preferred, from the numbers of votes. Empty where the row has shares, or none.

    The greater number is that of the preferred image, in whichever place it stands: the authors' training sorts them
    (hpsv3/dataset/pairwise_dataset.py). Who voted is not said, so the people of each pair have names of their own.

    Raises:
        DataError: There are not two numbers, or they are negative or together more than 1,000.
    """
    if not row.has("choice_dist"):
        return {}
    cell = row["choice_dist"]
    numbers = [part.number() for part in cell.elements()]
    if len(numbers) != 2 or min(numbers) < 0 or sum(numbers) > _MOST_VOTES:
        raise cell.mismatch(f"the votes for two images, {_MOST_VOTES:,} together at most")
    if not all(number.is_integer() for number in numbers) or sum(numbers) < 2:
        return {}  # shares do not say how many people there were
    first, second = int(max(numbers)), int(min(numbers))
    return {f"{pair}#{k}": int(k >= first) for k in range(first + second)}


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
            "choice_dist": [18, 1],
        },
        {"prompt": "a blue cup", "path1": "images/2.jpg", "path2": "images/3.jpg"},
    ]
    (folder / "images").mkdir(parents=True, exist_ok=True)
    for number in range(4):
        (folder / "images" / f"{number}.jpg").write_bytes(make_picture(number))
    write_table(folder / "test.json", rows)

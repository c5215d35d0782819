"""HPD v2: images of several models for one prompt, ranked by people; all pairs of each prompt of the test split.

Data: https://huggingface.co/datasets/ymhao/HPDv2, code: https://github.com/tgxs002/HPSv2 (`inversion_score` in
hpsv2/src/training/train.py), paper: arXiv 2306.09341.
"""

from __future__ import annotations

import io
import itertools
import tarfile
from collections.abc import Iterator
from pathlib import Path

from harness.api import Item, Protocol
from harness.api.data import Layout, PromptFrame, Row, make_picture, write_table
from harness_preference.benchmark import Benchmark
from harness_preference.benchmarks.ranked_images import WITH_TIES, better, two_images
from harness_preference.options import Options


def items(row: Row, subset: str, options: Options) -> Iterator[Item]:
    """An item for each pair of images of a prompt, in their order. A prompt has no id: the number of its row is one.

    Raises:
        DataError: A column is missing or does not fit, or there is not one rank for each image.
    """
    prompt, images = row["prompt"].text(), row["image_path"].elements()
    ranks = [cell.number() for cell in row["rank"].elements()]
    if len(images) < 2:
        raise row["image_path"].mismatch("two images or more")
    # Without this check an image would get the rank of another image.
    if len(ranks) != len(images):
        raise row["rank"].mismatch(f"a rank for each of the {len(images)} images")
    people = _ranks_of_people(row, ranks)
    # All pairs of a prompt: the official score counts inversions over all of them.
    for i, j in itertools.combinations(range(len(images)), 2):
        yield Item(
            id=f"{subset}/{row.number}/{i}-{j}",
            group=f"{subset}/{row.number}",
            space=WITH_TIES,
            gold=better(ranks[i], ranks[j]),
            question=(f"Text prompt: {prompt}",),
            candidates=((images[i].image(),), (images[j].image(),)),
            annotations={person: better(places[i], places[j]) for person, places in people.items()},
        )


def _ranks_of_people(row: Row, ranks: list[float]) -> dict[str, list[float]]:
    """The ranks that each person gave, by the hash of the person. Empty where the row has none that fit.

    They fit if their mean never orders two images against the averaged ranks. Else they are in another order than the
    images, or are no ranks, and nothing would be known from them.
    """
    if not row.has("raw_annotations"):
        return {}
    given = [cell.fields() for cell in row["raw_annotations"].elements()]
    people = {person["user_hash"].name(): [cell.number() for cell in person["rank"].elements()] for person in given}
    if any(len(places) != len(ranks) for places in people.values()):
        return {}
    sums = [sum(column) for column in zip(*people.values(), strict=True)]
    pairs = itertools.combinations(range(len(sums)), 2)
    return {} if any((sums[i] - sums[j]) * (ranks[i] - ranks[j]) < 0 for i, j in pairs) else people


def frame(subset: str) -> PromptFrame:
    """What the annotators were asked, in our own words."""
    return two_images(
        "Consider how well each image shows what the prompt asks for, and how good it looks: natural shapes, no "
        "distortion, pleasing to the eye. Decide for one image; call it a tie only if you can see no difference that "
        "matters."
    )


# `ties="right"`: officially a tie is no inversion. `average="group"`: the mean is over prompts (`inversion_score`).
# Over all pairs beside it, since there is a human ceiling of a plain mean and none of one over prompts.
PROTOCOL = Protocol(
    order="shuffled", unparsed="wrong", ties="right", average="group", metrics=("accuracy", "accuracy@micro")
)
"""The official one: 1 - inversions / pairs for each prompt, averaged over prompts."""

BENCHMARK = Benchmark(
    name="hpd-v2",
    entry="hpd-v2",
    protocol=PROTOCOL,
    format="harness/brackets",
    layout=Layout(
        # Only test has ranks. Train has other columns, and the benchmark prompts of HPS v2 are no preferences.
        subsets=("test",),
        split="test",
        hub="all",
        archives=("test.tar.gz", "test.tar"),
        prefixes=("", "test/"),
    ),
    items=items,
    frame=frame,
)

task, unfold = BENCHMARK.task, BENCHMARK.unfold


def example(folder: Path) -> None:
    """Two prompts, one with what two people said and one with a tie, and an archive with their images."""
    folder.mkdir(parents=True, exist_ok=True)
    people = [{"user_hash": name, "rank": ranks} for name, ranks in (("u1", [1, 3, 2]), ("u2", [2, 3, 1]))]
    rows = [
        {
            "prompt": "a red cup",
            "image_path": ["0.jpg", "1.jpg", "2.jpg"],
            "rank": [1, 3, 2],
            "raw_annotations": people,
        },
        {"prompt": "a blue cup", "image_path": ["3.jpg", "4.jpg", "5.jpg"], "rank": [1, 1, 2]},
    ]
    with tarfile.open(folder / "test.tar.gz", "w:gz") as archive:
        for number in range(6):
            data = make_picture(number)
            member = tarfile.TarInfo(f"test/{number}.jpg")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    write_table(folder / "test.json", rows)

"""ImageReward: images of several models for one prompt, ranked by experts; all pairs of each prompt.

Data: https://huggingface.co/datasets/THUDM/ImageRewardDB (metadata of single images), and the list of prompts of the
code's own test, https://github.com/THUDM/ImageReward (data/test.json, scored by test.py), paper: arXiv 2304.05977.
"""

from __future__ import annotations

import itertools
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from pydantic import Field

from harness.api import TIE, Context, Image, Item, Protocol, UnfoldedEntry
from harness.api.data import Cell, Layout, PromptFrame, Row, make_picture, write_table
from harness_preference.benchmark import Benchmark, BenchmarkTask
from harness_preference.benchmarks.ranked_images import DECIDED, WITH_TIES, better, two_images
from harness_preference.options import Options

_SPLITS = ("test", "validation")
# Validation and test have two zip files each, in every configuration.
_PARTS = tuple(f"{split}_{part}" for split in _SPLITS for part in (1, 2))


class ImageRewardOptions(Options):
    """Which pairs to use."""

    ties: bool = Field(
        default=False,
        description=(
            "Keep pairs with equal ranks, and let judges call a tie, so that other policies than the official one can "
            "be tried: write `protocol: {ties: half}` or the like as well."
        ),
    )


class Pairs:
    """Makes pairs from rows. One for each reading of the data: it remembers the images of each prompt by their rows."""

    def __init__(self) -> None:
        self._earlier: dict[str, list[Row]] = {}

    def items(self, row: Row, subset: str, options: Options) -> Iterator[Item]:
        """An item for each pair that a row completes: of a prompt with a list of images, or of a single image.

        Raises:
            DataError: A column is missing or does not fit, or there is not one rank for each image.
        """
        prompt = row["prompt"].text()
        # Two layouts: the code's own list has a prompt in a row, the metadata an image in a row.
        if row.has("generations") or row.has("ranking"):
            images = row["generations"].elements()
            ranks = [cell.number() for cell in row["ranking"].elements()]
            # A missing rank would shift all that follow to the wrong images.
            if len(ranks) != len(images):
                raise row["ranking"].mismatch(f"a rank for each of the {len(images)} images")
            name = row["id"].name()
            for i, j in itertools.combinations(range(len(images)), 2):
                pair = (images[i].image(), images[j].image())
                yield from _pair(name, (i, j), (ranks[i], ranks[j]), pair, prompt, {}, options)
            return
        name, rank, tags = row["prompt_id"].name(), row["rank"].number(), row.words("classification")
        # Read once here, so that a broken cell is found in its own row and not in the next one's pairs.
        _image_of(row)
        earlier = self._earlier.setdefault(name, [])
        for i, other in enumerate(earlier):
            # New objects for each pair: an image that is kept also keeps its pixels in memory.
            pair = (_image_of(other), _image_of(row))
            yield from _pair(name, (i, len(earlier)), (other["rank"].number(), rank), pair, prompt, tags, options)
        earlier.append(row)


def _pair(
    name: str,
    places: tuple[int, int],
    ranks: tuple[float, float],
    images: tuple[Image, Image],
    prompt: str,
    tags: dict[str, str],
    options: Options,
) -> Iterator[Item]:
    """The item of a pair; none where the ranks are equal and ties are not kept."""
    keep_ties = isinstance(options, ImageRewardOptions) and options.ties
    gold = better(*ranks)
    # test.py skips pairs with equal ranks.
    if gold == TIE and not keep_ties:
        return
    yield Item(
        id=f"{name}/{places[0]}-{places[1]}",
        group=name,
        space=WITH_TIES if keep_ties else DECIDED,
        gold=gold,
        question=(f"Text prompt: {prompt}",),
        candidates=tuple((image,) for image in images),
        tags=tags,
    )


def _image_of(row: Row) -> Image:
    """The image of a row of metadata. Its path, images/test/test_1/NAME, is that of a member NAME of test_1.zip."""
    cell = row.first("image_path", "image")
    if isinstance(cell.value, str):
        cell = Cell(PurePosixPath(cell.text()).name, row, cell.column)
    return cell.image()


def frame(subset: str) -> PromptFrame:
    """What the experts were asked, in our own words."""
    return two_images(
        "Consider how well each image shows what the prompt asks for (objects, attributes, counts, places, style), how "
        "true to life its shapes are (bodies, faces, hands, objects), and whether anything in it is harmful. Judge it "
        "overall."
    )


# accuracy over all pairs is the number of test.py. accuracy@group is what the code of HPS v2 reports as ImageReward.
PROTOCOL = Protocol(order="shuffled", unparsed="wrong", ties="skip", metrics=("accuracy", "accuracy@group"))
"""The official one, and beside it the mean over prompts."""


def _benchmark() -> Benchmark:
    """With `Pairs` of its own, for one reading of the data."""
    return Benchmark(
        name="imagereward-pairs",
        entry="imagereward-{subset}",
        protocol=PROTOCOL,
        format="harness/brackets",
        layout=Layout(
            subsets=_SPLITS,
            split="test",
            hub="split",
            files=("metadata-{subset}",),
            archives=tuple(f"images/{part.partition('_')[0]}/{part}.zip" for part in _PARTS),
            prefixes=(
                "",
                "test_images/",
                "data/test_images/",
                *(f"{part}/" for part in _PARTS),
                *(f"images/{part.partition('_')[0]}/{part}/" for part in _PARTS),
            ),
        ),
        items=Pairs().items,
        frame=frame,
    )


class ImageRewardTask(BenchmarkTask):
    """A split as a task. Unlike other benchmarks its items are made from several rows."""

    def __init__(self, options: Options | None, context: Context) -> None:
        """Find the split; nothing is read yet.

        Raises:
            DataError: The data hold no such split, or both and none is named.
        """
        super().__init__(_benchmark(), options, context)
        self._given = (options, context)

    def items(self, split: str) -> Iterator[Item]:
        """Stream the items in the order of the files: those of a prompt as its images come.

        Raises:
            DataError: As `BenchmarkTask.items`.
        """
        # A `Pairs` of its own for each reading: it remembers images, and a second reading would pair them twice.
        yield from BenchmarkTask(_benchmark(), *self._given).items(split)


def task(options: Options | None, context: Context) -> ImageRewardTask:
    """The factory of the card."""
    return ImageRewardTask(options, context)


def unfold(options: Options | None, context: Context) -> list[UnfoldedEntry]:
    """A task for each split that the data hold."""
    return _benchmark().unfold(options, context)


def example(folder: Path) -> None:
    """A prompt of the validation split as metadata and zips, and two of the test split as the code's own list."""
    rows = []
    for part, numbers in ((1, (0, 1)), (2, (2,))):
        zipped = folder / "images" / "validation" / f"validation_{part}.zip"
        zipped.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(zipped, "w") as archive:
            for number in numbers:
                archive.writestr(f"{number}.webp", make_picture(number))
                rows.append(
                    {
                        "image_path": f"images/validation/validation_{part}/{number}.webp",
                        "prompt_id": "000001-0001",
                        "prompt": "a red cup",
                        "classification": "Arts",
                        "rank": (2, 1, 2)[number],
                    }
                )
    write_table(folder / "metadata-validation.parquet", rows)
    tests = []
    for k, ranking in enumerate(([1, 2, 5], [2, 1, 1])):
        names = [f"part-00000{k}/images/0001/{j}.webp" for j in range(3)]
        for j, name in enumerate(names):
            file = folder / "test_images" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(make_picture(10 + 3 * k + j))
        tests.append({"id": f"00000{k}-0001", "prompt": f"cup {k}", "generations": names, "ranking": ranking})
    write_table(folder / "test.json", tests)

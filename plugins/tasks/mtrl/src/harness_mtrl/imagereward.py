"""ImageRewardDB, pointwise: is an image a good one for its prompt?

Data: https://huggingface.co/datasets/THUDM/ImageRewardDB, code: https://github.com/THUDM/ImageReward,
paper: arXiv 2304.05977. The official pairs are `preference/imagereward-pairs`.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from harness.api import Context, Item, Protocol
from harness.api.data import (
    HubSplit,
    PictureStore,
    PromptFrame,
    Row,
    Source,
    Table,
    data_of,
    find_shards,
    make_picture,
    write_table,
)
from harness_mtrl import options as say
from harness_mtrl.pictures import ByLastName
from harness_mtrl.splits import SPLITS
from harness_mtrl.task import YES_NO, ThresholdTask, number_between

# From the configurations of the authors' loading script: 4 of 32 archives are 1k prompts, and so on.
PARTS = {"1k": 4, "2k": 8, "4k": 16}
"""How many of the 32 archives of train each configuration has; `8k` has all."""

PROTOCOL = Protocol(unparsed="wrong", metrics=("macro_f1", "accuracy", "balanced_accuracy", "roc_auc"))
"""The paper's metric first. The official one is about pairs: see `preference/imagereward-pairs`."""

# The three ratings of the release, in words of our own. The release has no question for a judge.
_ASKED = {
    "overall_rating": (
        "Is this a good image for the prompt, taken all in all: does it show what the prompt asks for, is it true to "
        "how things look, and is nothing in it harmful?"
    ),
    "image_text_alignment_rating": (
        "Does the image show what the prompt asks for: the objects, their number, attributes and relations?"
    ),
    "fidelity_rating": (
        "Is the image true to how things look: undistorted bodies, faces and objects, nothing doubled or missing?"
    ),
}


class ImageRewardTask(ThresholdTask):
    """ImageRewardDB as a `Task`."""

    protocol = PROTOCOL

    def __init__(self, options: say.ImageReward, context: Context) -> None:
        """Find the tables of the official splits; nothing is read yet.

        Raises:
            DataError: There are none.
        """
        sources = {split: _source(context, split, options.scale).with_media(options.media) for split in SPLITS}
        super().__init__(options, context, sources=sources)
        self.frame = PromptFrame(
            opening="You are shown an image that a model made for a prompt. Judge the image.",
            closing=f"{_ASKED[options.rating]} The answer is yes or no.",
        )
        self._rating, self._parts = options.rating, PARTS.get(options.scale)

    def rows(self, split: str) -> Iterator[Row]:
        """Stream the rows of an official split; of train, those of the archives of its scale.

        Raises:
            DataError: The data cannot be read, or a row does not say which archive it is of.
        """
        for row in self.sources[split].rows():
            # Validation and test are the same in all configurations. Only train grows.
            if split != "train" or self._parts is None or self._part(row) <= self._parts:
                yield row

    def items_of(self, row: Row, split: str) -> Iterator[Item]:
        """The item of a row; none in the middle that is left out.

        Raises:
            DataError: A column is missing or does not fit.
        """
        # The release names files, a copy on the hub holds the pictures.
        image = row.first("image_path", "image")
        prompt, gold, shown = row["prompt"].text(), self.gold(row), image.image()
        group, kind = row["prompt_id"].name(), row.words("classification")
        # After the cells were read, so that a broken row is found even in the middle that is left out.
        if gold is None:
            return
        yield Item(
            id=PurePosixPath(image.value).stem if isinstance(image.value, str) else str(row.number),
            group=group,
            space=YES_NO,
            gold=gold,
            question=(shown, f"Prompt: {prompt}"),
            category=kind.get("classification", ""),
            tags={**kind, "rating": f"{self.value(row):g}"},
        )

    def value(self, row: Row) -> float:
        """The rating.

        Raises:
            DataError: It is missing or not from 1 to 7.
        """
        # A rating of another scale would be cut at the wrong place without any sign of it.
        return number_between(row[self._rating], low=1, high=7, fix="ratings are from 1 to 7; fix or remove the row")

    def _part(self, row: Row) -> int:
        if not row.has("image_path"):
            # A copy with the images in the rows: there the hub's configuration is the scale.
            return 0
        cell = row["image_path"]
        part = re.search(r"(?:^|/)train_([0-9]{1,4})/", cell.text())
        if part is None:
            raise cell.mismatch("a path such as images/train/train_1/NAME.webp", "fix it, or write `scale: 8k`")
        return int(part[1])


def task(options: say.ImageReward | None, context: Context) -> ImageRewardTask:
    """The factory of `mtrl/imagereward`."""
    return ImageRewardTask(options or say.ImageReward(), context)


def _source(context: Context, split: str, scale: str) -> Source:
    data = data_of(context)
    if data.startswith("hub:"):
        return HubSplit.parse(data, split=split, config=scale)
    root = Path(data)
    store = PictureStore(root, workspace=context.workspace, archives=(f"images/{split}/*.zip", f"{split}_*.zip"))
    files = find_shards(context, stem=f"metadata-{split}")
    # Rows name images as they lie when unpacked. The archives hold them without folders.
    return Table(files=files, root=root, pictures=ByLastName(root, store))


def example(folder: Path) -> None:
    """A prompt with a good and a bad image in each split, in its metadata and its first archive."""
    for place, split in enumerate(SPLITS):
        rows = [
            {
                "image_path": f"images/{split}/{split}_1/{split}-{rank}.webp",
                "prompt_id": f"00{place}-0001",
                "prompt": f"a cup, {split}",
                "classification": "Outdoor Scenes",
                "image_amount_in_total": 2,
                "rank": rank,
                "overall_rating": rating,
                "image_text_alignment_rating": rating,
                "fidelity_rating": rating,
            }
            for rank, rating in ((1, 6), (2, 2))
        ]
        write_table(folder / f"metadata-{split}.parquet", rows)
        (folder / "images" / split).mkdir(parents=True)
        with zipfile.ZipFile(folder / "images" / split / f"{split}_1.zip", "w") as archive:
            for rank in (1, 2):
                archive.writestr(f"{split}-{rank}.webp", make_picture(10 * place + rank))

"""SeeTRUE: does a text say what an image shows?

Data: https://huggingface.co/datasets/yonatanbitton/SeeTRUE, code: https://github.com/yonatanbitton/wysiwyr,
paper: arXiv 2305.10400.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from harness.api import Context, Item, Protocol, UserError
from harness.api.data import (
    Cell,
    HubSplit,
    PictureStore,
    PromptFrame,
    Row,
    Source,
    Table,
    data_of,
    find_table,
    make_picture,
    write_table,
)
from harness_mtrl import options as say
from harness_mtrl.examples import of_each_split
from harness_mtrl.splits import ByKey, ByNumber, Shares, sides_of_rows, sides_of_test
from harness_mtrl.task import YES_NO, PointwiseTask

# The release has 1 and 0; every task of this suite asks for yes or no.
LABELS = {"1": "yes", "0": "no"}

PROTOCOL = Protocol(
    unparsed="wrong", metrics=("macro_f1", "accuracy", "balanced_accuracy@category", "roc_auc@category")
)
"""The paper's metric first, then the official one, by source."""

FRAME = PromptFrame(
    opening="You are shown an image and a text. Judge whether they match.",
    closing=(
        "Does the image show what the text says? Check every object, attribute, number, action and relation that the "
        "text names. The answer is yes if the image bears all of it out, and no if anything contradicts the image or "
        "is missing in it."
    ),
)


class SeeTrueTask(PointwiseTask):
    """SeeTRUE as a `Task`."""

    protocol, frame = PROTOCOL, FRAME
    ids_are_row_numbers = True

    def __init__(self, options: say.SeeTrue, context: Context) -> None:
        """Find the table; nothing is read yet.

        Raises:
            DataError: There is no such table.
        """
        source = _source(context).with_media(options.media)
        super().__init__(options, context, sources={"all": source})
        # Kept for `rows`: items of train are refused when they are asked for, so that test needs no permission.
        self._open = options.allow_training
        shares = Shares(seed=options.split_seed, validation=options.validation_share, test=options.test_share)
        self._rows: ByKey | ByNumber
        if options.split_by == "group":
            # Several texts go with an image. On both sides of a split, the image itself would be learnt.
            self._rows = ByKey(source=source, key=lambda row: image_name(row["image"]), shares=shares)
        elif options.split_by == "row":
            self._rows = ByNumber(source=source, sides=partial(sides_of_rows, shares=shares))
        else:
            self._rows = ByNumber(source=source, sides=sides_of_test)

    def rows(self, split: str) -> Iterator[Row]:
        """Stream the rows of a split.

        Raises:
            UserError: Train or validation is asked for, and the manifest does not allow it.
            DataError: The data cannot be read.
        """
        if split != "test" and not self._open:
            raise UserError(
                f"task {self.name}: the split {split!r} is closed: who is given access to SeeTRUE "
                "(https://huggingface.co/datasets/yonatanbitton/SeeTRUE) agrees to use it as a test set, not for "
                "training. Leave this task out of the training, or, if you have the authors' permission, write "
                "`with: {allow_training: true}`"
            )
        return self._rows.rows(split)

    def items_of(self, row: Row, split: str) -> Iterator[Item]:
        """The item of a row.

        Raises:
            DataError: A column is missing or does not fit.
        """
        source = row["dataset_source"].word()
        yield Item(
            id=str(row.number),
            group=image_name(row["image"]),
            space=YES_NO,
            gold=row["label"].label(LABELS),
            question=(row["image"].image(), f"Text: {row['text'].text()}"),
            # The official ROC-AUC is taken by source, and the category is what a metric can be taken by.
            category=source,
            tags={"source": source, **row.words("original_dataset_id")},
        )


def image_name(cell: Cell) -> str:
    """What rows of one image share: its name, or of a picture within the row the hash of its bytes.

    Raises:
        DataError: The cell holds no picture.
    """
    # Reading and hashing a picture costs time. Where rows name it, the name says as much.
    return cell.name() if isinstance(cell.value, str) else cell.image().digest


def task(options: say.SeeTrue | None, context: Context) -> SeeTrueTask:
    """The factory of `mtrl/seetrue`."""
    return SeeTrueTask(options or say.SeeTrue(), context)


def _source(context: Context) -> Source:
    data = data_of(context)
    if data.startswith("hub:"):
        return HubSplit.parse(data, split="test")
    # Copies of the release are found under both names.
    file = find_table(context, names=("SeeTRUE", "SeeTRUE_public"))
    root = file.parent
    pictures = PictureStore(root, workspace=context.workspace, archives=("*.zip",), prefixes=("", "images/"))
    return Table(files=(file,), root=root, pictures=pictures)


def example(folder: Path) -> dict[str, bool]:
    """A text that matches and one that does not for each of six images, two images in each split, and `images.zip`."""
    pattern = "{}_a=few_o=cat_s=indoor.png"
    names = {number: pattern.format(number) for number in of_each_split(pattern.format)}
    rows = [
        {
            "image": name,
            "text": "A few cats indoors." if label else "A few dogs outdoors.",
            "label": label,
            "original_dataset_id": f"id_{number}",
            "dataset_source": ("drawbench", "editbench")[place % 2],
        }
        for place, (number, name) in enumerate(names.items())
        for label in (1, 0)
    ]
    write_table(folder / "SeeTRUE.csv", rows)
    with zipfile.ZipFile(folder / "images.zip", "w") as archive:
        for number, name in names.items():
            archive.writestr(f"images/{name}", make_picture(number))
    return {"allow_training": True}

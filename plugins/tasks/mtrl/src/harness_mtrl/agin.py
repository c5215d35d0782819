"""AGIN: how natural, technically sound and rational does a generated image look? As yes or no, and as opinion scores.

Data and code: https://github.com/zijianchen98/AGIN, paper: arXiv 2312.05476.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from harness.api import Context, Item, Protocol, Score, UserError
from harness.api.data import PromptFrame, Row, Table, data_of, find_table, make_picture, write_table
from harness_mtrl import options as say
from harness_mtrl.examples import of_each_split
from harness_mtrl.pictures import InAnyFolder
from harness_mtrl.splits import ByKey, ByNumber, Shares, sides_of_agin, sides_of_rows
from harness_mtrl.task import YES_NO, PointwiseTask, ThresholdTask, number_between

BINARY = Protocol(unparsed="wrong", metrics=("macro_f1", "accuracy", "balanced_accuracy", "roc_auc"))
"""The paper's metric first."""

OPINION = Protocol(metrics=("spearman", "pearson", "mae"))
"""SRCC and PLCC, as the authors of AGIN report."""

_OPENING = "You are shown an image, most likely one that a model made or changed. Judge how it looks."
_LOOK_AT = {
    "nat": (
        "look natural",
        "its naturalness as a whole: both whether it is technically sound and whether what it shows makes sense",
    ),
    "tech": (
        "have good technical quality",
        "its technical quality only: luminance, contrast, detail, blur, artifacts",
    ),
    "rat": (
        "make sense",
        "its rationality only: existence, colour, layout and context of what it shows, and how clear that is to see",
    ),
}


class _Table:
    """The one table of AGIN and its splits."""

    def __init__(self, options: say.Agin | say.AginMos, context: Context, dimension: str) -> None:
        # AGIN is on two file stores only. A hub name would give an error about a repository that no one can find.
        if data_of(context).startswith("hub:"):
            raise UserError(
                f"task {context.name}: AGIN is not on the hub; download it (https://github.com/zijianchen98/AGIN) and "
                "give its folder as `data:`"
            )
        self._name, self.column = context.name, f"MOS_{dimension}"
        file = find_table(context, names=("AGIN",))
        # The authors' image patches lie in folders called `partition` and have the names of the whole images.
        pictures = InAnyFolder(file.parent, workspace=context.workspace, other_than="partition")
        self.source = Table(files=(file,), root=file.parent, pictures=pictures).with_media(options.media)
        shares = Shares(seed=options.split_seed, validation=options.validation_share, test=options.test_share)
        self._official = options.split_by == "official"
        self._rows: ByKey | ByNumber
        if options.split_by == "group":
            # By image, in the same way for all six tasks: no image is learnt in one and tested in another.
            self._rows = ByKey(source=self.source, key=lambda row: row["filename"].name(), shares=shares)
        elif options.split_by == "row":
            # The paper states counts (4,839 / 605 / 605) and no rule. This gives its counts, and images leak as they
            # may there.
            self._rows = ByNumber(source=self.source, sides=partial(sides_of_rows, shares=shares))
        else:
            self._rows = ByNumber(source=self.source, sides=sides_of_agin)

    def rows(self, split: str) -> Iterator[Row]:
        # The authors' loader cuts in two. An empty validation would look like a data set that lost its rows.
        if self._official and split == "validation":
            raise UserError(
                f"task {self._name}: AGIN's official split has no validation; write `validation: null` in the recipe, "
                "or `split_by: group`"
            )
        return self._rows.rows(split)


class AginTask(ThresholdTask):
    """One dimension of AGIN as yes or no."""

    protocol = BINARY

    def __init__(self, options: say.Agin, context: Context, *, dimension: str) -> None:
        """Find the table; nothing is read yet.

        Raises:
            UserError: There is no such table.
        """
        self._table = _Table(options, context, dimension)
        looks, at = _LOOK_AT[dimension]
        super().__init__(options, context, sources={"all": self._table.source})
        self.frame = PromptFrame(
            opening=_OPENING, closing=f"Does the image {looks}? Look at {at}. The answer is yes or no."
        )

    def rows(self, split: str) -> Iterator[Row]:
        """Stream the rows of a split.

        Raises:
            UserError: There is no such split, or the data cannot be read.
        """
        return self._table.rows(split)

    def value(self, row: Row) -> float:
        """The mean opinion score.

        Raises:
            DataError: It is missing or no number.
        """
        return row[self._table.column].number()

    def items_of(self, row: Row, split: str) -> Iterator[Item]:
        """The item of a row; none in the middle that is left out.

        Raises:
            DataError: A column is missing or does not fit.
        """
        # All cells are read before a row is left out, so that a broken row is found even in the middle.
        gold, name, image = self.gold(row), row["filename"].name(), row["filename"].image()
        if gold is None:
            return
        tags = {"series": series(name), "mos": f"{self.value(row):g}"}
        yield Item(id=name, group=name, space=YES_NO, gold=gold, question=(image,), tags=tags)


class AginMosTask(PointwiseTask):
    """One dimension of AGIN as opinion scores."""

    protocol = OPINION

    def __init__(self, options: say.AginMos, context: Context, *, dimension: str) -> None:
        """Find the table; nothing is read yet.

        Raises:
            UserError: There is no such table.
        """
        self._table = _Table(options, context, dimension)
        # A mean of 30 people lies between whole numbers: step 0 allows any number.
        self._space = Score(options.low, options.high, 0)
        looks, at = _LOOK_AT[dimension]
        super().__init__(options, context, sources={"all": self._table.source})
        self.frame = PromptFrame(
            opening=_OPENING,
            closing=(
                f"How much does the image {looks}? Look at {at}. Give the mean of what many people would say, from "
                f"{options.low:g} (not at all) to {options.high:g} (fully); any number in between will do."
            ),
        )

    def rows(self, split: str) -> Iterator[Row]:
        """Stream the rows of a split.

        Raises:
            UserError: There is no such split, or the data cannot be read.
        """
        return self._table.rows(split)

    def items_of(self, row: Row, split: str) -> Iterator[Item]:
        """The item of a row.

        Raises:
            DataError: A column is missing or does not fit.
        """
        fix = "fix the row, or write the scale of your copy as `with: {low: ..., high: ...}`"
        gold = number_between(row[self._table.column], low=self._space.low, high=self._space.high, fix=fix)
        name = row["filename"].name()
        question = (row["filename"].image(),)
        yield Item(id=name, group=name, space=self._space, gold=gold, question=question, tags={"series": series(name)})


def series(name: str) -> str:
    """A file name without its number and ending: `CoCosNet_23.png` is of `CoCosNet`."""
    # AGIN has no column for the model. File names seem to begin with it.
    stem = name.rpartition("/")[2].rpartition(".")[0] or name
    return re.sub(r"[_-]?[0-9]+$", "", stem) or stem


def nat(options: say.Agin | None, context: Context) -> AginTask:
    """The factory of `mtrl/agin-nat`."""
    return AginTask(options or say.Agin(), context, dimension="nat")


def tech(options: say.Agin | None, context: Context) -> AginTask:
    """The factory of `mtrl/agin-tech`."""
    return AginTask(options or say.Agin(), context, dimension="tech")


def rat(options: say.Agin | None, context: Context) -> AginTask:
    """The factory of `mtrl/agin-rat`."""
    return AginTask(options or say.Agin(), context, dimension="rat")


def nat_mos(options: say.AginMos | None, context: Context) -> AginMosTask:
    """The factory of `mtrl/agin-nat-mos`."""
    return AginMosTask(options or say.AginMos(), context, dimension="nat")


def tech_mos(options: say.AginMos | None, context: Context) -> AginMosTask:
    """The factory of `mtrl/agin-tech-mos`."""
    return AginMosTask(options or say.AginMos(), context, dimension="tech")


def rat_mos(options: say.AginMos | None, context: Context) -> AginMosTask:
    """The factory of `mtrl/agin-rat-mos`."""
    return AginMosTask(options or say.AginMos(), context, dimension="rat")


def example(folder: Path) -> None:
    """Two images in each split, one with high and one with low scores."""
    numbers = of_each_split("CoCosNet_{}.png".format)
    rows = [
        {"filename": f"CoCosNet_{number}.png", "MOS_nat": nat, "MOS_tech": tech, "MOS_rat": rat}
        for number, (nat, tech, rat) in zip(numbers, [(4.125, 3.9, 4.4), (1.75, 2.6, 1.2)] * 3, strict=True)
    ]
    write_table(folder / "AGIN.csv", rows)
    (folder / "images").mkdir()
    for number in numbers:
        (folder / "images" / f"CoCosNet_{number}.png").write_bytes(make_picture(number))

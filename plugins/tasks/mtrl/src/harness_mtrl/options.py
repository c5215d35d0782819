"""The options of the tasks: what a manifest may say under `with:`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator

from harness.api.data import Media

Share = Annotated[float, Field(gt=0, lt=1)]
"""A part of the rows or of the images."""

MEDIAN: Literal["median-of-train"] = "median-of-train"
"""The threshold that is the median of the split `train`."""


class Common(BaseModel):
    """What all options have in common."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    media: Media = None


class Validation(Common):
    """How a validation split is made."""

    split_seed: int = Field(default=0, ge=0, description="Seed of the split.")
    # A tenth, as in the paper's counts: 605 of 6,049 and 693 of 6,930.
    validation_share: Share = Field(default=0.1, description="Share of validation.")


class Splitting(Validation):
    """How a table without official splits is split."""

    test_share: Share = Field(default=0.1, description="Share of test.")

    @model_validator(mode="after")
    def _something_is_left(self) -> Splitting:
        if self.validation_share + self.test_share >= 1:
            raise ValueError("validation_share and test_share leave nothing for train; their sum must be below 1")
        return self


class Binary(Common):
    """How a number becomes yes or no."""

    threshold: FiniteFloat | Literal["median-of-train"] = Field(
        default=MEDIAN, description="The gold is yes from this value on; or the median of the train split."
    )
    drop_middle: tuple[FiniteFloat, FiniteFloat] | None = Field(
        default=None, description="Rows from the first to the second value, both included, are left out of all splits."
    )

    @model_validator(mode="after")
    def _middle_is_around_the_threshold(self) -> Binary:
        if self.drop_middle is not None:
            low, high = self.drop_middle
            if low > high:
                raise ValueError(f"drop_middle must be [low, high], got [{low:g}, {high:g}]")
            # The median is not known yet. A number is: a middle beside it would leave out one class only.
            if self.threshold != MEDIAN and not low <= float(self.threshold) <= high:
                raise ValueError(f"drop_middle [{low:g}, {high:g}] must be around the threshold {self.threshold:g}")
        return self


class SeeTrue(Splitting):
    """Options of `mtrl/seetrue`."""

    split_by: Literal["group", "row", "official"] = Field(
        default="group",
        description="group: all rows of an image on one side. row: each row by itself, as in the paper's counts, and "
        "images leak. official: every row is test.",
    )
    # Closed by default, as the terms that everyone with access agreed to say so.
    allow_training: bool = Field(
        default=False, description="Open train and validation, although SeeTRUE's terms say that it is a test set."
    )


class UnsafeBench(Validation):
    """Options of `mtrl/unsafebench`."""

    split_by: Literal["group", "row"] = Field(
        default="group",
        description="How validation is taken from the official train. group: all copies of an image on one side. row: "
        "each row by itself, as in the paper's counts.",
    )


class ImageReward(Binary):
    """Options of `mtrl/imagereward`."""

    threshold: FiniteFloat | Literal["median-of-train"] = Field(
        default=5.0, description="The gold is yes from this rating on; or the median of the train split."
    )
    rating: Literal["overall_rating", "image_text_alignment_rating", "fidelity_rating"] = Field(
        default="overall_rating", description="The column with the rating, from 1 to 7."
    )
    scale: Literal["1k", "2k", "4k", "8k"] = Field(
        default="1k",
        description="How many prompts of train, as in the official configurations: the images of the first 4, 8, 16 or "
        "all 32 archives. On the hub, the configuration.",
    )


class AginMos(Splitting):
    """Options of `mtrl/agin-*-mos`."""

    split_by: Literal["group", "row", "official"] = Field(
        default="group",
        description="group: by a hash of the file name. row: a permutation of the rows, as in the paper's counts. "
        "official: 70 % train, 30 % test, as in the loader of AGIN; no validation.",
    )
    low: FiniteFloat = Field(default=1.0, description="Lowest opinion score.")
    high: FiniteFloat = Field(default=5.0, description="Highest opinion score.")

    @model_validator(mode="after")
    def _low_is_below_high(self) -> AginMos:
        if self.low >= self.high:
            raise ValueError(f"low must be below high, got {self.low:g} and {self.high:g}")
        return self


class Agin(Splitting, Binary):
    """Options of `mtrl/agin-*`."""

    split_by: Literal["group", "row", "official"] = Field(
        default="group",
        description="group: by a hash of the file name. row: a permutation of the rows, as in the paper's counts. "
        "official: 70 % train, 30 % test, as in the loader of AGIN; no validation.",
    )

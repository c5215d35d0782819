"""What a manifest may set on the miniature tasks."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Options(BaseModel):
    """Options of every miniature task."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    items: int = Field(default=600, ge=1, le=1_000_000, description="Items in the test split, and in validation.")
    seed: int = Field(default=0, ge=0, le=2**32 - 1, description="Seed of the scenes; the splits never depend on it.")
    size: int = Field(default=64, ge=32, le=512, description="Width and height of every picture, in pixels.")

    def count(self, split: str) -> int:
        """Number of items in a split."""
        return self.items


class TrainableOptions(Options):
    """Options of the tasks that have a train split."""

    train_items: int = Field(default=2000, ge=1, le=1_000_000, description="Items in the train split.")

    def count(self, split: str) -> int:
        """Number of items in a split."""
        return self.train_items if split == "train" else self.items

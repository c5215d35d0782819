"""A judge's recipe on its way to a model: resolved, then planned, then trained."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol


class ResolvedRecipe(Protocol):
    """A recipe without a mistake."""

    @property
    def hash(self) -> str:
        """Changes whenever what it asks for changes: 12 hexadecimal digits."""

    @property
    def content(self) -> Mapping[str, Any]:
        """The recipe as plain data, complete and runnable again."""


class PlannedTraining(Protocol):
    """A recipe whose training is planned: its checkpoint folder is named, and nothing is trained yet."""

    @property
    def name(self) -> str:
        """Name of the recipe."""

    @property
    def folder(self) -> Path:
        """The checkpoint folder."""

    @property
    def model(self) -> Path:
        """Where the trained model is, or will be: an absolute path that a judge opens."""

    @property
    def is_trained(self) -> bool:
        """Whether it is trained already."""

    def train(self) -> None:
        """Train it, or go on where an earlier attempt stopped.

        Raises:
            UserError: It cannot be trained. What was done is kept.
        """

"""What the card of a task says of its benchmark, for docs, for `harness data`, and for checks. No run needs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a task's data, for its page in the docs and for the checks of its schema."""

    name: str
    """As the data spell it."""
    kind: Literal["text", "word", "label", "number", "count", "flag", "image", "list", "object"]
    """Type of a cell. In the order above: text, text or a number, one of a few known labels, a finite number, a whole
    number from 0, a truth value, a picture, a list, an object."""
    meaning: str
    """Meaning of the column, with the meaning of each label."""
    optional: bool = False
    """Whether rows can do without it."""
    subsets: tuple[str, ...] = ()
    """The subsets that have it; all by default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """Where the data of a task are, for `harness data`. What is not known stays at its default, and is never guessed.

    The licence is that of the card.
    """

    hub: str = ""
    """`ORG/NAME` of a data set on the Hugging Face hub, which `harness data` fetches."""
    revision: str = ""
    """Commit or tag of it. By default the newest commit, which is then kept in the folder."""
    files: tuple[str, ...] = ()
    """Patterns of the files that the task reads, such as `data/test-*.parquet`; `*` stands for any text, with slashes.
    By default all files."""
    git: str = ""
    """Address of a git repository with the data."""
    page: str = ""
    """Web page where the data are. For data that are on no hub and in no git repository."""
    afterwards: str = ""
    """What is left to do by hand before the task can read the folder, such as unpacking."""
    gated: bool | None = None
    """Whether one has to ask for access. `None` where that is not known."""
    rows: int | None = None
    """Items of the split `test`, of all subsets together."""
    bytes: int | None = None
    """Size of the files that the task reads. The hub is asked for it before a download anyway."""

    @property
    def place(self) -> str:
        """Where the data are, as an address. Empty where that is not known."""
        return f"https://huggingface.co/datasets/{self.hub}" if self.hub else self.git or self.page


OfficialPart: TypeAlias = Literal["prompt", "order", "format", "metric"]
"""A part of a benchmark that is its authors' own: the words around the candidates, the rule by which candidates are
ordered (seeds may differ), how answers are read, how they are scored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """How close the scores come to published ones, for the answers that the authors recorded."""

    items: int
    """Items that were scored."""
    judges: int
    """Recorded judges."""
    values: int
    """Published values that were compared."""
    difference: float
    """Largest difference, in points of a percentage. Less than 0.005 is rounding to two decimals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownResult:
    """A published score of a judge."""

    judge: str
    """Its name, as it was published."""
    value: float
    """The score, as it was published."""
    metric: str
    """Its metric, with its unit: `accuracy, %`."""
    source: str
    """Where it was published."""
    subset: str = ""
    """The subset that it is of. Empty for all."""

"""What verifying a bundle or a run comes to: each row of its board, and whether it holds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from harness.bundle.differences import Difference

SCHEMA = "judge-harness/verification/1"
"""Name and version of what `harness verify --json` prints."""

State = Literal["holds", "differs", "not computed"]
"""What became of a row: all its numbers are what was computed here; some are not; or a plugin for it is missing."""

HOLD, DIFFER, NOT_COMPUTED, NOT_SIGNED = 0, 3, 4, 5
"""Exit codes of `harness verify`. A file that is no bundle is a mistake of the input, 2."""


@dataclass(frozen=True, kw_only=True)
class RowCheck:
    """One row of the recorded board."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"use_attribute_docstrings": True}

    task: str
    """Name of the task; empty on the rows of a suite."""
    category: str
    """The category, on a board of categories."""
    suite: str
    """The suite, on the rows of a suite."""
    judge: str
    """Name of the judge."""
    state: State
    """Whether the row holds."""
    problems: tuple[str, ...] = ()
    """Why not, in words, without the differences."""
    differences: tuple[Difference, ...] = ()
    """Numbers that are recorded otherwise than they were computed."""
    more_differences: int = 0
    """How many more there are than are listed."""
    notes: tuple[str, ...] = ()
    """What a reader should know of a row that holds."""

    @property
    def title(self) -> str:
        """The row in words."""
        block = self.suite if not self.task else f"{self.task} · {self.category}" if self.category else self.task
        return f"{block} · {self.judge}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What is known of the signature of a bundle."""

    state: Literal["none", "unchecked", "unknown key", "signed", "bad"]
    """There is none; it could not be checked here; it is good, by a key that is not among those trusted; it is good and
    trusted; or it does not belong to the file."""
    signer: str = ""
    """Who has signed: the principals of the key in the file of signers."""
    key: str = ""
    """Fingerprint of the key, `SHA256:...`."""
    problem: str = ""
    """What is wrong with it, or why it was not checked."""


@dataclass(frozen=True, kw_only=True)
class Verification:
    """A bundle or a run folder, verified."""

    path: Path
    """What was given."""
    name: str
    """Name of the run."""
    root: str
    """Hash over the whole bundle, in hexadecimal digits."""
    recorded_by: str
    """Version of judge-harness that made the run; empty where it does not say."""
    verified_by: str
    """Version of judge-harness that computed the numbers here."""
    signature: Signature
    """What is known of the signature."""
    rows: tuple[RowCheck, ...]
    """Every row of the recorded board, and rows that are missing there."""
    problems: tuple[str, ...] = ()
    """What is wrong with the board as a whole."""
    notes: tuple[str, ...] = ()
    """What could not be checked, and how it could be."""
    read: int = 0
    """Answers whose text was read again."""
    given: int = 0
    """Verdicts that come from no text."""

    @property
    def holds(self) -> bool:
        """Whether every row holds, and the board as a whole."""
        return not self.problems and all(row.state == "holds" for row in self.rows)

    @property
    def differs(self) -> bool:
        """Whether anything is not what was computed."""
        return bool(self.problems) or any(row.state == "differs" for row in self.rows)

    @property
    def exit_code(self) -> int:
        """As `harness verify` ends, the signature left out unless it is bad."""
        if self.differs:
            return DIFFER
        if self.signature.state == "bad":
            return NOT_SIGNED
        return HOLD if self.holds else NOT_COMPUTED

    def to_json(self) -> dict[str, Any]:
        """All of it as plain data."""
        from pydantic import TypeAdapter

        plain = TypeAdapter(Verification).dump_python(self, mode="json")
        return {"schema": SCHEMA, **plain, "path": str(self.path), "holds": self.holds}

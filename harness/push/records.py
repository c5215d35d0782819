"""What is pushed, and where to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["dataset", "space"]
"""Kind of a repository. A static Space shows the report as a page."""

Part: TypeAlias = Literal["report", "bundle"]
"""What of a run is pushed."""


@dataclass(frozen=True, kw_only=True)
class PushFile:
    """One file."""

    name: str
    """Its path in the repository."""
    content: bytes
    """What it holds."""


@dataclass(frozen=True, kw_only=True)
class HubTarget:
    """A repository of a hub."""

    name: str
    """`OWNER/NAME`."""
    kind: Kind
    """Its kind."""
    public: bool
    """Whether everybody may read it."""
    timeout_s: float
    """Seconds without a byte from the hub after which it is given up."""


@dataclass(frozen=True, kw_only=True)
class Pushed:
    """What came out."""

    url: str
    """Address of the repository."""
    commit: str
    """The commit that has the files."""
    changed: bool
    """Whether there was anything to commit."""

"""Several processes of one launch: what torchrun and accelerate say of them in the environment."""

from __future__ import annotations

import os
from typing import NamedTuple

from harness.api._errors import UserError


class Launch(NamedTuple):
    """The place of this process among those that train together."""

    rank: int
    """0 for the first one, which alone writes and talks to people."""
    processes: int
    """How many there are; 1 without a launcher."""


def read_launch() -> Launch:
    """Read `WORLD_SIZE` and `RANK`. A process that is alone is the first one, and its `RANK` is not looked at.

    Raises:
        UserError: They are no numbers, or the rank is none of those that there are.
    """
    # Empty in some batch systems.
    processes = _read_number("WORLD_SIZE", empty=1)
    if processes <= 1:
        return Launch(0, 1)
    rank = _read_number("RANK", empty=-1)
    if not 0 <= rank < processes:
        said = os.environ.get("RANK", "")
        raise UserError(
            f"environment: WORLD_SIZE is {processes}, and RANK is {said!r}, which is none of 0 to {processes - 1}; "
            "start with torchrun or accelerate launch, or unset WORLD_SIZE"
        )
    return Launch(rank, processes)


def _read_number(name: str, *, empty: int) -> int:
    said = os.environ.get(name, "").strip()
    if not said:
        return empty
    # More than nine digits are no number of processes, and `int` takes signs and other scripts.
    if not (said.isascii() and said.isdigit() and len(said) < 10):
        raise UserError(f"environment: {name} is {said!r}, which is no number of processes; unset it")
    return int(said)

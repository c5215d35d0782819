"""Folders that are there whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.api.files import put_in_place


def replace_folder(folder: Path, write: Callable[[Path], Any]) -> None:
    """Write a folder and put it in the place of an older one, which stays whole until then."""
    temporary = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    write(temporary)
    put_folder(temporary, folder)


def put_folder(ready: Path, folder: Path) -> None:
    """Move a folder to where another may be, which it replaces."""
    aside = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(aside, ignore_errors=True)
    # Two renames: a folder cannot be renamed onto one that is not empty.
    if folder.exists():
        folder.rename(aside)
    put_in_place(ready, folder)
    shutil.rmtree(aside, ignore_errors=True)


def keep_last(ready: Path, steps: Path, *, step: int, most: int) -> None:
    """Copy a model folder to `steps/step-00000050`, and remove the oldest ones there beyond `most`."""
    if not most:
        return
    replace_folder(steps / f"step-{step:08d}", lambda place: shutil.copytree(ready, place, dirs_exist_ok=True))
    for older in sorted(steps.glob("step-*"))[:-most]:
        shutil.rmtree(older)

"""The Python files of a plugin, to notice that it was edited: a version says that of installed releases alone.

Nothing is imported for it. Not for what a plugin imports from other distributions: those have versions.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import fields
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.candidates import PluginRow


def digest_sources(rows: Sequence[PluginRow]) -> list[str]:
    """Hash of the Python files of each plugin: its package, and the modules that its cards name. 16 hex digits."""
    return [_digest(row) for row in rows]


def _digest(row: PluginRow) -> str:
    sha = hashlib.sha256()
    for path in sorted(_list_files(row)):
        try:
            # An installed package has hundreds of files. Size and time stand for their content, as in make and rsync.
            stat = os.stat(path)
            state = Path(path).read_bytes() if row.given else f"{stat.st_size} {stat.st_mtime_ns}".encode()
        except OSError:  # gone in the meantime, which is a change too
            state = b""
        sha.update(f"{path}:{hashlib.sha256(state).hexdigest()}\n".encode("utf-8", "surrogateescape"))
    return sha.hexdigest()[:16]


def _list_files(row: PluginRow) -> set[str]:
    """Paths as text: every run makes this list, and a set of a thousand `Path` costs more than their files' state."""
    file = Path(row.distribution)
    found: set[str] = set()
    if row.given and file.suffix == ".py":
        whole = file.resolve()
        # What it imports from beside it belongs to it, as no distribution does.
        found = {str(whole), *_list_loaded(str(whole.parent))}
    for name in set(_list_packages(row)):
        found |= set(_files_of(name))
    return found


def _list_loaded(folder: str) -> set[str]:
    """Files of this folder that are imported. Compared as text: there may be thousands of modules."""
    places = {str(place) for module in [*sys.modules.values()] if (place := getattr(module, "__file__", None))}
    return {place for place in places if os.path.dirname(place) == folder}


def _list_packages(row: PluginRow) -> Iterator[str]:
    """Names of the packages of a plugin's module and of what its cards name."""
    if not row.given:
        yield row.module.partition(".")[0]
    elif not row.distribution.endswith(".py"):
        yield row.distribution.partition(".")[0]
    for card in row.cards:
        for field in fields(card):
            value = getattr(card, field.name)
            module, colon, _ = value.partition(":") if isinstance(value, str) else ("", "", "")
            if colon and module.replace(".", "").isidentifier():
                yield module.partition(".")[0]


def _files_of(name: str) -> Iterator[str]:
    try:
        spec = find_spec(name)
    except (ImportError, ValueError):  # a card names what is not there
        return
    if spec is None:
        return
    if spec.submodule_search_locations is not None:
        for place in spec.submodule_search_locations:
            for folder, _, names in os.walk(place):
                yield from (os.path.join(folder, file) for file in names if file.endswith(".py"))
    elif spec.origin is not None and spec.origin.endswith(".py"):
        yield spec.origin

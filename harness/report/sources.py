"""The Python files of a plugin, to notice that it was edited: a version says that of installed releases alone.

Nothing is imported for it. Not for what a plugin imports from other distributions: those have versions.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import fields
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.candidates import PluginRow


def digest_sources(rows: Sequence[PluginRow]) -> list[str]:
    """Hash of the Python files of each plugin: its package, and the modules that its cards name. 16 hex digits."""
    points: dict[str, list[str]] = {}
    for point in entry_points(group="harness"):  # once, as it reads the metadata of all that is installed
        points.setdefault(point.name, []).append(point.value.partition(":")[0])
    return [_digest(row, points.get(row.name, [])) for row in rows]


def _digest(row: PluginRow, modules: Sequence[str]) -> str:
    sha = hashlib.sha256()
    for path in sorted(_list_files(row, modules)):
        try:
            # An installed package has hundreds of files. Size and time stand for their content, as in make and rsync.
            stat = path.stat()
            state = path.read_bytes() if row.given else f"{stat.st_size} {stat.st_mtime_ns}".encode()
        except OSError:  # gone in the meantime, which is a change too
            state = b""
        sha.update(f"{path}:{hashlib.sha256(state).hexdigest()}\n".encode("utf-8", "surrogateescape"))
    return sha.hexdigest()[:16]


def _list_files(row: PluginRow, modules: Sequence[str]) -> set[Path]:
    file = Path(row.distribution)
    found: set[Path] = set()
    if row.given and file.suffix == ".py":
        whole = file.resolve()
        # What it imports from beside it belongs to it, as no distribution does.
        found = {whole, *_list_loaded(whole.parent)}
    for name in set(_list_packages(row, modules)):
        found |= set(_files_of(name))
    return found


def _list_loaded(folder: Path) -> set[Path]:
    """Files of this folder that are imported. Compared as text: there may be thousands of modules."""
    places = {str(place) for module in [*sys.modules.values()] if (place := getattr(module, "__file__", None))}
    return {Path(place) for place in places if os.path.dirname(place) == str(folder)}


def _list_packages(row: PluginRow, modules: Sequence[str]) -> Iterator[str]:
    """Names of the packages of a plugin's module and of what its cards name."""
    if not row.given:
        yield from (module.partition(".")[0] for module in modules)
    elif not row.distribution.endswith(".py"):
        yield row.distribution.partition(".")[0]
    for card in row.cards:
        for field in fields(card):
            value = getattr(card, field.name)
            module, colon, _ = value.partition(":") if isinstance(value, str) else ("", "", "")
            if colon and module.replace(".", "").isidentifier():
                yield module.partition(".")[0]


def _files_of(name: str) -> Iterator[Path]:
    try:
        spec = find_spec(name)
    except (ImportError, ValueError):  # a card names what is not there
        return
    if spec is None:
        return
    if spec.submodule_search_locations is not None:
        for folder in spec.submodule_search_locations:
            yield from Path(folder).rglob("*.py")
    elif spec.origin is not None and spec.origin.endswith(".py"):
        yield Path(spec.origin)

"""What may be a plugin, before anything of it is imported: entry points, and what stands after `--plugin`.

Loading them is `harness.discovery`.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType

from harness.api import Card, PluginError

GROUP = "harness"
"""The entry-point group."""

CORE = "harness"
"""Name of the core's own plugin. No other may have it."""


_OUTCOMES = {"broken": "broken", "conflict": "in conflict", "blocked": "left out", "replaced": "replaced"}
"""How a status reads after `plugin NAME is`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginRow:
    """One advertised plugin, and what became of it once that is decided."""

    name: str
    """Name of the entry point; first half of every id."""
    distribution: str
    """Name of the distribution, or the path of a file given with `--plugin`."""
    version: str
    """Version of the distribution."""
    module: str = ""
    """Dotted name of the module that an entry point names; empty of a file or module given with `--plugin`."""
    load: Callable[[], ModuleType] | None = field(default=None, repr=False, compare=False)
    """Imports the module."""
    given: bool = False
    """Whether it is a file or module given with `--plugin`, which has no version."""
    status: str = ""
    """`ok`, `broken`, `conflict`, `blocked` or `replaced` (by a file given with `--plugin`); empty while undecided."""
    problem: str = ""
    """Cause, when the status is not ok."""
    cards: tuple[Card, ...] = ()
    """What it offers."""
    hooks: tuple[str, ...] = ()
    """Names of the hooks that it implements."""
    cpu_ms: float = 0.0
    """Milliseconds of CPU that loading it took. What two plugins import counts for the first, by name."""
    wall_ms: float = 0.0
    """Milliseconds by the clock that loading it took."""

    @property
    def outcome(self) -> str:
        """What became of it, to follow `plugin NAME is`."""
        return f"{_OUTCOMES.get(self.status, self.status)}: {self.problem}"


def find_candidates(extra: Iterable[str]) -> list[PluginRow]:
    """All of them, by name and distribution.

    Args:
        extra: Python files or importable modules, as after `--plugin`.

    Raises:
        PluginError: A file is not there, or has the name of the core.
    """
    found = [_from_entry_point(point) for point in entry_points(group=GROUP)]
    # A file that is given twice, however it is written, is one plugin, and no conflict with itself.
    found += [_from_argument(argument) for argument in {os.path.abspath(name): name for name in extra}.values()]
    # The order on disk is the machine's own: sorted, the same plugins load in the same order everywhere.
    return sorted(found, key=lambda candidate: (candidate.name, candidate.distribution))


def normalize_name(name: str) -> str:
    """Distribution names compare by PEP 503."""
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


def why_in_conflict(rivals: Sequence[PluginRow]) -> str:
    """Why plugins of one name are all off."""
    number = "two" if len(rivals) == 2 else str(len(rivals))
    if rivals[0].given:
        each = " and ".join(rival.distribution for rival in rivals)
        return f"{number} files or modules given with --plugin have this name: {each}; rename or leave out one of them"
    each = " and ".join(f"{rival.distribution} {rival.version}" for rival in rivals)
    return f"{number} distributions have a plugin of this name: {each}; uninstall or block one of them"


def _from_entry_point(point: EntryPoint) -> PluginRow:
    # Once for both: each look at it parses the whole file.
    metadata = point.dist.metadata if point.dist is not None else {"Name": "?", "Version": "?"}
    return PluginRow(
        name=point.name,
        distribution=metadata["Name"],
        version=metadata["Version"],
        module=point.module,
        load=point.load,
    )


def _from_argument(argument: str) -> PluginRow:
    path = Path(argument)
    if path.suffix != ".py":
        name, load = argument.rpartition(".")[2], lambda: importlib.import_module(argument)
    elif not path.is_file():
        raise PluginError(f"--plugin {argument}: no such file")
    else:
        # The name is the first half of every id, so it is written with the letters that ids have.
        name, load = re.sub(r"[^a-z0-9._-]", "-", path.stem.lower()), lambda: _load_file(path)
    if name == CORE:
        raise PluginError(f"--plugin {argument}: the name {CORE!r} belongs to the core; rename the file or module")
    distribution = argument if path.suffix != ".py" else str(path)
    return PluginRow(name=name, distribution=distribution, version="-", load=load, given=True)


def _load_file(path: Path) -> ModuleType:
    name = f"harness_plugin_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise PluginError(f"--plugin {path}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pydantic look their module up by name
    spec.loader.exec_module(module)
    return module

"""The installed plugins, loaded once for the many calls of a test run.

Not for commands: a process of the harness loads plugins once anyway.
"""

from __future__ import annotations

import os
import sys
from functools import lru_cache

from harness.discovery import Plugins


def load_installed() -> Plugins:
    """What `Plugins.load()` gives. It is loaded again when a distribution comes or goes, or the environment changes.

    Raises:
        PluginError: As `Plugins.load`.
    """
    asked = tuple(os.environ.get(name, "") for name in ("HARNESS_DISABLE_PLUGINS", "HARNESS_STRICT_PLUGINS"))
    return _load(tuple((place, _time_of_change(place)) for place in sys.path), asked)


# Loading takes some 20 ms, most of it for reading the metadata of everything that is installed.
@lru_cache(maxsize=1)
def _load(places: tuple[tuple[str, int], ...], asked: tuple[str, ...]) -> Plugins:
    return Plugins.load()


def _time_of_change(place: str) -> int:
    """When a folder of the import path last got or lost an entry."""
    try:
        return os.stat(place or ".").st_mtime_ns
    except OSError:
        return 0

"""Manifests and recipes that come with plugins, by name. Not for reading them: `load` does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness.api import ManifestCard, PluginError
from harness.libraries.config import is_name

if TYPE_CHECKING:
    from harness.discovery import Plugins


def locate(given: Path, plugins: Plugins) -> Path:
    """The file that a path or the name of a shipped manifest means. A file that exists wins over a name.

    A path with the ending of a YAML file is left as it is: what is wrong with it, its reader says.

    Raises:
        PluginError: There is no such file, and no manifest of this name.
    """
    if not is_name(given.name) or given.is_file():
        return given
    try:
        return find_shipped(given.as_posix(), plugins)
    except PluginError as error:
        raise PluginError(f"there is no file {str(given)!r}, and {error}") from error


def find_shipped(name: str, plugins: Plugins) -> Path:
    """The file of a shipped manifest or recipe.

    Args:
        name: `plugin/name`, or a bare name while it is unique.
        plugins: The installed plugins.

    Raises:
        PluginError: Unknown (with near misses), ambiguous, or of a plugin that did not load.
    """
    card = plugins.find("manifest", name).card
    assert isinstance(card, ManifestCard)
    return card.path

"""What is wrong with a manifest or recipe, as an error of the harness."""

from __future__ import annotations

from harness.api import ManifestError
from harness.libraries import config


class InvalidManifestError(config.ConfigError, ManifestError):
    """A manifest with problems. `str()` lists them all, sorted by position."""


class ManifestProblems(config.Problems):
    """Collects problems while a manifest is read, and raises them as an `InvalidManifestError`."""

    error = InvalidManifestError

"""The pytest plugin of the harness: fixtures for tests of plugins. pytest finds it where `judge-harness` is installed.

Light, since every pytest of the environment imports it: what it needs is imported when a test asks for it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from harness.testing import ManifestRunner


@pytest.fixture
def run_manifest(tmp_path: Path) -> ManifestRunner:
    """Runs a manifest in `tmp_path`: `run_manifest("mine/example").leaderboard`."""
    from harness.testing import ManifestRunner

    return ManifestRunner(tmp_path)

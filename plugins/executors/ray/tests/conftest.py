"""Ray is no part of the README's install, so that the tests that need it skip without it, with the reason."""

from __future__ import annotations

import sys
from pathlib import Path

# Where the plugin is not installed, its modules that need no ray can still be tested.
sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

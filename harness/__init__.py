"""A plugin-based benchmark harness for multimodal LLM-as-a-judge models.

Plugin authors import `harness.api` and nothing else. Importing this package costs nothing: no plugin is
looked up, and nothing heavy is loaded, until a command asks for it.
"""

from __future__ import annotations

__version__ = "0.1.0"

DISTRIBUTION = "judge-harness"
"""Name of the distribution. An unrelated one on the package index may overwrite this package with its own `harness`."""

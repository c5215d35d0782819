"""A plugin-based benchmark harness for multimodal LLM-as-a-judge models.

Plugin authors import `harness.api` and nothing else. Importing this package costs nothing. Plugins are only searched,
and heavy libraries only loaded, when a command needs them.
"""

from __future__ import annotations

__version__ = "0.1.0"

DISTRIBUTION = "judge-harness"
"""Name of the distribution. An unrelated one on the package index may overwrite this package with its own `harness`."""

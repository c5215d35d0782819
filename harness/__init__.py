"""A plugin-based benchmark harness for multimodal LLM-as-a-judge models.

`harness.run`, `harness.load` and `harness.train` are the library, for notebooks and scripts. Plugin authors import
`harness.api` and nothing else. Importing this package costs nothing: plugins are only searched, and heavy libraries
only loaded, when something needs them.
"""

from __future__ import annotations

from harness.libraries.lazy import find_lazily

__version__ = "0.1.0"

DISTRIBUTION = "judge-harness"
"""Name of the distribution. An unrelated one on the package index may overwrite this package with its own `harness`."""

__all__ = ["DISTRIBUTION", "UserError", "__version__", "load", "run", "train"]

_PLACES = {"load": "harness.library", "run": "harness.library", "train": "harness.library", "UserError": "harness.api"}
"""Where the names are that are imported when they are wanted. `__init__.pyi` has their types."""

__getattr__ = find_lazily(__name__, _PLACES)


def __dir__() -> list[str]:
    return sorted({*globals(), *_PLACES})

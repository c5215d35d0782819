"""A plugin-based benchmark harness for multimodal LLM-as-a-judge models.

`harness.run`, `harness.load` and `harness.train` are the library, for notebooks and scripts. Plugin authors import
`harness.api` and nothing else. Importing this package costs nothing: plugins are only searched, and heavy libraries
only loaded, when something needs them.
"""

from __future__ import annotations

__version__ = "0.1.0"

DISTRIBUTION = "judge-harness"
"""Name of the distribution. An unrelated one on the package index may overwrite this package with its own `harness`."""

__all__ = ["DISTRIBUTION", "UserError", "__version__", "load", "run", "train"]

_PLACES = {"load": "harness.library", "run": "harness.library", "train": "harness.library", "UserError": "harness.api"}
"""Where the names are that are imported when they are wanted. `__init__.pyi` has their types."""


# Not by `harness.libraries.lazy`: pytest loads this package in each of its processes, and it brings nothing else.
def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"module 'harness' has no attribute {name!r}")
    import importlib

    found: object = getattr(importlib.import_module(_PLACES[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_PLACES})

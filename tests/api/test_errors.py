from __future__ import annotations

import re

from harness.api import _errors
from harness.api._errors import HarnessError


def tree(root: type[BaseException], depth: int = 0) -> list[tuple[int, str]]:
    branches = [one for one in root.__subclasses__() if one.__module__ == _errors.__name__]
    return [(depth, root.__name__), *(line for branch in branches for line in tree(branch, depth + 1))]


def test_the_tree_in_the_docstring_is_the_tree_of_the_classes() -> None:
    drawn = [
        (len(match[1]) // 4, match[2])
        for match in re.finditer(r"^    ([ │├└─]*)(\w+Error)\b", _errors.__doc__ or "", re.MULTILINE)
    ]
    assert drawn == tree(HarnessError)


def test_every_error_is_public() -> None:
    import harness.api

    assert {name for _, name in tree(HarnessError)} <= set(harness.api.__all__)

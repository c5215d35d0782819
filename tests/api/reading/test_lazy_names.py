"""The package brings its names, and imports what they need when they are used first."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from harness.api import reading


def test_each_name_is_where_it_is_looked_for() -> None:
    source = Path(str(reading.__file__)).read_text(encoding="utf-8")
    named = {
        alias.name: "." + str(node.module).rpartition(".")[2]
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("harness.api.reading.")
        for alias in node.names
    }
    assert named == reading._PLACES
    assert sorted(named) == sorted(reading.__all__)
    for name in named:
        assert getattr(reading, name) is not None
        assert name in dir(reading)
    with pytest.raises(AttributeError, match="resolve_mark'"):
        reading.resolve_mark  # type: ignore[attr-defined]  # noqa: B018


def test_importing_the_api_makes_no_pattern_that_answers_are_read_with() -> None:
    code = (
        "import sys, harness.api; "
        "print([name for name in ('_binding', '_denial', '_exact', '_headings', '_plain', '_reason', '_taken_back') "
        "if f'harness.api.reading.{name}' in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"

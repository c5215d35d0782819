"""The pages that walk through the code name modules, records and tables that exist."""

from __future__ import annotations

import pkgutil
import re
from pathlib import Path
from types import ModuleType

import pytest

PAGES = ("explanation/architecture.md", *(f"decisions/{path.name}" for path in Path("docs/decisions").glob("*.md")))
_NAME = re.compile(r"`(harness(?:\.\w+)+)`")


@pytest.mark.parametrize("page", PAGES)
def test_every_name_of_the_code_exists(page: str, root: Path) -> None:
    for name in _NAME.findall((root / "docs" / page).read_text(encoding="utf-8")):
        found = pkgutil.resolve_name(name)
        assert found is not None, name


def test_the_architecture_follows_the_whole_line(root: Path) -> None:
    names = _NAME.findall((root / "docs" / "explanation" / "architecture.md").read_text(encoding="utf-8"))
    parts = {name.split(".")[1] for name in names if name.count(".") > 1}
    assert parts >= {"manifest", "run", "score", "report", "api"}


def test_the_tables_of_the_journal_exist(root: Path, generate: ModuleType) -> None:
    text = (root / "docs" / "explanation" / "architecture.md").read_text(encoding="utf-8")
    tables = re.findall(r"`(\w+)`", " ".join(re.findall(r"tables? ((?:`\w+`(?:, | and )?)+)", text)))
    assert len(tables) >= 4
    assert set(tables) <= set(generate.journal_tables())

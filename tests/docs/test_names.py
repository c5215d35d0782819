"""The pages that walk through the code name modules, records and tables that exist."""

from __future__ import annotations

import pkgutil
import re
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
WALK = DOCS / "explanation" / "architecture.md"
DECISIONS = sorted((DOCS / "decisions").glob("*.md"))
_NAME = re.compile(r"`(harness(?:\.\w+)+)`")


@pytest.mark.parametrize("page", [WALK, *DECISIONS], ids=lambda page: page.stem)
def test_every_name_of_the_code_exists(page: Path) -> None:
    for name in _NAME.findall(page.read_text(encoding="utf-8")):
        pkgutil.resolve_name(name)  # raises for a name that is not there


def test_the_architecture_follows_the_whole_line() -> None:
    names = _NAME.findall(WALK.read_text(encoding="utf-8"))
    parts = {name.split(".")[1] for name in names if name.count(".") > 1}
    assert parts >= {"manifest", "runner", "score", "report", "api"}


def test_the_tables_of_the_journal_exist(generate: ModuleType) -> None:
    text = WALK.read_text(encoding="utf-8")
    tables = re.findall(r"`(\w+)`", " ".join(re.findall(r"tables? ((?:`\w+`(?:, | and )?)+)", text)))
    assert len(tables) >= 4
    assert set(tables) <= set(generate.journal_tables())

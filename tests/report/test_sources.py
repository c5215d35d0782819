"""A plugin that was edited has another digest, wherever its code lies."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.candidates import PluginRow
from harness.discovery import Plugins
from harness.report.sources import digest_sources

PLUGIN = """
from harness.api import MetricCard, hookimpl
@hookimpl
def harness_metrics():
    return [MetricCard(name="m", summary="s", factory={factory!r}, api_version=1)]
"""


@pytest.fixture
def digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    names = set(sys.modules)

    def read(given: str) -> str:
        plugins = Plugins.load(extra=[given])
        (row,) = [row for row in plugins.rows if row.given]
        assert row.status == "ok", row.problem
        found = dict(zip((row.name for row in plugins.rows), digest_sources(plugins.rows), strict=True))[row.name]
        for name in set(sys.modules) - names:  # as in another process
            if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
                del sys.modules[name]
        return found

    return read


@pytest.mark.parametrize(
    ("given", "files"),
    [
        ("mine.py", ["mine.py", "heavy.py", "beside.py"]),
        ("mine", ["mine.py", "heavy.py"]),
        ("package.plugin", ["package/plugin.py", "package/__init__.py", "package/parts/deep.py"]),
    ],
)
def test_each_file_counts(given: str, files: list[str], tmp_path: Path, digest: Callable[[str], str]) -> None:
    (tmp_path / "package/parts").mkdir(parents=True)
    for name in ("heavy.py", "beside.py", "unused.py", "package/__init__.py", "package/parts/deep.py"):
        (tmp_path / name).write_text("x = 1\n")
    (tmp_path / "mine.py").write_text("import beside\n" + PLUGIN.format(factory="heavy:make"))
    (tmp_path / "package/plugin.py").write_text(PLUGIN.format(factory="package.parts.deep:make"))
    before = digest(given)
    assert digest(given) == before
    (tmp_path / "unused.py").write_text("x = 2\n")
    (tmp_path / "package/data.json").write_text("{}")
    assert digest(given) == before
    for name in files:
        (tmp_path / name).write_text((tmp_path / name).read_text() + "# edited\n")
        after = digest(given)
        assert after != before, name
        before = after


def test_files_of_an_installed_package_count_by_size_and_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    deep = tmp_path / "installed_package" / "parts" / "deep.py"
    deep.parent.mkdir(parents=True)
    (tmp_path / "installed_package" / "__init__.py").touch()
    (tmp_path / "installed_package" / "data.json").touch()
    deep.write_text("x = 1\n")
    row = PluginRow(name="mine", distribution="mine", version="1", module="installed_package.plugin")
    before = digest_sources([row])
    (tmp_path / "installed_package" / "data.json").write_text("{}")
    assert digest_sources([row]) == before
    deep.write_text("x = 12\n")
    assert digest_sources([row]) != before

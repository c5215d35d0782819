from __future__ import annotations

from pathlib import Path

import pytest

from harness.testing._installed import load_installed


def install(folder: Path, name: str) -> None:
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[harness]\n{name} = not_there\n")


def test_plugins_are_loaded_once_and_again_when_something_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    first = load_installed()
    assert load_installed() is first
    install(tmp_path, "newcomer")
    assert "newcomer" in {row.name for row in load_installed().rows}
    monkeypatch.setenv("HARNESS_DISABLE_PLUGINS", "newcomer")
    assert {row.status for row in load_installed().rows if row.name == "newcomer"} == {"blocked"}

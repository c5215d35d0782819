"""Distributions that share the package `harness`, as pip leaves them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from base64 import urlsafe_b64encode
from hashlib import sha256
from importlib.metadata import PathDistribution
from pathlib import Path

import pytest

import harness
from harness.discovery import Plugins
from harness.doctor.health import examine
from harness.doctor.neighbours import find_changed_files, find_neighbours


def put(folder: Path, name: str, files: dict[str, str], *, command: str = "") -> PathDistribution:
    """Install a distribution with these files as pip does."""
    info = folder / f"{name.replace('-', '_')}-0.1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1.0\n")
    if command:
        (info / "entry_points.txt").write_text(f"[console_scripts]\n{command} = {name}.cli:main\n")
    record = []
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
        digest = urlsafe_b64encode(sha256(text.encode()).digest()).rstrip(b"=").decode()
        record.append(f"{path},sha256={digest},{len(text)}\n")
    (info / "RECORD").write_text("".join(record))
    return PathDistribution(info)


def test_another_distribution_in_the_package_is_named_with_the_fix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = ["__init__.py", "cli/__init__.py", "cli/check.py", "cli/other.py", "__pycache__/x.pyc"]
    put(tmp_path, "rival", dict.fromkeys((f"harness/{file}" for file in files), ""), command="harness")
    monkeypatch.syspath_prepend(str(tmp_path))
    [(subject, problem)] = find_neighbours()
    assert subject == "rival 0.1.0"
    assert problem.startswith(
        "installs harness/__init__.py, harness/cli/__init__.py, harness/cli/check.py and 1 more into the package "
        "harness of judge-harness and installs a command harness: "
    )
    assert "pip uninstall rival and then pip install --force-reinstall judge-harness" in problem
    health = examine(Plugins, folders=())
    assert [finding.subject for finding in health.findings] == ["distribution rival 0.1.0"]
    assert health.is_broken


def test_distributions_that_only_sound_alike_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "sound-alike", {"harness_x/__init__.py": "", "x/harness/__init__.py": ""}, command="harnesses")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert list(find_neighbours()) == []


def test_files_that_another_has_overwritten_or_taken_away_are_found(tmp_path: Path) -> None:
    files = {f"harness/{name}.py": name for name in ("kept", "changed", "gone")} | {"elsewhere/changed.py": "x"}
    ours = put(tmp_path, "judge-harness", files)
    assert find_changed_files(ours) == []
    (tmp_path / "harness" / "changed.py").write_text("theirs")
    (tmp_path / "harness" / "gone.py").unlink()
    (tmp_path / "elsewhere" / "changed.py").write_text("theirs")
    assert sorted(find_changed_files(ours)) == ["harness/changed.py", "harness/gone.py"]


@pytest.mark.parametrize("arguments", [["-c", "import harness.api"], ["-m", "harness", "--help"]])
def test_a_package_that_was_overwritten_says_so_at_import(arguments: list[str], tmp_path: Path) -> None:
    shutil.copytree(Path(harness.__file__).parent, tmp_path / "harness")
    (tmp_path / "harness" / "__init__.py").write_text("__version__ = '0.1.0'\n")
    (tmp_path / "harness" / "cli" / "__init__.py").write_text("def main(): print('theirs')\n")
    done = subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
    )
    assert done.returncode == 1
    assert "is not that of judge-harness: another distribution" in done.stderr
    assert "theirs" not in done.stdout

"""Run folders on storage that is read-only: real mounts where this process may make one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from harness.api import JournalError
from harness.cli import main
from harness.libraries.sealed import unwritable
from harness.runner.journal import Journal

MANIFEST = "name: m\ntasks: [{use: miniature/technical, with: {items: 8}}]\njudges: [{use: prior}]\n"


@pytest.fixture
def freeze(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Path]]:
    """Mounts the folder `source` read-only and goes there."""
    place = tmp_path / "frozen"
    place.mkdir()
    (tmp_path / "source").mkdir()
    mounted = []

    def mount() -> Path:
        if sys.platform != "linux" or shutil.which("mount") is None or os.getuid() != 0:
            pytest.skip("only a superuser of Linux may mount")
        made = subprocess.run(["mount", "--bind", tmp_path / "source", place], capture_output=True, check=False)
        if made.returncode:
            pytest.skip(f"this machine does not let us mount: {made.stderr!r}")
        mounted.append(place)
        subprocess.run(["mount", "-o", "remount,ro,bind", place], check=True)
        monkeypatch.chdir(place)
        return place

    yield mount
    monkeypatch.chdir(tmp_path)
    for found in mounted:
        subprocess.run(["umount", "-l", found], check=True)


def command(*arguments: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return int(ended.value.code or 0)


def test_a_finished_run_is_opened_by_every_verb_that_reads(
    tmp_path: Path, freeze: Callable[[], Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path / "source")
    Path("m.yaml").write_text(MANIFEST)
    assert command("run", "m.yaml") == 0
    (run,) = Path("runs").glob("m-*")
    freeze()
    board = capsys.readouterr().out
    for arguments in (["run", "m.yaml"], ["leaderboard", run], ["score", run]):
        assert command(*arguments) == 0
        assert capsys.readouterr().out.splitlines()[:5] == board.splitlines()[:5]
    assert command("run", "m.yaml", "--dry-run") == 0
    assert "8 requests, 8 already in the journal" in capsys.readouterr().out
    assert command("show", run, "--unread") == 0
    assert command("run", "m.yaml", "--fresh") == 2
    assert command("run", "m.yaml", "--limit", 3) == 2
    assert "cannot be made (Read-only file system)" in capsys.readouterr().err


@pytest.mark.parametrize("shared", [True, False], ids=["with -shm", "without -shm"])
def test_a_journal_that_was_not_closed_is_read(tmp_path: Path, freeze: Callable[[], Path], shared: bool) -> None:
    source = tmp_path / "source"
    code = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom harness.runner.journal import Journal\n"
        "Journal(Path(sys.argv[1])).set_meta('plan', 'kept')\nos.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code, source / "journal.sqlite"], check=False)
    assert (source / "journal.sqlite-wal").stat().st_size > 0
    if not shared:
        (source / "journal.sqlite-shm").unlink()
    path = freeze() / "journal.sqlite"
    with closing(Journal(path, readonly=True)) as journal:
        journal.check()
        assert journal.meta("plan") == "kept"


def test_a_journal_that_is_too_large_to_be_copied_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal.sqlite"
    Journal(path).close()
    path.with_name("journal.sqlite-wal").write_bytes(b"x")
    monkeypatch.setattr(unwritable, "is_writable", lambda folder: False)
    monkeypatch.setattr(unwritable, "MOST_COPIED", 100)
    with pytest.raises(JournalError, match=r"its folder is read-only\. Copy the run folder to where you may write"):
        Journal(path, readonly=True)

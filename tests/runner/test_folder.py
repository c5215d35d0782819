from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from harness.api import JournalError
from harness.explain.asking import JOURNAL as EXPLAIN_JOURNAL
from harness.registration import OWN_FILES
from harness.report.faithfulness import FILE as EXPLANATIONS
from harness.runner.folder import (
    JOURNAL,
    MANIFEST,
    RECORD,
    REPORT,
    SCORES,
    SECTIONS,
    lock_folder,
    make_folder,
    write_atomically,
)
from harness.view.counts import FILE as COUNTS

HOLDER = (
    "import sys, pathlib\n"
    "from harness.runner.folder import lock_folder\n"
    "with lock_folder(pathlib.Path(sys.argv[1])):\n"
    "    print('held', flush=True)\n"
    "    sys.stdin.read()\n"
)


def holder(folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_folder_held_by_another_process_is_refused_and_free_once_that_is_killed(tmp_path: Path) -> None:
    with holder(tmp_path) as other:
        with pytest.raises(JournalError, match=rf"pid {other.pid}\b"), lock_folder(tmp_path):
            pass
        other.kill()
    with lock_folder(tmp_path):
        assert (tmp_path / "run.lock").read_text() == str(os.getpid())


def test_fresh_keeps_the_older_folder_and_never_takes_it_from_under_a_running_process(tmp_path: Path) -> None:
    run = tmp_path / "run"
    make_folder(run, fresh=False)
    (run / "journal.sqlite").write_text("older")
    with holder(run) as other:
        with pytest.raises(JournalError, match="another harness process"):
            make_folder(run, fresh=True)
        other.kill()
    for number in (1, 2):
        make_folder(run, fresh=True)
        assert not (run / "journal.sqlite").exists()
        (run / "journal.sqlite").write_text(f"newer {number}")
    kept = sorted(path.name for path in tmp_path.iterdir())
    assert kept == ["run", "run.old-1", "run.old-2"]
    assert (tmp_path / "run.old-1" / "journal.sqlite").read_text() == "older"


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "scores.json"
    write_atomically(target, "first")

    def full(source: str, destination: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(JournalError, match=r"scores\.json: cannot be written \(No space left on device\); free space"):
        write_atomically(target, "second")
    assert target.read_text() == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["scores.json"]


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match=r"run folder .*file.*run: cannot be made"):
        make_folder(tmp_path / "file" / "run", fresh=False)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
def test_what_is_written_can_be_read_by_others_and_changed_by_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "scores.json"
    write_atomically(path, "{}")
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert [found.name for found in tmp_path.iterdir()] == ["scores.json"]


def test_no_renderer_may_write_a_file_that_a_run_needs(tmp_path: Path) -> None:
    with lock_folder(tmp_path):
        made = {path.name for path in tmp_path.iterdir()}
    of_batteries = {COUNTS, EXPLANATIONS, EXPLAIN_JOURNAL}
    assert {JOURNAL, MANIFEST, RECORD, REPORT, SCORES, SECTIONS, *made, *of_batteries} == set(OWN_FILES)


def test_a_lock_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    lock = tmp_path / "run.lock"
    lock.mkdir()
    with (
        pytest.raises(JournalError, match=r"run\.lock: a folder stands in the place of this file; move it away"),
        lock_folder(tmp_path),
    ):
        pass
    lock.rmdir()
    # A superuser may write everywhere, so it is something else that cannot be written.
    os.mkfifo(lock)
    said = r"run\.lock: cannot be written \(a folder, pipe or device, and no file\); check the permissions"
    with pytest.raises(JournalError, match=said), lock_folder(tmp_path):
        pass


@pytest.mark.parametrize("content", ["precious", None], ids=["a file", "nothing"])
def test_a_link_in_the_place_of_the_lock_leads_to_no_file_that_is_written(tmp_path: Path, content: str | None) -> None:
    """A stranger may have made the folder."""
    other, folder = tmp_path / "other.txt", tmp_path / "run"
    folder.mkdir()
    if content is not None:
        other.write_text(content, encoding="utf-8")
    (folder / "run.lock").symlink_to(other)
    said = r"run\.lock: cannot be written \(a link, and no file\)"
    with pytest.raises(JournalError, match=said), lock_folder(folder):
        pass
    assert (other.read_text(encoding="utf-8") if other.exists() else None) == content


def test_text_that_has_no_bytes_is_written_all_the_same(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a.md", "a lone surrogate \ud800, and ä")
    assert (tmp_path / "a.md").read_text(encoding="utf-8") == r"a lone surrogate \ud800, and ä"

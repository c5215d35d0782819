"""Files that are hostile are refused at once; files that are written are whole or not there."""

from __future__ import annotations

import os
import socket
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.api.files import check_regular, open_regular, put_in_place, read_whole, write_whole

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")


@posix
@pytest.mark.parametrize("kind", ["pipe", "socket", "device", "folder"])
def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path: Path, kind: str, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)  # the path of a socket must be short
    path = Path("x") if kind != "device" else Path("/dev/zero")
    with socket.socket(socket.AF_UNIX) as server:
        if kind == "pipe":
            os.mkfifo(path)
        elif kind == "socket":
            server.bind(str(path))
        elif kind == "folder":
            path.mkdir()
        for refuse in (check_regular, open_regular, lambda path: read_whole(path, most=10)):
            with pytest.raises(OSError, match="a folder, pipe or device, and no file"):
                refuse(path)


@posix
@pytest.mark.parametrize("leads_to", ["/dev/null", "/proc/self/fd/1"])
def test_a_device_is_not_replaced_by_a_file(tmp_path: Path, leads_to: str) -> None:
    path = tmp_path / "x"
    path.symlink_to(leads_to)  # as /dev/stdout is one: for root a link is enough to show it, and nothing is lost
    with pytest.raises(OSError, match="a device stands there, and no file"):
        write_whole(path, "content")
    assert path.is_symlink()
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_replaces_a_file_and_a_link_to_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("before")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    for name in ("link", "file"):
        write_whole(tmp_path / name, "after")
        assert not (tmp_path / name).is_symlink()
        assert (tmp_path / name).read_text() == "after"


def test_a_file_with_holes_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "x"
    with path.open("wb") as stream:
        stream.truncate(30 * 2**30)
    with pytest.raises(OSError, match="32,212,254,720 bytes are more than the 1,000 allowed") as caught:
        read_whole(path, most=1000)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("size", [0, 1, 999, 1000])
def test_a_file_is_read_up_to_the_limit(tmp_path: Path, size: int) -> None:
    (tmp_path / "x").write_bytes(b"x" * size)
    assert read_whole(tmp_path / "x", most=1000) == b"x" * size


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="files that claim to be empty are those of Linux")
def test_a_file_that_claims_to_be_empty_is_read_and_bounded_too() -> None:
    assert read_whole("/proc/self/status", most=10**6).startswith(b"Name:")
    with pytest.raises(OSError, match="are more than the 10 allowed"):
        read_whole("/proc/self/status", most=10)


def test_content_is_on_the_disk_before_its_name_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    replace, fsync = os.replace, os.fsync

    def note_replace(made: Any, path: Any) -> None:
        done.append("replace")
        replace(made, path)

    def note_fsync(descriptor: int) -> None:
        done.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    monkeypatch.setattr(os, "replace", note_replace)
    monkeypatch.setattr(os, "fsync", note_fsync)
    write_whole(tmp_path / "x", "é")
    assert done == ["file", "replace", *(["folder"] if sys.platform != "win32" else [])]
    assert (tmp_path / "x").read_bytes() == b"\xc3\xa9"
    done.clear()
    made = tmp_path / "made"
    (made / "inner").mkdir(parents=True)
    (made / "a").write_text("a")
    (made / "inner" / "b").write_text("b")
    put_in_place(made, tmp_path / "folder")
    assert done[: done.index("replace")].count("file") == 2
    assert (tmp_path / "folder" / "inner" / "b").read_text() == "b"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "x"]


@posix
def test_what_a_killed_writer_left_is_removed_and_what_another_one_writes_is_not(tmp_path: Path) -> None:
    import fcntl

    (tmp_path / ".x.abc.part").write_text("torn")
    (tmp_path / ".y.abc.part").write_text("of another file")
    with (tmp_path / ".x.def.part").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        write_whole(tmp_path / "x", "whole")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".x.def.part", ".y.abc.part", "x"]


def test_a_signal_between_the_name_and_the_end_is_no_fault_of_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = os.replace

    def interrupt(made: Any, path: Any) -> None:
        replace(made, path)
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "x", "new")
    assert (tmp_path / "x").read_text() == "new"

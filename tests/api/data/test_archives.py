from __future__ import annotations

import gzip
import io
import os
import tarfile
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.api import DataError
from harness.api.data import Archive, PictureStore, _archives

Picture = Callable[[int], bytes]


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def tarred(path: Path, members: dict[str, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def make(path: Path, members: dict[str, bytes]) -> Path:
    if path.suffix == ".zip":
        return zipped(path, members)
    return tarred(path, members, "w" if path.suffix == ".tar" else "w:gz")


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz", "A.TGZ"])
def test_members_are_read_where_they_lie(tmp_path: Path, png: Picture, name: str) -> None:
    path = make(tmp_path / name, {"in/1.png": png(1), "2.png": png(2)})
    archive = Archive(path, workspace=tmp_path / "work")
    assert archive.names == ("in/1.png", "2.png")
    assert archive.image("in/1.png").encode() == (png(1), "image/png")
    assert archive.image("2.png").name == f"{path}!2.png"
    assert ("2.png" in archive, "1.png" in archive) == (True, False)
    with pytest.raises(DataError, match=r"holds no member '1\.png'"):
        archive.image("1.png")


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz"])
def test_no_member_is_written_where_it_says(tmp_path: Path, name: str) -> None:
    hostile = {"../../out.png": b"1", "/etc/out.png": b"2", "ok.png": b"3"}
    inner = tmp_path / "deep" / "er"
    inner.mkdir(parents=True)
    archive = Archive(make(inner / name, hostile), workspace=tmp_path / "work")
    assert archive.read("ok.png") == b"3"
    written = {path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*") if path.is_file()}
    assert written <= {"deep", "work"}
    assert all(path.suffix == ".tar" for path in (tmp_path / "work").rglob("*") if path.is_file())


def test_links_in_a_tar_are_no_members(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE):
            info = tarfile.TarInfo(f"link{kind.decode()}.png")
            info.type, info.linkname = kind, "/etc/hostname"
            archive.addfile(info)
    assert Archive(path, workspace=tmp_path).names == ()


def test_a_tar_may_name_its_members_from_here_and_may_not_change_under_way(tmp_path: Path, png: Picture) -> None:
    archive = Archive(tarred(tmp_path / "a.tar", {"./1.png": png(1), "./in/2.png": png(2)}), workspace=tmp_path)
    assert archive.names == ("1.png", "in/2.png")
    assert archive.read("in/2.png") == png(2)
    archive.path.write_bytes(archive.path.read_bytes()[:520])
    with pytest.raises(DataError, match=r"member 'in/2\.png': cannot be read \(0 of .* bytes are there"):
        archive.read("in/2.png")


def test_nothing_is_opened_before_it_is_asked_for(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "gone.zip", workspace=tmp_path)
    with pytest.raises(DataError, match=r"gone\.zip: not a readable archive"):
        _ = archive.names
    with pytest.raises(DataError, match=r"a\.rar: this kind of archive is not read; expected \.zip"):
        Archive(tmp_path / "a.rar", workspace=tmp_path)


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz"])
def test_a_damaged_archive_is_a_data_error_that_names_it(tmp_path: Path, png: Picture, name: str) -> None:
    whole = make(tmp_path / name, {f"{k}.png": os.urandom(3000) for k in range(9)}).read_bytes()
    for broken in (b"", b"nothing", whole[: len(whole) // 2], whole[:300] + os.urandom(900) + whole[1200:]):
        (tmp_path / name).write_bytes(broken)
        archive = Archive(tmp_path / name, workspace=tmp_path / os.urandom(4).hex())
        said = str(tmp_path / name)
        try:
            assert sum(len(archive.read(member)) for member in archive.names) <= 27_000
        except DataError as error:
            said = str(error)
        assert str(tmp_path / name) in said


def test_a_member_that_would_fill_the_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_archives, "MAX_MEMBER", 1000)
    for name in ("a.zip", "a.tar"):
        archive = Archive(make(tmp_path / name, {"big.png": b"\0" * 5000}), workspace=tmp_path)
        with pytest.raises(DataError, match=r"big\.png.*5,000 bytes, more than the 1,000 allowed"):
            archive.read("big.png")


def test_an_encrypted_member_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"1.png": b"data"})
    whole = bytearray(path.read_bytes())
    whole[6] |= 1  # the flag of the local header
    whole[whole.index(b"PK\x01\x02") + 8] |= 1  # and that of the directory
    path.write_bytes(bytes(whole))
    with pytest.raises(DataError, match=r"member '1\.png': cannot be read .*encrypted"):
        Archive(path, workspace=tmp_path).read("1.png")


def test_a_tar_gz_is_decompressed_once_and_a_bomb_not_at_all(tmp_path: Path, png: Picture) -> None:
    path, work = tmp_path / "a.tar.gz", tmp_path / "work"
    tarred(path, {"1.png": png(1)}, "w:gz")
    assert Archive(path, workspace=work).read("1.png") == png(1)
    (plain,) = work.rglob("*.tar")
    before = plain.stat().st_mtime_ns
    assert Archive(path, workspace=work).read("1.png") == png(1)
    assert plain.stat().st_mtime_ns == before
    path.write_bytes(gzip.compress(b"\0" * 30_000_000))
    with pytest.raises(DataError, match="grows to more than 100 times its size"):
        _ = Archive(path, workspace=work).names
    assert list(work.rglob("*.part")) == []


def test_an_archive_may_be_read_from_many_threads(tmp_path: Path) -> None:
    members = {f"{k}.png": os.urandom(20_000) for k in range(20)}
    archive = Archive(zipped(tmp_path / "a.zip", members), workspace=tmp_path)
    wrong: list[str] = []

    def read() -> None:
        for name, data in members.items():
            if archive.read(name) != data:
                wrong.append(name)

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_store_looks_in_the_folder_and_then_in_its_archives(tmp_path: Path, png: Picture) -> None:
    root = tmp_path / "data"
    (root / "zips").mkdir(parents=True)
    (root / "image").mkdir()
    (root / "image" / "1.png").write_bytes(png(1))
    zipped(root / "zips" / "0.zip", {"1.png": png(9), "2.png": png(2)})
    zipped(root / "zips" / "1.zip", {"image/3.png": png(3)})
    store = PictureStore(root, workspace=tmp_path, archives=("zips/*.zip",), prefixes=("", "image/"))
    assert [store(f"{k}.png").encode()[0] for k in (1, 2, 3)] == [png(1), png(2), png(3)]
    missing = store("4.png")  # nobody has looked yet
    with pytest.raises(DataError, match=r"image '4\.png': not in .*data or in .*0\.zip or in .*1\.zip"):
        missing.load()
    for outside in ("../secret.png", "/etc/hostname", "zips/../../secret.png"):
        with pytest.raises(DataError, match="leads out of the data folder"):
            store(outside)


def test_an_archive_that_is_a_link_out_of_the_folder_is_refused(tmp_path: Path, png: Picture) -> None:
    root = tmp_path / "data"
    root.mkdir()
    zipped(tmp_path / "outside.zip", {"1.png": png(1)})
    (root / "in.zip").symlink_to(tmp_path / "outside.zip")
    with pytest.raises(DataError, match=r"in\.zip: leads out of the data folder"):
        PictureStore(root, workspace=tmp_path, archives=("*.zip",))("1.png")

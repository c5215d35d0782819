"""The archive of a bundle: one form, written and read back, and nothing else read."""

from __future__ import annotations

import io
import os
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.api import DataError
from harness.bundle import archive
from harness.bundle.archive import ArchiveEntry, BundleArchive, open_archive, write_archive

NAMES = st.from_regex(r"[a-z]{1,12}\.[a-z]{1,6}", fullmatch=True)
MEMBERS = st.dictionaries(NAMES, st.binary(max_size=300), min_size=1, max_size=5)


def pack(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    entries = [ArchiveEntry(name=name, size=len(content), crc=zlib.crc32(content)) for name, content in members.items()]
    write_archive(stream, entries, lambda entry: [members[entry.name]])
    return stream.getvalue()


def unpack(data: bytes) -> dict[str, bytes]:
    found = BundleArchive(Path("x.bundle"), io.BytesIO(data), len(data))
    return {entry.name: b"".join(found.parts(entry)) for entry in found.entries}


@given(MEMBERS)
def test_what_is_written_is_read_back_and_by_any_program(members: dict[str, bytes]) -> None:
    data = pack(members)
    assert unpack(data) == members
    with zipfile.ZipFile(io.BytesIO(data)) as found:
        assert found.testzip() is None
        assert {name: found.read(name) for name in found.namelist()} == members


@given(MEMBERS, st.data())
def test_a_changed_byte_outside_the_contents_is_refused_and_inside_it_changes_nothing_else(
    members: dict[str, bytes], data: st.DataObject
) -> None:
    whole = pack(members)
    place = data.draw(st.integers(0, len(whole) - 1))
    changed = whole[:place] + bytes([whole[place] ^ data.draw(st.integers(1, 255))]) + whole[place + 1 :]
    try:
        found = unpack(changed)
    except DataError:
        return
    # Contents are held by the hashes of `bundle.json`, and not by this form.
    assert found.keys() == members.keys()
    assert sum(found[name] != members[name] for name in members) == 1


@given(st.binary(max_size=400) | st.builds(lambda tail: b"PK\3\4" + tail, st.binary(max_size=400)))
def test_no_bytes_end_in_another_error(data: bytes) -> None:
    with suppress(DataError):
        unpack(data)


@pytest.mark.parametrize("cut", [1, 5, 21, 22, 23, 60])
def test_a_file_that_ends_early_is_refused(cut: int) -> None:
    with pytest.raises(DataError, match="not a bundle"):
        unpack(pack({"a.json": b"content", "b.json": b"more"})[:-cut])


@pytest.mark.parametrize(
    "name", ["../a.json", "/a.json", "a/b.json", "A.json", "a", "a.b.c", "a.json ", "con", "a\0.json"]
)
def test_names_that_could_be_places_are_refused(name: str) -> None:
    with pytest.raises(DataError, match=r"name of a member|not written"):
        unpack(pack({name: b"x"}))


def test_two_members_of_one_name_are_refused() -> None:
    stream, entry = io.BytesIO(), ArchiveEntry(name="a.json", size=1, crc=zlib.crc32(b"x"))
    write_archive(stream, [entry, entry], lambda entry: [b"x"])
    with pytest.raises(DataError, match="two members have one name"):
        unpack(stream.getvalue())


def test_too_many_members_and_too_large_files_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    many = pack({f"{chr(97 + k // 26)}{chr(97 + k % 26)}.json": b"" for k in range(70)})
    with pytest.raises(DataError, match="more than 64 members"):
        unpack(many)
    monkeypatch.setattr(archive, "MOST_BYTES", 100)
    with pytest.raises(DataError, match="100 are the most"):
        unpack(bytes(101))
    with pytest.raises(DataError, match="leave the texts of the requests out"):
        pack({"a.json": bytes(90)})


def test_a_long_line_is_not_read_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "LONGEST_LINE", 10)
    data = pack({"a.jsonl": b"short\n" + b"x" * 11 + b"\n"})
    found = BundleArchive(Path("x"), io.BytesIO(data), len(data)).lines("a.jsonl")
    assert next(found) == b"short"
    with pytest.raises(DataError, match=r"a\.jsonl, line 2: longer than 10 bytes"):
        next(found)


def test_a_document_that_is_too_large_is_not_read() -> None:
    data = pack({"a.json": b"x" * 50})
    with pytest.raises(DataError, match=r"a\.json has 50 bytes, and 10 are the most"):
        BundleArchive(Path("x"), io.BytesIO(data), len(data)).read("a.json", most=10)


def test_what_is_no_regular_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="no regular file"), open_archive(tmp_path / "pipe"):
        pass
    with pytest.raises(DataError, match="cannot be read"), open_archive(tmp_path / "absent"):
        pass

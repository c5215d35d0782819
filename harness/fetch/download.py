"""Fetches the files of a listing over HTTP, and goes on with those that an earlier command began.

By `Range` and by hand: version 2 of `huggingface_hub` keeps no part of a file that was not complete. A file gets its
name when it has the hash that the hub lists.
"""

from __future__ import annotations

import os
import re
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from harness.api import DataError
from harness.fetch.hub import AGAIN, ListedFile, Listing, explain_errors, load_library, page_of
from harness.fetch.progress import ByteCount, count_bytes
from harness.fetch.record import FetchedFile, hash_file, part_of

_AT_ONCE = 8
_CHUNK = 2**20
_TRIES = 5  # without a new byte
_PAUSE_S = 1.0


def download_files(listing: Listing, folder: Path) -> list[FetchedFile]:
    """Have all files of a listing in a folder, each with the hash that the hub lists.

    Raises:
        UserError: The hub cannot be reached or refuses, or the disk is full.
        DataError: The hub sends other bytes than it lists. They are not kept.
    """
    library = load_library()
    fetched: dict[str, FetchedFile] = {}
    with explain_errors(listing.hub, listing.commit), count_bytes(listing.bytes) as count:
        pool = ThreadPoolExecutor(_AT_ONCE)
        try:
            tasks = [pool.submit(_fetch, library, listing, file, folder, count) for file in listing.files]
            for done in as_completed(tasks):
                fetched[done.result().name] = done.result()
        except BaseException:  # Ctrl-C as well: the threads end at their next bytes, and what they have is kept
            count.is_stopped = True
            raise
        finally:
            pool.shutdown(cancel_futures=True)
    return [fetched[file.name] for file in listing.files]


def _fetch(library: Any, listing: Listing, file: ListedFile, folder: Path, count: ByteCount) -> FetchedFile:
    """Have one file. It is left alone where it is there already."""
    path = folder / file.name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise DataError(f"{path}: leads out of the folder by a link; remove the link")
    if path.is_file() and (found := _same(path, file)) is not None:
        count.add(file.bytes)
        return found
    path.parent.mkdir(parents=True, exist_ok=True)
    part = part_of(path)
    _fetch_part(library, listing, file, part, count)
    found = _same(part, file)
    if found is None:
        part.unlink()
        listed = f"{page_of(listing.hub)} lists ({file.sha256 or file.blob})"
        raise DataError(f"{path}: other bytes came than {listed}, and were removed. To fetch it, {AGAIN}")
    os.replace(part, path)
    return found


def _fetch_part(library: Any, listing: Listing, file: ListedFile, part: Path, count: ByteCount) -> None:
    """Append to what is there until the file is whole. A connection that breaks is taken up again."""
    url = library.hf_hub_url(listing.hub, file.name, repo_type="dataset", revision=listing.commit)
    if part.exists() and part.stat().st_size > file.bytes:
        part.unlink()
    count.add(_size_of(part))
    tries = 0
    while (before := _size_of(part)) < file.bytes or not part.exists():
        fault = None
        try:
            _append(url, part, file.bytes, count)
        except Exception as error:
            # Not what the hub itself refuses, and not a full disk: to try again helps neither.
            if type(error).__module__.partition(".")[0] not in ("httpx", "httpx2"):
                raise
            fault = error
        tries = 0 if _size_of(part) > before else tries + 1
        if tries >= _TRIES:
            raise fault or DataError(f"{url}: ends before the {file.bytes:,} bytes that are listed; {AGAIN}")
        if fault is not None:
            time.sleep(_PAUSE_S)


def _append(url: str, part: Path, wanted: int, count: ByteCount) -> None:
    """Ask for what is missing once, and write what comes.

    Raises:
        DataError: More comes than the hub lists.
    """
    from huggingface_hub.utils import build_hf_headers, get_session, hf_raise_for_status

    size = _size_of(part)
    # Not compressed, since a range counts the bytes that are sent.
    headers = {**build_hf_headers(), "Accept-Encoding": "identity"}
    if size:
        headers["Range"] = f"bytes={size}-"
    # A token is not sent on to another host.
    with get_session().stream("GET", url, headers=headers, follow_redirects=True) as response:
        hf_raise_for_status(response)
        first = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
        if size and not (response.status_code == 206 and first and int(first[1]) == size):
            count.add(-size)  # the server cannot go on: all of it comes again
            size = 0
        with part.open("ab" if size else "wb") as stream:
            for chunk in response.iter_bytes(_CHUNK):
                if size + len(chunk) > wanted:
                    part.unlink()
                    raise DataError(f"{url}: sends more than the {wanted:,} bytes that are listed; nothing is kept")
                stream.write(chunk)
                size += len(chunk)
                count.add(len(chunk))


def _size_of(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _same(path: Path, file: ListedFile) -> FetchedFile | None:
    """The file with its SHA-256, where it has the bytes that the hub lists."""
    if path.stat().st_size != file.bytes:
        return None
    sha256 = hash_file(path)
    if file.sha256 != sha256 if file.sha256 else file.blob != hash_file(path, git=True):
        return None
    return FetchedFile(name=file.name, bytes=file.bytes, sha256=sha256)

"""Reads files that may be hostile, and writes files that survive a power cut.

For files of every kind: manifests, data, recordings, reports, checkpoints. The functions raise `OSError`, whose
`strerror` says what is wrong in words for people, so that the caller can add which file it wanted and why.
"""

from __future__ import annotations

import errno
import glob
import os
import stat
import sys
import tempfile
from io import BufferedReader
from pathlib import Path

_PART = ".part"


def check_regular(path: str | Path, *, follow: bool = True) -> None:
    """Make sure that a path is a file, for a library that opens it by itself.

    Args:
        path: The path.
        follow: Whether a link may lead to the file. In a folder of a stranger it may lead to any file.

    Raises:
        OSError: There is nothing, or a folder, a pipe, a socket or a device, or a link that is not to be followed.
    """
    found = os.stat(path, follow_symlinks=follow).st_mode
    if stat.S_ISLNK(found):
        raise OSError(errno.EINVAL, "a link, and no file", str(path))
    if not stat.S_ISREG(found):
        raise OSError(errno.EINVAL, "a folder, pipe or device, and no file", str(path))


def open_regular(path: str | Path) -> BufferedReader:
    """Open a file to read its bytes. A pipe, a socket or a device is refused, and not waited for.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "a.txt"
    >>> _ = file.write_text("hello")
    >>> with open_regular(file) as stream:
    ...     stream.read()
    b'hello'

    Raises:
        OSError: It cannot be opened, or is no file.
    """
    # Asked first, since to open a device may already do something to it.
    check_regular(path)
    # Not blocking, should it become a pipe in between. For a file that changes nothing.
    return os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)), "rb")


def read_whole(path: str | Path, *, most: int) -> bytes:
    """The bytes of a file that must not be large.

    Args:
        path: The file.
        most: Bytes that it may have. A file with holes can claim terabytes.

    Raises:
        OSError: As `open_regular`, or it is larger.
    """
    with open_regular(path) as stream:
        # What it claims to have is not read, and not believed either: some files of the system claim nothing.
        size = os.fstat(stream.fileno()).st_size
        data = bytearray()
        while size <= most and len(data) <= most and (part := stream.read(max(size - len(data) + 1, 2**16))):
            data += part
    if (found := max(size, len(data))) > most:
        raise OSError(errno.EFBIG, f"{found:,} bytes are more than the {most:,} allowed", str(path))
    return bytes(data)


def write_whole(path: Path, content: str | bytes) -> None:
    """Replace a file in one step: a reader, or a power cut, finds the old content or the new one.

    >>> file = Path(tempfile.mkdtemp()) / "a.txt"
    >>> write_whole(file, "hello")
    >>> file.read_text(), [other.name for other in file.parent.iterdir()]
    ('hello', ['a.txt'])

    Args:
        path: The file, in a folder that is there.
        content: Text is written as UTF-8.

    Raises:
        OSError: The disk is full, or the folder cannot be written to. What was there before is still there.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    _sweep(path)
    # In the same folder, since a file is replaced in one step only within a file system.
    handle, made = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=_PART)
    try:
        with os.fdopen(handle, "wb") as stream:
            if sys.platform != "win32":  # there, a lock would be in the way of writing
                try_lock(stream.fileno())
            stream.write(data)
            stream.flush()
            os.chmod(made, 0o644)  # mkstemp makes files that only their owner reads
            if sys.platform != "win32":  # there, what is open cannot be renamed
                put_in_place(Path(made), path)
        if sys.platform == "win32":
            put_in_place(Path(made), path)
    except BaseException:
        Path(made).unlink(missing_ok=True)  # Ctrl-C may come after it was given its name
        raise


def put_in_place(made: Path, path: Path) -> None:
    """Give a file or folder that is complete its name, so that after a power cut it is there whole or not at all.

    Args:
        made: The file, or the folder with all that it holds, beside `path`.
        path: Its name. A file there is replaced. A folder must not be there.

    Raises:
        OSError: It cannot be renamed, or `path` is a device or leads to one, which would be gone.
    """
    _refuse_device(path)
    # Without this the name may be on the disk before the content is: an empty file, of which the name says it is whole.
    sync(made)
    os.replace(made, path)
    _sync_folder(path.parent)


def _refuse_device(path: Path) -> None:
    """Make sure that no device is replaced by a file: who may write to `/dev` would have no `/dev/stdout` then."""
    for follow in (False, True):
        try:
            found = os.stat(path, follow_symlinks=follow).st_mode
        except OSError:  # nothing is there, or a link to nothing
            continue
        # What stdout leads to may be a file, but the link belongs to the system.
        of_system = stat.S_ISLNK(found) and os.readlink(path).startswith("/proc/")
        if of_system or stat.S_ISCHR(found) or stat.S_ISBLK(found):
            raise OSError(errno.EINVAL, "a device stands there, and no file", str(path))


def sync(path: Path) -> None:
    """Wait until a file, or all files of a folder, are on the disk.

    Raises:
        OSError: The disk does not take them.
    """
    if path.is_dir():
        for folder, _, names in os.walk(path):
            for name in names:
                _sync_file(Path(folder) / name)
            _sync_folder(Path(folder))
    else:
        _sync_file(path)


def _sweep(path: Path) -> None:
    """Remove what writers of this file left that were killed. One that is at work holds a lock on its own."""
    for torn in path.parent.glob(f".{glob.escape(path.name)}.*{_PART}"):
        try:
            with open_regular(torn) as stream:
                # On Windows, what is at work cannot be removed.
                if sys.platform == "win32" or try_lock(stream.fileno()):
                    torn.unlink()
        except OSError:
            continue  # it is at work, gone, or another user's


def _sync_file(path: Path) -> None:
    if path.is_symlink() or not path.is_file():
        return
    # Windows flushes only what is open for writing.
    with path.open("r+b" if os.access(path, os.W_OK) else "rb") as stream:
        try:
            os.fsync(stream.fileno())
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):  # a file system that has no such call
                raise


def _sync_folder(path: Path) -> None:
    # Its entry in the folder makes a file be found. Not all systems let a folder be opened.
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    except OSError:
        return
    finally:
        os.close(descriptor)


def try_lock(descriptor: int) -> bool:
    """Lock an open file for this process, if no other one holds it. The system frees it when the process dies."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True

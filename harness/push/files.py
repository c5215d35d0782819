"""The files of a run that are pushed, made in memory or in a folder that goes away: the run folder is only read."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.api import DataError, JournalError, UserError
from harness.bundle.environment import read_environment
from harness.bundle.verify import verify_bundle
from harness.bundle.write import write_bundle
from harness.libraries.secrets import hide_variable, scrub
from harness.libraries.text import clean
from harness.push.licences import DataLicence
from harness.push.readme import write_readme
from harness.push.records import Kind, Part, PushFile
from harness.report.records import Leaderboard
from harness.runner.folder import LEADERBOARD, MANIFEST, REPORT, read_kept

if TYPE_CHECKING:
    from harness.discovery import Plugins

_VARIABLE = re.compile(r"\$\{env:(\w+)\}")


def gather_files(
    folder: Path, parts: Collection[Part], licences: Sequence[DataLicence], plugins: Plugins, *, kind: Kind
) -> list[PushFile]:
    """The files, with a page that names them.

    Args:
        folder: The run folder.
        parts: What is wanted.
        licences: Of the data, for the page.
        plugins: The installed plugins.
        kind: Kind of the repository.

    Raises:
        JournalError: The run has no report or leaderboard, or a file cannot be read.
        DataError: The leaderboard is not what the answers give, or a file holds a value of the environment that the
            manifest uses.
    """
    board = _read(folder, LEADERBOARD)
    files = [PushFile(name=LEADERBOARD, content=board)]
    if "report" in parts:
        # A Space shows its index.
        files.append(PushFile(name="index.html" if kind == "space" else REPORT, content=_read(folder, REPORT)))
    if "bundle" in parts:
        files.append(PushFile(name=f"{folder.resolve().name}.bundle", content=_make_bundle(folder)))
    try:
        leaderboard = Leaderboard.from_json(_load(board))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise JournalError(
            f"{folder / LEADERBOARD}: is damaged ({error}); `harness score {folder}` makes it again"
        ) from error
    check_board(folder, plugins)
    page = write_readme(leaderboard, read_environment(folder), licences, kind=kind, names=[file.name for file in files])
    files.insert(0, PushFile(name="README.md", content=page.encode()))
    check_secrets(folder, files)
    return files


def _load(board: bytes) -> dict[str, object]:
    import json

    plain = json.loads(board)
    if not isinstance(plain, dict):
        raise ValueError("it holds no mapping")
    return plain


def _read(folder: Path, name: str) -> bytes:
    try:
        return read_kept(folder / name)
    except FileNotFoundError:
        fix = f"`harness report {folder}`" if name == REPORT else f"`harness score {folder}`"
        raise JournalError(f"{folder}: has no {name}; {fix} makes it") from None
    except OSError as error:
        raise JournalError(f"{folder / name}: cannot be read ({error.strerror or error})") from error


def _make_bundle(folder: Path) -> bytes:
    with tempfile.TemporaryDirectory(prefix="harness-push-") as temporary:
        path = Path(temporary) / "run.bundle"
        write_bundle(folder, path)
        return path.read_bytes()


def check_board(folder: Path, plugins: Plugins) -> None:
    """See that the numbers of the run are those that its answers give, as `harness verify` does.

    What needs a plugin that is not installed here is not computed, and is let through.

    Raises:
        DataError: One is another; the first is named.
    """
    found = verify_bundle(folder, plugins)
    if not found.differs:
        return
    rows = (f"{row.judge} on {row.task or row.suite}" for row in found.rows if row.state == "differs")
    first = clean([*found.problems, *rows][0])
    raise DataError(
        f"{folder / LEADERBOARD}: is not what the answers give ({first}); `harness score {folder}` makes it again, and "
        f"`harness verify {folder}` names all that differs"
    )


def check_secrets(folder: Path, files: Sequence[PushFile]) -> None:
    """See that no file holds a secret that the run used, so far as it is still in the environment.

    Files of a run are written without them. But a hub never forgets, so this is looked at again.

    Raises:
        DataError: One does; it is named, and the secret is not.
    """
    for name in _list_variables(folder):
        if value := os.environ.get(name, ""):
            hide_variable(name, value)
    for file in files:
        # The members of a bundle are packed as they are, so that they can be searched like text.
        text = file.content.decode("utf-8", "replace")
        if (cleaned := scrub(text)) != text:
            place = next(i for i, (a, b) in enumerate(zip(text, cleaned, strict=False)) if a != b)
            raise DataError(
                f"{file.name}: holds a secret at character {place:,} (a key, or a variable that {MANIFEST} names); "
                f"nothing was pushed. Call `harness score {folder}` in the same environment, and look at the file"
            )


def _list_variables(folder: Path) -> Iterator[str]:
    try:
        text = read_kept(folder / MANIFEST).decode("utf-8", "replace")
    except FileNotFoundError:
        return
    except OSError as error:
        raise UserError(f"{folder / MANIFEST}: cannot be read ({error.strerror or error})") from error
    yield from dict.fromkeys(_VARIABLE.findall(text))

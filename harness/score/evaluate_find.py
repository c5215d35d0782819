"""Where the code of `evaluate:NAME` is: a file or folder on this machine, or a Space of the hub. Runs nothing of it.

A bare name means the library's own metric, a Space of `evaluate-metric`. It never means a folder of that name in the
working directory.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from harness.allowed import AllowedCode, is_file_name, option_for
from harness.api import UserError
from harness.score.metric_code import MOST_BYTES, MetricCode, collect, read_local

KIND = "evaluate"
"""What such a metric's name begins with, and what stands after `--allow-code`."""

_NAME = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9._-]*/)?[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)
_OWN = "evaluate-metric"


def find_code(name: str, allowed: AllowedCode) -> MetricCode:
    """The code of a metric that the user has allowed.

    Args:
        name: What follows `evaluate:`. A relative path is relative to the working directory; those of manifests are
            absolute by now.
        allowed: What the user has named on the command line.

    Raises:
        UserError: There is no such code, or the user has not allowed it, or it is not what was allowed.
    """
    who, local = f"metric {KIND}:{name}", is_file_name(name)
    what = os.path.abspath(os.path.expanduser(name)) if local else name
    if what in allowed.read:
        known: MetricCode = allowed.read[what]
        return known
    try:
        # What is not allowed is read as well: its hash is in the message, and nothing of it runs.
        code = read_local(Path(what)) if local else _read_hub(name)
    except UserError as error:
        raise UserError(f"{who}: {error}") from error
    pin = allowed.hash_of(KIND, what)
    if pin == code.hash or (pin == "" and local):
        allowed.read[what] = code
        return code
    places = ", ".join(code.places.values())
    option = option_for(KIND, what, code.hash)
    if pin:
        raise UserError(
            f"{who}: its code is not what --allow-code names: the hash of {places} is sha256:{code.hash}; look at it "
            f"again, and if it may run as you do: harness {option} ..., before the verb"
        )
    raise UserError(
        f"{who}: this runs Python code, which no manifest and no recorded run can allow; look at {places} "
        f"(sha256:{code.hash}), and if it may run as you do, say so yourself: harness {option} ..., before the verb"
    )


def _read_hub(name: str) -> MetricCode:
    """The files of a Space, from the hub, or from the caches of this machine."""
    if not _NAME.fullmatch(name):
        raise UserError(
            "is no name of a metric; write the name of one of the library, such as accuracy, USER/SPACE of the hub, or "
            "a file, such as ./my_metric.py"
        )
    repository = name if "/" in name else f"{_OWN}/{name}"
    main = repository.rpartition("/")[2] + ".py"
    problem = ""
    try:
        return collect(main, lambda file: _fetch(repository, file))
    except _NotThereError as error:
        problem = str(error)
    for folder in _list_loaded(repository):
        if (folder / main).is_file():
            return read_local(folder / main)
    here = Path(name) / main
    hint = f"; for the folder here write {KIND}:./{name}" if here.is_file() else ""
    raise UserError(
        f"there is no such metric on the hub or in its caches here ({problem}); check the name, or give the path of a "
        f"local metric module, such as evaluate:./my_metric/my_metric.py{hint}"
    )


class _NotThereError(Exception):
    """The hub cannot be reached, or has no such Space."""


def _fetch(repository: str, name: str) -> tuple[bytes, str] | None:
    import huggingface_hub
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    try:
        path = huggingface_hub.hf_hub_download(repository, name, repo_type="space")
    except LocalEntryNotFoundError as error:  # offline, and not in the cache
        # A file that is imported may be a folder, or a name within another file.
        if not name.endswith(f"{repository.rpartition('/')[2]}.py"):
            return None
        raise _NotThereError(_first_line(error)) from error
    except EntryNotFoundError:
        return None
    except Exception as error:  # many kinds: no such Space, gated, a broken connection, ...
        raise _NotThereError(_first_line(error)) from error
    with open(path, "rb") as stream:
        content = stream.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise UserError(f"{name}: has more than {MOST_BYTES:,} bytes, which no metric needs")
    return content, path


def _list_loaded(repository: str) -> Iterator[Path]:
    """Folders in which the `evaluate` library keeps a module that it has loaded before, the newest first."""
    import evaluate

    folder = Path(evaluate.config.HF_MODULES_CACHE, "evaluate_modules", "metrics", repository.replace("/", "--"))
    found = [path for path in folder.glob("*") if len(path.name) == 64]
    yield from sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)[:200]

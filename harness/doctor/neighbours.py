"""Other distributions that install into the package `harness` or take its command, and files that they overwrote.

Two distributions may own one file: pip lets the last one win and says nothing, and takes the file away with whichever
goes first. Reads what pip wrote down of each distribution, about a millisecond each. Imports none.
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions, entry_points

from harness import DISTRIBUTION

_PACKAGE = "harness/"


def find_neighbours() -> Iterator[tuple[str, str]]:
    """Each distribution that is in the way: its name and version, and what it does, with the fix."""
    commands = {
        point.dist.name for point in entry_points(group="console_scripts", name="harness") if point.dist is not None
    }
    for other in distributions():
        if other.name == DISTRIBUTION:
            continue
        files = files_in_package(other)
        does = [f"installs {_list_files(files)} into the package harness of {DISTRIBUTION}"] if files else []
        does += ["installs a command harness"] if other.name in commands else []
        if does:
            fix = f"pip uninstall {other.name} and then pip install --force-reinstall {DISTRIBUTION}"
            problem = f"{' and '.join(does)}: what was installed last has overwritten the other; {fix}, or use another "
            yield f"{other.name} {other.version}", f"{problem}environment for one of them"


def files_in_package(distribution: Distribution) -> list[str]:
    """Modules of a distribution that are in the package `harness`."""
    # The text alone: `Distribution.files` makes an object of each line, of hundreds of distributions.
    record = distribution.read_text("RECORD") or ""
    paths = [line.partition(",")[0] for line in record.splitlines() if line.startswith(_PACKAGE)]
    return [path for path in paths if "__pycache__" not in path]


def find_changed_files(distribution: Distribution) -> list[str]:
    """Files of the package that are gone, or are not as the distribution installed them. Empty if it is editable."""
    changed = []
    for file in distribution.files or ():
        # RECORD has no hash of itself, and none of compiled files.
        if not str(file).startswith(_PACKAGE) or file.hash is None or file.hash.mode != "sha256":
            continue
        try:
            content = file.locate().read_bytes()  # type: ignore[attr-defined]  # a Path, which the stubs do not say
        except OSError:
            changed.append(str(file))
            continue
        # The format of RECORD (PEP 376, PEP 427): URL-safe base64 without padding.
        if urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode() != file.hash.value:
            changed.append(str(file))
    return changed


def _list_files(files: list[str]) -> str:
    more = f" and {len(files) - 3} more" if len(files) > 3 else ""
    return ", ".join(files[:3]) + more

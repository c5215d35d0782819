"""The hashes of what `requirements.txt` installs: check `requirements.lock`, or write it.

    python tools/lock.py                        do both files agree? Needs no network; a test runs it
    python tools/lock.py --write                add the hashes of the files that pip takes here, once all is installed
    python tools/lock.py --write --python 3.13  the same for the files of another version of Python

pip takes hashes for all packages of a command or for none, and an editable folder can have none. So the lock is a file
of its own, which is installed first. It has no torch and nothing that only torch brings: builds of torch differ from
one index to the next (for a processor, for each generation of GPUs), and so do their hashes. Each run adds what it
finds to what is there, since every version of Python and every platform has files of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PINS, LOCK = ROOT / "requirements.txt", ROOT / "requirements.lock"
_NOT_LOCKED = re.compile(r"torch|torchvision|triton|nvidia-.*|cuda-.*")
_PLACES = re.compile("PIP_(?:INDEX_URL|EXTRA_INDEX_URL|FIND_LINKS|NO_INDEX|CONSTRAINT)")
_PIN = re.compile(r"([A-Za-z0-9._-]+)==([A-Za-z0-9.+!_-]+)")
_HASH = re.compile(r"--hash=(sha256:[0-9a-f]{64})")
_HEAD = """\
# Hashes of all packages that `pip install -r requirements.txt` brings, without torch. Made by `python tools/lock.py`.
#
#     pip install --require-hashes --no-deps -r requirements.lock
#     pip install -r requirements.txt
#
# The second command adds torch and the distributions of this repository, and finds all else in place.
"""

Locked = dict[str, tuple[str, set[str]]]
"""Version and hashes by name of the package."""


def read_pins(text: str) -> dict[str, str]:
    """Versions by name."""
    return {_plain(name): version for name, version in _PIN.findall(re.sub(r"#.*", "", text))}


def read_lock(text: str) -> Locked:
    """What is locked."""
    found: Locked = {}
    for entry in re.sub(r"^#.*\n|\\\n", "", text, flags=re.MULTILINE).splitlines():
        if (pin := _PIN.match(entry)) is not None:
            found[_plain(pin[1])] = (pin[2], set(_HASH.findall(entry)))
    return found


def render_lock(locked: Mapping[str, tuple[str, set[str]]]) -> str:
    """The file."""
    entries = []
    for name, (version, hashes) in sorted(locked.items()):
        lines = [f"{name}=={version}", *(f"    --hash={digest}" for digest in sorted(hashes))]
        entries.append(" \\\n".join(lines))
    return _HEAD + "\n".join(entries) + "\n"


def list_differences(pins: Mapping[str, str], locked: Mapping[str, tuple[str, set[str]]]) -> list[str]:
    """What is wrong with the lock, in words."""
    found = [f"{name} is not locked" for name in pins if name not in locked and not _NOT_LOCKED.fullmatch(name)]
    for name, (version, hashes) in locked.items():
        if pins.get(name, version) != version:
            found.append(f"{name} is locked at {version} and pinned at {pins[name]}")
        if not hashes:
            found.append(f"{name} has no hash")
        if _NOT_LOCKED.fullmatch(name):
            found.append(f"{name} must not be locked: its builds differ from index to index")
    return found


def list_needed(pins: Mapping[str, str]) -> dict[str, str]:
    """Versions of the pinned packages and of all that they need, as they are installed here. Without torch's own."""
    found: dict[str, str] = {}
    # The list grows while it is read. What is not installed here is for another platform.
    queue = [name for name in pins if not _NOT_LOCKED.fullmatch(name)]
    for name in queue:
        try:
            package = distribution(name)
        except PackageNotFoundError:
            continue
        found[name] = pins.get(name, package.version)
        for line in package.requires or ():
            needed = Requirement(line)
            child = _plain(needed.name)
            wanted = needed.marker is None or needed.marker.evaluate({"extra": ""})
            if wanted and child not in queue and not _NOT_LOCKED.fullmatch(child):
                queue.append(child)
    return found


def find_hashes(needed: Mapping[str, str], python: str | None) -> Locked:
    """Hashes of the files that pip takes from the public index. Its answers are not kept from other places."""
    environ = {name: value for name, value in os.environ.items() if not _PLACES.fullmatch(name)}
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--no-deps"]
        if python is not None:
            command += ["--only-binary=:all:", "--python-version", python, "--target", folder]
        pins = [f"{name}=={version}" for name, version in needed.items()]
        # A folder or a mirror of this machine may hold other files under the same names.
        environ["PIP_CONFIG_FILE"] = os.devnull
        subprocess.run([*command, "--report", str(report), *pins], cwd=ROOT, env=environ, check=True)
        return collect(json.loads(report.read_text(encoding="utf-8"))["install"])


def collect(items: list[dict[str, dict[str, object]]]) -> Locked:
    """The packages of the report that come from an index. Folders and files of this machine are left out."""
    found: Locked = {}
    for item in items:
        name, version = _plain(str(item["metadata"]["name"])), str(item["metadata"]["version"])
        archive, url = item["download_info"].get("archive_info"), str(item["download_info"]["url"])
        if isinstance(archive, dict) and url.startswith("https:") and not _NOT_LOCKED.fullmatch(name):
            found[name] = (version, {f"sha256:{archive['hashes']['sha256']}"})
    return found


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def main() -> int:
    """Check or write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="add hashes to the file")
    parser.add_argument("--python", help="of this version of Python, such as 3.13")
    asked = parser.parse_args()
    pins = read_pins(PINS.read_text(encoding="utf-8"))
    locked = read_lock(LOCK.read_text(encoding="utf-8")) if LOCK.is_file() else {}
    if asked.write:
        found = find_hashes(list_needed(pins), asked.python)
        # What is needed no longer goes; another version begins with no hashes.
        kept = {name: locked[name] for name in found if name in locked}
        for name, (version, hashes) in found.items():
            before = kept.get(name)
            kept[name] = (version, hashes | (before[1] if before is not None and before[0] == version else set()))
        locked = kept
        LOCK.write_text(render_lock(locked), encoding="utf-8")
    differences = list_differences(pins, locked)
    for line in differences:
        sys.stdout.write(f"{line}\n")
    sys.stdout.write(f"{len(locked)} packages, {sum(len(hashes) for _, hashes in locked.values())} hashes\n")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())

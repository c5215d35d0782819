"""The hashes of what `requirements.txt` installs: check `requirements.lock`, or write it.

    python tools/lock.py                        do both files agree? Needs no network; a test runs it
    python tools/lock.py --write                resolve here, and add the hashes of the files that pip would take
    python tools/lock.py --write --python 3.13  the same for the files of another version of Python

pip takes hashes for all packages of a command or for none, and an editable folder can have none. So the lock is a file
of its own, which is installed first. It has no torch and nothing that only torch brings: builds of torch differ from
one index to the next (for a processor, for each generation of GPUs), and so do their hashes. Each run adds what it
finds to what is there, since every version of Python and every platform has files of its own.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
PINS, LOCK = ROOT / "requirements.txt", ROOT / "requirements.lock"
_NOT_LOCKED = re.compile(r"torch|torchvision|triton|nvidia-.*|cuda-.*")
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


def resolve(python: str | None) -> Locked:
    """What pip would take, with the hashes of the files. For another Python: the files of what is locked already."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
        if python is None:
            # What they bring is what our own distributions bring, which need a build to say so.
            wanted = [f"{name}=={version}" for name, version in read_pins(PINS.read_text(encoding="utf-8")).items()]
        else:
            pins = [f"{name}=={version}" for name, (version, _) in read_lock(LOCK.read_text(encoding="utf-8")).items()]
            wanted = ["--no-deps", "--only-binary=:all:", "--python-version", python, "--target", folder, *pins]
        subprocess.run([*command, "--report", str(report), *wanted], cwd=ROOT, check=True)
        items = json.loads(report.read_text(encoding="utf-8"))["install"]
    return collect(items)


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
    parser.add_argument("--write", action="store_true", help="resolve, and add hashes to the file")
    parser.add_argument("--python", help="of this version of Python, such as 3.13")
    asked = parser.parse_args()
    locked = read_lock(LOCK.read_text(encoding="utf-8")) if LOCK.is_file() else {}
    if asked.write:
        found = resolve(asked.python)
        # What is needed no longer goes; another version begins with no hashes.
        kept = locked if asked.python else {name: locked[name] for name in found if name in locked}
        for name, (version, hashes) in found.items():
            before = kept.get(name)
            kept[name] = (version, hashes | (before[1] if before is not None and before[0] == version else set()))
        locked = kept
        LOCK.write_text(render_lock(locked), encoding="utf-8")
    differences = list_differences(read_pins(PINS.read_text(encoding="utf-8")), locked)
    for line in differences:
        sys.stdout.write(f"{line}\n")
    sys.stdout.write(f"{len(locked)} packages, {sum(len(hashes) for _, hashes in locked.values())} hashes\n")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())

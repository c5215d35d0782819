"""Prepare a release: write a version into every file that names it, and move `changes/` into the changelog.

    python tools/release.py 0.2.0

Commits, tags and uploads nothing; see RELEASING.md.
"""

from __future__ import annotations

import argparse
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
KINDS = ("added", "changed", "fixed", "removed")
"""Sections of a version in the changelog, in this order."""
LIMITED = (
    "pyproject.toml",
    "plugins/*/*/pyproject.toml",
    "docs/how-to/*.md",
)
"""Files that ask for `judge-harness` or a plugin between two versions."""

_LIMITS = re.compile(r"(judge-harness[a-z-]*)>=\d+\.\d+,<\d+\.\d+")
_HEADING = re.compile(r"^## ", re.MULTILINE)


def set_version(root: Path, version: str) -> None:
    """Write `version` into the fifteen distributions, the core and the citation, and the limits that follow from it.

    Raises:
        SystemExit: A file does not name its version where it should.
    """
    major, minor, _ = version.split(".")
    for file in (root / "pyproject.toml", *sorted(root.glob("plugins/*/*/pyproject.toml"))):
        _replace(file, r'^version = "[^"]+"$', f'version = "{version}"')
    _replace(root / "harness" / "__init__.py", r'^__version__ = "[^"]+"$', f'__version__ = "{version}"')
    _replace(root / "CITATION.cff", r"^version: .+$", f"version: {version}")
    limits = rf"\1>={major}.{minor},<{major}.{int(minor) + 1}"
    for pattern in LIMITED:
        for file in sorted(root.glob(pattern)):
            _write(file, _LIMITS.sub(limits, file.read_text(encoding="utf-8")))


def collect_changes(root: Path, version: str, date: str) -> None:
    """Move the files of `changes/` into the section of `version`, which is made where there is none.

    Raises:
        SystemExit: A file has a name that says no kind.
    """
    files = sorted(path for path in (root / "changes").iterdir() if path.name != "README.md")
    for file in files:
        if not re.fullmatch(rf"[a-z0-9-]+\.({'|'.join(KINDS)})\.md", file.name):
            sys.exit(f"changes/{file.name}: write TOPIC.KIND.md; kinds are {', '.join(KINDS)}")
    changelog = root / "CHANGELOG.md"
    before, own, after = _split(changelog.read_text(encoding="utf-8"), version)
    for kind in KINDS:
        texts = [file.read_text(encoding="utf-8") for file in files if file.name.endswith(f".{kind}.md")]
        own = _with_entries(own, kind, [_bullet(text) for text in texts])
    _write(changelog, f"{before}## {version} - {date}\n\n{own.strip()}\n\n{after}".rstrip() + "\n")
    for file in files:
        file.unlink()


def _split(text: str, version: str) -> tuple[str, str, str]:
    """What stands before the section of a version, in it without its heading, and after it."""
    starts = [match.start() for match in _HEADING.finditer(text)]
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        if text.startswith((f"## {version} ", f"## {version}\n"), start):
            return text[:start], text[start:end].partition("\n")[2], text[end:]
    first = starts[0] if starts else len(text)
    return text[:first], "", text[first:]


def _with_entries(section: str, kind: str, entries: list[str]) -> str:
    """A section with entries at the end of the part of one kind."""
    if not entries:
        return section
    heading = f"### {kind.capitalize()}\n"
    added = "\n".join(entries) + "\n"
    if heading not in section:
        return f"{section.rstrip()}\n\n{heading}\n{added}"
    before, _, rest = section.partition(heading)
    own, following, later = rest.partition("\n### ")
    return f"{before}{heading}{own.rstrip()}\n{added}{following}{later}"


def _bullet(text: str) -> str:
    return "- " + "\n  ".join(text.strip().splitlines())


def _replace(file: Path, pattern: str, text: str) -> None:
    changed, count = re.subn(pattern, text, file.read_text(encoding="utf-8"), count=1, flags=re.MULTILINE)
    if not count:
        sys.exit(f"{file}: there is no line like {pattern}")
    _write(file, changed)


def _write(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8", newline="\n")


def main() -> None:
    """Prepare the release."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("version", help="three numbers: 0.2.0")
    version: str = parser.parse_args().version
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        parser.error(f"{version!r}: write three numbers, such as 0.2.0")
    set_version(ROOT, version)
    collect_changes(ROOT, version, f"{datetime.now(UTC):%Y-%m-%d}")


if __name__ == "__main__":
    main()

"""The documentation builds without a warning, every page can be reached, and every link leads somewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
WRITTEN = sorted(
    path.relative_to(DOCS)
    for path in DOCS.rglob("*.md")
    if "_build" not in path.parts and "generated" not in path.parts
)
_TOCTREE = re.compile(r"^```\{toctree\}\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s#]+)(?:#[^)]*)?\)")
_NAMED = re.compile(r"^\*\*`([^`\n]+)`\*\*\n\n```[a-z]+$", re.MULTILINE)
_CAPTION = re.compile(r'<div class="code-block-caption">.*?<span class="pre">([^<]+)<.*?</div>\s*<div class="highlight')
_CODE = re.compile(r"^(`{3,}).*?^\1", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built site; a warning is an error."""
    place = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-W", "-q", "-b", "html", "-d", str(place / "t"), str(DOCS)]
    # Every page holds the contents of all others. Classes and methods among them make that a fifth of the time.
    command += ["-D", "toc_object_entries=0"]
    done = subprocess.run([*command, str(place / "h")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return place / "h"


@pytest.mark.slow
def test_the_documentation_builds_without_a_warning(site: Path) -> None:
    page = (site / "reference" / "generated" / "api.html").read_text(encoding="utf-8")
    assert "harness.api.Judge.fingerprint" in page
    assert "the gold must not leak" in page


@pytest.mark.slow
def test_every_named_block_shows_its_file_name(site: Path) -> None:
    total = 0
    for page in WRITTEN:
        named = _NAMED.findall((DOCS / page).read_text(encoding="utf-8"))
        shown = _CAPTION.findall((site / page.with_suffix(".html")).read_text(encoding="utf-8"))
        assert shown == named, page
        total += len(named)
    assert total > 50


@pytest.mark.slow
def test_commands_are_copied_without_their_prompt(site: Path) -> None:
    script = (site / "_static" / "copybutton.js").read_text(encoding="utf-8")
    assert "formatCopyText(text, '$ ', false, true, true, true" in script


def test_every_page_is_linked_from_a_toctree() -> None:
    linked = {Path("index.md")}
    for page in WRITTEN:
        text = (DOCS / page).read_text(encoding="utf-8")
        for tree in _TOCTREE.findall(text):
            entries = [line for line in tree.split("\n") if line.strip() and not line.startswith(":")]
            linked |= {page.parent / f"{entry}.md" for entry in entries}
    pages = {path for path in linked if "generated" not in path.parts}
    assert pages == set(WRITTEN)


def test_every_generated_page_is_linked_once_from_the_reference_or_the_front_page(generate: object) -> None:
    pages: dict[str, object] = getattr(generate, "PAGES", {})
    assert pages
    linked = [
        name
        for page, folder in ((DOCS / "reference" / "index.md", ""), (DOCS / "index.md", "reference/"))
        for name in re.findall(rf"^{folder}generated/(\S+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert sorted(linked) == sorted([*pages, "tasks/index"])


def test_every_relative_link_leads_to_a_file() -> None:
    for page in (
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        ROOT / "CHANGELOG.md",
        ROOT / "RELEASING.md",
        ROOT / "SECURITY.md",
        ROOT / "changes" / "README.md",
        *(DOCS / page for page in WRITTEN),
    ):
        for target in _LINK.findall(_CODE.sub("", page.read_text(encoding="utf-8"))):
            if "://" not in target and "/generated/" not in f"/{target}":
                assert (page.parent / target).exists(), f"{page.relative_to(ROOT)}: {target}"

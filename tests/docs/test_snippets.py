"""Every snippet of the documentation works: files are written, Python and commands are run, manifests are loaded.

A page is a small world: its blocks act in order in one folder of its own. A paragraph above a block with nothing but a
bold name in backticks is its file name, which readers see too. Named blocks are written there, and what can be checked
about them is checked:

- `python`: run, whether named or not;
- `yaml`: loaded as a manifest or recipe; an unnamed one may be a fragment of a manifest, and is completed first;
- `toml`, `json`, `jsonl`: parsed;
- `console`: each line that starts with `$ harness`, `$ python` or `$ pytest` is run, and the lines after it are
  compared with what it printed; `...` stands for anything. `$ pip install -e FOLDER` is played: it puts the metadata
  of the `pyproject.toml` where the commands after it find them, without building anything.

`<!-- not run: REASON -->` before a block or its name leaves it out, and `OPTED_OUT` counts these. `<!-- exit: N -->`
says that the last command of a block ends with N. Pages in `NEED_OOD` find a finished run of the OOD benchmark.
"""

from __future__ import annotations

import doctest
import json
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from harness.discovery import Plugins
from harness.manifest.load import is_recipe, load_manifest, load_recipe

if TYPE_CHECKING:
    from tests.commands import Commands

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    path
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md"))
    if "_build" not in path.parts and "generated" not in path.parts
)
NEED_OOD = {"docs/tutorials/first-run.md"}
TAKE_FROM_OOD = {"docs/how-to/look-at-a-run.md"}
"""Pages whose first command takes its answers from that run, which is not there for the others."""
SLOW = NEED_OOD | {
    "README.md",
    "docs/how-to/compare-two-judges.md",
    "docs/how-to/custom-metric.md",
    "docs/how-to/judge-with-a-local-model.md",
    "docs/how-to/publish-a-plugin.md",
    "docs/how-to/resume-and-shard.md",
    "docs/how-to/write-a-trainer.md",
    "docs/tutorials/your-own-judge.md",
}
LITERAL = {"README.md", "docs/tutorials/first-run.md"}
"""Pages whose every `$ harness` is a new Python. On the others it is a fork: see `commands.py`."""
OPTED_OUT = {
    "CONTRIBUTING.md": 2,
    "README.md": 2,
    "docs/explanation/measured-validity.md": 1,
    "docs/explanation/published-values.md": 1,
    "docs/explanation/the-paper-in-miniature.md": 1,
    "docs/explanation/what-carries-over.md": 2,
    "docs/explanation/what-runs-code.md": 1,
    "docs/how-to/ask-why-a-judge-said-so.md": 2,
    "docs/how-to/get-the-data-of-a-benchmark.md": 1,
    "docs/how-to/hand-a-run-over.md": 1,
    "docs/how-to/judge-with-llama-cpp.md": 5,
    "docs/how-to/look-at-a-run.md": 2,
    "docs/how-to/push-a-run.md": 1,
    "docs/how-to/run-on-a-cluster.md": 3,
    "docs/how-to/run-under-slurm.md": 2,
    "docs/how-to/send-runs-to-a-tracker.md": 1,
    "docs/how-to/train-a-judge.md": 5,
    "docs/how-to/train-on-many-gpus.md": 11,
    "docs/how-to/use-it-from-python.md": 1,
    "docs/how-to/use-your-own-copy-of-a-benchmark.md": 1,
    "docs/how-to/write-an-executor.md": 1,
    "docs/index.md": 1,
    "docs/installation.md": 2,
}
"""How many blocks of each page are not run. Say why in the page, and count here."""

ENVIRONMENT = {"OMP_NUM_THREADS": "1", "COLUMNS": "100", "PYTHONUNBUFFERED": "1"}
RUN = {"python", "yaml", "toml", "json", "jsonl", "csv", "console"}
_PLAIN = {"", "text", "{toctree}", "{eval-rst}", "{image}", "{include}", "{literalinclude}", "{warning}"}
_FENCE = re.compile(r"^(?P<fence>`{3,})(?P<info>[^`\n]*)\n(?P<body>.*?)^(?P=fence)[ \t]*$", re.MULTILINE | re.DOTALL)
_NAME = re.compile(r"^\*\*`(?P<file>[^`\n]+)`\*\*\n\s*\Z", re.MULTILINE)
_MARKER = re.compile(r"<!-- (not run|exit): (.+?) -->\s*\Z")
_COMPLETION = {
    "name": "snippet",
    "tasks": [{"use": "miniature/technical", "name": "snippet-task"}],
    "judges": [{"use": "baselines/constant", "name": "snippet-judge"}],
}


@dataclass(frozen=True)
class Block:
    """A fenced block."""

    language: str
    file: str
    body: str
    line: int
    marker: str
    """`not run`, `exit` or empty."""
    value: str
    """The reason, or the exit code."""


def blocks(path: Path) -> Iterator[Block]:
    """The fenced blocks of a page, in order."""
    text = path.read_text(encoding="utf-8")
    for match in _FENCE.finditer(text):
        above = text[: match.start()]
        name = _NAME.search(above)
        marker = _MARKER.search(above[: name.start()] if name else above)
        yield Block(
            language=match["info"].strip() if match["info"][:1] != "{" else match["info"].partition(" ")[0],
            file=name["file"] if name else "",
            body=match["body"],
            line=text.count("\n", 0, match.start()) + 1,
            marker=marker[1] if marker else "",
            value=marker[2] if marker else "",
        )


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize(
    "page",
    [pytest.param(page, marks=pytest.mark.slow) if name_of(page) in SLOW else page for page in PAGES],
    ids=name_of,
)
@pytest.mark.timeout(1200)
def test_the_snippets_of_a_page_work(page: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    (tmp_path / "benchmarks").symlink_to(ROOT / "benchmarks")
    if name_of(page) in NEED_OOD | TAKE_FROM_OOD:
        shutil.copytree(request.getfixturevalue("ood_runs"), tmp_path / "runs")
    finished = [*(tmp_path / "runs").glob("*")] if name_of(page) in TAKE_FROM_OOD else []
    # The pages that are read first are run to the letter. On the others, commands need not load the harness again.
    quick = name_of(page) not in LITERAL
    world = _World(tmp_path, request.getfixturevalue("commands") if quick else None)
    for block in blocks(page):
        if block.marker != "not run":
            world.act(block, where=f"{name_of(page)}:{block.line}")
            while finished:
                shutil.rmtree(finished.pop())


def test_every_plugin_that_a_page_shows_passes_harness_check_on_that_page() -> None:
    """A reader copies what a page shows. The command itself is run with the page."""
    offering = re.compile(r"^def harness_(?:task|judge|reward|format|metric|trainer|manifest)s\b", re.MULTILINE)
    for page in PAGES:
        shown = [block for block in blocks(page) if block.marker != "not run"]
        commands = "".join(block.body for block in shown if block.language == "console")
        for block in shown:
            if block.file and offering.search(block.body):
                # The module of a distribution is named by its package, src/harness_shades/plugin.py.
                path = Path(block.file)
                name = path.parent.name.removeprefix("harness_") if path.name == "plugin.py" else path.stem
                assert re.search(rf"^\$ harness .*check {name}\b", commands, re.MULTILINE), f"{name_of(page)}: {name}"


def test_every_block_that_is_not_run_is_counted_and_says_why() -> None:
    found: dict[str, int] = {}
    for page in PAGES:
        skipped = [block for block in blocks(page) if block.marker == "not run"]
        assert all(len(block.value) > 10 for block in skipped), f"{page}: give a reason"
        if skipped:
            found[name_of(page)] = len(skipped)
    assert found == OPTED_OUT


def test_every_block_has_a_language_that_somebody_knows() -> None:
    for page in PAGES:
        for block in blocks(page):
            known = block.language in RUN | _PLAIN or block.marker == "not run"
            assert known, f"{name_of(page)}:{block.line}: {block.language!r}; a file name stands above its block"


class _World:
    """A folder in which the blocks of one page act."""

    def __init__(self, folder: Path, commands: Commands | None = None) -> None:
        self.folder = folder
        self.commands = commands
        self.plugins: list[str] = []
        self.installed: list[Path] = []

    def act(self, block: Block, *, where: str) -> None:
        """Write the block, and check what can be checked."""
        path = self.folder / (block.file or f"snippet-{block.line}.{block.language}")
        if block.language in RUN - {"console"}:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.body, encoding="utf-8")
        if block.language == "python":
            self._python(path, where=where)
        elif block.language == "yaml":
            self._manifest(path, complete=not block.file, where=where)
        elif block.language == "toml":
            tomllib.loads(block.body)
        elif block.language == "json":
            json.loads(block.body)
        elif block.language == "jsonl":
            assert all(isinstance(json.loads(line), dict) for line in block.body.splitlines()), where
        elif block.language == "console":
            self._console(block, where=where)

    def _python(self, path: Path, *, where: str) -> None:
        """Run it in this process; a file with tests of its own is left to `$ pytest`."""
        if path.name.startswith("test_"):
            compile(path.read_text(encoding="utf-8"), where, "exec")
            return
        before = Path.cwd()
        os.chdir(self.folder)
        try:
            sys.path.insert(0, str(path.parent))
            names = runpy.run_path(str(path))
        finally:
            sys.path.remove(str(path.parent))
            os.chdir(before)
        if any(name.startswith("harness_") for name in names) and path.parent == self.folder:
            self.plugins.append(str(path))

    def _manifest(self, path: Path, *, complete: bool, where: str) -> None:
        """Load it with the plugins that the page wrote so far."""
        if complete:
            plain = {**_COMPLETION, **yaml.safe_load(path.read_text(encoding="utf-8"))}
            path.write_text(yaml.safe_dump(plain, sort_keys=False), encoding="utf-8")
        before = sys.path.copy()
        sys.path[:0] = map(str, self.installed)
        try:
            load = load_recipe if is_recipe(path) else load_manifest
            loaded = load(path, plugins=Plugins.load(extra=self.plugins))
        finally:
            sys.path[:] = before
        assert loaded.tasks, where

    def _console(self, block: Block, *, where: str) -> None:
        commands = re.split(r"^\$ ", block.body, flags=re.MULTILINE)
        assert not commands[0].strip(), f"{where}: output without a command"
        for number, part in enumerate(commands[1:], start=1):
            line, _, expected = part.partition("\n")
            last = number == len(commands) - 1
            code = int(block.value) if block.marker == "exit" and last else 0
            done = self._run(line, where=where)
            assert done.returncode == code, f"{where}: $ {line}\nexit code {done.returncode}\n{done.stdout}"
            if expected.strip():
                _compare(expected, done.stdout, where=f"{where}: $ {line}")

    def _run(self, line: str, *, where: str) -> subprocess.CompletedProcess[str]:
        program, *arguments = shlex.split(line)
        if arguments[:2] == ["install", "-e"]:
            self._install(self.folder / arguments[2])
            return subprocess.CompletedProcess(line, 0, stdout="")
        programs = {
            "harness": [sys.executable, "-m", "harness"],
            "python": [sys.executable],
            "pytest": [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"],
        }
        assert program in programs, f"{where}: $ {line}: only {', '.join(programs)} can be run"
        expanded = [one for argument in arguments for one in self._glob(argument)]
        environment = {**os.environ, "HARNESS_REPORT": "", **ENVIRONMENT, "PYTHONPATH": os.pathsep.join(self._path())}
        if program == "harness" and self.commands is not None:
            return self.commands.run(expanded, cwd=self.folder, env=environment)
        return subprocess.run(
            [*programs[program], *expanded],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=250,
            check=False,
        )

    def _path(self) -> list[str]:
        """What is installed on the page, then what this process itself was given, such as another checkout."""
        given = os.environ.get("PYTHONPATH", "")
        return [*map(str, self.installed), *([given] if given else [])]

    def _install(self, distribution: Path) -> None:
        """What `pip install -e` leaves behind: the sources on the path, and the metadata beside them."""
        project = tomllib.loads((distribution / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        metadata = distribution / "src" / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
        metadata.mkdir()
        head = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
        (metadata / "METADATA").write_text(head, encoding="utf-8")
        points = [f"{name} = {place}" for name, place in project["entry-points"]["harness"].items()]
        (metadata / "entry_points.txt").write_text("\n".join(["[harness]", *points, ""]), encoding="utf-8")
        self.installed.append(distribution / "src")

    def _glob(self, argument: str) -> list[str]:
        """What a shell would make of `runs/ood-*`."""
        if "*" not in argument:
            return [argument]
        return sorted(path.relative_to(self.folder).as_posix() for path in self.folder.glob(argument)) or [argument]


def _compare(expected: str, said: str, *, where: str) -> None:
    """Compare output, white space folded, `...` standing for anything."""
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    same = doctest.OutputChecker().check_output(expected.strip() + "\n", said.strip() + "\n", options)
    assert same, f"{where}\n--- documented\n{expected}\n--- printed\n{said}"

"""Nothing that files, models, servers or plugins say reaches a terminal raw: the real program on a real terminal."""

from __future__ import annotations

import ast
import os
import pty
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from harness.console import say
from harness.libraries.terminal import guard_streams

EVIL = "\x1b]0;PWN\x07\x1b[2J\x9b31m\u202e\u2028\u2066\x08"
RAW = re.compile("\x1b\\]|\x07|\x1b\\[2J|[\x80-\x9f]|\u202e|\u2028|\u2066|\x08")
"""What must not come through; colours and cursor movements of our own are other sequences."""

PLUGIN = f"""
from harness.api import (
    Choice, Item, Judgement, JudgeCard, Message, Protocol, Request, Status, TaskCard, UserError, hookimpl
)

EVIL = {EVIL!r}


class Task:
    protocol, format = Protocol(), "harness/tagged"

    def items(self, split):
        for number in range(6):
            yield Item(id=f"i{{number}}{{EVIL}}", group=str(number), space=Choice(("yes", "no")), gold="yes",
                       category=f"c{{EVIL}}", question=(f"Is it {{number}}?",))

    def render(self, item, *, order, format):
        return Request(task="?", item=item.id, messages=(Message("user", item.question),), space=item.space,
                       format=format, order=order)

    def fingerprint(self):
        return "evil"


class Judge:
    def judge(self, requests):
        for number, request in enumerate(requests):
            if number % 3 == 0:
                yield request, Judgement.failure(Status.ERROR, f"the server said {{EVIL}}")
            elif number % 3 == 1:
                yield request, request.read(f"well {{EVIL}}\\nerror: {{EVIL}}")
            else:
                yield request, Judgement.failure(Status.REFUSED, f"no {{EVIL}}")

    def fingerprint(self):
        return "evil"


class Stopping(Judge):
    def judge(self, requests):
        raise UserError(f"wrong key {{EVIL}}")
        yield


@hookimpl
def harness_tasks():
    return [TaskCard(name="task", summary=f"A task {{EVIL}}.", factory=lambda options, context: Task())]


@hookimpl
def harness_judges():
    return [
        JudgeCard(name="judge", summary=f"A judge {{EVIL}}.", factory=lambda options, context: Judge()),
        JudgeCard(name="stopping", summary="Stops.", factory=lambda options, context: Stopping()),
    ]


@hookimpl
def harness_run_finished(folder):
    class Odd(Exception):
        def __repr__(self):
            return f"odd {{EVIL}}"

    raise Odd
"""
MANIFEST = "name: m\ntasks: [{use: evil/task, name: 't'}]\njudges: [{use: evil/%s, name: 'j'}]\n"


HARNESS = (sys.executable, "-m", "harness")


def on_terminal(*arguments: str, cwd: Path, program: Sequence[str] = HARNESS) -> tuple[int, str]:
    """Exit code and all that the program wrote to its terminal."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*program, *arguments],
        cwd=cwd,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "100"},
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        written = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # how Linux says that the other end is closed
                break
            if not part:
                break
            written += part
        os.close(ours)
    return process.returncode, written.decode("utf-8", "surrogateescape")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("terminal")
    (folder / "evil.py").write_text(PLUGIN, encoding="utf-8")
    (folder / "broken.py").write_text(f"raise RuntimeError({EVIL!r})\n", encoding="utf-8")
    for name in ("judge", "stopping"):
        (folder / f"{name}.yaml").write_text(MANIFEST % name, encoding="utf-8")
    code, said = on_terminal("-p", "evil.py", "run", "judge.yaml", cwd=folder)
    assert code == 3, said
    (folder / "run").symlink_to(next((folder / "runs").glob("m-*")))
    (folder / "said.txt").write_text(said, encoding="utf-8", errors="surrogateescape")
    return folder


def test_the_run_lists_failures_and_prints_none_of_it_raw(place: Path) -> None:
    said = (place / "said.txt").read_text(encoding="utf-8", errors="surrogateescape")
    assert "the server said �]0;PWN" in said
    assert "raised odd �]0;PWN" in said
    assert RAW.findall(said) == []


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["-p", "evil.py", "run", "stopping.yaml"], 2, "wrong key"),
        (["show", "run", "--unread"], 0, "| well �"),
        (["-p", "evil.py", "show", "evil/task"], 0, "A task �"),
        (["-p", "evil.py", "score", "run"], 0, "6 of 6 requests"),
        (["-p", "evil.py", "score", "run", "--reread"], 0, "0 of 2 answers"),
        (["leaderboard", "run", "--group-by", "category"], 0, "t · c�"),
        (["-p", "evil.py", "list", "judges"], 0, "A judge �"),
        (["-p", "broken.py", "plugins"], 0, "�"),
        (["-p", "broken.py", "list", "tasks"], 0, "warning: plugin"),
        (["run", f"{EVIL}.yaml"], 2, "�"),
        (["show", EVIL], 2, "nothing installed"),
        ([f"r{EVIL}un"], 2, "No such command"),
        (["compare", f"a{EVIL}", "b", "--run", "run"], 2, "has no judge"),
    ],
    ids=range(13),
)
def test_no_verb_prints_it_raw(place: Path, arguments: list[str], code: int, says: str) -> None:
    ended, said = on_terminal(*arguments, cwd=place)
    assert RAW.findall(said) == []
    assert says in said
    assert ended == code, said


def test_a_traceback_is_cleaned_as_well(place: Path) -> None:
    (place / "fault.py").write_text(
        f"from harness import cli, discovery\n"
        f"def broken(**_): raise RuntimeError({EVIL!r})\n"
        "discovery.Plugins.load = broken\n"
        "cli.main(['plugins'])\n",
        encoding="utf-8",
    )
    code, said = on_terminal("fault.py", cwd=place, program=[sys.executable])
    assert code == 1
    assert "internal fault" in said
    assert RAW.findall(said) == []


def test_the_progress_of_a_cell_with_such_a_name_is_cleaned(place: Path) -> None:
    """Names of judges come from file names, too."""
    (place / "progress.py").write_text(
        "import sys\nfrom harness.progress import LineProgress, make_progress\n"
        "for progress in (make_progress(), LineProgress(sys.stderr)):\n"
        "    with progress:\n"
        f"        progress.start({EVIL!r}, {EVIL!r}, total=2, done=1, answered=1)\n"
        "        progress.end()\n",
        encoding="utf-8",
    )
    code, said = on_terminal("progress.py", cwd=place, program=[sys.executable])
    assert (code, RAW.findall(said)) == (0, [])
    assert said.count("�]0;PWN") >= 2


PRINTS = {"print", "click.echo", "click.secho", "click.prompt", "click.confirm", "click.echo_via_pager", "pprint"}
STREAMS = {"sys.stdout.write", "sys.stderr.write", "sys.stdout.writelines", "sys.stderr.writelines", "warnings.warn"}
ALLOWED = {
    "harness/console.py": "the place",
    "harness/fetch/command.py": "a question with nothing from outside in it",
    "harness/discovery.py": "a layer below it; what it prints went through `clean`",
    "harness/library/showing.py": "what `say` has cleaned, in a notebook",
    "harness/testing/": "warnings of the conformance kit, in a test of a plugin",
    "plugins/judges/miniature/src/harness_miniature_judges/trainer.py": "numbers, and a name of letters and digits",
    "plugins/judges/transformers/src/harness_transformers/testing/__main__.py": "a program of its own, for tests",
    "plugins/sinks/trackers/src/harness_trackers/sending.py": "what its `clean_line` has cleaned",
    "plugins/sinks/trackers/src/harness_trackers/worker.py": "JSON to the process that started it",
    "plugins/trainers/grpo/src/harness_grpo/progress.py": "numbers, a name of letters and digits, and text it cleans",
}


def test_there_is_one_place_that_prints() -> None:
    """All else goes through its `echo` and `say`, which clean. Its guard is for libraries, not for us."""
    root = Path(__file__).resolve().parents[2]
    files = [*root.glob("harness/**/*.py"), *root.glob("plugins/*/*/src/**/*.py")]
    assert len(files) > 200
    found = []
    for path in files:
        name = path.relative_to(root).as_posix()
        if "_templates" in path.parts or name.startswith(tuple(ALLOWED)):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in PRINTS | STREAMS:
                found.append(f"{name}:{node.lineno}: {ast.unparse(node.func)}")
    assert found == []


def test_what_is_redirected_from_stdout_is_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    with guard_streams():
        sys.stdout.write("data\x1b[1m\n")
        sys.stderr.write("\rlog\x1b[1m\n")
        sys.stderr.writelines(["a\x9b", "b"])
    assert capsys.readouterr() == ("data\x1b[1m\n", "\rlog\ufffd[1m\na\ufffdb")
    sys.stderr.write("\x1b[1m")
    assert capsys.readouterr().err == "\x1b[1m"


@pytest.mark.parametrize(
    ("closed", "said"), [((1,), (False, True)), ((2,), (True, False)), ((0, 1, 2), (False, False))], ids=str
)
def test_a_stream_that_is_closed_at_the_start_takes_what_is_written(
    closed: tuple[int, ...], said: tuple[bool, bool], tmp_path: Path
) -> None:
    (tmp_path / "broken.py").write_text("raise RuntimeError\n", encoding="utf-8")
    ends = " ".join(f"{number}>&-" for number in closed)
    for arguments, code in (("-p broken.py list tasks", 0), ("show no-such-plugin", 2)):
        done = subprocess.run(
            ["sh", "-c", f'"$0" -m harness {arguments} {ends}', sys.executable],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        if code == 0:
            assert (bool(done.stdout), "warning: plugin" in done.stderr) == said


def test_an_error_that_fills_screens_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    say("x" * 1_000_000 + "\nthe end")
    assert capsys.readouterr().err == "x" * 4000 + "... (996,000 more characters)\nthe end\n"

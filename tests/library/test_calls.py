"""`harness.run` and `harness.load`: the command line as functions, in scripts, notebooks, threads and event loops."""

from __future__ import annotations

import ast
import asyncio
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import harness
from harness.api import JournalError, UserError
from harness.cli import main
from harness.libraries.config import read_text
from harness.library import Run
from harness.library.calls import write_sets
from harness.library.showing import is_notebook
from harness.manifest.problems import ManifestProblems
from harness.runner.journal import Journal

STOPPING = Path(__file__).with_name("stopping_plugin.py")
DRAWN = Path(__file__).parents[1] / "view" / "drawn_plugin.py"
SMALL = """\
name: small
tasks:
  - use: miniature/technical
    with: {items: 30}
judges:
  - use: baselines/random
  - use: baselines/constant
report: {resamples: 200}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.yaml").write_text(SMALL)
    return tmp_path


def call_command(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return int(ended.value.code or 0)


def test_the_command_and_the_function_write_the_same_bytes_into_a_folder_of_the_same_name(folder: Path) -> None:
    options = ("--limit", "12", "--set", "run.seed=3", "--runs", "by-command", "--shard", "1/2")
    assert call_command("run", "m.yaml", *options) == 0
    run = harness.run("m.yaml", limit=12, set={"run.seed": 3}, runs="by-function", shard="1/2")
    (by_command,) = (folder / "by-command").glob("small-*")
    assert run.folder.name == by_command.name
    for name in ("leaderboard.json", "scores.json", "leaderboard.md", "manifest.yaml"):
        assert (run.folder / name).read_bytes() == (by_command / name).read_bytes(), name
    assert run.leaderboard().to_json() == json.loads((by_command / "leaderboard.json").read_text())


def test_a_run_goes_on_and_a_finished_one_asks_nobody(folder: Path) -> None:
    first = harness.run("m.yaml", limit=8)
    before = list(first.judgements().to_dicts())
    again = harness.run("m.yaml", limit=8)
    assert again.folder == first.folder
    assert list(again.judgements().to_dicts()) == before  # their latencies, too
    assert harness.run("m.yaml", limit=8, fresh=True).folder == first.folder
    assert len(list(Path("runs").glob("small-*"))) == 2  # the older one is kept


def test_a_run_is_still_there_when_the_program_has_gone_to_another_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "own_plugin.py").write_text(DRAWN.read_text())
    made = harness.run("m.yaml", limit=4, plugin=["own_plugin.py"])
    loaded = harness.load(Path("runs", made.folder.name), plugin=["own_plugin.py"])
    (folder / "elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    assert made.folder.is_dir()
    assert loaded.leaderboard().to_json() == made.leaderboard().to_json()
    assert loaded.judgements().count() == made.judgements().count() == 8
    assert made.score().to_json() == loaded.leaderboard().to_json()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"set": {"tasks.0.lmit": 3}}, "limit"),
        ({"shard": "3/2"}, "write I/N"),
        ({"limit": 0}, "greater than or equal to 1"),
        ({"executor_options": {"workers": 2}}, "no --executor"),
        ({"executor": "procesess"}, "processes"),
        ({"set": {"vars": {1, 2}}}, "nothing that a manifest holds"),
        ({"plugin": "my_judge.py"}, r"plugin=\['my_judge.py'\]"),
    ],
)
def test_a_wrong_option_is_an_error_that_says_the_fix(folder: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        harness.run("m.yaml", **options)
    assert not Path("runs").exists()


def test_a_manifest_that_there_is_not_gets_near_misses(folder: Path) -> None:
    with pytest.raises(UserError, match="miniature/ood"):
        harness.run("miniature/odd")


def test_what_there_is_no_run_in_is_said_when_it_is_loaded(folder: Path) -> None:
    made = harness.run("m.yaml", limit=4)
    with pytest.raises(UserError, match=made.folder.name):
        harness.load("runs/smal")
    with pytest.raises(UserError, match="name a run folder"):
        harness.load()
    (folder / "no.bundle").write_text("no bundle")
    with pytest.raises(UserError, match=r"no\.bundle"):
        harness.load("no.bundle").leaderboard()


@pytest.mark.parametrize(
    "value", [1e-05, 0.1, "no", "1", "", "a\nb", "😀\x85", "\x7f", "~", None, True, [1, {"b": [None]}], "a: b #c", -3]
)
def test_a_value_reaches_the_manifest_as_it_is(value: object) -> None:
    (text,) = write_sets({"vars.x": value})
    problems = ManifestProblems()
    read = read_text(text.removeprefix("vars.x="), label="--set", folder=Path(), problems=problems, lines=False)
    problems.raise_if_any()
    assert plain(read) == value


def plain(node: Any) -> Any:
    if isinstance(node.value, tuple):
        return [plain(child) for child in node.value]
    if isinstance(node.value, Mapping):
        return {name: plain(child) for name, child in node.value.items()}
    return node.value


def test_paths_and_numbers_of_numpy_are_values(folder: Path) -> None:
    import numpy as np

    assert write_sets({"a": Path("x/y"), "b": np.int64(3), "c": {"d": np.float64(0.5)}}) == [
        'a="x/y"',
        "b=3",
        'c={"d": 0.5}',
    ]


def test_a_script_gets_no_output_and_a_log(
    folder: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    silent = {"use": "drawn_plugin/teller", "name": "silent", "with": {"silent": 2}}
    sets = {"tasks": [{"use": "drawn_plugin/drawn"}], "judges": [silent], "report.min_coverage": 0.9}
    with caplog.at_level(logging.INFO, logger="harness"):
        assert harness.run("m.yaml", limit=4).problems == ()
        run = harness.run("m.yaml", set=sets, plugin=[DRAWN])
    assert capfd.readouterr() == ("", "")
    assert run.problems == ("silent on drawn: coverage 50.0 % is below the gate of 90 %",)
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == [*run.problems]


def test_progress_is_shown_where_it_is_wanted(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    harness.run("m.yaml", limit=4, progress=True)
    assert "technical · random: 4 of 4 requests" in capsys.readouterr().err
    assert not is_notebook()


def test_ctrl_c_stops_in_order_and_the_same_call_goes_on(folder: Path) -> None:
    sets = {"judges.0.use": "presser", "judges.0.name": "presser"}
    whole = harness.run("m.yaml", set=sets, plugin=[STOPPING], runs="whole")
    Path("press-ctrl-c").touch()
    with pytest.raises(KeyboardInterrupt, match="the same call goes on"):
        harness.run("m.yaml", set=sets, plugin=[STOPPING])
    (place,) = Path("runs").glob("small-*")
    with Journal(place / "journal.sqlite", readonly=True) as journal:
        journal.check()
        held = sum(count for cell in journal.cells() for count in journal.statuses(cell.task, cell.judge_key).values())
    assert 10 <= held - journal_missing(place) < 60
    assert not (place / "leaderboard.json").exists()
    with pytest.raises(JournalError, match="no scores yet"):
        harness.load(place).leaderboard()
    run = harness.run("m.yaml", set=sets, plugin=[STOPPING])
    assert run.folder == place.absolute()
    assert (place / "scores.json").read_bytes() == (whole.folder / "scores.json").read_bytes()


def journal_missing(place: Path) -> int:
    with Journal(place / "journal.sqlite", readonly=True) as journal:
        return sum(journal.statuses(cell.task, cell.judge_key).get("missing", 0) for cell in journal.cells())


def test_it_runs_in_another_thread_than_the_main_one(folder: Path) -> None:
    found: list[Run] = []
    thread = threading.Thread(target=lambda: found.append(harness.run("m.yaml", limit=6)))
    thread.start()
    thread.join(120)
    assert found[0].judgements().count() == 12
    assert found[0].leaderboard().rows  # and is looked at from this one


@pytest.fixture
def address() -> Iterator[str]:
    """The address of a server of chat completions that always says yes."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            message = {"role": "assistant", "content": "<answer>yes</answer>"}
            plain = {
                "id": "c",
                "object": "chat.completion",
                "created": 0,
                "model": "served",
                "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 20, "completion_tokens": 1, "total_tokens": 21},
            }
            text = json.dumps(plain).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 128  # of 5, a burst of connections loses some, and each is made again after a second

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
        server.shutdown()
        thread.join()


def test_it_runs_inside_an_event_loop_with_a_judge_that_has_one_of_its_own(folder: Path, address: str) -> None:
    judge = {"use": "openai", "name": "served", "with": {"base_url": address, "model": "served"}}

    async def call_within_a_cell() -> Run:
        # As in a notebook, whose cells run while the loop of the kernel does.
        return harness.run("m.yaml", limit=5, set={"judges": [judge]})

    run = asyncio.run(call_within_a_cell())
    answers = list(run.judgements(judge="served"))
    assert [answer.verdict for answer in answers] == ["yes"] * 5
    assert {answer.prompt_tokens for answer in answers} == {20}


def test_importing_the_package_costs_nothing_and_shows_its_names() -> None:
    script = (
        "import sys, harness\n"
        "heavy = {'numpy', 'torch', 'sqlite3', 'pandas', 'pyarrow', 'pydantic', 'click', 'rich', 'PIL', 'jinja2'}\n"
        "print(sorted(heavy & set(sys.modules)), {'run', 'load', 'train'} <= set(dir(harness)))\n"
        "from harness import load\n"
        "print(sorted({'torch', 'pandas', 'pyarrow', 'IPython'} & set(sys.modules)), callable(load))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.split("\n")[:2] == ["[] True", "[] True"]


def test_the_types_of_the_package_are_of_what_it_brings() -> None:
    stub = Path(harness.__file__).with_suffix(".pyi")
    named = {
        alias.name: node.module
        for node in ast.walk(ast.parse(stub.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert named == harness._PLACES  # type: ignore[attr-defined]
    for name in named:
        assert getattr(harness, name) is not None
    with pytest.raises(AttributeError, match="lod"):
        harness.lod  # type: ignore[attr-defined]  # noqa: B018

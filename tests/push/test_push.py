from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import pytest
import yaml

from harness.bundle.write import write_bundle
from harness.cli import main
from harness.testing import ManifestRunner

TOKEN = "hf_planted0123456789ABCDEFGHIJ"
SERVER = Path(__file__).with_name("hub_server.py")
MANIFEST = {
    "name": "pushed",
    "tasks": [{"use": "miniature/technical", "limit": 20}],
    "judges": [
        {"use": "baselines/random", "name": "a | b <script>"},
        {"use": "baselines/constant", "with": {"answer": "${env:PUSHED_ANSWER}"}},
    ],
}


class Said(NamedTuple):
    """How a command ended, and what it printed."""

    returncode: int
    stdout: str
    stderr: str


Command: TypeAlias = Callable[..., Said]


class Hub:
    """A server, and the environment in which it is the hub."""

    def __init__(self, address: str) -> None:
        self.address = address

    def kept(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.address}/kept") as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def repository(self, name: str = "datasets/ann/run") -> dict[str, Any]:
        found: dict[str, Any] = self.kept()["repositories"][name]
        return found


@pytest.fixture
def start() -> Iterator[Callable[..., Hub]]:
    with ExitStack() as stack:

        def call(*arguments: str) -> Hub:
            command = [sys.executable, str(SERVER), TOKEN, *arguments]
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            stack.enter_context(process)
            stack.callback(process.kill)
            assert process.stdout is not None
            return Hub(f"http://127.0.0.1:{process.stdout.readline().strip()}")

        yield call


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that tests only read."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PUSHED_ANSWER", "planted-answer-77")
        patch.delenv("HARNESS_REPORT", raising=False)
        return ManifestRunner(tmp_path_factory.mktemp("pushed"))(MANIFEST).folder


@pytest.fixture
def push(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """`harness push`, with a token and a hub that the library finds where it looks for them."""
    from huggingface_hub import constants

    for name in [name for name in os.environ if name.startswith(("HF_", "HUGGING"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "200")
    # Variables that the library reads once, when it is imported.
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))

    def call(run: Path, hub: Hub, *options: str, token: str = TOKEN) -> Said:
        monkeypatch.setattr(constants, "ENDPOINT", hub.address)
        monkeypatch.setenv("HF_TOKEN", token)
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(["push", str(run), "ann/run", *options])
        said = capsys.readouterr()
        return Said(returncode=int(ended.value.code or 0), stdout=said.out, stderr=said.err)

    return call


def test_report_bundle_and_page_are_one_commit_of_a_private_dataset(
    run: Path, start: Callable[..., Hub], push: Command, tmp_path: Path
) -> None:
    hub = start()
    done = push(run, hub)
    assert done.returncode == 0, done.stderr
    repository = hub.repository()
    assert repository["private"] is True
    assert len(repository["commits"]) == 2
    bundle = f"{run.name}.bundle"
    assert set(repository["files"]) == {"README.md", "leaderboard.json", "report.html", bundle}
    assert repository["files"]["leaderboard.json"]["text"] == (run / "leaderboard.json").read_text()
    page = repository["files"]["README.md"]["text"]
    head = yaml.safe_load(page.split("---\n")[1])
    assert "llm-as-a-judge" in head["tags"]
    row = next(line for line in page.splitlines() if "constant" in line)
    assert "| technical | constant |" in row
    assert "<script>" not in page
    assert r"a \| b" in page
    assert "miniature/technical; licence:" in page
    assert TOKEN not in json.dumps(hub.kept()["repositories"]) + done.stdout + done.stderr
    assert "planted-answer-77" not in json.dumps(hub.kept()["repositories"])
    write_bundle(run, tmp_path / "same.bundle")
    packed = (tmp_path / "same.bundle").read_bytes()
    assert repository["files"][bundle]["oid"] == hashlib.sha1(b"blob %d\0" % len(packed) + packed).hexdigest()
    assert done.stdout.splitlines()[-1].startswith(f"{hub.address}/datasets/ann/run: commit ")


def test_to_push_again_changes_nothing_and_makes_no_commit(run: Path, start: Callable[..., Hub], push: Command) -> None:
    hub = start()
    assert push(run, hub).returncode == 0
    done = push(run, hub)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"{hub.address}/datasets/ann/run: is up to date"
    assert len(hub.repository()["commits"]) == 2
    assert sum("/commit/" in line for line in hub.kept()["asked"]) == 1


def test_a_push_that_was_cut_off_is_finished_by_the_same_command(
    run: Path, start: Callable[..., Hub], push: Command
) -> None:
    hub = start("drop", "/commit/")
    done = push(run, hub)
    assert done.returncode == 2
    assert "push again later" in done.stderr
    assert len(hub.repository()["commits"]) == 1
    assert push(run, hub).returncode == 0
    assert len(hub.repository()["commits"]) == 2


def test_large_files_go_first_and_are_not_sent_twice(
    run: Path, start: Callable[..., Hub], push: Command, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(run, tmp_path / "runs" / run.name))
    with (copy / "report.html").open("a") as stream:
        stream.write("<!-- " + "x" * 2**20 + " -->")
    hub = start()
    assert push(copy, hub).returncode == 0
    assert hub.repository()["files"]["report.html"]["large"] is True
    assert list(hub.kept()["large"].values()) == [(copy / "report.html").stat().st_size]
    assert push(copy, hub).returncode == 0
    assert sum(line.startswith("PUT ") for line in hub.kept()["asked"]) == 1
    assert len(hub.repository()["commits"]) == 2


def test_a_space_shows_the_report_as_its_index(run: Path, start: Callable[..., Hub], push: Command) -> None:
    hub = start()
    done = push(run, hub, "--space", "--what", "report", "--public", "--yes")
    assert done.returncode == 0, done.stderr
    repository = hub.repository("spaces/ann/run")
    assert repository["private"] is False
    assert repository["asked"]["sdk"] == "static"
    assert set(repository["files"]) == {"README.md", "leaderboard.json", "index.html"}
    assert repository["files"]["index.html"]["text"].startswith("<!doctype html>")
    assert yaml.safe_load(repository["files"]["README.md"]["text"].split("---\n")[1])["app_file"] == "index.html"


def test_a_dry_run_shows_files_and_sizes_and_asks_no_hub(run: Path, start: Callable[..., Hub], push: Command) -> None:
    hub = start()
    done = push(run, hub, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert hub.kept()["asked"] == []
    shown = {line.split()[1]: line.split()[0] for line in done.stdout.splitlines()[:-1]}
    assert shown["leaderboard.json"] == f"{(run / 'leaderboard.json').stat().st_size:,}"
    assert set(shown) == {"README.md", "leaderboard.json", "report.html", f"{run.name}.bundle"}


@pytest.mark.parametrize("name", ["ann", "ann/x/y", "../run", "ann/my run", "https://huggingface.co/datasets/ann/run"])
def test_what_is_no_repository_is_said_before_anything_is_made(
    run: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["push", str(run), name, "--dry-run"])
    assert ended.value.code == 2
    assert "is no repository; write OWNER/NAME" in capsys.readouterr().err


def test_a_repository_that_is_public_already_is_refused_without_public(
    run: Path, start: Callable[..., Hub], push: Command
) -> None:
    hub = start()
    assert push(run, hub, "--what", "bundle", "--public").returncode == 0
    before = hub.repository()
    done = push(run, hub)
    assert done.returncode == 2
    assert "is public at the hub" in done.stderr
    assert hub.repository() == before


@pytest.mark.parametrize(
    ("status", "part", "words"),
    [
        ("401", "/api/datasets", "hf auth login"),
        ("403", "/commit/", "may not write"),
        ("404", "/commit/", "look at the name"),
        ("409", "/commit/", "push again"),
        ("413", "/commit/", "--what"),
        ("500", "/commit/", "push again later"),
        ("0", "/commit/", "no answer within 2 s"),
    ],
)
def test_each_error_of_the_hub_says_what_to_do(
    status: str, part: str, words: str, run: Path, start: Callable[..., Hub], push: Command
) -> None:
    done = push(run, start(status, part), "--what", "bundle", "--timeout", "2")
    assert done.returncode == 2, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert TOKEN not in done.stderr


def test_without_a_token_the_message_says_how_to_get_one(run: Path, start: Callable[..., Hub], push: Command) -> None:
    done = push(run, start(), token="")
    assert done.returncode == 2
    assert "hf auth login" in done.stderr


def test_a_hub_that_cannot_be_reached_is_named_as_that(run: Path, push: Command) -> None:
    done = push(run, Hub("http://127.0.0.1:9"))
    assert done.returncode == 2
    assert "the hub cannot be reached" in done.stderr
    assert "Traceback" not in done.stderr


def test_offline_nothing_is_sent(run: Path, start: Callable[..., Hub], tmp_path: Path) -> None:
    hub = start()
    variables = {"HF_ENDPOINT": hub.address, "HF_TOKEN": TOKEN, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-m", "harness", "push", str(run), "ann/run"]
    # In a process of its own: the library reads the variable when it is imported.
    done = subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True, timeout=200)
    assert done.returncode == 2
    assert "HF_HUB_OFFLINE is set" in done.stderr
    assert hub.kept()["asked"] == []


@pytest.mark.parametrize("part", ["report", "bundle"])
def test_a_board_that_its_answers_do_not_give_is_not_pushed(
    run: Path, start: Callable[..., Hub], push: Command, tmp_path: Path, part: str
) -> None:
    copy = Path(shutil.copytree(run, tmp_path / "runs" / run.name))
    board = json.loads((copy / "leaderboard.json").read_text())
    board["rows"][0]["value"] = 0.99
    (copy / "leaderboard.json").write_text(json.dumps(board))
    hub = start()
    done = push(copy, hub, "--what", part)
    assert done.returncode == 2
    said = " ".join(done.stderr.split())
    assert f"is not what the answers give ({board['rows'][0]['judge']} on technical)" in said.replace("`", "")
    assert "harness score" in said
    assert hub.kept()["repositories"] == {}
    # The fix of the message is one.
    with pytest.raises(SystemExit) as ended:
        main(["score", str(copy)])
    assert not ended.value.code
    assert push(copy, hub, "--what", part).returncode == 0


def test_a_file_with_a_secret_of_the_manifest_is_not_pushed(
    run: Path, start: Callable[..., Hub], push: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUSHED_ANSWER", "planted-answer-77")
    copy = Path(shutil.copytree(run, tmp_path / "runs" / run.name))
    with (copy / "report.html").open("a") as stream:
        stream.write("<!-- planted-answer-77 -->")
    hub = start()
    done = push(copy, hub)
    assert done.returncode == 2
    assert re.search(r"report\.html: holds a secret at character [\d,]+", done.stderr)
    assert "planted-answer-77" not in done.stderr
    assert hub.kept()["repositories"] == {}

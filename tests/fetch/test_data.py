"""`harness data`, against a server that speaks the hub's HTTP, by the client that people use."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from harness.api import DataError
from harness.api.data import write_table
from harness.cli import main
from harness.fetch.record import RECORD, FetchedFile, FetchRecord, check_name, find_changes, read_record, write_record

SERVER = Path(__file__).with_name("hub_server.py")
TOKEN = "hf_planted0123456789ABCDEFGHIJ"
TABLE = "data/filtered-00000-of-00001.parquet"
ROWS = 24
COMMIT = "c" * 40

Serve: TypeAlias = Callable[..., dict[str, str]]
Done: TypeAlias = "subprocess.CompletedProcess[str]"


def publish(folder: Path, *, letters: int) -> Path:
    """A small RewardBench as the hub has it, with so many letters that nothing can compress in each row."""
    rows: list[dict[str, object]] = [
        {
            "prompt": f"What is {k} + {k}?",
            "chosen": f"It is {2 * k}.",
            "rejected": os.urandom(letters // 2).hex(),
            "subset": "alpacaeval-easy",
            "id": k,
        }
        for k in range(ROWS)
    ]
    (folder / "data").mkdir()
    write_table(folder / TABLE, rows)
    (folder / "README.md").write_text("---\nlicense: odc-by\n---\n")
    (folder / "data/raw-00000-of-00001.parquet").write_bytes(b"not wanted")
    return folder


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return publish(tmp_path_factory.mktemp("hub"), letters=10)


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One of five megabytes, so that a download can be stopped in between."""
    return publish(tmp_path_factory.mktemp("large"), letters=200_000)


@pytest.fixture
def serve(published: Path, tmp_path: Path) -> Iterator[Serve]:
    """Starts a hub, and gives the environment in which it is the hub; its log is beside the test's files."""
    with ExitStack() as stack:

        def call(folder: Path = published, **settings: Any) -> dict[str, str]:
            command = [sys.executable, str(SERVER), str(folder), json.dumps(settings)]
            log = stack.enter_context((tmp_path / "log").open("w"))
            server = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True))
            stack.callback(server.kill)
            assert server.stdout is not None
            kept = {
                name: value
                for name, value in os.environ.items()
                if "proxy" not in name.lower() and not name.startswith(("HF_", "HUGGING"))
            }
            address = f"http://127.0.0.1:{server.stdout.readline().strip()}"
            return {**kept, "HF_ENDPOINT": address, "HF_HOME": str(tmp_path / "home"), "COLUMNS": "200"}

        yield call


def call_harness(*arguments: str, env: dict[str, str], cwd: Path) -> Done:
    command = [sys.executable, "-m", "harness", "data", "rewardbench", *arguments]
    return subprocess.run(command, env=env, cwd=cwd, capture_output=True, text=True, timeout=120)


def gets_of(log: Path, name: str = TABLE) -> list[str]:
    """The `Range` of each request for the content of a file."""
    lines = [line for line in log.read_text().splitlines() if line.startswith("GET") and name in line]
    return [line.partition(name)[2].removesuffix("with a token").strip() for line in lines]


def call_main(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["data", *arguments])
    return int(ended.value.code or 0)


def test_a_benchmark_is_fetched_checked_and_fetched_no_second_time(serve: Serve, tmp_path: Path) -> None:
    env = serve()
    shown = call_harness("--to", "here", "--dry-run", env=env, cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert not (tmp_path / "here").exists()
    for said in ("licence: ODC-BY 1.0", "gate: none", f"commit: {COMMIT}", "free", TABLE, "nothing was fetched"):
        assert said in shown.stdout
    assert "raw-00000" not in shown.stdout
    assert gets_of(tmp_path / "log") == []

    done = call_harness("--to", "here", env=env, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.index("licence:") < done.stdout.index("complete")
    assert f"{ROWS}  rewardbench, test" in done.stdout
    assert "24 items of test are here, and 2,985 were counted" in done.stderr
    record = read_record(tmp_path / "here")
    assert record is not None
    assert record.commit == COMMIT
    assert record.is_complete
    assert [file.name for file in record.files] == ["README.md", TABLE]

    checked = call_harness("--to", "here", "--check", env={**env, "HF_HUB_OFFLINE": "1"}, cwd=tmp_path)
    assert checked.returncode == 0, checked.stderr
    assert f"2 files of allenai/reward-bench at {COMMIT} are as they were fetched" in checked.stdout
    again = call_harness("--to", "here", env=env, cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert "0 bytes to fetch" in again.stdout
    assert gets_of(tmp_path / "log") == [""]


def test_a_download_that_is_stopped_goes_on_where_it_was(serve: Serve, large: Path, tmp_path: Path) -> None:
    env = serve(large, slow_s=0.5)
    command = [sys.executable, "-m", "harness", "data", "rewardbench", "--to", "here"]
    running = subprocess.Popen(command, env=env, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    part = tmp_path / "here/data" / f".{Path(TABLE).name}.part"
    deadline = time.monotonic() + 60
    while not part.is_file() or part.stat().st_size < 2_000_000:
        assert running.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=30)
    assert running.returncode == 130, said
    assert b"Traceback" not in said
    torn = call_harness("--to", "here", "--check", env=env, cwd=tmp_path)
    assert torn.returncode == 2
    assert f"{TABLE}: is missing" in torn.stderr
    assert "stopped before its end" in torn.stderr

    env = serve(large)
    done = call_harness("--to", "here", env=env, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (asked,) = gets_of(tmp_path / "log")
    assert int(asked.removeprefix("bytes=").rstrip("-")) >= 2**20
    assert call_harness("--to", "here", "--check", env=env, cwd=tmp_path).returncode == 0


def test_a_connection_that_breaks_is_taken_up_again(serve: Serve, large: Path, tmp_path: Path) -> None:
    done = call_harness("--to", "here", env=serve(large, cut=2_000_000), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert gets_of(tmp_path / "log") == ["", "bytes=1048576-"]


def test_bytes_that_the_hub_does_not_list_are_refused_and_not_kept(
    serve: Serve, published: Path, tmp_path: Path
) -> None:
    for name in (TABLE, "README.md"):  # a large file, with a SHA-256, and a small one, with the name that git gives it
        done = call_harness("--to", "here", env=serve(swap=[name]), cwd=tmp_path)
        assert done.returncode == 2
        assert f"{name}: other bytes came than" in done.stderr
        kept = [file.read_bytes() for file in (tmp_path / "here").rglob("*") if file.is_file()]
        swapped = (published / name).read_bytes()[:-1]
        assert not any(content.startswith(swapped) for content in kept)
        done = call_harness("--to", "here", env=serve(), cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "here" / name).read_bytes() == (published / name).read_bytes()
        # What somebody has changed is fetched again too.
        (tmp_path / "here/README.md").write_text("mine")


def test_a_server_that_cannot_go_on_sends_all_of_it_again(serve: Serve, large: Path, tmp_path: Path) -> None:
    done = call_harness("--to", "here", env=serve(large, cut=2_000_000, whole=True), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "here" / TABLE).read_bytes() == (large / TABLE).read_bytes()


def test_a_server_that_sends_without_an_end_is_left(serve: Serve, tmp_path: Path) -> None:
    done = call_harness("--to", "here", env=serve(longer=100_000_000), cwd=tmp_path)
    assert done.returncode == 2
    assert "sends more than the" in done.stderr
    assert sum(file.stat().st_size for file in (tmp_path / "here").rglob("*") if file.is_file()) < 2_000_000


def test_a_file_that_the_hub_does_not_send_over_http_is_left_to_its_own_client(serve: Serve, tmp_path: Path) -> None:
    lfs = {"oid": "b" * 64, "size": 50_000_000_001, "pointerSize": 130}
    entry = {"type": "file", "path": "data/filtered-2.parquet", "oid": "b" * 40, "size": 50_000_000_001, "lfs": lfs}
    done = call_harness("--to", "here", env=serve(more=[entry]), cwd=tmp_path)
    assert done.returncode == 2
    assert f"hf download allenai/reward-bench --repo-type dataset --revision {COMMIT} --local-dir here" in done.stderr


def test_a_gate_says_where_to_ask_and_shows_no_token(serve: Serve, tmp_path: Path) -> None:
    env = serve(gated="auto", token="another")
    done = call_harness("--to", "here", env={**env, "HF_TOKEN": TOKEN}, cwd=tmp_path)
    assert done.returncode == 2
    assert "the hub asks for consent first" in done.stdout
    page = f"{env['HF_ENDPOINT']}/datasets/allenai/reward-bench"
    assert f"{page}: is gated; ask for access on this page, then log in with `hf auth login`, or set HF_TOKEN" in (
        done.stderr
    )
    assert TOKEN not in done.stdout + done.stderr
    assert all(TOKEN not in file.read_text() for file in (tmp_path / "here").rglob("*") if file.is_file())
    allowed = call_harness("--to", "here", env={**env, "HF_TOKEN": "another"}, cwd=tmp_path)
    assert allowed.returncode == 0, allowed.stderr


def test_a_listing_cannot_lead_out_of_the_folder(serve: Serve, tmp_path: Path) -> None:
    entry = {"type": "file", "path": "../filtered-x.parquet", "oid": "b" * 40, "size": 1}
    done = call_harness("--to", "here", env=serve(more=[entry]), cwd=tmp_path)
    assert done.returncode == 2
    assert "nothing is fetched" in done.stderr
    assert not (tmp_path / "here").exists()
    assert not (tmp_path / "filtered-x.parquet").exists()


def test_a_disk_that_is_too_small_is_said_before_the_first_byte(serve: Serve, tmp_path: Path) -> None:
    done = call_harness("--to", "here", env=serve(many=10_000), cwd=tmp_path)
    assert done.returncode == 2
    assert "490 TB are to be fetched" in done.stderr
    assert "and 9,982 more" in done.stdout
    assert gets_of(tmp_path / "log", "resolve") == []


def test_a_part_that_is_there_needs_no_room(serve: Serve, published: Path, tmp_path: Path) -> None:
    (tmp_path / "here/data").mkdir(parents=True)
    write_record(tmp_path / "here", FetchRecord(hub="allenai/reward-bench", commit=COMMIT, files=[]))
    whole = (published / TABLE).read_bytes()
    (tmp_path / "here/data" / f".{Path(TABLE).name}.part").write_bytes(whole[:-3])
    readme = (published / "README.md").stat().st_size
    done = call_harness("--to", "here", env=serve(), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"{readme + 3} bytes to fetch" in done.stdout
    assert gets_of(tmp_path / "log") == [f"bytes={len(whole) - 3}-"]


def test_a_token_goes_to_the_hub_and_to_no_other_host(serve: Serve, tmp_path: Path) -> None:
    other = serve()
    (tmp_path / "log").rename(tmp_path / "log-of-other")
    # Another name of this machine is another host.
    place = other["HF_ENDPOINT"].replace("127.0.0.1", "localhost")
    env = serve(redirect=place, token=TOKEN)
    done = call_harness("--to", "here", env={**env, "HF_TOKEN": TOKEN}, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert all("with a token" in line for line in (tmp_path / "log").read_text().splitlines())
    lines = (tmp_path / "log-of-other").read_text().splitlines()
    assert any(TABLE in line for line in lines)
    assert not any("with a token" in line for line in lines)


@pytest.mark.parametrize(
    ("settings", "more", "arguments", "said"),
    [
        ({}, {"HF_HUB_OFFLINE": "1"}, (), "HF_HUB_OFFLINE is set"),
        ({"status": 500}, {}, (), "the hub answers 500"),
        ({}, {"HF_ENDPOINT": "http://127.0.0.1:9"}, (), "the hub cannot be reached"),
        ({}, {}, ("--revision", "no-such"), "there is no revision 'no-such'"),
        ({}, {}, ("--files", "nothing*"), f"no file at commit {COMMIT} is called like nothing*"),
    ],
)
def test_what_goes_wrong_is_said_with_what_to_do(
    serve: Serve,
    tmp_path: Path,
    settings: dict[str, Any],
    more: dict[str, str],
    arguments: tuple[str, ...],
    said: str,
) -> None:
    done = call_harness("--to", "here", *arguments, env={**serve(**settings), **more}, cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "here").exists()


def test_a_folder_that_holds_something_else_is_left_alone(serve: Serve, tmp_path: Path) -> None:
    env = serve()
    (tmp_path / "here").mkdir()
    (tmp_path / "here/mine.txt").write_text("mine")
    done = call_harness("--to", "here", env=env, cwd=tmp_path)
    assert done.returncode == 2
    assert "is not empty, and nothing was fetched into it" in done.stderr
    write_record(tmp_path / "here", FetchRecord(hub="org/other", commit=COMMIT, files=[]))
    done = call_harness("--to", "here", env=env, cwd=tmp_path)
    assert "was fetched from org/other, and not from allenai/reward-bench" in done.stderr
    write_record(tmp_path / "here", FetchRecord(hub="allenai/reward-bench", commit="d" * 40, files=[]))
    done = call_harness("--to", "here", "--revision", "main", env=env, cwd=tmp_path)
    assert f"holds commit {'d' * 40}; give another folder for commit {COMMIT}" in done.stderr
    assert sorted(file.name for file in (tmp_path / "here").iterdir()) == [RECORD, "mine.txt"]


@pytest.fixture
def fetched(tmp_path: Path) -> Path:
    """A folder with two files, and its record."""
    folder = tmp_path / "fetched"
    (folder / "a").mkdir(parents=True)
    (folder / "a/b.txt").write_bytes(b"12345")
    (folder / "c.txt").write_bytes(b"")
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    full = "5994471abb01112afcc18159f6cc74b4f511b99806da59b3caf5a9c173cacfc5"
    files = [FetchedFile(name="a/b.txt", bytes=5, sha256=full), FetchedFile(name="c.txt", bytes=0, sha256=empty)]
    write_record(folder, FetchRecord(hub="org/name", commit=COMMIT, files=files))
    return folder


def test_what_is_missing_cut_longer_or_changed_is_named(fetched: Path) -> None:
    record = read_record(fetched)
    assert record is not None
    assert find_changes(fetched, record.files) == []
    (fetched / "a/b.txt").write_bytes(b"12346")
    (fetched / "c.txt").unlink()
    assert find_changes(fetched, record.files) == [
        "a/b.txt: its bytes have changed: it has another SHA-256",
        "c.txt: is missing",
    ]
    (fetched / "a/b.txt").write_bytes(b"1234")
    (fetched / "c.txt").write_bytes(b"1")
    assert find_changes(fetched, record.files) == [
        "a/b.txt: is cut off, 4 bytes in the place of 5",
        "c.txt: is longer, 1 bytes in the place of 0",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is no record of a download"),
        ('{"hub": "o/n", "commit": "c", "files": [{"name": "a", "bytes": -1}]}', "files.0.bytes"),
        ('{"hub": "o/n", "commit": "c", "files": [{"name": "../a", "bytes": 1}]}', "outside of the folder"),
    ],
)
def test_a_record_is_not_trusted(fetched: Path, text: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    (fetched / RECORD).write_text(text)
    assert call_main("rewardbench", "--to", str(fetched), "--check") == 2
    assert said in capsys.readouterr().err


def test_a_copy_of_your_own_is_opened_without_hashes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = {"input": "Name three fruits.", "output_1": "Apple.", "output_2": "No.", "label": 1}
    place = tmp_path / "Dataset/LLMBar/Natural"
    place.mkdir(parents=True)
    (place / "dataset.json").write_text(json.dumps([row, row, row]))
    assert call_main("llmbar", "--to", str(tmp_path), "--check") == 0
    said = capsys.readouterr()
    assert "3  llmbar-Natural, test" in said.out
    assert "a copy of your own" in said.err
    (place / "dataset.json").write_text(json.dumps([{**row, "label": 3}]))
    assert call_main("llmbar", "--to", str(tmp_path), "--check") == 2
    assert "label" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("task", "said"),
    [
        ("llmbar", "git clone --depth 1 https://github.com/princeton-nlp/LLMBar DIR"),
        ("agin-nat", "get them from https://github.com/zijianchen98/AGIN into a folder"),
        ("miniature/safety", "nothing is fetched"),
    ],
)
def test_data_that_are_on_no_hub_are_not_fetched_and_it_is_said_how(
    task: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call_main(task, "--to", str(tmp_path / "here")) == 2
    assert said in capsys.readouterr().err
    assert call_main(task) == 0


def test_facts_stand_without_the_hub(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert call_main("mj-bench") == 0
    said = capsys.readouterr()
    for line in (
        "data: http://127.0.0.1:9/datasets/MJ-Bench/MJ-Bench",
        "licence: MIT; the dataset is gated",
        "gate: ask for access on its page, and log in",
        "items of test: 2,521",
        "size: not known",
        "layout: a folder with data/PERSPECTIVE.parquet",
    ):
        assert line in said.out
    assert "harness data preference/mj-bench --to DIR" in said.err


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_facts_are_folded_to_the_terminal_and_nowhere_else(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], columns: int
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert call_main("rewardbench") == 0
    whole = capsys.readouterr().out
    assert all(line.startswith("  ") for line in whole.splitlines()[1:])
    monkeypatch.setenv("COLUMNS", str(columns))
    assert call_main("rewardbench") == 0
    folded = capsys.readouterr().out
    assert folded.split() == whole.split()
    assert folded.count("\n") > whole.count("\n")
    # An address is never cut in two.
    assert all(len(line) <= columns or "https://" in line for line in folded.splitlines())


@pytest.mark.parametrize(
    "arguments",
    [("--check",), ("--dry-run",), ("--to", "x", "--check", "--yes"), ("--to", "x", "--check", "--dry-run")],
)
def test_options_that_would_do_nothing_are_refused(arguments: tuple[str, ...]) -> None:
    assert call_main("rewardbench", *arguments) == 2


@pytest.mark.parametrize(
    "name",
    ["../x", "/tmp/x", "a/../../x", "C:\\x", "C:x", "a\\..\\x", RECORD, ".cache/x", ".Git/x", "a//x", "a\n", "", "."],
)
def test_a_name_that_leads_out_of_the_folder_is_refused(name: str) -> None:
    with pytest.raises(DataError, match="nothing is fetched"):
        check_name(name, place="here")


def test_a_usual_name_is_no_fault() -> None:
    for name in ("a b/c=d,e.parquet", "..a/b..", "data/.hidden", "é/日本.png"):
        check_name(name, place="here")

"""A run as a bundle: the same run gives the same bytes, and nothing of the machine is in it."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import zipfile
from contextlib import closing
from pathlib import Path
from types import ModuleType

import pytest

from harness.api import JournalError, UserError
from harness.bundle.environment import LEFT_OUT as OUT
from harness.bundle.environment import hide
from harness.bundle.write import write_bundle
from harness.cli import main


def read(bundle: Path, name: str) -> str:
    with zipfile.ZipFile(bundle) as archive:
        return archive.read(name).decode()


def test_equal_runs_have_equal_bytes(made: Path, run: Path, tmp_path: Path) -> None:
    write_bundle(made, tmp_path / "a")
    # Another folder under another name, another day, a process of its own, and rows in another order in the file.
    moved = run.rename(run.with_name("elsewhere"))
    record = json.loads((moved / "run.json").read_text())
    record |= {"finished": "2031-01-01T00:00:00Z", "seconds": 5.0, "command": ["/home/ann/harness", "--set", "k=sk-1"]}
    (moved / "run.json").write_text(json.dumps(record))
    with closing(sqlite3.connect(moved / "journal.sqlite")) as journal, journal:
        rows = journal.execute("SELECT * FROM judgements ORDER BY request DESC").fetchall()
        journal.execute("DELETE FROM judgements")
        journal.executemany("INSERT INTO judgements VALUES (?,?,?,?,?,?,?)", rows)
    command = [sys.executable, "-m", "harness", "bundle", str(moved), "-o", str(tmp_path / "b")]
    subprocess.run(command, check=True, capture_output=True, env=None)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_run_that_was_renamed_and_scored_again_has_equal_bytes(made: Path, run: Path, tmp_path: Path) -> None:
    write_bundle(made, tmp_path / "a")
    moved = run.rename(run.with_name("elsewhere"))
    with pytest.raises(SystemExit) as ended:
        main(["score", str(moved)])
    assert not ended.value.code
    assert json.loads((moved / "leaderboard.json").read_text())["title"] == "elsewhere"
    write_bundle(moved, tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    # A name that is not the run's own is no matter of folders, and is left to be found.
    board = json.loads((moved / "leaderboard.json").read_text())
    board["rows"][0]["run"] = "another"
    (moved / "leaderboard.json").write_text(json.dumps(board))
    with pytest.raises(SystemExit) as ended:
        main(["verify", str(moved)])
    assert ended.value.code == 3


def test_bundling_changes_nothing_in_the_folder_which_may_be_read_only(made: Path, tmp_path: Path) -> None:
    before = {path.name: path.read_bytes() for path in made.iterdir() if path.is_file()}
    write_bundle(made, tmp_path / "a")
    assert before == {path.name: path.read_bytes() for path in made.iterdir() if path.name in before}


def test_a_write_that_fails_leaves_the_older_bundle_and_nothing_else(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_bundle(made, tmp_path / "a")
    before = (tmp_path / "a").read_bytes()

    def fail(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("harness.bundle.write.write_archive", fail)
    with pytest.raises(JournalError, match="No space left"):
        write_bundle(made, tmp_path / "a")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == before


def test_a_file_that_is_no_bundle_is_not_written_over(made: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(JournalError, match="is no bundle; give another name"):
        write_bundle(made, tmp_path / "thesis.tex")
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_questions_and_tags_are_in_it_only_where_that_is_asked(made: Path, tmp_path: Path) -> None:
    write_bundle(made, tmp_path / "without")
    write_bundle(made, tmp_path / "with", requests=True)
    with zipfile.ZipFile(tmp_path / "without") as archive:
        assert "requests.jsonl" not in archive.namelist()
        assert not any(b"Which, 3?" in archive.read(name) for name in archive.namelist())
    assert "Which, 3?" in read(tmp_path / "with", "requests.jsonl")


def test_the_machine_and_its_secrets_are_not_in_it(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", "sk-environment")
    manifest = (run / "manifest.yaml").read_text()
    (run / "manifest.yaml").write_text(manifest + "vars: {api_key: sk-literal, url: 'https://ann:pw1@x.org/?key=k2'}\n")
    record = json.loads((run / "run.json").read_text()) | {"command": ["harness", "--set", "key=sk-command"]}
    (run / "run.json").write_text(json.dumps(record))
    write_bundle(run, tmp_path / "a")
    with zipfile.ZipFile(tmp_path / "a") as archive:
        content = b"".join(archive.read(name) for name in archive.namelist()).decode()
    for secret in ("sk-environment", "sk-literal", "sk-command", "pw1", "k2", str(tmp_path), str(Path.home())):
        assert secret not in content, secret
    assert '"harness": "' in read(tmp_path / "a", "environment.json")


@pytest.mark.parametrize(
    ("plain", "hidden"),
    [
        ({"api_key": "sk-1"}, {"api_key": "(left out)"}),
        ({"api_key_env": "OPENAI_KEY"}, {"api_key_env": "OPENAI_KEY"}),
        ({"api_key": "${env:OPENAI_KEY}"}, {"api_key": "${env:OPENAI_KEY}"}),
        ({"headers": {"X-Api-Key": "a", "Authorization": "Bearer b"}},
         {"headers": {"X-Api-Key": "(left out)", "Authorization": "(left out)"}}),
        ({"max_tokens": 5, "token": "t"}, {"max_tokens": 5, "token": "(left out)"}),
        ("/home/ann/data/pairs.jsonl", ".../pairs.jsonl"),
        ("~/data/x", ".../x"),
        (r"C:\Users\ann\x.jsonl", ".../x.jsonl"),
        ("https://api.org/v1/chat", "https://api.org/v1/chat"),
        ("hub:org/name@rev", "hub:org/name@rev"),
        ("https://ann:pw@api.org/v1?token=abc&n=3", "https://api.org/v1?token=(left out)&n=3"),
        ("https://ann:p@ss@api.org/v1", "https://api.org/v1"),
        ("file:///home/ann/pairs.jsonl", "file:.../pairs.jsonl"),
        ("\\\\server\\share\\ann\\pairs.jsonl", ".../pairs.jsonl"),
        ({"accessToken": "t", "passphrase": "p"}, {"accessToken": OUT, "passphrase": OUT}),
        ({"auth": "a"}, {"auth": OUT}),
        ({"password": 12345, "keys": 3}, {"password": OUT, "keys": 3}),
        ({"token": {"value": "t", "length": 20}}, {"token": {"value": OUT, "length": 20}}),
        ([None, 1.5, True], [None, 1.5, True]),
    ],
)  # fmt: skip
def test_secrets_and_folders_are_hidden(plain: object, hidden: object) -> None:
    assert hide(plain) == hidden


def test_a_run_that_was_not_scored_or_not_judged_is_refused_with_what_to_do(run: Path, tmp_path: Path) -> None:
    (run / "scores.json").unlink()
    with pytest.raises(JournalError, match=r"has no scores\.json; `harness score"):
        write_bundle(run, tmp_path / "a")
    with pytest.raises(JournalError, match="not a run folder"):
        write_bundle(tmp_path, tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_memory_does_not_grow_with_the_run(bundles: ModuleType, tmp_path: Path) -> None:
    import tracemalloc

    folder = bundles.make_run(tmp_path / "large", items=6)
    with closing(sqlite3.connect(folder / "journal.sqlite")) as journal, journal:
        journal.execute(
            "WITH RECURSIVE c(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM c WHERE value < 4000) "
            "INSERT INTO judgements "
            "SELECT 'stranger', 'x' || value, 'ok', '0', NULL, hex(randomblob(2000)), '{}' FROM c"
        )
    tracemalloc.start()
    write_bundle(folder, tmp_path / "a")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (tmp_path / "a").stat().st_size > 16_000_000
    assert peak < 4_000_000


def test_an_old_journal_is_bundled_and_verified(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = Path(__file__).parents[1] / "pipeline" / "old_runs"
    folder = Path(shutil.copytree(old / "0.1.0", tmp_path / "old"))

    def command(*arguments: object) -> int:
        with pytest.raises(SystemExit) as ended:
            main(["-p", str(old / "make.py"), *map(str, arguments)])
        assert isinstance(ended.value.code, int)
        return ended.value.code

    assert command("score", folder) == 0
    assert command("bundle", folder, "-o", tmp_path / "old.bundle") == 0
    code = command("verify", tmp_path / "old.bundle")
    assert code == 0, capsys.readouterr().out


def test_a_damaged_journal_is_named_and_not_a_traceback(run: Path, tmp_path: Path) -> None:
    for column, value in (("more", "{"), ("more", b"\xff"), ("raw", b"\xff\xfe"), ("verdict", "[" * 100_000)):
        with closing(sqlite3.connect(run / "journal.sqlite")) as journal, journal:
            before = journal.execute("SELECT rowid, * FROM judgements WHERE status='ok' LIMIT 1").fetchone()
            journal.execute(f"UPDATE judgements SET {column}=? WHERE rowid=?", (value, before[0]))
        with pytest.raises(UserError):
            write_bundle(run, tmp_path / "a")
        with closing(sqlite3.connect(run / "journal.sqlite")) as journal, journal:
            journal.execute("DELETE FROM judgements WHERE rowid=?", before[:1])
            journal.execute("INSERT INTO judgements VALUES (?,?,?,?,?,?,?)", before[1:])
    write_bundle(run, tmp_path / "a")
    for text in ("[" * 100_000, "5", ""):
        (run / "scores.json").write_text(text)
        with pytest.raises(UserError):
            write_bundle(run, tmp_path / "a")
    (run / "scores.json").unlink()
    os.mkfifo(run / "scores.json")
    with pytest.raises(JournalError, match="no regular file"):
        write_bundle(run, tmp_path / "a")

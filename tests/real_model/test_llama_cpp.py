"""SmolLM2 behind llama.cpp's server and in this process: what must hold for any model, however little it knows."""

from __future__ import annotations

import io
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import PIL.Image
import pytest
import yaml

from harness.api import Judgement, Status

from .conftest import serving

pytestmark = [pytest.mark.real_model, pytest.mark.timeout(600)]

KEY = "a-key-of-this-test"
PAIRS = [
    ("What is 2 + 2?", "four", "nine", "first"),
    ("The capital of France?", "Berlin", "Paris", "second"),
]
PAIRWISE = {
    "name": "facts",
    "use": "generic/pairwise",
    "data": "pairs.jsonl",
    "format": "harness/json",
    "with": {
        "question": "{question}",
        "candidate_texts": ["one", "other"],
        "gold": "better",
        "labels": {"first": "first", "second": "second"},
        "id": "id",
    },
}


@pytest.fixture(scope="module")
def address(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    log = tmp_path_factory.mktemp("server") / "log"
    with serving(Path(__file__).with_name("serve.py"), str(weights), KEY, log=log) as found:
        yield found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [
        {"id": f"q{number}", "question": question, "one": left, "other": right, "better": better}
        for number, (question, left, right, better) in enumerate(PAIRS)
    ]
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def served(address: str, **options: Any) -> dict[str, Any]:
    fields = {"base_url": f"{address}/v1", "model": "smollm2", "api_key_env": "SMOL_KEY", "max_tokens": 48}
    return {"name": "served", "use": "openai/openai", "with": {**fields, "max_concurrency": 2, **options}}


def here(weights: Path, name: str = "here", **options: Any) -> dict[str, Any]:
    return {"name": name, "use": "transformers", "with": {"model": str(weights), "max_new_tokens": 24, **options}}


def run(
    folder: Path, judges: list[dict[str, Any]], *more: str, task: dict[str, Any] | None = None, key: str = KEY
) -> subprocess.CompletedProcess[str]:
    """`harness run` as a user gives it."""
    manifest = folder / "real.yaml"
    manifest.write_text(yaml.safe_dump({"name": "real", "tasks": [task or PAIRWISE], "judges": judges}))
    return subprocess.run(
        [sys.executable, "-m", "harness", "run", str(manifest), "--runs", str(folder / "runs"), *more],
        env={**os.environ, "SMOL_KEY": key, "COLUMNS": "160"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=500,
        check=False,
    )


def answers(folder: Path, judge: str) -> list[Judgement]:
    """What the journal of the only run holds of a judge."""
    (journal,) = (folder / "runs").glob("*/journal.sqlite")
    with sqlite3.connect(journal) as database:
        rows = database.execute(
            "select status, verdict, probabilities, raw, more from judgements where judge = "
            "(select judge_key from cells where judge = ?)",
            (judge,),
        ).fetchall()
    return [
        Judgement.from_json(
            {
                "status": status,
                "raw": raw,
                **({} if verdict is None else {"verdict": json.loads(verdict)}),
                **({} if probabilities is None else {"probabilities": json.loads(probabilities)}),
                **json.loads(more),
            }
        )
        for status, verdict, probabilities, raw, more in rows
    ]


def test_the_same_file_served_and_opened_here_is_judged_on_one_leaderboard(
    folder: Path, address: str, weights: Path
) -> None:
    judges = [served(address), here(weights), here(weights, "weighs", mode="verdict")]
    done = run(folder, judges)
    assert done.returncode == 0, done.stdout
    (board,) = (folder / "runs").glob("*/leaderboard.md")
    for judge in ("served", "here", "weighs"):
        assert judge in board.read_text()
        found = answers(folder, judge)
        assert len(found) == 2 * len(PAIRS), "both orders"
        assert not [answer.error for answer in found if answer.status in (Status.ERROR, Status.REFUSED)]
        for answer in found:
            assert answer.prompt_tokens is not None
            assert answer.prompt_tokens > 20
            assert answer.latency_s is not None
            assert 0 < answer.latency_s < 200
            assert bool(answer.cut) is (answer.status is Status.TRUNCATED)
            if judge != "weighs":
                assert answer.completion_tokens is not None
                assert 0 < answer.completion_tokens <= 49, "the limit, and the token that ends an answer"
    assert all(set(answer.probabilities or ()) == {"A", "B"} for answer in answers(folder, "weighs"))
    for answer in answers(folder, "served"):  # the server keeps to the format's schema
        assert answer.status in (Status.OK, Status.TRUNCATED)
        assert answer.cut or set(answer.probabilities or ()) == {"A", "B"}, answer.raw
    theirs, ours = ({answer.prompt_tokens or 0 for answer in answers(folder, judge)} for judge in ("served", "here"))
    assert max(theirs) == pytest.approx(max(ours), abs=4), "one prompt, but for how the two split it into tokens"
    before = [answer.to_json() for judge in ("served", "here", "weighs") for answer in answers(folder, judge)]
    again = run(folder, judges)
    assert again.returncode == 0, again.stdout
    assert [answer.to_json() for judge in ("served", "here", "weighs") for answer in answers(folder, judge)] == before


def test_pictures_are_refused_clearly_by_both(folder: Path, address: str, weights: Path) -> None:
    buffer = io.BytesIO()
    PIL.Image.new("RGB", (16, 16), "red").save(buffer, "PNG")
    (folder / "red.png").write_bytes(buffer.getvalue())
    (folder / "seen.jsonl").write_text(json.dumps({"id": "1", "picture": "red.png", "good": "yes"}) + "\n")
    fields = {"question": "Is it red?", "images": ["picture"], "answers": ["yes", "no"], "gold": "good", "id": "id"}
    task = {"name": "seen", "use": "generic/pointwise", "data": "seen.jsonl", "format": "harness/label", "with": fields}
    done = run(folder, [served(address, retries=0), here(weights)], task=task)
    assert "image input is not supported" in done.stdout
    assert done.returncode == 3, done.stdout
    assert not [answer for answer in answers(folder, "served") if answer.status is Status.OK]
    (refused,) = answers(folder, "here")
    assert refused.status is Status.REFUSED
    assert "of a GGUF file this judge opens the text model only" in refused.error


def test_a_wrong_key_stops_the_judge_and_is_never_shown(folder: Path, address: str) -> None:
    done = run(folder, [served(address)], key="not-the-key-of-it")
    assert done.returncode in (2, 3), done.stdout
    assert "Invalid API Key" in done.stdout
    assert "SMOL_KEY" in done.stdout
    assert "not-the-key-of-it" not in done.stdout


def test_the_model_that_answered_is_on_record_and_not_the_name_that_was_asked_for(folder: Path, address: str) -> None:
    done = run(folder, [served(address, model="another")], task={**PAIRWISE, "limit": 1})
    assert done.returncode == 0, done.stdout
    found = answers(folder, "served")
    assert found
    assert all("smollm2" in answer.model for answer in found), "llama.cpp takes any name, and answers with what it has"

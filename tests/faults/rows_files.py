"""Attacks on what lies in a run folder: the journal, its log, the reports."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from registry import Bench, Done, row
from rows_runs import REPORTS, find_difference, finish, finished, run_of, start

JOURNAL = "journal.sqlite"


def _flip(raw: bytearray, rng: random.Random) -> None:
    raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)


def _truncate(raw: bytearray, rng: random.Random) -> None:
    del raw[rng.randrange(len(raw)) :]


def _zero(raw: bytearray, rng: random.Random) -> None:
    start = rng.randrange(len(raw))
    raw[start : start + 4096] = bytes(len(raw[start : start + 4096]))


def _swap(raw: bytearray, rng: random.Random) -> None:
    first, second = sorted(rng.sample(range(max(2, len(raw) // 4096)), 2))
    a, b = raw[first * 4096 : first * 4096 + 4096], raw[second * 4096 : second * 4096 + 4096]
    raw[first * 4096 : first * 4096 + len(b)], raw[second * 4096 : second * 4096 + len(a)] = b, a


def _append(raw: bytearray, rng: random.Random) -> None:
    raw += rng.randbytes(rng.choice([1, 100, 4096, 9000]))


DAMAGES: dict[str, Callable[[bytearray, random.Random], None]] = {
    "flip": _flip,
    "truncate": _truncate,
    "zero": _zero,
    "swap": _swap,
    "append": _append,
}


def make_killed(bench: Bench) -> Path:
    """A run that was killed twice, so that rows are in its journal and in its log."""
    if "killed" not in bench.kept:
        finished(bench)
        while True:
            place = bench.new()
            hits = 0
            for share in (0.4, 0.7):
                process = start(bench, place)
                deadline = time.monotonic() + bench.kept["seconds"] * share
                while process.is_alive() and (time.monotonic() < deadline or not has_answers(place)):
                    time.sleep(0.005)
                hits += process.kill()
            if hits == 2 and list(place.glob(f"runs/*/{JOURNAL}-wal")):
                break
        bench.kept["killed"] = place
    found = bench.kept["killed"]
    assert isinstance(found, Path)
    return found


def has_answers(place: Path) -> bool:
    """Whether a run has answers in its journal."""
    for path in place.glob(f"runs/*/{JOURNAL}"):
        try:
            with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as journal:
                return bool(journal.execute("SELECT 1 FROM judgements LIMIT 1").fetchall())
        except sqlite3.Error:
            return False
    return False


@row("journal or log damaged", smoke=1, full=200)
def damage_journal(bench: Bench, count: int) -> Iterator[str]:
    """A command ends with what the whole run has, or refuses with the name of the file. It is never silent."""
    whole = finished(bench)
    names = (*DAMAGES, "delete")
    for number in range(count):
        ended = number % 2 == 0
        place = bench.new()
        shutil.copytree(whole if ended else make_killed(bench), place, dirs_exist_ok=True)
        run = run_of(place)
        files = [path for path in sorted(run.iterdir()) if path.name.startswith(JOURNAL) and path.stat().st_size]
        path, name = bench.rng.choice(files), names[number // 2 % len(names)]
        if name == "delete":
            path.unlink()
        else:
            raw = bytearray(path.read_bytes())
            DAMAGES[name](raw, bench.rng)
            path.write_bytes(raw)
        if ended and bench.rng.random() < 0.5:
            done = start(bench, place, str(run.relative_to(place)), verb="score").finish()
        else:
            done = start(bench, place).finish()
        yield _judge(done, run, run_of(whole), f"{name} of {path.name}")
        shutil.rmtree(place)


def _judge(done: Done, run: Path, whole: Path, what: str) -> str:
    if done.fault:
        return f"{what}: {done.fault}"
    if done.code == 2:
        return "" if JOURNAL in done.err or "run.json" in done.err else f"{what}: refused without a name: {done.err}"
    for report in REPORTS:
        if (run / report).read_bytes() != (whole / report).read_bytes():
            return f"{what}: exit {done.code}, and another {report}"
    return "" if done.code == 0 else f"{what}: exit {done.code}: {done.err[-200:]}"


def _edit(path: Path) -> None:
    text = path.read_text("utf-8")
    place = max(text.rfind(digit) for digit in "123456789")
    path.write_text(f"{text[:place]}0{text[place + 1 :]}", "utf-8")


def _hole(path: Path) -> None:
    with path.open("wb") as stream:
        stream.truncate(30 << 30)


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


REPORT_DAMAGES: dict[str, Callable[[Path], object]] = {
    "missing": Path.unlink,
    "empty": lambda path: path.write_bytes(b""),
    "half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "edited": _edit,
    "no UTF-8": lambda path: path.write_bytes(b"\xff" + path.read_bytes()),
    "deep": lambda path: path.write_text("[" * 200_000),
    "another version": lambda path: path.write_text('{"schema": "judge-harness/scores/99", "cells": [7]}'),
    "of other types": lambda path: path.write_text('{"schema": "judge-harness/scores/2", "cells": [[]], "rows": 1}'),
    "sparse": _hole,
    "pipe": _pipe,
    "folder": _folder,
}


@row("report damaged or missing", smoke=2, full=77)
def damage_reports(bench: Bench, count: int) -> Iterator[str]:
    """It is made again, or a message says what makes it again, and that does."""
    whole = finished(bench)
    names = (*REPORTS, "run.json", "manifest.yaml", "run.lock")
    cases = [(name, kind) for kind in REPORT_DAMAGES for name in names]
    for name, kind in bench.rng.sample(cases, min(count, len(cases))):
        place = bench.new()
        shutil.copytree(whole, place, dirs_exist_ok=True)
        run = run_of(place)
        REPORT_DAMAGES[kind](run / name)
        folder = str(run.relative_to(place))
        done = start(bench, place, folder, verb="leaderboard").finish(60)
        if done.fault or (done.code and f"`harness score {folder}`" not in done.err):
            yield f"{kind} {name}: leaderboard: exit {done.code}: {done.fault or done.err[-200:]}"
            continue
        if done.code:
            done = start(bench, place, folder, verb="score").finish(60)
            if done.code and "stands in the place" not in done.err:
                yield f"{kind} {name}: score does not make it again: {done.err[-200:]}"
                continue
        if kind in ("folder", "pipe") and (kind == "folder" or name == "run.lock"):
            done = start(bench, place).finish(60)
            said = done.code == 2 and str(Path(folder) / name) in done.err
            yield "" if said and not done.fault else f"{kind} {name}: exit {done.code}: {done.err[-200:]}"
        else:
            yield f"{kind} {name}: {problem}" if (problem := finish(bench, place)) else ""
        shutil.rmtree(place)


@row("merge of a hostile run folder", smoke=0, full=12)
def merge(bench: Bench, count: int) -> Iterator[str]:
    """A shard from a stranger: other items, other plans, views that never end, rows of other types."""
    whole = finished(bench)
    shards = bench.new()
    for part in ("1/2", "2/2"):
        done = start(bench, shards, "--shard", part).finish()
        assert done.code == 0, done.err
    statements = (
        "UPDATE items SET gold='1'",
        "UPDATE items SET hash='x'",
        "UPDATE asks SET ord='[9, 9, 9]'",
        "UPDATE judgements SET verdict='\"no\"'",
        "UPDATE judgements SET verdict=zeroblob(300000000) WHERE rowid=1",
        "UPDATE meta SET value='[1]' WHERE key='plan'",
        "UPDATE cells SET state='complete', judge='somebody'",
        "DROP TABLE asks",
        "DROP TABLE meta",
        "CREATE TRIGGER t AFTER INSERT ON items BEGIN DELETE FROM items; END",
        "ALTER TABLE judgements ADD COLUMN more2 TEXT",
        "CREATE VIEW v AS WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM c) SELECT n FROM c",
    )
    for statement in statements[:count]:
        place = bench.new()
        shutil.copytree(shards, place, dirs_exist_ok=True)
        parts = sorted((place / "runs").glob("kill-*-shard-*"))
        with closing(sqlite3.connect(parts[0] / JOURNAL)) as journal, journal:
            journal.execute(statement)
        done = start(bench, place, *(str(part) for part in parts), verb="merge").finish(60)
        if done.fault or done.code not in (0, 2):
            yield f"{statement}: exit {done.code}: {done.fault or done.err[-200:]}"
        elif done.code == 0:
            merged = next(path for path in (place / "runs").iterdir() if "shard" not in path.name)
            yield f"{statement}: {problem}" if (problem := find_difference(merged, run_of(whole))) else ""
        else:
            yield "" if "error: " in done.err else f"{statement}: no message"

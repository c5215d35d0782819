"""Attacks on runs that are at work: kills, signals, other processes, disks."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from registry import ROOT, Bench, CannotError, Process, row

PLUGIN = ROOT / "tests" / "runner" / "kill_plugin.py"
MANIFEST = (
    "name: kill\ntasks: [{use: kill_plugin/pairs}]\njudges: [{use: kill_plugin/slow}]\nreport: {resamples: 200}\n"
)
REPORTS = ("scores.json", "leaderboard.json", "leaderboard.csv", "leaderboard.md")
TABLES = ("items", "annotations", "asks", "requests", "judgements", "cells")
ENVIRONMENT = {"KILL_COUNT": "40", "KILL_LOG": os.devnull}


def start(bench: Bench, place: Path, *more: str, verb: str = "run") -> Process:
    """A run of the small task with the slow judge, at work."""
    if not (place / "m.yaml").exists():
        (place / "m.yaml").write_text(MANIFEST)
    return bench.start(
        place, "-p", str(PLUGIN), verb, *(("m.yaml",) if verb == "run" else ()), *more, environment=ENVIRONMENT
    )


def run_of(place: Path) -> Path:
    """The run folder."""
    return next(path for path in (place / "runs").iterdir() if path.name.startswith("kill-"))


def finished(bench: Bench) -> Path:
    """The folder of a run that nothing happened to. Its seconds are in `bench.kept`."""
    if "finished" not in bench.kept:
        place, began = bench.new(), time.monotonic()
        done = start(bench, place).finish()
        assert done.code == 0, done.err
        bench.kept["finished"], bench.kept["seconds"] = place, time.monotonic() - began
    place = bench.kept["finished"]
    assert isinstance(place, Path)
    return place


def find_difference(run: Path, wanted: Path) -> str:
    """What is in a run folder and not in the one of a run that nothing happened to, or the other way round."""
    for name in REPORTS:
        if not (run / name).is_file() or (run / name).read_bytes() != (wanted / name).read_bytes():
            return f"{name} differs"
    if sorted(path.name for path in run.iterdir()) != sorted(path.name for path in wanted.iterdir()):
        return f"other files: {sorted(path.name for path in run.iterdir())}"
    rows = []
    for folder in (run, wanted):
        with closing(sqlite3.connect(f"{(folder / 'journal.sqlite').as_uri()}?mode=ro", uri=True)) as journal:
            if journal.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
                return "the journal is damaged"
            rows.append([sorted(journal.execute(f"SELECT * FROM {table}").fetchall(), key=repr) for table in TABLES])
    return "" if rows[0] == rows[1] else "other rows in the journal"


def finish(bench: Bench, place: Path) -> str:
    """Go on with a run, and compare what comes out."""
    done = start(bench, place).finish()
    if done.code != 0:
        return f"exit {done.code}: {done.err.strip()[-300:]}"
    return done.fault or find_difference(run_of(place), run_of(finished(bench)))


@row("SIGKILL of harness run", smoke=2, full=1000)
def kill_runs(bench: Bench, count: int) -> Iterator[str]:
    """Only kills that hit a living process count."""
    finished(bench)
    hits = 0
    while hits < count:
        place, mine = bench.new(), 0
        for _ in range(bench.rng.randint(1, 8)):
            process = start(bench, place)
            time.sleep(bench.rng.random() * bench.kept["seconds"])
            if not process.kill():
                break
            mine += 1
        problem = finish(bench, place)
        hits += mine
        # One run that came out otherwise is one that got through, however often it was killed.
        yield from ([""] * (mine - 1) + [problem]) if mine else ([problem] if problem else [])
        shutil.rmtree(place)


@row("SIGTERM, SIGHUP and SIGINT of harness run", smoke=2, full=100)
def stop_runs(bench: Bench, count: int) -> Iterator[str]:
    """The code says which it was, nothing is lost, and what is said is one line."""
    finished(bench)
    for number in range(count):
        place, sent = bench.new(), (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)[number % 3]
        process = start(bench, place)
        time.sleep(bench.rng.random() * bench.kept["seconds"])
        alive = process.send(sent)
        done = process.finish()
        # Between the last answer and its end it may be too late to be heard, and before Python listens too early.
        if alive and done.code not in (128 + sent, 0, -sent):
            yield f"exit {done.code} after {sent!r}: {done.err[-200:]}"
        elif "Traceback" in done.err:
            yield f"traceback after {sent!r}"
        elif done.code == 128 + sent and "interrupted" not in done.err:
            yield "it does not say that it was interrupted"
        else:
            yield finish(bench, place)
        shutil.rmtree(place)


@row("second process: run, --fresh, score", smoke=1, full=12)
def share(bench: Bench, count: int) -> Iterator[str]:
    """Another command on the folder of a run at work changes nothing."""
    finished(bench)
    for number in range(count):
        place = bench.new()
        process = start(bench, place)
        while process.is_alive() and not list(place.glob("runs/kill-*/journal.sqlite-wal")):
            time.sleep(0.005)
        if number % 3 == 2:
            other = start(bench, place, str(run_of(place).relative_to(place)), verb="score").finish()
            problem = other.fault if other.code in (0, 2) else f"score: exit {other.code}"
        else:
            other = start(bench, place, *(["--fresh"] if number % 3 else [])).finish()
            # Where the first one has ended meanwhile, the second one may go on.
            refused = other.code == 2 and f"pid {process.pid}" in other.err
            problem = "" if refused or (other.code == 0 and not process.is_alive()) else f"not refused: {other.err}"
        process.finish()
        yield problem or finish(bench, place)
        shutil.rmtree(place)


@row("disk full, then room again", smoke=0, full=20)
def fill_disk(bench: Bench, count: int) -> Iterator[str]:
    """A clear message, and the same end once there is room."""
    finished(bench)
    for _ in range(count):
        place = bench.new()
        bench.mount(place, "-t", "tmpfs", "-o", f"size={bench.rng.randint(48, 500)}k", "tmpfs")
        done = start(bench, place).finish()
        subprocess.run(["mount", "-o", "remount,size=64m", str(place)], check=True)
        said = done.code in (0, 2) and not done.fault
        yield finish(bench, place) if said else f"exit {done.code}: {done.err[-300:]}"


@row("read-only storage", smoke=0, full=12)
def freeze(bench: Bench, count: int) -> Iterator[str]:
    """Verbs that read work, for a run that has ended and one that was killed, with and without its `-shm`."""
    whole = finished(bench)
    while True:
        killed = bench.new()
        process = start(bench, killed)
        time.sleep(bench.rng.random() * bench.kept["seconds"])
        process.kill()
        # One that had its report already can be read like any other.
        if list(killed.glob("runs/kill-*/journal.sqlite-wal")) and not list(killed.glob("runs/kill-*/scores.json")):
            break
    bare = bench.new()
    shutil.copytree(killed, bare, dirs_exist_ok=True)
    for path in bare.glob("runs/kill-*/journal.sqlite-shm"):
        path.unlink()
    tries = 0
    for source in (whole, killed, bare):
        place = bench.new()
        bench.mount(place, "--bind", str(source))
        subprocess.run(["mount", "-o", "remount,ro,bind", str(place)], check=True)
        run = str(run_of(place).relative_to(place))
        for verb, more in (("run", ()), ("run", ("--dry-run",)), ("score", (run,)), ("leaderboard", (run,))):
            if tries == count:
                return
            tries += 1
            done = start(bench, place, *more, verb=verb).finish()
            # What was killed has no scores yet, and cannot go on there.
            fine = (0,) if source == whole or verb == "score" or more == ("--dry-run",) else (2,)
            yield done.fault if done.code in fine else f"{verb} {more}: exit {done.code}: {done.err[-200:]}"


@row("run folder copied and renamed", smoke=1, full=5)
def rename(bench: Bench, count: int) -> Iterator[str]:
    """A copy under any name is read, and one under the right name goes on."""
    whole = finished(bench)
    for number in range(count):
        place = bench.new()
        shutil.copytree(run_of(whole), place / f"copy {number}")
        done = start(bench, place, f"copy {number}", verb="leaderboard").finish()
        if done.code or done.fault:
            yield f"leaderboard: exit {done.code}: {done.err[-200:]}"
            continue
        (place / "runs").mkdir()
        (place / f"copy {number}").rename(place / "runs" / run_of(whole).name)
        yield finish(bench, place)


@row("clock jumping back", smoke=0, full=20)
def turn_back(bench: Bench, count: int) -> Iterator[str]:
    """The time of day goes backwards while a run is asked."""
    finished(bench)

    def run() -> object:
        import random

        real, rng = time.time, random.Random(1)
        time.time = lambda: real() - rng.random() * 10_000_000
        real_gmtime = time.gmtime
        time.gmtime = lambda seconds=None: real_gmtime(time.time() if seconds is None else seconds)
        from harness.cli import main

        main(["-p", str(PLUGIN), "run", "m.yaml"])
        return ""

    for _ in range(count):
        place = bench.new()
        (place / "m.yaml").write_text(MANIFEST)
        for _ in range(2):
            process = bench.start(place, call=run, environment=ENVIRONMENT)
            time.sleep(bench.rng.random() * bench.kept["seconds"])
            process.kill()
        done = bench.start(place, call=run, environment=ENVIRONMENT).finish()
        if done.code:
            yield f"exit {done.code}: {done.err[-300:]}"
            continue
        seconds = json.loads((run_of(place) / "run.json").read_text())["seconds"]
        problem = find_difference(run_of(place), run_of(finished(bench)))
        yield problem or ("" if 0 <= seconds < 600 else f"it says that it took {seconds} s")


@row("SIGKILL of a run with a local model judge", smoke=0, full=25)
def kill_models(bench: Bench, count: int) -> Iterator[str]:
    """The judge is a small vision-language model that runs in torch."""
    try:
        import torch  # noqa: F401
    except ImportError as error:
        raise CannotError("torch is not installed") from error
    manifest = (
        "name: kill\ntasks: [{use: miniature/pairwise-alignment, limit: 12}]\n"
        "judges: [{use: miniature-judges/sft-unified}]\nreport: {resamples: 200}\n"
    )
    reference, began = bench.new(), time.monotonic()
    (reference / "m.yaml").write_text(manifest)
    done = bench.command(reference, "run", "m.yaml")
    assert done.code == 0, done.err
    seconds, hits = time.monotonic() - began, 0
    while hits < count:
        place, mine = bench.new(), 0
        (place / "m.yaml").write_text(manifest)
        for _ in range(bench.rng.randint(2, 6)):
            process = bench.start(place, "run", "m.yaml")
            time.sleep(bench.rng.random() * seconds)
            if not process.kill():
                break
            mine += 1
        done = bench.command(place, "run", "m.yaml")
        hits += mine
        problem = f"exit {done.code}: {done.err[-200:]}" if done.code else ""
        for name in REPORTS:
            if not problem and (run_of(place) / name).read_bytes() != (run_of(reference) / name).read_bytes():
                problem = f"{name} differs"
        yield from ([""] * (mine - 1) + [problem]) if mine else ([problem] if problem else [])

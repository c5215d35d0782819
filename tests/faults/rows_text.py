"""Attacks by text and by code: the terminal, secrets, mutated bundles, and data that would choose what runs."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import bundles
import keys
import terminal
from registry import Bench, row


def _spread(tried: int, through: int, what: str) -> Iterator[str]:
    """The counts of a campaign that counts by itself, an attempt each."""
    yield from [what] * through
    yield from [""] * (tried - through)


# The suite has the smallest form of these three in tests of their own.


@row("control characters on a terminal, all verbs", smoke=0, full=1)
def attack_terminal(bench: Bench, count: int) -> Iterator[str]:
    """Names, categories, errors and files that a terminal would obey."""
    yield from _spread(*terminal.attack_terminal(bench.new()), "see above")


@row("secrets that are repeated, in all spellings", smoke=0, full=1)
def repeat_secrets(bench: Bench, count: int) -> Iterator[str]:
    """A server's echo in answers, errors and names, and keys in manifests."""
    values = {"MY_KEY": keys.KEY, "MYUSER": keys.USER}
    yield from _spread(*keys.attack_runs(bench.new(), values=values), "a run keeps or shows it")
    yield from _spread(*keys.attack_manifests(bench.new()), "a message about a manifest shows it")


@row("mutated bundles", smoke=0, full=200)
def mutate_bundles(bench: Bench, count: int) -> Iterator[str]:
    """Every mutation is named by `harness verify`."""
    missed: list[str] = []
    tried, through = bundles.attack_bundles(
        count, seed=bench.rng.randrange(2**31), place=bench.new(), say=missed.append
    )
    yield from missed
    yield from [""] * (tried - through)


_METRIC = """
import pathlib
import evaluate

pathlib.Path({mark!r}).touch()


class Mine(evaluate.Metric):
    def _info(self):
        import datasets

        return evaluate.MetricInfo(
            description="", citation="", inputs_description="",
            features=datasets.Features(
                {{"predictions": datasets.Value("int64"), "references": datasets.Value("int64")}}
            ),
        )

    def _compute(self, predictions, references):
        return {{"accuracy": 1.0}}
"""

_TASK = """
name: m
tasks:
  - use: miniature/safety
    limit: 4
    protocol: {metrics: [METRIC]}
judges: [{use: baselines/constant}]
"""


@row("code chosen by a manifest or a recorded run", smoke=1, full=14)
def choose_code(bench: Bench, count: int) -> Iterator[str]:
    """A metric's file that lies about, named by a manifest and by the journal of a stranger's run."""
    place = bench.new()
    mark = place / "it-ran"
    for folder in (place / "accuracy", place / "acc", place / "user" / "space"):
        folder.mkdir(parents=True)
        (folder / f"{folder.name}.py").write_text(_METRIC.format(mark=str(mark)), encoding="utf-8")
    names = ("accuracy", "acc", "./acc/acc.py", "acc/acc.py", "./acc", str(place / "acc" / "acc.py"), "user/space")
    attacks = [(verb, f"evaluate:{name}") for name in names for verb in ("run", "score")]
    for number in range(count):
        verb, metric = attacks[number % len(attacks)]
        mark.unlink(missing_ok=True)
        if verb == "run":
            (place / "m.yaml").write_text(_TASK.replace("METRIC", json.dumps(metric)), encoding="utf-8")
            done = bench.command(place, "run", "m.yaml", "--runs", "new")
        else:
            run = _plant(bench, place, metric)
            done = bench.command(place, "score", str(run))
        if mark.exists():
            yield f"{verb} with {metric} ran the file"
        elif done.code != 2:
            yield f"{verb} with {metric} ended with {done.code}"
        else:
            yield done.fault


def _plant(bench: Bench, place: Path, metric: str) -> Path:
    """A run that has ended, whose journal then names another metric."""
    (place / "good.yaml").write_text(_TASK.replace("METRIC", "accuracy"), encoding="utf-8")
    bench.command(place, "run", "good.yaml", "--runs", "old", "--fresh")
    run = next((place / "old").glob("m-*[0-9a-f]"))
    with sqlite3.connect(run / "journal.sqlite") as database:
        (text,) = database.execute("SELECT value FROM meta WHERE key='plan'").fetchone()
        plan = json.loads(text)
        plan["tasks"][0]["protocol"]["metrics"] = [metric]
        database.execute("UPDATE meta SET value=? WHERE key='plan'", (json.dumps(plan),))
        database.execute("DELETE FROM meta WHERE key='rows'")
    return run

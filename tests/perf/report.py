"""What looking at a run costs: the file, and the pages of a server.

    OMP_NUM_THREADS=1 python tests/perf/report.py [--report 100000] [--view 1000000] [--pages 200] [--keep FOLDER]

Two runs are made of four judges each, by the journal's own code and by no judge, and scored by `harness score`: some
minutes of CPU for the large one, which `--keep` saves the next time. Answers
have reasons of about 200 letters and probabilities. Some have no verdict. `harness report` is run in a process of its
own. Pages are asked of the server's own code, in one process, at drawn places of the large run. The last line is one
JSON object:

- `report_cpu_s`, `report_mb`: CPU seconds of `harness report`, imports among them, and MB of its file;
- `view_p50_ms`, `view_p95_ms`, `view_max_ms`: CPU milliseconds of a page, and `slowest`, by kind of page;
- `view_open_s`: CPU seconds of the first page, which reads the plan, the items' hashes and the scores;
- `peak_mb`: peak resident size of the larger of both; `journal_mb`: size of the large journal.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.api import Judgement, Preference, Protocol, Status
from harness.discovery import Plugins
from harness.manifest.model import ReportSettings
from harness.runner.folder import JOURNAL
from harness.runner.journal import Journal
from harness.runner.rows import CellRow, ItemRow, RequestRow
from harness.view.server import Viewer

JUDGES = {"careful": 0.9, "steady": 0.85, "hasty": 0.65, "coin": 0.5}
TASK = "pairs"
SPACE = Preference(2)
_BATCH = 2000


def make_run(folder: Path, answers: int) -> Path:
    """A run with so many answers, without any judge."""
    folder.mkdir(parents=True)
    chance, items = random.Random(0), answers // len(JUDGES)
    journal = Journal(folder / JOURNAL)
    journal.set_meta("plan", json.dumps(_plan()))
    space = json.dumps(SPACE.to_json())
    for start in range(0, items, _BATCH):
        golds = {k: chance.randrange(2) for k in range(start, min(items, start + _BATCH))}
        with journal.transaction():
            journal.add_requests([_rows(k, gold, space) for k, gold in golds.items()])
            for judge, skill in JUDGES.items():
                journal.add_judgements(
                    judge, [(f"{k:032x}", _answer(k, gold, skill, chance)) for k, gold in golds.items()]
                )
    for judge in JUDGES:
        journal.set_cell(CellRow(TASK, judge, judge, "f", "complete"))
    journal.close()
    (folder / "manifest.yaml").write_text("name: many\n")
    measure("score", str(folder))
    return folder


def _plan() -> dict[str, Any]:
    protocol = Protocol(order="fixed", metrics=("accuracy", "macro_f1"))
    task = {
        "name": TASK,
        "id": "perf/pairs",
        "suite": "perf",
        "protocol": protocol.to_json(),
        "format": "harness/tagged",
    }
    judges = [{"name": name, "id": f"perf/{name}", "key": name} for name in JUDGES]
    settings = ReportSettings().model_dump()
    return {"name": "many", "seed": 0, "report": settings, "tasks": [{**task, "wraps": []}], "judges": judges}


def _rows(k: int, gold: int, space: str) -> tuple[ItemRow, RequestRow]:
    item = f"item-{k:07}"
    text = f"Which of both answers the question better? Question {k}: " + "what is told of it, at some length. " * 6
    content = json.dumps({"messages": [["user", [text, "A: this one", "B: that one"]]]})
    row = ItemRow(TASK, item, k, f"group-{k // 3}", f"category-{k % 12}", space, str(gold), "{}", f"{k:032x}")
    return row, RequestRow(TASK, item, 0, "[0, 1]", 0, f"{k:032x}", content)


def _answer(k: int, gold: int, skill: float, chance: random.Random) -> Judgement:
    drawn = chance.random()
    if drawn < 0.01:
        return Judgement.failure(Status.UNPARSED, "no verdict", raw=f"In case {k} both have their merits.")
    said = gold if chance.random() < skill else 1 - gold
    sure = 0.5 + 0.5 * chance.random()
    reason = f"In case {k} both have their merits, and the one is a little clearer than the other. " * 2
    return Judgement.of(
        said,
        raw=f"<think>{reason}</think><answer>{'AB'[said]}</answer>",
        rationale=reason,
        probabilities={"AB"[said]: sure, "AB"[1 - said]: 1 - sure},
        prompt_tokens=300,
        completion_tokens=60,
        latency_s=round(drawn * 3, 3),
    )


def measure(*arguments: str) -> tuple[float, float]:
    """CPU seconds and peak MB of one `harness` command."""
    command = [sys.executable, "-m", "harness", *arguments]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}: exit {process.returncode}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def list_pages(items: int, count: int) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Kind, path and query of pages, drawn from all over the run."""
    chance, judges = random.Random(1), list(JUDGES)
    kinds = (
        "overview",
        "task",
        "judge",
        "pair",
        "about",
        "items",
        "wrong",
        "differ",
        "unread",
        "rare",
        "deep",
        "text",
        "no text",
        "item",
        "near",
    )
    for number in range(count):
        kind, at = kinds[number % len(kinds)], f"item-{chance.randrange(items):07}"
        a, b = chance.sample(judges, 2)
        path, query = f"/items/{TASK}", {"after": at}
        if kind in ("overview", "about"):
            path, query = f"/{kind}", {}
        elif kind in ("task", "judge"):
            path, query = f"/{kind}/{TASK if kind == 'task' else a}", {}
        elif kind == "pair":
            path, query = f"/pair/{a}/{b}", {}
        elif kind in ("item", "near"):
            path, query = f"/item/{TASK}/{at}", {"judge": a, "outcome": "differs"} if kind == "near" else {}
        query |= {
            "wrong": {"judge": a, "outcome": "differs"},
            "differ": {"judge": a, "against": b},
            "unread": {"judge": a, "outcome": "unread"},
            "rare": {"judge": a, "reason": "refused"},
            "text": {"text": "case 1", "judge": a, "reasons": "yes"},
            "no text": {"text": "words that no one said"},
            "deep": {"split": "yes", "category": "category-3"},
        }.get(kind, {})
        yield kind, path, query


def ask_pages(folder: Path, items: int, count: int) -> dict[str, Any]:
    """What pages cost, in this process."""
    viewer = Viewer(folder, Plugins.load())
    began = time.process_time()
    viewer.answer("/", {})
    first = time.process_time() - began
    found: dict[str, list[float]] = defaultdict(list)
    for kind, path, query in list_pages(items, count):
        began = time.process_time()
        answered = viewer.answer(path, query)
        found[kind].append(1000 * (time.process_time() - began))
        if answered.status != 200:
            raise SystemExit(f"{path} {query}: {answered.status}")
    every = sorted(taken for own in found.values() for taken in own)
    return {
        "view_open_s": round(first, 2),
        "view_p50_ms": round(every[len(every) // 2], 1),
        "view_p95_ms": round(every[int(0.95 * len(every))], 1),
        "view_max_ms": round(every[-1], 1),
        "slowest": {
            kind: round(max(own), 1) for kind, own in sorted(found.items(), key=lambda pair: -max(pair[1]))[:5]
        },
    }


def main() -> None:
    """Make both runs and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--report", type=int, default=100_000, help="judgements of the run that is reported")
    parser.add_argument("--view", type=int, default=1_000_000, help="judgements of the run that is looked at")
    parser.add_argument("--pages", type=int, default=200, help="pages that are asked for")
    parser.add_argument("--keep", type=Path, help="keep the runs here, and use those that are there")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        place = asked.keep or Path(temporary)
        figures: dict[str, Any] = {}
        small, large = (place / f"many-{count}" for count in (asked.report, asked.view))
        for folder, count in ((small, asked.report), (large, asked.view)):
            if not folder.is_dir():
                began = time.monotonic()
                make_run(folder, count)
                print(f"{count:,} judgements made and scored in {time.monotonic() - began:.0f} s", flush=True)
        cpu, peak = measure("report", str(small), "-o", str(place / "report.html"))
        figures["report_cpu_s"] = round(cpu, 2)
        figures["report_mb"] = round((place / "report.html").stat().st_size / 1e6, 2)
        figures |= ask_pages(large, asked.view // len(JUDGES), asked.pages)
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        figures["peak_mb"] = round(max(peak, own))
        figures["journal_mb"] = round((large / JOURNAL).stat().st_size / 1e6)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()

"""A small run of everything that a journal can hold, kept so that later versions still open it.

    python tests/pipeline/old_runs/make.py

makes `tests/pipeline/old_runs/VERSION` with the harness of this checkout. Run it before a release, and never again for
a version that has a folder: the folder is what that version wrote. This file is also the plugin that the run needs.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from harness import __version__
from harness.api import (
    Item,
    JudgeCard,
    Judgement,
    Message,
    Preference,
    Protocol,
    Request,
    Status,
    TaskCard,
    Verdict,
    VerdictFormat,
    hookimpl,
)
from harness.runner.folder import JOURNAL, MANIFEST, RECORD, SCORES

SPACE = Preference(2, ties=("tie",))
TEXT = """\
name: old
description: What a later version has to open.
tasks:
  - {use: make/pairs, protocol: {samples: 2}}
  - {use: miniature/technical, with: {items: 4}}
judges:
  - {use: make/writer, name: first}
  - {use: baselines/constant}
run: {seed: 3}
"""


class Pairs:
    """Pairs in both orders, with categories, tags, ties, and what three people said of some."""

    protocol = Protocol(order="both", pooling="agree", metrics=("accuracy", "macro_f1"))
    format = "harness/brackets"

    def items(self, split: str) -> Iterator[Item]:
        for index in range(5):
            said: dict[str, Verdict] = {"ann": index % 2, "ben": 0, "cy": "tie"} if index < 3 else {}
            yield Item(
                id=f"pair-{index}",
                group=f"g{index // 2}",
                category=("easy", "hard")[index % 2],
                space=SPACE,
                gold="tie" if index == 4 else index % 2,
                question=("Which is better?",),
                candidates=((f"left {index} ä",), (f"right {index}",)),
                tags={"number": str(index)},
                annotations=said,
            )

    def render(self, item: Item, *, order: tuple[int, ...], format: VerdictFormat) -> Request:
        parts = [*item.question, *(part for place in order for part in item.candidates[place])]
        message = Message("user", (*parts, format.instruction(SPACE)))
        return Request(task="", item=item.id, messages=(message,), space=SPACE, format=format, order=order)

    def fingerprint(self) -> str:
        return "1"


class Writer:
    """Writes texts, most of which can be read; says what they took; fails, and is refused, now and then."""

    def judge(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Judgement]]:
        for number, request in enumerate(requests):
            verdict = request.order.index(0) if request.order else request.space.verdicts()[number % 2]
            text = request.format.write(verdict, request.space, "Because of the number.")
            if number % 7 == 3:
                yield request, Judgement(status=Status.ERROR, error="the server was away")
            elif number % 7 == 5:
                yield request, Judgement(status=Status.REFUSED, error="I would rather not.")
            elif number % 7 == 6:
                yield request, request.read("I cannot say.", prompt_tokens=10)
            else:
                yield (
                    request,
                    request.read(
                        text, prompt_tokens=100, completion_tokens=7, cost_usd=0.001, latency_s=0.25, model="m-1"
                    ),
                )

    def fingerprint(self) -> str:
        return "1"


@hookimpl
def harness_tasks() -> list[TaskCard]:
    return [TaskCard(name="pairs", summary="Pairs.", factory=lambda options, context: Pairs(), suite="old")]


@hookimpl
def harness_judges() -> list[JudgeCard]:
    return [JudgeCard(name="writer", summary="Writes.", factory=lambda options, context: Writer())]


def main() -> None:
    here = Path(__file__).resolve()
    target = here.parent / __version__.partition("+")[0]
    if target.exists():
        raise SystemExit(f"{target.name} is there: it stays what that version wrote")
    from harness.cli import main as run_harness

    with tempfile.TemporaryDirectory() as folder:
        # Paths of this machine stand neither in the record nor in the manifest: the run begins where its files are.
        shutil.copy(here, folder)
        os.chdir(folder)
        Path("old.yaml").write_text(TEXT, encoding="utf-8")
        sys.argv = ["harness", "-p", here.name, "run", "old.yaml"]
        with contextlib.suppress(SystemExit):
            run_harness(sys.argv[1:])
        [made] = Path("runs").glob("old-*")
        target.mkdir()
        for name in (JOURNAL, MANIFEST, RECORD, SCORES):
            shutil.copy(made / name, target)
        os.chdir(here.parent)


if __name__ == "__main__":
    main()

"""A process that asks a judge in batches and keeps the answers, as a run keeps them in its journal. Not a test itself.

One process imports everything once; each line on its input is a job, for which it forks. It prints the child's id, and
how the child ended.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from harness.api import Choice, Message, Request
from harness.discovery import Plugins
from harness.formats.tagged import TaggedFormat
from harness.testing import FakeContext
from harness_endpoints import client  # noqa: F401 - heavy, and imported once here
from harness_endpoints.anthropic import judge as _anthropic  # noqa: F401
from harness_endpoints.openai import judge as _openai  # noqa: F401


def work(job: dict[str, Any], plugins: Plugins) -> None:
    """Ask what has no answer yet, and write down each answer at once."""
    folder = Path(job["folder"])
    journal = folder / "answers.jsonl"
    known = [json.loads(line) for line in journal.read_text().splitlines()] if journal.exists() else []
    done = {row["item"] for row in known if row["status"] != "error"}
    offer = plugins.find("judge", job["use"])
    model = offer.options_model()
    assert model is not None
    judge = offer.create(model.model_validate(job["options"]), FakeContext(workspace=folder / "workspace", name="me"))
    form, space = TaggedFormat(), Choice(("yes", "no"))
    requests = (
        Request(task="t", item=str(item), messages=(Message("user", (f"item={item}",)),), space=space, format=form)
        for item in range(job["n"])
        if str(item) not in done
    )
    with journal.open("a") as file:
        for request, judgement in judge.judge(requests):
            row = {"item": request.item, "status": judgement.status.value, "verdict": judgement.verdict}
            row |= {"error": judgement.error, "cost": judgement.cost_usd}
            file.write(json.dumps(row) + "\n")
            file.flush()
            os.fsync(file.fileno())
    judge.close()


def main() -> None:
    plugins = Plugins.load()
    for line in sys.stdin:
        job = json.loads(line)
        child = os.fork()
        if child == 0:
            try:
                work(job, plugins)
            except Exception as error:
                (Path(job["folder"]) / "error.txt").write_text(f"{type(error).__name__}: {error}")
                os._exit(3)
            os._exit(0)
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main()

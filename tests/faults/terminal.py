r"""Escape sequences and their like in all that comes from outside: nothing of it may reach a terminal raw.

Each payload is put into ids, categories, answers, errors, summaries, file names, options, manifests and arguments, and
what libraries print, log and warn of. Then the verbs are called, one after the other in one process on a terminal.

    python tests/faults/terminal.py [--smoke]

The last line is one JSON object: `{"attacks": {"terminal": [tried, through]}}`. One try is one verb with one payload.
"""

from __future__ import annotations

import argparse
import json
import os
import pty
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

PAYLOADS = {
    "colour": "\x1b[8mhidden",
    "clear": "\x1b[2J\x1b[H",
    "title": "\x1b]0;PWN\x07",
    "link": "\x1b]8;;http://evil.example\x1b\\click\x1b]8;;\x1b\\",
    "clipboard": "\x1b]52;c;cHdu\x07",
    "device": "\x1bP+q544e\x1b\\\x1b_G\x1b\\",
    "c1": "\x9b31m\x9d0;PWN\x9c\x90q",
    "bidi": "\u202egpj.exe\u2066\u2069",
    "invisible": "a\u200bb\u2060\ufeffc\U000e0041",
    "overwrite": "wrong\rright\x08\x08\x0b\x0c\x7f\x07",
    "lines": "one\u2028two\u2029three\x85four",
    "markup": "[red]MARK[/red] [link=http://evil.example]L[/link]",
    "reset": "\x1bc\x1b(0\x1b#8",
}

PAYLOADS["all"] = "".join(PAYLOADS.values())

_OURS = re.compile(r"\r?\x1b\[[0-9;]*[mAK]|\x1b\[\?25[hl]|\r\n")
"""What the harness itself draws with. Nothing of a payload may be among it, so it is searched first."""
_RAW = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\U000e0041]")

_PLUGIN = """
import logging, threading, warnings, sys
from harness.api import (
    Choice, Item, Judgement, JudgeCard, Message, Protocol, Request, Status, TaskCard, UserError, hookimpl
)
from pydantic import BaseModel, ConfigDict, field_validator

EVIL = {evil!r}


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    word: str = ""

    @field_validator("word")
    @classmethod
    def check(cls, word):
        if word:
            raise ValueError(f"no good: {{word}} {{EVIL}}")
        return word


class Task:
    protocol, format = Protocol(), "harness/tagged"

    def items(self, split):
        for number in range(3):
            yield Item(id=f"i{{number}}{{EVIL}}", group=str(number), space=Choice(("yes", "no")), gold="yes",
                       category=f"c{{EVIL}}", question=(f"Is it {{number}}? {{EVIL}}",))

    def render(self, item, *, order, format):
        return Request(task="?", item=item.id, messages=(Message("user", item.question),), space=item.space,
                       format=format, order=order)

    def fingerprint(self):
        return "evil"


class Judge:
    def judge(self, requests):
        print(f"printed {{EVIL}}", file=sys.stderr)
        print(f"printed {{EVIL}}")
        warnings.warn(f"warned {{EVIL}}", stacklevel=1)
        logging.getLogger("evil").error("logged %s", EVIL)
        thread = threading.Thread(target=self.fail)
        thread.start()
        thread.join()
        for number, request in enumerate(requests):
            if number % 3 == 0:
                yield request, Judgement.failure(Status.ERROR, f"the server said {{EVIL}}")
            elif number % 3 == 1:
                yield request, request.read(f"well {{EVIL}}\\nerror: {{EVIL}}")
            else:
                yield request, Judgement.failure(Status.REFUSED, f"no {{EVIL}}")

    def fail(self):
        raise RuntimeError(f"in a thread {{EVIL}}")

    def fingerprint(self):
        return "evil"


class Stopping(Judge):
    def judge(self, requests):
        raise UserError(f"wrong key {{EVIL}}")
        yield


class Broken(Judge):
    def __init__(self):
        raise RuntimeError(f"broken {{EVIL}}")


@hookimpl
def harness_tasks():
    return [TaskCard(name="task", summary=f"A task {{EVIL}}.", factory=lambda options, context: Task(),
                     options=Options)]


@hookimpl
def harness_judges():
    return [
        JudgeCard(name="judge", summary=f"A judge {{EVIL}}.", factory=lambda options, context: Judge()),
        JudgeCard(name="stopping", summary="Stops.", factory=lambda options, context: Stopping()),
        JudgeCard(name="broken", summary="Raises.", factory=lambda options, context: Broken()),
    ]


@hookimpl
def harness_run_finished(folder):
    raise RuntimeError(f"odd {{EVIL}}")
"""

_DRIVER = """
import json, sys
from harness.cli import main
for arguments in json.load(open(sys.argv[1])):
    try:
        main(arguments)
    except SystemExit:
        pass
    sys.stdout.flush()
    sys.stdout.write("\\n=====\\n")
    sys.stdout.flush()
"""


def attack_terminal(folder: Path, *, payloads: Sequence[str] = tuple(PAYLOADS)) -> tuple[int, int]:
    """Call the verbs with each payload.

    Returns:
        How many calls were made, and in how many something came through.
    """
    tried = through = 0
    for name in payloads:
        place = folder / name
        place.mkdir()
        calls = _prepare(place, PAYLOADS[name])
        outputs = on_terminal(place, calls)
        tried += len(calls)
        missing = len(calls) - len(outputs)
        bad = [call for call, output in zip(calls, outputs, strict=False) if _comes_through(output, PAYLOADS[name])]
        for call in bad:
            sys.stdout.write(f"{name}: {call!r}\n")
        through += len(bad) + missing
    return tried, through


def _comes_through(output: str, payload: str) -> bool:
    if payload in output and _RAW.search(payload):
        return True
    if "MARK" in output and "[red]" not in output:
        return True
    return _RAW.search(_OURS.sub("", output).replace("\n", "")) is not None or "\x1b[8m" in output


def _prepare(place: Path, evil: str) -> list[list[str]]:
    """Files in which the payload stands, and calls of the verbs that show them."""
    (place / "evil.py").write_text(_PLUGIN.format(evil=evil), encoding="utf-8")
    (place / "raising.py").write_text(f"raise RuntimeError({evil!r})\n", encoding="utf-8")
    for judge in ("judge", "stopping", "broken"):
        text = f"name: m\ntasks: [{{use: evil/task, name: t}}]\njudges: [{{use: evil/{judge}, name: j}}]\n"
        (place / f"{judge}.yaml").write_text(text, encoding="utf-8")
    quoted = json.dumps(evil)
    (place / "key.yaml").write_text(f"name: m\n{quoted}: 1\ntasks: []\njudges: []\n", encoding="utf-8")
    (place / "name.yaml").write_text(
        f"name: {quoted}\ntasks: [{{use: {quoted}}}]\njudges: [{{use: evil/judge, name: {quoted}}}]\n",
        encoding="utf-8",
    )
    (place / "bad.yaml").write_text(f"name: [\n{evil}", encoding="utf-8")
    (place / "word.yaml").write_text(
        f"name: m\ntasks: [{{use: evil/task, with: {{word: {quoted}}}}}]\njudges: [{{use: evil/judge}}]\n",
        encoding="utf-8",
    )
    (place / "base.yaml").write_text(f"extends: {quoted}\n", encoding="utf-8")
    (place / "recipe.yaml").write_text(f"name: {quoted}\ntrainer: {{use: {quoted}}}\n", encoding="utf-8")
    file = f"{evil.replace('/', '')[:80]}.yaml"
    plugin = ["-p", "evil.py"]
    return [
        [*plugin, "run", "judge.yaml", "--runs", "runs"],
        [*plugin, "run", "stopping.yaml"],
        [*plugin, "run", "broken.yaml"],
        [*plugin, "run", "judge.yaml", "--dry-run"],
        [*plugin, "run", "judge.yaml", "--set", f"tasks.0.{evil}=1"],
        [*plugin, "run", "judge.yaml", "--set", f"tasks.0.limit={evil}"],
        *([*plugin, "validate", f"{name}.yaml"] for name in ("key", "name", "bad", "word", "base")),
        [*plugin, "show", "judge.yaml"],
        [*plugin, "show", "evil/task"],
        [*plugin, "show", "evil/task", "--items", "1"],
        [*plugin, "list", "tasks"],
        [*plugin, "list", "judges", "--json"],
        [*plugin, "plugins"],
        [*plugin, "--help"],
        ["-p", "raising.py", "plugins"],
        ["-p", "raising.py", "list", "tasks"],
        [*plugin, "train", "recipe.yaml"],
        [*plugin, "check", "evil"],
        ["run", file],
        ["show", evil],
        ["train", file],
        ["score", evil],
        ["leaderboard", evil],
        ["leaderboard", "runs/*", "--format", evil],
        ["compare", evil, evil, "--run", evil],
        ["merge", evil, "--output", "merged"],
        ["doctor", evil],
        ["new", "task", evil],
        [evil],
        [f"--{evil}"],
        ["run", f"--{evil}"],
        ["run", "--shard", evil, "judge.yaml"],
        ["-p", f"{evil}.py", "plugins"],
        ["--no-plugin", evil, "plugins"],
    ]


def on_terminal(place: Path, calls: Sequence[Sequence[str]]) -> list[str]:
    """What each call writes to a terminal. One process makes all of them."""
    (place / "driver.py").write_text(_DRIVER, encoding="utf-8")
    # A zero byte cannot be an argument.
    (place / "calls.json").write_text(json.dumps(calls), encoding="utf-8")
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "driver.py", "calls.json"],
        cwd=place,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "200"},
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    ):
        os.close(theirs)
        written = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # how Linux says that the other end is closed
                break
            if not part:
                break
            written += part
        os.close(ours)
    return written.decode("utf-8", "surrogateescape").split("\r\n=====\r\n")[:-1]


def main() -> None:
    """Attack, and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="all payloads in one")
    names = ("all",) if parser.parse_args().smoke else tuple(PAYLOADS)
    with tempfile.TemporaryDirectory() as folder:
        counts = attack_terminal(Path(folder), payloads=names)
    sys.stdout.write(json.dumps({"attacks": {"terminal": counts}}) + "\n")


if __name__ == "__main__":
    main()

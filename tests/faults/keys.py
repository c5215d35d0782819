r"""Secrets that a server or a library repeats, in many spellings: none may be shown or written.

A judge takes a value from the environment by `${env:NAME}` and repeats it in its answers, reasons, errors and model
names, in each spelling. Then the run folder and all that was printed are searched for these spellings.
Manifests with mistakes, pasted keys, and files outside the project are tried as well.

    python tests/faults/keys.py [--smoke]

The last line is one JSON object: `{"attacks": {name: [tried, through]}}`.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import quopri
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

KEY = "sk-Abc7/DEF+ghiJKLmnoPQRstu/vwxYZ0=12345678"
USER = "user-4711/Ada@example.org"

_PLUGIN = """
import json, os, sys, warnings
from pathlib import Path
from pydantic import BaseModel, ConfigDict
from harness.api import (
    Choice, Item, Judgement, JudgeCard, Message, Protocol, Request, Status, TaskCard, UserError, hookimpl
)

FORMS = json.loads(Path("forms.json").read_text(encoding="utf-8"))


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    user: str = ""
    count: int = 0


class Task:
    protocol, format = Protocol(), "harness/tagged"

    def items(self, split):
        for number in range(3 * len(FORMS)):
            yield Item(id=f"i{number:04}", group=str(number), space=Choice(("yes", "no")), gold="yes",
                       question=(f"Is it {number}?",))

    def render(self, item, *, order, format):
        return Request(task="?", item=item.id, messages=(Message("user", item.question),), space=item.space,
                       format=format, order=order)

    def fingerprint(self):
        return "t"


class Judge:
    def judge(self, requests):
        for number, request in enumerate(requests):
            form = FORMS[number // 3]
            print(f"printed {form}")
            print(f"said {form}", file=sys.stderr)
            warnings.warn(form, stacklevel=1)
            if number % 3 == 0:
                yield request, Judgement.failure(Status.ERROR, f"status 400: {form} is wrong")
            elif number % 3 == 1:
                yield request, request.read(f"It is {form}. <answer>yes</answer>")
            else:
                yield request, Judgement.of("no", rationale=f"since {form}", model=f"m {form}", raw=form)

    def fingerprint(self):
        return "j"


@hookimpl
def harness_tasks():
    return [TaskCard(name="task", summary="A task.", factory=lambda options, context: Task())]


@hookimpl
def harness_judges():
    return [JudgeCard(name="judge", summary="A judge.", options=Options, factory=lambda options, context: Judge())]


@hookimpl
def harness_run_finished(folder):
    raise RuntimeError(FORMS[0])
"""


def spell(value: str) -> dict[str, str]:
    """The spellings in which a server, a proxy, a page or a library may repeat a value."""
    escaped = "".join(f"\\u{ord(letter):04x}" for letter in value)
    percent = "".join(f"%{ord(letter):02X}" for letter in value)
    named = {"/": "&sol;", "+": "&plus;", "=": "&equals;", "@": "&commat;", "-": "&hyphen;", ".": "&period;"}
    deltas = [value[start : start + 3] for start in range(0, len(value), 3)]
    forms = {
        "plain": value,
        "upper": value.upper(),
        "lower": value.lower(),
        "swapped": value.swapcase(),
        "slashes": value.replace("/", "\\/"),
        "escaped": escaped,
        "escaped twice": json.dumps(json.dumps(value.replace("/", "\\/")))[1:-1],
        "u twice": escaped.replace("\\", "\\\\"),
        "x": "".join(f"\\x{ord(letter):02x}" for letter in value),
        "octal": "".join(f"\\{ord(letter):03o}" for letter in value),
        "url": quote(value, safe=""),
        "url lower": quote(value, safe="").lower(),
        "url twice": quote(quote(value, safe=""), safe=""),
        "url thrice": quote(quote(quote(value, safe=""), safe=""), safe=""),
        "percent": percent,
        "percent lower": percent.lower(),
        "decimal entities": "".join(f"&#{ord(letter)};" for letter in value),
        "hex entities": "".join(f"&#x{ord(letter):X};" for letter in value),
        "entities twice": "".join(f"&amp;#{ord(letter)};" for letter in value),
        "named entities": "".join(named.get(letter, letter) for letter in value),
        "line break": f"{value[:9]}\n{value[9:]}",
        "escaped break": f"{value[:9]}\\n  {value[9:]}",
        "spaces": " ".join(value),
        "tabs": "\t".join(value),
        "zero width": "\u200b".join(value),
        "soft hyphens": "\u00ad".join(value),
        "tags": "<wbr>".join(value),
        "bold": f"{value[:8]}<b>{value[8:16]}</b>{value[16:]}",
        "quoted printable": quopri.encodestring(("x" * 60 + value + "y" * 60).encode()).decode(),
        "list": json.dumps(list(value)),
        "bytes": json.dumps(list(value.encode())),
        "hex": value.encode().hex(),
        "HEX": value.encode().hex(":").upper(),
        "reversed": value[::-1],
        "events": "".join(
            f'data: {{"id":"c","choices":[{{"index":0,"delta":{{"content":{json.dumps(part)}}}}}]}}\n\n'
            for part in deltas
        ),
        "typed events": "".join(
            "event: content_block_delta\n"
            f'data: {{"type":"content_block_delta","delta":{{"type":"text_delta","text":{json.dumps(part)}}}}}\n\n'
            for part in deltas
        ),
    }
    for before in ("", "x", "us"):
        raw = f"{before}{value}:z".encode()
        forms[f"base64 after {len(before)}"] = base64.b64encode(raw).decode()
        forms[f"base64url after {len(before)}"] = base64.urlsafe_b64encode(raw).decode().rstrip("=")
        forms[f"base64 in lines after {len(before)}"] = base64.encodebytes(b"-" * 42 + raw + b"+" * 60).decode()
        forms[f"base64 in a url after {len(before)}"] = quote(base64.b64encode(raw).decode(), safe="")
    return forms


def attack_runs(folder: Path, *, values: Mapping[str, str]) -> tuple[int, int]:
    """Run a judge that repeats what it was given, and search what is left.

    Args:
        folder: An empty folder.
        values: What to repeat, by the environment variable that holds it.
    """
    tried = through = 0
    for variable, value in values.items():
        place = folder / variable
        place.mkdir()
        forms = spell(value)
        (place / "forms.json").write_text(json.dumps([*forms.values()]), encoding="utf-8")
        (place / "echo.py").write_text(_PLUGIN, encoding="utf-8")
        (place / "m.yaml").write_text(
            f"name: m\ntasks: [{{use: echo/task, name: t}}]\n"
            f'judges: [{{use: echo/judge, name: j, with: {{user: "${{env:{variable}}}"}}}}]\n',
            encoding="utf-8",
        )
        # The value stands on the command line as well, which `run.json` keeps.
        printed = [
            _harness(place, ["-p", "echo.py", "run", "m.yaml", "--set", f"judges.0.with.user={value}"], {}),
            _harness(place, ["-p", "echo.py", "run", "m.yaml"], {variable: value}),
            _harness(place, ["-p", "echo.py", "run", "m.yaml", "--set", f"tasks.0.{value}=1"], {variable: value}),
            _harness(place, ["-p", "echo.py", "run", "m.yaml", "--set", "judges.0.with.count=x"], {variable: value}),
        ]
        # Without the variable nothing tells a user's name from other text: there only keys are looked for.
        texts = {"output": "\n".join(printed if value == KEY else printed[1:]), **_read_runs(place)}
        for name, form in forms.items():
            for where, text in texts.items():
                tried += 1
                if form in text or json.dumps(form)[1:-1] in text:
                    through += 1
                    sys.stdout.write(f"{variable}: {name} in {where}\n")
        statuses = _count_statuses(place)
        # The answers are read before anything is scrubbed from them.
        tried += 1
        if statuses != {"error": len(forms), "ok": 2 * len(forms)}:
            through += 1
            sys.stdout.write(f"{variable}: {statuses}\n")
    return tried, through


def attack_manifests(folder: Path) -> tuple[int, int]:
    """Mistakes beside keys, pasted keys, and files that are no manifests: what messages show of them."""
    secret = "TOPSECRET-line-of-a-file"
    outside = folder / "outside"
    outside.mkdir()
    project = folder / "project"
    (project / ".ssh").mkdir(parents=True)
    files = {
        "passwd": f"root:x:0:0:{secret}:/root:/bin/bash\n",
        "environ": f"A=1\0B={secret}\0",
        "id_rsa": f"-----BEGIN KEY-----\n{secret}\n",
        "hosts.yml": f"github.com:\n  oauth_token: {secret}\n",
        "config.json": json.dumps({"auths": {"ghcr.io": {"auth": secret}}}),
        "list": f"- {secret}\n",
        "tabs": f"a:\n\t{secret}\n",
        "quotes": f"a: '{secret}\n",
        "alias": f"a: *{secret}\n",
        "latin": f"caf\u00e9 {secret}\n",
    }
    cases: list[str] = []
    for name, text in files.items():
        encoding = "latin-1" if name == "latin" else "utf-8"
        for file in (outside / name, project / ".ssh" / name):
            file.write_text(text, encoding=encoding)
            cases.append(f"extends: {file}\n")
            cases.append(f"name: m\ntasks: []\njudges: [{{use: baselines/random, train: {file}}}]\n")
            cases.append(f"name: m\ntasks: [{{use: generic/pairwise, data: {file}}}]\njudges: []\n")
            cases.append(
                "name: m\ntasks: [{use: miniature/safety, limit: 1}]\n"
                f"judges: [{{use: baselines/replay, with: {{answers: {file}}}}}]\n"
            )
        (project / "link.yaml").unlink(missing_ok=True)
        (project / f"link-{name}.yaml").symlink_to(outside / name)
        cases.append(f"extends: link-{name}.yaml\n")
    head = "name: m\ntasks: [{use: miniature/safety, limit: 1}]\njudges:\n- use: openai/openai\n"
    keys = {
        KEY: "plain",
        "hf_abcdEFGHijklMNOPqrstUV12": "prefix",
        "AKIAABCDEFGHIJKLMNO1": "aws",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abc123DEF456": "jwt",
    }
    pasted: list[tuple[str, str]] = []
    for key in keys:
        for written in (
            f"  with: {{model: m, api_key_env: {key}}}",
            f"  with: {{model: m, api_key: '{key}'}}",
            f"  with: {{model: m, extra_body: {{user: '{key}'}}}}",
            f"  with: {{model: m, extra_body: [{key}}}",
            f"  with: {{model: {key}, temperature: x}}",
            f"  {key}: 1",
            f"  with: {{model: m, headers_env: {{X-Key: {key}}}}}",
            f"  with: {{model: m}} # {key}\n  oops: 1 # {key}",
            f"  name: '{'x' * 150}{key[:3]}{key[3:]}",
        ):
            pasted.append((key, f"{head}{written}\n"))
    for variable in ("password: hunter2hunter2hunter2", "client_secret: 0a1b2c3d4e5f60718293"):
        pasted.append((variable.partition(": ")[2], f"{head}  with: {{model: m, extra_body: {{{variable}}}, x: 1}}\n"))
    tried = through = 0
    every = [(secret, case) for case in cases] + pasted
    (project / "cases.json").write_text(json.dumps([case for _, case in every]), encoding="utf-8")
    (project / "driver.py").write_text(_DRIVER, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "driver.py"], cwd=project, capture_output=True, text=True, check=False, errors="replace"
    )
    said = (done.stdout + done.stderr).split("=====\n")[:-1]
    for (hidden, case), output in zip(every, said, strict=True):
        tried += 1
        if hidden in output or hidden[6:20] in output or "Traceback" in output:
            through += 1
            sys.stdout.write(f"{case!r}: {output[:600]}\n")
    return tried, through


_DRIVER = """
import json, sys
from pathlib import Path
from harness.cli import main
sys.stderr = sys.stdout
for case in json.loads(Path("cases.json").read_text()):
    Path("m.yaml").write_text(case)
    try:
        main(["run", "m.yaml"])
    except SystemExit:
        pass
    print("=====", flush=True)
"""


def _harness(place: Path, arguments: Sequence[str], environ: Mapping[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "harness", *arguments],
        cwd=place,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    # What a plugin itself prints to a redirected stdout is its own: only lines of the harness count there.
    own = [line for line in done.stdout.splitlines() if not line.startswith("printed ")]
    return "\n".join(own) + "\n" + done.stderr


def _read_runs(place: Path) -> dict[str, str]:
    """All texts in the run folders, those of the database by table."""
    texts = {}
    for path in sorted(place.glob("runs/*/*")):
        if path.suffix != ".sqlite":
            texts[path.name] = path.read_bytes().decode("utf-8", "replace")
            continue
        with sqlite3.connect(path) as database:
            for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type='table'").fetchall():
                rows = database.execute(f"SELECT * FROM {table}").fetchall()
                texts[table] = "\n".join(str(value) for row in rows for value in row)
    return texts


def _count_statuses(place: Path) -> dict[str, int]:
    found: dict[str, int] = {}
    for journal in place.glob("runs/*/journal.sqlite"):
        with sqlite3.connect(journal) as database:
            found.update(database.execute("SELECT status, count(*) FROM judgements GROUP BY 1").fetchall())
    return found


def main() -> None:
    """Attack, and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="one value only")
    values = {"MY_KEY": KEY} if parser.parse_args().smoke else {"MY_KEY": KEY, "MYUSER": USER}
    with tempfile.TemporaryDirectory() as folder:
        attacks = {"secrets in runs": attack_runs(Path(folder), values=values)}
    with tempfile.TemporaryDirectory() as folder:
        attacks["secrets in manifests"] = attack_manifests(Path(folder))
    sys.stdout.write(json.dumps({"attacks": attacks}) + "\n")


if __name__ == "__main__":
    main()

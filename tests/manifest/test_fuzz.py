"""Mutated manifests and recipes: each loads, or is refused with a position in every problem. Never anything else."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import yaml

from harness.discovery import Plugins
from harness.inspection.origins import render_with_origins
from harness.libraries.config import render
from harness.manifest.load import LoadedManifest, LoadedRecipe, load_manifest, load_recipe
from harness.manifest.problems import InvalidManifestError

Mutate: TypeAlias = Callable[[random.Random, bytes], bytes]
Loader: TypeAlias = Callable[..., LoadedManifest | LoadedRecipe]

SEEDS = (
    b"name: small\ntasks:\n  - use: plain\njudges:\n  - use: simple\n",
    b"""# a manifest that uses everything
extends: base.yaml
name: every-thing
description: "caf\xc3\xa9 \\u2603 $${literal}"
vars: {n: 3, model: base, data: here, list: [a, b], deep: {k: "${vars.n}"}}
tasks:
  - {use: toy/rich, limit: 10, name: one, data: "${vars.data}", with: {steps: 2, inner: {depth: 2, weights: w.bin}}}
  - use: plain
    split: train
    format: tagged
    protocol: {order: both, pooling: sum, metrics: [accuracy, macro_f1], min_coverage: 0.5, samples: 2}
    suite: s
  - use: many
judges:
  - use: judge
    name: big
    with:
      model: "${vars.model}-x"
      key: "${env:HARNESS_FUZZ_KEY}"
      stop: ${vars.list}
      answers: a/b.jsonl
      files: [x, ../y]
      temperature: 1e-1
      anything: {a: [1, 2.5, ~, true, {b: c}]}
  - {use: needy, with: {from: x}}
run: {seed: 0, timeout: 1.5, limit: 5, fail_on_error: 0.5}
report: {metric: accuracy, compare: none, confidence: 0.9, resamples: 200, group_by: suite, min_coverage: 0}
""",
    b"""name: blocks
description: |
  several
  lines
tasks:
- use: rich
  with: {mode: slow}
-   use: plain
    name: >-
      folded
      name
judges:
- ? use
  : simple
""",
)

BASE = b"name: base\ntasks: [{use: plain, limit: 3}]\ntrainer: {use: bare}\nmodel: weights\n"
"""A recipe that others start from."""
RECIPES = (
    b"name: small\ntasks:\n  - use: plain\ntrainer: {use: bare}\n",
    b"""name: every-thing
description: words
vars: {n: 3, w: 0.5, start: start.yaml}
seed: 1
train: ${vars.start}
tasks:
  - {use: learnt, name: one, weight: "${vars.w}", limit: "${vars.n}", with: {steps: 2, answers: a}, validation: test}
  - use: plain
    train: test
    validation: ~
    protocol: {order: both}
rewards:
  - {use: right, weight: 0.9, tasks: [one, plain]}
  - {use: form, weight: -1, with: {warm: w, key: "${env:HARNESS_FUZZ_KEY}"}}
trainer: {use: trainer, with: {steps: 3, batch: 2, warm: x/y}}
""",
)
JUDGES = (
    b"""name: judged
tasks: [{use: plain}]
judges:
  - {use: judge, train: start.yaml, with: {steps: 2}}
  - use: judge
    name: inner
    train:
      name: inner
      train: start.yaml
      tasks: [{use: learnt}, {use: many, train: test}]
      rewards: [{use: right, tasks: [x]}]
      trainer: {use: trainer, with: {key: "${env:HARNESS_FUZZ_KEY}"}}
""",
)

# fmt: off
NASTY = (
    b"\x00", b"\xff\xfe", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\x85", b"\xe2\x80\xa8", b"\t", b"\r", b"*a", b"&a ",
    b"!!python/object/apply:os.system [x]", b"!!str ", b"!x ", b"<<: ", b"? ", b"---\n", b"...\n", b"%YAML 1.1\n",
    b"2024-01-01", b".nan", b".inf", b"-.inf", b"no", b"012", b"1:30", b"1_000", b"~", b"''", b"1e9999", b"-0.0",
    b"true", b"0x", b"0o9", b"@", b"`", b"9" * 5000, b"x" * 5000, b"[" * 300, b"{" * 300, b"- " * 100, b"|\n", b">\n",
    b'"\\ud800"', b'"\\0"', b"${vars.n}", b"${vars.", b"${env:HOME}", b"$${", b"${}", b"hub:a/b@c", b"hub:", b"/",
    b"extends: m.yaml\n", b"extends: [base.yaml, base.yaml]\n", b"vars: {a: '${vars.b}', b: '${vars.a}'}\n",
    b"crash", b"bad", b"unloadable", b"train-only", b"~/x", b"name: yes\n",
)
VALUES: Sequence[Any] = (
    None, True, False, 0, -1, 7, 10**30, 0.5, -1.5, 1e300, float("inf"), float("nan"), "", "x", "no", "1e5", "012",
    "${vars.n}", "${vars.deep}", "${env:HARNESS_FUZZ_KEY}", "${env:HARNESS_NO_SUCH}", "a\nb", "\u2028", "hub:a/b", "/",
    "..", "crash", "bad", [], {}, [[]], [None], {"": 1}, {"a": {"b": []}}, ["x", 1, None], {"use": "plain"}, "use",
    [{"use": "judge"}], "\U0001f600" * 3,
)
SETS = (
    "run.seed=3", "tasks.0.limit=x", "judges.0.with.model=crash", "vars.n=[", "tasks.9.use=x", "a.b.c=1", "name=~",
    "=", "tasks=",
)
# fmt: on
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def mutate_bytes(dice: random.Random, text: bytes) -> bytes:
    raw = bytearray(text)
    for _ in range(dice.randint(1, 2)):
        at = dice.randrange(len(raw) + 1)
        what = dice.randrange(4)
        if what == 0:
            raw[at:at] = bytes([dice.randrange(256) if dice.random() < 0.3 else dice.randrange(32, 127)])
        elif what == 1:
            del raw[at : at + dice.randint(1, 8)]
        elif what == 2 and at < len(raw):
            raw[at] ^= 1 << dice.randrange(8)
        else:
            start = dice.randrange(len(raw) + 1)
            raw[at:at] = raw[start : start + dice.randint(1, 40)]
    return bytes(raw)


def mutate_tokens(dice: random.Random, text: bytes) -> bytes:
    tokens = re.findall(rb"[A-Za-z0-9_./${}-]+|\n *|.", text, re.DOTALL)
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(tokens))
        what = dice.randrange(4)
        if what == 0:
            tokens[at] = dice.choice(NASTY)
        elif what == 1:
            tokens.insert(at, dice.choice(NASTY))
        elif what == 2:
            del tokens[at]
        else:
            other = dice.randrange(len(tokens))
            tokens[at], tokens[other] = tokens[other], tokens[at]
        tokens = tokens or [b" "]
    return b"".join(tokens)


def mutate_structure(dice: random.Random, text: bytes) -> bytes:
    data = yaml.load(text, Loader=_LOADER)
    for _ in range(dice.randint(1, 3)):
        holder, step = _pick(dice, data)
        what = dice.randrange(4)
        if what == 0:
            holder[step] = dice.choice(VALUES)
        elif what == 1:
            holder.pop(step)
        elif what == 2 and isinstance(holder, dict):
            holder[dice.choice(["usee", "limit", "with", "from", "x", 3, None, True, "extends", "vars"])] = dice.choice(
                VALUES
            )
        elif isinstance(holder, list):
            holder.append(holder[step])
        else:
            holder[f"{step}s"] = holder.pop(step)
        if not data:
            break
    dumped: bytes = yaml.dump(data, Dumper=_DUMPER, allow_unicode=True, sort_keys=False, encoding="utf-8")
    return dumped


def _pick(dice: random.Random, data: Any) -> tuple[Any, Any]:
    holder, step = data, dice.choice(list(data))
    while dice.random() < 0.7:
        child = holder[step]
        if not (isinstance(child, dict | list) and child):
            break
        holder, step = child, dice.choice(list(child) if isinstance(child, dict) else range(len(child)))
    return holder, step


def _load_or_check(
    load: Loader, path: Path, sets: Sequence[str], plugins: Plugins, text: bytes
) -> LoadedManifest | LoadedRecipe | None:
    """What was loaded, or `None` when it is refused as it should be."""
    try:
        return load(path, sets=sets, plugins=plugins)
    except InvalidManifestError as error:
        problems, message = error.problems, str(error)
    assert problems, text
    assert "topsecret-value" not in message, text
    for problem in problems:
        at = problem.origin
        assert (at.line >= 1 and at.column >= 1) or at.label.startswith("--set "), (problem, text)
    return None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("load", "seeds", "count"),
    [(load_manifest, SEEDS, 667), (load_recipe, RECIPES, 200), (load_manifest, JUDGES, 200)],
    ids=["manifests", "recipes", "judges-with-recipes"],
)
@pytest.mark.parametrize("mutate", [mutate_bytes, mutate_tokens, mutate_structure], ids=lambda mutate: mutate.__name__)
def test_mutated_files_load_or_are_refused_with_positions(
    mutate: Mutate,
    load: Loader,
    seeds: Sequence[bytes],
    count: int,
    folder: Path,
    plugins: Plugins,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HARNESS_FUZZ_KEY", "topsecret-value")
    (folder / "here").mkdir()
    (folder / "base.yaml").write_text("vars: {n: 1, other: 2}\nrun: {seed: 7}\n", encoding="utf-8")
    (folder / "start.yaml").write_bytes(BASE)
    path, again = Path("m.yaml"), Path("again.yaml")
    for seed in seeds:
        path.write_bytes(seed)
        load(path, plugins=plugins)  # each seed is good
    dice = random.Random(20261123)
    good = 0
    for number in range(count):
        text = mutate(dice, dice.choice(seeds))
        path.write_bytes(text)
        sets = [dice.choice(SETS)] if dice.random() < 0.15 else []
        loaded = _load_or_check(load, path, sets, plugins, text)
        if loaded is None:
            continue
        good += 1
        rendered = render_with_origins(loaded) if number % 2 else render(loaded.content)
        assert "topsecret-value" not in rendered
        again.write_text(rendered, encoding="utf-8")
        reloaded = load(again, plugins=plugins)
        assert reloaded.content == loaded.content, (number, text)
        assert reloaded.hash == loaded.hash
    assert count / 200 < good < 0.9 * count  # the mutations are neither too tame nor too wild

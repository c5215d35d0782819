"""Marks of reasoning that a judge's card or a manifest adds reach every reading of that judge's answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.cli import main

ANSWER = "<scratch>First [[yes]].</scratch>\n\n[[no]]"
OPEN = "It may be [[no]], but the other"
MANIFEST = """
name: marks
tasks:
  - use: generic/pointwise
    data: rows.jsonl
    format: harness/brackets
    with: {question: "Good? {q}", answers: ["yes", "no"], id: id}
judges:
  - {use: baselines/replay, name: plain, with: {answers: a.jsonl}}
  - {use: baselines/replay, name: told, with: {answers: a.jsonl}, reasoning: {marks: [["<scratch>", "</scratch>"]]}}
  - {use: baselines/replay, name: opened, with: {answers: b.jsonl}, reasoning: {opened: true}}
  - {use: baselines/replay, name: closed, with: {answers: b.jsonl}}
report: {compare: none}
"""


def test_a_manifest_adds_marks_and_says_that_the_prompt_opens_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [{"id": f"r{n}", "q": f"Case {n}", "label": "no"} for n in range(8)]
    for name, answer in (("a.jsonl", ANSWER), ("b.jsonl", OPEN)):
        lines = [json.dumps({"id": row["id"], "response": answer}) for row in rows]
        Path(name).write_text("\n".join(lines), encoding="utf-8")
    Path("rows.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    Path("manifest.yaml").write_text(MANIFEST, encoding="utf-8")
    with pytest.raises(SystemExit) as ended:
        main(["run", "manifest.yaml"])
    assert ended.value.code == 0
    (board,) = Path("runs").glob("marks-*/scores.json")
    cells = {cell["judge"]: cell for cell in json.loads(board.read_text(encoding="utf-8"))["cells"]}
    coverage = {name: cell["coverage"] for name, cell in cells.items()}
    assert coverage == {"plain": 0.0, "told": 1.0, "opened": 0.0, "closed": 1.0}


def test_a_mark_that_closes_itself_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "manifest.yaml"
    path.write_text(MANIFEST.replace('"</scratch>"', '"<scratch>"'), encoding="utf-8")
    (tmp_path / "rows.jsonl").write_text('{"id": "1", "q": "x", "label": "no"}\n', encoding="utf-8")
    for name in ("a.jsonl", "b.jsonl"):
        (tmp_path / name).write_text('{"id": "1", "response": "[[no]]"}\n', encoding="utf-8")
    with pytest.raises(SystemExit) as ended:
        main(["run", str(path)])
    assert ended.value.code == 2
    assert "reasoning marks must be pairs of two different texts" in capsys.readouterr().err

"""The notebooks of the tutorials run from top to bottom, and are kept without output."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

DOCS = Path(__file__).resolve().parents[2] / "docs"
NOTEBOOKS = sorted((DOCS / "tutorials").glob("*.ipynb"))


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_output(path: Path) -> None:
    notebook = read(path)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_error_analysis_runs_and_finds_what_its_text_says(tmp_path: Path) -> None:
    notebook = read(DOCS / "tutorials" / "error-analysis.ipynb")
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": tmp_path}}).execute()
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    shown = {number: cell.outputs for number, cell in enumerate(cells)}
    board, pair = shown[0][-1].data, shown[1][-1].data
    assert "off-the-shelf" in board["text/html"]
    assert "mt-rl-judge is better" in pair["text/plain"]
    # Drawn, and not only described.
    assert any("image/svg+xml" in output.data for output in shown[5])
    pictures = [output.data["text/html"].count("<img ") for output in shown[7]]
    assert pictures == [2, 2]
    # The finding: one judge does not see, and most errors of the other contradict a reason that is right.
    counted = shown[8][-1].data["text/plain"].removeprefix("Counter(").removesuffix(")")
    counts: dict[tuple[str, str, str], int] = ast.literal_eval(counted)

    def count(judge: str, *said: str) -> int:
        return sum(n for (name, saw, right), n in counts.items() if name == judge and {*said} <= {saw, right})

    assert count("off-the-shelf", "saw no difference") > 0.9 * count("off-the-shelf")
    assert count("off-the-shelf", "saw it right", "wrong") == 0
    assert count("mt-rl-judge", "saw it right") > 0.85 * count("mt-rl-judge")
    assert count("mt-rl-judge", "saw it right", "wrong") > 0.5 * count("mt-rl-judge", "wrong")
    # Verdicts that agree in both orders are right, and there are fewer of them.
    said = "".join(output.text for output in shown[9])
    kept = [(int(agreed), int(right)) for agreed, right in re.findall(r"(\d+) of 60 items have .*?, and (\d+)", said)]
    (agreed, right), (more, nearly_all) = kept
    assert 25 <= agreed < more <= 50
    assert right < 0.95 * agreed
    assert nearly_all >= 0.95 * more
    assert (tmp_path / "difference.svg").is_file()
    # Progress is plain lines, and nothing looks like an error.
    assert not [output for outputs in shown.values() for output in outputs if output.get("name") == "stderr"]

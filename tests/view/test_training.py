"""The page of training: what the log of a trainer says, and nothing but numbers and text of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from harness.view.book import load_book
from harness.view.contents import find_page, list_menu
from harness.view.counts import Counts
from harness.view.links import FileLinks
from harness.view.render import write_page
from harness.view.site import Site


def make_site(run: Path, place: Path) -> Site:
    """The same run, whose judge `dull` was trained beside it."""
    folder = place / run.name
    shutil.copytree(run, folder)
    record = json.loads((folder / "run.json").read_text())
    record["judges"]["dull"]["model"] = str(place / "recipe-1" / "model")
    (folder / "run.json").write_text(json.dumps(record))
    return Site(book=load_book(folder), links=FileLinks(), counts=Counts({}, {}))


def test_curves_and_completions_are_shown(run: Path, tmp_path: Path) -> None:
    (tmp_path / "recipe-1").mkdir()
    steps = [{"step": k, "metrics": {"loss": 1 / (k + 1), "bad": None if k else float("nan")}} for k in range(1000)]
    (tmp_path / "recipe-1" / "curves.jsonl").write_text("\n".join(map(json.dumps, steps)) + '\n{"step": 10')
    told = {"step": 7, "task": "drawn", "item": "<b>", "text": "</pre><script>", "reward": 1.0, "gold": "A"}
    (tmp_path / "recipe-1" / "completions.jsonl").write_text(json.dumps(told) + "\n[1]\nno json")
    site = make_site(run, tmp_path)
    page = find_page(site, ("training",))
    assert page is not None
    html = write_page(page, site)
    assert html.count("<svg") == 1  # what is never finite has no curve
    assert "step 999: 0.001" in html
    assert html.count("<circle") <= 402
    assert "reward 1.0" in html
    assert "<script" not in html
    assert "<b>" not in html
    assert ("Training", "#training") in list_menu(site)


def test_without_a_log_there_is_no_page(run: Path, tmp_path: Path) -> None:
    site = make_site(run, tmp_path)
    assert find_page(site, ("training",)) is None
    assert "Training" not in dict(list_menu(site))

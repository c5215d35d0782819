"""Every task whose items have pictures can be asked without them, and only by judges that do not look."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.api import DataError, Image, Item
from harness.api.data import suffix_of
from harness.cli import main
from harness.discovery import Offer, Plugins
from harness.testing import FakeContext

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".zip", ".tar", ".gz", ".tgz")


def offers() -> list[Offer]:
    found = Plugins.load().offers("task")
    return [one for one in found if getattr(one.card, "example", None) is not None]


def images_of(item: Item) -> list[Image]:
    parts = (*item.question, *(part for candidate in item.candidates for part in candidate))
    return [part for part in parts if isinstance(part, Image)]


def all_items(offer: Offer, folder: Path, options: dict[str, Any]) -> list[Item]:
    context = FakeContext(workspace=folder.parent / "workspace", name="mine", data=str(folder))
    model = offer.options_model()
    assert model is not None
    entries = offer.unfold(model.model_validate(options), context)
    found = []
    for chosen in [options] if entries is None else [one.options for one in entries]:
        task = offer.create(model.model_validate(chosen), context)
        assert task.media == options.get("media")
        found += task.items("test")
    return found


@pytest.mark.parametrize("offer", offers(), ids=lambda offer: offer.id)
def test_items_are_the_same_with_places_for_their_pictures(offer: Offer, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    options = offer.resolve(offer.card.example)(folder) or {}
    whole = all_items(offer, folder, options)
    for file in sorted(folder.rglob("*")):
        if file.name.lower().endswith(PICTURES) and not suffix_of(file):
            file.unlink()
    bare = all_items(offer, folder, {**options, "media": "absent"})
    assert [(one.id, one.gold, one.space) for one in bare] == [(one.id, one.gold, one.space) for one in whole]
    for with_pictures, without in zip(whole, bare, strict=True):
        images, places = images_of(with_pictures), images_of(without)
        assert bool(places) == bool(images)
        for place in places:
            assert len(place.digest) == 64
            if str(tmp_path) in place.name:  # a key must not depend on the machine: this one is of bytes in the row
                place.load()


def test_nothing_of_an_absent_picture_can_be_seen() -> None:
    place = Image.absent("images/1.png")
    assert place.digest == Image.absent("images/1.png").digest != Image.absent("images/2.png").digest
    for look in (place.load, place.encode):
        with pytest.raises(DataError, match=r"image 'images/1\.png': is not in these data"):
            look()


MANIFEST = """
name: bare
tasks:
  - use: generic/pairwise
    name: pairs
    data: pairs.jsonl
    with: {{question: "Which is better?", candidate_images: [a, b], gold: null, id: id{media}}}
judges:
{judges}
"""
BLIND = """
  - {use: baselines/replay, name: recorded, with: {answers: answers.jsonl}}
  - {use: baselines/constant}
  - {use: baselines/random}
  - {use: baselines/jury, with: {judges: [recorded, constant, random]}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    rows = [{"id": str(k), "a": f"a{k}.png", "b": f"b{k}.png"} for k in range(4)]
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    answers = [
        {"id": str(k), "judgments": [{"response": "<answer>A</answer>"}, {"response": "<answer>B</answer>"}]}
        for k in range(4)
    ]
    (tmp_path / "answers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in answers))
    return tmp_path


def run(folder: Path, judges: str, media: str) -> int:
    (folder / "m.yaml").write_text(MANIFEST.format(judges=judges, media=media))
    with pytest.raises(SystemExit) as caught:
        main(["run", "m.yaml"])
    assert isinstance(caught.value.code, int)
    return caught.value.code


def test_judges_that_do_not_look_need_no_pictures(folder: Path) -> None:
    assert run(folder, BLIND, ", media: absent") == 0
    [board] = folder.glob("runs/*/leaderboard.json")
    rows = {row["judge"]: row for row in json.loads(board.read_text())["rows"]}
    assert rows["recorded"]["value"] == 1.0
    assert all(row["statuses"]["ok"] == 8 for row in rows.values())


def test_a_judge_that_looks_is_refused_before_anybody_is_asked(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder, BLIND + "  - {use: baselines/pixels, with: {unseen: guess}}\n", ", media: absent") == 2
    said = capsys.readouterr().err
    wanted = "judge pixels looks at pictures, and the task pairs is used without them (`media: absent`)"
    assert wanted in said
    assert not list(folder.glob("runs/bare-*"))
    with pytest.raises(SystemExit, match="2"):
        main(["validate", "m.yaml"])
    assert wanted in capsys.readouterr().err


def test_pictures_that_should_be_there_are_errors_of_their_items(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder, BLIND, "") == 3
    said = capsys.readouterr().err
    assert "a0.png: no such file" in said
    [board] = folder.glob("runs/*/leaderboard.json")
    for row in json.loads(board.read_text())["rows"]:
        assert row["statuses"]["error"] == 8

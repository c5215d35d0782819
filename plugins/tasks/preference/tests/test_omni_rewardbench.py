from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import PIL.Image
import pytest

from harness.api import TIE, Context, DataError, Image, Item, Judgement, Part, Preference, Request
from harness.api.data import make_picture, write_table
from harness.testing import score_task
from harness_preference.benchmarks import omni_rewardbench as bench
from harness_preference.benchmarks.omni_rewardbench import OmniOptions
from harness_preference.published.omni_rewardbench import RECORDINGS

Contexts = Callable[[object], Context]


def row(number: int, preference: str, **changes: Any) -> dict[str, Any]:
    facts = {"id": f"{number}", "prompt": f"p{number}", "criteria": "Brevity.", "criteria_preference": preference}
    return {**facts, "response1": "short", "response2": "a long one", **changes}


def release(folder: Path, task: str, rows: list[dict[str, Any]]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{task}_preferences.json").write_text(json.dumps(rows, indent=4))
    return folder


def items(context: Context, subset: str, **options: Any) -> list[Item]:
    return list(bench.task(OmniOptions(subset=subset, **options), context).items("test"))


def clip(file: Path, greys: list[int]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    frames = [PIL.Image.new("L", (8, 8), grey) for grey in greys]
    frames[0].save(file, save_all=True, append_images=frames[1:])


def greys(parts: tuple[Part, ...]) -> list[int]:
    return [part.load().convert("L").tobytes()[0] for part in parts if isinstance(part, Image)]


def test_ties_of_people_are_left_out_unless_they_are_asked_for(tmp_path: Path, context: Contexts) -> None:
    release(tmp_path, "text_to_text", [row(0, "response1"), row(1, "tie"), row(2, "response2")])
    found = items(context(tmp_path), "text_to_text")
    assert [(item.id, item.gold) for item in found] == [("text_to_text/0", 0), ("text_to_text/2", 1)]
    assert {item.space for item in found} == {Preference(2)}
    found = items(context(tmp_path), "text_to_text", ties=True)
    assert [item.gold for item in found] == [0, TIE, 1]
    assert {item.space for item in found} == {Preference(2, ties=("tie",))}


@pytest.mark.parametrize("name", ["text_to_audio", "text_audio_to_text"])
def test_tasks_of_sound_are_named_with_the_reason(name: str, tmp_path: Path, context: Contexts) -> None:
    release(tmp_path, name, [row(0, "response1")])
    with pytest.raises(DataError, match=f"'{name}' of omni-rewardbench is left out: its .* no sound is shown"):
        items(context(tmp_path), name)
    # A folder that holds nothing else.
    with pytest.raises(DataError, match=f"does not hold its data.*{name} is left out"):
        bench.unfold(None, context(tmp_path))
    release(tmp_path, "text_to_text", [row(0, "response1")])
    entries = bench.unfold(None, context(tmp_path))
    assert [entry.name for entry in entries] == ["omni-rewardbench-text_to_text"]
    said = bench.task(OmniOptions(subset="text_to_text"), context(tmp_path)).provenance()
    assert all(f"{left} is left out: " in said for left in ("text_to_audio", "text_audio_to_text"))


def test_the_criterion_is_shown_and_pairs_of_one_prompt_are_a_group(tmp_path: Path, context: Contexts) -> None:
    release(tmp_path, "text_to_text", [row(0, "response1"), row(1, "response2", prompt="p0", criteria="Depth.")])
    first, second = items(context(tmp_path), "text_to_text")
    assert first.group == second.group
    assert first.question == ("[Prompt]\np0", "[Criterion]\nBrevity.")
    assert second.question[-1] == "[Criterion]\nDepth."
    assert first.candidates == (("short",), ("a long one",))


def test_each_task_shows_its_media(tmp_path: Path, context: Contexts) -> None:
    pytest.importorskip("av")
    media = tmp_path / "media_data"
    for name, shades in (("a.gif", [10, 20]), ("b.gif", [110, 120]), ("q.gif", [200, 210])):
        clip(media / name, shades)
    for number, name in enumerate(("1.png", "2.png", "0.png")):
        (media / name).write_bytes(make_picture(number))
    pictures = {"response1": "1.png", "response2": "2.png"}
    videos = {"response1": "a.gif", "response2": "b.gif"}
    tables = {
        "text_to_image": row(0, "response1", **pictures),
        "text_image_to_image": row(0, "response1", image="0.png", **pictures),
        "text_to_3D": row(0, "response1", **pictures),
        "text_to_video": row(0, "response1", **videos),
        "text_image_to_text": row(0, "response1", image="0.png"),
        "text_video_to_text": row(0, "response1", video="q.gif"),
    }
    for task, values in tables.items():
        release(tmp_path, task, [values])
    names = [entry.name for entry in bench.unfold(None, context(tmp_path))]
    assert set(names) == {f"omni-rewardbench-{task}" for task in tables}
    colour = {
        number: Image.from_bytes(make_picture(number), name="").load().convert("L").tobytes()[0] for number in range(3)
    }
    shown = {}
    for task in tables:
        (item,) = items(context(tmp_path), task, frames=2)
        shown[task] = [greys(item.question), *(greys(candidate) for candidate in item.candidates)]
    one, two = [colour[0]], [colour[1]]
    assert shown == {
        "text_to_image": [[], one, two],
        "text_image_to_image": [[colour[2]], one, two],
        "text_to_3D": [[], one, two],
        "text_to_video": [[], [10, 20], [110, 120]],
        "text_image_to_text": [[colour[2]], [], []],
        "text_video_to_text": [[200, 210], [], []],
    }
    (item,) = items(context(tmp_path), "text_to_video")
    assert [len(greys(candidate)) for candidate in item.candidates] == [5, 5], "as the authors sample"
    (item,) = items(context(tmp_path), "text_video_to_text")
    assert len(greys(item.question)) == 10


def test_tables_of_the_hub_have_paths_in_a_column_of_their_own_and_media_in_an_archive(
    tmp_path: Path, context: Contexts
) -> None:
    struct = {"bytes": make_picture(5), "path": None}
    paths = {"response1_path": "t2i/1.png", "response2_path": "t2i/2.png"}
    write_table(
        tmp_path / "text_to_image/test.parquet", [row(0, "response1", response1=struct, response2=struct, **paths)]
    )
    with zipfile.ZipFile(tmp_path / "media_data.zip", "w") as archive:
        for number in (1, 2):
            archive.writestr(f"media_data/t2i/{number}.png", make_picture(number))
    (item,) = items(context(tmp_path), "text_to_image")
    expected = [Image.from_bytes(make_picture(number), name="").load().tobytes() for number in (1, 2)]
    assert [part.load().tobytes() for (part,) in item.candidates] == expected  # type: ignore[union-attr]


def test_sound_is_left_out_by_name(tmp_path: Path, context: Contexts) -> None:
    release(tmp_path, "text_to_audio", [row(0, "response1")])
    with pytest.raises(
        DataError, match=r"'text_to_audio' of omni-rewardbench is left out: .*; it has text_to_text, text_image"
    ):
        items(context(tmp_path), "text_to_audio")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"criteria_preference": "A"}, "column 'criteria_preference': expected one of response1, response2, tie"),
        ({"criteria": None}, "column 'criteria': expected a value"),
        ({"response2": None}, "nothing in column 'response2_path' or 'response2'"),
        ({"response1": "../secret.gif"}, "leads out of the data folder"),
    ],
)
def test_a_row_that_does_not_fit_is_named(
    tmp_path: Path, context: Contexts, changes: dict[str, Any], says: str
) -> None:
    videos = {"response1": "a.gif", "response2": "b.gif"}
    release(tmp_path, "text_to_video", [row(0, "response1", **{**videos, **changes})])
    with pytest.raises(DataError) as caught:
        items(context(tmp_path), "text_to_video")
    assert says in str(caught.value)
    assert "element 0" in str(caught.value)


PREFERENCES = ["response1", "tie", "response2", "tie", "response1", "response2"]
SAID = ["response1", "tie", "response1", "response2", None, "response2"]


@pytest.mark.parametrize("ties", [False, True])
def test_the_value_is_that_of_the_script(tmp_path: Path, context: Contexts, ties: bool) -> None:
    """`predicted == criteria_preference` over all results, of which a None is one."""
    release(tmp_path, "text_to_text", [row(k, preference) for k, preference in enumerate(PREFERENCES)])
    results = [(gold, said) for gold, said in zip(PREFERENCES, SAID, strict=True) if ties or gold != "tie"]
    official = sum(gold == said for gold, said in results) / len(results)

    def answer(request: Request, item: Item) -> Judgement | str:
        said = SAID[int(item.id.split("/")[1])]
        if said is None:
            return "Both have their merits."
        return Judgement.of(item.space.to_shown(bench.LABELS[said], request.order))

    found = score_task(bench.task(OmniOptions(subset="text_to_text", ties=ties), context(tmp_path)), answer)
    assert found.estimates[0].value == pytest.approx(official)
    assert official == (3 / 6 if ties else 2 / 4)


def test_results_of_the_script_are_read(tmp_path: Path) -> None:
    def result(number: int, predicted: str | None, **changes: Any) -> dict[str, Any]:
        return {**row(number, "response1"), "predicted": predicted, "gpt-4o_raw_response": f"so {predicted}", **changes}

    bare = {name: cell for name, cell in result(0, "tie").items() if name != "id"}
    files = {
        "text_to_text/gpt-4o_preferences.json": [result(2, "response2"), result(3, None)],
        "text_to_text/gpt-4o_preferences_with_tie.json": [bare],
        "elsewhere/gpt-4o_preferences.json": [],
    }
    for name, rows in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(json.dumps(rows))
    found = RECORDINGS.find(tmp_path)
    assert {judge: [file.parent.name for file in own] for judge, own in found.items()} == {
        "gpt-4o": ["text_to_text"],
        "gpt-4o-with-tie": ["text_to_text"],
    }
    read = {
        judge: [dict(said) for file in own for said, _ in RECORDINGS.read(file, judge)] for judge, own in found.items()
    }
    assert read == {
        "gpt-4o": [
            {"id": "text_to_text/2", "order": [0, 1], "verdict": "B", "response": "so response2"},
            {"id": "text_to_text/3", "order": [0, 1], "verdict": None, "rationale": "so None"},
        ],
        "gpt-4o-with-tie": [{"id": "text_to_text/0", "order": [0, 1], "verdict": "tie", "response": "so tie"}],
    }
    (tmp_path / "text_to_text/gpt-4o_preferences.json").write_text(json.dumps([bare]))
    with pytest.raises(DataError, match="expected the id of the item in column 'id'"):
        list(RECORDINGS.read(found["gpt-4o"][0], "gpt-4o"))

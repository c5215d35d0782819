from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.api import DataError, Image
from harness.api.data import Cell, Row, make_picture

Picture = Callable[[int], bytes]


def beside(root: Path, folder: Path | None = None) -> Callable[[str], Image]:
    return lambda name: Image.from_file((folder or root) / name, root=root)


def cell(value: object, root: Path | None = None) -> Cell:
    return Row({"x": value}, "f.jsonl, line 3", 2, None if root is None else beside(root))["x"]


def test_a_missing_column_is_an_error_with_near_misses() -> None:
    row = Row({"caption": 1, "label": None}, "f.csv, line 3", 0)
    with pytest.raises(DataError, match=r"f\.csv, line 3: there is no column 'captoin'\. Did you mean 'caption'\?"):
        row["captoin"]
    with pytest.raises(DataError, match=r"no column 'zzz'\. There is 'caption', 'label'\."):
        row["zzz"]
    with pytest.raises(DataError, match=r"line 3, column 'label': expected a value, found nothing"):
        row["label"]


def test_many_columns_are_not_all_listed() -> None:
    with pytest.raises(DataError) as caught:
        Row({f"{k}" * 500: 1 for k in range(10_000)}, "f, line 1", 0)["?"]
    assert len(str(caught.value)) < 3000


@pytest.mark.parametrize(
    ("value", "text"),
    [("a b", "a b"), (7, "7"), (7.0, "7"), (2.5, "2.5"), (True, "true"), (False, "false"), (-0.0, "0")],
)
def test_a_word_is_text_or_a_number_as_people_write_it(value: object, text: str) -> None:
    assert cell(value).word() == text


@pytest.mark.parametrize("value", ["", "  \n"])
def test_empty_text_is_data_and_no_name(value: str) -> None:
    assert cell(value).text() == cell(value).word() == value
    with pytest.raises(DataError, match=r"line 3, column 'x': expected a name that is not empty, found str"):
        cell(value).name()
    with pytest.raises(DataError, match="expected one of yes"):
        cell(value).label({"yes": 1})
    assert cell(7).name() == "7"


@pytest.mark.parametrize("value", [["a"], {"a": 1}, b"bytes", "\ud800", float("nan"), float("inf")])
def test_what_is_no_word_is_no_text_and_is_named(value: object) -> None:
    for read in (cell(value).word, cell(value).text, cell(value).name):
        with pytest.raises(DataError, match=r"f\.jsonl, line 3, column 'x': expected .*, found "):
            read()


@pytest.mark.parametrize("value", [3, 2.5, True])
def test_text_is_no_number(value: object) -> None:
    with pytest.raises(DataError, match=r"line 3, column 'x': expected text, found"):
        cell(value).text()
    assert cell(" a b ").text() == " a b "


@pytest.mark.parametrize("value", [-1, True, 1.0, float("nan"), "one", "-1", "٣", "9" * 30])
def test_a_count_is_a_whole_number_from_zero(value: object) -> None:
    with pytest.raises(DataError, match="expected a whole number from 0"):
        cell(value).count()
    assert (cell(7).count(), cell("7").count()) == (7, 7)


@pytest.mark.parametrize("value", [2, True, 0.0, float("nan"), "a>b", [0]])
def test_an_unknown_label_lists_the_known_ones(value: object) -> None:
    with pytest.raises(DataError, match="expected one of 0, 1, A>B, found"):
        cell(value).label({"0": 0, "1": 1, "A>B": 2})
    assert [cell(v).label({"0": 0, "A>B": 2}) for v in (0, "0", "A>B")] == [0, 0, 2]


@pytest.mark.parametrize("value", [0, 1, "yes", "1", 0.0, []])
def test_a_flag_is_true_or_false(value: object) -> None:
    with pytest.raises(DataError, match="expected true or false"):
        cell(value).flag()
    assert [cell(v).flag() for v in (True, "true", "False", False)] == [True, True, False, False]


def test_an_object_is_a_row_of_its_own_that_knows_its_place() -> None:
    for value in ({"name": "m", "answer": None}, ' {"name": "m", "answer": null}'):
        inner = cell([value]).elements()[0].fields()
        assert inner["name"].text() == "m"
        with pytest.raises(DataError, match=r"line 3, column 'x', element 0, column 'answer': expected a value"):
            inner["answer"]
        with pytest.raises(DataError, match=r"element 0: there is no column 'nam'\. Did you mean 'name'"):
            inner["nam"]
    for bad in ("{", "x", [1], 3, "{" * 100_000):
        with pytest.raises(DataError, match="expected an object, or a JSON object as text"):
            cell(bad).fields()


def test_one_of_several_spellings_may_be_filled() -> None:
    row = Row({"vote": None, "human_vote": "left", "id": 7}, "f.jsonl, line 3", 2)
    assert row.first("vote", "human_vote").text() == "left"
    assert row.words("vote", "id", "gone") == {"id": "7"}
    assert (row.has("vote"), row.has("id"), row.has("gone")) == (False, True, False)
    blank = Row({"image": "", "video": "v.mp4", "note": ""}, "f.csv, line 3", 2)
    assert blank.first("image", "video").column == "video"
    assert blank.first("note", "gone").text() == ""
    assert (blank.has("note"), blank.words("note", "video")) == (False, {"video": "v.mp4"})
    with pytest.raises(DataError, match=r"line 3: nothing in column 'vote' or 'gone'; filled are 'human_vote', 'id'"):
        row.first("vote", "gone")


@pytest.mark.parametrize(("value", "number"), [(3, 3.0), (2.5, 2.5), (" 4 ", 4.0), ("-1e-2", -0.01), (".5", 0.5)])
def test_numbers_are_numbers_also_as_text(value: object, number: float) -> None:
    assert cell(value).number() == number


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), "nan", "inf", "1e999", 10**400, True, "3,5", "1_000", "٣", "0x1", "", [1], "two"],
)
def test_what_is_no_finite_number_is_named(value: object) -> None:
    with pytest.raises(DataError, match=r"line 3, column 'x': expected a finite number, found"):
        cell(value).number()


def test_lists_come_as_lists_or_as_json_text() -> None:
    for value in (["a", 1], ("a", 1), '["a", 1]', ' ["a", 1.0]'):
        assert [one.word() for one in cell(value).elements()] == ["a", "1"]
    for bad in ("a, b", "[1", "[" * 100_000, 3, {"a": 1}):
        with pytest.raises(DataError, match="expected a list, or a JSON list as text"):
            cell(bad).elements()
    with pytest.raises(DataError, match="column 'x', element 1: expected text"):
        [one.text() for one in cell(["a", None]).elements()]


@given(st.lists(st.sampled_from("ABC"), min_size=1), st.sampled_from([" > ", ">", ", ", " ", "  "]))
def test_words_may_be_apart_in_several_ways(words: list[str], between: str) -> None:
    assert [one.text() for one in cell(between.join(words)).split()] == words


def test_a_picture_may_be_held_in_every_way(tmp_path: Path, png: Picture) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(png(9))
    url = "data:image/png;base64," + base64.b64encode(png(9)).decode()
    for value in (png(9), {"bytes": png(9), "path": "x"}, {"bytes": None, "path": "in/a.png"}, "in/a.png", url):
        (image,) = cell(value, tmp_path).images()
        assert image.encode() == (png(9), "image/png")
    assert len(cell(["in/a.png", png(1)], tmp_path).images()) == 2


def test_pictures_are_lazy(tmp_path: Path) -> None:
    image = cell("gone.png", tmp_path).image()
    with pytest.raises(DataError, match="no such file"):
        image.load()


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("../a.png", "leads out of the data folder"),
        ("in/../../a.png", "leads out of the data folder"),
        ("/etc/hostname", "leads out of the data folder"),
        ({"bytes": None, "path": "/etc/hostname"}, "leads out of the data folder"),
        ("https://example.org/a.png", "addresses are not fetched; download it"),
        ("http://example.org/a.png", "addresses are not fetched"),
        ("file:///etc/hostname", "addresses are not fetched"),
        ("a\0b", "a picture"),
        ("", "a picture"),
        (b"", "a picture"),
        (3, "a picture"),
        ([], "at least one picture"),
        ({"bytes": None, "path": None}, "a picture"),
        ({"bytes": "in/a.png", "path": None}, "a picture"),
        ("data:image/png;base64,???", "a base64 data URL"),
        ("data:image/png;base64,", "a data URL of the form"),
        ("data:text/html,<b>", "a data URL of the form"),
        (base64.b64encode(make_picture(1)).decode(), r"looks like base64, and needs data:image/png;base64, in front"),
        ({"bytes": base64.b64encode(make_picture(1)).decode(), "path": "a.png"}, "looks like base64"),
        ("/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAgGBgcGBQgHBwcJCQ", "looks like base64"),
        (base64.b64encode(b"%" * 1000).decode(), "looks like base64"),
    ],
)
def test_a_picture_outside_the_data_or_no_picture_is_refused(tmp_path: Path, value: object, says: str) -> None:
    with pytest.raises(DataError, match=says) as caught:
        cell(value, tmp_path).images()
    assert "f.jsonl, line 3, column 'x'" in str(caught.value)


def test_links_do_not_lead_out_of_the_data(tmp_path: Path, png: Picture) -> None:
    root = tmp_path / "data"
    root.mkdir()
    (tmp_path / "secret.png").write_bytes(png(1))
    (root / "link.png").symlink_to(tmp_path / "secret.png")
    (root / "up").symlink_to(tmp_path)
    (root / "loop").symlink_to(root / "loop")
    for path in ("link.png", "up/secret.png"):
        with pytest.raises(DataError, match="leads out of the data folder"):
            cell(path, root).image()
    with pytest.raises(DataError):
        cell("loop", root).image().load()


def test_paths_start_at_the_data_file_and_may_reach_all_of_the_data_folder(tmp_path: Path, png: Picture) -> None:
    (tmp_path / "tables").mkdir()
    (tmp_path / "a.png").write_bytes(png(5))
    row = Row({"x": "../a.png"}, "here", 0, beside(tmp_path, tmp_path / "tables"))
    assert row["x"].image().encode()[0] == png(5)


def test_hub_data_have_no_files_to_open() -> None:
    with pytest.raises(DataError, match="download the dataset"):
        cell("a.png", None).image()


def test_errors_never_print_a_whole_picture() -> None:
    assert len(str(cell(b"\0" * 10**6).mismatch("text"))) < 200
    assert len(str(cell("y" * 10**6).mismatch("a label"))) < 300


@pytest.mark.parametrize(
    "path", ["iVBORw0KGgo", "iVBORw0KGgoAAAANSUhEUgAAAAQAAAADCAAAAADT.png", "a/" * 200 + "b", "x" * 60]
)
def test_a_path_is_not_taken_for_base64(tmp_path: Path, path: str) -> None:
    assert cell(path, tmp_path).image().name

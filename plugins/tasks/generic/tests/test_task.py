from __future__ import annotations

import hashlib
import random
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.api import TIE, DataError, Image, Item, Preference
from harness.formats.brackets import BracketsFormat
from harness.testing import score_task
from harness_generic import __version__
from harness_generic.task import GenericTask

Rows = list[dict[str, Any]]
Write = Callable[[str, Rows], Path]
Make = Callable[..., GenericTask]
Items = Callable[..., list[Item]]
Picture = Callable[[int], bytes]

FORM = BracketsFormat()
PAIR: dict[str, Any] = {"question": "{q}", "candidate_texts": ["a", "b"], "labels": {"L": "first", "R": "second"}}
POINT: dict[str, Any] = {"question": "{q}", "answers": ["yes", "no"]}


def test_a_row_becomes_an_item(write: Write, items: Items) -> None:
    row = {"q": "Why?", "a": "so", "b": 4, "label": "R", "n": 7, "src": "s", "cat": 1.0, "model": "m", "note": None}
    (item,) = items(
        "pairwise", write("r.jsonl", [row]), **PAIR, id="n", group="src", category="cat", tags=["model", "note"]
    )
    assert (item.id, item.group, item.category, item.tags) == ("7", "s", "1", {"model": "m"})
    assert (item.space, item.gold) == (Preference(2), 1)
    assert (item.question, item.candidates) == (("Why?",), (("so",), ("4",)))


def test_without_an_id_rows_are_numbered_and_are_their_own_group(write: Write, items: Items) -> None:
    rows = [{"q": "Why?", "label": "yes"}] * 2
    assert [(item.id, item.group) for item in items("pointwise", write("r.csv", rows), **POINT)] == [
        ("0", "0"),
        ("1", "1"),
    ]


@pytest.mark.parametrize("name", ["r.jsonl", "r.csv", "r.tsv.gz", "r.parquet"])
def test_every_kind_of_file_gives_the_same_items(write: Write, items: Items, name: str) -> None:
    rows = [{"q": "Why?", "texts": '["so", "not"]', "label": "tie"}, {"q": "How?", "texts": '["a", "b"]', "label": "1"}]
    options = {"question": "{q}", "candidate_texts": "texts", "labels": {"1": "first", "tie": "tie"}}
    found = items("pairwise", write(name, rows), **options)
    assert [(item.question, item.candidates, item.gold) for item in found] == [
        (("Why?",), (("so",), ("not",)), TIE),
        (("How?",), (("a",), ("b",)), 0),
    ]


def test_candidates_follow_the_order_shown_under_their_letters(write: Write, make: Make, png: Picture) -> None:
    row = {"q": "Which?", "p": [png(1), png(2)], "a": "one", "b": "two", "label": "L"}
    file = write("r.parquet", [row])
    for options, headings in (
        ({**PAIR, "candidate_texts": None, "candidate_images": "p"}, ["Image A:", "Image B:"]),
        (PAIR, ["Answer A:", "Answer B:"]),
        ({**PAIR, "candidate_images": "p"}, ["Candidate A:", "Candidate B:"]),
    ):
        task = make("pairwise", file, **options)
        (item,) = task.items("test")
        for order in ((0, 1), (1, 0)):
            request = task.render(item, order=order, format=FORM)
            assert [line for line in request.text.splitlines() if line.endswith(":")][:2] == headings
            if options.get("candidate_images"):
                assert [image.load().convert("L").getpixel((0, 0)) for image in request.images] == [
                    place + 1 for place in order
                ]
            if options.get("candidate_texts"):
                assert (request.text.index("one") < request.text.index("two")) == (order == (0, 1))
            assert request.text.endswith(FORM.instruction(item.space))


def test_question_images_come_first_or_where_they_are_named(write: Write, items: Items, png: Picture) -> None:
    file = write("r.parquet", [{"q": "Why?", "p": png(1), "label": "yes"}])
    (first,) = items("pointwise", file, **POINT, images="p")
    (named,) = items("pointwise", file, **{**POINT, "question": "Look: {p} {q}"}, images=["p"])
    assert [isinstance(part, Image) for part in first.question] == [True, False]
    assert [part if isinstance(part, str) else None for part in named.question] == ["Look: ", None, " Why?"]


def test_images_are_found_beside_the_data_file(write: Write, items: Items, tmp_path: Path, png: Picture) -> None:
    (tmp_path / "set/img").mkdir(parents=True)
    (tmp_path / "set/img/1.png").write_bytes(png(3))
    write("set/test.jsonl", [{"p": "img/1.png", "label": "yes"}])
    (item,) = items(
        "pointwise", tmp_path, question="Good?", answers=["yes", "no"], images="p", splits={"test": "set/test.jsonl"}
    )
    (image, _) = item.question
    assert isinstance(image, Image)
    assert image.encode()[0] == png(3)


def test_a_folder_of_labelled_images_needs_no_columns_and_its_names_tell_nothing(
    items: Items, make: Make, tmp_path: Path, png: Picture
) -> None:
    for name in ("cat/1.png", "dog/1.png"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(png(1))
    options = {"question": "Which?", "answers": ["cat", "dog"]}
    found = items("pointwise", tmp_path, **options)
    assert [(item.id, item.gold) for item in found] == [("0", "cat"), ("1", "dog")]
    task = make("pointwise", tmp_path, **options)
    assert len({task.render(item, order=(), format=FORM).key for item in found}) == 1  # the same picture, no name shown
    with pytest.raises(DataError, match=r"dog/1\.png, column 'label': expected one of 'cat', 'dogs', found str 'dog'"):
        items("pointwise", tmp_path, question="Which?", answers=["cat", "dogs"])
    assert [
        item.gold
        for item in items("score", write_scores(tmp_path / "scores", png), question="?", gold="label", low=1, high=3)
    ] == [1, 3]


def write_scores(folder: Path, png: Picture) -> Path:
    for score in "13":
        (folder / score).mkdir(parents=True)
        (folder / score / "a.png").write_bytes(png(1))
    return folder


def test_metadata_describe_the_images_beside_them(write: Write, items: Items, tmp_path: Path, png: Picture) -> None:
    (tmp_path / "1.png").write_bytes(png(8))
    write("metadata.csv", [{"file_name": "1.png", "q": "Why?", "label": "no"}])
    (item,) = items("pointwise", tmp_path, **POINT)
    image, text = item.question
    assert isinstance(image, Image)
    assert (image.encode()[0], text, item.gold) == (png(8), "Why?", "no")


def test_values_are_never_expanded_again(write: Write, items: Items) -> None:
    file = write("r.jsonl", [{"q": "{label} {0} {q!r} {{", "label": "yes"}])
    assert items("pointwise", file, **POINT)[0].question == ("{label} {0} {q!r} {{",)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"question": "{captoin}"}, "there is no column 'captoin'. There is 'q', 'label'"),
        ({"question": "{qq}", "gold": "lable"}, "there is no column 'lable'. Did you mean 'label'?"),
        ({"images": "pic"}, "there is no column 'pic'"),
        ({"id": "key"}, "there is no column 'key'"),
        ({"group": "key"}, "there is no column 'key'"),
        ({"category": "key"}, "there is no column 'key'"),
        ({"tags": ["key"]}, "there is no column 'key'"),
    ],
)
def test_a_column_that_is_not_there_is_named_with_row_and_near_misses(
    write: Write, items: Items, changes: dict[str, Any], says: str
) -> None:
    with pytest.raises(DataError) as caught:
        items("pointwise", write("r.csv", [{"q": "Why?", "label": "yes"}]), **{**POINT, **changes})
    assert says in str(caught.value)
    assert "r.csv, line 2" in str(caught.value)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"q": None}, "column 'q': expected a value, found nothing"),
        ({"q": ["a"]}, "column 'q': expected text, or a finite number, found list of 1"),
        ({"label": "maybe"}, "column 'label': expected one of 'yes', 'no', found str 'maybe'"),
        ({"label": None}, "column 'label': expected a value, found nothing"),
        ({"id": "a"}, "column 'id': expected an id that is there once, found 'a' again"),
        ({"id": {}}, "column 'id': expected text"),
    ],
)
def test_a_bad_row_ends_the_stream_and_is_named(write: Write, make: Make, row: dict[str, Any], says: str) -> None:
    good = {"id": "a", "q": "Why?", "label": "yes"}
    stream = make("pointwise", write("r.jsonl", [good, {**good, "id": "b", **row}]), **POINT, id="id").items("test")
    assert next(stream).id == "a"
    with pytest.raises(DataError) as caught:
        next(stream)
    assert says in str(caught.value)
    assert "r.jsonl, line 2" in str(caught.value)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"texts": ["a"]}, "expected 2 to 26 candidates, found 1"),
        ({"texts": ["a"] * 27}, "expected 2 to 26 candidates, found 27"),
        ({"texts": "a, b"}, "column 'texts': expected a list"),
        ({"texts": ["a", None]}, "column 'texts', element 1: expected text"),
        ({"texts": ["a", "b", "c"]}, "different numbers of candidates (2 images, 3 texts)"),
    ],
)
def test_candidates_that_do_not_fit_are_named(write: Write, items: Items, row: dict[str, Any], says: str) -> None:
    images = {"pictures": ["1.png", "2.png"]} if "images" in says else {}
    options = {"candidate_images": "pictures"} if images else {}
    file = write("r.jsonl", [{"ranking": [0, 1], **row, **images}])
    with pytest.raises(DataError) as caught:
        items("ranking", file, question="?", candidate_texts="texts", **options)
    assert says in str(caught.value)
    assert "r.jsonl, line 1" in str(caught.value)


def test_empty_files_are_an_error(write: Write, items: Items, tmp_path: Path) -> None:
    (tmp_path / "head.csv").write_text("q,label\n")
    for file in (write("r.jsonl", []), tmp_path / "head.csv"):
        with pytest.raises(DataError, match=rf"{file.name} holds no rows; expected at least one"):
            items("pointwise", file, **POINT)
    (tmp_path / "empty/cat").mkdir(parents=True)
    with pytest.raises(DataError, match="empty holds no rows"):
        items("pointwise", tmp_path / "empty", question="?", answers=["cat", "dog"])


def test_a_split_that_the_entry_lacks_says_how_to_name_its_file(write: Write, make: Make) -> None:
    task = make("pointwise", write("r.jsonl", [{"q": "Why?", "label": "yes"}]), **POINT)
    with pytest.raises(DataError, match=r"no split 'train' in this entry.*with: \{splits: \{train: FILE\}\}$"):
        list(task.items("train"))
    with pytest.raises(DataError, match="or write validation: null in the recipe"):
        list(task.items("validation"))


def test_a_question_that_shows_nothing_of_the_row_is_refused(write: Write, make: Make) -> None:
    with pytest.raises(DataError, match="every row would be the same question"):
        make("pointwise", write("r.jsonl", [{"label": "yes"}]), question="Good?", answers=["yes", "no"])


def test_the_fingerprint_covers_options_and_data(write: Write, make: Make) -> None:
    file = write("r.jsonl", [{"q": "Why?", "label": "yes"}])
    seen = [make("pointwise", file, **POINT).fingerprint(), make("pointwise", file, **POINT, group="q").fingerprint()]
    assert make("pointwise", file, **POINT).fingerprint() == seen[0]
    write("r.jsonl", [{"q": "How?", "label": "yes"}])
    assert make("pointwise", file, **POINT).fingerprint() not in seen
    assert seen[0] != seen[1]


def test_the_fingerprint_is_that_of_finished_runs(write: Write, make: Make) -> None:
    file = write("r.jsonl", [{"q": "Why?", "label": "yes"}])
    options = (
        '{"question":"{q}","images":[],"id":null,"group":null,"category":null,"tags":[],"splits":null,'
        '"hub_config":null,"media":null,"gold":"label","answers":["yes","no"],"labels":{}}'
    )
    content = hashlib.sha256(hashlib.sha256(file.read_bytes()).digest()).hexdigest()
    facts = f"Pointwise:{__version__}:{options}:test:{content}"
    assert make("pointwise", file, **POINT).fingerprint() == hashlib.sha256(facts.encode()).hexdigest()


def test_the_default_protocols_do_not_trust_the_order_of_the_data(write: Write, make: Make) -> None:
    file = write("r.jsonl", [{"q": "Why?", "a": "x", "b": "y", "label": "L", "ranking": [0, 1]}])
    assert make("pairwise", file, **PAIR).protocol.order == "both"
    assert make("ranking", file, question="{q}", candidate_texts=["a", "b"]).protocol.order == "shuffled"


@pytest.mark.parametrize("name", ["r.jsonl", "r.csv.gz", "r.parquet"])
def test_memory_does_not_grow_with_the_rows(write: Write, make: Make, name: str) -> None:
    import pyarrow

    texts = random.Random(0)
    rows = [{"q": f"{k} {texts.getrandbits(1600):x}", "label": "yes"} for k in range(20_000)]  # 8 MB, all different
    task = make("pointwise", write(name, rows), **POINT)
    del rows
    before, arrow, count = pyarrow.total_allocated_bytes(), 0, 0
    tracemalloc.start()
    try:
        for count, _ in enumerate(task.items("test"), start=1):  # noqa: B007
            arrow = max(arrow, pyarrow.total_allocated_bytes() - before)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 20_000
    assert peak < 1_000_000
    assert arrow < 5_000_000


@pytest.mark.parametrize("name", ["r.jsonl", "r.csv", "r.parquet"])
def test_an_empty_text_is_data_and_an_empty_name_is_none(write: Write, items: Items, name: str) -> None:
    options = {**PAIR, "question": "{q} {input}", "id": "id", "group": "group"}
    row = {"id": "1", "group": "g", "q": "Who?", "input": "", "a": "", "b": "Ada.", "label": "L"}
    [item] = items("pairwise", write(name, [row]), **options)
    assert (item.question, item.candidates) == (("Who? ",), (("",), ("Ada.",)))
    for column in ("id", "group", "label"):
        with pytest.raises(DataError, match=rf"(line 1|line 2|row 0), column '{column}': expected "):
            items("pairwise", write(name, [{**row, column: ""}]), **options)


def test_scores_in_32_bits_are_equal_to_the_answers_that_say_them(make: Make, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet

    said = ["0.1", "0.7", "3.3", "9.7"]
    columns = {"q": ["?"] * 4, "score": pa.array(map(float, said), pa.float32())}
    pyarrow.parquet.write_table(pa.table(columns), tmp_path / "r.parquet")
    task = make("score", tmp_path / "r.parquet", question="{q}", low=0, high=10, step=0.1)
    assert [item.gold for item in task.items("test")] == [0.1, 0.7, 3.3, 9.7]
    scores = score_task(task, lambda request, item: f"<think>x</think><answer>{said[int(item.id)]}</answer>")
    found = {estimate.metric: estimate.value for estimate in scores.estimates}
    assert (found["accuracy"], found["mae"]) == (1.0, 0.0)

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from harness.api import TIE, Choice, DataError, Preference, Ranking, Rubric, Score, Status, UserError
from harness_baselines.options import ReplayOptions
from harness_baselines.replay import Replay, unfold

THREE = Preference(3)
PAIR = Preference(2)
TIED = Preference(2, ("bothgood", "bothbad"))
DATA = Path(__file__).resolve().parents[5] / "shared" / "data"


def save(path: Path, *rows: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(row) + "\n" for row in rows).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


RUBRIC = Rubric((("clear", Score(1, 5)), ("better", Preference(2))))


@pytest.fixture
def recorded(tmp_path: Path) -> Any:
    """A replay judge of some rows."""

    def make(*rows: Any, **options: Any) -> Replay:
        return Replay(ReplayOptions(answers=str(save(tmp_path / "a.jsonl", *rows)), **options))

    return make


@pytest.mark.parametrize(
    ("space", "row", "verdict"),
    [
        (PAIR, {"response": "Better: [[B]]"}, 1),
        (PAIR, {"response": "[[A]] but scores", "scores": [0, 1]}, 0),
        (PAIR, {"response": "", "scores": [-1.4, -2.1]}, 0),
        (PAIR, {"response": None, "scores": [1, 2]}, 1),
        (PAIR, {"scores": [1, 2], "verdict": "A"}, 0),
        (TIED, {"scores": [2, 2]}, TIE),
        (TIED, {"verdict": "bothbad"}, "bothbad"),
        (Choice(("yes", "no")), {"verdict": "No"}, "no"),
        (Score(1, 5, 1), {"verdict": 4}, 4.0),
        (Score(0, 1, 0), {"scores": [0.25]}, 0.25),
        (Ranking(3), {"scores": [0.1, 0.9, 0.5]}, (1, 2, 0)),
        (Ranking(3), {"verdict": ["B", "C", "A"]}, (1, 2, 0)),
        (Ranking(3), {"verdict": "B > C > A"}, (1, 2, 0)),
        (RUBRIC, {"verdict": "clear: 4; better: B"}, (4.0, 1)),
        (RUBRIC, {"response": "[[better: B; clear: 4]]"}, (4.0, 1)),
    ],
    ids=str,
)
def test_text_scores_and_verdicts_are_read(
    recorded: Any, one: Any, put: Any, space: Any, row: Any, verdict: Any
) -> None:
    assert one(recorded({"id": 1, **row}), put(space)).verdict == verdict


@pytest.mark.parametrize(
    ("space", "row", "status", "says"),
    [
        (PAIR, {"response": "both are fine"}, Status.UNPARSED, "no one verdict"),
        (PAIR, {"response": ""}, Status.UNPARSED, "no one verdict"),
        (PAIR, {"scores": [2, 2]}, Status.DRAW, "equal scores"),
        (Ranking(3), {"scores": [1, 2, 2]}, Status.DRAW, "equal scores"),
        (PAIR, {"verdict": "C"}, Status.OUTSIDE, "'C'"),
        (Score(1, 5, 1), {"scores": [3.5]}, Status.OUTSIDE, "3.5"),
        (PAIR, {"scores": [1, 2, 3]}, Status.ERROR, "3 scores"),
        (Choice(("yes", "no")), {"scores": [1, 2]}, Status.ERROR, "2 scores"),
        (PAIR, {"response": None}, Status.ERROR, "without an answer"),
    ],
    ids=str,
)
def test_what_gives_no_verdict_is_never_a_wrong_answer(
    recorded: Any, one: Any, put: Any, space: Any, row: Any, status: Status, says: str
) -> None:
    judgement = one(recorded({"id": 1, **row}), put(space))
    assert judgement.status is status
    assert says in judgement.error


def test_a_draw_says_which_candidates_it_is_between(recorded: Any, one: Any, put: Any) -> None:
    judgement = one(recorded({"id": 1, "scores": [2, 1, 2], "probabilities": {"A": 1, "B": 0, "C": 0}}), put(THREE))
    assert (judgement.status, judgement.probabilities) == (Status.DRAW, {"A": 0.5, "C": 0.5})
    assert judgement.check(THREE) is judgement


def test_what_else_was_recorded_is_kept(recorded: Any, one: Any, put: Any) -> None:
    extra = {"latency_s": 1.5, "cost_usd": 0.01, "prompt_tokens": 10, "completion_tokens": 3, "model": "m-1"}
    judgement = one(
        recorded({"id": 1, "response": "Sheep. [[A]]", "probabilities": {"A": 0.7, "B": 0.3}, **extra}), put(PAIR)
    )
    assert {name: getattr(judgement, name) for name in extra} == extra
    assert (judgement.raw, judgement.rationale) == ("Sheep. [[A]]", "Sheep.")
    assert judgement.probabilities == {"A": 0.7, "B": 0.3}
    named = one(recorded({"id": 1, "verdict": "A", "rationale": "why", "response": "raw"}), put(PAIR))
    assert (named.rationale, named.raw) == ("why", "raw")


def test_orders_and_samples_are_told_apart(recorded: Any, one: Any, put: Any) -> None:
    judge = recorded(
        {"id": 1, "judgments": [{"response": "[[A]]"}, {"response": "[[B]]"}]},
        {"id": 1, "response": "[[B]]", "sample": 1},
        {"id": 2, "response": "[[A]]", "order": [1, 0]},
        {"id": 3, "response": "[[A]]"},
    )
    asked = [("1", (0, 1), 0), ("1", (1, 0), 0), ("1", (0, 1), 1), ("2", (1, 0), 0), ("3", (0, 1), 0)]
    answers = [one(judge, put(PAIR, item=item, order=order, sample=sample)) for item, order, sample in asked]
    assert [judgement.verdict for judgement in answers] == [0, 1, 1, 0, 0]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"item": "9", "order": (0, 1)}, "item '9' in"),
        ({"item": "1", "order": (1, 0)}, "order (1, 0)"),
        ({"item": "1", "order": (0, 1), "sample": 1}, "sample 1"),
    ],
)
def test_a_missing_answer_is_an_error_that_names_item_and_file(
    recorded: Any, one: Any, put: Any, fields: Any, says: str
) -> None:
    judgement = one(recorded({"id": 1, "response": "[[A]]"}), put(PAIR, **fields))
    assert judgement.status is Status.ERROR
    assert says in judgement.error
    assert "a.jsonl" in judgement.error


def test_an_answer_recorded_in_two_ways_names_both_lines(recorded: Any) -> None:
    with pytest.raises(DataError, match=r"(?s)line 3: item '1'.*line 1"):
        recorded({"id": 1, "response": "a"}, {"id": 2, "response": "b"}, {"id": "1", "response": "c", "order": [0, 1]})


def test_a_row_that_is_there_twice_is_one(tmp_path: Path, recorded: Any, one: Any, put: Any) -> None:
    row = {"id": 1, "response": "[[B]] " + "long " * 99, "latency_s": 0.1}
    assert one(recorded(row, {"id": 2, "response": "b"}, row), put(PAIR)).verdict == 1
    with pytest.raises(DataError, match="in another way"):
        recorded(row, {**row, "latency_s": 0.2})


@pytest.mark.parametrize(
    ("row", "status", "says"),
    [
        ({"response": "[[A]]", "error": "RateLimitError"}, Status.ERROR, "line 1: recorded as an error: RateLimitE"),
        ({"error": {"code": 429}}, Status.ERROR, 'recorded as an error: {"code": 429}'),
        ({"response": "[[A]]", "verdict": "A", "error": True}, Status.ERROR, "recorded as an error: true"),
        ({"response": "[[A]] b", "finish_reason": "error"}, Status.ERROR, "line 1: recorded as an error"),
        ({"response": "[[A]]", "finish_reason": "content_filter"}, Status.REFUSED, "content_filter"),
        ({"response": "", "stop_reason": "Refusal"}, Status.REFUSED, "refusal"),
        ({"verdict": "A", "finish_reason": "length"}, Status.TRUNCATED, "cut off (length), and 'A' is not how it"),
        ({"verdict": "A", "response": "I think that", "stop_reason": "max_tokens"}, Status.TRUNCATED, "cut off"),
        ({"verdict": None}, Status.UNPARSED, "recorded without a verdict"),
        ({"verdict": None, "response": None}, Status.UNPARSED, "recorded without a verdict"),
        ({"verdict": None, "response": "no idea"}, Status.UNPARSED, "no one verdict"),
    ],
    ids=str,
)
def test_what_a_row_says_of_its_own_failure_is_believed(
    recorded: Any, one: Any, put: Any, row: Any, status: Status, says: str
) -> None:
    judgement = one(recorded({"id": 1, **row}), put(PAIR))
    assert judgement.status is status
    assert says in judgement.error


@pytest.mark.parametrize(
    "row",
    [
        {"response": "[[B]]", "error": None, "finish_reason": "stop", "stop_reason": 2},
        {"response": "[[B]]", "error": "", "finish_reason": None, "stop_reason": "end_turn"},
        {"response": "[[B]]", "verdict": None, "error": False},
        {"scores": [1, 2], "error": {}},
        {"verdict": "B", "response": "It is [[B]]", "finish_reason": "stop"},
    ],
    ids=str,
)
def test_what_ended_by_itself_is_an_answer(recorded: Any, one: Any, put: Any, row: Any) -> None:
    judgement = one(recorded({"id": 1, **row}), put(PAIR))
    assert (judgement.verdict, judgement.cut) == (1, "")


def test_the_format_is_told_of_reasoning_and_of_a_cut(recorded: Any, one: Any, put: Any) -> None:
    judge = recorded(
        {"id": 1, "response": "[[B]]", "reasoning_content": "First [[A]]."},
        {"id": 2, "response": "[[B]]", "finish_reason": "length"},
        {"id": 3, "verdict": "B", "reasoning": "Hm."},
    )
    apart, cut, named = (one(judge, put(PAIR, item=item)) for item in "123")
    assert (apart.verdict, apart.rationale, apart.thinking, apart.raw) == (1, "First [[A]].", "apart", "[[B]]")
    assert (cut.cut, cut.raw) == ("length", "[[B]]")
    assert (named.verdict, named.rationale) == (1, "Hm.")


def test_the_fingerprint_is_that_of_the_content(recorded: Any) -> None:
    first = recorded({"id": 1, "response": "a"}).fingerprint()
    assert recorded({"id": 1, "response": "a"}).fingerprint() == first
    assert recorded({"id": 1, "response": "b"}).fingerprint() != first
    assert recorded({"id": 1, "response": "a"}, response_field="response").fingerprint() != first


def test_it_answers_by_item_and_knows_which_it_has(recorded: Any) -> None:
    judge = recorded({"id": 1, "response": "a"}, {"id": "x/2", "error": "gone"})
    assert judge.answers_by_item
    assert [judge.covers("any task", item) for item in ("1", "x/2", "2")] == [True, True, False]


def test_rows_that_name_their_task_answer_no_other(recorded: Any, one: Any, put: Any) -> None:
    rows = [{"id": 1, "of": "safe", "verdict": "yes"}, {"id": 1, "of": "sharp", "verdict": "no"}]
    space = Choice(("yes", "no"))
    judge = recorded(*rows, task_field="of")
    said = {task: one(judge, put(space, item="1", task=task)) for task in ("safe", "sharp", "other")}
    assert (said["safe"].verdict, said["sharp"].verdict, said["other"].status) == ("yes", "no", Status.ERROR)
    assert [judge.covers(task, "1") for task in said] == [True, True, False]
    assert not judge.ignores_task
    assert recorded(rows[0]).ignores_task
    with pytest.raises(DataError, match=r"answered in another way in .*, or name the field .* with `task_field`"):
        recorded(*rows)


@pytest.mark.parametrize("task", [None, "", 3])
def test_a_row_that_names_no_task_where_rows_do_is_refused(recorded: Any, task: object) -> None:
    with pytest.raises(DataError, match="line 2: 'of' must name a task of the manifest, as `task_field: of` says"):
        recorded({"id": 1, "of": "safe", "verdict": "yes"}, {"id": 2, "of": task, "verdict": "no"}, task_field="of")


def test_the_field_of_the_task_is_part_of_the_fingerprint_where_there_is_one(recorded: Any) -> None:
    row = {"id": 1, "of": "safe", "verdict": "yes"}
    assert recorded(row).fingerprint() != recorded(row, task_field="of").fingerprint()


@pytest.fixture
def unfolded(plan: Any) -> Any:
    return lambda path: unfold(ReplayOptions(answers=str(path)), plan(name="replay"))


def test_a_folder_is_one_judge_for_each_file_name(tmp_path: Path, unfolded: Any, one: Any, put: Any) -> None:
    save(tmp_path / "edit" / "items.jsonl.gz", {"idx": 0})
    save(tmp_path / "edit" / "outputs" / "zoe-1.5.jsonl.gz", {"idx": 0, "response": "[[A]]"})
    save(tmp_path / "draw" / "outputs" / "zoe-1.5.jsonl", {"idx": 0, "response": "[[B]]"})
    save(tmp_path / "draw" / "outputs" / "adam.jsonl", {"idx": 0, "response": "[[B]]"})
    (tmp_path / "draw" / "outputs" / "notes.txt").write_text("no answers")
    judges = unfolded(tmp_path)
    assert [judge.name for judge in judges] == ["adam", "zoe-1.5"]
    assert judges[1].options["files"] == ["draw/outputs/zoe-1.5.jsonl", "edit/outputs/zoe-1.5.jsonl.gz"]
    zoe = Replay(ReplayOptions(**judges[1].options))
    assert one(zoe, put(PAIR, item="edit/0")).verdict == 0
    assert one(zoe, put(PAIR, item="draw/0")).verdict == 1
    assert one(zoe, put(PAIR, item="0")).status is Status.ERROR


def test_full_and_short_ids_name_the_same_items(tmp_path: Path, one: Any, put: Any) -> None:
    rows = [{"id": "edit/0", "response": "[[A]]"}, {"id": "1", "response": "[[B]]"}, {"id": 2, "response": "[[A]]"}]
    judge = Replay(ReplayOptions(answers=str(save(tmp_path / "edit" / "outputs" / "zoe.jsonl", *rows))))
    assert [one(judge, put(PAIR, item=f"edit/{number}")).verdict for number in range(3)] == [0, 1, 0]
    twice = save(tmp_path / "edit" / "outputs" / "adam.jsonl", rows[0], {"id": 0, "response": "[[B]]"})
    with pytest.raises(DataError, match=r"line 2: item 'edit/0'.*line 1"):
        Replay(ReplayOptions(answers=str(twice)))


def test_one_subset_is_found_from_inside(tmp_path: Path, unfolded: Any, one: Any, put: Any) -> None:
    save(tmp_path / "edit" / "items.jsonl", {"idx": 0})
    path = save(tmp_path / "edit" / "outputs" / "zoe.jsonl", {"idx": 0, "response": "[[A]]"})
    for root in (tmp_path / "edit", path):
        [judge] = unfolded(root)
        assert judge.name == "zoe"
        assert one(Replay(ReplayOptions(**judge.options)), put(PAIR, item="edit/0")).verdict == 0


def test_plain_files_answer_ids_as_they_are(tmp_path: Path, unfolded: Any, one: Any, put: Any) -> None:
    save(tmp_path / "b.jsonl", {"id": "x/1", "response": "[[A]]"})
    save(tmp_path / "a.jsonl.gz", {"id": "x/1", "response": "[[B]]"})
    judges = unfolded(tmp_path)
    assert [judge.name for judge in judges] == ["a", "b"]
    answers = [one(Replay(ReplayOptions(**judge.options)), put(PAIR, item="x/1")).verdict for judge in judges]
    assert answers == [1, 0]


def test_unfolding_again_changes_nothing(tmp_path: Path, plan: Any) -> None:
    save(tmp_path / "b.jsonl", {"id": 1, "response": ""})
    options = ReplayOptions(answers=str(tmp_path), files=["b.jsonl"])
    [again] = unfold(options, plan(name="me"))
    assert again.name == "me"
    assert ReplayOptions(**again.options) == options


def test_what_is_not_there_is_named(tmp_path: Path, unfolded: Any) -> None:
    with pytest.raises(DataError, match=r"no recorded answers in .*outputs"):
        unfolded(tmp_path)
    with pytest.raises(DataError, match="nowhere: no such file or folder"):
        unfolded(tmp_path / "nowhere")
    with pytest.raises(DataError, match="is a folder"):
        Replay(ReplayOptions(answers=str(tmp_path)))
    with pytest.raises(DataError, match=r"c\.jsonl: no such file"):
        Replay(ReplayOptions(answers=str(tmp_path), files=["c.jsonl"]))


@pytest.mark.parametrize("link", [False, True])
def test_no_file_outside_the_folder_is_read(tmp_path: Path, link: bool) -> None:
    outside = save(tmp_path / "outside.jsonl", {"id": 1, "response": ""})
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "link.jsonl").symlink_to(outside)
    with pytest.raises(DataError, match="leads out of"):
        Replay(ReplayOptions(answers=str(inside), files=["link.jsonl" if link else "../outside.jsonl"]))


def rows_of(path: Path) -> list[Any]:
    with gzip.open(path, "rt") as stream:
        return [json.loads(line) for line in stream]


@pytest.mark.skipif(not (DATA / "judgebench").exists(), reason="needs recorded answers in ../shared/data/judgebench")
def test_recorded_reward_models_reach_their_published_judgebench_accuracy(plan: Any, one: Any, put: Any) -> None:
    root = DATA / "judgebench"
    expected = json.loads((root / "expected_accuracy.json").read_text())["gpt"]
    judges = {judge.name: judge for judge in unfold(ReplayOptions(answers=str(root)), plan())}
    assert set(judges) == set(expected)
    items = rows_of(root / "gpt" / "items.jsonl.gz")
    models = [name for name in expected if not name.startswith("o1")]  # o1 answers in words, for the task's own format
    for name in models:
        judge, right = Replay(ReplayOptions(**judges[name].options)), 0
        for row in items:
            gold = 0 if row["label"] == "A>B" else 1
            net = 0
            for order in ((0, 1), (1, 0)):
                request = put(Preference(2, ("tie",)), item=f"gpt/{row['pair_id']}", order=order)
                verdict = request.space.to_canonical(one(judge, request).verdict, order)
                net += 0 if verdict == TIE else 1 if verdict == gold else -1
            right += net > 0
        assert round(100 * right / len(items), 2) == expected[name]


@pytest.mark.skipif(not (DATA / "genai_bench").exists(), reason="needs recorded answers in ../shared/data/genai_bench")
def test_recorded_votes_of_genai_bench_are_the_official_ones(plan: Any, put: Any) -> None:
    root = DATA / "genai_bench"
    expected = json.loads((root / "expected_accuracy.json").read_text())
    golds = {"leftvote": 0, "rightvote": 1, "tievote": "bothgood", "bothbad_vote": "bothbad"}
    judges = {judge.name: judge for judge in unfold(ReplayOptions(answers=str(root)), plan())}
    assert set(judges) == set(expected["image_edition"])
    for name in ("llava", "idefics2"):  # the two that answer with nothing but a label
        judge = Replay(ReplayOptions(**judges[name].options))
        right: dict[str, list[bool]] = defaultdict(list)
        for subset in expected:
            items = {f"{subset}/{row['idx']}": row["human_vote"] for row in rows_of(root / subset / "items.jsonl.gz")}
            for request, judgement in judge.judge(put(TIED, item=item, order=(0, 1)) for item in items):
                assert judgement.status is not Status.ERROR
                right[subset].append(judgement.verdict == golds[items[request.item]])
        for subset, hits in right.items():
            assert round(100 * sum(hits) / len(hits), 2) == expected[subset][name]


class Diary:
    """A layout for the tests: a file is `{JUDGE: {ITEM: VERDICT}}`. Implements `harness.api.RecordingLayout`."""

    def find(self, folder: Path) -> dict[str, tuple[Path, ...]]:
        files = sorted(folder.glob("*.json"))
        names = {name for file in files for name in json.loads(file.read_text())}
        return {name: tuple(file for file in files if name in json.loads(file.read_text())) for name in names}

    def read(self, file: Path, judge: str) -> Iterator[tuple[dict[str, Any], str]]:
        for item, verdict in json.loads(file.read_text())[judge].items():
            yield {"id": item, "verdict": verdict}, f"key {item!r}"


class Layouts:
    """A context that knows one layout."""

    def recordings(self, id: str) -> Diary:
        if id != "test/diary":
            raise UserError(f"no layout of recorded answers is known for task {id}")
        return Diary()


def diaries(tmp_path: Path, **layouts: Any) -> ReplayOptions:
    for name, content in {"a/1.json": {"x": {"1": "A"}, "y": {"1": "B"}}, "b/2.json": {"x": {"2": "B"}}}.items():
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(content))
    return ReplayOptions(answers=str(tmp_path), layouts=layouts or {"a": "test/diary", "b": ["test/diary"]})


def test_every_judge_that_a_layout_finds_is_one_over_all_folders(tmp_path: Path, one: Any, put: Any) -> None:
    context: Any = Layouts()
    entries = unfold(diaries(tmp_path), context)
    assert [entry.name for entry in entries] == ["x", "y"]
    first, second = (Replay(ReplayOptions(**entry.options), context) for entry in entries)
    assert [first.covers("t", item) for item in ("1", "2")] == [True, True]
    assert one(first, put(PAIR, item="2")).verdict == 1
    assert one(second, put(PAIR, item="1")).verdict == 1
    assert first.fingerprint() != second.fingerprint()
    # What the answers are counts, and not which other judges are in the file.
    (tmp_path / "a/1.json").write_text(json.dumps({"x": {"1": "A"}}))
    assert Replay(ReplayOptions(**entries[0].options), context).fingerprint() == first.fingerprint()
    only = unfold(diaries(tmp_path).model_copy(update={"judge": "y"}), context)
    assert [entry.name for entry in only] == ["y"]


@pytest.mark.parametrize(
    ("layouts", "judge", "says"),
    [
        ({"c": "test/diary"}, None, "no such folder; fix .answers:. or .layouts:."),
        ({"../": "test/diary"}, None, "leads out of"),
        ({"a": "test/other"}, None, "no layout of recorded answers is known for task test/other"),
        ({"a": "test/diary"}, "z", "no answers of the judge 'z' in .*; there are x, y"),
    ],
)
def test_a_layout_that_does_not_fit_is_named(tmp_path: Path, layouts: Any, judge: str | None, says: str) -> None:
    context: Any = Layouts()

    def read_all() -> None:
        for entry in unfold(diaries(tmp_path, **layouts).model_copy(update={"judge": judge}), context):
            Replay(ReplayOptions(**entry.options), context)

    with pytest.raises(UserError, match=says):
        read_all()


def test_an_empty_folder_and_a_broken_row_are_named(tmp_path: Path) -> None:
    context: Any = Layouts()
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"empty holds no recorded answers in the layout of test/diary"):
        unfold(diaries(tmp_path, empty="test/diary"), context)
    (tmp_path / "a/1.json").write_text(json.dumps({"x": {"1": {"no": "verdict"}}}))
    options = ReplayOptions(answers=str(tmp_path), layouts={"a": "test/diary"}, judge="x")
    with pytest.raises(DataError, match=r"1\.json, key '1': 'verdict' must be the name of a verdict"):
        Replay(options, context)


@pytest.mark.parametrize("wrong", [{"judge": "x"}, {"layouts": {"a": "t"}, "files": ["b"]}, {"layouts": {}}])
def test_options_that_contradict_layouts_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ReplayOptions(answers="a", **wrong)


def test_scores_without_an_order_are_those_of_the_candidates(recorded: Any, one: Any, put: Any) -> None:
    judge = recorded(
        {"id": 1, "scores": [1, 3, 2]}, {"id": 2, "order": [0, 1], "scores": [1, 2]}, {"id": 3, "verdict": "A"}
    )
    for order, first in (((0, 1, 2), 1), ((2, 0, 1), 2), ((1, 2, 0), 0)):
        assert one(judge, put(THREE, item="1", order=order)).verdict == first
    # Scores of an order that is named, and a verdict, hold in that order alone.
    for item in ("2", "3"):
        assert one(judge, put(PAIR, item=item, order=(0, 1))).status is Status.OK
        assert one(judge, put(PAIR, item=item, order=(1, 0))).status is Status.ERROR


@pytest.mark.parametrize(
    ("space", "row", "expected"),
    [
        (PAIR, {"scores": [2, 1], "probabilities": {"A": 0.7, "B": 0.3}}, {"B": 0.7, "A": 0.3}),
        (TIED, {"scores": [2, 1], "probabilities": {"A": 0.6, "bothbad": 0.4}}, {"B": 0.6, "bothbad": 0.4}),
        (Ranking(2), {"scores": [2, 1], "probabilities": {"A > B": 0.8, "B > A": 0.2}}, {"B > A": 0.8, "A > B": 0.2}),
    ],
)
def test_probabilities_beside_scores_without_an_order_are_those_of_the_candidates(
    recorded: Any, one: Any, put: Any, space: Any, row: dict[str, Any], expected: dict[str, float]
) -> None:
    judge = recorded({"id": 1, **row})
    assert one(judge, put(space, order=(0, 1))).probabilities == row["probabilities"]
    assert one(judge, put(space, order=(1, 0))).probabilities == expected

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.api import Context, DataError, Item, Judgement, Part, Request, Status, Verdict
from harness.api.data import write_table
from harness.testing import score_task
from harness_preference.benchmarks import judge_anything
from harness_preference.benchmarks.judge_anything import JudgeAnythingOptions
from harness_preference.formats import GenAIBenchFormat

Contexts = Callable[[object], Context]
Picture = Callable[[int], bytes]

MODELS = ("meta/Llama-3.1-70B_answer", "gpt-4o-mllm_answer")


@pytest.fixture
def data(tmp_path: Path, png: Picture) -> Path:
    """Queries and responses of an image for a text, a text for an image, and a sound."""
    for place, grey in (("X2XRawBenchmark/q.png", 1), ("ResponseCollection/a.png", 2), ("ResponseCollection/b.png", 3)):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).write_bytes(png(grey))
    queries: list[dict[str, Any]] = [
        {
            "uniq_id": "1732_376_aa",
            "task_name": "Image2Text",
            "question": "How many?",
            "image_path": "['q.png', 'q.png']",
        },
        {"uniq_id": "bb", "task_name": "Text2Image", "question": "Draw.", "image_path": None},
        {"uniq_id": "cc", "task_name": "Text2Audio", "question": "Sing.", "image_path": None},
        {"uniq_id": "dd", "task_name": "Text2Image", "question": "Paint.", "image_path": ""},
    ]
    answers: dict[str, list[dict[str, Any]]] = {
        "1732_376_aa": [{"type": "text", "content": "Two."}, {"type": "Text", "content": ["Thr", "ee."]}],
        "bb": [{"type": "image", "content": "a.png"}, {"type": "image", "content": ["b.png", "a.png"]}],
        "cc": [{"type": "audio", "content": "a.wav"}, {"type": "audio", "content": "b.wav"}],
        "dd": [{"type": "text", "content": "I cannot."}, {"type": "video", "content": "b.mp4"}],
    }
    responses = [
        {"uniq_id": name, "response_id": "r", "model_name": model, "response": response}
        for name, both in answers.items()
        for model, response in zip(MODELS, both, strict=True)
    ]
    write_table(tmp_path / "X2XRawBenchmark" / "X2XBenchmark.json", queries)
    write_table(tmp_path / "ResponseCollection" / "X2XBenchmarkResponse.json", responses)
    return tmp_path


TASKS = {
    "376_aa": "Image2Text",
    "1732_376_aa": "Image2Text",
    "bb": "Text2Image",
    "cc": "Text2Audio",
    "dd": "Text2Image",
}


def pair(name: str, choice: object, rubric: str = "overall_score", models: str = "Llama_vs_gpt-4o") -> dict[str, Any]:
    task = TASKS.get(name, "Image2Text")
    return {"uniq_id": name, "task_name": task, "model_pair": models, "rubric_name": rubric, "choice": choice}


def scored(name: str, score: object, model: str = "gpt-4o", rubric: str = "overall_score") -> dict[str, Any]:
    return {"uniq_id": name, "task_name": TASKS[name], "model_name": model, "rubric_name": rubric, "score": score}


def pairs(folder: Path, context: Contexts, rows: list[dict[str, Any]], **options: Any) -> list[Item]:
    write_table(folder / "Preference" / "Human_Pairing.json", rows)
    return list(judge_anything.pair_task(JudgeAnythingOptions(**options), context(folder)).items("test"))


def shown(parts: tuple[Part, ...]) -> list[str | int]:
    """Texts, and images by their grey."""
    return [part if isinstance(part, str) else part.load().convert("L").getpixel((0, 0)) for part in parts]  # type: ignore[misc]


def test_one_is_the_tie_and_two_the_second_response(data: Path, context: Contexts) -> None:
    models = ("Llama_vs_gpt-4o", "gpt-4o_vs_Llama", f"{MODELS[0]}_vs_{MODELS[1]}")
    rows = [pair("376_aa", choice, models=both) for choice, both in zip(("0", "1", 2), models, strict=True)]
    assert [item.gold for item in pairs(data, context, rows)] == [0, "tie", 1]


def test_people_queries_and_responses_are_joined_whatever_the_form_of_id_and_name(
    data: Path, context: Contexts
) -> None:
    first, second, third = pairs(
        data, context, [pair("376_aa", "0"), pair("1732_376_aa", "0", models="GPT-4O_vs_llama"), pair("bb", "0")]
    )
    assert first.id == "376_aa/Llama_vs_gpt-4o#0"
    assert first.group == second.group != third.group
    assert (first.category, third.category) == ("Image2Text", "Text2Image")
    assert shown(first.question) == ["[Query, Image2Text]\nHow many?", 1, 1]
    assert [shown(candidate) for candidate in first.candidates] == [["Two."], ["Thr", "ee."]]
    assert [shown(candidate) for candidate in second.candidates] == [["Thr", "ee."], ["Two."]]
    assert shown(third.question) == ["[Query, Text2Image]\nDraw."]
    assert [shown(candidate) for candidate in third.candidates] == [[2], [3, 2]]


def test_a_whole_name_goes_before_a_part_of_one(data: Path, context: Contexts) -> None:
    names = ("gpt-4o-mini", "gpt-4o")
    response = [{"uniq_id": "bb", "model_name": name, "response": {"type": "text", "content": name}} for name in names]
    write_table(data / "ResponseCollection/X2XBenchmarkResponse.json", response)
    (item,) = pairs(data, context, [pair("bb", "0", models="gpt-4o_vs_mini")])
    assert item.candidates == (("gpt-4o",), ("gpt-4o-mini",))


def test_sound_and_video_are_left_out(data: Path, context: Contexts) -> None:
    heard = {**pair("376_aa", "0"), "task_name": "Audio2Text"}
    items = pairs(data, context, [pair("cc", "0"), heard, pair("dd", "0"), pair("bb", "0")])
    assert [item.id.partition("#")[0] for item in items] == ["bb/Llama_vs_gpt-4o"]


def test_the_option_says_which_rubric_is_read_and_asked(data: Path, context: Contexts) -> None:
    rows = [pair("bb", "0"), pair("bb", "2", "Clarity"), pair("376_aa", "1", "relevance")]
    (item,) = pairs(data, context, rows, rubric="clarity")
    assert item.gold == 1
    task = judge_anything.pair_task(JudgeAnythingOptions(rubric="clarity"), context(data))
    text = task.render(item, order=(0, 1), format=GenAIBenchFormat()).text
    assert "clarity" in text
    assert "overall quality" not in text


@pytest.mark.parametrize(
    ("queries", "responses"),
    [("X2XBenchmark", "RawResponse/X2XBenchmarkResponse"), ("TaskAnything", "ResponseCollection/JudgeAnything")],
)
def test_the_files_of_other_revisions_are_found(
    data: Path, context: Contexts, png: Picture, queries: str, responses: str
) -> None:
    (data / "X2XRawBenchmark/X2XBenchmark.json").rename(data / f"X2XRawBenchmark/{queries}.json")
    (data / responses).parent.mkdir(exist_ok=True)
    (data / "ResponseCollection/X2XBenchmarkResponse.json").rename(data / f"{responses}.json")
    for name in "ab":
        (data / f"ResponseCollection/{name}.png").rename((data / responses).parent / f"{name}.png")
    (item,) = pairs(data, context, [pair("bb", "0")])
    assert [shown(candidate) for candidate in item.candidates] == [[2], [3, 2]]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"uniq_id": "zz"}, "column 'uniq_id': expected the uniq_id of a query in"),
        ({"model_pair": "Llama_vs_claude"}, "column 'model_pair': expected the name of one of the models"),
        ({"model_pair": "answer_vs_gpt-4o"}, "column 'model_pair': expected the name of one of the models"),
        ({"model_pair": "Llama"}, "column 'model_pair': expected MODEL_vs_MODEL"),
        ({"choice": "3"}, "column 'choice': expected one of 0, 1, 2"),
        ({"task_name": "image"}, "column 'task_name': expected what goes in and what comes out"),
    ],
)
def test_a_row_that_does_not_fit_is_named(data: Path, context: Contexts, change: dict[str, Any], says: str) -> None:
    with pytest.raises(DataError) as caught:
        pairs(data, context, [{**pair("bb", "0"), **change}])
    assert says in str(caught.value)
    assert "Human_Pairing.json, element 0" in str(caught.value)


def test_what_is_no_whole_folder_is_refused(data: Path, context: Contexts) -> None:
    write_table(data / "Preference" / "Human_Pairing.json", [pair("bb", "0")])
    for wrong in ("hub:pudashi/JudgeAnything", data / "Preference" / "Human_Pairing.json"):
        for make in (judge_anything.pair_task, judge_anything.pair_unfold):
            with pytest.raises(DataError, match="must be a folder, for three files are joined"):
                make(None, context(wrong))
    (data / "ResponseCollection/X2XBenchmarkResponse.json").unlink()
    with pytest.raises(DataError, match="does not hold ResponseCollection/X2XBenchmarkResponse or"):
        pairs(data, context, [pair("bb", "0")])


def test_a_query_or_response_that_is_there_twice_is_refused(data: Path, context: Contexts) -> None:
    file = data / "ResponseCollection/X2XBenchmarkResponse.json"
    one = {"uniq_id": "bb", "model_name": "m", "response": {"type": "text", "content": "x"}}
    write_table(file, [one, one])
    with pytest.raises(DataError, match=r"element 1, column 'model_name': expected another model"):
        pairs(data, context, [pair("bb", "0", models="m_vs_m")])
    file = data / "X2XRawBenchmark/X2XBenchmark.json"
    write_table(file, [{"uniq_id": "1_2_bb"}, {"uniq_id": "3_2_bb"}])
    with pytest.raises(DataError, match=r"element 1, column 'uniq_id': expected another uniq_id"):
        pairs(data, context, [pair("bb", "0")])


def test_the_fingerprint_covers_all_three_files(data: Path, context: Contexts) -> None:
    write_table(data / "Preference" / "Human_Pairing.json", [pair("bb", "0")])
    seen = {judge_anything.pair_task(None, context(data)).fingerprint()}
    for place in (
        "Preference/Human_Pairing",
        "X2XRawBenchmark/X2XBenchmark",
        "ResponseCollection/X2XBenchmarkResponse",
    ):
        (data / f"{place}.json").write_text((data / f"{place}.json").read_text() + " ")
        seen.add(judge_anything.pair_task(None, context(data)).fingerprint())
    assert len(seen) == 4


def test_pair_accuracy_is_agreement_with_people_with_and_without_ties(data: Path, context: Contexts) -> None:
    models = ("Llama_vs_gpt-4o", "gpt-4o_vs_Llama")
    names = [(name, both) for name in ("376_aa", "bb") for both in models] + [("1732_376_aa", models[0])]
    people, judge = ("0", "1", "2", "0", "1"), ("0", "1", "1", "2", "?")
    rows = [pair(name, choice, models=both) for (name, both), choice in zip(names, people, strict=True)]
    items = pairs(data, context, rows)
    said = {item.id: letter for item, letter in zip(items, judge, strict=True)}

    def answer(request: Request, item: Item) -> Judgement:
        letter = said[item.id]
        if letter == "?":
            return Judgement.failure(Status.UNPARSED, "cannot be read")
        return Judgement.of(judge_anything.CHOICES[letter])

    scores = score_task(judge_anything.pair_task(None, context(data)), answer)
    kept = [(gold, letter) for gold, letter in zip(people, judge, strict=True) if letter != "?"]
    decided = [(gold, letter) for gold, letter in kept if "1" not in (gold, letter)]
    expected = [sum(a == b for a, b in some) / len(some) for some in (kept, decided)]
    assert expected == [2 / 4, 1 / 2]
    assert [one.value for one in scores.estimates] == [*expected, (2 / 2 + 0 / 2) / 2]
    assert [one.metric for one in scores.estimates] == ["accuracy", "accuracy_without_ties", "accuracy@category"]


def test_scores_are_read_and_compared(data: Path, context: Contexts) -> None:
    golds: list[tuple[str, str, object]] = [
        ("376_aa", "gpt-4o", 4),
        ("376_aa", "Llama", "2"),
        ("bb", "gpt-4o", 5),
        ("bb", "Llama", 1),
        ("dd", "Llama", 3),
        ("dd", "gpt-4o", 3),
        ("cc", "gpt-4o", 3),
    ]
    rows = [scored(name, score, model) for name, model, score in golds]
    write_table(data / "Preference" / "Human_Scoring.json", [*rows, scored("bb", 2, rubric="clarity")])
    task = judge_anything.score_task(None, context(data))
    items = list(task.items("test"))
    assert [item.gold for item in items] == [4, 2, 5, 1, 3]
    assert shown(items[2].question) == [
        "[Query, Text2Image]\nDraw.",
        "[Response]",
        3,
        2,
        "[End of the response]",
    ]
    said: dict[str, Verdict] = {item.id: verdict for item, verdict in zip(items, (4, 3, 5, 2, 3), strict=True)}
    scores = score_task(task, lambda request, item: Judgement.of(said[item.id]))
    values = {one.metric: one.value for one in scores.estimates}
    assert values["accuracy"] == 3 / 5
    assert values["mae"] == pytest.approx(2 / 5)
    assert values["pearson"] == pytest.approx(7 / math.sqrt(10 * 5.2))
    assert values["accuracy@category"] == pytest.approx((1 / 2 + 2 / 3) / 2)


@pytest.mark.parametrize("score", [0, 6, 3.5])
def test_a_score_that_does_not_fit_is_named(data: Path, context: Contexts, score: object) -> None:
    write_table(data / "Preference" / "Human_Scoring.json", [scored("bb", score)])
    with pytest.raises(DataError, match=r"Human_Scoring\.json, element 0, column 'score': expected a whole number"):
        list(judge_anything.score_task(None, context(data)).items("test"))


@pytest.mark.parametrize(
    "written", ["['q.png'", "[q.png]", "[]", "['q.png' + 'x']", "['" * 50_000, "[__import__('os')]"]
)
def test_a_list_of_pictures_is_read_and_never_evaluated(data: Path, context: Contexts, written: str) -> None:
    file = data / "X2XRawBenchmark" / "X2XBenchmark.json"
    query = {"uniq_id": "376_aa", "task_name": "Image2Text", "question": "How many?", "image_path": written}
    write_table(file, [query])
    with pytest.raises(DataError, match=r"element 0, column 'image_path': expected the name of a picture, or a list"):
        pairs(data, context, [pair("376_aa", 0)])


def test_a_pair_that_people_judged_twice_is_two_items_of_one_cluster(data: Path, context: Contexts) -> None:
    one, other = pairs(data, context, [pair("bb", 0), pair("bb", 2)])
    assert (one.id, other.id) == ("bb/Llama_vs_gpt-4o#0", "bb/Llama_vs_gpt-4o#1")
    assert one.group == other.group
    assert (one.gold, other.gold) == (0, 1)

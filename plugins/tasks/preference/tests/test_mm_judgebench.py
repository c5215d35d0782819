from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.api import Context, DataError, Image, Item, Judgement, Request, Status
from harness.api.data import write_table
from harness.testing import FakeContext, score_task
from harness_preference.benchmarks import mm_judgebench
from harness_preference.options import Options

Contexts = Callable[[object], Context]
LANGUAGES = ("English", "Kazakh", "Greek")


def row(number: int, label: str = "A", **changes: Any) -> dict[str, Any]:
    fixed = {"id": f"pair-{number // 3}", "language": LANGUAGES[number % 3], "image_path": "m-opencqa/images/0.png"}
    return {**fixed, "query": f"q {number}", "response1": "x", "response2": "y", "label": label, **changes}


def official(labels: list[str], winners: list[str]) -> tuple[float, dict[str, float]]:
    """`scripts/evaluate.py` in plain lines: the mean over all rows of a file, and over those of each language."""
    correct = [winner == label for label, winner in zip(labels, winners, strict=True)]
    by_language = {
        language: [right for number, right in enumerate(correct) if LANGUAGES[number % 3] == language]
        for language in LANGUAGES[: len(labels)]
    }
    return sum(correct) / len(correct), {name: sum(own) / len(own) for name, own in by_language.items()}


WINNERS = st.sampled_from(["A", "B", ""])
ROWS = st.lists(st.tuples(st.sampled_from(["A", "B"]), WINNERS, WINNERS), min_size=1, max_size=9)


@given(ROWS)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_accuracies_are_those_of_both_files_of_the_official_script(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[tuple[str, str, str]]
) -> None:
    folder = tmp_path_factory.mktemp("data")
    labels = [label for label, _, _ in drawn]
    write_table(folder / "m-opencqa/original.csv", [row(k, label) for k, label in enumerate(labels)])

    def answer(request: Request, item: Item) -> Judgement:
        winner = drawn[int(item.id.split("/")[1])][1 if request.order == (0, 1) else 2]
        return Judgement.failure(Status.UNPARSED, "") if not winner else Judgement.of("AB".index(winner))

    context = FakeContext(workspace=folder / "w", data=str(folder))
    scores = score_task(mm_judgebench.task(Options(media="absent"), context), answer)
    reverse = {"A": "B", "B": "A"}
    files = [
        official(labels, [first for _, first, _ in drawn]),
        official([reverse[label] for label in labels], [second for _, _, second in drawn]),
    ]
    found = {estimate.metric: estimate.value for estimate in scores.estimates}
    assert found["accuracy"] == pytest.approx(sum(overall for overall, _ in files) / 2, abs=1e-12)
    languages = {name: sum(own[name] for _, own in files) / 2 for name in files[0][1]}
    assert found["accuracy@category"] == pytest.approx(sum(languages.values()) / len(languages), abs=1e-12)
    for name, estimate in scores.categories.items():
        assert estimate.value == pytest.approx(languages[name], abs=1e-12)


@pytest.mark.parametrize(
    "place", ["m-opencqa/original.csv", "m-opencqa/data/original.csv", "data/m-opencqa/original.csv"]
)
@pytest.mark.parametrize("path", ["m-opencqa/images/0.png", "images/0.png", "0.png"])
def test_rows_and_images_are_found_in_the_places_of_the_authors_script(
    tmp_path: Path, context: Contexts, png: Callable[[int], bytes], place: str, path: str
) -> None:
    write_table(tmp_path / place, [row(0, image_path=path)])
    image = tmp_path / "m-opencqa/images/0.png"
    image.parent.mkdir(parents=True, exist_ok=True)
    image.write_bytes(png(7))
    (item,) = mm_judgebench.task(None, context(tmp_path)).items("test")
    shown = item.question[0]
    assert isinstance(shown, Image)
    assert shown.read_stored() == png(7)


def test_the_reversed_file_is_another_split_and_languages_share_a_cluster(tmp_path: Path, context: Contexts) -> None:
    write_table(tmp_path / "m-opencqa/original.csv", [row(k) for k in range(4)])
    write_table(tmp_path / "m-opencqa/reversed.csv", [row(0, "B")])
    absent = Options(media="absent")
    found = list(mm_judgebench.task(absent, context(tmp_path)).items("test"))
    assert [item.id for item in found] == [f"m-opencqa/{k}" for k in range(4)]
    assert found[0].group == found[1].group == found[2].group != found[3].group
    (item,) = mm_judgebench.task(Options(media="absent", hub_split="reversed"), context(tmp_path)).items("test")
    assert item.gold == 1


def test_what_is_missing_is_named(tmp_path: Path, context: Contexts) -> None:
    with pytest.raises(DataError, match="SUBSET one of m-vl-rewardbench, m-opencqa"):
        mm_judgebench.task(None, context(tmp_path))
    whole = row(0)
    for name in whole:
        if name == "query":
            continue
        write_table(tmp_path / "m-opencqa/original.csv", [{key: value for key, value in whole.items() if key != name}])
        with pytest.raises(DataError, match=f"there is no column '{name}'"):
            list(mm_judgebench.task(None, context(tmp_path)).items("test"))
    write_table(tmp_path / "m-opencqa/original.csv", [row(0, "C")])
    with pytest.raises(DataError, match="column 'label': expected one of A, B"):
        list(mm_judgebench.task(Options(media="absent"), context(tmp_path)).items("test"))

"""What asking again tells: forced reasoning, words on places, cut sentences, of judges whose nature is known."""

from __future__ import annotations

import json
import sqlite3

import PIL.Image
import pytest

from tests.explain.conftest import Explaining, figures_of, reasons_of

FORCED = ("--measure", "sister", "--measure", "mistake", "--measure", "grey")


def test_forced_reasoning_tells_a_judge_that_follows_its_words_from_others(explaining: Explaining) -> None:
    run = explaining.run(
        {"follows": {}, "by-square": {"follows": "square"}, "by-eye": {"follows": "nothing"}}, items=16
    )
    found = explaining.explain(run, *FORCED)
    follows, square, eye = (figures_of(found, name) for name in ("follows", "by-square", "by-eye"))
    assert follows["turns_with_sister"] == (1.0, 0.0)
    assert eye["turns_with_sister"] == (0.0, 0.0)
    # Of two facts of one sentence, one decides.
    assert (follows["mistake.square"], follows["mistake.bar"]) == ((1.0, 0.0), (1.0, 0.0))
    assert (square["mistake.square"], square["mistake.bar"]) == ((1.0, 0.0), (0.0, 0.0))
    assert (eye["mistake.square"], eye["mistake.bar"]) == ((0.0, 0.0), (0.0, 0.0))
    # Who follows its words keeps the verdict with nothing to look at. In grey all is of one colour: the answer is yes.
    assert follows["stays_without_picture"] == (1.0, 0.5)
    assert eye["stays_without_picture"][0] == 0.5


def test_words_hang_on_places_where_the_judge_looks_and_not_with_broken_eyes(explaining: Explaining) -> None:
    run = explaining.run({"sees": {}, "blind": {"sees": False}}, items=10)
    found = explaining.explain(run, "--measure", "places", "--window", "8", "--step", "4")
    sees, blind = figures_of(found, "sees"), figures_of(found, "blind")
    for name in ("square", "bar"):
        value, broken = sees[f"points.{name}"]
        assert value > 0.9, name
        assert broken < 0.5, name
    assert sees["selectivity"][0] == 1.0
    # A judge without eyes is found out whether or not its eyes are broken once more.
    assert blind["points.square"][0] < 0.5
    pictures = [run / e["picture"] for f in found["findings"] if f["judge"] == "sees" for e in f["examples"]]
    assert len(pictures) == 6
    for path in pictures:
        with PIL.Image.open(path) as picture:
            assert picture.size == (256, 256)


def test_a_judge_that_does_not_read_the_rule_is_seen(explaining: Explaining) -> None:
    run = explaining.run({"reads": {}, "does-not": {"reads_rule": False}}, items=12)
    found = explaining.explain(run, "--measure", "cutting")
    rule = {
        finding["judge"]: next(
            figure["share"]["value"] for figure in finding["figures"] if "The rule" in figure["share"]["name"]
        )
        for finding in found["findings"]
    }
    assert rule == {"reads": 0.5, "does-not": 0.0}
    assert all(control == 0.0 for _, control in figures_of(found, "reads").values())


def test_what_a_judge_cannot_do_is_told_and_not_asked(explaining: Explaining) -> None:
    run = explaining.run({"plain": {"continues": False, "weighs": False}}, items=8)
    found = explaining.explain(run, *FORCED, "--measure", "places")
    told = reasons_of(found, "plain")
    assert set(told) == {"sister", "mistake", "grey", "places"}
    assert "`continues`" in told["sister"]
    assert "`log_probabilities`" in told["places"]
    assert not (run / "explain.sqlite").exists()


def test_a_judge_that_only_says_that_it_goes_on_is_found_out(explaining: Explaining) -> None:
    run = explaining.run({"pretends": {"pretends": True}}, items=8)
    found = explaining.explain(run, *FORCED)
    told = reasons_of(found, "pretends")
    assert set(told) == {"sister", "mistake", "grey"}
    assert all("`continues` does not hold for it" in why for why in told.values()), told
    assert figures_of(found, "pretends") == {}


def test_a_beginning_is_refused_for_a_judge_that_cannot_go_on(explaining: Explaining) -> None:
    run = explaining.run({"cannot": {"continues": False}, "can": {}}, items=4, begun="<think>The square is red")
    with sqlite3.connect(run / "journal.sqlite") as journal:
        rows = journal.execute("SELECT status, max(more), max(raw) FROM judgements GROUP BY 1").fetchall()
    status = {row[0]: row for row in rows}
    assert set(status) == {"ok", "refused"}
    assert "judge cannot (simulated_plugin/simulated) cannot go on from a given beginning" in status["refused"][1]
    assert status["ok"][2].startswith("<think>The square is red")


def test_questions_are_asked_once_and_a_larger_limit_asks_the_rest(explaining: Explaining) -> None:
    run = explaining.run({"follows": {}}, items=12)
    assert explaining.call("explain", str(run), "--limit", "4", "--dry-run", "--measure", "sister") == 0
    assert "8 questions in all; nothing was asked" in explaining.out
    assert not (run / "explain.sqlite").exists()
    explaining.explain(run, "--limit", "4", "--measure", "sister")
    explaining.call("explain", str(run), "--limit", "4", "--dry-run", "--measure", "sister")
    assert "0 questions in all" in explaining.out
    explaining.call("explain", str(run), "--limit", "12", "--dry-run", "--measure", "sister")
    assert "16 questions in all" in explaining.out


def test_answers_that_are_there_are_not_asked_for_again(explaining: Explaining) -> None:
    run = explaining.run({"follows": {}}, items=8)
    first = explaining.explain(run, "--measure", "mistake")
    with sqlite3.connect(run / "explain.sqlite") as journal:
        # As if killed in the middle: the cells are not complete, and some answers are gone.
        journal.execute("UPDATE cells SET state='partial'")
        journal.execute("DELETE FROM judgements WHERE request IN (SELECT request FROM judgements LIMIT 5)")
        left = journal.execute("SELECT count(*) FROM judgements").fetchone()[0]
    assert left > 5
    explaining.call("explain", str(run), "--dry-run", "--measure", "mistake")
    assert "5 questions in all" in explaining.out
    assert explaining.explain(run, "--measure", "mistake") == first


def test_a_judge_that_is_another_by_now_does_not_explain_the_answers(explaining: Explaining) -> None:
    run = explaining.run({"follows": {}}, items=6)
    manifest = run / "manifest.yaml"
    manifest.write_text(manifest.read_text().replace("sees: true", "sees: false"))
    assert explaining.call("explain", str(run)) == 2
    assert "judge follows is not the one that the run asked" in explaining.error
    # What is recorded is still what it was.
    explaining.explain(run, "--no-ask")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--measure", "magic"), "there is no measure magic; there are contradiction, facts"),
        (("--limit", "0"), "--limit"),
    ],
)
def test_what_does_not_exist_is_refused(explaining: Explaining, arguments: tuple[str, ...], said: str) -> None:
    run = explaining.run({"follows": {}}, items=4)
    assert explaining.call("explain", str(run), *arguments) == 2
    assert said in explaining.error
    assert not (run / "explanations.json").exists()


def test_the_record_survives_its_json(explaining: Explaining) -> None:
    from harness.explain.records import Explanations

    run = explaining.run({"follows": {}}, items=4)
    explaining.explain(run, "--measure", "sister", "--measure", "facts")
    plain = json.loads((run / "explanations.json").read_text())
    assert Explanations.from_json(plain).to_json() == plain


def test_a_measure_that_is_made_later_joins_those_that_were_made(explaining: Explaining) -> None:
    run = explaining.run({"follows": {}}, items=6)
    explaining.explain(run, "--measure", "mistake")
    both = explaining.explain(run, "--measure", "contradiction")
    assert [finding["measure"] for finding in both["findings"]] == ["contradiction", "mistake"]
    # About other items it would be another table.
    other = explaining.explain(run, "--measure", "contradiction", "--limit", "4")
    assert [finding["measure"] for finding in other["findings"]] == ["contradiction"]


def test_a_judge_whose_answers_hang_on_the_item_is_explained_alike(explaining: Explaining) -> None:
    run = explaining.run({"plain": {}, "by-item": {"by_item": True}}, items=8)
    found = explaining.explain(run, "--measure", "mistake", "--measure", "places", "--window", "8")
    figures = figures_of(found, "by-item")
    assert figures["mistake.square"] == (1.0, 0.0)
    assert figures == figures_of(found, "plain")


FORBIDS = """
from harness.api import UserError, hookimpl

@hookimpl
def harness_plan_made(manifest, plan, plugins):
    raise UserError("no judge may be asked here")
"""


def test_a_plugin_that_forbids_a_plan_is_heard(explaining: Explaining) -> None:
    run = explaining.run({"follows": {}}, items=6)
    (explaining.folder / "forbids.py").write_text(FORBIDS)
    for more in ([], ["--dry-run"]):
        assert explaining.call("-p", "forbids.py", "explain", str(run), "--limit", "4", *more) == 2
        assert "no judge may be asked here" in explaining.err
    assert not (run / "explain.sqlite").exists()
    # Recorded answers are there already.
    assert explaining.call("-p", "forbids.py", "explain", str(run), "--no-ask") == 0

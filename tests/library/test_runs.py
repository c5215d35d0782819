"""A run as an object: what it says is what the report and the command line say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import harness
from harness.api import UserError
from harness.bundle.write import write_bundle
from harness.cli import main
from harness.library import Run
from harness.library.figure import OF_JUDGES, OF_TASKS

from .conftest import DRAWN


def print_command(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main(["-p", str(DRAWN), *arguments])
    assert not ended.value.code
    return capsys.readouterr().out


def test_the_leaderboard_is_that_of_the_command(made: Run, capsys: pytest.CaptureFixture[str]) -> None:
    board = made.leaderboard()
    # Sections of plugins are of the run's own report, and not of a board that several runs may stand on.
    kept = json.loads((made.folder / "leaderboard.json").read_text())
    assert board.to_json() == {**kept, "sections": []}
    assert board.render("md") == print_command(capsys, "leaderboard", str(made.folder), "--format", "md")
    assert {row.judge for row in board} == {"keen", "dull", "mute"} == {row.judge for row in board.overall}
    assert "keen" in repr(board)
    assert "rank" in repr(board)
    assert board.details().startswith(repr(board))
    other = made.leaderboard(metric="balanced_accuracy", group_by="category")
    assert {row.category for row in other} == {"even", "odd"}
    assert {row.metric for row in other} == {"balanced_accuracy"}
    assert board.comparisons.count() == len(board.record.comparisons) == 6


def test_the_judgements_are_those_that_the_scores_rest_on(made: Run) -> None:
    for row in made.leaderboard():
        answers = list(made.judgements(task=row.task, judge=row.judge))
        assert len(answers) == row.asked
        said = [answer for answer in answers if answer.verdict is not None]
        assert len(said) / len(answers) == pytest.approx(row.coverage)
        assert row.first_position is not None
        assert sum(bool(answer.first) for answer in said) / len(said) == pytest.approx(row.first_position)
        counts = {name: sum(answer.verdict == name for answer in said) for name in ("A", "B")}
        assert counts == {name: row.histogram.get(name, 0) for name in ("A", "B")}


def test_an_answer_has_its_reason_its_tokens_and_both_places(made: Run) -> None:
    answer = next(iter(made.judgements(task="drawn", judge="keen")))
    assert answer.item == "item 000/x?y#z"
    assert (answer.order, answer.gold, answer.right) == ("AB", "A", False)  # it errs at every fifth item, in one order
    assert (answer.verdict, answer.first) == ("B", False)
    assert answer.rationale == "Picture B has more green in it. "
    assert (answer.prompt_tokens, answer.latency_s, answer.model) == (40, 0.1, "teller")
    assert answer.confidence == pytest.approx(0.6)
    assert answer.tags["number"] == "0"
    lost = next(iter(made.judgements(task="drawn", judge="mute", status="unparsed")))
    assert (lost.verdict, lost.right, lost.first) == (None, None, None)
    assert lost.error == "no verdict: "
    assert {own.status for own in made.judgements(status="ok")} == {"ok"}


def test_items_have_pictures_reasons_and_the_filters_of_the_report(made: Run) -> None:
    item = next(iter(made.items("drawn")))
    pictures = item.pictures()
    assert [picture.load().size for picture in pictures.values()] == [(320, 200), (320, 200)]
    assert set(pictures) == {part.image for part in item.prompt if part.image}
    assert item.verdicts["keen"] == ("B", "A")
    assert item.annotations == {"ann": "A", "bob": "A"}
    wrong = list(made.items("drawn", judge="keen", outcome="differs"))
    errors = {answer.item for answer in made.judgements(task="drawn", judge="keen") if answer.right is False}
    assert {found.item for found in wrong} == errors != set()
    assert {found.category for found in made.items(category="odd")} == {"odd"}
    assert made.items().count() == 30


def test_a_comparison_has_the_items_on_which_the_two_differ_with_both_reasons(
    made: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    pair = made.compare("keen", "dull")
    said = print_command(capsys, "compare", "keen", "dull", "--run", str(made.folder), "--format", "json")
    assert pair.to_json() == json.loads(said)
    (drawn, few) = pair.tasks
    assert (drawn.task, few.task) == ("drawn", "few")
    assert drawn.ci_low is not None
    assert drawn.p_value is not None
    item = next(iter(pair.items("drawn")))
    assert list(item.answers)[:2] == ["keen", "dull"]
    assert all("more green" in answers[0].judgement.rationale for answers in item.answers.values() if answers[0].shown)
    assert set(item.verdicts["keen"]) != set(item.verdicts["dull"])
    assert pair.disagreements.count() == 10
    assert "data cannot tell" in repr(pair) or "is better" in repr(pair)


@pytest.mark.parametrize("kind", [*OF_TASKS, *OF_JUDGES])
def test_every_chart_of_the_report_is_drawn_or_says_that_there_is_nothing(made: Run, kind: str, tmp_path: Path) -> None:
    if kind == "repeats":  # nothing is asked twice
        with pytest.raises(UserError, match="nothing to draw"):
            made.figure(kind, task="drawn")
        return
    figure = made.figure(kind, task="drawn", judge="keen", against="dull")
    assert kind == "differences" or ("keen" if kind == "tasks" else "drawn") in figure.chart.title
    assert figure.save(tmp_path / "f.svg").read_text(encoding="utf-8").startswith("<svg xmlns=")
    assert "leads to" not in figure.svg
    assert "<a " not in figure.svg
    assert repr(figure).count("\n") >= 1


def test_a_figure_has_the_numbers_of_the_board(made: Run) -> None:
    figure = made.figure("forest", task="drawn")
    values = {row.judge: row.value for row in made.leaderboard() if row.task == "drawn"}
    assert len(figure.chart.marks) == len(values)
    for mark in figure.chart.marks:
        judge, _, said = mark.label.partition(": ")
        assert float(said.split()[0]) == pytest.approx(100 * (values[judge] or 0), abs=0.6)
    with pytest.raises(UserError, match=r"\.svg"):
        figure.save("chart.png")


def test_names_that_there_are_not_get_near_misses(made: Run) -> None:
    with pytest.raises(UserError, match=r"no judge 'ken'\. Did you mean 'keen'"):
        made.judgements(judge="ken")
    with pytest.raises(UserError, match=r"no task 'drwn'\. Did you mean 'drawn'"):
        made.items("drwn")
    with pytest.raises(UserError, match="Did you mean 'unparsed'"):
        made.judgements(status="unpased")
    with pytest.raises(UserError, match="Did you mean 'forest'"):
        made.figure("forrest")
    with pytest.raises(UserError, match="has 2 tasks; name one with task=: drawn, few"):
        made.figure("forest")
    with pytest.raises(UserError, match="name it with judge="):
        made.items(outcome="differs")
    with pytest.raises(UserError, match="Did you mean 'differs'"):
        made.items(judge="keen", outcome="difers")
    with pytest.raises(UserError, match="Did you mean 'category'"):
        made.leaderboard(group_by="categry")
    with pytest.raises(UserError, match="no judge 'nobody'"):
        made.compare("keen", "nobody")


def test_a_bundle_is_looked_at_as_a_run_folder_is_and_without_pictures(made: Run, tmp_path: Path) -> None:
    write_bundle(made.folder, tmp_path / "handed.bundle", requests=True)
    found = harness.load(tmp_path / "handed.bundle", plugin=[DRAWN])
    for row, own in zip(found.leaderboard(), made.leaderboard(), strict=True):
        assert (row.judge, row.task, row.rank_low, row.verified) == (own.judge, own.task, own.rank_low, True)
        assert row.value == pytest.approx(own.value)
    assert found.judgements().count() == made.judgements().count()
    item = next(iter(found.items("drawn")))
    assert item.text == next(iter(made.items("drawn"))).text
    assert item.pictures() == {}
    assert (
        found.figure("confusion", task="drawn", judge="keen").chart
        == made.figure("confusion", task="drawn", judge="keen").chart
    )
    with pytest.raises(UserError, match="is a bundle"):
        found.score()


def test_several_runs_stand_on_one_board(made: Run, tmp_path: Path) -> None:
    import shutil

    write_bundle(made.folder, tmp_path / "handed.bundle", requests=True)
    with pytest.raises(UserError, match="one is a bundle of the other"):
        harness.load(made.folder, tmp_path / "handed.bundle", plugin=[DRAWN]).leaderboard()
    # A folder of another name is taken for another run.
    shutil.copytree(made.folder, tmp_path / "handed")
    both = harness.load(made.folder, tmp_path / "handed", plugin=[DRAWN])
    assert {row.judge for row in both.leaderboard()} == set(both.judges)
    assert "keen (handed)" in both.judges
    assert both.judgements(judge="keen (handed)").count() == made.judgements(judge="keen").count()
    pair = both.compare(f"keen ({made.folder.name})", "keen (handed)")
    assert [task.difference for task in pair.tasks] == [0.0, 0.0]


def test_a_run_is_scored_again_where_its_scores_are_gone(made: Run, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(made.folder, tmp_path / "copy")
    (tmp_path / "copy" / "scores.json").unlink()
    found = harness.load(tmp_path / "copy", plugin=[DRAWN])
    with pytest.raises(UserError, match="harness score"):
        found.leaderboard()
    assert [row.value for row in found.score()] == [row.value for row in made.leaderboard()]

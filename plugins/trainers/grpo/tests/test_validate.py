from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from sklearn.metrics import accuracy_score, f1_score

from harness.api import (
    AnswerSpace,
    Choice,
    Example,
    Image,
    Item,
    Message,
    Preference,
    Request,
    Score,
    UserError,
    Verdict,
)
from harness_grpo.data import units_of
from harness_grpo.options import SftOptions
from harness_grpo.policy import Policy
from harness_grpo.rollout import PromptedExample, Prompts
from harness_grpo.validate import _of_task, scores
from harness_transformers.prompts import Prompt

from .conftest import FORMAT, fixed, pairs, point, points, said, showing


def asked(space: AnswerSpace, gold: Verdict) -> PromptedExample:
    item = Item(id="1", group="1", space=space, gold=gold)
    request = Request(task="t", item="1", messages=(Message("user", ("?",)),), space=space, format=FORMAT)
    return PromptedExample("t", Example(request=request, gold=gold, item=item), Prompt(ids=(1,)))


def scored(space: AnswerSpace, pairs_: Sequence[tuple[Verdict, str]]) -> dict[str, float]:
    """Scores of answers, given as gold and what is said."""
    questions = [asked(space, gold) for gold, _ in pairs_]
    answers = [said(one.example, f"<answer>{text}</answer>") for one, (_, text) in zip(questions, pairs_, strict=True)]
    return _of_task(questions, answers)


def test_scores_of_labels_are_those_of_sklearn() -> None:
    golds = ["a", "b", "c", "a", "b", "c", "a", "a"]
    words = ["a", "b", "a", "a", "c", "c", "b", "a"]
    found = scored(Choice(("a", "b", "c", "d")), list(zip(golds, words, strict=True)))
    assert found == pytest.approx(
        {
            "accuracy": accuracy_score(golds, words),
            "macro_f1": f1_score(golds, words, average="macro"),
            "coverage": 1.0,
            "n": 8.0,
        }
    )


def test_no_verdict_is_right_in_neither_score_and_no_class_of_its_own() -> None:
    found = scored(Choice(("yes", "no")), [("yes", "yes"), ("yes", "maybe"), ("no", "no"), ("no", "yes")])
    # yes: 1 of 2 found, 1 of 2 said; no: 1 of 2 found, 1 of 1 said
    assert found == pytest.approx({"accuracy": 0.5, "macro_f1": (1 / 2 + 2 / 3) / 2, "coverage": 0.75, "n": 4.0})


def test_always_the_more_frequent_label_is_half_right_at_best_by_macro_f1() -> None:
    found = scored(Choice(("yes", "no")), [("yes", "yes")] * 9 + [("no", "yes")])
    assert found["accuracy"] == 0.9
    assert found["macro_f1"] == pytest.approx((18 / 19 + 0) / 2)


def test_a_class_that_is_never_gold_has_no_part_in_macro_f1() -> None:
    assert scored(Choice(("yes", "no")), [("yes", "yes"), ("yes", "no")])["macro_f1"] == pytest.approx(2 / 3)


def test_preferences_are_scored_in_shown_places_and_bare_ties_as_their_space_says() -> None:
    space = Preference(2, ("good", "bad"))
    found = scored(space, [(0, "A"), (1, "A"), ("good", "tie"), ("bad", "bad")])
    assert found["accuracy"] == 0.75
    # A: found, 1 of 2 said; B: not found; the ties: found
    assert found["macro_f1"] == pytest.approx((2 / 3 + 0 + 1 + 1) / 4)


def test_scores_on_a_scale_have_no_macro_f1() -> None:
    assert scored(Score(1, 5), [(4.0, "4"), (2.0, "5")]) == {"accuracy": 0.5, "coverage": 1.0, "n": 2.0}


@pytest.fixture(scope="module")
def policy(taught: Path) -> Policy:
    return Policy(str(taught), SftOptions(max_new_tokens=24), name="recipe", seed=0)


def test_the_means_are_over_tasks_and_not_over_items(policy: Policy) -> None:
    units = {
        "red": units_of(points("red", 1), "validation"),
        "pair": units_of(pairs("pair", 1), "validation"),
        "blue": units_of(fixed("blue", [], [point("blue", 1)]), "validation"),
    }
    found = scores(policy, Prompts(policy), units, most=24, rows=4)
    assert (found["red/n"], found["pair/n"], found["blue/n"]) == (6.0, 2.0, 1.0)
    # As `taught` says yes to everything: half of `red` is right, and `blue` is wrong.
    assert (found["red/accuracy"], found["blue/accuracy"]) == (0.5, 0.0)
    for key in ("accuracy", "macro_f1"):
        assert found[key] == pytest.approx(sum(found[f"{name}/{key}"] for name in units) / 3)


def test_an_item_that_cannot_be_shown_is_left_out_and_a_task_of_such_is_an_error(policy: Policy) -> None:
    torn = showing(point("red", 1), Image.from_bytes(b"torn", name="torn.png"))
    prompts = Prompts(policy)
    found = scores(
        policy, prompts, {"red": units_of(fixed("red", [], [torn, point("red", 2)]), "validation")}, most=24, rows=4
    )
    assert found["red/n"] == 1.0
    with pytest.raises(UserError, match="task torn: not one item of its validation split can be shown"):
        scores(policy, prompts, {"torn": units_of(fixed("torn", [], [torn]), "validation")}, most=24, rows=4)


def test_how_many_answers_are_written_at_once_changes_no_score(policy: Policy) -> None:
    units = {"red": units_of(points("red", 1), "validation"), "pair": units_of(pairs("pair", 2), "validation")}
    one, other = (scores(policy, Prompts(policy), units, most=24, rows=rows) for rows in (1, 64))
    assert one == other

from __future__ import annotations

import itertools
import json
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.api import TIE, AnswerSpace, Choice, Judgement, Message, Preference, Ranking, Request, Score, Status
from harness.formats.label import LabelFormat
from harness_transformers.candidates import Outcome, compare, judgement_from_threshold, refusal, round_digits
from harness_transformers.pixels import Bounded
from harness_transformers.testing import make_tiny_clip, make_tiny_reward

YES_NO = Choice(("yes", "no"))
scores = st.lists(st.floats(-50, 50), min_size=2, max_size=5)


def put(space: AnswerSpace, count: int = 0) -> Request:
    candidates = tuple((f"candidate {number}",) for number in range(count))
    messages = (Message("user", ("?",)),)
    return Request(
        task="t", item="1", messages=messages, space=space, format=LabelFormat(), question=("?",), candidates=candidates
    )


def told(space: AnswerSpace, given: list[float], margin: float = 0.0) -> Judgement:
    request = put(space, len(given))
    judgement = compare(request, given, logits=given, tie_margin=margin, raw={"scores": given})
    assert judgement.check(space) is judgement
    return judgement


@given(given=scores, data=st.data())
def test_another_order_of_the_candidates_changes_no_verdict(given: list[float], data: Any) -> None:
    order = tuple(data.draw(st.permutations(range(len(given)))))
    shuffled = [given[place] for place in order]
    for space in (Preference(len(given)), Preference(len(given), ("tie",)), Ranking(len(given))):
        one, other = told(space, given, 0.5), told(space, shuffled, 0.5)
        assert one.status is other.status
        if one.verdict is not None and other.verdict is not None:
            assert space.to_canonical(other.verdict, order) == one.verdict
    one, other = told(Preference(len(given), ("tie",)), given), told(Preference(len(given), ("tie",)), shuffled)
    assert one.probabilities is not None
    assert other.probabilities is not None
    for place, candidate in enumerate(order):
        assert other.probabilities["ABCDE"[place]] == one.probabilities["ABCDE"[candidate]]


@given(scores)
def test_probabilities_are_those_of_the_textbook(given: list[float]) -> None:
    powers = [math.exp(score) for score in given]
    judgement = told(Preference(len(given), ("tie",)), given)
    assert judgement.probabilities is not None
    expected = {"ABCDE"[place]: power / sum(powers) for place, power in enumerate(powers)} | {"tie": 0.0}
    assert judgement.probabilities == pytest.approx(expected)


@given(scores.filter(lambda given: len(set(given)) == len(given)))
def test_rankings_are_plackett_and_luces(given: list[float]) -> None:
    judgement = told(Ranking(len(given)), given)
    assert judgement.verdict == tuple(sorted(range(len(given)), key=lambda place: -given[place]))
    assert judgement.probabilities is not None
    assert len(judgement.probabilities) == math.factorial(len(given))
    for ranking in itertools.permutations(range(len(given))):
        left, expected = [math.exp(given[place]) for place in ranking], 1.0
        for rank in range(len(left)):
            expected *= left[rank] / sum(left[rank:])
        assert judgement.probabilities[Ranking(len(given)).name(ranking)] == pytest.approx(expected, abs=1e-12)


def test_scores_that_are_far_apart_overflow_nothing() -> None:
    judgement = told(Ranking(3), [1e30, -1e30, 0.0])
    assert (judgement.verdict, judgement.probabilities and judgement.probabilities["A > C > B"]) == ((0, 2, 1), 1.0)
    assert told(Ranking(6), [6.0, 5, 4, 3, 2, 1]).probabilities is None, "720 rankings are not listed"


def test_equal_scores_are_a_tie_only_where_the_question_knows_ties() -> None:
    assert told(Preference(2, ("tie",)), [1.0, 1.0]).verdict == "tie"
    assert told(Preference(2, ("equal",)), [1.0, 1.0]).verdict == "equal"
    assert told(Preference(2, ("bothgood", "bothbad")), [1.0, 1.05], margin=0.1).verdict == TIE
    assert told(Preference(2, ("tie",)), [1.0, 1.2], margin=0.1).verdict == 1
    assert told(Preference(3, ("tie",)), [0.0, 0.01, 5.0], margin=0.1).verdict == 2, "only the best can tie"
    assert told(Preference(2), [1.0, 1.05], margin=0.1).verdict == 1
    for space, equals, names in (
        (Preference(2), [1.0, 1.0], "A and B"),
        (Preference(3), [1.0, 0.0, 1.0], "A and C"),
        (Ranking(3), [1.0, 0.0, 0.0], "B and C"),
    ):
        judgement = told(space, equals)
        assert judgement.status is Status.DRAW
        assert f"{names} score equally" in judgement.error
        assert json.loads(judgement.raw) == {"scores": equals}
        assert judgement.probabilities is not None
        shares = sorted(judgement.probabilities.values(), reverse=True)
        assert shares[0] == pytest.approx(shares[1]), "those that draw are told by their probabilities"
        assert judgement.check(space) is judgement
    assert told(Preference(3), [0.0, 0.0, 1.0]).verdict == 2, "equal losers do not matter"


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_a_score_that_is_no_number_is_an_error(bad: float) -> None:
    assert told(Preference(2), [1.0, bad]).status is Status.ERROR
    one = judgement_from_threshold(put(YES_NO), bad, threshold=0.0, logits_per_point=1.0, raw={})
    assert (one.status, "no number" in one.error) == (Status.ERROR, True)


@given(score=st.floats(-1e3, 1e3), threshold=st.floats(-1e3, 1e3))
def test_a_threshold_decides_between_two_answers(score: float, threshold: float) -> None:
    judgement = judgement_from_threshold(put(YES_NO), score, threshold=threshold, logits_per_point=2.0, raw={})
    assert judgement.check(YES_NO).verdict == ("yes" if score > threshold else "no")
    assert judgement.probabilities is not None
    logistic = (1 + math.tanh(score - threshold)) / 2
    assert judgement.probabilities == pytest.approx({"yes": logistic, "no": 1 - logistic})


@pytest.mark.parametrize(
    ("space", "count", "threshold", "reason"),
    [
        (Preference(2), 2, None, ""),
        (Ranking(3), 3, None, ""),
        (YES_NO, 0, 0.0, ""),
        (YES_NO, 1, 0.5, ""),
        (YES_NO, 0, None, "needs the option `threshold`"),
        (YES_NO, 2, 0.0, "cannot give an answer of Choice"),
        (Choice(("a", "b", "c")), 0, 0.0, "cannot give an answer of Choice"),
        (Score(1, 5, 1), 0, 0.0, "cannot give an answer of Score"),
        (Preference(2), 0, None, "compares 2 candidates, and the task gives 0"),
        (Ranking(3), 2, None, "compares 3 candidates, and the task gives 2"),
    ],
)
def test_what_cannot_be_scored_one_by_one_is_refused(
    space: AnswerSpace, count: int, threshold: float | None, reason: str
) -> None:
    found = refusal(put(space, count), threshold)
    assert (found == "") is (reason == "")
    assert reason in found


@pytest.mark.parametrize(
    ("module", "options", "make"),
    [
        ("reward_model", "RewardModelOptions", make_tiny_reward),
        ("clip_score", "ClipScoreOptions", make_tiny_clip),
    ],
)
def test_planning_a_run_imports_no_torch(
    module: str, options: str, make: Callable[[Path], Path], tmp_path: Path
) -> None:
    code = (
        "import sys, pathlib\n"
        f"from harness_transformers.{module} import make\n"
        f"from harness_transformers.options import {options} as Options\n"
        "from harness.testing import FakeContext\n"
        f"context = FakeContext(workspace=pathlib.Path({str(tmp_path)!r}))\n"
        f"judge = make(Options(model={str(make(tmp_path))!r}), context)\n"
        "judge.fingerprint(); judge.close()\n"
        "print([name for name in ['torch', 'transformers', 'peft'] if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_is_remembered_is_bounded() -> None:
    import numpy as np

    known = Bounded(8 * 100)
    for number in range(1000):
        known.put(str(number), Outcome(np.float64(number), tokens=3))
    assert len(known) == 100
    assert known.get("999").value == 999


def test_numbers_are_kept_to_what_single_precision_holds() -> None:
    assert round_digits(0.1234567890123) == 0.1234568
    assert json.dumps(round_digits(-1234567890.0)) == "-1234568000.0"

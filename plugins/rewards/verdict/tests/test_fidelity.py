from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest
from scipy.stats import norm

from harness.api import Answer, Choice, Item, Judgement, Request, Score, Status, UserError
from harness_verdict.fidelity import Fidelity
from harness_verdict.options import FidelityOptions

Put = Callable[..., Request]
GAMMA = 1e-6
REWARD = Fidelity(FidelityOptions(gamma=GAMMA))
SPACE = Score(1, 5, step=0)


def step(put: Put, said: Mapping[str, Sequence[float | Status]], golds: Mapping[str, float]) -> list[Answer]:
    answers = []
    for name, scores in said.items():
        item = Item(id=name, group=name, space=SPACE, gold=golds[name])
        for score in scores:
            judgement = Judgement.failure(score, "no") if isinstance(score, Status) else Judgement.of(score)
            request = put(SPACE, item=name)
            answers.append(Answer(request=request, judgement=judgement, gold=golds[name], item=item))
    return answers


def test_it_is_the_formula_of_the_paper(put: Put) -> None:
    """Against the definition, written with numpy and scipy: every item with every other one."""
    random = np.random.default_rng(0)
    golds = {"a": 1.5, "b": 4.0, "c": 4.0, "d": 2.25}
    said = {name: list(random.uniform(1, 5, 8)) for name in golds}
    wanted = []
    for mine, scores in said.items():
        for score in scores:
            values = []
            for other, theirs in said.items():
                if other == mine:
                    continue
                spread = math.sqrt(np.var(scores, ddof=1) + np.var(theirs, ddof=1) + GAMMA)
                better = norm.cdf((score - np.mean(theirs)) / spread)
                truth = {True: 1.0, False: 0.0}[golds[mine] > golds[other]] if golds[mine] != golds[other] else 0.5
                values.append(math.sqrt(truth * better) + math.sqrt((1 - truth) * (1 - better)))
            wanted.append(np.mean(values))
    assert REWARD.of_step(step(put, said, golds)) == pytest.approx(wanted)


def test_the_right_order_pays_and_the_scale_does_not_matter(put: Put) -> None:
    golds = {"low": 1.0, "high": 5.0}
    right = REWARD.of_step(step(put, {"low": [2.0, 2.2], "high": [2.6, 2.8]}, golds))
    shifted = REWARD.of_step(step(put, {"low": [3.0, 3.2], "high": [3.6, 3.8]}, golds))
    wrong = REWARD.of_step(step(put, {"low": [2.6, 2.8], "high": [2.0, 2.2]}, golds))
    assert right == pytest.approx(shifted)
    assert min(filter(None, right)) > 0.95
    assert max(filter(None, wrong)) < 0.3


def test_equal_golds_want_equal_scores(put: Put) -> None:
    golds = {"a": 3.0, "b": 3.0}
    (same, *_), (apart, *_) = (
        REWARD.of_step(step(put, {"a": [score, score], "b": [3.0, 3.0]}, golds)) for score in (3.0, 5.0)
    )
    assert same == pytest.approx(1.0)
    assert apart == pytest.approx(math.sqrt(0.5))


def test_always_the_middle_earns_less_than_the_order(put: Put) -> None:
    golds = {str(place): 1.0 + place for place in range(5)}
    middle = REWARD.of_step(step(put, {name: [3.0, 3.0] for name in golds}, golds))
    order = REWARD.of_step(step(put, {name: [gold, gold] for name, gold in golds.items()}, golds))
    assert middle == pytest.approx([math.sqrt(0.5)] * 10)
    assert order == pytest.approx([1.0] * 10)


def test_answers_without_a_score_earn_0_and_are_in_no_mean(put: Put) -> None:
    golds = {"a": 1.0, "b": 5.0}
    lone, none, *_ = REWARD.of_step(step(put, {"a": [2.0, Status.UNPARSED], "b": [4.0]}, golds))
    assert none == 0.0
    assert lone == REWARD.of_step(step(put, {"a": [2.0], "b": [4.0]}, golds))[0]


def test_without_another_item_there_is_no_order(put: Put) -> None:
    golds = {"a": 1.0, "b": 5.0}
    assert REWARD.of_step(step(put, {"a": [2.0, 3.0]}, golds)) == [None, None]
    silent = REWARD.of_step(step(put, {"a": [2.0], "b": [Status.REFUSED]}, golds))
    assert silent == [None, 0.0], "b has something to be compared with, and said nothing"
    nobody = REWARD.of_step(step(put, {"a": [Status.REFUSED], "b": [Status.UNPARSED]}, golds))
    assert nobody == [0.0, 0.0], "a policy that stopped to give scores must still see that they would pay"


def test_it_applies_to_scores_only(put: Put) -> None:
    space = Choice(("yes", "no"))
    item = Item(id="7", group="g", space=space, gold="yes")
    answer = Answer(request=put(space), judgement=Judgement.of("yes"), gold="yes", item=item)
    assert REWARD.of_step([answer]) == [None]
    assert REWARD(answer.request, answer.judgement, "yes") is None
    with pytest.raises(UserError, match="item '7' was scored alone"):
        REWARD(put(SPACE), Judgement.of(3.0), 3.0)

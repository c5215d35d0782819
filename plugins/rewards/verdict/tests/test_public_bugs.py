"""Reward bugs that were found in public training code, each driven through the real formats."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from harness.api import (
    Answer,
    AnswerSpace,
    Choice,
    DataError,
    Item,
    Judgement,
    Preference,
    Reading,
    Request,
    Reward,
    Score,
    Status,
    UserError,
    VerdictFormat,
)
from harness.formats.arena import ArenaFormat
from harness.formats.brackets import BracketsFormat
from harness.formats.json_object import JsonFormat
from harness.formats.label import LabelFormat
from harness.formats.tagged import TaggedFormat

Put = Callable[..., Request]
Rewards = Mapping[str, Reward]
EVERYWHERE: list[VerdictFormat] = [TaggedFormat(), JsonFormat(), BracketsFormat(), LabelFormat()]
FORMATS = [*EVERYWHERE, ArenaFormat()]
everywhere = pytest.mark.parametrize("form", EVERYWHERE, ids=lambda form: form.name)
formats = pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
TIED = Preference(2, ("tie",))


@everywhere
@pytest.mark.parametrize("text", ["", "I cannot say.", "score: none", "0 or 4"])
def test_openjudge_a_failed_parse_is_no_label(put: Put, rewards: Rewards, form: VerdictFormat, text: str) -> None:
    request = put(Score(0, 4), form)
    judgement = request.read(text)
    assert judgement.status is Status.UNPARSED
    for gold in (0.0, 1.0, 4.0):
        earned = {name: rewards[name](request, judgement, gold) for name in ("accuracy", "distance", "soft-score")}
        assert earned == {"accuracy": 0.0, "distance": 0.0, "soft-score": 0.0}, gold
        assert rewards["brier"](request, judgement, gold) == -1.0


class Exploding(TaggedFormat):
    """A parser with a fault."""

    def parse(self, text: str, request: Request) -> Reading:
        raise RuntimeError("a fault in the verifier")


def test_r1_reward_an_exception_is_no_reward(put: Put, rewards: Rewards) -> None:
    request = put(Choice(("yes", "no")), Exploding())
    judgement = Judgement.of("yes", raw="<think>It is.</think><answer>yes</answer>")
    with pytest.raises(DataError, match="`parse` raised RuntimeError: a fault in the verifier"):
        rewards["format"](request, judgement, "yes")
    for name in ("brier", "length"):
        with pytest.raises(UserError, match=f"reward {name}"):
            rewards[name](request, judgement, "yes")


@pytest.mark.parametrize("space", [Choice(("yes", "no")), Preference(2), Score(0, 4)], ids=str)
def test_r1_reward_a_failure_of_the_machine_is_no_reward(put: Put, rewards: Rewards, space: AnswerSpace) -> None:
    judgement = Judgement.failure(Status.ERROR, "out of memory")
    orders = [(0, 1), (1, 0)] if isinstance(space, Preference) else [()]
    requests = [put(space, order=order) for order in orders]
    gold = space.verdicts()[0]
    item = Item(id="7", group="g", space=space, gold=gold)
    for name, reward in rewards.items():
        if hasattr(reward, "of_step"):
            continue  # a trainer leaves such an answer out before it asks one of these
        if name == "swap-consistency" and len(orders) > 1:
            answers = [
                Answer(request=request, judgement=judgement, gold=space.to_shown(gold, request.order), item=item)
                for request in requests
            ]
            assert reward.of_orders(answers) is None  # type: ignore[attr-defined]
        else:
            assert reward(requests[0], judgement, gold) is None, name


@formats
@pytest.mark.parametrize("tail", ["\nI hope this helps!", " <answer>B</answer>", "\n\nAssistant: A"])
def test_unified_reward_a_prefix_is_not_the_format(put: Put, rewards: Rewards, form: VerdictFormat, tail: str) -> None:
    request = put(TIED, form)
    answer = form.write(0, TIED, "The first one is sharper.")
    assert rewards["format"](request, request.read(answer), 0) == 1.0
    assert rewards["format"](request, request.read(answer + tail), 0) == 0.0


@formats
def test_an_instruction_repeated_beside_the_answer_is_not_the_format(
    put: Put, rewards: Rewards, form: VerdictFormat
) -> None:
    request, answer = put(TIED, form), form.write(0, TIED, "The first one is sharper.")
    for text in (f"{form.instruction(TIED)}\n{answer}", f"{answer}\n{form.instruction(TIED)}"):
        judgement = request.read(text)
        assert rewards["accuracy"](request, judgement, 0) == 1.0
        assert rewards["format"](request, judgement, 0) == 0.0


PROSE = [
    "This is not a TIE.\nRESPONSE A has more detail.\nRESPONSE B is wrong.",
    "It is hard to tell RESPONSE A from RESPONSE B;\nsome would call it a tie, others would say A.",
    "RESPONSE A\nand RESPONSE B end in a\nTIE, at first sight.",
]


@formats
@pytest.mark.parametrize("text", PROSE)
def test_openjudge_words_in_prose_are_no_verdict(put: Put, rewards: Rewards, form: VerdictFormat, text: str) -> None:
    answers = []
    for order in ((0, 1), (1, 0)):
        request = put(TIED, form, order=order)
        judgement = request.read(text)
        assert judgement.verdict is None
        for gold in (0, 1, "tie"):
            assert rewards["accuracy"](request, judgement, gold) == 0.0
            assert rewards["format"](request, judgement, gold) == 0.0
        item = Item(id=request.item, group="g", space=TIED, gold="tie")
        answers.append(Answer(request=request, judgement=judgement, gold="tie", item=item))
    assert rewards["swap-consistency"].of_orders(answers) == 0.0  # type: ignore[attr-defined]


@pytest.mark.parametrize("form", [form for form in FORMATS if form.name != "harness/label"], ids=lambda form: form.name)
@pytest.mark.parametrize("text", ["A", "A.", "The answer is A", "<think>A</think>", "<think>It is A", "A>B"])
def test_easyr1_the_whole_response_is_no_answer(put: Put, rewards: Rewards, form: VerdictFormat, text: str) -> None:
    request = put(TIED, form)
    judgement = request.read(text)
    assert rewards["accuracy"](request, judgement, 0) == 0.0
    assert rewards["format"](request, judgement, 0) == 0.0

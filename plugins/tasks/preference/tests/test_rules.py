"""What the authors of each benchmark give for an answer that names no winner, in points and not in words.

Three items: one right, one wrong, and one whose every answer has no verdict, of one kind. The value is what the script
of the authors, or their words where there is none, make of it. That each kind is read as such is tested elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from harness.api import Preference, Protocol, RecordedAnswer, Status
from harness.score.cell import score_cell
from harness.score.metrics import Accuracy
from harness.score.units import build_cell
from harness_preference.benchmarks import (
    auto_j,
    codejudgebench,
    contextualjudgebench,
    editreward_bench,
    genai_bench,
    hpd_v2,
    hpd_v3,
    imagereward,
    judge_anything,
    judgebench,
    llmbar,
    m_judgebench,
    m_rewardbench,
    mj_bench,
    mllm_as_a_judge,
    mm_judgebench,
    mm_rlhf_rewardbench,
    mmrb2,
    multi_crit,
    multimodal_rewardbench,
    omni_rewardbench,
    pandalm,
    pick_a_pic,
    rewardbench,
    rewardbench_2,
    rm_bench,
    videogen_rewardbench,
    videorewardbench,
    vl_rewardbench,
)

LEFT_OUT, WRONG, HALF, QUARTER = 1 / 2, 1 / 3, 1.5 / 3, 1.25 / 3
"""The mean over the items with one right, one wrong and one that is left out, wrong, or worth a part of a point."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What the authors do with an answer that cannot be read, one that is none of the space, and equal scores."""

    protocol: Protocol
    unread: float
    outside: float
    draw: float | None
    """`None` where the question knows a tie, so that equal scores are one."""
    tied_gold: float | None = None
    """Points for naming a candidate where the gold is a tie, as the mean with one right and one wrong."""
    tie: float | None = None
    """Points for a tie where the gold is none."""
    n: int = 2


RULES = {
    # correct_both: both orders must give the label, a tie is one
    "auto-j": Rules(auto_j.PROTOCOL, WRONG, WRONG, None, tied_gold=WRONG, tie=WRONG),
    # src/score.py: an empty prediction equals no label
    "codejudgebench": Rules(codejudgebench.PROTOCOL, WRONG, WRONG, WRONG),
    # compute_acc: both judgements must be 1; -1 is what cannot be read
    "contextualjudgebench": Rules(contextualjudgebench.PROTOCOL, WRONG, WRONG, WRONG),
    # parse_pairwise_response: "Unknown" is no ranking; equal scores of three or four edits have no right order
    "editreward-bench": Rules(editreward_bench.PROTOCOL, WRONG, WRONG, WRONG, tied_gold=WRONG, tie=WRONG),
    # suff_stats of eval_bench.py, as for videogen-rewardbench
    "editreward-validation": Rules(
        editreward_bench.VALIDATION_PROTOCOL, WRONG, WRONG, None, tied_gold=WRONG, tie=WRONG
    ),
    # eval script: anything but the label is no match; ties are two labels of their own
    "genai-bench": Rules(genai_bench.PROTOCOL, WRONG, WRONG, None, tied_gold=WRONG, tie=WRONG),
    # 1 - inversions / pairs: a tie, on either side, is no inversion
    "hpd-v2": Rules(hpd_v2.PROTOCOL, WRONG, WRONG, None, tied_gold=2 / 3, tie=2 / 3),
    # reward of path1 > reward of path2
    "hpd-v3": Rules(hpd_v3.PROTOCOL, WRONG, WRONG, WRONG),
    # acc(): pairs of equal rank are skipped, a predicted tie is wrong
    "imagereward-pairs": Rules(imagereward.PROTOCOL, WRONG, WRONG, None, tied_gold=LEFT_OUT, tie=WRONG),
    # no script was published: what the harness does unless told otherwise
    "judge-anything-pair": Rules(judge_anything.PAIR_PROTOCOL, LEFT_OUT, LEFT_OUT, None, tied_gold=WRONG, tie=WRONG),
    # compute_final_metrics: right if the net sum over both orders is above 0, over all pairs
    "judgebench": Rules(judgebench.PROTOCOL, WRONG, WRONG, None, tie=WRONG),
    # evaluate.py: the winner of each order is compared with the label; no winner is no label
    "llmbar": Rules(llmbar.PROTOCOL, WRONG, WRONG, WRONG),
    # "Answer N is better" must be in the answer, over all pairs
    "m-judgebench": Rules(m_judgebench.PROTOCOL, WRONG, WRONG, WRONG),
    # scripts/run_generative.py: neither winner is 0.5; run_rewardbench.py: chosen > rejected
    "m-rewardbench": Rules(m_rewardbench.PROTOCOL, HALF, HALF, WRONG),
    # "with ties": a predicted tie is wrong; an answer that cannot be read stops the script
    "mj-bench": Rules(mj_bench.PROTOCOL, LEFT_OUT, LEFT_OUT, None, tie=WRONG),
    # pair_analysis.ipynb: rows without A, B or C are not in the lists; calculate_metrics.ipynb skips missing ids
    "mllm-as-a-judge-pair": Rules(mllm_as_a_judge.PAIR_PROTOCOL, LEFT_OUT, LEFT_OUT, None, tied_gold=WRONG, tie=WRONG),
    # evaluate.py: an empty prediction equals no label
    "mm-judgebench": Rules(mm_judgebench.PROTOCOL, WRONG, WRONG, WRONG),
    # cal_performance: reward_0 > reward_1
    "mm-rlhf-rewardbench": Rules(mm_rlhf_rewardbench.PROTOCOL, WRONG, WRONG, WRONG),
    # compute_accuracy.py: what is not there leaves the denominator; a judgement is A, B or tie, and a tie is there
    "mmrb2": Rules(mmrb2.PROTOCOL, LEFT_OUT, WRONG, WRONG),
    # the official evaluation: what no reader reads is no match, and counts
    "multi-crit": Rules(multi_crit.PROTOCOL, WRONG, WRONG, WRONG),
    # extract_judgment: neither [[A]] nor [[B]] is a coin
    "multimodal-rewardbench": Rules(multimodal_rewardbench.PROTOCOL, HALF, HALF, HALF),
    # run_exp.py: predicted == criteria_preference over all results; None is no preference
    "omni-rewardbench": Rules(omni_rewardbench.PROTOCOL, WRONG, WRONG, WRONG, tied_gold=WRONG, tie=WRONG),
    # compute_metrics.py: a tie is a class; what cannot be read is taken for one, which no live answer is here
    "pandalm": Rules(pandalm.PROTOCOL, WRONG, WRONG, None, tied_gold=WRONG, tie=WRONG),
    # [p0 > p1] label_0 + [p0 < p1] label_1
    "pick-a-pic": Rules(pick_a_pic.PROTOCOL, WRONG, WRONG, None, tied_gold=HALF, tie=WRONG),
    # run_generative.py: neither winner is 0.5; run_rm.py: chosen > rejected
    "rewardbench": Rules(rewardbench.PROTOCOL, HALF, HALF, WRONG),
    # generative: an error is 0.25; process_single_model: 1 / k where k share the top
    "rewardbench-2": Rules(rewardbench_2.PROTOCOL, QUARTER, QUARTER, HALF, n=4),
    # chosen > rejected, in each cell of the matrix
    "rm-bench": Rules(rm_bench.PROTOCOL, WRONG, WRONG, WRONG),
    # suff_stats: a tie of either side alone is no agreement; their scores are never missing
    "videogen-rewardbench": Rules(videogen_rewardbench.PROTOCOL, WRONG, WRONG, None, tied_gold=WRONG, tie=WRONG),
    # no script could be seen: what the harness does unless told otherwise
    "videorewardbench": Rules(videorewardbench.PROTOCOL, WRONG, WRONG, WRONG),
    # classify: a majority of "doesntMatch" leaves the denominator
    "vl-rewardbench": Rules(vl_rewardbench.PROTOCOL, LEFT_OUT, LEFT_OUT, LEFT_OUT),
}


def answers(
    rules: Rules, last: Status, *, verdict: int | str | None = None, tied_gold: bool = False, ties: tuple[str, ...] = ()
) -> Iterator[RecordedAnswer]:
    protocol, n = rules.protocol, rules.n
    space = Preference(n, ties)
    straight = tuple(range(n))
    orders = [straight, straight[::-1]] if protocol.order in ("both", "reshuffled") else [straight]
    rest = protocol.samples if protocol.order == "reshuffled" else protocol.samples * len(orders)
    for place, (status, said) in enumerate([(Status.OK, 0), (Status.OK, 1), (last, verdict)]):
        for number in range(rest):
            order = orders[number % len(orders)]
            yield RecordedAnswer(
                item=f"{place}",
                group=f"{place}",
                category="all",
                space=space,
                gold=ties[0] if tied_gold and place == 2 else 0,
                order=order,
                sample=number // len(orders),
                status=status,
                verdict=None if said is None else space.to_shown(said, order),
                probabilities={"A": 0.5, "B": 0.5} if status is Status.DRAW else None,
            )


def value(rules: Rules, given: Iterator[RecordedAnswer]) -> float | None:
    scores = score_cell(
        build_cell(given, rules.protocol),
        task="t",
        judge="j",
        metrics={"accuracy": Accuracy()},
        data_hash="",
    )
    return scores.estimates[0].value


@pytest.mark.parametrize("name", RULES)
def test_an_answer_that_names_no_winner_is_worth_what_the_authors_give(name: str) -> None:
    rules = RULES[name]
    assert value(rules, answers(rules, Status.UNPARSED)) == pytest.approx(rules.unread)
    assert value(rules, answers(rules, Status.REFUSED)) == pytest.approx(rules.unread)
    assert value(rules, answers(rules, Status.OUTSIDE)) == pytest.approx(rules.outside)
    if rules.draw is not None:
        assert value(rules, answers(rules, Status.DRAW)) == pytest.approx(rules.draw)
    assert value(rules, answers(rules, Status.ERROR)) == pytest.approx(LEFT_OUT), "a failure is nobody's answer"


@pytest.mark.parametrize("name", [name for name, rules in RULES.items() if rules.tie is not None])
def test_ties_are_worth_what_the_authors_give(name: str) -> None:
    rules = RULES[name]
    said = answers(rules, Status.OK, verdict="tie", ties=("tie",))
    assert value(rules, said) == pytest.approx(rules.tie)
    if rules.tied_gold is not None:
        said = answers(rules, Status.OK, verdict=1, tied_gold=True, ties=("tie",))
        assert value(rules, said) == pytest.approx(rules.tied_gold)

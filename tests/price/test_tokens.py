from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.api import TokenEstimate
from harness.price.known import KnownAnswer, ShownPrompt
from harness.price.sample import SIZE
from harness.price.tokens import Total, add_totals, estimate_completions, estimate_money, estimate_prompts

NOTHING = TokenEstimate()


def shown(characters: float, images: int = 0, task: str = "t") -> ShownPrompt:
    return ShownPrompt(task=task, ascii=int(characters), others=0, images=images)


def answer(
    question: ShownPrompt, prompt: float | None, completion: float | None = None, usd: float | None = None
) -> KnownAnswer:
    return KnownAnswer(shown=question, prompt=prompt, completion=completion, usd=usd)


class Benchmark:
    """Questions of which the tokens are known: so many characters a token, an overhead, and a scatter of each."""

    def __init__(self, rng: np.random.Generator, *, size: int = 600, pictures: bool = False) -> None:
        rate, overhead = rng.uniform(0.15, 0.5), rng.uniform(5, 400)
        self.questions = [
            shown(length, int(count))
            for length, count in zip(
                rng.lognormal(rng.uniform(5, 8), rng.uniform(0.1, 0.8), size),
                rng.integers(1, 4, size) if pictures else np.zeros(size),
                strict=True,
            )
        ]
        scatter = rng.lognormal(0, 0.08, size)
        self.read = np.array(
            [
                round(overhead + rate * each.ascii * scatter[k] + 700 * each.images * rng.uniform(0.9, 1.1))
                for k, each in enumerate(self.questions)
            ]
        )
        self.written = np.round(rng.lognormal(rng.uniform(2, 6), rng.uniform(0.1, 0.9), size))

    def known(self, count: int) -> list[KnownAnswer]:
        return [
            answer(q, float(p), float(c))
            for q, p, c in zip(self.questions[:count], self.read, self.written, strict=False)
        ]

    def sample(self, rng: np.random.Generator, size: int = SIZE) -> list[tuple[ShownPrompt, TokenEstimate]]:
        return [(self.questions[k], NOTHING) for k in rng.choice(len(self.questions), size, replace=False)]


@pytest.mark.parametrize("pictures", [False, True])
@pytest.mark.parametrize("answers", [20, 200])
def test_the_interval_of_learnt_tokens_holds_the_truth_nineteen_times_in_twenty(answers: int, pictures: bool) -> None:
    rng = np.random.default_rng(answers + pictures)
    held = []
    for _ in range(120):
        made = Benchmark(rng, pictures=pictures)
        left = len(made.questions) - answers
        read = estimate_prompts(made.sample(rng), made.known(answers), count=left, task="t")
        held.append(read.low <= made.read[answers:].sum() <= read.high)
        assert read.basis == f"learnt from {answers} answers of this judge"
    assert 0.92 <= np.mean(held) <= 0.99


@pytest.mark.parametrize(("spread", "least"), [(0.3, 0.94), (0.8, 0.92), (1.1, 0.91)])
def test_the_interval_of_written_tokens_holds_the_truth_about_nineteen_times_in_twenty(
    spread: float, least: float
) -> None:
    # Lengths are skew: thirty answers hardly tell how long the longest are. Student's interval has .87 at the widest.
    rng = np.random.default_rng(0)
    held = []
    for _ in range(500):
        lengths = rng.lognormal(4, spread, 530)
        known = [answer(shown(100), None, float(length)) for length in lengths[:30]]
        written = estimate_completions(known, [1024], count=500, task="t")
        assert written is not None
        held.append(written.low <= lengths[30:].sum() <= written.high)
    assert least <= np.mean(held) <= 0.97


def test_what_is_counted_has_the_sample_s_error_alone_and_a_whole_one_has_none() -> None:
    exact = [(shown(10), TokenEstimate(text_tokens=100 + k, image_tokens=10)) for k in range(10)]
    whole = estimate_prompts(exact, [], count=10, task="t")
    assert (whole.value, whole.low, whole.high) == (1145, 1145, 1145)
    part = estimate_prompts(exact, [], count=1000, task="t")
    assert part.low < part.value == 114_500 < part.high < 1.1 * part.value


def test_without_answers_the_range_is_stated_and_wide() -> None:
    [text] = {estimate_prompts([(shown(400), NOTHING)] * 5, [], count=5, task="t").value}
    assert text == 500
    said = estimate_prompts([(shown(400), NOTHING)] * 5, [], count=5, task="t")
    assert (said.low, said.high) == (300, 850)
    assert said.basis.startswith("assumed: 4 characters a token")
    other = ShownPrompt(task="t", ascii=0, others=300, images=0)
    assert estimate_prompts([(other, NOTHING)] * 5, [], count=5, task="t").value == 1000
    ruled = estimate_prompts([(shown(0, 1), TokenEstimate(image_tokens=765))] * 5, [], count=5, task="t")
    assert ruled.value == 5 * 765
    assert ruled.high < 1.1 * ruled.value
    guessed = estimate_prompts([(shown(0, 1), NOTHING)] * 5, [], count=5, task="t")
    assert (guessed.low, guessed.high) == (400, 16_000)


def test_what_is_sent_for_each_sample_is_read_each_time() -> None:
    for estimate in (TokenEstimate(), TokenEstimate(image_tokens=765), TokenEstimate(text_tokens=90, image_tokens=765)):
        once, five = (
            estimate_prompts([(shown(400, 1), replace(estimate, times=times))] * 5, [], count=5, task="t")
            for times in (1, 5)
        )
        assert (five.value, five.low, five.high) == pytest.approx((5 * once.value, 5 * once.low, 5 * once.high))


def test_pictures_that_no_known_answer_had_are_not_learnt() -> None:
    known = [answer(shown(100 + k), 30.0 + k) for k in range(20)]
    assert estimate_prompts([(shown(100, 1), NOTHING)], known, count=9, task="t").basis.startswith("assumed")


def test_answers_to_other_tasks_serve_with_a_wider_interval() -> None:
    known = [answer(shown(100 + k, task="other"), 30.0 + k) for k in range(20)]
    there = estimate_prompts([(shown(110), NOTHING)] * 3, known, count=100, task="t")
    assert there.basis.endswith("to other tasks")
    assert there.value == pytest.approx(4000, rel=0.01)
    assert there.high - there.value > 0.19 * there.value
    assert not there.independent


def test_a_longest_answer_is_a_bound_and_is_called_one() -> None:
    found = estimate_completions([], [50, 50], count=10, task="t")
    assert found is not None
    assert (found.value, found.low, found.high, found.at_most) == (500, 0, 500, True)
    assert estimate_completions([], [50, None], count=10, task="t") is None
    assert estimate_completions([], [], count=10, task="t") is None


def test_what_answers_cost_is_a_price_where_no_other_is_given() -> None:
    known = [answer(shown(1), None, usd=0.01 + k / 10_000) for k in range(20)]
    found = estimate_money(known, count=100, task="t")
    assert found is not None
    assert found.low < found.value < found.high
    assert found.value == pytest.approx(1.095)
    assert estimate_money(known[:9], count=100, task="t") is None


def test_independent_errors_cancel_in_part_and_shared_ones_do_not() -> None:
    one, other = (Total(value=10, low=7, high=14, basis="x", independent=flag) for flag in (True, False))
    assert add_totals([one, one]).high == pytest.approx(20 + 4 * 2**0.5)
    assert add_totals([other, other]).high == 28
    assert add_totals([one, one]).basis == "x"
    bound = Total(value=5, low=0, high=5, basis="y", at_most=True)
    assert add_totals([one, bound]).at_most


def test_known_answers_that_are_all_alike_are_no_fault() -> None:
    known = [answer(shown(100), 30.0) for _ in range(20)]
    found = estimate_prompts([(shown(100), NOTHING)] * 3, known, count=10, task="t")
    assert (found.low, found.value, found.high) == pytest.approx((300, 300, 300))

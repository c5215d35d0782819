"""What reading costs: ordinary answers a CPU second, and whether twice the text takes twice the time.

    python tests/perf/reading.py

Ordinary answers are a page of reasoning and a verdict, for every format. Hostile ones are 100 KB and 200 KB of one
piece of text, for every format and space; the ratio of the two is at most 2.3 where reading is linear.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from harness.api import AnswerSpace, Choice, DataError, Preference, Ranking, Request, Score, VerdictFormat
from harness.formats.arena import ArenaFormat
from harness.formats.brackets import BracketsFormat
from harness.formats.json_object import JsonFormat
from harness.formats.label import LabelFormat
from harness.formats.tagged import TaggedFormat
from harness.testing import make_request

FORMATS: list[VerdictFormat] = [TaggedFormat(), JsonFormat(), BracketsFormat(), LabelFormat(), ArenaFormat()]
SPACES: list[AnswerSpace] = [
    Choice(("yes", "no")),
    Choice(("very good", "good", "bad")),
    Preference(2),
    Preference(4, ("tie",)),
    Score(1, 5),
    Score(0, 1, 0),
    Ranking(3),
    Ranking(26),
]
PIECES = [
    "A\n", "B\n\n", "x ", "\n", " ", "yes\n", "[[A]] ", "[[B]]\n\n", "[[", "]]", "<answer>A</answer>", "<answer>",
    "</answer>", "<think>", "</think>", "<think>x</think>", "[THINK]", "◁think▷", "<|channel|>", "<|end|>", "{", '{"',
    '{"verdict": "A"}', '{"verdict":', "{'verdict': 'A'}", "'verdict': ", "Answer: ", "The answer is ", '"', "“", "'",
    "The answer is B.\n", "final ", "most accurate ", "\\boxed{", "Ａ", "*", "4", "4/", "A > ", "analysis", "🙂",
    "I choose ", "so, ",
]  # fmt: skip
COUNTED = [
    "[[{}]] ", "<answer>{}</answer>\n", '{{"verdict": "{}"}}\n', "{}\n", "[[A]] because {} ", "Score: {}\n",
]  # fmt: skip
REASONS = (
    "Looking at both, I notice that the wheels differ, that the sign above the door cannot be read in one of them, and "
    "that the light comes from two sides. None of this is asked for. "
)
PROSE = (
    "The first picture shows what the caption says: a red bicycle in front of a shop. The second one is sharper, but "
    "the bicycle is blue, and the shop is closed. I looked at the hands of the rider as well. "
)


_COARSE = 0.05
"""CPU seconds below which a case is left out: the clock is too coarse for a ratio."""


def main() -> None:
    """Print both tables."""
    for form in FORMATS:
        print(f"{form.name:18} {_answers_a_second(form):10,.0f} ordinary answers a CPU second")
    worst = sorted(_ratios(), reverse=True)
    print(f"\n200 KB against 100 KB, CPU time, {len(worst)} cases; the ten largest ratios (at most 2.3 is linear):")
    for ratio, seconds, what in worst[:10]:
        print(f"  {ratio:4.2f}  {seconds:6.3f} s for 200 KB  {what}")
    slowest = max(worst, key=lambda case: case[1])
    print(f"slowest: {slowest[1]:.3f} s for 200 KB  {slowest[2]}")


def _answers_a_second(form: VerdictFormat) -> float:
    space = Preference(2)
    shown = f"Which is better?\n\nAnswer A:\n{PROSE * 4}\n\nAnswer B:\n{PROSE * 4}"
    requests = [make_request(form, space, f"{number} {shown}") for number in range(500)]
    texts = [form.write(number % 2, space, f"{number} {REASONS * 5}") for number in range(len(requests))]
    return len(requests) / min(
        sum(_reading(request, text) for request, text in zip(requests, texts, strict=True)) for _ in range(5)
    )


def _ratios() -> Iterator[tuple[float, float, str]]:
    for form, space in itertools.product(FORMATS, SPACES):
        try:
            form.instruction(space)
        except DataError:
            continue
        request = make_request(form, space, f"Which? [[A]] says the first, and so on. {PROSE}")
        for name, text in _hostile():
            half = text[: len(text) // 2]
            if _reading(request, text) < _COARSE:
                continue
            short, long = (min(_reading(request, part) for _ in range(5)) for part in (half, text))
            yield long / short, long, f"{form.name} {space} {name}"


def _reading(request: Request, text: str) -> float:
    """CPU seconds of one reading, by a copy of the request, so that nothing is worked out beforehand."""
    copy = replace(request)
    return _cpu(lambda: copy.read(text))


def _hostile() -> Iterator[tuple[str, str]]:
    size = 200_000
    for piece in PIECES:
        yield repr(piece), piece * (size // len(piece.encode()))
    for pattern in COUNTED:
        yield repr(pattern), "".join(pattern.format(number) for number in range(size // len(pattern.format(10_000))))


def _cpu(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


if __name__ == "__main__":
    main()

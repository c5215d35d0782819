"""The kappas of LLMBar's statistics, for comparison with what its authors publish beside each evaluator.

Each is Cohen's kappa (1960) as `LLMEvaluator/evaluate.py` of https://github.com/princeton-nlp/LLMBar computes it. The
script first cuts a winner down: output 1 is 1, and output 2 or no winner is 0. It leaves the labels 1 and 2 as they
are. So the kappas with the labels never see an agreement on output 2, and an evaluator that is always right does not
reach 1. That with the other order compares like with like. Not metrics: a metric sees the answers of one order beside
those of the other, and cannot tell which is which.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from harness.api import RecordedAnswer, RecordedCell, Status

TITLE = "LLMBar: the kappas of its authors"
TASK = "preference/llmbar"
NAMES = ("kappa_False", "kappa_True", "kappa_average", "kappa_agreement")
"""Their names in `statistics.json`: the labels with the order of the data, with the reverse, the mean of these two, and
one order with the other."""
_DATA, _SWAPPED = (0, 1), (1, 0)
_LEGEND = """\
Cohen's kappa as the script of the authors computes it, for comparison with their `statistics.json` alone. It takes
output 2 and no winner for the same, and compares that with labels that it leaves as they are. So `kappa_False` (order
of the data), `kappa_True` (reverse order) and their mean are low even where every answer is right. `kappa_agreement` is
between both orders. No intervals are given. For agreement with the labels beyond chance put `kappa` into `metrics`."""


def find_kappas(answers: Iterable[RecordedAnswer]) -> dict[str, float | None]:
    """The four kappas. `None` where one is not defined: both sides always say one and the same.

    Args:
        answers: Those of one judge to one subset, each pair once in each order. A pair that lacks an order, or whose
            request failed, is left out.
    """
    labels: dict[str, int] = {}
    winners: dict[str, dict[tuple[int, ...], int]] = {}
    for answer in answers:
        if answer.status is not Status.ERROR:
            labels[answer.item] = 1 if answer.gold == 0 else 2
            first = answer.verdict is not None and answer.space.to_canonical(answer.verdict, answer.order) == 0
            winners.setdefault(answer.item, {})[answer.order] = int(first)
    whole = [item for item, own in winners.items() if _DATA in own and _SWAPPED in own]
    gold = [labels[item] for item in whole]
    straight, swapped = ([winners[item][order] for item in whole] for order in (_DATA, _SWAPPED))
    kappas = [_cohen(straight, gold), _cohen(swapped, gold)]
    known = [kappa for kappa in kappas if kappa is not None]
    average = sum(known) / 2 if len(known) == 2 else None
    return dict(zip(NAMES, (*kappas, average, _cohen(straight, swapped)), strict=True))


def _cohen(first: Sequence[int], second: Sequence[int]) -> float | None:
    """(observed - expected) / (1 - expected)."""
    n = len(first)
    if not n:
        return None
    observed = sum(a == b for a, b in zip(first, second, strict=True)) / n
    counts = Counter(first), Counter(second)
    expected = sum(counts[0][label] * counts[1][label] for label in counts[0]) / n**2
    return None if expected == 1 else (observed - expected) / (1 - expected)


def write_section(cells: Iterable[RecordedCell]) -> str:
    """The section of a report, or an empty text where no cell is of LLMBar in both orders."""
    lines = [
        _row(cell, find_kappas(cell.answers()))
        for cell in cells
        if cell.task_id == TASK and cell.protocol.order == "both" and cell.protocol.samples == 1
    ]
    if not lines:
        return ""
    header = f"| task | judge | {' | '.join(NAMES)} |\n| --- | --- | {' | '.join('---:' for _ in NAMES)} |"
    return "\n".join((header, *lines, "", _LEGEND))


def _row(cell: RecordedCell, kappas: Mapping[str, float | None]) -> str:
    numbers = ("–" if value is None else f"{value:.4f}" for value in kappas.values())
    # A name may hold a bar, which would end the cell.
    names = (name.replace("|", "\\|") for name in (cell.task, cell.judge))
    return f"| {' | '.join((*names, *numbers))} |"

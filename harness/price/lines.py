"""What `harness run --dry-run` says of tokens and money: a line for each judge, and what that rests on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from harness.api import DataError, Pricing, TokenEstimate, Usage
from harness.price.known import KnownAnswer, find_known
from harness.price.sample import SIZE, SampledPrompt, sample_prompts
from harness.price.tokens import Total, add_totals, estimate_completions, estimate_money, estimate_prompts
from harness.runner.folder import JOURNAL
from harness.runner.journal import Journal
from harness.runner.planned import Plan, PlannedJudge
from harness.runner.requests import Shard

Key = tuple[str, str]
"""Names of task and judge."""


@dataclass(frozen=True, kw_only=True)
class JudgePrice:
    """What a judge will take for all that is left to ask."""

    judge: str
    """Its name."""
    requests: int
    """Requests to ask."""
    prompts: Total
    """Tokens read."""
    completions: Total | None
    """Tokens written; `None` where nothing is known and there is no limit."""
    usd: Total | None
    """US dollars; `None` where no price is known."""
    pricing: Pricing
    """Prices and budgets."""
    spent: Usage
    """What its answers in the journal took."""


def price_run(plan: Plan, folder: Path, to_ask: Mapping[Key, int], shard: Shard | None) -> list[JudgePrice]:
    """Tokens and money of the judges that have any. Nothing is asked; images of the sample alone are opened.

    Args:
        plan: The plan.
        folder: The run folder, which need not be there.
        to_ask: Requests that the journal has no answer to.
        shard: Only this part of each task.

    Raises:
        DataError: The data cannot be used.
    """
    samples: dict[str, Sequence[SampledPrompt]] = {}
    found = []
    for judge in plan.judges:
        cells = {task: count for (task, name), count in to_ask.items() if name == judge.name and count}
        # A judge that waits for its recipe is not made yet. What its model will take is not known.
        if judge.needs_training or not cells:
            continue
        known = find_known(folder, judge.key)
        speaks = hasattr(judge.judge, "estimate_tokens") or hasattr(judge.judge, "pricing")
        if not speaks and not any(answer.prompt is not None or answer.usd is not None for answer in known):
            continue  # a baseline takes no tokens
        for task in plan.tasks:
            if task.name in cells and task.name not in samples:
                samples[task.name] = sample_prompts(task, seed=plan.seed, shard=shard)
        found.append(_price_judge(judge, cells, samples, known, _usage_of(folder, judge)))
    return found


def _price_judge(
    judge: PlannedJudge,
    cells: Mapping[str, int],
    samples: Mapping[str, Sequence[SampledPrompt]],
    known: Sequence[KnownAnswer],
    spent: Usage,
) -> JudgePrice:
    pricing: Pricing = getattr(judge.judge, "pricing", Pricing())
    prompts, completions, usd = [], [], []
    for task, count in cells.items():
        shown = [(prompt.shown, _ask(judge, prompt)) for prompt in samples[task]]
        read = estimate_prompts(shown, known, count=count, task=task)
        written = estimate_completions(known, [e.completion_most for _, e in shown], count=count, task=task)
        prompts.append(read)
        completions.append(written)
        usd.append(_money(pricing, read, written, known, count=count, task=task))
    # One task of which nothing is known leaves the sum unknown.
    return JudgePrice(
        judge=judge.name,
        requests=sum(cells.values()),
        prompts=add_totals(prompts),
        completions=None if None in completions else add_totals(cast(list[Total], completions)),
        usd=None if None in usd else add_totals(cast(list[Total], usd)),
        pricing=pricing,
        spent=spent,
    )


def _ask(judge: PlannedJudge, prompt: SampledPrompt) -> TokenEstimate:
    say = getattr(judge.judge, "estimate_tokens", None)
    if say is None:
        return TokenEstimate()
    try:
        found = say(judge.put(prompt.request))
    except DataError:  # an image that cannot be read costs nothing: it will not be asked
        return TokenEstimate(text_tokens=0, image_tokens=0, completion_most=0)
    return found if isinstance(found, TokenEstimate) else TokenEstimate()


def _money(
    pricing: Pricing, read: Total, written: Total | None, known: Sequence[KnownAnswer], *, count: int, task: str
) -> Total | None:
    """By the prices, else by what answers cost."""
    if pricing.prompt_usd is None or pricing.completion_usd is None:
        return estimate_money(known, count=count, task=task)
    if written is None:
        return None
    return add_totals([read.times(pricing.prompt_usd / 1e6), written.times(pricing.completion_usd / 1e6)])


def _usage_of(folder: Path, judge: PlannedJudge) -> Usage:
    if not (folder / JOURNAL).is_file():
        return Usage()
    journal = Journal(folder / JOURNAL, readonly=True)
    try:
        return journal.usage(judge.key)
    finally:
        journal.close()


def write_lines(prices: Sequence[JudgePrice]) -> list[str]:
    """The estimate in words. Nothing where no judge takes tokens."""
    if not prices:
        return []
    lines = [f"what is left to ask would take (95 % intervals, by {SIZE} rendered prompts of each task):"]
    for price in prices:
        read, written = f"{_tokens(price.prompts)} tokens read", "unknown tokens written"
        if price.completions is not None:
            written = f"{_tokens(price.completions)} written"
        money = _dollars(price.usd) if price.usd is not None else "no price given"
        lines.append(f"  {price.judge}: {price.requests:,} requests, {read}, {written}, {money}")
        lines.append(f"    read: {price.prompts.basis}")
        if price.completions is not None:
            lines.append(f"    written: {price.completions.basis}")
        lines += [f"    warning: {warning}" for warning in _warnings(price)]
    sums = [price.usd for price in prices if price.usd is not None]
    if len(prices) > 1 and sums:
        without = len(prices) - len(sums)
        more = f", without {without} judges that have no price" if without else ""
        lines.append(f"  together: {_dollars(add_totals(sums))}{more}")
    return lines


def _warnings(price: JudgePrice) -> list[str]:
    """Budgets that will not do."""
    said, pricing = [], price.pricing
    if pricing.budget_usd is not None and price.usd is not None:
        left = pricing.budget_usd - price.spent.cost_usd
        if price.usd.high > left:
            how = "is more than" if price.usd.value > left and not price.usd.at_most else "may be more than"
            said.append(f"the estimate {how} the US$ {max(0.0, left):,.2f} that are left of budget_usd")
    if pricing.budget_tokens is not None and price.completions is not None:
        remaining = pricing.budget_tokens - price.spent.tokens
        both = add_totals([price.prompts, price.completions])
        if both.high > remaining:
            how = "is more than" if both.value > remaining and not both.at_most else "may be more than"
            said.append(f"the estimate {how} the {max(0, remaining):,} tokens that are left of budget_tokens")
    return said


def _tokens(total: Total) -> str:
    if total.at_most:
        return f"at most {_round(_raise(total.high, digits=3))}"
    return f"{_round(total.value)} ({_round(total.low)}–{_round(total.high)})"


def _dollars(total: Total) -> str:
    if total.at_most:
        # As many digits as are printed: cents, or two digits of less than a dollar.
        high = math.ceil(total.high * 100 - 1e-6) / 100 if total.high >= 1 else _raise(total.high, digits=2)
        return f"at most US$ {_cents(high)}"
    return f"US$ {_cents(total.value)} ({_cents(total.low)}–{_cents(total.high)})"


def _raise(bound: float, *, digits: int) -> float:
    """The next larger number of so many digits: a bound that is rounded down is none."""
    if not bound > 0:
        return bound
    step = 10.0 ** (math.floor(math.log10(bound)) + 1 - digits)
    # Less a little, so that a number that has no more digits stays as it is.
    return math.ceil(bound / step - 1e-9) * step


def _round(tokens: float) -> str:
    """Three digits of it: an estimate knows no more."""
    return f"{float(f'{tokens:.3g}'):,.0f}"


def _cents(dollars: float) -> str:
    return f"{dollars:,.2f}" if dollars >= 1 or dollars == 0 else f"{dollars:.2g}"

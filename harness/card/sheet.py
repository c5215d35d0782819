"""From facts to the sheet: Markdown in the form of a model card (Mitchell et al. 2019, arXiv 1810.03993).

Every sentence is made from numbers, and every number that is an estimate has its interval. What is not known is said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import cast

from harness.api import Measurement, Unit, write_interval, write_number
from harness.card.facts import CardFacts, CardOrigin, PlaceHabit
from harness.explain.records import KeyFigure, Share
from harness.report import notes
from harness.report.escaping import for_markdown
from harness.report.records import LeaderboardRow
from harness.report.row_text import rank_text
from harness.score.consistency import fair_share
from harness.score.records import CellScores, Estimate

_UNKNOWN = "not stated"
_FEWEST = 10
"""Items of a category from which it is named as the worst."""


def write_card(facts: CardFacts) -> str:
    """The whole sheet."""
    pieces = [f"# Judge card: {for_markdown(facts.judge)}", _intro(facts)]
    for title, tell in _SECTIONS:
        lines = [for_markdown(line) for line in tell(facts)]
        pieces += [f"## {title}", "\n".join(f"- {line}" for line in lines) if lines else "Nothing is known."]
    return "\n\n".join(pieces) + "\n"


def _intro(facts: CardFacts) -> str:
    finished = str(facts.record.get("finished", ""))
    when = f", finished on {finished[:10]}" if finished else ""
    return for_markdown(
        f"Made from the run {facts.run}{when}. Brackets hold {100 * (1 - facts.board.alpha):g} % intervals over "
        "clusters of items. The numbers are about this judge on these tasks, and about no other."
    )


def _tell_judge(facts: CardFacts) -> Iterator[str]:
    yield f"{facts.origin.id}: {facts.origin.summary or 'its plugin is not installed here'}"
    for name, value in facts.options.items():
        yield f"option {name}: {value}"
    for usage in facts.board.usage:
        if usage.judge == facts.judge and usage.models:
            more = f" and {usage.more_models} more" if usage.more_models else ""
            yield f"answered as: {', '.join(usage.models)}{more}"


def _tell_tasks(facts: CardFacts) -> Iterator[str]:
    for task, row in facts.rows.items():
        origin = facts.tasks[task]
        counts = [(row.items, "item"), (row.groups, "cluster"), (row.asked, "request"), (row.statuses["ok"], "verdict")]
        told = ", ".join(notes.count_noun(number, noun) for number, noun in counts)
        yield f"{task} ({origin.id}): {told}. {origin.summary}".rstrip()


def _tell_scores(facts: CardFacts) -> Iterator[str]:
    for task, row in facts.rows.items():
        rank = rank_text(row)
        rivals = [other for other in facts.board.rows if other.block == row.block]
        among = sum(other.rank_low is not None for other in rivals)
        rest = f", {len(rivals) - among} not ranked" if among < len(rivals) else ""
        placed = f"; rank {rank} of {among}{rest}" if row.rank_low is not None else "; not ranked"
        yield f"{task}: {row.metric} {_number(row.unit, row.value, row.ci_low, row.ci_high)}, n {row.n:,}{placed}"
        if why := notes.why_undefined(row):
            yield f"{task}: {why}"
        yield from (f"{task}: flagged {flag}" for flag in notes.own_flags(row) if not _is_bias(flag))


def _tell_failures(facts: CardFacts) -> Iterator[str]:
    for cell in facts.scores:
        worst = _find_worst(cell)
        if worst is not None:
            name, own = worst
            yield (
                f"{cell.task}: least on {name}, {own.metric} "
                f"{_number(own.unit, own.value, own.ci_low, own.ci_high)}, n {own.n:,}; "
                f"over all categories {_estimate(cell.estimates[0])}"
            )
        row = facts.rows.get(cell.task)
        if row is not None and row.unread:
            said = ", ".join(f"{reason} {count:,}" for reason, count in row.unread.items())
            yield f"{cell.task}: {sum(row.unread.values()):,} of {row.asked:,} requests have no verdict ({said})"


def _find_worst(cell: CellScores) -> tuple[str, Estimate] | None:
    """The category with the worst value, where there are several."""
    known = [(name, own) for name, own in cell.categories.items() if own.value is not None and own.n >= _FEWEST]
    whole = cell.estimates[0]
    if len(known) < 2 or whole.value is None:
        return None
    sign = 1 if whole.greater_is_better else -1
    name, worst = min(known, key=lambda pair: sign * (pair[1].value or 0.0))
    # Where it fails nowhere, no category is the worst.
    return (name, worst) if worst.value is not None and sign * worst.value < sign * whole.value else None


def _tell_biases(facts: CardFacts) -> Iterator[str]:
    for task, row in facts.rows.items():
        for name, words in (
            ("first_position", f"of its decided answers name the first place shown: {_tell_preference(facts, row)}"),
            ("swap_consistency", "of items get the same verdict in every order"),
            ("repeat_consistency", "of repeats agree"),
        ):
            if getattr(row, name) is not None:
                yield f"{task}: {_consistency(row, name)} {words}"
        if facts.habits is not None and (habit := facts.habits.get(task)):
            said, right = habit.says, habit.right
            yield (
                f"{task}: {habit.verdict} is {_number('share', said.value, said.low, said.high)} of its verdicts, and "
                f"{_number('share', right.value, right.low, right.high)} of the right ones, n {habit.n:,}"
            )
        yield from (f"{task}: flagged {flag}" for flag in notes.own_flags(row) if _is_bias(flag))
    if facts.habits is None:
        yield "What it says most often is not counted here, since its answers are many: `harness card` reads them all"


def _is_bias(flag: str) -> bool:
    """Whether a flag is of what a judge prefers. Others are of how far its numbers hold."""
    # One of a criterion has its name in brackets.
    return flag.partition("[")[0] in ("collapsed", "position-biased")


def _tell_preference(facts: CardFacts, row: LeaderboardRow) -> str:
    """What the share of the first place says. Only orders that are balanced tell a preference from what is right."""
    places = facts.places.get(row.task, PlaceHabit(candidates=0))
    fair, right = fair_share(str(row.protocol.get("order", "fixed")), places.candidates), places.right
    there = "" if right is None else f"the right one is there in {_with_ends(right)}"
    if fair is None:
        return there or "how often the right one is there is not counted here"
    own = row.consistency.get("first_position", {})
    low, high = own.get("ci_low"), own.get("ci_high")
    # A perfect judge names the first place as often as it is right, by the luck of the draw.
    usual = [fair] if right is None or right.value is None else [fair, right.value]
    if isinstance(low, float) and low > max(usual):
        return "it prefers the first place"
    if isinstance(high, float) and high < min(usual):
        return "it prefers the last place" if places.candidates == 2 else "it avoids the first place"
    return "no preference for a place is shown" + (
        "" if places.candidates == 2 else f" (one in {places.candidates} is none)"
    )


def _consistency(row: LeaderboardRow, name: str) -> str:
    own = row.consistency.get(name, {})
    low, high = (cast("float | None", own.get(end)) for end in ("ci_low", "ci_high"))
    return f"{_number('share', getattr(row, name), low, high)} (n {own.get('n', row.n):,})"


def _tell_calibration(facts: CardFacts) -> Iterator[str]:
    for task, row in facts.rows.items():
        own = row.calibration
        if own is None:
            continue
        yield (
            f"{task}: calibration error {_number('share', own.ece, own.ece_low, own.ece_high)}, Brier score "
            f"{_number('distance', own.brier, own.brier_low, own.brier_high)}, n {own.n:,}"
        )
    without = [task for task, row in facts.rows.items() if row.calibration is None]
    if without:
        yield f"not known on {', '.join(without)}: too few of its verdicts there have a probability"


def _tell_faithfulness(facts: CardFacts) -> Iterator[str]:
    if facts.explained:
        yield facts.explained
    for finding in facts.findings:
        for figure in finding.figures:
            if figure.on_board:
                yield f"{finding.task or f'over {len(finding.tasks)} tasks'}: {_figure(figure)}"
    lacking: dict[str, list[str]] = {}
    for finding in facts.findings:
        if finding.lacks:
            lacking.setdefault(f"{finding.measure} is not known: {finding.lacks}", []).append(finding.task)
    for reason, tasks in lacking.items():
        yield f"{reason} ({', '.join(tasks)})"


def _figure(figure: KeyFigure) -> str:
    control = figure.controls[0]
    return f"{figure.share.name}: {_share(figure.share)}; control, {control.name}: {_share(control)}"


def _share(share: Share) -> str:
    return f"{_number('share', share.value, share.low, share.high)}, n {share.n:,}"


def _tell_drift(facts: CardFacts) -> Iterator[str]:
    for drift in facts.drifts:
        noise = "" if drift.noise is None else f"; its own noise is {_with_ends(drift.noise)}"
        since = f"; drift is not measurable: {drift.unmeasured}" if drift.unmeasured else "; no drift is shown"
        if drift.alarm:
            since = f"; it drifts since {drift.alarm}"
        yield f"{drift.task}: {_with_ends(drift.changed)} of its answers changed until {drift.until}{noise}{since}"
    if not facts.drifts:
        yield "Not known: one run is one moment. Give the folder of a `harness drift` as --drift"


def _with_ends(found: Measurement) -> str:
    return _number("share", found.value, found.low, found.high)


def _tell_cost(facts: CardFacts) -> Iterator[str]:
    for usage in facts.board.usage:
        if usage.judge != facts.judge:
            continue
        read = _UNKNOWN if usage.prompt_tokens is None else f"{usage.prompt_tokens:,}"
        written = _UNKNOWN if usage.completion_tokens is None else f"{usage.completion_tokens:,}"
        yield f"{usage.answers:,} answers; tokens read: {read}; written: {written}"
        if usage.cost_usd is not None:
            yield f"US$ {usage.cost_usd:.6g} for the {usage.priced:,} answers that say what they cost"
    judge = facts.read_record("judges").get(facts.name, {})
    quick = judge.get("latency_s", {}) if isinstance(judge, dict) else {}
    if isinstance(quick, dict) and isinstance(quick.get("median"), int | float):
        many = quick.get("n")
        of = f" of {many:,}" if isinstance(many, int) else ""
        yield f"{quick['median']:.3g} s from question to answer, in the median{of}"


def _tell_provenance(facts: CardFacts) -> Iterator[str]:
    yield f"judge: {_origin(facts.origin)}"
    for task, origin in facts.tasks.items():
        yield f"data of {task}: {_origin(origin)}"
    for task, source in facts.read_record("data").items():
        yield f"{task} was read from {source}"
    versions = facts.read_record("plugins")
    if versions:
        yield "made with " + ", ".join(f"{name} {version}" for name, version in versions.items())


def _origin(origin: CardOrigin) -> str:
    return f"{origin.id}; licence: {origin.licence or _UNKNOWN}; source: {origin.source or _UNKNOWN}"


def _estimate(estimate: Estimate) -> str:
    return _number(estimate.unit, estimate.value, estimate.ci_low, estimate.ci_high)


def _number(unit: Unit, value: float | None, low: float | None, high: float | None) -> str:
    percent = " %" if unit == "share" else ""
    return f"{write_number(unit, value, low, high)}{percent} [{write_interval(unit, low, high)}]"


_Tell = Callable[[CardFacts], Iterator[str]]
_SECTIONS: Sequence[tuple[str, _Tell]] = (
    ("The judge", _tell_judge),
    ("What it was asked", _tell_tasks),
    ("How right it is", _tell_scores),
    ("Where it fails", _tell_failures),
    ("Biases", _tell_biases),
    ("Calibration", _tell_calibration),
    ("Faithfulness of its reasoning", _tell_faithfulness),
    ("Drift", _tell_drift),
    ("What it cost", _tell_cost),
    ("Licence and provenance", _tell_provenance),
)

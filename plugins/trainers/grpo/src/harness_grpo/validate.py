"""Scores of the model on the validation splits: greedy answers, read by the same parser as in evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.api import Choice, Preference, UserError, Verdict
from harness_grpo.data import Unit
from harness_grpo.policy import Speaker
from harness_grpo.progress import Phase
from harness_grpo.rollout import AT_ONCE_APART, PolicyAnswer, PromptedExample, Prompts, is_right, parts_of, write
from harness_transformers.sampling import Sampling

_NO_VERDICT = "(no verdict)"


def scores(
    policy: Speaker,
    prompts: Prompts,
    units: Mapping[str, Sequence[Unit]],
    *,
    most: int,
    rows: int | None,
    phase: Phase | None = None,
) -> dict[str, float]:
    """Scores of every task.

    Args:
        policy: The model.
        prompts: Of it.
        units: Of each task.
        most: Longest answer in tokens.
        rows: Answers to write at once.
        phase: Is told how many answers are written.

    Returns:
        `TASK/accuracy`, `TASK/macro_f1` (choices and preferences), `TASK/coverage`: share of answers with a verdict of
        the space, `TASK/n`; and the mean over tasks of the first two. An answer without a verdict is right in none.

    Raises:
        UserError: Not one item of a task can be shown.
    """
    asked = {
        name: [prompted for unit in mine for prompted in (prompts.of_unit(unit) or [])] for name, mine in units.items()
    }
    for name, mine in asked.items():
        if not mine:
            raise UserError(f"task {name}: not one item of its validation split can be shown; the log says why")
    flat = [prompted for mine in asked.values() for prompted in mine]
    given = _write(policy, flat, most=most, rows=rows, phase=phase)
    result: dict[str, float] = {}
    start = 0
    for name, mine in asked.items():
        answers = [answer for (answer,) in given[start : start + len(mine)]]
        start += len(mine)
        result.update({f"{name}/{key}": value for key, value in _of_task(mine, answers).items()})
    # Unweighted over tasks: a task with many items does not decide alone which weights are kept.
    for key in ("accuracy", "macro_f1"):
        values = [result.get(f"{name}/{key}", result[f"{name}/accuracy"]) for name in asked]
        result[key] = sum(values) / len(values)
    return result


def _write(
    policy: Speaker, asked: Sequence[PromptedExample], *, most: int, rows: int | None, phase: Phase | None
) -> list[tuple[PolicyAnswer, ...]]:
    """Greedy answers, batch by batch, so that it can be told how far it is."""
    found: dict[int, tuple[PolicyAnswer, ...]] = {}
    at_once = (rows or AT_ONCE_APART) * policy.processes.size
    for part in parts_of([prompted.prompt for prompted in asked], at_once):
        batch = [asked[place] for place in part]
        found.update(zip(part, write(policy, batch, samples=1, sampling=Sampling(), most=most, rows=rows), strict=True))
        if phase is not None:
            phase.advance(len(found), len(asked))
    return [found[place] for place in range(len(asked))]


def _of_task(asked: Sequence[PromptedExample], given: Sequence[PolicyAnswer]) -> dict[str, float]:
    golds = [prompted.example.gold for prompted in asked]
    right = [is_right(prompted.example, answer) for prompted, answer in zip(asked, given, strict=True)]
    # A bare tie that is right is the kind of tie that was meant, as in the scores of a benchmark.
    verdicts = [
        gold if hit else prompted.judgement.verdict for hit, gold, prompted in zip(right, golds, given, strict=True)
    ]
    found: dict[str, float] = {
        "accuracy": sum(right) / len(golds),
        "coverage": sum(verdict is not None for verdict in verdicts) / len(golds),
        "n": float(len(golds)),
    }
    if isinstance(asked[0].example.request.space, Choice | Preference):
        found["macro_f1"] = _macro_f1(golds, verdicts)
    return found


def _macro_f1(golds: Sequence[Verdict], verdicts: Sequence[Verdict | None]) -> float:
    """Unweighted mean of the F1 of the classes that occur as gold."""
    from sklearn.metrics import f1_score

    # As text: verdicts of one task may be places and TIE, which do not sort together.
    names = [str(gold) for gold in golds]
    predicted = [_NO_VERDICT if verdict is None else str(verdict) for verdict in verdicts]
    return float(f1_score(names, predicted, labels=sorted(set(names)), average="macro", zero_division=0.0))

"""How good the model is on the validation splits: greedy answers, read by the same parser as in evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.api import Choice, Preference, UserError, Verdict
from harness_grpo.data import Unit
from harness_grpo.policy import Speaker
from harness_grpo.rollout import Asked, Given, Prompts, is_right, write
from harness_transformers.sampling import Sampling

_NO_VERDICT = "(no verdict)"


def scores(
    policy: Speaker, prompts: Prompts, units: Mapping[str, Sequence[Unit]], *, most: int, rows: int
) -> dict[str, float]:
    """Scores of every task.

    Returns:
        `TASK/accuracy`, `TASK/macro_f1` (choices and preferences), `TASK/coverage`: share of answers with a verdict of
        the space, `TASK/n`; and the mean over tasks of the first two. An answer without a verdict is right in none.

    Raises:
        UserError: Not one item of a task can be shown.
    """
    asked = {name: [one for unit in mine for one in (prompts.asked(unit) or [])] for name, mine in units.items()}
    for name, mine in asked.items():
        if not mine:
            raise UserError(f"task {name}: not one item of its validation split can be shown; the log says why")
    flat = [one for mine in asked.values() for one in mine]
    given = write(policy, flat, samples=1, sampling=Sampling(), most=most, rows=rows)
    result: dict[str, float] = {}
    start = 0
    for name, mine in asked.items():
        answers = [one for (one,) in given[start : start + len(mine)]]
        start += len(mine)
        result.update({f"{name}/{key}": value for key, value in _of_task(mine, answers).items()})
    for key in ("accuracy", "macro_f1"):
        values = [result.get(f"{name}/{key}", result[f"{name}/accuracy"]) for name in asked]
        result[key] = sum(values) / len(values)
    return result


def _of_task(asked: Sequence[Asked], given: Sequence[Given]) -> dict[str, float]:
    golds = [one.example.gold for one in asked]
    right = [is_right(one.example, answer) for one, answer in zip(asked, given, strict=True)]
    # A bare tie that is right is the kind of tie that was meant, as in the scores of a benchmark.
    verdicts = [gold if hit else one.judgement.verdict for hit, gold, one in zip(right, golds, given, strict=True)]
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

    names = [str(gold) for gold in golds]
    predicted = [_NO_VERDICT if verdict is None else str(verdict) for verdict in verdicts]
    return float(f1_score(names, predicted, labels=sorted(set(names)), average="macro", zero_division=0.0))

"""Any metric of the `evaluate` library as a `Metric`: `evaluate:NAME`. Not vectorised, so it is evaluated less often.

`NAME` is what `evaluate.load` takes. A local folder or `.py` file works offline. A module of the hub is downloaded by
that library, and is code that it runs. It sees every unit as often as it occurs, as whole numbers for classes
(positions in the answer space) and as the numbers themselves for scores.

A module of your own says with the attributes `unit` and `greater_is_better` of its class what its number is, as any
metric does. Without them it is a `score`, of which more is better. The library's own metrics say neither: those that
serve judges are in a table here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.api import Metric, Score, Unit, Units, UserError
from harness.score.arrays import Floats
from harness.score.metrics import CoreMetric, as_numbers, unit_of
from harness.score.patterns import Statistic

EVALUATIONS = 200
"""Resamples for the interval of such a metric."""

_KNOWN: Mapping[str, tuple[Unit, bool]] = {
    **dict.fromkeys(("accuracy", "f1", "precision", "recall", "roc_auc"), ("share", True)),
    **dict.fromkeys(("matthews_correlation", "pearsonr", "spearmanr"), ("correlation", True)),
    **dict.fromkeys(("mae", "mse"), ("distance", False)),
}
"""Of the library's own metrics by name: the unit, and whether greater is better."""


class EvaluateMetric(CoreMetric):
    """A metric of the `evaluate` library.

    A missing answer that counts as wrong is the class -1, which is never right, or the worst end of a scale.

    Attributes:
        name: As given to `evaluate.load`.
        compute: `compute(predictions=..., references=...)`, a mapping of names to values.
        unit: What the number is.
        greater_is_better: False for errors and distances.
    """

    answers = frozenset({"choice", "preference", "score"})

    def __init__(
        self,
        name: str,
        compute: Callable[..., Mapping[str, Any] | None],
        *,
        unit: Unit = "score",
        greater_is_better: bool = True,
    ) -> None:
        self.name, self.compute = name, compute
        self.unit, self.greater_is_better = unit, greater_is_better

    def limit(self, units: Units) -> int | None:
        """Each evaluation is a call into Python."""
        return EVALUATIONS

    def prepare(self, units: Units) -> Statistic:
        """Code the units, then call the library for each row of weights."""
        gold, predicted = _encode_units(units)

        def value(weights: Floats) -> Floats:
            return np.array([self._row(row, gold, predicted) for row in weights], dtype=np.float64)

        return value

    def _row(self, row: Floats, gold: NDArray[Any], predicted: NDArray[Any]) -> float:
        times = row.astype(np.int64)
        # The library's metrics fail or warn on empty lists. A value of nothing is not defined.
        if not times.any():
            return float("nan")
        try:
            found = self.compute(
                predictions=np.repeat(predicted, times).tolist(), references=np.repeat(gold, times).tolist()
            )
        except (ValueError, TypeError, KeyError) as error:
            raise UserError(
                f"metric evaluate:{self.name}: it does not take these answers ({error}); it is given whole numbers for "
                "classes and numbers for scores, as `predictions` and `references`"
            ) from error
        return self._number(found or {})

    def _number(self, found: Mapping[str, Any]) -> float:
        """The one number of the result, or that of the metric's own name."""
        # A path to a module is named after its folder or file, as the module names its result.
        own = self.name.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1].removesuffix(".py")
        numbers_ = {key: float(value) for key, value in found.items() if np.ndim(value) == 0 and _is_number(value)}
        if own in numbers_:
            return numbers_[own]
        if len(numbers_) == 1:
            return next(iter(numbers_.values()))
        raise UserError(
            f"metric evaluate:{self.name}: expected one number, or one called {own!r}, and got "
            f"{', '.join(map(repr, found)) or 'nothing'}; use a metric with one result"
        )


def evaluate_metric(name: str) -> Metric:
    """Load a metric of the `evaluate` library.

    Args:
        name: A local folder, a local `.py` file, or a name on the hub.

    Raises:
        UserError: The library is not installed, the metric cannot be found or loaded, or its unit is none.
    """
    try:
        import evaluate
    except ImportError as error:
        raise UserError(
            f"metric evaluate:{name}: the `evaluate` library is not installed; "
            "run: pip install 'judge-harness[evaluate]'"
        ) from error
    try:
        module = evaluate.load(name)
    except Exception as error:  # it runs the module's own code, which may fail in any way
        cause = (str(error).strip() or repr(error)).splitlines()[0]
        raise UserError(
            f"metric evaluate:{name}: cannot be loaded ({type(error).__name__}: {cause}); offline, give the path of a "
            "local metric module, such as evaluate:./my_metric/my_metric.py"
        ) from error
    unit, greater = _KNOWN.get(name.removeprefix("evaluate-metric/"), ("score", True))
    metric = EvaluateMetric(
        name,
        module.compute,
        unit=getattr(module, "unit", unit),
        greater_is_better=getattr(module, "greater_is_better", greater),
    )
    unit_of(metric, name=f"evaluate:{name}")
    return metric


def _encode_units(units: Units) -> tuple[NDArray[Any], NDArray[Any]]:
    """Gold and answers as whole numbers for classes, which the library tells from floats."""
    if isinstance(units.space, Score):
        return as_numbers(units)
    # Positions in the answer space, so that class 0 is the same for every judge. Golds that are ties come after.
    listed = list(dict.fromkeys((*units.space.verdicts(), *units.gold)))
    code = {verdict: k for k, verdict in enumerate(listed)}
    gold = np.array([code[verdict] for verdict in units.gold], dtype=np.int64)
    said = [-1 if verdict is None else code.get(verdict, -1) for verdict in units.predicted]
    return gold, np.array(said, dtype=np.int64)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)

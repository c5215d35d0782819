"""Any metric of the `evaluate` library as a `Metric`: `evaluate:NAME`. Not vectorised, so it is evaluated less often.

`NAME` is a local folder or `.py` file, which works offline, or a name on the hub. It is code, which runs only where the
user has said so; see `harness.score.evaluate_find`. It sees every unit as often as it occurs, as whole numbers for
classes (positions in the answer space) and as the numbers themselves for scores.

A module of your own says with the attributes `unit` and `greater_is_better` of its class what its number is, as any
metric does. Without them it is a `score`, of which more is better. The library's own metrics say neither: those that
serve judges are in a table here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.allowed import AllowedCode
from harness.api import Metric, Score, Unit, Units, UserError
from harness.score.arrays import Floats
from harness.score.evaluate_find import find_code
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
        name: What follows `evaluate:`.
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


def evaluate_metric(name: str, allowed: AllowedCode) -> Metric:
    """Make a metric of the `evaluate` library, of code that the user has allowed.

    Args:
        name: A local folder, a local `.py` file, or a name on the hub.
        allowed: What the user has named on the command line.

    Raises:
        UserError: The library is not installed; the code cannot be found, is not allowed, or fails; or its unit is
            none.
    """
    try:
        import evaluate
    except ImportError as error:
        raise UserError(
            f"metric evaluate:{name}: the `evaluate` library is not installed; "
            "run: pip install 'judge-harness[evaluate]'"
        ) from error
    code = find_code(name, allowed)
    try:
        module = code.load()
        made = _find_class(module, evaluate.EvaluationModule)(hash=code.hash)
        made.download_and_prepare()
    except UserError:
        raise
    except Exception as error:  # it is the module's own code, which may fail in any way
        cause = (str(error).strip() or repr(error)).splitlines()[0]
        raise UserError(
            f"metric evaluate:{name}: its code fails ({type(error).__name__}: {cause}); it may import what is "
            "installed, and files beside it as in `from .helper import x`"
        ) from error
    unit, greater = _KNOWN.get(name.removeprefix("evaluate-metric/"), ("score", True))
    metric = EvaluateMetric(
        name,
        made.compute,
        unit=getattr(made, "unit", unit),
        greater_is_better=getattr(made, "greater_is_better", greater),
    )
    unit_of(metric, name=f"evaluate:{name}")
    return metric


def _find_class(module: ModuleType, base: type) -> Any:
    """The metric of a module: the first class of its own that the library could run."""
    for value in vars(module).values():
        if isinstance(value, type) and issubclass(value, base) and value.__module__ == module.__name__:
            return value
    raise UserError(f"{module.__file__}: has no class of its own that is an evaluate.Metric; write one")


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

"""Any metric of the `evaluate` library as a `Metric`: `evaluate:NAME`. Not vectorised, so fewer resamples are made.

`NAME` is what `evaluate.load` takes: a local folder or `.py` file works offline; the name of a hub module is downloaded
by that library, and is code that it runs. It sees every unit as often as it occurs, as whole numbers for classes
(positions in the answer space) and as the numbers themselves for scores.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.api import Metric, Score, Units, UserError
from harness.score.metrics import CoreMetric, numbers
from harness.score.patterns import Statistic
from harness.score.table import Floats

RESAMPLES = 200
"""Resamples for the interval of such a metric."""


class EvaluateMetric(CoreMetric):
    """A metric of the `evaluate` library.

    A missing answer that counts as wrong is the class -1, which is never right, or the worst end of a scale.

    Attributes:
        name: As given to `evaluate.load`.
        compute: `compute(predictions=..., references=...)`, a mapping of names to values.
    """

    answers = frozenset({"choice", "preference", "score"})

    def __init__(self, name: str, compute: Callable[..., Mapping[str, Any] | None]) -> None:
        self.name, self.compute = name, compute

    def limit(self, units: Units) -> int | None:
        """Each resample is a call into Python."""
        return RESAMPLES

    def prepare(self, units: Units) -> Statistic:
        """Code the units, then call the library for each row of weights."""
        gold, predicted = _coded(units)

        def value(weights: Floats) -> Floats:
            return np.array([self._row(row, gold, predicted) for row in weights], dtype=np.float64)

        return value

    def _row(self, row: Floats, gold: NDArray[Any], predicted: NDArray[Any]) -> float:
        times = row.astype(np.int64)
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
        UserError: The library is not installed, the metric cannot be found, or it cannot be loaded.
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
    return EvaluateMetric(name, module.compute)


def _coded(units: Units) -> tuple[NDArray[Any], NDArray[Any]]:
    """Gold and answers as whole numbers for classes, which the library tells from floats."""
    if isinstance(units.space, Score):
        return numbers(units)
    listed = list(dict.fromkeys((*units.space.verdicts(), *units.gold)))
    code = {verdict: k for k, verdict in enumerate(listed)}
    gold = np.array([code[verdict] for verdict in units.gold], dtype=np.int64)
    predicted = np.array([-1 if one is None else code.get(one, -1) for one in units.predicted], dtype=np.int64)
    return gold, predicted


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)

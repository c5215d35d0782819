"""How papers on image quality correlate scores with opinion: Pearson's correlation after a logistic mapping.

The answers x are mapped by the function of five parameters that Sheikh, Sabir and Bovik (2006, "A Statistical
Evaluation of Recent Full Reference Image Quality Assessment Algorithms", IEEE Transactions on Image Processing 15) fit
to the opinion scores by least squares:

    f(x) = b1 (1/2 - 1 / (1 + exp(b2 (x - b3)))) + b4 x + b5
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from harness.api import AnswerSpace, Unit, Units

Floats = NDArray[np.float64]

FEWEST = 6
"""Answers. Five parameters go through any five points."""

# A curve is the logarithm of the steepness b2 and the place b3, both in standard deviations of the answers. The search
# starts at a curve through the mean of the answers, as scripts do.
_START = np.array([0.0, 0.0])
_LEAST, _MOST = np.log(1e-3), np.log(10.0)
"""A steeper curve is a step, which fits noise."""
_STENCIL = 0.01 * np.array([[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1], [1, 1]])
_RADIUS, _SMALLEST, _STEPS = 0.5, 1e-5, 60
_GAIN = 1e-9  # of a squared correlation: steps that change less are not worth their time
_ROWS = 256  # of weights at once, so that a table of them and the units stays small
_TINY = 1e-12


class LogisticPearson:
    """Pearson's correlation of the opinion scores with the mapped answers. From 0 to 1: the curve may also fall.

    b1, b4 and b5 are linear, so that for each b2 and b3 the best of them, and the correlation, are known in closed
    form: it is the multiple correlation of the scores with x and the sigmoid of x. What is left is a search over b2 and
    b3. Where people and answers agree little it may end at another curve than the search of a script. NaN for fewer
    than `FEWEST` answers, and where answers or scores are constant.
    """

    uses: ClassVar[tuple[str, ...]] = ("gold", "predicted")
    answers: ClassVar[frozenset[str]] = frozenset({"score"})
    unit: ClassVar[Unit] = "correlation"

    def bounds(self, space: AnswerSpace) -> tuple[float, float]:
        """A mapping may turn the answers around, so that nothing is below 0."""
        return 0.0, 1.0

    def prepare(self, units: Units) -> Callable[[Floats], Floats]:
        """The correlation as a function of weights of shape (B, T); it returns shape (B,)."""
        gold = np.array(units.gold, dtype=np.float64)
        pairs = zip(units.predicted, units.gold, strict=True)
        # A missing answer that counts as wrong is at the end of the scale farther from the score, as in every
        # correlation of the harness.
        given = [units.space.worst(right) if said is None else said for said, right in pairs]
        x, y = _standardise(np.array(given, dtype=np.float64)), _standardise(gold)
        # Where each row of weights begins: at the curve of all units alike, which is near to that of any sample.
        start = _find_curves(np.ones((1, len(x))), x, y, _START[None, :])[0]

        def value(weights: Floats) -> Floats:
            parts = [weights[k : k + _ROWS] for k in range(0, len(weights), _ROWS)]
            return np.concatenate([_correlations(part, x, y, start) for part in parts] or [np.empty(0)])

        return value

    def __call__(self, units: Units, weights: Floats) -> Floats:
        """Value for each row of weights; see `harness.api.Metric`."""
        return self.prepare(units)(weights)


def _correlations(weights: Floats, x: Floats, y: Floats, start: Floats) -> Floats:
    """The correlation of the best curve for each row of weights, shape (B,)."""
    curves = _find_curves(weights, x, y, np.repeat(start[None, :], len(weights), axis=0))
    squares = _squares(weights, x, y, curves)
    defined = (weights.sum(axis=1) >= FEWEST) & ~np.isnan(squares)
    found: Floats = np.where(defined, np.sqrt(np.clip(np.nan_to_num(squares), 0, 1)), np.nan)
    return found


def _find_curves(weights: Floats, x: Floats, y: Floats, curves: Floats) -> Floats:
    """Climb from a curve of shape (B, 2) for each row of weights, by Newton's method within a radius."""
    curves, radius = curves.copy(), np.full(len(curves), _RADIUS)
    best = _squares(weights, x, y, curves)
    radius[np.isnan(best)] = 0
    for _ in range(_STEPS):
        active = np.flatnonzero(radius > _SMALLEST)
        if not len(active):
            break
        own, here = weights[active], curves[active]
        step = _choose_step(np.stack([_squares(own, x, y, here + shift) for shift in _STENCIL]), radius[active])
        found = here + step
        found[:, 0] = np.clip(found[:, 0], _LEAST, _MOST)
        value = _squares(own, x, y, found)
        better, gain = value > best[active], value - best[active]
        curves[active[better]], best[active[better]] = found[better], value[better]
        length = np.hypot(*step.T)
        # A full step that helps shows that the curve is still far, and a short one that it is found.
        radius[active] = np.where(better, np.minimum(_RADIUS, 4 * length), length / 4)
        radius[active[np.abs(gain) < _GAIN]] = 0
    return curves


def _choose_step(around: Floats, radius: Floats) -> Floats:
    """Newton's step from the values at the stencil, shape (6, B), uphill along every axis of the curvature."""
    h = float(_STENCIL.max())
    middle, right, left, up, down, corner = around
    slope = np.stack([right - left, up - down], axis=1) / (2 * h)
    cross = corner - right - up + middle
    bend = np.array([[right - 2 * middle + left, cross], [cross, up - 2 * middle + down]]) / h**2
    sizes, axes = np.linalg.eigh(np.moveaxis(bend, 2, 0))
    along = np.einsum("bia,bi->ba", axes, slope) / np.maximum(np.abs(sizes), _TINY)
    step: Floats = np.einsum("bia,ba->bi", axes, along)
    step *= np.minimum(1, radius / np.maximum(np.hypot(*step.T), _TINY))[:, None]
    return step


def _squares(weights: Floats, x: Floats, y: Floats, curves: Floats) -> Floats:
    """Squared multiple correlation of y with x and its sigmoid, shape (B,), NaN where x or y is constant.

    Args:
        weights: Shape (B, T).
        x: The answers, shape (T,).
        y: The scores, shape (T,).
        curves: Shape (B, 2): one for each row of weights.
    """
    sigmoids = np.tanh((x - curves[:, 1:]) * np.exp(curves[:, :1]) / 2)
    n = np.maximum(weights.sum(axis=1), 1)
    of_x, of_y, xx, yy, xy = (weights @ np.stack([x, y, x * x, y * y, x * y], axis=1)).T / n
    weighted = weights * sigmoids
    of_s, sx, sy = weighted.sum(axis=1) / n, weighted @ x / n, weighted @ y / n
    ss = np.einsum("bt,bt->b", weighted, sigmoids) / n - of_s**2
    xx, yy, xy, sx, sy = xx - of_x**2, yy - of_y**2, xy - of_x * of_y, sx - of_s * of_x, sy - of_s * of_y
    determinant = ss * xx - sx**2
    with np.errstate(divide="ignore", invalid="ignore"):
        both = (sy**2 * xx - 2 * sx * sy * xy + xy**2 * ss) / (determinant * yy)
        # A sigmoid that is a line on these answers adds nothing to the line itself.
        squares = np.where(determinant > 1e-9 * ss * xx, both, xy**2 / (xx * yy))
    found: Floats = np.where((xx > _TINY) & (yy > _TINY), squares, np.nan)
    return found


def _standardise(values: Floats) -> Floats:
    """Mean 0 and deviation 1, so that one start serves every scale and no sum of squares cancels."""
    centred = values - values.mean()
    deviation = float(centred.std())
    out: Floats = centred / deviation if deviation > 0 else centred
    return out


def logistic_pearson(options: Any, context: Any) -> LogisticPearson:
    """Factory of `preference/logistic_pearson`."""
    return LogisticPearson()

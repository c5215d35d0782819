"""CPU time of the cluster bootstrap: 10,000 resamples of 100,000 items. Run by hand; the last line is JSON.

    python tests/perf/bootstrap.py [--items N] [--resamples B]

`naive_extrapolated_s` is a plain numpy loop (draw the items, index, compute) timed over a few resamples and multiplied.
The three metrics see: verdicts of two classes (accuracy, macro_f1), continuous probabilities (roc_auc).
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from harness.api import Choice, Metric
from harness.score.agreement import MacroF1, RocAuc
from harness.score.intervals import percentile
from harness.score.metrics import Accuracy
from harness.score.sampling import bootstrap_of
from harness.score.significance import bootstrap_p
from harness.score.table import View

NAIVE = 20  # resamples of the naive loop that are really made


def view(gold: NDArray[np.int64], *, seed: int, clusters: int) -> View:
    """A judge that is right on 7 of 10 items and knows probabilities."""
    rng = np.random.default_rng(seed)
    n = len(gold)
    predicted = np.where(rng.random(n) < 0.7, gold, 1 - gold)
    return View(
        space=Choice(("yes", "no")),
        verdicts=("yes", "no"),
        key=np.arange(n, dtype=np.uint64),
        item=np.arange(n),
        cluster=np.arange(n) * clusters // n,
        category=np.zeros(n, dtype=np.int64),
        gold=gold,
        predicted=predicted,
        credit=(gold == predicted).astype(np.float64),
        positive=np.clip(rng.normal(0.5 + 0.2 * (predicted == 0), 0.2), 0, 1),
    )


def accuracy_of(one: View, rows: NDArray[np.int64]) -> float:
    """The plain way."""
    return float((one.gold[rows] == one.predicted[rows]).mean())


def macro_f1_of(one: View, rows: NDArray[np.int64]) -> float:
    """The plain way."""
    gold, said = one.gold[rows], one.predicted[rows]
    return float(
        np.mean([2 * ((gold == k) & (said == k)).sum() / ((gold == k).sum() + (said == k).sum()) for k in (0, 1)])
    )


def roc_auc_of(one: View, rows: NDArray[np.int64]) -> float:
    """The plain way: by the sum of ranks (ties are rare enough to leave aside in a timing)."""
    score, positive = one.positive[rows], one.gold[rows] == 0
    ranks = np.empty(len(rows))
    ranks[np.argsort(score)] = np.arange(1, len(rows) + 1)
    count = positive.sum()
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * (len(rows) - count)))


def timed(metric: Metric, views: list[View], *, name: str, resamples: int) -> float:
    """CPU seconds for collapsing, resampling and the interval."""
    start = time.process_time()
    values = bootstrap_of(metric, views, name=name, average="micro").resampled(resamples, seed=0)
    if len(views) == 1:
        percentile(values[:, 0], 0.95)
    else:
        bootstrap_p(values[:, 0] - values[:, 1])
    return time.process_time() - start


def naive(function: Callable[[View, NDArray[np.int64]], float], one: View, *, resamples: int) -> float:
    """CPU seconds that a plain loop over items would take, extrapolated from a few resamples."""
    rng, n = np.random.default_rng(0), len(one)
    start = time.process_time()
    for _ in range(NAIVE):
        function(one, rng.integers(0, n, n))
    return (time.process_time() - start) / NAIVE * resamples


def main() -> None:
    """Time everything and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--resamples", type=int, default=10_000)
    asked = parser.parse_args()
    gold = np.random.default_rng(0).integers(0, 2, asked.items)
    out: dict[str, object] = {"items": asked.items, "resamples": asked.resamples}
    plain = {"accuracy": accuracy_of, "macro_f1": macro_f1_of, "roc_auc": roc_auc_of}
    metrics: dict[str, Metric] = {"accuracy": Accuracy(), "macro_f1": MacroF1(), "roc_auc": RocAuc()}
    for label, clusters in (("independent", asked.items), ("clusters_of_10", asked.items // 10)):
        views = [view(gold, seed=seed, clusters=clusters) for seed in (1, 2)]
        for name, metric in metrics.items():
            out[f"{name}_{label}_cpu_s"] = round(timed(metric, views[:1], name=name, resamples=asked.resamples), 3)
            out[f"{name}_{label}_paired_cpu_s"] = round(timed(metric, views, name=name, resamples=asked.resamples), 3)
            print(json.dumps(out), flush=True)
    for name, function in plain.items():
        seconds = naive(function, view(gold, seed=1, clusters=asked.items), resamples=asked.resamples)
        out[f"{name}_naive_extrapolated_s"] = round(seconds, 1)
    out["peak_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    print(json.dumps(out))


if __name__ == "__main__":
    main()

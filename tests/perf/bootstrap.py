"""CPU time of what replaced the bootstrap: values, intervals and comparisons of 100,000 items. The last line is JSON.

    python tests/perf/bootstrap.py [--items N] [--data FOLDER]

Nothing is resampled any more; the file keeps its name, so that figures can be followed over the years. Run by hand.

- `NAME_independent_cpu_s`, `NAME_clusters_of_10_cpu_s`: one value and its interval, from units to the two ends.
- `NAME_..._paired_cpu_s`: two judges compared, from units to the interval of their difference and its p.
- `genai_bench_cpu_s`: the recorded judges of GenAI-Bench, from the files to the leaderboard of a new run;
  `genai_bench_scoring_cpu_s`: from the journal of that run to scores, intervals, comparisons and ranks; null where the
  data are absent.
- `naive_NAME_s`: 10,000 resamples by a plain loop over items, extrapolated from a few.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.api import Choice, Metric, Score
from harness.discovery import Plugins
from harness.manifest.load import load_manifest
from harness.manifest.model import ReportSettings
from harness.pipeline.session import run_manifest
from harness.progress import make_progress
from harness.recorded.load import load_run
from harness.report.leaderboard import build_leaderboard
from harness.report.scored import score_run
from harness.score.agreement import MacroF1, RocAuc
from harness.score.cell import jackknife_metric
from harness.score.correlation import Kendall, Pearson, Spearman
from harness.score.intervals import interval
from harness.score.metrics import Accuracy
from harness.score.pairs import gap, p_value
from harness.score.table import UnitTable

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("HARNESS_TEST_DATA", ROOT.parent / "shared" / "data"))
RESAMPLES = 10_000  # that the naive loop is extrapolated to ...
MADE = 20  # ... from so many
QUANTILE = 1.959964

OF_LABELS: dict[str, Metric] = {"accuracy": Accuracy(), "macro_f1": MacroF1(), "roc_auc": RocAuc()}
OF_SCORES: dict[str, Metric] = {"kendall": Kendall(), "spearman": Spearman(), "pearson": Pearson()}


def labels(items: int, *, seed: int, clusters: int) -> UnitTable:
    """A judge that is right on 7 of 10 items and knows continuous probabilities."""
    gold = np.random.default_rng(0).integers(0, 2, items)
    rng = np.random.default_rng(seed)
    predicted = np.where(rng.random(items) < 0.7, gold, 1 - gold)
    return _view(
        Choice(("yes", "no")),
        ("yes", "no"),
        gold,
        predicted,
        clusters=clusters,
        positive=np.clip(rng.normal(0.5 + 0.2 * (predicted == 0), 0.2), 0, 1),
    )


def scores(items: int, *, seed: int, clusters: int) -> UnitTable:
    """A judge whose continuous scores have a correlation of .7 with the gold."""
    gold = np.random.default_rng(0).random(items)
    said = np.clip(gold + np.random.default_rng(seed).normal(0, 0.3, items), 0, 1)
    values, codes = np.unique(np.concatenate([gold, said]), return_inverse=True)
    return _view(Score(0, 1, 0), tuple(values.tolist()), codes[:items], codes[items:], clusters=clusters)


def _view(
    space: Choice | Score,
    verdicts: tuple[str, ...] | tuple[float, ...],
    gold: NDArray[np.int64],
    predicted: NDArray[np.int64],
    *,
    clusters: int,
    positive: NDArray[np.float64] | None = None,
) -> UnitTable:
    n = len(gold)
    marks = np.sort(np.random.default_rng(1).integers(0, 2**62, clusters))
    return UnitTable(
        space=space,
        verdicts=verdicts,
        key=np.arange(n, dtype=np.uint64),
        item=np.arange(n),
        cluster=marks[np.arange(n) * clusters // n],
        category=np.zeros(n, dtype=np.int64),
        gold=gold,
        predicted=predicted,
        credit=(gold == predicted).astype(np.float64),
        positive=np.full(n, np.nan) if positive is None else positive,
    )


def value_and_interval(metric: Metric, view: UnitTable) -> None:
    """What a row of the leaderboard needs."""
    apart = jackknife_metric(metric, view, name="m", average="micro")
    assert apart is not None
    assert interval(apart) is not None


def comparison(metric: Metric, first: UnitTable, second: UnitTable) -> None:
    """What a pair of judges needs."""
    a, b = (jackknife_metric(metric, view, name="m", average="micro") for view in (first, second))
    assert a is not None
    assert b is not None
    apart = gap(a, b)
    assert apart.interval(QUANTILE) is not None
    p_value(apart.statistic)


def cpu(work: Callable[..., None], *arguments: object) -> float:
    """CPU seconds of some work."""
    start = time.process_time()
    work(*arguments)
    return round(time.process_time() - start, 3)


def genai_bench(data: Path) -> dict[str, float | int | None]:
    """CPU seconds from the recorded answers to the leaderboard, and from the journal to it."""
    found: dict[str, float | int | None] = dict.fromkeys(
        ("genai_bench_cells", "genai_bench_cpu_s", "genai_bench_scoring_cpu_s")
    )
    if not data.is_dir():
        return found
    plugins = Plugins.load()
    with tempfile.TemporaryDirectory() as place:
        manifest = ROOT / "benchmarks" / "genai_bench.yaml"
        loaded = load_manifest(manifest, sets=[f"vars.data={data}"], plugins=plugins)
        start = time.process_time()
        session = run_manifest(
            loaded, plugins, runs=Path(place), fresh=True, shard=None, progress=make_progress(io.StringIO())
        )
        found["genai_bench_cpu_s"] = round(time.process_time() - start, 2)
        start = time.process_time()
        cells = score_run(load_run(session.folder), plugins)
        build_leaderboard(cells, ReportSettings(metric="accuracy"))
        found["genai_bench_scoring_cpu_s"] = round(time.process_time() - start, 2)
        found["genai_bench_cells"] = len(cells)
    return found


def accuracy_of(view: UnitTable, rows: NDArray[np.int64]) -> float:
    """The plain way."""
    return float((view.gold[rows] == view.predicted[rows]).mean())


def macro_f1_of(view: UnitTable, rows: NDArray[np.int64]) -> float:
    """The plain way."""
    gold, said = view.gold[rows], view.predicted[rows]
    return float(
        np.mean([2 * ((gold == k) & (said == k)).sum() / ((gold == k).sum() + (said == k).sum()) for k in (0, 1)])
    )


def naive(function: Callable[[UnitTable, NDArray[np.int64]], float], view: UnitTable) -> float:
    """CPU seconds that resampling in a plain loop over items would take, extrapolated from a few resamples."""
    rng, n = np.random.default_rng(0), len(view)
    start = time.process_time()
    for _ in range(MADE):
        function(view, rng.integers(0, n, n))
    return round((time.process_time() - start) / MADE * RESAMPLES, 1)


def main() -> None:
    """Time everything and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--data", type=Path, default=DATA / "genai_bench", help="recorded answers of GenAI-Bench")
    asked = parser.parse_args()
    out: dict[str, float | int | None] = {"items": asked.items}
    for label, clusters in (("independent", asked.items), ("clusters_of_10", asked.items // 10)):
        for make, metrics in ((labels, OF_LABELS), (scores, OF_SCORES)):
            views = [make(asked.items, seed=seed, clusters=clusters) for seed in (1, 2)]
            for name, metric in metrics.items():
                out[f"{name}_{label}_cpu_s"] = cpu(value_and_interval, metric, views[0])
                out[f"{name}_{label}_paired_cpu_s"] = cpu(comparison, metric, *views)
                print(json.dumps(out), flush=True)
    out |= genai_bench(asked.data)
    view = labels(asked.items, seed=1, clusters=asked.items)
    out |= {"naive_accuracy_s": naive(accuracy_of, view), "naive_macro_f1_s": naive(macro_f1_of, view)}
    out["peak_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    print(json.dumps(out))


if __name__ == "__main__":
    main()

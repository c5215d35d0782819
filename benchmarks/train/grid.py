"""The paper in miniature: every row of the comparison, trained and asked for several seeds.

    python benchmarks/train/grid.py --out grid --seeds 0 1 2 3 4 --workers 2

Rows are recipes of this folder; `harness run` trains each one and asks it, and does nothing twice. After each judge the
output folder gets `grid.json`, a record for each row, seed and task, and `grid.md`, the tables (see `tables.py`), of
this call and of earlier ones.
Recipes select on validation; nothing is selected on the test splits that are asked here.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import yaml
from tables import INSIDE, NEVER_MET, OUTSIDE, Result, document

HERE = Path(__file__).resolve().parent
ITEMS = 200
"""Test items of each task; a pair is asked in both orders."""
NEVER_MET_ITEMS = 60
"""Fewer items show that a form was never met."""
HEIRS = {
    "alignment-digit": ("pairwise-alignment", "alignment-unseen"),
    "safety": ("pairwise-safety",),
    "technical": ("quality-score", "quality-ranking", "technical-unseen"),
}
"""Which judge of a single task answers a task out of distribution: the one that learnt what it is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of the tables."""

    name: str
    recipe: str
    part: str = "paper"
    """What it is there for: `paper`, a `control` that the paper lacks, or `beyond` it. Parts are done in this order."""
    single: bool = False
    """Whether it is a judge for each task, asked what it learnt and its heirs."""
    seeded: bool = True
    """Whether its training depends on the seed of the comparison; the base models are given."""
    base: str = "base.yaml"
    """The recipe that a seeded row starts from. By themselves most recipes start from the weights that are shipped."""
    mode: str = "generate"
    """How its judges are asked: they write, or the verdict alone is read from one pass (`verdict`)."""


ROWS = (
    Row(name="off-the-shelf", recipe="base.yaml", seeded=False),
    Row(name="sft-single", recipe="sft_single.yaml", single=True),
    Row(name="sft-unified", recipe="sft_unified.yaml"),
    Row(name="rl-single", recipe="rl_single.yaml", single=True),
    Row(name="mt-rl-judge", recipe="mt_rl_judge.yaml"),
    Row(name="sft-rationale", recipe="sft_rationale.yaml", part="control"),
    Row(name="sft-replay", recipe="sft_replay.yaml", part="control"),
    Row(name="rl-verdict-only", recipe="rl_verdict_only.yaml", part="control", mode="verdict"),
    Row(name="sft-unified (verdict)", recipe="sft_unified.yaml", part="control", mode="verdict"),
    Row(name="off-the-shelf (verdict)", recipe="base.yaml", part="control", seeded=False, mode="verdict"),
    Row(name="weaker base", recipe="base_weaker.yaml", part="control", seeded=False),
    Row(name="mt-rl from weaker", recipe="mt_rl_from_weaker.yaml", base="base_weaker.yaml", part="control"),
    Row(name="stronger base", recipe="base_stronger.yaml", part="control", seeded=False),
    Row(name="mt-rl from stronger", recipe="mt_rl_from_stronger.yaml", base="base_stronger.yaml", part="control"),
    Row(name="mt-rl-adaptive", recipe="mt_rl_adaptive.yaml", part="beyond"),
    Row(name="mt-rl-calibrated", recipe="mt_rl_calibrated.yaml", part="beyond"),
    Row(name="mt-rl-swap", recipe="mt_rl_swap.yaml", part="beyond"),
)
PARTS = ("paper", "control", "beyond")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One judge to train and to ask."""

    row: Row
    seed: int
    tasks: tuple[str, ...]
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """A name for files."""
        plain = self.row.name.replace("(", "").replace(")", "").replace(" ", "-")
        return "-".join([plain, *self.variables.values(), str(self.seed)])


def jobs(row: Row, seed: int) -> Iterator[Job]:
    """The judges of a row."""
    if not row.single:
        yield Job(row=row, seed=seed, tasks=(*INSIDE, *OUTSIDE, *NEVER_MET))
        return
    for task in INSIDE:
        yield Job(row=row, seed=seed, tasks=(task, *HEIRS.get(task, ())), variables={"task": task})


def write_manifest(job: Job, out: Path) -> Path:
    """Write the manifest of a judge, and the recipe that it names."""
    folder = out / "manifests"
    folder.mkdir(parents=True, exist_ok=True)
    recipe: dict[str, Any] = {"extends": str(HERE / job.row.recipe)}
    if job.row.seeded:
        recipe |= {"train": str(HERE / job.row.base), "vars": {"seed": job.seed, **job.variables}}
    (folder / f"{job.label}.recipe.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")
    judge = {
        "name": job.row.name,
        "use": "transformers/transformers",
        "train": f"{job.label}.recipe.yaml",
        "with": {"mode": job.row.mode, "max_new_tokens": 64, "batch_size": 64},
    }
    tasks = [
        {"use": f"miniature/{task}", "with": {"items": NEVER_MET_ITEMS if task in NEVER_MET else ITEMS}}
        for task in job.tasks
    ]
    whole = {"name": f"grid-{job.label}", "tasks": tasks, "judges": [judge], "report": {"compare": "none"}}
    path = folder / f"{job.label}.yaml"
    path.write_text(yaml.safe_dump(whole), encoding="utf-8")
    return path


def done(job: Job, out: Path) -> list[Result]:
    """Train and ask a judge; what is there already is not done again.

    Raises:
        RuntimeError: `harness run` failed.
    """
    path, runs = write_manifest(job, out), out / "runs" / job.label
    command = [sys.executable, "-m", "harness", "run", str(path), "--runs", str(runs)]
    ended = subprocess.run(
        [*command, "--checkpoints", str(out / "checkpoints")], capture_output=True, text=True, check=False
    )
    if ended.returncode not in (0, 4):
        raise RuntimeError(f"{job.label}: exit code {ended.returncode}\n{ended.stderr}")
    (run,) = (found for found in runs.iterdir() if (found / "scores.json").is_file())
    cells = json.loads((run / "scores.json").read_text(encoding="utf-8"))["cells"]
    return [Result.of_cell(cell, row=job.row.name, seed=job.seed) for cell in cells]


def main() -> None:
    """Train, ask, and write the tables after every judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [row.name for row in ROWS]
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--rows", nargs="+", choices=names, default=names, metavar="ROW", help=", ".join(names))
    parser.add_argument("--out", type=Path, default=Path("grid"))
    parser.add_argument("--workers", type=int, default=1, help="judges that are trained side by side, a core each")
    given = parser.parse_args()
    if shutil.which("harness") is None:
        parser.error("harness is not installed; pip install -r requirements.txt")
    rows = [row for row in ROWS if row.name in given.rows]
    for todo, workers in batches(rows, given.seeds, given.workers):
        with ThreadPoolExecutor(workers) as pool:
            for job, found in zip(todo, pool.map(lambda one: done(one, given.out), todo), strict=True):
                write(job, found, given.out)
                print(job.label, flush=True)  # noqa: T201


def write(job: Job, found: Sequence[Result], out: Path) -> None:
    """Write the results of a judge, and the tables of all judges of this output folder."""
    folder = out / "results"
    folder.mkdir(exist_ok=True)
    (folder / f"{job.label}.json").write_text(json.dumps([asdict(one) for one in found], indent=1), encoding="utf-8")
    records = [one for path in sorted(folder.glob("*.json")) for one in json.loads(path.read_text(encoding="utf-8"))]
    (out / "grid.json").write_text(json.dumps(records, indent=1) + "\n", encoding="utf-8")
    results = [Result(**record) for record in records]
    (out / "grid.md").write_text(document(results), encoding="utf-8")


def batches(rows: Sequence[Row], seeds: Sequence[int], workers: int) -> Iterator[tuple[list[Job], int]]:
    """Jobs part by part, with how many are done at once: what others start from comes first, one after another."""
    for part in PARTS:
        mine = [row for row in rows if row.part == part]
        yield [job for row in mine if not row.seeded for job in jobs(row, seeds[0])], 1
        yield [job for seed in seeds for row in mine if row.seeded for job in jobs(row, seed)], workers


if __name__ == "__main__":
    main()

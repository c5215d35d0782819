"""Trains and asks the judges of the experiment on transfer, one after another, and goes on where it was stopped.

    python benchmarks/train/transfer_grid.py register --out transfer      # the predictions are final
    python benchmarks/train/transfer_grid.py run --out transfer           # train; ask validation and test items
    python benchmarks/train/transfer_grid.py status --out transfer
    python benchmarks/train/transfer_grid.py export --out transfer --to benchmarks/train/transfer_results
    python benchmarks/train/transfer_grid.py restore --out transfer --to benchmarks/train/transfer_results

`transfer_design.py` says which judges, in which order. Each judge leaves a record for each split as soon as it was
asked. Weights are not kept, so each judge is asked its test items before the next one is trained; the analysis stays
closed until every judge of the predicted stages is there. `run` refuses to begin where the predictions and the analysis
are not committed or not those that were registered. `restore` takes back what was exported on another machine, so
that no judge is trained twice. `train` and `test` do the halves of `run`. A file `STOP` in the output folder ends it
after the judge in work.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import os
import resource
import statistics
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from transfer_asking import ask, check_items, split_items
from transfer_design import BASES, BY_NAME, HERE, STAGES, WEAKNESSES, Judge, all_judges, base_recipe, recipe_of

FIXED = ("transfer_predictions.json", "transfer_analysis.py", "transfer_scores.py", "transfer_design.py")
"""What must not change after it was registered: the predictions, and the code that tests them."""
REGISTERED = "registered.json"
STOP = "STOP"
BASES_FILE = "bases.tar.xz"
"""The bases from which more judges are to be trained: another kind of processor trains other ones, in the last bits."""
_NAMES = ("arm", "weakness", "base", "repeat", "task")
"""What tells a judge from the others, in its record."""


def write_recipes(out: Path, judges: Sequence[Judge]) -> None:
    """Write the recipes of judges and of the bases."""
    folder = out / "recipes"
    folder.mkdir(parents=True, exist_ok=True)
    files = dict(base_recipe(weakness, judge.base) for judge in judges for weakness in WEAKNESSES)
    files |= {f"{judge.label}.recipe.yaml": recipe_of(judge) for judge in judges if BY_NAME[judge.arm].recipe}
    for name, content in files.items():
        (folder / name).write_text(yaml.safe_dump(content), encoding="utf-8")


def recipe_path(out: Path, judge: Judge) -> Path:
    """The recipe file of a judge, which is that of its base where it is not trained further."""
    name = f"{judge.label}.recipe.yaml" if BY_NAME[judge.arm].recipe else base_recipe(judge.weakness, judge.base)[0]
    return out / "recipes" / name


def train(out: Path, judge: Judge, *, items: int | None = None, changes: Mapping[str, object] | None = None) -> None:
    """Train a judge, ask it validation items, and write its record; nothing where there is one.

    Args:
        out: The output folder.
        judge: Which one.
        items: Ask at most so many items of each task, for a trial.
        changes: Values of its recipe to replace, for a trial.
    """
    record = out / "records" / "validation" / f"{judge.label}.json"
    if record.is_file():
        return
    import harness

    write_recipes(out, [judge])
    start = time.process_time()
    trained = harness.train(recipe_path(out, judge), checkpoints=out / "checkpoints", set=changes or {}, progress=False)
    middle = time.process_time()
    answers, asked = split_items(ask(trained.model, "validation", _work_folder(out), items=items))
    check_items(out / "items" / "validation.json", asked)
    facts = {
        "checkpoint": trained.folder.name,
        "base_weights": hash_base(out, judge),
        "selected": trained.step,
        "validation_curve": curve_of(trained.curves()),
        # Of this attempt: a training that was stopped and went on counts its last part. A base counts with the first.
        "cpu_seconds": {"train": round(middle - start, 1), "ask": round(time.process_time() - middle, 1)},
    }
    _write(record, {**describe(judge), **facts, "answers": answers})


def hash_base(out: Path, judge: Judge) -> str:
    """SHA-256 of the base's weights, which must be equal wherever it was trained. Empty in a trial that has no base."""
    folders = list((out / "checkpoints").glob(f"{judge.weakness}-base-{judge.base}-*"))
    if len(folders) > 1:
        raise RuntimeError(f"{folders[0]}, {folders[1]}: one base, trained by two versions of the code; begin again")
    return hashlib.sha256((folders[0] / "model" / "model.safetensors").read_bytes()).hexdigest() if folders else ""


def curve_of(rows: Iterable[Mapping[str, float | None]]) -> dict[str, dict[str, float]]:
    """Validation scores by step; a task is scored on as many items as the recipe's `validation.limit`."""
    return {
        str(row["step"]): {
            name.removeprefix("validation/"): round(value, 4)
            for name, value in row.items()
            if value is not None and name.startswith("validation/") and name.endswith(("accuracy", "macro_f1"))
        }
        for row in rows
        if row.get("validation/accuracy") is not None
    }


def ask_test(out: Path, judge: Judge, *, items: int | None = None) -> None:
    """Ask a judge that was trained the test items, and write its record; nothing where there is one."""
    record, before = (out / "records" / split / f"{judge.label}.json" for split in ("test", "validation"))
    if record.is_file() or not before.is_file():
        return
    checkpoint = json.loads(before.read_text(encoding="utf-8"))["checkpoint"]
    start = time.process_time()
    # Whole, since a manifest takes a relative path for relative to its own folder.
    model = (out / "checkpoints" / checkpoint / "model").resolve()
    if not model.is_dir():
        raise RuntimeError(f"its weights are not here ({model}); remove {before} to train it again")
    answers, asked = split_items(ask(model, "test", _work_folder(out), items=items))
    check_items(out / "items" / "test.json", asked)
    repeated, few = split_items(ask(model, "test", _work_folder(out), repeated=True, items=items))
    if any(not asked[task]["gold"].startswith(mine["gold"]) for task, mine in few.items()):
        raise RuntimeError("the items that are asked several times are not the first ones")
    seconds = {"ask": round(time.process_time() - start, 1)}
    _write(record, {**describe(judge), "cpu_seconds": seconds, "answers": answers, "repeated": repeated})


def _work_folder(out: Path) -> Path:
    """Of this process alone."""
    return out / f"work-{os.getpid()}"


def train_and_test(out: Path, judge: Judge) -> None:
    """Train a judge and ask it the items of both splits."""
    train(out, judge)
    ask_test(out, judge)


def describe(judge: Judge) -> dict[str, Any]:
    """What a record says of its judge."""
    return {
        "arm": judge.arm,
        "weakness": judge.weakness,
        "base": judge.base,
        "repeat": judge.repeat,
        "task": judge.task,
        "train_tasks": list(judge.train_tasks()),
    }


def _write(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(".part")
    half.write_text(json.dumps(content) + "\n", encoding="utf-8")
    half.replace(path)  # a record is whole, or not there


def register(out: Path, *, folder: Path = HERE) -> dict[str, Any]:
    """Record the hashes of the design, the predictions and the analysis, before any test item is asked.

    Raises:
        SystemExit: They are not committed, or the test split was opened under another registration.
    """
    path = out / REGISTERED
    found: dict[str, Any] = {"files": hashes(folder), "commit": _committed(folder)}
    if path.is_file() and any((out / "records" / "test").glob("*.json")):
        if json.loads(path.read_text(encoding="utf-8"))["files"] != found["files"]:
            raise SystemExit("the test split was opened under another registration, which can no longer be replaced")
        return found
    out.mkdir(parents=True, exist_ok=True)
    found["time"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return found


def check_registered(out: Path, *, folder: Path = HERE) -> None:
    """See that design, predictions and analysis are those registered, and committed.

    Raises:
        SystemExit: They are not.
    """
    path = out / REGISTERED
    if not path.is_file():
        raise SystemExit(f"{path}: there is none; run `register` first. The test split stays closed")
    kept, now = json.loads(path.read_text(encoding="utf-8")), hashes(folder)
    changed = [name for name in FIXED if kept["files"].get(name) != now[name]]
    if changed:
        raise SystemExit(f"{', '.join(changed)}: not as registered; the test split stays closed")
    _committed(folder)


def hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of each file that must not change."""
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in FIXED}


def _committed(folder: Path) -> str:
    """The commit that holds the files as they are.

    Raises:
        SystemExit: There is none.
    """

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{folder}: {done.stderr.strip() or 'not under git'}; commit the predictions first")
        return done.stdout.strip()

    git("ls-files", "--error-unmatch", *FIXED)
    changed = git("status", "--porcelain", "--", *FIXED)
    if changed:
        raise SystemExit(f"not committed: {changed}; commit the predictions and the analysis first")
    return git("rev-parse", "HEAD")


def export(out: Path, to: Path) -> None:
    """Copy items, registration and records into a folder to commit, records as one compressed file a split."""
    to.mkdir(parents=True, exist_ok=True)
    for split in ("validation", "test"):
        records = sorted((out / "records" / split).glob("*.json"))
        if not records:
            continue
        lines = b"".join(path.read_bytes() for path in records)
        # Without a time inside, so that the same records give the same bytes.
        (to / f"{split}.jsonl.gz").write_bytes(gzip.compress(lines, mtime=0))
        (to / f"{split}-items.json").write_bytes((out / "items" / f"{split}.json").read_bytes())
    if (out / REGISTERED).is_file():
        (to / REGISTERED).write_bytes((out / REGISTERED).read_bytes())
    folders = sorted((out / "checkpoints").glob("shared-base-*"))
    if folders:
        with tarfile.open(to / BASES_FILE, "w:xz") as archive:
            for folder in folders:
                archive.add(folder, folder.name, filter=lambda info: None if info.name.endswith(".lock") else info)


def restore(out: Path, kept: Path) -> None:
    """Take back items, registration and records that `export` wrote. What is in the output folder already stays."""
    for split in ("validation", "test"):
        if (kept / f"{split}.jsonl.gz").is_file():
            for line in gzip.decompress((kept / f"{split}.jsonl.gz").read_bytes()).splitlines():
                record = json.loads(line)
                path = out / "records" / split / f"{Judge(**{name: record[name] for name in _NAMES}).label}.json"
                if not path.is_file():
                    _write(path, record)
            check_items(
                out / "items" / f"{split}.json", json.loads((kept / f"{split}-items.json").read_text(encoding="utf-8"))
            )
    if (kept / REGISTERED).is_file() and not (out / REGISTERED).is_file():
        (out / REGISTERED).write_bytes((kept / REGISTERED).read_bytes())
    if (kept / BASES_FILE).is_file():
        with tarfile.open(kept / BASES_FILE) as archive:
            archive.extractall(out / "checkpoints", filter="data")


def status(out: Path) -> str:
    """How many judges of each stage are done, what they cost, and what the others will, by the mean of their arm."""
    spent: dict[tuple[str, str], list[float]] = {}
    for path in (out / "records" / "validation").glob("*.json"):
        record = json.loads(path.read_text(encoding="utf-8"))
        spent.setdefault((record["arm"], record["weakness"]), []).append(sum(record["cpu_seconds"].values()))
    lines, before = [], set[Judge]()
    for stage in STAGES:
        judges = [judge for judge in stage.judges() if judge not in before]
        before.update(judges)
        done = {
            split: {judge for judge in judges if (out / "records" / split / f"{judge.label}.json").is_file()}
            for split in ("validation", "test")
        }
        left = [(judge.arm, judge.weakness) for judge in judges if judge not in done["validation"]]
        known = [statistics.fmean(spent[arm]) for arm in left if arm in spent]
        more = f", {len(left) - len(known)} of them not known" if len(known) < len(left) else ""
        lines.append(
            f"{stage.name:16} {len(done['validation']):3} of {len(judges):3} trained, {len(done['test']):3} tested; "
            f"left {sum(known) / 3600:5.1f} CPU hours{more}"
        )
    for (arm, weakness), seconds in sorted(spent.items()):
        lines.append(f"{arm:18} {weakness:12} {statistics.fmean(seconds):6.0f} CPU seconds a judge, of {len(seconds)}")
    return "\n".join(lines)


def work(out: Path, judges: Sequence[Judge], do: Callable[[Path, Judge], None]) -> None:
    """Do judges one after another. One that fails is named in the log, and the others go on."""
    log = out / "log.txt"
    for judge in judges:
        if (out / STOP).is_file():
            break
        began = time.monotonic()
        try:
            do(out, judge)
            said = "done"
        except Exception as error:
            said = f"failed: {type(error).__name__}: {error}"
        seconds = time.monotonic() - began
        if seconds > 0.5 or said != "done":
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            line = f"{time.strftime('%H:%M:%S')} {judge.label} {said} in {seconds:.0f} s, {memory} MiB\n"
            with log.open("a", encoding="utf-8") as stream:
                stream.write(line)


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["register", "run", "train", "test", "status", "export", "restore"])
    parser.add_argument("--out", type=Path, default=Path("transfer"))
    names = [stage.name for stage in STAGES]
    parser.add_argument("--stages", nargs="+", choices=names, default=names, metavar="STAGE", help=", ".join(names))
    parser.add_argument(
        "--bases", type=int, nargs="+", choices=BASES, default=BASES, help="for two processes: a part each"
    )
    parser.add_argument("--to", type=Path, default=HERE / "transfer_results", help="of export and restore")
    given = parser.parse_args()
    out: Path = given.out
    judges = all_judges([stage for stage in STAGES if stage.name in given.stages])
    judges = [judge for judge in judges if judge.base in given.bases]
    if given.what == "status":
        print(status(out))  # noqa: T201
    elif given.what == "register":
        print(json.dumps(register(out), indent=1))  # noqa: T201
    elif given.what == "export":
        export(out, given.to)
    elif given.what == "restore":
        restore(out, given.to)
    else:
        out.mkdir(parents=True, exist_ok=True)
        if given.what != "train":
            check_registered(out)
        work(out, judges, {"train": train, "test": ask_test, "run": train_and_test}[given.what])


if __name__ == "__main__":
    main()

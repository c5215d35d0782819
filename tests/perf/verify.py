"""What verifying a bundle costs, against scoring the run that it was made of.

    OMP_NUM_THREADS=1 python tests/perf/verify.py [--answers 100000] [--rounds 3] [--run RUN]

A run of two judges whose answers are short texts with a verdict, or the run folder that `--run` names. `harness score`
and `harness verify` are run in turn, each in a process of its own, and their CPU seconds are taken: the whole process,
imports among them. Scoring computes and writes the numbers. Verifying unpacks the bundle, checks its
hashes and rows, computes the numbers, and reads every answer again. The last line is one JSON object:

- `score_s`, `verify_s`: medians over the rounds; `ratio` is the median of the paired ratios, with its range;
- `bundle_s`: what making the bundle takes; `megabytes`: its size; `peak_mb`: peak resident size of the verification.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

MANIFEST = """
name: many
tasks:
  - use: generic/pairwise
    name: pairs
    data: {place}/pairs.jsonl
    format: harness/brackets
    protocol: {{order: fixed, pooling: each, metrics: [accuracy]}}
    with: {{question: "{{q}}", candidate_texts: [a, b], labels: {{A: first, B: second}}, id: id}}
judges:
  - {{use: baselines/replay, with: {{answers: {place}/answers}}}}
"""


def make_run(place: Path, answers: int) -> Path:
    """A run with so many answers, by two judges."""
    chance, items = random.Random(0), answers // 2
    labels = [chance.choice("AB") for _ in range(items)]
    (place / "answers").mkdir()
    with (place / "pairs.jsonl").open("w") as stream:
        for k, label in enumerate(labels):
            row = {"id": f"i{k}", "q": f"Which, {k}?", "a": f"x{k}", "b": f"y{k}", "label": label}
            stream.write(json.dumps(row) + "\n")
    for judge, right in (("careful", 0.9), ("hasty", 0.6)):
        with (place / "answers" / f"{judge}.jsonl").open("w") as stream:
            for k, label in enumerate(labels):
                said = label if chance.random() < right else "AB"[label == "A"]
                text = f"Both have their merits in case {k}. All in all this is the better one: [[{said}]]"
                stream.write(json.dumps({"id": f"i{k}", "response": text}) + "\n")
    (place / "m.yaml").write_text(MANIFEST.format(place=place))
    measure("run", str(place / "m.yaml"), "--runs", str(place / "runs"))
    [folder] = (place / "runs").glob("many-*")
    return folder


def measure(*arguments: str) -> float:
    """CPU seconds of one command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "harness", *arguments], env=environment, capture_output=True, check=False
    )
    if done.returncode:
        raise RuntimeError(
            f"harness {' '.join(arguments)}: {done.stderr.decode()[-2000:]}{done.stdout.decode()[-2000:]}"
        )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Make the run, measure by turns, print the numbers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--answers", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--run", type=Path, help="a run folder, in place of one that is made")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="perf-verify-") as place:
        folder = asked.run or make_run(Path(place), asked.answers)
        bundle = Path(place) / "run.bundle"
        made = measure("bundle", str(folder), "-o", str(bundle))
        pairs = []
        for number in range(asked.rounds):
            pairs.append((measure("score", str(folder)), measure("verify", str(bundle))))
            print(f"round {number}: score {pairs[-1][0]:.2f} s, verify {pairs[-1][1]:.2f} s", flush=True)
        megabytes = bundle.stat().st_size / 2**20
    ratios = sorted(verify / score for score, verify in pairs)
    result = {
        "score_s": round(statistics.median(score for score, _ in pairs), 2),
        "verify_s": round(statistics.median(verify for _, verify in pairs), 2),
        "ratio": round(statistics.median(ratios), 2),
        "ratio_range": [round(ratios[0], 2), round(ratios[-1], 2)],
        "bundle_s": round(made, 2),
        "megabytes": round(megabytes, 1),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024, 1),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()

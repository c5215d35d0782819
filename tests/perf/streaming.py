"""What reading a task costs, against a plain loop over the same file with `datasets`.

    OMP_NUM_THREADS=1 python tests/perf/streaming.py

One parquet file of 50,000 pairwise rows with two pictures each, as the hub stores them: in it `preference/mj-bench`
(items with gold, groups and lazy pictures, ids checked to be unique) and a loop over
`datasets.load_dataset("parquet", streaming=True)` that takes each row. Each side runs in processes of its own, in turn;
CPU seconds are of the whole process while it reads, all threads, imports left out. Rates are rows per CPU second, the
median over the rounds. The last line is one JSON object:

- `rows_per_s`, `datasets_rows_per_s`; `ratio` with its least and greatest value over the rounds. The loop decodes no
  picture. `datasets_decoded_rows_per_s` is the loop as one would first write it, which decodes both.
- `peak_mb`: peak resident size of the process that reads the items; `peak_mb_tenth` the same for a tenth of the rows;
  `datasets_peak_mb` that of the loop.
- `hashed_rows_per_s`: the items again, with the SHA-256 of both pictures, which a run needs for its keys.

    OMP_NUM_THREADS=1 python tests/perf/streaming.py --clips 500

Videos: pairs of short clips (MP4, two seconds) in the layout of VideoGen-RewardBench, each shown as 8 frames. Again in
processes of their own, all clips and a tenth of them. The last line is one JSON object:

- `clips_per_s`: clips per CPU second where items are read, their keys made, and all frames decoded; `peak_mb` and
  `peak_mb_tenth` as above. `seen_mb` is what all decoded frames would take.
- `run_peak_mb`, `run_peak_mb_tenth`: the same of a run, from manifest to leaderboard, with a judge that looks at every
  frame; `run_clips_per_s` its rate.
"""

from __future__ import annotations

import argparse
import io
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROWS_IN_GROUP = 1000  # as `datasets` writes tables with pictures


def make_file(file: Path, rows: int, *, kilobytes: int) -> None:
    """Write pairs of noisy pictures of about so many kilobytes each."""
    import numpy as np
    import pyarrow
    import pyarrow.parquet
    from PIL import Image

    rng = np.random.default_rng(0)
    side = max(8, round((kilobytes * 1024 / 1.6) ** 0.5))
    pictures = []
    for _ in range(64):
        buffer = io.BytesIO()
        noise = rng.integers(0, 256, (side, side, 3), dtype=np.uint8)
        Image.fromarray(noise).save(buffer, "JPEG", quality=80)
        pictures.append(buffer.getvalue())
    struct = pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])
    fields = {"caption": pyarrow.string(), "image0": struct, "image1": struct, "label": pyarrow.int64()}
    schema = pyarrow.schema(list(fields.items())).with_metadata({"huggingface": json.dumps({"info": _features()})})
    with pyarrow.parquet.ParquetWriter(file, schema) as writer:
        for start in range(0, rows, ROWS_IN_GROUP):
            batch = [
                {
                    "caption": f"caption {k % 7919}",
                    # The tail makes every picture another one; decoders stop before it.
                    "image0": {"bytes": pictures[k % 64] + k.to_bytes(8), "path": f"{k}-0.jpg"},
                    "image1": {"bytes": pictures[(k + 7) % 64] + (rows + k).to_bytes(8), "path": f"{k}-1.jpg"},
                    "label": k % 2,
                }
                for k in range(start, min(rows, start + ROWS_IN_GROUP))
            ]
            writer.write_table(pyarrow.Table.from_pylist(batch, schema=schema))


def _features() -> dict[str, Any]:
    image = {"_type": "Image"}
    text, label = {"dtype": "string", "_type": "Value"}, {"dtype": "int64", "_type": "Value"}
    return {"features": {"caption": text, "image0": image, "image1": image, "label": label}}


def ours(file: str, *, hashed: bool) -> Iterator[object]:
    """The items of `preference/mj-bench`."""
    from harness.testing import FakeContext
    from harness_preference.benchmarks import mj_bench

    with tempfile.TemporaryDirectory() as workspace:
        task = mj_bench.task(None, FakeContext(workspace=Path(workspace), data=file))
        for item in task.items("test"):
            if hashed:
                for (image,) in item.candidates:
                    _ = image.digest  # type: ignore[union-attr]
            yield item


def theirs(file: str, *, decoded: bool) -> Iterator[object]:
    """The rows of `datasets`."""
    import datasets

    dataset = datasets.load_dataset("parquet", data_files=file, split="train", streaming=True)
    return iter(dataset if decoded else dataset.decode(False))


# -- videos --------------------------------------------------------------------------------------------------------

SIZE, RATE, SECONDS, FRAMES = (320, 240), 12, 2, 8  # of each clip; and how many of its frames are shown

JUDGE = """
from harness.api import JudgeCard, hookimpl


class Looker:
    def judge(self, requests):
        for request in requests:
            for image in request.images:
                image.load()  # as a judge on this machine does
            yield request, request.read("[[A]]")

    def fingerprint(self):
        return "looker-1"


@hookimpl
def harness_judges():
    facts = {"licence": "CC0-1.0", "source": "this file"}
    return [JudgeCard(name="looker", summary="Looks and says A.", factory=lambda *_: Looker(), api_version=1, **facts)]
"""


def make_clips(folder: Path, count: int) -> None:
    """Write clips of noise that moves, and the table of their pairs."""
    import csv

    import av
    import numpy as np

    rng = np.random.default_rng(0)
    kinds = []
    for _ in range(8):  # encoding takes time, so that a few kinds stand for all
        buffer = io.BytesIO()
        with av.open(buffer, "w", format="mp4") as container:
            stream = container.add_stream("mpeg4", rate=RATE)
            stream.width, stream.height = SIZE
            picture = rng.integers(0, 256, (SIZE[1], SIZE[0], 3), dtype=np.uint8)
            for number in range(RATE * SECONDS):
                frame = av.VideoFrame.from_ndarray(np.roll(picture, 4 * number, axis=1), format="rgb24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        kinds.append(buffer.getvalue())
    (folder / "videos").mkdir(parents=True)
    with (folder / "videogen-rewardbench.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["path_A", "path_B", "prompt", "VQ", "MQ", "TA", "Overall"])
        for pair in range(count // 2):
            paths = [f"videos/{2 * pair + side}.mp4" for side in (0, 1)]
            for side, path in enumerate(paths):
                # A box at the end that players skip makes every file another one.
                tail = (16).to_bytes(4) + b"free" + (2 * pair + side).to_bytes(8)
                (folder / path).write_bytes(kinds[(3 * pair + side) % len(kinds)] + tail)
            table.writerow([*paths, f"prompt {pair // 10}", *"ABAB"])


def clips(folder: str) -> Iterator[object]:
    """The pairs of clips, with their keys and all of their frames."""
    from harness.formats.brackets import BracketsFormat
    from harness.testing import FakeContext
    from harness_preference.benchmarks import videogen_rewardbench as bench

    with tempfile.TemporaryDirectory() as workspace:
        options = bench.VideoGenOptions(subset="VQ", frames=FRAMES)
        task = bench.task(options, FakeContext(workspace=Path(workspace), data=folder))
        for item in task.items("test"):
            request = task.render(item, order=(0, 1), format=BracketsFormat())
            _ = request.key
            for image in request.images:
                image.load()
            yield item


def run_clips(folder: str, limit: int, *, order: str = "fixed") -> Iterator[object]:
    """A run of the pairs, of which each is given at the end, once for each order."""
    import harness

    with tempfile.TemporaryDirectory() as place:
        judge, manifest = Path(place) / "looker.py", Path(place) / "clips.yaml"
        judge.write_text(JUDGE)
        entry = {"use": "preference/videogen-rewardbench", "data": folder, "with": {"subset": "VQ", "frames": FRAMES}}
        entry["protocol"] = {"order": order}
        manifest.write_text(json.dumps({"name": "clips", "tasks": [entry], "judges": [{"use": "looker/looker"}]}))
        yield None
        found = harness.run(
            manifest, plugin=[judge], runs=Path(place) / "runs", limit=None if limit < 0 else limit, progress=False
        )
        yield from found.judgements()


SIDES = {
    "ours": lambda file: ours(file, hashed=False),
    "hashed": lambda file: ours(file, hashed=True),
    "datasets": lambda file: theirs(file, decoded=False),
    "datasets_decoded": lambda file: theirs(file, decoded=True),
    "clips": clips,
}


def measure(side: str, file: str, limit: int) -> None:
    """In a process of its own: read, and print rows, CPU seconds and megabytes."""
    if side.startswith("run_clips"):
        rows = run_clips(file, limit, order="both" if side == "run_clips_both" else "fixed")
    else:
        rows = SIDES[side](file)
    next(rows)  # imports and the footer of the file
    began, count = time.process_time(), 0
    for _ in rows:
        count += 1
        if count == limit:
            break
    seconds = time.process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"rows": count, "seconds": seconds, "peak_mb": peak}))


def run(side: str, file: Path, limit: int = -1) -> dict[str, float]:
    """Measure a side in a fresh process."""
    command = [sys.executable, __file__, "--side", side, "--file", str(file), "--limit", str(limit)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    print(f"{side:>17}: {found['rows']} rows, {found['seconds']:.2f} s CPU, peak {found['peak_mb']:.0f} MB", flush=True)
    return found


def measure_clips(count: int) -> None:
    """Make the clips, read them and run them, all and a tenth, and print the numbers."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "clips"
        make_clips(folder, count)
        size = sum(file.stat().st_size for file in (folder / "videos").iterdir())
        print(f"{count} clips, {size / 2**20:.0f} MB")
        whole, tenth = run("clips", folder), run("clips", folder, limit=count // 20)
        both = run("run_clips_both", folder)
        ran, ran_tenth = run("run_clips", folder), run("run_clips", folder, limit=count // 20)
    result = {
        "clips": count,
        "seen_mb": round(count * FRAMES * SIZE[0] * SIZE[1] * 3 / 2**20),
        "clips_per_s": round(2 * whole["rows"] / whole["seconds"], 1),
        "peak_mb": round(whole["peak_mb"], 1),
        "peak_mb_tenth": round(tenth["peak_mb"], 1),
        "run_clips_per_s": round(2 * ran["rows"] / ran["seconds"], 1),
        "run_peak_mb": round(ran["peak_mb"], 1),
        "run_both_orders_seconds": round(both["seconds"], 1),
        "run_both_orders_peak_mb": round(both["peak_mb"], 1),
        "run_peak_mb_tenth": round(ran_tenth["peak_mb"], 1),
    }
    print(json.dumps(result))


def main() -> None:
    """Make the file, read it by turns, print the numbers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--kilobytes", type=int, default=4, help="size of a picture, roughly")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--clips", type=int, default=0, help="measure videos, so many clips, and no rows")
    parser.add_argument("--side", choices=[*SIDES, "run_clips", "run_clips_both"], help=argparse.SUPPRESS)
    parser.add_argument("--file", help=argparse.SUPPRESS)
    parser.add_argument("--limit", type=int, default=-1, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        measure(options.side, options.file, options.limit)
        return
    if options.clips:
        measure_clips(options.clips)
        return
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "quality.parquet"
        make_file(file, options.rows, kilobytes=options.kilobytes)
        print(f"{options.rows} rows, {file.stat().st_size / 2**20:.0f} MB")
        tenth = run("ours", file, limit=options.rows // 10)
        rounds = [(run("ours", file), run("datasets", file)) for _ in range(options.rounds)]
        hashed = run("hashed", file)
        decoded = run("datasets_decoded", file, limit=options.rows // 10)
    rates = [tuple(side["rows"] / side["seconds"] for side in pair) for pair in rounds]
    ratios = sorted(mine / other for mine, other in rates)
    result = {
        "rows": options.rows,
        "rounds": options.rounds,
        "rows_per_s": round(statistics.median(mine for mine, _ in rates)),
        "datasets_rows_per_s": round(statistics.median(other for _, other in rates)),
        "ratio": round(statistics.median(ratios), 2),
        "ratio_range": [round(ratios[0], 2), round(ratios[-1], 2)],
        "hashed_rows_per_s": round(hashed["rows"] / hashed["seconds"]),
        "datasets_decoded_rows_per_s": round(decoded["rows"] / decoded["seconds"]),
        "peak_mb": round(max(mine["peak_mb"] for mine, _ in rounds), 1),
        "peak_mb_tenth": round(tenth["peak_mb"], 1),
        "datasets_peak_mb": round(max(other["peak_mb"] for _, other in rounds), 1),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()

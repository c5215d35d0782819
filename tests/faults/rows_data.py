"""Attacks by what a user may be given: manifests, tables, pictures, archives, answers."""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import re
import socket
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from registry import Bench, Done, row

POINTWISE = """
name: hostile
tasks:
  - use: generic/pointwise
    data: DATA
    with: {question: "Good? {text}", OPTIONS answers: [good, bad], gold: label, labels: {a: good, b: bad}}
judges: [{use: baselines/random}]
run: {timeout: 20}
report: {resamples: 200}
"""


def fine(done: Done, codes: tuple[int, ...] = (0, 2, 3), *, said: str = "error: ") -> str:
    """Empty where a command ended as it may."""
    if done.code not in codes:
        return f"exit {done.code}: {done.fault or done.err[-300:]}"
    if done.code == 2 and said not in done.err:
        return f"refused without a message: {done.err[-200:]}"
    return done.fault


def check_harmless(bench: Bench, options: str) -> None:
    """Make sure that the manifest of a row works with data that mean no harm, so that it is they that are refused."""
    place = bench.new()
    (place / "x.png").write_bytes(_png(40, 40, body=zlib.compress(bytes(40 * 121))))
    (place / "d.jsonl").write_text(json.dumps({**ROW, "file": "x.png"}) + "\n")
    (place / "m.yaml").write_text(POINTWISE.replace("OPTIONS", options).replace("DATA", "d.jsonl"))
    done = bench.command(place, "run", "m.yaml")
    assert done.code == 0, done.err


# -- manifests ---------------------------------------------------------------------------------------------------------

WHOLE = """\
name: whole
vars: {n: 4}
tasks:
  - use: miniature/technical
    limit: ${vars.n}
    protocol: {order: fixed, samples: 2, metrics: [accuracy]}
judges:
  - use: baselines/constant
  - {use: random, name: die}
run: {timeout: 60, fail_on_error: 0.5}
report: {confidence: 0.9, resamples: 300}
"""
WORDS = ["[", "]", "{", "}", ":", "- ", "*a", "&a", "!!python/object:os.system", "\t", "\0", "\x1b[31m", "\u202e", "${",
         "${env:HOME}", "${vars.n}", "1e999", "-0", "0o17", "yes", "null", "'", '"', "|", ">", "#", "%", "@", "<<: *a",
         "extends: /etc/passwd", "extends: m.yaml", "🦉" * 50, "x" * 5000, "9" * 400]  # fmt: skip


def _mutate(text: str, kind: int, rng: random.Random) -> bytes:
    lines = text.splitlines(keepends=True)
    place, line = rng.randrange(len(text)), rng.randrange(len(lines))
    word = rng.choice(WORDS)
    changed = [
        lambda: text[:place] + word + text[place:],
        lambda: text[:place] + text[place + rng.randint(1, 9) :],
        lambda: text[:place],
        lambda: "".join(lines[:line] + lines[line + 1 :]),
        lambda: "".join([*lines[:line], lines[line], *lines[line:]]),
        lambda: "".join(rng.sample(lines, len(lines))),
        lambda: text.replace(" ", "  " * rng.randint(1, 3), rng.randint(1, 5)),
        lambda: re.sub(r": [^\n{\[]+", f": {word}", text, count=rng.randint(1, 6)),
        lambda: text[:place] + chr(rng.randrange(1, 0xD7FF)) + text[place + 1 :],
        lambda: text + word + "\n" + text,
        lambda: "[" * rng.choice([10, 1000, 50_000]) + text,
        lambda: "a: &a [x, x]\n" + "".join(f"b{n}: &b{n} [*a, *a]\n" for n in range(rng.randint(1, 99))) + text,
        lambda: re.sub(r"\w+(?=:)", word if word.isalnum() else "key", text, count=rng.randint(1, 3)),
        lambda: text.upper() if rng.random() < 0.5 else text.title(),
        lambda: text.replace("\n", rng.choice(["\r", "\r\n", "\u2028", "\x85", ""]), rng.randint(1, 9)),
    ]
    if kind == len(changed):
        raw = bytearray(text.encode())
        for _ in range(rng.randint(1, 5)):
            raw[rng.randrange(len(raw))] = rng.randrange(256)
        return bytes(raw)
    return changed[kind]().encode("utf-8", "surrogatepass")


@row("manifest mutations", smoke=8, full=2450)
def mutate_manifests(bench: Bench, count: int) -> Iterator[str]:
    """16 kinds. Each is read, or refused with its place, within a second."""
    place = bench.new()
    (place / "m.yaml").write_text(WHOLE)
    done = bench.command(place, "validate", "m.yaml")
    assert done.code == 0, done.err
    for number in range(count):
        (place / "m.yaml").write_bytes(_mutate(WHOLE, number % 16, bench.rng))
        done = bench.command(place, "validate", "m.yaml", environment={"HOME": "/secret-home"}, timeout=60)
        problem = fine(done, (0, 2), said="m.yaml") or ("slow" if done.cpu > 2 else "")
        if "secret-home" in done.out + done.err and b"HOME" in (place / "m.yaml").read_bytes():
            problem = "the value of a variable of the environment is shown"
        yield f"{number}: {problem}" if problem else ""


# -- tables ------------------------------------------------------------------------------------------------------------

ROW = {"text": "a cat", "label": "a"}


def _parquet(build: Callable[[], object], path: Path) -> None:
    import pyarrow.parquet as pq

    pq.write_table(build(), path, compression="zstd")


def _bomb(value: object, count: int) -> object:
    import pyarrow as pa

    same = pa.DictionaryArray.from_arrays(pa.array([0] * count, pa.int32()), pa.array([value]))
    return pa.table({"text": same, "label": ["a"] * count})


def _fuzzed(path: Path, seed: int) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng, out = random.Random(seed), io.BytesIO()
    pq.write_table(pa.table({"text": ["x"] * 30, "label": ["a"] * 30, "l": [["y"]] * 30}), out)
    raw = bytearray(out.getvalue())
    for _ in range(rng.randint(1, 6)):
        raw[rng.randrange(4, len(raw) - 8)] = rng.randrange(256)
    path.write_bytes(raw)


def _hole(path: Path) -> None:
    with path.open("wb") as stream:
        stream.truncate(30 << 30)


def _socket(path: Path) -> None:
    os.chdir(path.parent)  # the path of a socket must be short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path.name)


LINE = json.dumps(ROW).encode() + b"\n"
TABLES: dict[str, Callable[[Path], object]] = {
    "pipe.jsonl": lambda path: os.mkfifo(path),
    "pipe.parquet": lambda path: os.mkfifo(path),
    "pipe.csv.gz": lambda path: os.mkfifo(path),
    "socket.jsonl": _socket,
    "hole.jsonl": _hole,
    "hole.json": _hole,
    "hole.csv": _hole,
    "hole.parquet": _hole,
    "folder.jsonl": lambda path: path.mkdir(),
    "device.jsonl": lambda path: path.symlink_to("/dev/zero"),
    "loop.jsonl": lambda path: path.symlink_to(path.name),
    "line.jsonl": lambda path: path.write_bytes(b'{"text": "' + b"x" * 200_000_000 + b'"}\n'),
    "deep.jsonl": lambda path: path.write_bytes(b'{"text": ' + b"[" * 10**6 + b"\n"),
    "deep.json": lambda path: path.write_bytes(b"[" * 10**6),
    "twice.jsonl": lambda path: path.write_bytes(b'{"text": "a", "text": "b", "label": "a"}\n'),
    "nan.jsonl": lambda path: path.write_bytes(b'{"text": NaN, "label": "a"}\n'),
    "number.jsonl": lambda path: path.write_bytes(b'{"text": ' + b"9" * 10**6 + b', "label": "a"}\n'),
    "surrogate.jsonl": lambda path: path.write_bytes(b'{"text": "\\ud800", "label": "a"}\n'),
    "terminal.jsonl": lambda path: path.write_bytes(b'{"text": "\\u001b]0;x\\u0007\\u202e", "label": "\\u001b[2J"}\n'),
    "utf16.jsonl": lambda path: path.write_bytes(LINE.decode().encode("utf-16")),
    "cut.jsonl.gz": lambda path: path.write_bytes(gzip.compress(LINE * 99)[:-9]),
    "bomb.jsonl.gz": lambda path: path.write_bytes(gzip.compress(b" " * 300_000_000)),
    "bomb.json.gz": lambda path: path.write_bytes(gzip.compress(b'["' + b"x" * 300_000_000)),
    "bomb.csv.gz": lambda path: path.write_bytes(gzip.compress(b'text,label\n"' + b"x" * 300_000_000)),
    "quote.csv": lambda path: path.write_bytes(b'text,label\n"' + b"x\n" * 10**6),
    "wide.csv": lambda path: path.write_bytes(b"text,label" + b",x" * 10**5 + b"\n"),
    "nul.csv": lambda path: path.write_bytes(b"text,label\na\0b,a\n"),
    "bomb.parquet": partial(_parquet, lambda: _bomb("x" * 50_000_000, 16)),
    "bytes.parquet": partial(_parquet, lambda: _bomb(b"x" * 20_000_000, 400)),
    "empty.parquet": lambda path: path.write_bytes(b"PAR1"),
    **{f"fuzzed-{seed}.parquet": partial(_fuzzed, seed=seed) for seed in range(30)},
}


@row("hostile tables", smoke=3, full=len(TABLES))
def hostile_tables(bench: Bench, count: int) -> Iterator[str]:
    """A file of rows is read, or refused with its name."""
    check_harmless(bench, "")
    for name, make in list(TABLES.items())[:count]:
        place = bench.new()
        make(place / name)
        (place / "m.yaml").write_text(POINTWISE.replace("DATA", name).replace("OPTIONS", ""))
        done = bench.command(place, "run", "m.yaml", timeout=90)
        yield f"{name}: {problem}" if (problem := fine(done)) else ""
        bench.rng.random()


# -- pictures ----------------------------------------------------------------------------------------------------------


def _png(width: int, height: int, *, body: bytes = b"", extra: bytes = b"") -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def _text_bomb() -> bytes:
    data = b"k\0\0" + zlib.compress(b"x" * 200_000_000, 9)
    return struct.pack(">I", len(data)) + b"zTXt" + data + struct.pack(">I", zlib.crc32(b"zTXt" + data))


PICTURES: dict[str, Callable[[Path], object]] = {
    "pipe": lambda path: os.mkfifo(path),
    "socket": _socket,
    "hole": _hole,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "outside": lambda path: path.symlink_to("/etc/passwd"),
    "loop": lambda path: path.symlink_to(path.name),
    "folder": lambda path: path.mkdir(),
    "empty": lambda path: path.write_bytes(b""),
    "large": lambda path: path.write_bytes(_png(50_000, 50_000)),
    "largest": lambda path: path.write_bytes(_png(2**31 - 1, 2**31 - 1)),
    "bomb": lambda path: path.write_bytes(_png(16_000, 16_000, body=zlib.compress(bytes(16_000 * 48_001), 9))),
    "text bomb": lambda path: path.write_bytes(_png(2, 2, extra=_text_bomb(), body=zlib.compress(bytes(14)))),
    "postscript": lambda path: path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n"),
    "pdf": lambda path: path.write_bytes(b"%PDF-1.4\n%%EOF"),
    "svg": lambda path: path.write_bytes(b"<svg><script>alert(1)</script></svg>"),
    "cut": lambda path: path.write_bytes(_png(100, 100, body=zlib.compress(bytes(30_100))[:20])),
    "gif": lambda path: path.write_bytes(b"GIF89a\xff\xff\xff\xff\x00\x00\x00,\0\0\0\0\xff\xff\xff\xff\0\x08"),
    "bmp": lambda path: path.write_bytes(
        b"BM" + struct.pack("<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, 2**30, 2**30, 1, 24, *[0] * 6)
    ),
    "tiff": lambda path: path.write_bytes(b"II*\0\x08\0\0\0\xff\xff" + b"\0\1\4\0\xff\xff\xff\xff\0\0\0\0" * 9),
}


@row("hostile pictures", smoke=2, full=len(PICTURES) + 20)
def hostile_pictures(bench: Bench, count: int) -> Iterator[str]:
    """A picture is shown, or is an error of its question."""
    check_harmless(bench, "images: [file],")
    whole = _png(40, 40, body=zlib.compress(bytes(40 * 121)))
    makers = list(PICTURES.items())
    for seed in range(20):
        raw = bytearray(whole)
        rng = random.Random(seed)
        for _ in range(3):
            raw[rng.randrange(8, len(raw))] = rng.randrange(256)
        makers.append((f"fuzzed {seed}", partial(Path.write_bytes, data=bytes(raw))))
    for name, make in makers[:count]:
        place = bench.new()
        make(place / "x.png")
        (place / "d.jsonl").write_text(json.dumps({**ROW, "file": "x.png"}) + "\n")
        options = POINTWISE.replace("OPTIONS", "images: [file],").replace("DATA", "d.jsonl")
        (place / "m.yaml").write_text(options.replace("baselines/random", "baselines/constant"))
        done = bench.command(place, "run", "m.yaml", timeout=60)
        problem = fine(done)
        run = next(iter((place / "runs").glob("hostile-*")), None)
        if not problem and run is not None and b"root:x:0" in (run / "journal.sqlite").read_bytes():
            problem = "a file from outside is in the journal"
        yield f"{name}: {problem}" if problem else ""


# -- archives ----------------------------------------------------------------------------------------------------------


def _zip(path: Path, build: Callable[[zipfile.ZipFile], object]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("fine.png", b"fine")
        build(archive)


def _add_many(archive: zipfile.ZipFile) -> None:
    for number in range(20_000):
        archive.writestr(str(number), b"")


def _tar(path: Path, **facts: object) -> None:
    with tarfile.open(path, "w:gz" if path.name.endswith("gz") else "w") as archive:
        for name, more in (("fine.png", {}), (str(facts.pop("name", "x.png")), facts)):
            member = tarfile.TarInfo(name)
            for key, value in more.items():
                setattr(member, key, value)
            member.size = 4 if member.isreg() else 0
            archive.addfile(member, io.BytesIO(b"fine"))


def _claim(path: Path) -> None:
    """A member that says it has four gigabytes."""
    _zip(path, lambda archive: archive.writestr("x.png", b"0" * 100))
    raw = path.read_bytes()
    path.write_bytes(raw.replace(struct.pack("<I", 100), struct.pack("<I", 2**32 - 2)))


ARCHIVES: dict[str, Callable[[Path], object]] = {
    "up.zip": lambda path: _zip(path, lambda archive: archive.writestr("../../escaped.png", b"x")),
    "root.zip": lambda path: _zip(path, lambda archive: archive.writestr("/tmp/escaped.png", b"x")),
    "claims.zip": _claim,
    "bomb.zip": lambda path: _zip(path, lambda archive: archive.writestr("x.png", bytes(400_000_000))),
    "many.zip": lambda path: _zip(path, _add_many),
    "twice.zip": lambda path: _zip(path, lambda archive: archive.writestr("fine.png", b"other")),
    "cut.zip": lambda path: path.write_bytes(b"PK\3\4" + bytes(30)),
    "pipe.zip": lambda path: os.mkfifo(path),
    "hole.zip": _hole,
    "up.tar": lambda path: _tar(path, name="../../escaped.png"),
    "root.tar": lambda path: _tar(path, name="/tmp/escaped.png"),
    "link.tar": lambda path: _tar(path, type=tarfile.SYMTYPE, linkname="/etc/passwd"),
    "hard.tar": lambda path: _tar(path, type=tarfile.LNKTYPE, linkname="/etc/passwd"),
    "device.tar": lambda path: _tar(path, type=tarfile.CHRTYPE, devmajor=1, devminor=5),
    "fifo.tar": lambda path: _tar(path, type=tarfile.FIFOTYPE),
    "long.tar": lambda path: _tar(path, name="x/" * 5000),
    "hole.tar": _hole,
    "pipe.tar": lambda path: os.mkfifo(path),
    "up.tar.gz": lambda path: _tar(path, name="../escaped.png"),
    "bomb.tar.gz": lambda path: path.write_bytes(gzip.compress(bytes(400_000_000))),
    "pipe.tgz": lambda path: os.mkfifo(path),
    "cut.tgz": lambda path: path.write_bytes(gzip.compress(bytes(9000))[:20]),
}


@row("zip and tar with hostile members", smoke=3, full=len(ARCHIVES))
def hostile_archives(bench: Bench, count: int) -> Iterator[str]:
    """Each member is read or refused, and nothing is written outside of the workspace."""

    def read(path: Path, workspace: Path) -> object:
        from harness.api import DataError
        from harness.api.data import Archive

        try:
            archive = Archive(path, workspace=workspace)
            found = {}
            for name in archive.names[:50]:
                try:
                    found[name] = archive.read(name)[:20]
                except DataError as error:
                    found[name] = str(error).encode()
            return found
        except DataError as error:
            return f"refused: {error}"

    for name, make in list(ARCHIVES.items())[:count]:
        place = bench.new()
        make(place / name)
        done = bench.start(place, call=partial(read, place / name, place / "workspace")).finish(60)
        written = {str(path.relative_to(place)) for path in place.rglob("*") if path.is_file()} - {name}
        problem = fine(done, (0,))
        if not problem and any(not re.fullmatch(r"workspace/archives/[0-9a-f]+\.tar", path) for path in written):
            problem = f"it wrote {written}"
        if not problem and ("root:x:0" in done.out or Path("/tmp/escaped.png").exists()):
            problem = "it read or wrote outside"
        yield f"{name}: {problem}" if problem else ""


# -- answers -----------------------------------------------------------------------------------------------------------

BIG = """
from harness.api import JudgeCard, hookimpl
TEXTS = ["x" * 50_000_000, "[[A]] " * 8_000_000, "{" * 50_000_000, "<answer>A</answer>" * 2_700_000,
         '{"verdict": "good"} ' * 2_500_000, "\\n" * 50_000_000]

class Big:
    def judge(self, requests):
        for number, request in enumerate(requests):
            yield request, request.read(TEXTS[number % len(TEXTS)])

    def fingerprint(self):
        return "big"

@hookimpl
def harness_judges():
    return [JudgeCard(name="big", summary="Much.", factory=lambda options, context: Big())]
"""


@row("answers of 50 MB, end to end", smoke=0, full=4)
def big_answers(bench: Bench, count: int) -> Iterator[str]:
    """Six answers of each format, from the judge to the report."""
    for verdicts in ("tagged", "json", "label", "brackets")[:count]:
        place = bench.new()
        (place / "big.py").write_text(BIG)
        (place / "d.jsonl").write_bytes(b"".join(LINE.replace(b"cat", b"cat %d" % n) for n in range(6)))
        manifest = POINTWISE.replace("OPTIONS", "").replace("DATA", "d.jsonl").replace("baselines/random", "big/big")
        (place / "m.yaml").write_text(manifest.replace("    with:", f"    format: harness/{verdicts}\n    with:"))
        done = bench.command(place, "-p", "big.py", "run", "m.yaml", timeout=200)
        # Six texts of 50 MB, some of which are kept: time and memory in the measure of what there is to read.
        problem = (
            done.find_fault(seconds=90, megabytes=3000) if done.code in (0, 3) else f"exit {done.code}: {done.err}"
        )
        yield f"{verdicts}: {problem}" if problem else ""

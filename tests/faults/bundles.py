"""Mutated bundles: every mutation must be named by `harness verify`.

Three kinds of mutation, drawn in turn:

- *bytes*: the file is changed as a disk, a network or a careless program changes it, or the archive is built in a way
  that some readers of zip files take and others do not;
- *content*: somebody changes what a bundle says and makes all hashes again;
- *whole*: somebody changes what a bundle says and makes every number again too. Only a signature or the data tell.

Named means: `verify` refuses the file, or says that a row or the board does not hold; of the third kind, that the
signature is bad and, where gold labels were changed, that the data have others.

    python tests/faults/bundles.py [--count 200] [--seed 0]

The last line is one JSON object: `{"attacks": {"mutated bundles": [tried, through]}}`.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import io
import json
import random
import shutil
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.api import UserError
from harness.bundle.archive import ArchiveEntry, open_archive, write_archive
from harness.bundle.data import compare_data
from harness.bundle.layout import INDEX, Index, Member, document_bytes, line_bytes
from harness.bundle.signers import find_signature
from harness.bundle.verify import verify_bundle
from harness.cli import main as harness
from harness.discovery import Plugins

Members = dict[str, bytes]
"""Content by name, without `bundle.json`."""

_LETTERS = "AB"
_MANIFEST = """
name: handed-over
tasks:
  - use: generic/pairwise
    name: pairs
    data: {place}/pairs.jsonl
    format: harness/brackets
    protocol: {{order: both, pooling: agree, metrics: [accuracy, macro_f1]}}
    with:
      {{question: "{{q}}", candidate_texts: [a, b], labels: {{A: first, B: second}}, id: id, group: g, category: c}}
judges:
  - {{use: baselines/replay, with: {{answers: {place}/answers}}}}
  - {{use: baselines/random}}
"""


def make_run(place: Path, *, items: int = 24, seed: int = 0) -> Path:
    """A small run: two judges whose texts are read, and one that gives its verdicts."""
    chance = random.Random(seed)
    rows = [
        {"id": f"i{k}", "g": f"g{k // 2}", "c": _LETTERS[k % 2], "q": f"Which, {k}?", "a": f"x{k}", "b": f"y{k}"}
        | {"label": chance.choice(_LETTERS)}
        for k in range(items)
    ]
    place.mkdir(parents=True, exist_ok=True)
    (place / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for judge, right in (("careful", 0.8), ("hasty", 0.55)):
        answers = place / "answers" / f"{judge}.jsonl"
        answers.parent.mkdir(exist_ok=True)
        with answers.open("w") as stream:
            for row in rows:
                for order in ("AB", "BA"):
                    said = order.index(row["label"]) if chance.random() < right else chance.randrange(2)
                    verdict = f"It is better, I think: [[{_LETTERS[said]}]]"
                    text = "I cannot tell." if chance.random() < 0.04 else verdict
                    shown = [_LETTERS.index(letter) for letter in order]
                    stream.write(json.dumps({"id": row["id"], "order": shown, "response": text}) + "\n")
    (place / "m.yaml").write_text(_MANIFEST.format(place=place))
    _command("run", str(place / "m.yaml"), "--runs", str(place / "runs"))
    [folder] = (place / "runs").glob("handed-over-*")
    return folder


def _command(*arguments: str) -> None:
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            harness(list(arguments))
    except SystemExit as ended:
        if ended.code:
            raise RuntimeError(f"harness {' '.join(arguments)} ended with {ended.code}: {said.getvalue()}") from ended


# -- the members of a bundle, and a bundle of members ----------------------------------------------------------------


def read_members(bundle: Path) -> tuple[dict[str, Any], Members]:
    """What `bundle.json` says, and the content of all others."""
    with open_archive(bundle) as archive:
        found = {entry.name: b"".join(archive.parts(entry)) for entry in archive.entries}
    return json.loads(found.pop(INDEX)), found


def write_members(target: Path, head: Mapping[str, Any], members: Members) -> None:
    """A bundle of these members, with hashes that are right."""
    index = Index(
        name=head["name"],
        harness=head["harness"],
        requests=head["requests"],
        members=tuple(Member(name=name, bytes=len(content), sha256=_sha(content)) for name, content in members.items()),
    )
    write_raw(target, {INDEX: index.to_bytes(), **members})


def write_raw(target: Path, members: Members) -> None:
    """An archive of these members."""
    entries = [ArchiveEntry(name=name, size=len(content), crc=zlib.crc32(content)) for name, content in members.items()]
    with target.open("wb") as stream:
        write_archive(stream, entries, lambda entry: [members[entry.name]])


def _sha(content: bytes) -> str:
    import hashlib

    return hashlib.sha256(content).hexdigest()


def rows_of(members: Members, name: str) -> list[dict[str, Any]]:
    """The rows of a table."""
    return [json.loads(line) for line in members[name].splitlines()]


def set_rows(members: Members, name: str, rows: list[dict[str, Any]]) -> None:
    """Write a table again."""
    members[name] = b"".join(map(line_bytes, rows))


# -- mutations of bytes ----------------------------------------------------------------------------------------------


def flip_bit(data: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(data))
    return data[:place] + bytes([data[place] ^ 1 << chance.randrange(8)]) + data[place + 1 :]


def flip_bit_of_a_header(data: bytes, chance: random.Random) -> bytes:
    place = chance.choice([data.find(b"PK\3\4"), data.find(b"PK\1\2"), data.rfind(b"PK\5\6"), data.rfind(b"PK\3\4")])
    place = min(place + chance.randrange(22), len(data) - 1)
    return data[:place] + bytes([data[place] ^ 1 << chance.randrange(8)]) + data[place + 1 :]


def cut_the_end(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data))]


def insert_a_byte(data: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(data) + 1)
    return data[:place] + bytes([chance.randrange(256)]) + data[place:]


def remove_a_byte(data: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(data))
    return data[:place] + data[place + 1 :]


def blank_a_block(data: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(data) - 512)
    return data[:place] + bytes(512) + data[place + 512 :]


def swap_two_blocks(data: bytes, chance: random.Random) -> bytes:
    first, second = sorted(chance.sample(range(0, len(data) - 64, 64), 2))
    return b"".join(
        [
            data[:first],
            data[second : second + 64],
            data[first + 64 : second],
            data[first : first + 64],
            data[second + 64 :],
        ]
    )


def add_bytes_in_front(data: bytes, chance: random.Random) -> bytes:
    return b"#!/bin/sh\n" + data


def add_bytes_after_the_end(data: bytes, chance: random.Random) -> bytes:
    return data + chance.randbytes(chance.randrange(1, 40))


def add_a_comment(data: bytes, chance: random.Random) -> bytes:
    return data[:-2] + struct.pack("<H", 5) + b"hello"


def repeat_the_archive(data: bytes, chance: random.Random) -> bytes:
    return data + data


def _rezip(data: bytes, change: Callable[[zipfile.ZipFile, dict[str, bytes]], None]) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        change(archive, members)
    return made.getvalue()


def write_by_another_program(data: bytes, chance: random.Random) -> bytes:
    def change(archive: zipfile.ZipFile, members: dict[str, bytes]) -> None:
        for name, content in members.items():
            archive.writestr(name, content)

    return _rezip(data, change)


def compress(data: bytes, chance: random.Random) -> bytes:
    def change(archive: zipfile.ZipFile, members: dict[str, bytes]) -> None:
        for name, content in members.items():
            archive.writestr(name, content, compress_type=zipfile.ZIP_DEFLATED)

    return _rezip(data, change)


def add_a_member(data: bytes, chance: random.Random) -> bytes:
    extra = chance.choice(["more.json", "../escape.txt", "/etc/passwd", "a/b.json", "CON", "scores.json", "C:\\x.json"])

    def change(archive: zipfile.ZipFile, members: dict[str, bytes]) -> None:
        for name, content in members.items():
            archive.writestr(name, content)
        with _quiet():
            archive.writestr(extra, b"{}")

    return _rezip(data, change)


def add_a_link(data: bytes, chance: random.Random) -> bytes:
    def change(archive: zipfile.ZipFile, members: dict[str, bytes]) -> None:
        for name, content in members.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = 0o120777 << 16 if name == "manifest.yaml" else 0o100644 << 16
            archive.writestr(info, b"/etc/passwd" if name == "manifest.yaml" else content)

    return _rezip(data, change)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


BYTES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    flip_bit,
    flip_bit_of_a_header,
    cut_the_end,
    insert_a_byte,
    remove_a_byte,
    blank_a_block,
    swap_two_blocks,
    add_bytes_in_front,
    add_bytes_after_the_end,
    add_a_comment,
    repeat_the_archive,
    write_by_another_program,
    compress,
    add_a_member,
    add_a_link,
)


# -- mutations of content, hashes made again -------------------------------------------------------------------------


def _change_row(name: str, change: Callable[[dict[str, Any], random.Random], object], *, where: Any = None) -> Any:
    def mutate(members: Members, chance: random.Random) -> None:
        rows = rows_of(members, name)
        change(chance.choice([row for row in rows if where is None or where(row)]), chance)
        set_rows(members, name, rows)

    return mutate


def _answered(row: Mapping[str, Any]) -> bool:
    return row["verdict"] is not None


def _is_read(row: Mapping[str, Any]) -> bool:
    return row["verdict"] is not None and row["more"].get("read") is True


def _flip(row: dict[str, Any], chance: random.Random) -> None:
    row["verdict"] = 1 - row["verdict"]


def _flip_with_text(row: dict[str, Any], chance: random.Random) -> None:
    row["verdict"] = 1 - row["verdict"]
    row["raw"] = f"It is better, I think: [[{_LETTERS[row['verdict']]}]]"


def _say_it_was_given(row: dict[str, Any], chance: random.Random) -> None:
    _flip(row, chance)
    del row["more"]["read"]


def _lose(status: str) -> Callable[[dict[str, Any], random.Random], None]:
    def change(row: dict[str, Any], chance: random.Random) -> None:
        row.update(status=status, verdict=None)

    return change


def _change_board(change: Callable[[dict[str, Any], random.Random], object]) -> Any:
    return _change_document("leaderboard.json", change)


def _change_document(name: str, change: Callable[[Any, random.Random], object]) -> Any:
    def mutate(members: Members, chance: random.Random) -> None:
        plain = json.loads(members[name])
        change(plain, chance)
        members[name] = document_bytes(plain)

    return mutate


def _nudge(part: dict[str, Any], name: str, by: float) -> None:
    part[name] = round((part[name] or 0) + by, 6)


def drop_a_row(name: str) -> Any:
    def mutate(members: Members, chance: random.Random) -> None:
        rows = rows_of(members, name)
        rows.pop(chance.randrange(len(rows)))
        set_rows(members, name, rows)

    return mutate


def repeat_a_row(name: str) -> Any:
    def mutate(members: Members, chance: random.Random) -> None:
        rows = rows_of(members, name)
        place = chance.randrange(len(rows))
        set_rows(members, name, [*rows[: place + 1], *rows[place:]])

    return mutate


def swap_two_rows(name: str) -> Any:
    def mutate(members: Members, chance: random.Random) -> None:
        rows = rows_of(members, name)
        place = chance.randrange(len(rows) - 1)
        rows[place], rows[place + 1] = rows[place + 1], rows[place]
        set_rows(members, name, rows)

    return mutate


def drop_hard_items(members: Members, chance: random.Random) -> None:
    """An item, its requests and their judgements, so that nothing is left over."""
    item = chance.choice(rows_of(members, "items.jsonl"))["id"]
    gone = {row["request"] for row in rows_of(members, "asks.jsonl") if row["item"] == item}
    set_rows(members, "items.jsonl", [row for row in rows_of(members, "items.jsonl") if row["id"] != item])
    set_rows(members, "asks.jsonl", [row for row in rows_of(members, "asks.jsonl") if row["item"] != item])
    kept = [row for row in rows_of(members, "judgements.jsonl") if row["request"].partition("/")[0] not in gone]
    set_rows(members, "judgements.jsonl", kept)


def write_otherwise(members: Members, chance: random.Random) -> None:
    """The same rows with other white space: equal for a reader of JSON, and another file."""
    name = chance.choice(["items.jsonl", "asks.jsonl", "judgements.jsonl"])
    members[name] = b"".join(json.dumps(row).encode() + b"\n" for row in rows_of(members, name))


def repeat_a_key(members: Members, chance: random.Random) -> None:
    name, field = chance.choice([("judgements.jsonl", b'"status":"ok",'), ("items.jsonl", b'"gold":1,')])
    members[name] = members[name].replace(field, field + field, 1)


def put_nonsense(members: Members, chance: random.Random) -> None:
    name = chance.choice(list(members))
    deep, wide = b"[" * 100_000 + b"]" * 100_000, b"9" * 5000
    nonsense = [deep + b"\n", wide + b"\n", b"NaN\n", b"null\n", b"\xff\xfe\n", b"{}\n", b"[]\n", b'"x"\n', b"\n", b"{"]
    if name in ("environment.json", "manifest.yaml"):
        nonsense = [b"\xff\xfe\n", deep] if name == "environment.json" else [b"\xff\xfe\n"]
    members[name] = chance.choice(nonsense)


def put_into_more(members: Members, chance: random.Random) -> None:
    row = chance.choice(
        [{"code": "x"}, {"read": 1}, {"thinking": "elsewhere"}, {"error": 5}, {"prompt_tokens": 900}, {"cost_usd": 0.5}]
    )
    _change_row("judgements.jsonl", lambda found, _: found["more"].update(row), where=_is_read)(members, chance)


def hide_failures(members: Members, chance: random.Random) -> None:
    """Wrong answers of one judge are said to have failed: failures do not count in a value."""
    gold = {row["id"]: row["gold"] for row in rows_of(members, "items.jsonl")}
    asks = {row["request"]: row for row in rows_of(members, "asks.jsonl")}
    rows = rows_of(members, "judgements.jsonl")
    for row in rows:
        ask = asks[row["request"].partition("/")[0]]
        if _is_read(row) and ask["order"][row["verdict"]] != gold[ask["item"]]:
            row.update(status="error", verdict=None)
            row["more"]["error"] = "status 500"
            break
    set_rows(members, "judgements.jsonl", rows)


def break_a_value_of_a_row(members: Members, chance: random.Random) -> None:
    broken: list[tuple[str, str, list[Any]]] = [
        ("items.jsonl", "gold", [7, "x", None, 1.5, True, [0]]),
        ("items.jsonl", "space", [{"kind": "preference", "n": 10**9, "ties": []}, {"kind": "none"}, [], 3]),
        ("items.jsonl", "group", ["", 4, None]),
        ("items.jsonl", "ordinal", [-1, 2**70, "0", 1.0]),
        ("items.jsonl", "annotations", [{}, {"ann": 9}, [1]]),
        ("asks.jsonl", "order", [[0, 0], [0], [1, 2], ["0", "1"], {}, [True, False]]),
        ("asks.jsonl", "sample", [-1, "0", None]),
        ("asks.jsonl", "request", ["none", 3]),
        ("judgements.jsonl", "status", ["fine", None, 4]),
        ("judgements.jsonl", "verdict", [9, "A", [0, 1], -1, 0.5]),
        ("judgements.jsonl", "probabilities", [{"A": 2.0}, {"A": 0.9, "Z": 0.1}, {"A": 0.5}, [0.5]]),
        ("judgements.jsonl", "judge", ["", 5]),
        ("cells.jsonl", "state", ["done", "partial", "left out", None]),
        ("cells.jsonl", "task", ["other", 4]),
    ]
    name, field, values = chance.choice(broken)
    where = _answered if name == "judgements.jsonl" else None
    _change_row(name, lambda row, own: row.update({field: own.choice(values)}), where=where)(members, chance)


def break_the_plan(members: Members, chance: random.Random) -> None:
    changes: list[Callable[[dict[str, Any]], object]] = [
        lambda plan: plan["tasks"][0]["protocol"].update(pooling="each"),
        lambda plan: plan["tasks"][0]["protocol"].update(metrics=["evaluate:/tmp/x.py"]),
        lambda plan: plan["tasks"][0]["protocol"].update(metrics=["macro_f1", "accuracy"]),
        lambda plan: plan["tasks"][0]["protocol"].update(metrics=["no-such-metric"]),
        lambda plan: plan["tasks"][0]["protocol"].update(unparsed="exclude", pooling="each"),
        lambda plan: plan["tasks"][0]["protocol"].update(samples=0),
        lambda plan: plan["tasks"][0].update(name="other"),
        lambda plan: plan["tasks"][0].update(format="harness/tagged"),
        lambda plan: plan["tasks"][0].update(format="no/such-format"),
        lambda plan: plan["tasks"][0].update(suite="another"),
        lambda plan: plan["tasks"].append(dict(plan["tasks"][0])),
        lambda plan: plan["judges"].reverse(),
        lambda plan: plan["judges"][0].update(name="other"),
        lambda plan: plan["judges"][0].update(key="0" * 16),
        lambda plan: plan["judges"].pop(),
        lambda plan: plan["report"].update(confidence=0.9),
        lambda plan: plan["report"].update(resamples=10**12),
        lambda plan: plan["report"].update(metric="macro_f1"),
        lambda plan: plan["report"].update(group_by="category"),
        lambda plan: plan.update(seed="0"),
        lambda plan: plan.update(code="x"),
        lambda plan: plan.pop("judges"),
    ]
    _change_document("plan.json", lambda plan, own: own.choice(changes)(plan))(members, chance)


def break_the_board(members: Members, chance: random.Random) -> None:
    changes: list[Callable[[dict[str, Any]], object]] = [
        lambda board: _nudge(chance.choice(board["rows"]), "value", 0.01),
        lambda board: _nudge(chance.choice(board["rows"]), "ci_low", -0.001),
        lambda board: _nudge(chance.choice(board["rows"]), "coverage", -0.1),
        lambda board: chance.choice(board["rows"]).update(n=1000),
        lambda board: chance.choice(board["rows"]).update(rank_low=1, rank_high=1, letters="z"),
        lambda board: chance.choice(board["rows"]).update(judge="somebody else"),
        lambda board: chance.choice(board["rows"]).update(task_id="official/task"),
        lambda board: chance.choice(board["rows"]).update(data_hash="0" * 16),
        lambda board: chance.choice(board["rows"]).update(flags=["all-well"]),
        lambda board: chance.choice(board["rows"]).update(extra=1),
        lambda board: chance.choice(board["rows"]).pop("n"),
        lambda board: board["rows"].reverse(),
        lambda board: board["rows"].pop(),
        lambda board: board["rows"].append(dict(board["rows"][0])),
        lambda board: board["rows"].append({**board["rows"][0], "judge": "new"}),
        lambda board: _nudge(chance.choice(board["comparisons"]), "difference", 0.2),
        lambda board: chance.choice(board["comparisons"]).update(p_value=0.001),
        lambda board: chance.choice(board["comparisons"]).update(better="hasty"),
        lambda board: board["comparisons"].pop(),
        lambda board: chance.choice(board["usage"]).update(answers=3),
        lambda board: chance.choice(board["unread"]).update(count=0),
        lambda board: board["unread"][0]["examples"][0].update(text="x"),
        lambda board: board.update(alpha=0.2),
        lambda board: board.update(title="the best run"),
        lambda board: board.update(rows=5),
        lambda board: board.update(left_out=[{"task": "pairs", "suite": "", "judge": "x", "run": "y"}]),
        lambda board: board.update(more="x"),
    ]
    _change_board(lambda board, own: own.choice(changes)(board))(members, chance)


def break_the_scores(members: Members, chance: random.Random) -> None:
    changes: list[Callable[[dict[str, Any]], object]] = [
        lambda scores: _nudge(chance.choice(scores["cells"])["estimates"][0], "value", 0.000001),
        lambda scores: _nudge(chance.choice(scores["cells"])["estimates"][1], "ci_high", 0.01),
        lambda scores: chance.choice(scores["cells"]).update(asked=5),
        lambda scores: chance.choice(scores["cells"])["statuses"].update(ok=1),
        lambda scores: chance.choice(scores["cells"]).update(task="other"),
        lambda scores: scores["cells"].reverse(),
        lambda scores: scores["cells"].pop(),
        lambda scores: scores["cells"].append(scores["cells"][0]),
        lambda scores: scores.update(schema="judge-harness/scores/1"),
        lambda scores: scores.update(more=1),
        lambda scores: scores.update(cells={}),
    ]
    _change_document("scores.json", lambda scores, own: own.choice(changes)(scores))(members, chance)


CONTENT: tuple[Callable[[Members, random.Random], None], ...] = (
    _change_row("judgements.jsonl", _flip, where=_is_read),
    _change_row("judgements.jsonl", _flip_with_text, where=_is_read),
    _change_row("judgements.jsonl", _say_it_was_given, where=_is_read),
    _change_row("judgements.jsonl", _lose("unparsed"), where=_is_read),
    _change_row("judgements.jsonl", _lose("refused"), where=_is_read),
    _change_row("judgements.jsonl", _lose("error"), where=_answered),
    _change_row("items.jsonl", lambda row, chance: row.update(gold=1 - row["gold"])),
    _change_row("items.jsonl", lambda row, chance: row.update(hash="0" * 32)),
    _change_row("items.jsonl", lambda row, chance: row.update(group="g0"), where=lambda row: row["group"] != "g0"),
    _change_row("items.jsonl", lambda row, chance: row.update(category="C")),
    _change_row("items.jsonl", lambda row, chance: row.update(id=row["id"] + "x")),
    _change_row("asks.jsonl", lambda row, chance: row["order"].reverse()),
    drop_a_row("judgements.jsonl"),
    drop_a_row("asks.jsonl"),
    drop_a_row("items.jsonl"),
    drop_a_row("cells.jsonl"),
    repeat_a_row("judgements.jsonl"),
    repeat_a_row("items.jsonl"),
    swap_two_rows("asks.jsonl"),
    swap_two_rows("items.jsonl"),
    drop_hard_items,
    write_otherwise,
    repeat_a_key,
    put_nonsense,
    put_into_more,
    hide_failures,
    break_a_value_of_a_row,
    break_the_plan,
    break_the_board,
    break_the_scores,
)


# -- the campaign ----------------------------------------------------------------------------------------------------


def attack_bundles(
    count: int = 200, *, seed: int = 0, place: Path | None = None, say: Callable[[str], None] = lambda line: None
) -> tuple[int, int]:
    """Mutate a bundle, and verify what came of it.

    Args:
        count: Mutations.
        seed: Of what is drawn.
        place: A folder to work in; `None`: a temporary one.
        say: Takes a line for each mutation that was not named.

    Returns:
        Mutations tried, and mutations that were not named.
    """
    with contextlib.ExitStack() as stack:
        if place is None:
            place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bundles-")))
        return _Campaign(place, seed=seed, say=say).run(count)


class _Campaign:
    def __init__(self, place: Path, *, seed: int, say: Callable[[str], None]) -> None:
        self._place, self._chance, self._say = place, random.Random(seed), say
        self._plugins = Plugins.load()
        self._folder = make_run(place / "made")
        self._honest = place / "honest.bundle"
        _command("bundle", str(self._folder), "-o", str(self._honest))
        self._bytes = self._honest.read_bytes()
        self._head, self._members = read_members(self._honest)
        self._mutant = place / "mutant.bundle"
        assert verify_bundle(self._honest, self._plugins).exit_code == 0

    def run(self, count: int) -> tuple[int, int]:
        """Mutations tried, and those that were not named."""
        through = tried = 0
        kinds: list[tuple[str, Callable[[], bool]]] = [
            *((f"bytes: {change.__name__}", functools.partial(self._change_bytes, change)) for change in BYTES),
            *(
                (f"content {k}: {getattr(change, '__name__', '')}", functools.partial(self._change_content, change))
                for k, change in enumerate(CONTENT)
            ),
            ("whole: gold, and every number again", self._change_whole),
        ]
        order: list[tuple[str, Callable[[], bool]]] = []
        while tried < count:
            # Every kind comes once before any comes again.
            order = order or self._chance.sample(kinds, len(kinds))
            name, attack = order.pop()
            named = attack()
            tried += 1
            if not named:
                through += 1
                self._say(f"not named: {name} (mutation {tried})")
        return tried, through

    def _is_named(self) -> bool:
        try:
            found = verify_bundle(self._mutant, self._plugins)
        except UserError as error:
            return bool(str(error))
        if found.exit_code == 0:
            return False
        # Named: each row that does not hold says why.
        said = all(row.problems or row.differences for row in found.rows if row.state != "holds")
        return said and (bool(found.problems) or not found.holds)

    def _change_bytes(self, change: Callable[[bytes, random.Random], bytes]) -> bool:
        data = self._bytes
        while data == self._bytes:
            data = change(self._bytes, self._chance)
        self._mutant.write_bytes(data)
        return self._is_named()

    def _change_content(self, change: Callable[[Members, random.Random], None]) -> bool:
        members = dict(self._members)
        while members == self._members:
            change(members, self._chance)
        write_members(self._mutant, self._head, members)
        return self._is_named()

    def _change_whole(self) -> bool:
        """Gold labels changed in the data, the run made again by the harness: the bundle is whole, and a lie."""
        import sqlite3

        place = self._place / "whole"
        shutil.rmtree(place, ignore_errors=True)
        folder = Path(shutil.copytree(self._folder, place / self._folder.name))
        with contextlib.closing(sqlite3.connect(folder / "journal.sqlite")) as journal, journal:
            [(item, gold)] = journal.execute("SELECT id, gold FROM items ORDER BY random() LIMIT 1").fetchall()
            journal.execute("UPDATE items SET gold=? WHERE id=?", (str(1 - int(gold)), item))
            journal.execute("DELETE FROM meta WHERE key IN ('published', 'rows')")
        _command("score", str(folder))
        self._mutant.unlink(missing_ok=True)  # what is no bundle is not written over
        _command("bundle", str(folder), "-o", str(self._mutant))
        whole = verify_bundle(self._mutant, self._plugins).exit_code == 0
        check = functools.partial(compare_data, manifest=self._place / "made" / "m.yaml", plugins=self._plugins)
        by_data = verify_bundle(self._mutant, self._plugins, check_data=check)
        named = any(item in problem for row in by_data.rows for problem in row.problems)
        return whole and by_data.exit_code == 3 and named and self._is_signature_bad()

    def _is_signature_bad(self) -> bool:
        """Whether the signature of the honest bundle is refused for the mutated one."""
        key = self._place / "key"
        if not key.exists():
            from cryptography.hazmat.primitives import serialization
            from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

            form = (serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption())
            key.write_bytes(Ed25519PrivateKey.generate().private_bytes(*form))
            _command("bundle", str(self._folder), "-o", str(self._honest), "--sign", str(key))
        signature = self._honest.with_name("honest.bundle.sig")
        return find_signature(self._mutant, (), file=signature).state == "bad"


def main() -> None:
    """Attack, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    found = attack_bundles(asked.count, seed=asked.seed, say=print)
    print(json.dumps({"attacks": {"mutated bundles": found}}))


if __name__ == "__main__":
    main()

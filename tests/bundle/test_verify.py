"""`harness verify`: what holds, what does not, what cannot be computed here, and that no bundle is trusted."""

from __future__ import annotations

import json
import random
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from harness.bundle.differences import OF_SCORES, find_differences
from harness.bundle.write import write_bundle

Command = Callable[..., tuple[int, str, str]]
Members = dict[str, bytes]


@pytest.fixture
def change(bundles: ModuleType, bundle: Path, tmp_path: Path) -> Callable[..., Path]:
    """A bundle with some members changed and all hashes made again."""

    def make(*changes: Callable[[Members], object]) -> Path:
        head, members = bundles.read_members(bundle)
        for own in changes:
            own(members)
        bundles.write_members(tmp_path / "changed.bundle", head, members)
        return tmp_path / "changed.bundle"

    return make


def edit(name: str, own: Callable[[Any], object]) -> Callable[[Members], None]:
    """Change a document."""

    def mutate(members: Members) -> None:
        plain = json.loads(members[name])
        own(plain)
        members[name] = (json.dumps(plain, indent=1) + "\n").encode()

    return mutate


def test_an_honest_bundle_and_its_run_hold(harness: Command, bundle: Path, made: Path) -> None:
    code, out, _ = harness("verify", bundle)
    assert code == 0
    assert "3 of 3 rows hold" in out
    assert "signature: none" in out
    assert "gold labels, the groups and the categories are the submitter's word" in out
    assert "48 verdicts come from no text" in out
    code, out, _ = harness("verify", made, "--json")
    found = json.loads(out)
    assert (code, found["holds"], found["problems"]) == (0, True, [])
    assert {(row["judge"], row["state"]) for row in found["rows"]} == {
        (judge, "holds") for judge in ("careful", "hasty", "random")
    }


def test_a_changed_byte_is_named_with_the_member(harness: Command, bundle: Path) -> None:
    content = bundle.read_bytes()
    place = content.index(b'"verdict":1')
    bundle.write_bytes(content[: place + 10] + b"0" + content[place + 11 :])
    code, _, err = harness("verify", bundle)
    assert code == 2
    assert "judgements.jsonl was changed" in err


def test_a_changed_number_is_named_with_row_and_field_and_both_values(harness: Command, change: Any) -> None:
    forged = change(edit("leaderboard.json", lambda board: board["rows"][0].update(value=0.99)))
    code, out, _ = harness("verify", forged)
    assert code == 3
    assert "2 of 3 rows hold" in out
    assert "leaderboard.json: rows.pairs." in out
    assert ".value is recorded as 0.99, computed is 0." in out


def test_an_edited_judgement_is_caught_by_its_text_even_where_all_numbers_are_made_again(
    harness: Command, bundles: ModuleType, run: Path, tmp_path: Path
) -> None:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(run / "journal.sqlite")) as journal, journal:
        journal.execute(
            "UPDATE judgements SET verdict=1-verdict WHERE rowid IN (SELECT rowid FROM judgements WHERE status='ok' "
            "AND json_extract(more, '$.read') LIMIT 3)"
        )
        journal.execute("DELETE FROM meta WHERE key IN ('published', 'rows')")
    assert harness("score", run)[0] == 0
    write_bundle(run, tmp_path / "forged.bundle")
    code, out, _ = harness("verify", tmp_path / "forged.bundle")
    assert code == 3
    assert out.count("its text says") == 3
    assert "recorded otherwise" not in out
    assert harness("verify", run)[0] == 3


def test_a_changed_gold_label_with_every_number_made_again_is_told_by_the_data_alone(
    harness: Command, run: Path, made: Path, tmp_path: Path
) -> None:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(run / "journal.sqlite")) as journal, journal:
        journal.execute("UPDATE items SET gold=1-gold WHERE id='i5'")
        journal.execute("DELETE FROM meta WHERE key IN ('published', 'rows')")
    assert harness("score", run)[0] == 0
    write_bundle(run, tmp_path / "lie.bundle")
    assert harness("verify", tmp_path / "lie.bundle")[0] == 0
    code, out, _ = harness("verify", tmp_path / "lie.bundle", "--data", made.parents[1] / "m.yaml")
    assert code == 3
    assert "item i5: its gold is" in out
    assert harness("verify", made, "--data", made.parents[1] / "m.yaml")[0] == 0


def test_items_that_were_left_out_are_told_by_the_data(
    harness: Command, bundles: ModuleType, change: Any, made: Path
) -> None:
    smaller = change(lambda members: bundles.drop_hard_items(members, random.Random(1)))
    code, out, _ = harness("verify", smaller, "--data", made.parents[1] / "m.yaml")
    assert code == 3
    assert "is in the data, and not in the bundle" in out


def turn_an_order(asks: list[Any]) -> None:
    asks[0]["order"].reverse()


def leave_an_order_out(asks: list[Any]) -> None:
    del asks[0]


@pytest.mark.parametrize(
    ("own", "said"),
    [
        (turn_an_order, "item i0, question 0: its order is [1, 0] and its sample 0, and [0, 1] and 0 in the data"),
        (leave_an_order_out, "item i0, question 0 is in the data, and not in the bundle"),
    ],
)
def test_an_order_that_was_turned_or_left_out_is_told_by_the_data(
    harness: Command, bundles: ModuleType, change: Any, made: Path, own: Any, said: str
) -> None:
    def mutate(members: Members) -> None:
        asks = bundles.rows_of(members, "asks.jsonl")
        own(asks)
        bundles.set_rows(members, "asks.jsonl", asks)

    code, out, _ = harness("verify", change(mutate), "--data", made.parents[1] / "m.yaml")
    assert code == 3
    assert said in out


def test_a_task_under_another_name_is_no_way_around_the_data(
    harness: Command, run: Path, made: Path, tmp_path: Path
) -> None:
    text = (made.parents[1] / "m.yaml").read_text(encoding="utf-8")
    (tmp_path / "other.yaml").write_text(text.replace("name: pairs", "name: pears"), encoding="utf-8")
    code, out, _ = harness("verify", run, "--data", "other.yaml")
    assert code == 3
    assert "other.yaml has no task 'pairs', so its gold labels are the submitter's word" in out
    assert "· the run has no answers to the task 'pears' of other.yaml" in out


def test_an_answer_that_counts_twice_is_named(harness: Command, bundles: ModuleType, change: Any) -> None:
    """Under the key of the question, and under that of the question and the item."""

    def mutate(members: Members) -> None:
        first = bundles.rows_of(members, "asks.jsonl")[0]
        rows = bundles.rows_of(members, "judgements.jsonl")
        rows += [{**row, "request": f"{first['request']}/i0"} for row in rows if row["request"] == first["request"]]
        bundles.set_rows(members, "judgements.jsonl", sorted(rows, key=lambda row: (row["judge"], row["request"])))

    code, out, _ = harness("verify", change(mutate))
    assert code == 3
    assert "pairs · random: item i0, question 0: it has two answers" in out


def add_a_metric(plan: Any) -> None:
    plan["tasks"][0]["protocol"]["metrics"].append("weird/own-metric")


def say_the_metric(cells: Any) -> None:
    for cell in cells:
        cell["protocol"]["metrics"].append("weird/own-metric")


LACKING = (
    edit("plan.json", add_a_metric),
    edit("scores.json", lambda scores: say_the_metric(scores["cells"])),
    edit("leaderboard.json", lambda board: say_the_metric(board["rows"])),
)


def test_a_metric_that_is_not_installed_cannot_be_computed_and_is_named(harness: Command, change: Any) -> None:
    code, out, _ = harness("verify", change(*LACKING))
    assert code == 4
    assert "not computed" in out
    assert "there is no metric 'weird/own-metric'" in out


@pytest.mark.parametrize(("document", "part"), [("leaderboard.json", "rows"), ("scores.json", "cells")])
def test_a_metric_that_is_not_installed_is_no_way_around_the_others(
    harness: Command, change: Any, document: str, part: str
) -> None:
    forged = change(*LACKING, edit(document, lambda plain: plain[part][0].update(coverage=0.99)))
    code, out, _ = harness("verify", forged)
    assert code == 3
    assert "coverage is recorded as 0.99, computed is " in out


def test_a_headline_that_is_not_installed_is_named(harness: Command, change: Any) -> None:
    code, out, _ = harness("verify", change(edit("plan.json", lambda plan: plan["report"].update(metric="weird/own"))))
    assert code == 4
    assert "there is no metric 'weird/own'" in out


@pytest.mark.parametrize(("text", "holds"), [("[[B]]", False), ("Both have their points.", True)])
def test_a_verdict_that_was_given_is_held_against_a_plain_text(
    harness: Command, bundles: ModuleType, change: Any, text: str, holds: bool
) -> None:
    """Else the word that an answer was not read would be the way around its text."""

    def give(members: Members) -> None:
        rows = bundles.rows_of(members, "judgements.jsonl")
        given = next(row for row in rows if row["more"].get("read") and row["verdict"] == 0)
        given.update(more={"rationale": given["more"]["rationale"]}, raw=text)
        bundles.set_rows(members, "judgements.jsonl", rows)

    code, out, _ = harness("verify", change(give))
    assert code == (0 if holds else 3)
    assert ("its text says" in out) is not holds


def test_a_format_that_is_not_installed_is_no_way_around_the_texts(harness: Command, change: Any) -> None:
    code, out, _ = harness(
        "verify", change(edit("plan.json", lambda plan: plan["tasks"][0].update(format="no/such-format")))
    )
    assert code == 4
    assert "its texts were not read again: the format 'no/such-format' is not installed" in out


def test_a_judge_with_marks_of_reasoning_is_read_by_them(harness: Command, change: Any) -> None:
    marks = {"marks": [["<think>", "</think>"]], "opened": False}
    marked = change(edit("plan.json", lambda plan: plan["judges"][0].update(thinking=marks)))
    assert harness("verify", marked)[0] == 0


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("space", {"kind": "choice", "labels": []}, ""),
        ("id", "", "id or group is empty"),
        ("group", "", "id or group is empty"),
    ],
)
def test_an_item_that_is_none_is_named_with_its_line(
    harness: Command, bundles: ModuleType, change: Any, field: str, value: object, said: str
) -> None:
    def spoil(members: Members) -> None:
        rows = bundles.rows_of(members, "items.jsonl")
        rows[3][field] = value
        bundles.set_rows(members, "items.jsonl", rows)

    code, _, err = harness("verify", change(spoil))
    assert (code, "changed.bundle: not a bundle: items.jsonl, line 4" in err) == (2, True)
    assert said in err


@pytest.mark.parametrize("name", ["evaluate:./m.py", "evaluate:accuracy", "evaluate:/tmp/m.py@category"])
def test_no_code_is_loaded_that_a_bundle_names(
    harness: Command, change: Any, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "m.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    monkeypatch.setitem(sys.modules, "evaluate", None)
    forged = change(
        edit("plan.json", lambda plan: plan["tasks"][0]["protocol"].update(metrics=[name])),
        edit("plan.json", lambda plan: plan["report"].update(metric=name)),
    )
    code, out, _ = harness("verify", forged)
    assert code == 4
    assert "loads code that its name chooses" in out
    assert not (tmp_path / "ran").exists()


def test_a_board_is_never_the_reason_for_a_traceback(harness: Command, bundles: ModuleType, change: Any) -> None:
    values: tuple[Any, ...] = (None, [], {"rows": [[]]}, {"rows": [{"judge": {}}]}, {"rows": None, "comparisons": 4})
    for value in values:
        for name in ("leaderboard.json", "scores.json"):
            content = {name: bundles.document_bytes(value)}
            forged = change(lambda members, content=content: members.update(content))
            assert harness("verify", forged)[0] == 3


def test_escape_sequences_reach_no_terminal(harness: Command, change: Any) -> None:
    evil = "\x1b[2J\u202erow"
    forged = change(edit("leaderboard.json", lambda board: board["rows"][0].update(judge=evil)))
    code, out, _ = harness("verify", forged)
    assert code == 3
    assert "row" in out
    assert not {"\x1b", "\u202e"} & set(out)


def test_questions_are_held_against_their_keys(
    harness: Command, bundles: ModuleType, made: Path, tmp_path: Path
) -> None:
    write_bundle(made, tmp_path / "with.bundle", requests=True)
    assert harness("verify", tmp_path / "with.bundle")[0] == 0
    head, members = bundles.read_members(tmp_path / "with.bundle")
    members["requests.jsonl"] = members["requests.jsonl"].replace(b"Which, 3?", b"Which, 4!", 1)
    bundles.write_members(tmp_path / "with.bundle", head, members)
    code, _, err = harness("verify", tmp_path / "with.bundle")
    assert code == 2
    assert "has a content whose key is" in err


def test_what_is_no_bundle_is_said_to_be_none(harness: Command, tmp_path: Path) -> None:
    for content in (b"", b"PK", b"hello", bytes(500)):
        (tmp_path / "x").write_bytes(content)
        code, _, err = harness("verify", tmp_path / "x")
        assert code == 2
        assert "not a bundle" in err
    with zipfile.ZipFile(tmp_path / "x", "w") as archive:
        archive.writestr("a.txt", "x")
    assert harness("verify", tmp_path / "x")[0] == 2
    assert harness("verify", tmp_path / "absent")[0] == 2
    (tmp_path / "folder").mkdir()
    assert harness("verify", tmp_path / "folder")[0] == 2


def test_signatures_are_asked_for_by_signers(harness: Command, made: Path, tmp_path: Path) -> None:
    pytest.importorskip("cryptography", reason="signatures need the extra [sign]")
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = Ed25519PrivateKey.generate()
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption())
    (tmp_path / "key").write_bytes(private.private_bytes(*form))
    openssh = (serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    public = private.public_key().public_bytes(*openssh).decode()
    (tmp_path / "allowed").write_text(f"ann@example.org {public}\n")
    (tmp_path / "others").write_text("# none\n")
    code, out, _ = harness("bundle", made, "-o", "a.bundle", "--sign", "key")
    assert (code, (tmp_path / "a.bundle.sig").is_file()) == (0, True)
    code, out, _ = harness("verify", "a.bundle", "--signers", "allowed", "--signer", "ann@example.org")
    assert (code, "signed by ann@example.org (SHA256:" in out) == (0, True)
    assert harness("verify", "a.bundle", "--signers", "allowed", "--signer", "bob@example.org")[0] == 5
    assert harness("verify", "a.bundle", "--signers", "others")[0] == 5
    assert harness("verify", "a.bundle")[0] == 0
    assert harness("verify", "a.bundle", "--signer", "ann")[0] == 2
    assert harness("bundle", made, "-o", "b.bundle", "--with-requests")[0] == 0
    code, out, _ = harness("verify", "b.bundle", "--signature", "a.bundle.sig")
    assert (code, "one of the two was changed" in out) == (5, True)
    assert harness("verify", "b.bundle", "--signers", "allowed")[0] == 5


def test_differences_in_the_last_digit_are_rounding_and_others_are_not() -> None:
    def differ(recorded: object, computed: object) -> list[bool]:
        return [found.is_rounding for found in find_differences("x", recorded, computed, OF_SCORES)]

    assert differ({"a": [0.1234567891]}, {"a": [0.1234567891]}) == []
    assert differ({"a": [0.1234567891]}, {"a": [0.1234567892]}) == [True]
    assert differ({"a": [0.1234567891]}, {"a": [0.1234567991]}) == [False]
    assert differ(1, 1.0) == differ(True, 1) == differ(None, 0) == differ("a", "b") == [False]
    assert differ({"a": 1}, {"a": 1, "b": None}) == [False]
    assert differ([1, 2], [1]) == [False]

"""A leaderboard of bundles: rows are verified, signed, or neither, and those that do not hold are not ranked."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from harness.bundle.write import write_bundle

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def forged(bundles: ModuleType, bundle: Path, tmp_path: Path) -> Path:
    """The bundle with a better value for one judge, and all hashes made again."""
    head, members = bundles.read_members(bundle)
    board = json.loads(members["leaderboard.json"])
    next(row for row in board["rows"] if row["judge"] == "hasty").update(value=0.99)
    members["leaderboard.json"] = bundles.document_bytes(board)
    bundles.write_members(tmp_path / "forged.bundle", head, members)
    return tmp_path / "forged.bundle"


def test_rows_of_a_bundle_are_verified_in_every_format_and_those_of_a_run_are_neither(
    harness: Command, bundle: Path, bundles: ModuleType, tmp_path: Path
) -> None:
    # The same items; the answers of the second judge differ.
    other = bundles.make_run(tmp_path / "other")
    board = json.loads(harness("leaderboard", bundle, other, "--format", "json")[1])
    assert {(row["run"], row["verified"]) for row in board["rows"]} == {("honest", True), (other.name, None)}
    assert {row["judge"] for row in board["rows"]} >= {"careful (honest)", f"careful ({other.name})"}
    assert any(row["rank_low"] is not None for row in board["rows"] if row["verified"])
    code, out, _ = harness("leaderboard", bundle, other)
    assert (code, "checked" in out, "verified" in out) == (0, True, True)
    assert "harness show honest" not in out
    assert "| checked" in harness("leaderboard", bundle, "--format", "md")[1]
    rows = list(csv.DictReader(io.StringIO(harness("leaderboard", bundle, "--format", "csv")[1])))
    assert {(row["verified"], row["signed_by"]) for row in rows} == {("true", "")}


def test_the_numbers_of_a_bundle_are_those_of_its_run(harness: Command, bundle: Path, made: Path) -> None:
    kept = ("judge", "value", "ci_low", "ci_high", "rank_low", "rank_high", "letters", "n", "data_hash")
    ours, theirs = (
        [
            [row[name] for name in kept]
            for row in json.loads(harness("leaderboard", path, "--format", "json")[1])["rows"]
        ]
        for path in (bundle, made)
    )
    assert ours == theirs


def test_rows_that_do_not_hold_are_shown_and_not_ranked(harness: Command, forged: Path) -> None:
    code, out, err = harness("leaderboard", forged)
    assert code == 0
    assert "does not hold" in out
    assert "harness verify names them" in out
    assert "1 of 3 rows do not hold" in err
    rows = {row["judge"]: row for row in json.loads(harness("leaderboard", forged, "--format", "json")[1])["rows"]}
    assert (rows["hasty"]["rank_low"], rows["hasty"]["verified"]) == (None, False)
    assert rows["hasty"]["value"] < 0.9
    assert rows["careful"]["verified"] is True
    assert rows["careful"]["rank_low"] is not None
    suites = json.loads(harness("leaderboard", forged, "--format", "json", "--group-by", "suite")[1])["rows"]
    assert {row["judge"]: row["verified"] for row in suites} == {"careful": True, "hasty": False, "random": True}


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        # Its texts cannot be read here, and its numbers are those of its judgements all the same.
        ("plan.json", lambda plan: plan["tasks"][0].update(format="weird/own-format"), "or cannot be checked here"),
        ("leaderboard.json", lambda board: board.update(alpha=0.5), "other.bundle: its board does not hold"),
    ],
)
def test_what_a_leaderboard_says_of_a_bundle_is_what_verify_found(
    harness: Command, bundle: Path, bundles: ModuleType, tmp_path: Path, name: str, change: Any, said: str
) -> None:
    head, members = bundles.read_members(bundle)
    document = json.loads(members[name])
    change(document)
    members[name] = bundles.document_bytes(document)
    bundles.write_members(tmp_path / "other.bundle", head, members)
    _, out, err = harness("leaderboard", "other.bundle")
    assert said in " ".join((out + err).split())


def test_signed_rows_name_who_signed(harness: Command, made: Path, tmp_path: Path) -> None:
    pytest.importorskip("cryptography", reason="signatures need the extra [sign]")
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = Ed25519PrivateKey.generate()
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption())
    (tmp_path / "key").write_bytes(private.private_bytes(*form))
    openssh = (serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    (tmp_path / "allowed").write_text(f"ann {private.public_key().public_bytes(*openssh).decode()}\n")
    harness("bundle", made, "-o", "a.bundle", "--sign", "key")
    assert "verified, signed by ann" in harness("leaderboard", "a.bundle", "--signers", "allowed")[1]
    board = json.loads(harness("leaderboard", "a.bundle", "--format", "json")[1])
    assert {row["signed_by"] for row in board["rows"]} == {""}
    (tmp_path / "a.bundle.sig").write_text("nonsense")
    code, out, err = harness("leaderboard", "a.bundle", "--signers", "allowed")
    assert (code, "signed by ann" in out, "signature: bad" in err or "bad: a.bundle.sig" in err) == (0, False, True)


def test_bundles_that_clash_are_named(harness: Command, bundle: Path, bundles: ModuleType, tmp_path: Path) -> None:
    shutil.copy(bundle, tmp_path / "copy.bundle")
    code, _, err = harness("leaderboard", bundle, "copy.bundle")
    assert (code, "are the same bundle" in err) == (2, True)
    code, _, err = harness("leaderboard", bundle, bundle)
    assert (code, "is given twice" in err) == (2, True)
    # Before and after the run that it was made of.
    made = bundles.make_run(tmp_path / "same", seed=3)
    write_bundle(made, tmp_path / "same.bundle")
    for order in ((made, "same.bundle"), ("same.bundle", made)):
        code, _, err = harness("leaderboard", *order)
        assert (code, "have the same answers: one is a bundle of the other; name one" in err) == (2, True)
    # Two bundles may be two people's.
    write_bundle(made, tmp_path / "more.bundle", requests=True)
    code, _, err = harness("leaderboard", "same.bundle", "more.bundle")
    said = "warning: more.bundle and same.bundle have the same answers; if one is a copy, leave it out"
    assert (code, said in err) == (0, True)
    # Other items under the same name of a task.
    write_bundle(bundles.make_run(tmp_path / "other", seed=4), tmp_path / "other.bundle")
    code, _, err = harness("leaderboard", bundle, "other.bundle")
    assert (code, "the data: the items differ" in err, "honest" in err, "other" in err) == (2, True, True, True)
    bundle.write_bytes(bundle.read_bytes()[:-1])
    code, _, err = harness("leaderboard", bundle, "other.bundle")
    assert (code, "honest.bundle: not a bundle" in err) == (2, True)


def set_first(name: str, field: str, value: object) -> Callable[[ModuleType, dict[str, bytes]], None]:
    """Change a field of the first row of a table."""

    def change(bundles: ModuleType, members: dict[str, bytes]) -> None:
        rows = bundles.rows_of(members, name)
        rows[0][field] = value
        bundles.set_rows(members, name, rows)

    return change


def leave_a_question_out(bundles: ModuleType, members: dict[str, bytes]) -> None:
    bundles.set_rows(members, "asks.jsonl", bundles.rows_of(members, "asks.jsonl")[1:])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (set_first("items.jsonl", "group", "alone"), "item i0: its group is g0 in honest, and alone in other"),
        (set_first("items.jsonl", "category", "Z"), "item i0: its category is A in honest, and Z in other"),
        (
            set_first("asks.jsonl", "order", [1, 0]),
            "item i0, question 0: its order is [0, 1] in honest, and [1, 0] in other",
        ),
        (leave_a_question_out, "item i0: only one of honest and other has its question 0"),
    ],
)
def test_bundles_that_were_asked_something_else_under_one_hash_are_refused(
    harness: Command,
    bundle: Path,
    bundles: ModuleType,
    tmp_path: Path,
    change: Callable[[ModuleType, dict[str, bytes]], None],
    said: str,
) -> None:
    head, members = bundles.read_members(bundle)
    change(bundles, members)
    bundles.write_members(tmp_path / "other.bundle", head, members)
    code, _, err = harness("leaderboard", bundle, "other.bundle")
    assert (code, said in err) == (2, True), err

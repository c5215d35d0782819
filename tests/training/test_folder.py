from __future__ import annotations

import json
import math
import os
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.api import JournalError, PluginError
from harness.training.folder import ATTEMPTS, CURVES, MODEL, TRAINED, Attempts, Curves, has_model, is_done, read_curves


def test_what_is_logged_is_on_disk_at_once_one_object_a_line(tmp_path: Path) -> None:
    curves = Curves(tmp_path)
    curves.add(1, {"loss": 2})
    assert [json.loads(line) for line in (tmp_path / CURVES).read_text().splitlines()] == [
        {"step": 1, "metrics": {"loss": 2.0}}
    ]
    assert curves.add(2, {"loss": 1.5}) == {"loss": 1.5}
    assert read_curves(tmp_path) == {1: {"loss": 2.0}, 2: {"loss": 1.5}}


def test_a_step_may_be_logged_in_parts_and_readers_of_the_last_record_see_all(tmp_path: Path) -> None:
    curves = Curves(tmp_path)
    curves.add(1, {"loss": 2.0, "kl": 0.1})
    curves.add(1, {"safety/f1": 0.5, "kl": 0.2})
    last = json.loads((tmp_path / CURVES).read_text().splitlines()[-1])
    assert last["metrics"] == {"loss": 2.0, "kl": 0.2, "safety/f1": 0.5}
    curves.add(2, {"loss": 1.0})
    assert read_curves(tmp_path)[2] == {"loss": 1.0}


def test_a_step_that_a_later_attempt_logs_again_is_replaced_as_a_whole(tmp_path: Path) -> None:
    for value in (1.0, 2.0):
        curves = Curves(tmp_path)
        for step in (1, 2):
            curves.add(step, {"loss": value * step} | ({"old": 1.0} if value == 1.0 else {}))
    assert read_curves(tmp_path) == {1: {"loss": 2.0}, 2: {"loss": 4.0}}


def test_a_value_that_is_not_finite_is_null_and_stays_json(tmp_path: Path) -> None:
    given_back = Curves(tmp_path).add(3, {"loss": math.nan, "kl": math.inf, "ok": 1})
    assert math.isnan(given_back["loss"])
    assert "NaN" not in (tmp_path / CURVES).read_text()
    assert read_curves(tmp_path) == {3: {"loss": None, "kl": None, "ok": 1.0}}


@pytest.mark.parametrize("metrics", [{"loss": "low"}, {"loss": None}, [1.0], {"loss": [1.0]}])
def test_what_is_no_number_by_name_is_refused(tmp_path: Path, metrics: object) -> None:
    with pytest.raises(PluginError, match="log numbers by name"):
        Curves(tmp_path).add(1, metrics)  # type: ignore[arg-type]


def test_numbers_of_libraries_are_numbers(tmp_path: Path) -> None:
    import numpy as np

    Curves(tmp_path).add(np.int64(2), {"loss": np.float32(0.5)})  # type: ignore[arg-type, dict-item]
    assert read_curves(tmp_path) == {2: {"loss": 0.5}}


@given(cut=st.integers(0, 200), data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_line_cut_off_anywhere_costs_that_line_and_no_other(
    tmp_path_factory: pytest.TempPathFactory, cut: int, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("curves")
    curves = Curves(folder)
    for step in range(4):
        curves.add(step, {"loss": float(step)})
    whole = (folder / CURVES).read_bytes()
    kept = whole[: min(cut, len(whole))]
    (folder / CURVES).write_bytes(kept)
    complete = kept.count(b"\n")
    torn = read_curves(folder)
    assert len(torn) in (complete, complete + 1)  # the end of a line may be all that is missing
    Curves(folder).add(9, {"loss": 9.0})
    assert read_curves(folder) == {**{step: {"loss": float(step)} for step in range(complete)}, 9: {"loss": 9.0}}


def test_a_full_disk_is_said(tmp_path: Path) -> None:
    curves = Curves(tmp_path)
    (tmp_path / CURVES).mkdir()
    with pytest.raises(JournalError, match=r"curves\.jsonl: cannot be written"):
        curves.add(1, {"loss": 1.0})


def test_the_seconds_of_every_attempt_are_kept_also_of_one_that_was_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    killed = Attempts(tmp_path)
    clock[0] += 30
    killed.note()
    clock[0] += 0.05
    killed.note()  # too soon to be worth a write
    second = Attempts(tmp_path)
    clock[0] += 5
    second.note(force=True)
    assert (second.count, second.seconds, second.seconds_of_all) == (2, 5.0, 35.0)
    assert [one["seconds"] for one in json.loads((tmp_path / ATTEMPTS).read_text())] == [30.0, 5.0]


def test_a_training_is_done_when_its_record_and_a_model_are_there(tmp_path: Path) -> None:
    (tmp_path / MODEL / "deep").mkdir(parents=True)
    (tmp_path / MODEL / "README.md").write_text("a card alone is no model")
    (tmp_path / TRAINED).write_text("{}")
    assert not has_model(tmp_path)
    assert not is_done(tmp_path)
    (tmp_path / MODEL / "deep" / "weights").write_text("")
    assert is_done(tmp_path)
    (tmp_path / TRAINED).unlink()
    assert not is_done(tmp_path)


@pytest.mark.parametrize("content", [b"", b"[", b'[{"began": 1}]', b"\xff", b"{}", b"[" * 100_000])
def test_a_damaged_record_of_attempts_keeps_no_one_from_training(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "attempts.json").write_bytes(content)
    assert Attempts(tmp_path).count == 1


def test_damaged_curves_are_read_as_far_as_they_are_whole(tmp_path: Path) -> None:
    (tmp_path / "curves.jsonl").write_bytes(
        b'{"step": 1, "metrics": {"loss": 2}}\n\xff\n7\n{"metrics": {}}\n{"step": 2'
    )
    assert read_curves(tmp_path) == {1: {"loss": 2}}
    os.unlink(tmp_path / "curves.jsonl")
    os.mkfifo(tmp_path / "curves.jsonl")
    with pytest.raises(JournalError, match=r"curves\.jsonl: cannot be read \(a folder, pipe or device"):
        read_curves(tmp_path)

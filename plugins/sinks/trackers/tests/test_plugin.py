"""What holds without the library of any service."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tracker_cases import Run

from harness.api import UserError
from harness_trackers.curves import Tail
from harness_trackers.kept import Kept
from harness_trackers.names import clean_metric, join_name
from harness_trackers.plain import read_params
from harness_trackers.settings import read_settings
from harness_trackers.worker import _describe


def test_a_plugin_that_is_installed_and_not_asked_for_does_nothing(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    made = run()
    assert "tracker" not in capsys.readouterr().err
    assert [path.name for path in made.folder.iterdir() if "track" in path.name or path.is_dir()] == []


def test_the_plugin_imports_no_library_of_a_service_and_nothing_but_the_api() -> None:
    code = (
        "import sys, harness.api; before = {*sys.modules}; import harness_trackers.plugin; "
        "print([name for name in {*sys.modules} - before if name.partition('.')[0] in "
        "('harness', 'mlflow', 'wandb', 'tensorboard', 'yaml', 'subprocess')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"HARNESS_TRACKERS": "mlfow"}, "no tracker 'mlfow'; name some of mlflow, tensorboard, wandb"),
        ({"HARNESS_TRACKERS": "wandb", "HARNESS_TRACKERS_WAIT": "soon"}, "'soon' is no number of seconds above 0"),
        ({"HARNESS_TRACKERS": "wandb", "HARNESS_TRACKERS_WAIT": "-1"}, "'-1' is no number of seconds above 0"),
        ({"HARNESS_TRACKERS": "wandb", "HARNESS_TRACKERS_WAIT": "inf"}, "'inf' is no number of seconds above 0"),
    ],
)
def test_a_setting_that_means_nothing_is_refused(variables: dict[str, str], says: str) -> None:
    with pytest.raises(UserError, match=says):
        read_settings(variables)


def test_names_that_are_hostile_or_long_are_legal_and_still_differ() -> None:
    hostile = ["a/b", "a_b", "..", ".", "", " ", "a\x1b[31m", "é", "è", "x" * 300, "x" * 301, "a:b", "\ud800"]
    names = [join_name("task", name, "accuracy") for name in hostile]
    assert len({*names}) == len(names)
    for name in [*names, clean_metric("/".join(hostile)), clean_metric("../../etc")]:
        assert len(name) <= 250
        assert name.isascii()
        assert name.isprintable()
        assert all(part.strip(". ") for part in name.split("/"))


def test_settings_keep_names_of_variables_and_lose_keys_and_folders(tmp_path: Path) -> None:
    path = tmp_path / "manifest.yaml"
    path.write_text("""
name: x
vars: {secret: never}
judges:
  - name: served
    with:
      api_key: abcdefgh
      api_key_env: OPENAI_API_KEY
      token: "${env:TOKEN}"
      max_new_tokens: 2048
      base_url: "https://ann:pw@example.org/v1"
      model: /home/ann/models/small
      extra: {headers: [{authorization: Bearer abc}]}
""")
    assert read_params(path, ("name", "judges")) == {
        "name": "x",
        "judges/served/name": "served",
        "judges/served/with/api_key": "(left out)",
        "judges/served/with/api_key_env": "OPENAI_API_KEY",
        "judges/served/with/token": "${env:TOKEN}",
        "judges/served/with/max_new_tokens": "2048",
        "judges/served/with/base_url": "https://example.org/v1",
        "judges/served/with/model": ".../small",
        "judges/served/with/extra/headers/0/authorization": "(left out)",
    }
    assert read_params(tmp_path / "none.yaml", ("name",)) == {}


def test_curves_are_read_line_by_line_and_half_a_line_later(tmp_path: Path) -> None:
    tail = Tail(tmp_path)
    assert list(tail.read()) == []
    whole = [json.dumps({"step": step, "metrics": {"loss": step / 2, "bad": None}}) + "\n" for step in (1, 2)]
    (tmp_path / "curves.jsonl").write_text(whole[0] + "no JSON\n" + whole[1][:9])
    assert list(tail.read()) == [(1, {"loss": 0.5})]
    (tmp_path / "curves.jsonl").write_text(whole[0] + "no JSON\n" + whole[1])
    assert list(tail.read()) == [(2, {"loss": 1.0})]


def test_what_was_sent_is_remembered_and_a_damaged_file_is_named(tmp_path: Path) -> None:
    kept = Kept(tmp_path, "wandb")
    kept.find("here").steps["loss"] = 7
    kept.save()
    kept.close()
    again = Kept(tmp_path, "wandb")
    assert again.id == kept.id
    assert again.find("here").steps == {"loss": 7}
    assert again.find("there").steps == {}
    again.close()
    (tmp_path / "tracker-wandb.json").write_text('{"id": "../../x", "places": {}}')
    for _ in range(2):  # it is tried again, and must not wait for its own lock
        with pytest.raises(UserError, match=r"tracker-wandb\.json: is damaged .*; remove it"):
            Kept(tmp_path, "wandb")


def test_a_library_that_is_missing_is_named_with_what_installs_it() -> None:
    said = _describe("wandb", ModuleNotFoundError("No module named 'wandb'", name="wandb"))
    assert said == "wandb is not installed; pip install 'judge-harness-trackers[wandb]'"

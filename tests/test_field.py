"""The manifests over the field's benchmarks: valid, and every benchmark runs from its files to a leaderboard.

The files are the examples of the cards, made-up rows in the published layouts; no published data are needed.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.api import DataError, Protocol, UnfoldedEntry
from harness.api.data import read_table, suffix_of
from harness.cli import main
from harness.discovery import Offer, Plugins
from harness.testing import FakeContext

ROOT = Path(__file__).resolve().parents[1]
PAPER = ROOT / "benchmarks" / "paper"


@pytest.fixture(scope="module")
def offers() -> list[Offer]:
    found = [one for one in Plugins.load().offers("task") if getattr(one.card, "example", None) is not None]
    assert len(found) > 25
    return found


@pytest.fixture(scope="module")
def examples(offers: list[Offer], tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, dict[str, Any]]]:
    """A folder with the example of each task, and the options that it needs."""
    root = tmp_path_factory.mktemp("examples")
    made = {}
    for offer in offers:
        folder = root / offer.id
        folder.mkdir(parents=True)
        made[offer.id] = (folder, offer.resolve(offer.card.example)(folder) or {})
    return made


@pytest.mark.parametrize("manifest", sorted(PAPER.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_manifest_of_real_benchmarks_is_valid(
    manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = manifest.read_text(encoding="utf-8")
    named = [entry["data"] for entry in yaml.safe_load(text)["tasks"] if "data" in entry]
    for data in named:
        (tmp_path / data.removeprefix("${vars.root}/").replace(":", "")).mkdir(parents=True, exist_ok=True)
    sets = ["--set", f"vars.root={tmp_path}"] if "${vars.root}" in text else []
    with pytest.raises(SystemExit) as caught:
        main(["validate", str(manifest), *sets])
    assert caught.value.code == 0, capsys.readouterr().err


def test_the_manifest_of_the_field_holds_every_benchmark(offers: list[Offer]) -> None:
    named = {entry["use"] for path in PAPER.glob("*.yaml") for entry in yaml.safe_load(path.read_text())["tasks"]}
    asked = {offer.id for offer in offers if not offer.id.endswith("-mos")}
    assert asked <= named


@pytest.mark.slow
def test_every_benchmark_runs_from_its_files_to_a_leaderboard(
    examples: dict[str, tuple[Path, dict[str, Any]]], offers: list[Offer], tmp_path: Path
) -> None:
    tasks = [
        {"name": name.replace("/", "-"), "use": name, "data": str(folder), **({"with": options} if options else {})}
        for name, (folder, options) in examples.items()
    ]
    manifest = {"name": "field", "tasks": tasks, "judges": [{"use": "baselines/random"}], "report": {"metric": None}}
    (tmp_path / "field.yaml").write_text(json.dumps(manifest), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "harness", "run", "field.yaml"],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    [board] = (tmp_path / "runs").glob("field-*/leaderboard.json")
    rows = json.loads(board.read_text(encoding="utf-8"))["rows"]
    suites = {row["task"]: row for row in rows}
    assert len(suites) >= len(offers)
    assert all(row["statuses"]["ok"] > 0 for row in rows), "the random judge must find a question it can answer"
    scores = json.loads((board.parent / "scores.json").read_text(encoding="utf-8"))["cells"]
    for offer in offers:
        protocol: Protocol = offer.resolve(offer.card.protocol)  # type: ignore[attr-defined]
        wanted = list(protocol.metrics)
        mine = [cell for cell in scores if [one["metric"] for one in cell["estimates"]] == wanted]
        assert mine, offer.id


HUB = {
    "preference/mmrb2": ("a folder for each configuration", ["reasoning", "t2i"]),
    "preference/judgebench": ("a split for each subset", ["gpt", "claude"]),
    "preference/mj-bench": ("files of each subset", ["alignment"]),
    "preference/vl-rewardbench": ("one split", ["test"]),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", HUB, ids=lambda name: name.partition("/")[2])
def test_a_benchmark_is_read_from_the_hub_and_its_commit_is_on_record(
    name: str, offers: list[Offer], tmp_path: Path, served: dict[str, str]
) -> None:
    form, subsets = HUB[name]
    hub = tmp_path / "hub"
    offer = next(one for one in offers if one.id == name)
    offer.resolve(offer.card.example)(hub)
    if form.startswith("a folder"):
        configs = [{"config_name": s, "data_files": [{"split": "test", "path": f"{s}/test-*"}]} for s in subsets]
        _card(hub, configs)
    elif form.startswith("a split"):
        for subset in subsets:
            (hub / subset / "items.jsonl.gz").rename(hub / f"{subset}.jsonl.gz")
        files = [{"split": subset, "path": f"{subset}.jsonl.gz"} for subset in subsets]
        (hub / "README.md").write_text(
            f"---\n{yaml.safe_dump({'configs': [{'config_name': 'default', 'data_files': files}]})}---\n"
        )
    entries = [{"name": s, "use": name, "data": "hub:org/name", "with": {"subset": s}} for s in subsets]
    (tmp_path / "m.yaml").write_text(
        json.dumps({"name": "hub", "tasks": entries, "judges": [{"use": "baselines/random"}]})
    )
    command = [sys.executable, "-m", "harness", "run", "m.yaml"]
    done = subprocess.run(command, cwd=tmp_path, env=served, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    [record] = (tmp_path / "runs").glob("hub-*/run.json")
    said = json.loads(record.read_text())["data"]
    assert list(said) == subsets
    assert all(one.startswith(f"hub:org/name@{'a' * 40}, ") for one in said.values())


def _card(hub: Path, configs: list[dict[str, Any]]) -> None:
    """The README of a dataset, which says what its configurations and splits are."""
    (hub / "README.md").write_text(f"---\n{yaml.safe_dump({'configs': configs})}---\n")


_LEAVES = st.none() | st.booleans() | st.integers(-3, 9) | st.floats(allow_nan=False) | st.text(max_size=4)
_VALUES = st.recursive(
    _LEAVES
    | st.sampled_from(["../../x.png", "/etc/hostname", "https://x.org/a.png", "[[A]]", "1", "\ud800", "<image>"]),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=3), inside, max_size=2),
    max_leaves=4,
)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(60))
def test_whatever_is_in_a_cell_gives_items_or_an_error_that_names_the_file(
    number: int,
    offers: list[Offer],
    examples: dict[str, tuple[Path, dict[str, Any]]],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    if number >= len(offers):
        pytest.skip("there are fewer benchmarks")
    offer = offers[number]
    whole, options = examples[offer.id]

    @settings(max_examples=60, suppress_health_check=list(HealthCheck), database=None)
    @given(data=st.data())
    def hold(data: st.DataObject) -> None:
        folder = tmp_path_factory.mktemp("hostile")
        shutil.copytree(whole, folder, dirs_exist_ok=True)
        file = data.draw(st.sampled_from(sorted(path for path in folder.rglob("*") if suffix_of(path))))
        rows = [{name: _plain(cell) for name, cell in values.items()} for values, _ in read_table(file)]
        row = data.draw(st.sampled_from(rows))
        row[data.draw(st.sampled_from(sorted(row)))] = data.draw(_VALUES)
        file.unlink()
        file = file.with_name(file.name.removesuffix(suffix_of(file)) + ".jsonl")
        file.write_text("".join(json.dumps(one) + "\n" for one in rows))
        context = FakeContext(workspace=folder / "workspace", name="hostile", data=str(folder))
        said = str(file)
        try:
            model = offer.options_model()
            chosen = None if model is None else model.model_validate(options)
            for entry in offer.unfold(chosen, context) or [UnfoldedEntry(name="", options=options)]:
                task = offer.create(None if model is None else model.model_validate(entry.options), context)
                for split in offer.card.splits:  # type: ignore[attr-defined]
                    assert all(item.space.contains(item.gold) for item in task.items(split))
        except DataError as error:
            said = str(error)
        assert str(folder) in said

    hold()


def _plain(value: Any) -> Any:
    """A cell as JSON can hold it: bytes as a data URL."""
    picture = value.get("bytes") if isinstance(value, dict) else value
    if isinstance(picture, bytes):
        return "data:image/png;base64," + base64.b64encode(picture).decode()
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value

"""What is sent of a run or a training. Numbers and settings; what judges wrote only where the user asks for it."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeGuard

from harness.api import RecordedCell, scrub
from harness.api.files import read_whole
from harness_trackers.names import join_name
from harness_trackers.plain import clean_text, read_params
from harness_trackers.records import Opening, Outcome

_MANIFEST, _RECIPE, _RECORD = "manifest.yaml", "recipe.yaml", "run.json"
_RUN_PARTS = ("name", "tasks", "judges", "run", "report")
_RECIPE_PARTS = ("name", "start", "tasks", "rewards", "trainer", "seed")
_WITH_TEXTS = ("leaderboard.md", "report.html", "explanations.json")
_OVERALL = ("rank_low", "rank_high")
_USAGE = ("answers", "prompt_tokens", "completion_tokens", "cost_usd", "usd_per_correct")
_MOST_BYTES = 2**28


def open_run(folder: Path, leaderboard: Mapping[str, Any], *, wait_s: float) -> Opening:
    """What a run was made by."""
    params = read_params(folder / _MANIFEST, _RUN_PARTS)
    group = params.get("name") or str(leaderboard.get("title", folder.name))
    return _open("run", folder, group, params, wait_s)


def open_training(recipe: str, folder: Path, *, wait_s: float) -> Opening:
    """What is trained, and how."""
    return _open("training", folder, recipe, read_params(folder / _RECIPE, _RECIPE_PARTS), wait_s)


def _open(
    kind: Literal["run", "training"], folder: Path, group: str, params: Mapping[str, str], wait_s: float
) -> Opening:
    return Opening(
        kind=kind,
        folder=str(folder.resolve()),
        name=clean_text(folder.name),
        group=clean_text(group),
        params=params,
        wait_s=wait_s,
    )


def close_run(folder: Path, leaderboard: Mapping[str, Any], cells: Sequence[RecordedCell], *, texts: bool) -> Outcome:
    """The numbers of a run.

    Args:
        folder: The run folder.
        leaderboard: The content of `leaderboard.json`.
        cells: The recorded cells, for the fingerprints of the judges.
        texts: Whether files that hold what judges wrote are sent too.
    """
    # The examples of answers without a verdict are text that judges wrote.
    board = leaderboard if texts else {**leaderboard, "unread": [_without_texts(row) for row in leaderboard["unread"]]}
    names = _WITH_TEXTS if texts else ()
    return Outcome(
        metrics=dict(_list_numbers(leaderboard)),
        tags=dict(_list_tags(folder, leaderboard, cells)),
        documents={"leaderboard.json": _scrub_json(board)},
        files=tuple(str((folder / name).resolve()) for name in names if (folder / name).is_file()),
    )


def close_training(folder: Path, record: Mapping[str, Any]) -> Outcome:
    """What a training came to.

    Args:
        folder: The checkpoint folder.
        record: The content of `trained.json`.
    """
    tags = {"folder": _cut_folder(folder)}
    scores = {join_name("selected", *name.split("/")): value for name, value in record["scores"].items()}
    numbers = {"selected/step": record["selected"], "steps": record["steps"], "seconds": record["seconds"], **scores}
    for name in ("hash", "harness", "python", "finished"):
        tags[name] = clean_text(str(record[name]))
    tags |= {join_name("version", name): clean_text(str(version)) for name, version in record["plugins"].items()}
    return Outcome(metrics={name: float(x) for name, x in numbers.items() if _is_number(x)}, tags=tags)


def _without_texts(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "examples": []}


def _scrub_json(value: Any) -> str:
    """JSON that stays JSON: each text is scrubbed by itself."""

    def walk(child: Any) -> Any:
        if isinstance(child, str):
            return scrub(child)
        if isinstance(child, Mapping):
            return {scrub(str(name)): walk(inner) for name, inner in child.items()}
        return [walk(inner) for inner in child] if isinstance(child, list | tuple) else child

    return json.dumps(walk(value), indent=1) + "\n"


def _list_numbers(leaderboard: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Each number with its interval, n and coverage, as `task/judge/metric`, `task/judge/metric_low` and so on."""
    for row in leaderboard["rows"]:
        place = [row["task"], *([row["category"]] if row["category"] else []), row["judge"]]
        found = {**row["others"], row["metric"]: row}
        for metric, estimate in found.items():
            yield from _number(place, metric, estimate)
        yield from _plain(place, row, ("coverage", "asked", "worst_case", "swap_consistency", "first_position"))
    for row in leaderboard["overall"]:
        place = ["overall", row["judge"]]
        yield from _number(place, row["metric"], row)
        yield from _plain(place, row, (*_OVERALL, "coverage"))
    for row in leaderboard["usage"]:
        yield from _plain(["cost", row["judge"]], row, _USAGE)


def _number(place: Sequence[str], metric: str, estimate: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    # A value without an answer to rest on has no interval and is none.
    if not _is_number(estimate["value"]):
        return
    for ending, name in (("", "value"), ("_low", "ci_low"), ("_high", "ci_high"), ("_n", "n")):
        if _is_number(value := estimate.get(name)):
            yield join_name(*map(scrub, (*place, f"{metric}{ending}"))), float(value)


def _plain(place: Sequence[str], row: Mapping[str, Any], names: Sequence[str]) -> Iterator[tuple[str, float]]:
    for name in names:
        if _is_number(value := row.get(name)):
            yield join_name(*map(scrub, (*place, name))), float(value)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _list_tags(
    folder: Path, leaderboard: Mapping[str, Any], cells: Sequence[RecordedCell]
) -> Iterator[tuple[str, str]]:
    """What may change when a run is scored again: versions, fingerprints, flags."""
    yield "folder", _cut_folder(folder)
    yield "schema", clean_text(str(leaderboard["schema"]))
    record = _read_run_record(folder)
    for name in ("harness", "python", "state"):
        if name in record:
            yield name, clean_text(str(record[name]))
    for name, version in dict(record.get("plugins", {})).items():
        yield join_name("version", clean_text(str(name))), clean_text(str(version))
    for cell in cells:
        yield join_name("judge key", scrub(cell.judge)), clean_text(cell.judge_key)
        yield join_name("data hash", scrub(cell.task)), clean_text(cell.data_hash)
    for row in leaderboard["rows"]:
        if row["flags"] and not row["category"]:
            flags = ", ".join(clean_text(_name_flag(flag)) for flag in row["flags"])
            yield join_name("flags", scrub(row["task"]), scrub(row["judge"])), flags


def _name_flag(flag: Any) -> str:
    return str(flag.get("name", "")) if isinstance(flag, Mapping) else str(flag)


def _read_run_record(folder: Path) -> dict[str, Any]:
    try:
        record = json.loads(read_whole(folder / _RECORD, most=_MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}  # a run of shards that were merged has none
    return record if isinstance(record, dict) else {}


def _cut_folder(folder: Path) -> str:
    """The folder from where the command was called, without what lies above."""
    path = folder.resolve()
    shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else Path(path.name)
    return clean_text(shown.as_posix().replace(os.sep, "/"))

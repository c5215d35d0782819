"""The judge that repeats recorded answers, so that any judge in the world can be put on the leaderboard.

A raw answer is read with the request's own format, exactly as a live one would be. What was not recorded is an error,
never a wrong answer. The schema of the files is in the README of this distribution.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.api import (
    TIE,
    AnswerSpace,
    Context,
    DataError,
    Judgement,
    Preference,
    Ranking,
    RecordingLayout,
    Request,
    Score,
    Status,
    UnfoldedEntry,
    Verdict,
)
from harness.api.files import open_regular
from harness.api.reading import read_body
from harness_baselines.layouts import find_judges, read_layout
from harness_baselines.options import ReplayOptions
from harness_baselines.recordings import ANY_ORDER, REASONING_FIELDS, Place, Recorded, order_name, read_recordings
from harness_baselines.verdicts import digest_of

_SUFFIXES = (".jsonl", ".jsonl.gz")
_OUTPUTS = "outputs"
_CUT = frozenset({"length", "max_tokens", "max_output_tokens", "model_length", "model_context_window_exceeded"})
_REFUSED = frozenset({"content_filter", "refusal", "safety", "prohibited_content", "blocklist", "recitation"})
"""What servers call it when an answer was cut off, or withheld, in lower case."""

_CARRIED = ("prompt_tokens", "completion_tokens", "latency_s", "cost_usd", "model", "probabilities")


class Replay:
    """Answers from files, read at once and held in memory (some 100,000 answers are no trouble).

    Args:
        options: What the manifest says.

    Raises:
        DataError: A file cannot be used, or records one answer in two ways. Names file and line.
    """

    answers_by_item = True

    def __init__(self, options: ReplayOptions, context: Context | None = None) -> None:
        self._options = options
        # By task, which is empty where a row says none: such an answer is to the item of any task.
        self._answers: dict[tuple[str, Place], Recorded] = {}
        # Read in the constructor, which is also the card's check: faults show before any judge is asked.
        if options.layouts is not None and context is not None:
            parts = _find_files_of_judge(options, context)
            self._files = [file for _, file in parts]
            for layout, file in parts:
                self._keep(read_layout(layout, file, options.judge or ""))
        else:
            self._files = _files(options)
            self._read()
        self._items = {(task, item) for task, (item, _, _) in self._answers}

    def judge(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Judgement]]:
        """Answer each request as recorded."""
        for request in requests:
            yield request, self._look_up(request)

    def covers(self, task: str, item: str) -> bool:
        """Whether anything is recorded of an item."""
        return (task, item) in self._items or ("", item) in self._items

    @property
    def ignores_task(self) -> bool:
        """Whether rows say no task, so that two tasks with items of one id get the same answer."""
        return any(not task for task, _ in self._items)

    def fingerprint(self) -> str:
        """Covers the bytes of the files."""
        if self._options.layouts is not None:
            # The answers and not the files: what a layout makes of them may change, and a file may hold other judges.
            return digest_of("replay", _digest_answers(self._answers))
        return digest_of(
            "replay",
            self._options.id_field,
            self._options.response_field,
            *self._task_field(),
            [_digest(path) for path in self._files],
        )

    def _task_field(self) -> tuple[str, ...]:
        # Nothing where there is none: answers that were given before there was the option keep their judge.
        return () if self._options.task_field is None else (self._options.task_field,)

    def _read(self) -> None:
        for path in self._files:
            folder = path.absolute().parent
            # In the layout SUBSET/outputs/JUDGE.jsonl item ids begin with the subset.
            prefix = f"{folder.parent.name}/" if folder.name == _OUTPUTS else ""
            recordings = read_recordings(
                path,
                id_field=self._options.id_field,
                response_field=self._options.response_field,
                task_field=self._options.task_field,
            )
            self._keep(
                ((name if name.startswith(prefix) else prefix + name, order, sample), recorded)
                for (name, order, sample), recorded in recordings
            )

    def _keep(self, recordings: Iterable[tuple[Place, Recorded]]) -> None:
        for place, recorded in recordings:
            key = recorded.get("task") or "", place
            if not recorded.equals(self._answers.setdefault(key, recorded)):
                name, order, sample = place
                raise DataError(
                    f"{recorded.source}: item {name!r}, order {order}, sample {sample} was answered in another "
                    f"way in {self._answers[key].source}; keep one of them, number them with 'sample', or name the "
                    "field that says the task with `task_field`"
                )

    def _look_up(self, request: Request) -> Judgement:
        recorded = self._find(request, order_name(request.order))
        if recorded is None and (scored := self._find(request, ANY_ORDER)) is not None:
            recorded = scored.put_in_order(request.order)
        if recorded is None:
            return Judgement.failure(Status.ERROR, self._missing(request))
        return judgement_of(recorded, request)

    def _find(self, request: Request, order: str) -> Recorded | None:
        place = request.item, order, request.sample
        return self._answers.get((request.task, place)) or self._answers.get(("", place))

    def _missing(self, request: Request) -> str:
        where = ", ".join(str(path) for path in self._files)
        what = f"item {request.item!r}"
        if self.covers(request.task, request.item):
            what += f" in order {request.order}, sample {request.sample} (it has others)"
        return f"no recorded answer for {what} in {where}"


def judgement_of(recorded: Recorded, request: Request) -> Judgement:
    """The judgement of a recorded answer, from its `verdict`, else its text, else its `scores`."""
    fields: dict[str, Any] = {name: recorded.get(name) for name in _CARRIED if recorded.get(name) is not None}
    response, stopped = recorded.response or "", recorded.get("stopped") or ""
    reasoning = next((text for name in REASONING_FIELDS if (text := recorded.get(name))), "")
    # An error outranks everything else in the row: a partial answer next to it must not count.
    if failed := _failure(recorded, stopped.lower()):
        return Judgement.failure(*failed, raw=response, rationale=reasoning, **fields)
    verdict, scores = recorded.get("verdict"), recorded.get("scores")
    if stopped.lower() in _CUT:
        fields["cut"] = stopped
    if verdict is None and (response or (recorded.response is not None and scores is None)):
        return request.read(response, reasoning=reasoning, **fields)
    fields["rationale"] = recorded.get("rationale") or reasoning
    if verdict is not None:
        return _judge_verdict(verdict, request, raw=response, **fields)
    if scores is not None:
        return _judge_scores(scores, request, source=recorded.source, **fields)
    if recorded.has("verdict"):
        return Judgement.failure(Status.UNPARSED, "recorded without a verdict", **fields)
    return Judgement.failure(Status.ERROR, f"{recorded.source}: recorded without an answer", **fields)


def _failure(recorded: Recorded, stopped: str) -> tuple[Status, str] | None:
    """Status and reason of a row that holds no answer, or `None`."""
    if recorded.get("error"):
        return Status.ERROR, f"{recorded.source}: recorded as an error: {recorded.get('error')}"
    if stopped in _REFUSED:
        return Status.REFUSED, f"recorded as stopped by {stopped}"
    return (Status.ERROR, f"{recorded.source}: recorded as an error") if stopped == "error" else None


def _judge_verdict(
    verdict: str | float | list[str], request: Request, *, raw: str, cut: str = "", **fields: Any
) -> Judgement:
    if isinstance(verdict, list):
        verdict = " > ".join(verdict)
    # JSON has one number type: 4.0 and 4 name the same verdict.
    name = verdict if isinstance(verdict, str) else f"{verdict:.6g}"
    fields |= {"raw": raw, "cut": cut}
    read = read_body(name, request).verdict
    if read is None:
        return Judgement.failure(Status.OUTSIDE, f"the recorded verdict {name!r} is no {request.space}", **fields)
    if cut and request.read(raw, cut=cut).verdict != read:
        return Judgement.failure(Status.TRUNCATED, f"cut off ({cut}), and {name!r} is not how it ends", **fields)
    return Judgement.of(read, **fields)


def _judge_scores(scores: list[float], request: Request, *, source: str, **fields: Any) -> Judgement:
    space = request.space
    fields["raw"] = " ".join(f"{score!r}" for score in scores)
    expected = space.n if isinstance(space, Preference | Ranking) else 1 if isinstance(space, Score) else None
    if expected != len(scores):
        needs = "no scores" if expected is None else f"{expected}"
        return Judgement.failure(Status.ERROR, f"{source}: {len(scores)} scores, but {space} takes {needs}", **fields)
    if isinstance(space, Score):
        value = float(scores[0])
        if space.contains(value):
            return Judgement.of(value, **fields)
        return Judgement.failure(Status.OUTSIDE, f"the recorded score {value:g} is no {space}", **fields)
    verdict = _by_score(scores, space)
    if verdict is not None:
        return Judgement.of(verdict, **fields)
    if isinstance(space, Preference):
        winners = [space.name(place) for place, score in enumerate(scores) if score == max(scores)]
        fields["probabilities"] = dict.fromkeys(winners, 1 / len(winners))
    return Judgement.failure(Status.DRAW, f"equal scores {scores}, and the question knows no tie", **fields)


def _by_score(scores: list[float], space: AnswerSpace) -> Verdict | None:
    """The best candidate, or all from best to worst; `None` where scores are equal and there is no tie to say so."""
    # `sorted` is stable: equal scores keep the order shown, so the result is the same on every run.
    best = sorted(range(len(scores)), key=lambda place: -scores[place])
    if isinstance(space, Ranking):
        return None if len(set(scores)) < len(scores) else tuple(best)
    if scores[best[0]] > scores[best[1]]:
        return best[0]
    return TIE if isinstance(space, Preference) and space.ties else None


def unfold(options: ReplayOptions, context: Context) -> list[UnfoldedEntry]:
    """One judge for each file name under the folder `answers`, in sorted order. A file is one judge.

    Looks for `<folder>/*/outputs/*` and `<folder>/outputs/*`, and only where there is neither, for `<folder>/*`.

    Raises:
        DataError: There is no such file or folder, or no answers in it.
    """
    root, shared = Path(options.answers), options.model_dump(exclude_none=True)
    if options.layouts is not None:
        names = [options.judge] if options.judge else find_judges(options, context)
        return [UnfoldedEntry(name=name, options={**shared, "judge": name}) for name in names]
    if options.files is not None or not root.is_dir():
        name = context.name if options.files is not None else _stem(_files(options)[0])
        return [UnfoldedEntry(name=name, options=options.model_dump(exclude_none=True))]
    found = [*root.glob(f"*/{_OUTPUTS}/*"), *root.glob(f"{_OUTPUTS}/*")]
    # The two layouts are not mixed: a stray file at the top is no judge where `outputs` folders exist.
    found = [path for path in found if _is_recording(path)] or [path for path in root.glob("*") if _is_recording(path)]
    judges: dict[str, list[str]] = {}
    for path in sorted(found):
        judges.setdefault(_stem(path), []).append(path.relative_to(root).as_posix())
    if not judges:
        raise DataError(
            f"replay: no recorded answers in {root}; expected */{_OUTPUTS}/*.jsonl[.gz], {_OUTPUTS}/*.jsonl[.gz] or "
            "*.jsonl[.gz]"
        )
    return [UnfoldedEntry(name=name, options={**shared, "files": judges[name]}) for name in sorted(judges)]


def _find_files_of_judge(options: ReplayOptions, context: Context) -> list[tuple[RecordingLayout, Path]]:
    """The files of the judge that the options name, each with its layout."""
    found = find_judges(options, context)
    if options.judge not in found:
        raise DataError(
            f"replay: no answers of the judge {options.judge!r} in {options.answers}; there are {', '.join(found)}"
        )
    return found[options.judge]


def _files(options: ReplayOptions) -> list[Path]:
    root = Path(options.answers)
    if not root.exists():
        raise DataError(f"replay: {root}: no such file or folder; fix `answers:`")
    if options.files is None:
        if root.is_dir():
            raise DataError(f"replay: {root} is a folder; name one file, or the files of one judge with `files:`")
        return [root]
    paths = [root / name for name in options.files]
    for path in paths:
        # `files:` comes from a manifest that may be a stranger's; `..` and links must not read other files.
        if not path.resolve().is_relative_to(root.resolve()):
            raise DataError(f"replay: {path} leads out of {root}; keep recorded answers inside it")
        if not path.is_file():
            raise DataError(f"replay: {path}: no such file; fix `files:`")
    return paths


def _is_recording(path: Path) -> bool:
    return path.is_file() and path.name.endswith(_SUFFIXES) and not path.name.startswith(".")


def _stem(path: Path) -> str:
    return path.name.removesuffix(".gz").removesuffix(".jsonl")


def _digest_answers(answers: Mapping[tuple[str, Place], Recorded]) -> str:
    sha = hashlib.sha256()
    # The task is among the rest.
    for (_, place), recorded in sorted(answers.items()):
        rest = None if recorded.rest is None else dict(recorded.rest)
        sha.update(json.dumps([place, recorded.response, rest], sort_keys=True).encode("utf-8", "surrogatepass"))
    return sha.hexdigest()


def _digest(path: Path) -> str:
    try:
        with open_regular(path) as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"replay: {path}: cannot be read ({error.strerror or error}); fix the file") from error


def make(options: ReplayOptions, context: Context) -> Replay:
    """The judge `replay`."""
    return Replay(options, context)

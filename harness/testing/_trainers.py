"""The contract of trainers as checks, on a small recipe of two made-up tasks.

By default a trainer may take days, so it is only trained where its card has an example, or where options are given that
make it short (`steps=2`), or data, which for a trainer is the model that it starts from. Not for how much is learnt.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from harness.api import (
    AnswerSpace,
    Card,
    Choice,
    Example,
    Item,
    Judgement,
    Message,
    PluginError,
    Preference,
    Request,
    Trainer,
    Training,
    TrainingResult,
    TrainingTask,
    UserError,
    Verdict,
    WeightedReward,
)
from harness.formats.tagged import TaggedFormat
from harness.testing._members import check_members
from harness.testing._subject import Check, CheckWarning, Subject, subject
from harness.train.folder import Curves

_ITEMS = {"train": 12, "validation": 4}
_SPACES: dict[str, AnswerSpace] = {"even": Choice(("yes", "no")), "larger": Preference(2)}
_FORM = TaggedFormat()


class _Stopped(BaseException):
    """As a machine that goes down: no trainer may catch it."""


@dataclass(kw_only=True)
class _Attempt:
    """One attempt to train."""

    folder: Path
    stop_after: int | None = None
    """How many times it may log before it is stopped."""
    logged: list[tuple[int, Mapping[str, float]]] = field(default_factory=list)
    """What it logged."""
    trained: TrainingResult | None = None
    """What came of it."""

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        """As the harness does, and stop where it is time."""
        Curves(self.folder).add(step, metrics)
        self.logged.append((step, dict(metrics)))
        if self.stop_after is not None and len(self.logged) >= self.stop_after:
            raise _Stopped

    def model(self) -> dict[str, str]:
        """A digest of each file of the trained model; where it was trained makes no difference."""
        here = str(self.folder).encode()
        files = sorted(path for path in (self.folder / "model").rglob("*") if path.is_file())
        return {
            str(path.relative_to(self.folder)): sha256(path.read_bytes().replace(here, b"")).hexdigest()
            for path in files
        }


def trainer_checks(what: Card | str, **fields: object) -> Iterator[Check]:
    """The checks of a trainer: a card, or its id; `options`, `data` and `context` go to its factory."""
    yield from checks(subject(what, **fields))


def checks(one: Subject) -> Iterator[Check]:
    """The contract, each clause as a check; those that train only where something makes it short."""
    yield "trainer_protocol", lambda: _check_protocol(one)
    yield "trainer_members", lambda: check_members("trainer", one.made)
    yield "trainer_fingerprint_is_stable", lambda: _check_fingerprint(one)
    if one.options or one.data or one.offer.card.example is not None:
        yield "trainer_trains", lambda: _check_trains(one)
        yield "trainer_log_is_readable", lambda: _check_log(one)
        yield "trainer_is_deterministic", lambda: _check_deterministic(one)
        yield "trainer_resumes", lambda: _check_resumes(one)


def recipe(one: Subject, attempt: _Attempt) -> Training:
    """A recipe of two tasks of a few examples, with a reward for the right verdict."""
    tasks = [
        TrainingTask(name=name, id=f"check/{name}", train="train", validation="validation", examples=examples)
        for name, examples in ((name, partial(_examples, name)) for name in _SPACES)
    ]
    right = WeightedReward(name="right", reward=_right, weight=1.0)
    return Training(
        name="check",
        seed=7,
        model=one.inputs[1],
        tasks=tuple(tasks),
        rewards=(right,),
        folder=attempt.folder,
        log=attempt.log,
    )


def _examples(task: str, split: str) -> Iterator[Example]:
    space = _SPACES[task]
    for number in range(_ITEMS[split]):
        gold = space.verdicts()[number % 2]
        shown = ((f"{number}",), (f"{number + 1}",)) if isinstance(space, Preference) else ()
        item = Item(id=f"{split}-{number}", group=f"{split}-{number}", space=space, gold=gold, candidates=shown)
        for order in ((0, 1), (1, 0)) if shown else ((),):
            parts = (f"{task}: {number}?", *(part for place in order for part in shown[place]))
            message = Message("user", (*parts, _FORM.instruction(space)))
            request = Request(
                task=task, item=item.id, messages=(message,), space=space, format=_FORM, order=tuple(order)
            )
            yield Example(request=request, gold=space.to_shown(gold, tuple(order)), item=item)


def _right(request: Request, judgement: Judgement, gold: Verdict) -> float | None:
    return float(judgement.verdict == gold)


def _trainer(one: Subject) -> Trainer:
    made = one.made
    assert isinstance(made, Trainer), f"trainer {one.offer.id}: the factory returned {made!r}, which is no Trainer"
    return made


def _check_protocol(one: Subject) -> None:
    _trainer(one)


def _attempt(one: Subject, *, folder: Path | None = None, stop_after: int | None = None) -> _Attempt:
    """Train with a new trainer. One that refuses the recipe is warned of, and the attempt has no outcome."""
    _trainer(one)
    folder = folder or Path(tempfile.mkdtemp(prefix="harness-train-"))
    attempt = _Attempt(folder=folder, stop_after=stop_after)
    try:
        attempt.trained = one.make().train(recipe(one, attempt))
    except _Stopped:
        pass
    except PluginError:  # what it logs cannot be kept, or it cannot be made
        raise
    except UserError as error:
        fix = "give options with which it can, and as data the model that it starts from"
        warnings.warn(f"it refuses the recipe of this check ({error}); {fix}", CheckWarning, stacklevel=2)
    else:
        assert stop_after is None, (
            f"trainer {one.offer.id}: it went on after the harness stopped it; let BaseException pass"
        )
    return attempt


def _whole(one: Subject) -> _Attempt:
    """An attempt that nothing stopped, made once."""
    if not hasattr(one, "_whole"):
        one._whole = _attempt(one)  # type: ignore[attr-defined]
    whole: _Attempt = one._whole  # type: ignore[attr-defined]
    return whole


def _check_fingerprint(one: Subject) -> None:
    training = recipe(one, _Attempt(folder=Path(tempfile.mkdtemp(prefix="harness-train-"))))
    try:
        first, second = _trainer(one).fingerprint(training), one.make().fingerprint(training)
    except UserError:
        return  # it says that it needs a model; training is refused in the same way
    assert isinstance(first, str), f"trainer {one.offer.id}: the fingerprint is {first!r}, not text"
    assert first, f"trainer {one.offer.id}: the fingerprint is empty"
    assert first == second, f"trainer {one.offer.id}: made twice alike, the fingerprints are {first!r} and {second!r}"


def _check_trains(one: Subject) -> None:
    whole = _whole(one)
    if whole.trained is None and not whole.logged and not whole.model():
        return
    trained: Any = whole.trained
    assert isinstance(trained, TrainingResult), (
        f"trainer {one.offer.id}: train returned {trained!r}, which is no TrainingResult"
    )
    assert whole.model(), f"trainer {one.offer.id}: it left no file in training.checkpoint"
    assert 0 <= trained.selected <= trained.steps, (
        f"trainer {one.offer.id}: it kept step {trained.selected} of {trained.steps}"
    )
    text = [name for name, value in trained.scores.items() if not isinstance(value, int | float)]
    assert not text, f"trainer {one.offer.id}: the scores {', '.join(map(str, text))} are no numbers"


def _check_log(one: Subject) -> None:
    """`Curves.add` has refused what cannot be kept; here is what a reader of the curves trips over."""
    whole = _whole(one)
    if whole.trained is None:
        return
    steps = [step for step, _ in whole.logged]
    assert steps, f"trainer {one.offer.id}: it logs nothing; call training.log(step, metrics) as it goes"
    assert steps == sorted(steps), f"trainer {one.offer.id}: the steps that it logs go back: {steps}"
    assert steps[-1] <= whole.trained.steps, (
        f"trainer {one.offer.id}: it logs step {steps[-1]} and says that it did {whole.trained.steps}"
    )
    empty = [step for step, metrics in whole.logged if not metrics]
    assert not empty, f"trainer {one.offer.id}: it logs no number at step {empty[0]}"


def _check_deterministic(one: Subject) -> None:
    whole = _whole(one)
    if whole.trained is None:
        return
    again = _attempt(one)
    changed = _differences(whole, again)
    assert not changed, (
        f"trainer {one.offer.id}: trained twice with one seed, {', '.join(changed)} differ; take all that is random "
        "from training.seed"
    )


def _check_resumes(one: Subject) -> None:
    whole = _whole(one)
    if whole.trained is None or len(whole.logged) < 2:
        return
    stopped = _attempt(one, stop_after=(len(whole.logged) + 1) // 2)
    resumed = _attempt(one, folder=stopped.folder)
    assert isinstance(resumed.trained, TrainingResult), f"trainer {one.offer.id}: stopped half way, it does not go on"
    changed = _differences(whole, resumed)
    assert not changed, (
        f"trainer {one.offer.id}: stopped half way and gone on, {', '.join(changed)} differ from a training that "
        "nothing stopped; keep all of its state in training.folder, that of the random numbers too"
    )
    if resumed.logged and resumed.logged[0][0] <= stopped.logged[0][0]:
        warnings.warn(
            "stopped half way, it begins from the start again; keep its state in training.folder to go on",
            CheckWarning,
            stacklevel=2,
        )


def _differences(one: _Attempt, other: _Attempt) -> list[str]:
    ours, theirs = one.model(), other.model()
    return sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))

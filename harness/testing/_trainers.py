"""The contract of trainers as checks, on a small recipe of two made-up tasks.

By default a trainer may take days, so it is only trained where its card has an example, or where options are given that
make it short (`steps=2`), or data, which for a trainer is the model that it starts from. Not for how much is learnt.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
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
    sample_items,
)
from harness.formats.tagged import TaggedFormat
from harness.testing._members import check_members
from harness.testing._subject import Check, CheckWarning, Subject, find_subject
from harness.training.folder import Curves

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
        # Through the harness's own file, which refuses what cannot be kept.
        Curves(self.folder).add(step, metrics)
        self.logged.append((step, dict(metrics)))
        # After it was written, as a machine goes down: the harness has the step on disk.
        if self.stop_after is not None and len(self.logged) >= self.stop_after:
            raise _Stopped

    def model(self) -> dict[str, str]:
        """A digest of each file of the trained model; where it was trained makes no difference."""
        # A model card may name the folder that it was trained in.
        here = str(self.folder).encode()
        files = sorted(path for path in (self.folder / "model").rglob("*") if path.is_file())
        return {
            str(path.relative_to(self.folder)): sha256(path.read_bytes().replace(here, b"")).hexdigest()
            for path in files
        }


def trainer_checks(what: Card | str, **fields: object) -> Iterator[Check]:
    """The checks of a trainer: a card, or its id; `options`, `data` and `context` go to its factory."""
    yield from checks(find_subject(what, **fields))


def checks(subject: Subject) -> Iterator[Check]:
    """The contract, each clause as a check; those that train only where something makes it short."""
    yield "trainer_protocol", lambda: _check_protocol(subject)
    yield "trainer_members", lambda: check_members("trainer", subject.instance)
    yield "trainer_fingerprint_is_stable", lambda: _check_fingerprint(subject)
    if subject.options or subject.data or subject.offer.card.example is not None:
        yield "trainer_trains", lambda: _check_trains(subject)
        yield "trainer_log_is_readable", lambda: _check_log(subject)
        yield "trainer_is_deterministic", lambda: _check_deterministic(subject)
        yield "trainer_resumes", lambda: _check_resumes(subject)


def recipe(subject: Subject, attempt: _Attempt) -> Training:
    """A recipe of two tasks of a few examples, with a reward for the right verdict."""
    tasks = [
        TrainingTask(
            name=name,
            id=f"check/{name}",
            train="train",
            validation="validation",
            examples=examples,
            sample=examples.sample,
        )
        for name, examples in ((name, _Examples(task=name)) for name in _SPACES)
    ]
    right = WeightedReward(name="right", reward=_right, weight=1.0)
    return Training(
        name="check",
        seed=7,
        model=subject.inputs[1],
        tasks=tuple(tasks),
        rewards=(right,),
        folder=attempt.folder,
        log=attempt.log,
    )


@dataclass(kw_only=True)
class _Examples:
    """Streams a task with all that `harness train` offers: `skipped`, and `sample`."""

    task: str
    skipped: dict[str, set[str]] = field(default_factory=dict)
    """Ids of the items that were left out, by split: none."""

    def __call__(self, split: str) -> Iterator[Example]:
        self.skipped.setdefault(split, set())
        return _examples(self.task, split)

    def sample(self, split: str, limit: int) -> Iterator[Example]:
        """At most `limit` items, as `harness.api.sample_items` chooses them."""
        chosen = sample_items((example.item for example in self(split)), limit=limit)
        return (example for example in self(split) if example.item.id in chosen)


def _examples(task: str, split: str) -> Iterator[Example]:
    space = _SPACES[task]
    for number in range(_ITEMS[split]):
        gold = space.verdicts()[number % 2]
        shown = ((f"{number}",), (f"{number + 1}",)) if isinstance(space, Preference) else ()
        item = Item(id=f"{split}-{number}", group=f"{split}-{number}", space=space, gold=gold, candidates=shown)
        # As the harness shows a pair in training: once in each order.
        for order in ((0, 1), (1, 0)) if shown else ((),):
            parts = (f"{task}: {number}?", *(part for place in order for part in shown[place]))
            message = Message("user", (*parts, _FORM.instruction(space)))
            request = Request(
                task=task, item=item.id, messages=(message,), space=space, format=_FORM, order=tuple(order)
            )
            yield Example(request=request, gold=space.to_shown(gold, tuple(order)), item=item)


def _right(request: Request, judgement: Judgement, gold: Verdict) -> float | None:
    return float(judgement.verdict == gold)


def _trainer(subject: Subject) -> Trainer:
    instance = subject.instance
    assert isinstance(instance, Trainer), (
        f"trainer {subject.id}: the factory returned {instance!r}, which is no Trainer"
    )
    return instance


def _check_protocol(subject: Subject) -> None:
    _trainer(subject)


def _attempt(subject: Subject, *, folder: Path | None = None, stop_after: int | None = None) -> _Attempt:
    """Train with a new trainer. One that refuses the recipe is warned of, and the attempt has no outcome."""
    _trainer(subject)
    folder = folder or Path(tempfile.mkdtemp(prefix="harness-train-"))
    attempt = _Attempt(folder=folder, stop_after=stop_after)
    try:
        # A new trainer each time: what it keeps in memory does not outlive a machine.
        attempt.trained = subject.make().train(recipe(subject, attempt))
    except _Stopped:
        pass
    except PluginError:  # what it logs cannot be kept, or it cannot be made
        raise
    # Not a fault: a trainer may need a model or more data than a check can make up.
    except UserError as error:
        fix = "give options with which it can, and as data the model that it starts from"
        warnings.warn(f"it refuses the recipe of this check ({error}); {fix}", CheckWarning, stacklevel=2)
    else:
        assert stop_after is None, (
            f"trainer {subject.id}: it went on after the harness stopped it; let BaseException pass"
        )
    return attempt


def _whole(subject: Subject) -> _Attempt:
    """An attempt that nothing stopped, made once."""
    if not hasattr(subject, "_whole"):
        subject._whole = _attempt(subject)  # type: ignore[attr-defined]
    whole: _Attempt = subject._whole  # type: ignore[attr-defined]
    return whole


def _check_fingerprint(subject: Subject) -> None:
    training = recipe(subject, _Attempt(folder=Path(tempfile.mkdtemp(prefix="harness-train-"))))
    try:
        first, second = _trainer(subject).fingerprint(training), subject.make().fingerprint(training)
    except UserError:
        return  # it says that it needs a model; training is refused in the same way
    assert isinstance(first, str), f"trainer {subject.id}: the fingerprint is {first!r}, not text"
    assert first, f"trainer {subject.id}: the fingerprint is empty"
    assert first == second, f"trainer {subject.id}: made twice alike, the fingerprints are {first!r} and {second!r}"


def _check_trains(subject: Subject) -> None:
    whole = _whole(subject)
    if whole.trained is None and not whole.logged and not whole.model():
        return
    trained: Any = whole.trained
    assert isinstance(trained, TrainingResult), (
        f"trainer {subject.id}: train returned {trained!r}, which is no TrainingResult"
    )
    assert whole.model(), f"trainer {subject.id}: it left no file in training.checkpoint"
    assert 0 <= trained.selected <= trained.steps, (
        f"trainer {subject.id}: it kept step {trained.selected} of {trained.steps}"
    )
    text = [name for name, value in trained.scores.items() if not isinstance(value, int | float)]
    assert not text, f"trainer {subject.id}: the scores {', '.join(map(str, text))} are no numbers"


def _check_log(subject: Subject) -> None:
    """`Curves.add` has refused what cannot be kept; here is what a reader of the curves trips over."""
    whole = _whole(subject)
    if whole.trained is None:
        return
    steps = [step for step, _ in whole.logged]
    assert steps, f"trainer {subject.id}: it logs nothing; call training.log(step, metrics) as it goes"
    assert steps == sorted(steps), f"trainer {subject.id}: the steps that it logs go back: {steps}"
    assert steps[-1] <= whole.trained.steps, (
        f"trainer {subject.id}: it logs step {steps[-1]} and says that it did {whole.trained.steps}"
    )
    empty = [step for step, metrics in whole.logged if not metrics]
    assert not empty, f"trainer {subject.id}: it logs no number at step {empty[0]}"


def _check_deterministic(subject: Subject) -> None:
    whole = _whole(subject)
    if whole.trained is None:
        return
    again = _attempt(subject)
    changed = _differences(whole, again)
    assert not changed, (
        f"trainer {subject.id}: trained twice with one seed, {', '.join(changed)} differ; take all that is random "
        "from training.seed"
    )


def _check_resumes(subject: Subject) -> None:
    whole = _whole(subject)
    if whole.trained is None or len(whole.logged) < 2:
        return
    # Half way, so that there is something to go on from and something left to do.
    stopped = _attempt(subject, stop_after=(len(whole.logged) + 1) // 2)
    resumed = _attempt(subject, folder=stopped.folder)
    assert isinstance(resumed.trained, TrainingResult), f"trainer {subject.id}: stopped half way, it does not go on"
    changed = _differences(whole, resumed)
    assert not changed, (
        f"trainer {subject.id}: stopped half way and gone on, {', '.join(changed)} differ from a training that "
        "nothing stopped; keep all of its state in training.folder, that of the random numbers too"
    )
    # Beginning again is sound, and only costs time: no fault.
    if resumed.logged and resumed.logged[0][0] <= stopped.logged[0][0]:
        warnings.warn(
            "stopped half way, it begins from the start again; keep its state in training.folder to go on",
            CheckWarning,
            stacklevel=2,
        )


def _differences(first: _Attempt, second: _Attempt) -> list[str]:
    ours, theirs = first.model(), second.model()
    return sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))

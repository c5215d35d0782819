"""The judge that was trained on one task: boosted trees on simple image features and the words of the question.

A real single-task baseline, quick and deterministic. It refuses a form of question that it was not trained on. Not
a vision model: see `harness_baselines.features` for all that it sees.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib.metadata import version
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeAlias

from harness.api import AnswerSpace, Context, DataError, Example, Judgement, Request, Status
from harness_baselines.chance import guess
from harness_baselines.learning import Lessons, NoTrainSplit
from harness_baselines.options import PixelsOptions
from harness_baselines.verdicts import describe_space, digest_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_BATCH = 64
_WORDS = 1024  # buckets of hashed words and pairs of words
_FEATURES = 2  # counted up whenever the features change, so that no older answers are taken for these
_MOST_CLASSES = 200  # boosting fits one tree for each class in each iteration

_Form: TypeAlias = tuple[AnswerSpace, int]
"""Answer space and number of images: what a classifier is trained for."""


class Pixels:
    """Fits at the first question, then answers in batches of 64, with probabilities.

    Args:
        options: What the manifest says.
        context: Gives the train splits.
    """

    def __init__(self, options: PixelsOptions, context: Context) -> None:
        self._options = options
        self._seed = context.seed if options.seed is None else options.seed
        self._lessons: Lessons[dict[_Form, _Classifier]] = Lessons(
            context, train=options.train, limit=options.limit, fit=self._fit
        )

    def judge(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Judgement]]:
        """Answer requests in batches. Fitting takes some 5 ms an example, once.

        Raises:
            DataError: An image cannot be read.
        """
        stream = iter(requests)
        while batch := list(islice(stream, _BATCH)):
            with _one_thread():
                yield from self._judge_batch(batch)

    def fingerprint(self) -> str:
        """Covers the options, the seed, the versions of what computes, and the tasks learnt from."""
        versions = [version(name) for name in ("scikit-learn", "numpy", "pillow")]
        return digest_of(
            "pixels", _FEATURES, self._options.model_dump(), self._seed, versions, self._lessons.fingerprints()
        )

    def _fit(self, examples: Iterator[Example]) -> dict[_Form, _Classifier]:
        gathered: dict[_Form, _TrainingSet] = {}
        with _one_thread():
            while batch := list(islice(examples, _BATCH)):
                for form, chosen in _by_form([example.request for example in batch]).items():
                    known = gathered.setdefault(form, _TrainingSet([], []))
                    known.features.append(_features([batch[k].request for k in chosen]))
                    known.golds += [form[0].name(batch[k].gold) for k in chosen]
            return {form: _Classifier(known, seed=self._seed) for form, known in gathered.items()}

    def _judge_batch(self, batch: list[Request]) -> Iterator[tuple[Request, Judgement]]:
        by_task: dict[str, list[Request]] = {}
        for request in batch:
            by_task.setdefault(request.task, []).append(request)
        for task, requests in by_task.items():
            model = self._lessons.model(task)
            for form, chosen in _by_form(requests).items():
                asked = [requests[k] for k in chosen]
                if isinstance(model, NoTrainSplit):
                    yield from self._unseen(asked, f"task {task}: {model.reason}")
                elif form in model:
                    yield from zip(asked, model[form].answers(asked), strict=True)
                else:
                    trained = " and ".join(_in_words(known) for known in model) or "nothing"
                    yield from self._unseen(asked, f"trained on {trained}; this asks for {_in_words(form)}")

    def _unseen(self, requests: list[Request], reason: str) -> Iterator[tuple[Request, Judgement]]:
        for request in requests:
            if self._options.unseen == "guess":
                yield request, guess(request, seed=self._seed)
            else:
                yield request, Judgement.failure(Status.REFUSED, reason)


@dataclass(slots=True)
class _TrainingSet:
    """Training data of one form."""

    features: list[NDArray[np.float32]]
    golds: list[str]


class _Classifier:
    """Gradient-boosted trees from features to verdict names, in shown places."""

    def __init__(self, gathered: _TrainingSet, *, seed: int) -> None:
        import numpy as np
        from sklearn.ensemble import HistGradientBoostingClassifier

        # `np.unique` sorts the names, so the class order does not depend on the order of the examples.
        features = np.concatenate(gathered.features)
        names, classes = np.unique(gathered.golds, return_inverse=True)
        if len(names) > _MOST_CLASSES:
            raise DataError(f"pixels: {len(names)} different answers are too many to tell apart; use it on {_FIT_FOR}")
        self._names = [str(name) for name in names]
        # Most word buckets are empty: constant columns only cost time.
        self._used = features.std(axis=0) > 0
        self._trees: Any = None
        if len(names) > 1 and self._used.any():
            # 15 of 100 features for each split make fitting five times faster and cost nothing in accuracy.
            self._trees = HistGradientBoostingClassifier(
                max_iter=100, max_leaf_nodes=15, max_bins=64, max_features=0.15, early_stopping=False, random_state=seed
            ).fit(features[:, self._used], classes)
        self._shares = np.bincount(classes) / len(classes)

    def answers(self, requests: list[Request]) -> Iterator[Judgement]:
        """The most probable answer to each."""
        import numpy as np

        if self._trees is None:  # one answer only, or nothing that differs: the shares are all that can be known
            table = np.tile(self._shares, (len(requests), 1))
        else:
            table = self._trees.predict_proba(_features(requests)[:, self._used])
        for request, row in zip(requests, table, strict=True):
            probabilities = dict(zip(self._names, (float(value) for value in row), strict=True))
            verdict = request.space.read(self._names[int(row.argmax())])
            assert verdict is not None  # names come from golds of this very space
            yield Judgement.of(verdict, probabilities=probabilities)


_FIT_FOR = "labels, preferences, scores in steps or short rankings"


def _features(requests: Sequence[Request]) -> NDArray[np.float32]:
    """Image features, then hashed words. Shape (N, D). All requests have the same number of images."""
    import numpy as np
    from sklearn.feature_extraction.text import HashingVectorizer

    from harness_baselines.features import describe_all

    # Hashing needs no vocabulary, so nothing is fitted on text.
    words = HashingVectorizer(n_features=_WORDS, ngram_range=(1, 2), alternate_sign=False, norm=None, binary=True)
    # Many questions of a task have one text, which is hashed once.
    places = {text: place for place, text in enumerate(dict.fromkeys(request.text for request in requests))}
    hashed = words.transform(list(places)).toarray().astype(np.float32)
    text = hashed[[places[request.text] for request in requests]]
    return np.concatenate([describe_all([request.images for request in requests]), text], axis=1)


def _by_form(requests: list[Request]) -> dict[_Form, list[int]]:
    forms: dict[_Form, list[int]] = {}
    for place, request in enumerate(requests):
        forms.setdefault((request.space, len(request.images)), []).append(place)
    return forms


def _in_words(form: _Form) -> str:
    space, images = form
    count = {0: "without an image", 1: "about one image"}.get(images, f"about {images} images")
    return f"{describe_space(space)} {count}"


def _one_thread() -> AbstractContextManager[Any]:
    """Threads would only wait for each other on arrays this small, and other judges may want the cores."""
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[Any] = threadpool_limits(limits=1)
    return limits


def make(options: PixelsOptions, context: Context) -> Pixels:
    """The judge `pixels`."""
    return Pixels(options, context)

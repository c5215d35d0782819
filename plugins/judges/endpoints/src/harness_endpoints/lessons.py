"""Facts learnt about a server, for the rest of the run: the fields it refuses, whether it answers, under which name."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterable

from harness.api import JudgeStoppedError
from harness_endpoints.options import EndpointOptions
from harness_endpoints.payload import LIMITS, Field

_log = logging.getLogger("harness_endpoints")
_MOST_NAMES = 5
# A name that ends with a date or a number is a snapshot of the same model: gpt-4o-2024-08-06, mistral-small-2503.
_SNAPSHOT = re.compile(r"(?:[-@:_]v?[0-9]{3,}[-0-9.:]*)?")
_MOVING = re.compile(r"(?:[-:]latest|:free|:nitro|:floor)$")


class Lessons:
    """One for each judge. Every flow of its requests learns from it and adds to it.

    Args:
        options: The judge's.
        name: The judge's name, for messages.

    Attributes:
        answered: Whether the server has answered anything.
        seen: Whether it has answered a request with images.
    """

    def __init__(self, options: EndpointOptions, name: str) -> None:
        self._options = options
        self._name = name
        self._off: frozenset[Field] = frozenset()
        self._left: dict[frozenset[Field], frozenset[Field]] = {}
        self._warned: set[str] = set()
        self._failures: Counter[str] = Counter()
        self.answered = False
        self.seen = False

    def still_sent(self, wanted: frozenset[Field]) -> frozenset[Field]:
        """The wanted fields without those that the server refuses."""
        if not self._off:
            return wanted
        if wanted not in self._left:
            self._left[wanted] = without(wanted, self._off)
        return self._left[wanted]

    def leave_no_limit(self, field: str) -> bool:
        """Whether nothing would limit the length of an answer if this field were left out as well."""
        return field in LIMITS and self._off | {field} >= LIMITS

    def turn_off(self, refused: Iterable[Field], why: str) -> None:
        """Leave these out from now on, or send them under their other name, and say so once."""
        news = frozenset(refused) - self._off
        if not news:
            return
        self._off |= news
        self._left.clear()  # a cache of `still_sent`
        for field in sorted(news):
            other = next(iter(LIMITS - {field})) if field in LIMITS else ""
            what = f"sends {other} for {field}" if other else f"goes on without {field}"
            _log.warning("judge %s: %s from now on: %s", self._name, what, why)

    def record_success(self, *, images: bool) -> None:
        """A request was answered."""
        self.answered = True
        self.seen = self.seen or images
        # `max_failures` counts failures in a row, of one kind.
        if self._failures:
            self._failures.clear()

    def check_name(self, name: str) -> None:
        """Say once that another model answers than the one that was asked."""
        if not name or name in self._warned or len(self._warned) >= _MOST_NAMES:
            return
        self._warned.add(name)
        if not is_same_model(self._options.model, name):
            _log.warning(
                "judge %s: asked for the model %r, and %r answers; see that it is the one you mean",
                self._name,
                self._options.model,
                name,
            )

    def check_empty(self) -> None:
        """Say once that a server gave reasoning and an empty text."""
        if "" not in self._warned:
            self._warned.add("")
            _log.warning(
                "judge %s: an answer of reasoning with an empty text; if they all are, the server's reasoning parser "
                "took the answer: start the server without it, or turn thinking off",
                self._name,
            )

    def record_failure(self, kind: str, why: str) -> None:
        """Count a request that failed for good.

        Raises:
            JudgeStoppedError: So many have failed in the same way without an answer in between that more would too.
        """
        self._failures[kind] += 1
        most = self._options.max_failures
        if most is not None and self._failures[kind] >= most:
            raise JudgeStoppedError(
                f"judge {self._name}: {most} requests failed in the same way and none was answered in between; the "
                f"last: {why}; fix that and give the same command again, or raise `max_failures` if other requests "
                "would be answered"
            )


def without(wanted: frozenset[Field], refused: frozenset[Field]) -> frozenset[Field]:
    """The fields to send where some are refused. The limit goes out under its other name."""
    left = wanted - refused
    # OpenAI's API refuses top_logprobs without logprobs.
    if "logprobs" in refused:
        left -= {"top_logprobs"}
    if wanted & refused & LIMITS:
        left |= {field for field in _LIMITS if field not in refused}
    return left


_LIMITS: tuple[Field, Field] = ("max_tokens", "max_completion_tokens")


def is_same_model(asked: str, answered: str) -> bool:
    """Whether a name is the model that was asked for, or a snapshot of it; the provider's prefix aside."""
    want, got = (_MOVING.sub("", name.lower().strip().rpartition("/")[2]) for name in (asked, answered))
    return got.startswith(want) and _SNAPSHOT.fullmatch(got[len(want) :]) is not None

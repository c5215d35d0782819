"""The generative judge: three ways to a verdict, one parser.

    generate              the model writes reasoning and verdict; the request's format reads them
    verdict               the model weighs every answer of the space, as the format writes it; the likeliest counts
    reason-then-verdict   the model writes; then it weighs every answer after its own reasoning

Here is who is asked together and what an answer becomes. How the model is run is in `language`, how answers are
weighed in `weighing`.
"""

from __future__ import annotations

import copy
import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.api import Context, DataError, Judgement, Request, Status, TextWeights, UserError, majority_vote
from harness_transformers.adapters import base_of, is_adapter
from harness_transformers.batches import Answered, Group, Room, free_memory, group_requests, pack_batches, windows
from harness_transformers.eyes import shuffle_eyes
from harness_transformers.gguf_files import model_of
from harness_transformers.given_text import weigh_texts
from harness_transformers.language import Prefix
from harness_transformers.loading import WeightsSource, content_of, pin, source_of
from harness_transformers.numerics import out_of_memory
from harness_transformers.opening import Opened, open_language, refusal
from harness_transformers.options import GenerativeOptions
from harness_transformers.sampling import Sampling
from harness_transformers.weighing import answer_set_of
from harness_transformers.writing import Written

if TYPE_CHECKING:
    from torch import Tensor

_GENERATION = 2  # raise it whenever answers may change
_SORTED_BATCHES = 8  # batches' worth of requests that are sorted by length together

Compute = Callable[[Opened, list[Group], int, float], list[Answered]]


class LocalJudge:
    """A language model on this machine. Weights are opened at the first request and let go by `close`.

    Args:
        options: What the manifest says.
        context: Name, seed and workspace.

    Raises:
        UserError: There is no such model or adapter.
    """

    def __init__(self, options: GenerativeOptions, context: Context) -> None:
        self._options = options
        self._who = f"judge {context.name}"
        self._source = pin(model_of(options.model, options.gguf_file, self._who), self._who)
        self._adapter = None
        if is_adapter(self._source):
            self._source, self._adapter = self._base(self._source), self._source
        if self._source.file is not None and options.kind == "vision":
            raise UserError(f"{self._who}: kind: vision: of a GGUF file only the text model is opened; remove kind")
        if options.adapter is not None:
            adapter = source_of("adapter", options.adapter, self._who)
            self._adapter = pin(adapter, self._who, known_by="adapter_config.json")
        self._weights = content_of(self._source, context.workspace)
        if self._adapter is not None:
            self._weights += "+" + content_of(self._adapter, context.workspace)
        self._seed = context.seed
        self._opened: Opened | None = None
        self._blind: int | None = None
        self._room = Room(options.batch_size, self._forget_features)

    def _base(self, adapter: WeightsSource) -> WeightsSource:
        """What the adapter that `model` names belongs to."""
        if self._options.adapter is not None:
            raise UserError(f"{self._who}: model: {adapter}: is an adapter itself; give its base as model")
        if self._options.trust_remote_code:  # what was allowed is the code of this folder, and it has none
            raise UserError(
                f"{self._who}: model: {adapter}: is an adapter, and code would come from its base; give the base as "
                "model and this folder as adapter"
            )
        return base_of(adapter, self._who)

    def fingerprint(self) -> str:
        """Covers the weights (to the byte or the commit), the seed where one is used, the generation of this code."""
        # At temperature 0 nothing is drawn, and answers of other seeds can be used again.
        seed = self._seed if self._options.temperature else None
        facts = [_GENERATION, self._weights, seed, *([] if self._blind is None else ["blind", self._blind])]
        if self._adapter is not None:
            facts.append("adapter in its own precision")  # earlier versions rounded it to the type of the model
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]

    @property
    def answers_by_item(self) -> bool:
        """Whether it draws: two items of equal content are then asked one by one, each with a seed of its own."""
        return self._options.temperature > 0 and self._options.mode != "verdict"

    @property
    def continues(self) -> bool:
        """Whether it goes on from a given beginning: where it writes its answer, and weighs none."""
        return self._options.mode == "generate"

    def log_probabilities(self, requests: Sequence[Request], texts: Sequence[str]) -> list[TextWeights]:
        """How likely it finds a text as the answer to each request, piece by piece.

        Raises:
            DataError: An image cannot be read, or a request cannot be put to this model.
            UserError: The model cannot be opened.
        """
        import torch

        for request in requests:
            if reason := self._refusal(request):
                raise DataError(f"{self._who}: {reason}")
        opened = self._open()
        with torch.inference_mode():
            return self._room.attempt(lambda rows: weigh_texts(opened, requests, texts, rows=rows))

    def make_blind_twin(self, seed: int) -> LocalJudge:
        """The same judge with the weights of its vision tower permuted."""
        twin = copy.copy(self)
        twin._opened, twin._blind = None, seed
        twin._room = Room(self._options.batch_size, twin._forget_features)
        return twin

    def close(self) -> None:
        """Let go of the weights."""
        if self._opened is not None:
            self._opened = None
            free_memory()

    def judge(self, requests: Iterable[Request]) -> Iterator[Answered]:
        """Answer requests in batches of prompts of like length.

        Raises:
            UserError: The model cannot be opened.
        """
        # A window of several batches is sorted by length: less padding than batches in the order of the stream.
        size = _SORTED_BATCHES * max(1, self._options.batch_size // self._options.samples)
        for window in windows(requests, size):
            readable = []
            for request in window:
                if reason := self._refusal(request):
                    yield request, Judgement.failure(Status.REFUSED, reason)
                else:
                    readable.append(request)
            # The model stays closed while there are only refusals.
            if not readable:
                continue
            opened = self._open()
            opened.prompter.expect(readable)
            groups, failed = group_requests(
                readable, opened.prompter.prompt, by_answers=self._options.mode == "verdict"
            )
            yield from failed
            fitting = []
            for group in groups:
                problem = opened.too_long(len(group.prompt.ids))
                if problem:
                    yield from _failures(group, problem)
                else:
                    fitting.append(group)
            yield from self._batches(opened, fitting)

    def _open(self) -> Opened:
        if self._opened is None:
            self._opened = open_language(self._options, self._source, self._adapter, self._who)
            if self._blind is not None:
                shuffle_eyes(self._opened.language.model, seed=self._blind, who=self._who)
        return self._opened

    def _refusal(self, request: Request) -> str:
        if self._source.file is not None:  # known before the file is opened
            kind = "of a GGUF file this judge opens the text model only"
            return refusal(request, sees=False, continues=self.continues, kind=kind)
        return refusal(request, sees=self._open().sees, continues=self.continues)

    def _forget_features(self) -> None:
        if self._opened is not None:
            self._opened.language.clear()

    # -- batches ---------------------------------------------------------------------------------------------------

    def _batches(self, opened: Opened, groups: list[Group]) -> Iterator[Answered]:
        waiting = groups
        while waiting:
            # Packed again for every batch: the number of rows may have shrunk since.
            batch = next(pack_batches(waiting, self._room.rows, self._weight))
            waiting = waiting[len(batch) :]
            yield from self._batch(opened, batch)

    def _weight(self, group: Group) -> int:
        """Rows that a group needs: one to weigh, one for each answer to write."""
        return 1 if self._options.mode == "verdict" else len(group.requests) * self._options.samples

    def _batch(self, opened: Opened, batch: list[Group]) -> Iterator[Answered]:
        import torch

        compute: Compute = self._weigh if self._options.mode == "verdict" else self._write

        def in_parts(rows: int) -> list[Answered]:
            return [
                answer
                for part in pack_batches(batch, rows, self._weight)
                for answer in compute(opened, part, rows, began)
            ]

        # Before the first attempt: a retry with fewer rows is part of the latency.
        began = time.monotonic()
        rows = self._room.rows
        try:
            with torch.inference_mode():
                answers = self._room.attempt(in_parts)
        except Exception as error:
            if not out_of_memory(error):
                raise
            self._room.rows = rows  # one request is too large, which says nothing of the others
            # One group at a time, so that a request that is too large fails alone.
            if len(batch) > 1:
                for group in batch:
                    yield from self._batch(opened, [group])
                return
            problem = "out of memory with one row; use a smaller dtype, a lower max_new_tokens or a larger device"
            answers = _failures(batch[0], problem)
        for request, judgement in answers:
            yield request, replace(judgement, model=self._weights)

    # -- verdict ---------------------------------------------------------------------------------------------------

    def _weigh(self, opened: Opened, batch: list[Group], rows: int, began: float) -> list[Answered]:
        """One pass over each prompt and all its answers."""
        answers: list[Answered] = []
        ready = []
        for group in batch:
            try:
                options = answer_set_of(group.requests[0], opened.prompter, opened=group.prompt.opened)
                ready.append((group, options))
            except DataError as error:
                answers += _failures(group, str(error), Status.REFUSED)
        if not ready:
            return answers
        judged = opened.scales.read(
            [group.prompt for group, _ in ready], [options for _, options in ready], at_once=rows
        )
        seconds = _since(began)
        for (group, _), judgement in zip(ready, judged, strict=True):
            tokens = len(group.prompt.ids)
            counted = replace(judgement, prompt_tokens=tokens, completion_tokens=0, latency_s=seconds)
            answers += [(request, counted) for request in group.requests]
        return answers

    # -- generate, reason-then-verdict -----------------------------------------------------------------------------

    def _write(self, opened: Opened, batch: list[Group], rows: int, began: float) -> list[Answered]:
        """One pass over each prompt, then as many answers as there are requests and samples, a few rows at once."""
        prefix = opened.language.prefill([group.prompt for group in batch])
        asked = [
            (place, request, sample)
            for place, group in enumerate(batch)
            for request in group.requests
            for sample in range(self._options.samples)
        ]
        weighs = self._options.mode == "reason-then-verdict"
        votes: dict[str, list[Judgement]] = {}
        for start in range(0, len(asked), rows):
            places = [place for place, _, _ in asked[start : start + rows]]
            part = [(batch[place], request) for place, request, _ in asked[start : start + rows]]
            samples = [sample for _, _, sample in asked[start : start + rows]]
            written = self._answers(opened, prefix, places, [request for _, request in part], samples)
            judged = [self._read(opened, *shown, text) for shown, text in zip(part, written, strict=True)]
            if weighs:
                judged = self._conclude(opened, prefix.rows(places), part, judged)
            for (group, request), judgement, text in zip(part, judged, written, strict=True):
                counted = replace(
                    judgement,
                    prompt_tokens=len(group.prompt.ids),
                    completion_tokens=len(text.ids),
                    latency_s=_since(began, None if weighs else text.moment),
                )
                votes.setdefault(request.key, []).append(counted)
        return [(request, _together(votes[request.key], request)) for group in batch for request in group.requests]

    def _answers(
        self,
        opened: Opened,
        prefix: Prefix,
        places: Sequence[int],
        requests: Sequence[Request],
        samples: Sequence[int],
    ) -> list[Written]:
        options = self._options
        sampling = Sampling(temperature=options.temperature, top_p=options.top_p, top_k=options.top_k)
        draws = None
        if options.temperature:
            draws = _draws(requests, samples, seed=self._seed, most=options.max_new_tokens)
        return opened.writer.write(prefix, places, most=options.max_new_tokens, sampling=sampling, draws=draws)

    @staticmethod
    def _read(opened: Opened, group: Group, request: Request, written: Written) -> Judgement:
        cut = "max_new_tokens" if written.end is None else ""
        begun = group.prompt.begun
        text = opened.decode_after(group.prompt.begun_ids, written.ids) if begun else opened.decode_exactly(written.ids)
        # The beginning is part of the answer: the verdict may stand after a reasoning that was given.
        return request.read(begun + text, opened=group.prompt.opened, cut=cut)

    def _conclude(
        self, opened: Opened, prefix: Prefix, part: Sequence[tuple[Group, Request]], read: Sequence[Judgement]
    ) -> list[Judgement]:
        """Weigh the answers of each request after the reasoning that the model wrote."""
        found: dict[int, Judgement] = {}
        ready = {}
        for row, ((group, request), judgement) in enumerate(zip(part, read, strict=True)):
            try:
                ready[row] = answer_set_of(request, opened.prompter, judgement.rationale, opened=group.prompt.opened)
            except DataError as error:
                found[row] = Judgement.failure(Status.REFUSED, str(error))
        if ready:
            reasoned = prefix.rows(list(ready))
            if any(options.opening for options in ready.values()):
                opened.language.append(reasoned, [options.opening for options in ready.values()])
            judged = opened.scales.judgements(reasoned, list(ready.values()), at_once=len(part))
            found.update(zip(ready, judged, strict=True))
        return [found[row] for row in range(len(part))]


def make(options: GenerativeOptions, context: Context) -> LocalJudge:
    """The factory of the card."""
    return LocalJudge(options, context)


def _together(votes: Sequence[Judgement], request: Request) -> Judgement:
    """The vote of the samples. The answer is there with the last of them."""
    return replace(majority_vote(votes, request), latency_s=max(vote.latency_s or 0.0 for vote in votes))


def _since(began: float, moment: float | None = None) -> float:
    """Seconds from a moment to another, or to now."""
    return round((time.monotonic() if moment is None else moment) - began, 4)


def _failures(group: Group, problem: str, status: Status = Status.ERROR) -> list[Answered]:
    return [(request, Judgement.failure(status, problem)) for request in group.requests]


def _draws(requests: Sequence[Request], samples: Sequence[int], *, seed: int, most: int) -> Tensor:
    """Uniform numbers, shape (rows, most): each request and sample has its own, in any batch."""
    import numpy as np
    import torch

    # By request, run and sample: resuming and other batch sizes change no draw.
    rows = [
        np.random.Generator(np.random.Philox(np.random.SeedSequence([request.seed, seed, sample]))).random(most)
        for request, sample in zip(requests, samples, strict=True)
    ]
    return torch.from_numpy(np.stack(rows))

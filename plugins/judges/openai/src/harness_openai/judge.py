"""The judge `openai`: a model at an OpenAI-compatible chat-completions endpoint."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import closing

from harness.api import Context, Judgement, Pricing, Request, TokenEstimate
from harness_openai.asking import Asker, Slots
from harness_openai.budget import Budget
from harness_openai.flow import Flow
from harness_openai.image_tokens import image_tokens
from harness_openai.keys import load_secrets
from harness_openai.lessons import Lessons
from harness_openai.options import EndpointOptions
from harness_openai.payload import Payloads
from harness_openai.proxy import proxy_of
from harness_openai.verdicts import Speller, judgement_of
from harness_openai.wire import Wire

# Part of the fingerprint. Raise it whenever the same answer could become another judgement, or a request changes.
_GENERATION = 2


class EndpointJudge:
    """Asks an endpoint, many requests at once. Makes no connection before it is asked.

    Args:
        options: The checked options.
        context: What the harness gives; `total_usage` is asked once, when the first request comes.
    """

    def __init__(self, options: EndpointOptions, context: Context) -> None:
        self._options = options
        self._context = context
        self._secrets = load_secrets(options)
        self._proxy = proxy_of(options)
        self.lessons = Lessons(options, context.name)
        self._speller = Speller()
        self._budget: Budget | None = None
        self.payloads = Payloads(options)
        self.most = options.max_concurrency

    def judge(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Judgement]]:
        """Answer requests as they stream in.

        Raises:
            BudgetError: A budget is spent. Nothing is in flight any more.
            JudgeStoppedError: Every further request would fail alike: no such key or model, no credit, `max_failures`
                failures of one kind, a server that does not say what the budget needs.
        """
        budget = self.budget
        # Closed even when the caller stops early: requests in flight are cancelled and their connections returned.
        with closing(Flow(requests, self).answers()) as answers:
            for outcome in answers:
                yield outcome.request, judgement_of(outcome, cost=budget.cost(outcome.spent), speller=self._speller)

    def fingerprint(self) -> str:
        """The generation of this code and what it asks whom. The options are in the judge's key already."""
        options = self._options
        return hashlib.sha256(f"openai {_GENERATION} {options.base_url} {options.model}".encode()).hexdigest()[:16]

    @property
    def answers_by_item(self) -> bool:
        """Whether answers are sampled. Two items of equal content are then asked separately, each with its own seed."""
        return self._options.temperature != 0

    def estimate_tokens(self, request: Request) -> TokenEstimate:
        """What is known of a request's tokens without a tokenizer: images by OpenAI's rules, and the longest answer.

        Raises:
            DataError: An image cannot be read.
        """
        options = self._options
        images: int | None = 0
        for image in request.images:
            width, height = self.payloads.size(image)
            # The rules are OpenAI's own. Another server may give a model of its own such a name.
            tokens = image_tokens(options.model, width, height) if not options.is_local else None
            images = None if images is None or tokens is None else images + tokens
        most = None if options.max_tokens is None else options.max_tokens * options.samples
        return TokenEstimate(image_tokens=images, completion_most=most)

    @property
    def pricing(self) -> Pricing:
        """Prices and budgets, as the options say."""
        prices = self._options.prices
        return Pricing(
            prompt_usd=None if prices is None else prices.prompt,
            completion_usd=None if prices is None else prices.completion,
            budget_usd=self._options.budget_usd,
            budget_tokens=self._options.budget_tokens,
        )

    @property
    def budget(self) -> Budget:
        """The spending of this judge in this run; part of `harness_openai.flow.Parts`."""
        # Not in the constructor: `spent` reads the journal, which exists once a run asks the judge.
        if self._budget is None:
            self._budget = Budget(self._options, name=self._context.name, spent=self._context.total_usage())
        return self._budget

    def wire(self) -> Wire:
        """A new client; part of `harness_openai.flow.Parts`."""
        from harness_openai.client import ClientWire  # only a judge that is asked needs the HTTP library

        return ClientWire(self._options, self._secrets, self._proxy)

    def asker(self, wire: Wire, slots: Slots) -> Asker:
        """Asks over that client; part of `harness_openai.flow.Parts`."""
        return Asker(
            self._options,
            name=self._context.name,
            scrub=self._secrets.scrub,
            wire=wire,
            payloads=self.payloads,
            lessons=self.lessons,
            slots=slots,
        )


def make(options: EndpointOptions, context: Context) -> EndpointJudge:
    """The judge `openai`.

    Raises:
        UserError: A key is missing, or would go over the network in plain text. A proxy of the environment is unusable.
    """
    return EndpointJudge(options, context)

"""A judge that asks a model at an endpoint, in any dialect."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import closing

from harness.api import Context, Judgement, Pricing, Request, TokenEstimate
from harness_endpoints.asking import Asker, Slots
from harness_endpoints.budget import Budget
from harness_endpoints.dialect import Dialect
from harness_endpoints.flow import Flow
from harness_endpoints.keys import load_secrets
from harness_endpoints.lessons import Lessons
from harness_endpoints.options import EndpointOptions
from harness_endpoints.payload import Payloads
from harness_endpoints.proxy import proxy_of
from harness_endpoints.verdicts import Speller, judgement_of
from harness_endpoints.wire import Wire


class EndpointJudge:
    """Asks an endpoint, many requests at once. Makes no connection before it is asked.

    Args:
        options: The checked options.
        context: What the harness gives; `total_usage` is asked once, when the first request comes.
        dialect: How the provider speaks.

    Raises:
        UserError: A key is missing, or would go over the network in plain text. A proxy of the environment is unusable.
    """

    def __init__(self, options: EndpointOptions, context: Context, dialect: Dialect) -> None:
        self._options = options
        self._dialect = dialect
        self._context = context
        self._secrets = load_secrets(options)
        self._proxy = proxy_of(options)
        self.lessons = Lessons(options, context.name)
        self._speller = Speller()
        self._budget: Budget | None = None
        self.payloads: Payloads = dialect.payloads(options)
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
        options, dialect = self._options, self._dialect
        text = f"{dialect.name} {dialect.generation} {options.base_url} {options.model}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def answers_by_item(self) -> bool:
        """Whether answers are sampled. Two items of equal content are then asked separately, each with its own seed."""
        return self._options.temperature != 0

    def estimate_tokens(self, request: Request) -> TokenEstimate:
        """What is known of a request's tokens without a tokenizer: images by rule, and the longest answer.

        Raises:
            DataError: An image cannot be read.
        """
        options = self._options
        images: int | None = 0
        for image in request.images:
            width, height = self.payloads.size(image)
            # The rules are the provider's own. Another server may give a model of its own such a name.
            tokens = self._dialect.image_tokens(options.model, width, height) if not options.is_local else None
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
        """The spending of this judge in this run; part of `harness_endpoints.flow.Parts`."""
        # Not in the constructor: `spent` reads the journal, which exists once a run asks the judge.
        if self._budget is None:
            self._budget = Budget(self._options, name=self._context.name, spent=self._context.total_usage())
        return self._budget

    def wire(self) -> Wire:
        """A new client; part of `harness_endpoints.flow.Parts`."""
        from harness_endpoints.client import ClientWire  # only a judge that is asked needs the HTTP library

        return ClientWire(self._options, self._secrets, self._proxy)

    def asker(self, wire: Wire, slots: Slots) -> Asker:
        """Asks over that client; part of `harness_endpoints.flow.Parts`."""
        return Asker(
            self._options,
            name=self._context.name,
            scrub=self._secrets.scrub,
            wire=wire,
            payloads=self.payloads,
            read=self._dialect.read,
            lessons=self.lessons,
            slots=slots,
        )

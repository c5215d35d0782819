"""A probe as a task: the base's items, perturbed, put to a judge in the base's own words."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from itertools import chain

import PIL.Image

from harness.api import (
    Context,
    DataError,
    Image,
    Item,
    Protocol,
    Request,
    Score,
    Task,
    UnfoldedEntry,
    UserError,
    VerdictFormat,
)
from harness_probes import __version__
from harness_probes.options import Options
from harness_probes.perturb import DoesNotApplyError, Painted, Perturbation, images_of, perturbation

SPLIT = "test"
"""The one split of a probe. Which split of the base it shows is an option."""


class ProbeTask:
    """A probe of one task. Protocol, format, answer space, ids and groups are the base's.

    Args:
        options: Of the probe.
        context: Of the probe's entry.
    """

    def __init__(self, options: Options, context: Context) -> None:
        """Make the base and see that the probe applies to its first item.

        Raises:
            UserError: There is no such base, it cannot be made, or the probe does not apply to it.
        """
        self._options, self._name = options, context.name
        self._base: Task = context.task(options.task, options.with_, split=options.split)
        # The report finds the base by this, not by a name that a manifest may change.
        self.wraps: tuple[Task, str] = (self._base, options.split)
        self.media = getattr(self._base, "media", "present")
        try:
            self._perturbation: Perturbation = perturbation(options)
        except DoesNotApplyError as error:
            raise self._refuse("", error) from error
        if (counter := getattr(self._base, "count_items", None)) is not None:
            self.count_items: Callable[[str], int] = lambda split: int(counter(options.split))
        # The first item is tried before a judge is loaded, which may take minutes.
        next(self._perturb(), None)

    @property
    def protocol(self) -> Protocol:
        """The base's."""
        return self._base.protocol

    @property
    def format(self) -> str:
        """The base's."""
        return self._base.format

    def items(self, split: str) -> Iterator[Item]:
        """The base's items, each perturbed.

        Raises:
            DataError: There is no such split.
            UserError: The probe does not apply to an item.
        """
        if split != SPLIT:
            raise DataError(
                f"task {self._name}: a probe has no split {split!r}, only {SPLIT}; which split of {self._options.task} "
                "it shows is the option `split:`"
            )
        return self._perturb()

    def _perturb(self) -> Iterator[Item]:
        current = ""

        def base() -> Iterator[Item]:
            # The perturbation sees a stream. The id is kept here, so that a message can name the item.
            nonlocal current
            for item in self._base.items(self._options.split):
                current = item.id
                yield item

        try:
            yield from self._perturbation.apply(base())
        except DoesNotApplyError as error:
            raise self._refuse(current, error) from error

    def _refuse(self, item: str, why: DoesNotApplyError) -> UserError:
        where = f"its item {item!r} " if item else "it "
        return UserError(
            f"task {self._name}: probes/{self._options.probe} does not apply to {self._options.task}: {where}{why}"
        )

    def render(self, item: Item, *, order: tuple[int, ...], format: VerdictFormat) -> Request:
        """The base's rendering of the perturbed item.

        Raises:
            UserError: The base does not render what its items hold, so that the probe does not reach the prompt.
        """
        request = self._base.render(item, order=order, format=format)
        if not self._reaches(item, request):
            raise UserError(
                f"task {self._name}: {self._options.task} does not put the parts of its items into the prompt "
                f"as they are, so probes/{self._options.probe} cannot reach it; probe another task"
            )
        return request

    # A base may render from fields of its own. Then the probe would change nothing, and every judge would seem robust.
    def _reaches(self, item: Item, request: Request) -> bool:
        shown = request.images
        if self._perturbation.touches == "images":
            held = images_of(item)
            return all(any(image is other for other in shown) for image in held) if held else not shown
        if self._perturbation.touches == "text":
            texts = [part for part in chain(item.question, *item.candidates) if not isinstance(part, Image)]
            return all(text.strip() in request.text for text in texts)
        return True

    def provenance(self) -> str:
        """Which data the base read, where it says."""
        say = getattr(self._base, "provenance", None)
        return "" if say is None else str(say())

    def fingerprint(self) -> str:
        """Covers the base's fingerprint, the probe's options, this version, and what Pillow makes of a test picture."""
        facts = [
            __version__,
            self._options.probe,
            self._options.model_dump(mode="json"),
            self._base.fingerprint(),
            self._paint_digest(),
        ]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()[:32]

    def _paint_digest(self) -> str:
        """Digest of a test picture under the probe's paint: another Pillow or NumPy may paint otherwise."""
        if not isinstance(self._perturbation, Painted):
            return ""
        parts = (Image.from_drawing(_test_picture, name="test picture"),)
        count = (getattr(self._options, "candidate", None) or 0) + 1
        item = Item(id="test", group="test", space=Score(), gold=1.0, question=parts, candidates=(parts,) * count)
        return images_of(self._perturbation.perturb(item))[-1].digest


def _test_picture() -> PIL.Image.Image:
    return PIL.Image.linear_gradient("L").resize((192, 96)).convert("RGB")


def make(options: Options, context: Context) -> ProbeTask:
    """The factory of every probe."""
    return ProbeTask(options, context)


def unfold(options: Options, context: Context) -> list[UnfoldedEntry]:
    """A probe for each entry that the base stands for, named after both: `blind-technical`.

    Raises:
        UserError: There is no such base.
    """
    own = options.model_dump(by_alias=True, exclude_unset=True)
    return [
        UnfoldedEntry(name=f"{options.probe}-{entry.name}", options={**own, "with": entry.options})
        for entry in context.entries(options.task, options.with_)
    ]

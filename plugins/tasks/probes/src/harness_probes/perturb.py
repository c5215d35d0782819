"""What each probe does to items, without a look at any pixel. Pixels are `paint`, tasks around items are `task`."""

from __future__ import annotations

import hashlib
import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import chain, islice
from typing import ClassVar

from harness.api import Image, Item, Part
from harness_probes import options as o
from harness_probes import paint
from harness_probes.verdicts import expect_verdict, is_yes_no, reverse

WINDOW = 64
"""`blind`, `how: shuffle`: images change places within so many items of the stream."""

_FILLER = (
    "What is said above stands as it is.",
    "This passage adds nothing to it and takes nothing away.",
    "It goes on for a while in the same manner.",
    "The reader may pass over these lines.",
    "They hold no further point.",
)


class DoesNotApplyError(Exception):
    """A probe cannot be applied to an item: a reason, and what to do about it."""


class Perturbation(ABC):
    """What a probe does."""

    touches: ClassVar[str]
    """`images`, `text` or `order`: what must be seen to reach the prompt."""

    @abstractmethod
    def apply(self, items: Iterable[Item]) -> Iterator[Item]:
        """The items, each perturbed, in the same order and with the same ids and groups.

        Raises:
            DoesNotApplyError: An item has nothing that the probe could change.
        """


class OneByOne(Perturbation):
    """A perturbation of each item by itself."""

    def apply(self, items: Iterable[Item]) -> Iterator[Item]:
        """Each item, perturbed."""
        return map(self.perturb, items)

    @abstractmethod
    def perturb(self, item: Item) -> Item:
        """One item, perturbed."""


class Swap(OneByOne):
    """Candidates in reverse order."""

    touches = "order"

    def perturb(self, item: Item) -> Item:
        """Candidates and gold reversed."""
        if len(item.candidates) < 2:
            raise DoesNotApplyError("has no candidates to swap; wrap a task that compares candidates")
        # The gold turns with the candidates: the item stays the same question in other places.
        order = reverse(len(item.candidates))
        candidates = tuple(item.candidates[place] for place in order)
        return replace(_reverse_gold("swap", item), candidates=candidates)


class Painted(OneByOne):
    """Each image painted over.

    Args:
        painter: Gives what is done to the image of an item, by the item's id and the image's number in it.
        note: What was done, for messages.
        candidate: Only the images of this candidate.
    """

    touches = "images"

    def __init__(self, painter: Callable[[str, int], paint.Painter], *, note: str, candidate: int | None = None):
        self._painter, self._note, self._candidate = painter, note, candidate

    def perturb(self, item: Item) -> Item:
        """The item with new images."""
        _check_candidate(item, self._candidate)
        count = iter(range(2**31))

        def change(parts: tuple[Part, ...], place: int | None) -> tuple[Part, ...]:
            if self._candidate not in (None, place):
                return parts
            return tuple(
                paint.repaint(part, self._painter(item.id, next(count)), note=self._note)
                if isinstance(part, Image)
                else part
                for part in parts
            )

        question = change(item.question, None)
        candidates = tuple(change(parts, place) for place, parts in enumerate(item.candidates))
        # The next number is how many images were painted. A probe that paints none would report that nothing changes.
        if next(count) == 0:
            raise DoesNotApplyError("has no image there; wrap a task with images")
        return replace(item, question=question, candidates=candidates)


class Removed(OneByOne):
    """No images."""

    touches = "images"

    def perturb(self, item: Item) -> Item:
        """The item without its images."""
        _check_images(item)
        question = tuple(part for part in item.question if isinstance(part, str))
        candidates = tuple(tuple(part for part in parts if isinstance(part, str)) for parts in item.candidates)
        return replace(item, question=question, candidates=candidates)


class Shuffled(Perturbation):
    """The images of another item, of another group and with as many images, from the same window of the stream."""

    touches = "images"

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def apply(self, items: Iterable[Item]) -> Iterator[Item]:
        """The items with their images exchanged."""
        stream, before = iter(items), list[Item]()
        for number in range(2**31):
            # A window keeps memory small for streams of any length, and `limit:` does not change which images an item
            # gets.
            window = list(islice(stream, WINDOW))
            if not window:
                return
            order = list(range(len(window)))
            random.Random(f"{self._seed}:{number}").shuffle(order)
            # Back in the order of the stream, as ids and items of the base are paired in that order.
            for place, index in sorted(enumerate(order), key=lambda pair: pair[1]):
                # Starting after its own place, so that each item of a window has another donor where groups allow it.
                others = (window[index] for index in order[place + 1 :] + order[:place])
                yield _with_images_of(window[index], chain(others, before))
            before = window


class Padded(OneByOne):
    """Candidates with filler after their text."""

    touches = "text"

    def __init__(self, words: int, candidate: int | None) -> None:
        self._filler, self._candidate = filler(words), candidate

    def perturb(self, item: Item) -> Item:
        """The item with longer candidates."""
        if not item.candidates:
            raise DoesNotApplyError("has no candidates to make longer; wrap a task that compares texts")
        _check_candidate(item, self._candidate)
        candidates = tuple(
            self._pad(parts) if self._candidate in (None, place) else parts
            for place, parts in enumerate(item.candidates)
        )
        return replace(item, candidates=candidates)

    def _pad(self, parts: tuple[Part, ...]) -> tuple[Part, ...]:
        last = max((place for place, part in enumerate(parts) if isinstance(part, str)), default=None)
        if last is None:
            raise DoesNotApplyError("has a candidate without text; wrap a task that compares texts")
        # After a blank line, as a paragraph of its own. The text itself stays as it was.
        return (*parts[:last], f"{parts[last]}\n\n{self._filler}", *parts[last + 1 :])


class Negated(OneByOne):
    """A yes/no question turned round, and its gold."""

    touches = "text"

    def __init__(self, template: str) -> None:
        self._template = template

    def perturb(self, item: Item) -> Item:
        """The negated item."""
        if not is_yes_no(item.space):
            raise DoesNotApplyError("is not answered by yes or no; only a yes/no question has a negation")
        return _reverse_gold("negated", _frame(item, self._template))


class Paraphrased(OneByOne):
    """Another wording around the question."""

    touches = "text"

    def __init__(self, templates: tuple[str, ...], seed: int) -> None:
        self._templates, self._seed = templates, seed

    def perturb(self, item: Item) -> Item:
        """The item in one of the wordings, drawn by its id."""
        return _frame(item, self._templates[seed_of(self._seed, item.id) % len(self._templates)])


def perturbation(options: o.Options) -> Perturbation:
    """What a probe with these options does.

    Raises:
        DoesNotApplyError: A text cannot be painted.
    """
    match options:
        case o.BlindOptions(how="remove"):
            return Removed()
        case o.BlindOptions(how="shuffle"):
            return Shuffled(options.seed)
        case o.BlindOptions():
            return Painted(lambda item, number: paint.grey, note="grey")
        case o.SwapOptions():
            return Swap()
        case o.TextInImageOptions():
            if strange := paint.unpaintable(options.text):
                raise DoesNotApplyError(f"cannot be painted on: Pillow's font has no {strange!r}; change `text:`")
            painter = partial(paint.write, text=options.text, place=options.place)
            return Painted(lambda item, number: painter, note="text painted in", candidate=options.candidate)
        case o.LengthOptions():
            return Padded(options.words, options.candidate)
        case o.NegatedOptions():
            return Negated(options.template)
        case o.ParaphraseOptions():
            return Paraphrased(options.templates, options.seed)
        case o.JpegOptions():
            squeezed = partial(paint.jpeg, strength=options.strength)
            return Painted(lambda item, number: squeezed, note=f"JPEG {options.strength}")
        case o.NoiseOptions():
            return Painted(partial(_noise, options), note=f"noise {options.strength}")
    raise TypeError(f"no probe has options {options!r}")


def _noise(options: o.NoiseOptions, item: str, number: int) -> paint.Painter:
    return partial(paint.noise, strength=options.strength, seed=seed_of(options.seed, item, number))


def seed_of(*parts: object) -> int:
    """A seed of 63 bits for what is drawn, the same in every process."""
    # `hash` of a string differs from process to process. A seed must not.
    return int.from_bytes(hashlib.sha256(repr(parts).encode("utf-8", "surrogatepass")).digest()[:8]) >> 1


def filler(words: int) -> str:
    """Neutral sentences of at least so many words together."""
    sentences: list[str] = []
    while sum(len(sentence.split()) for sentence in sentences) < words:
        sentences.append(_FILLER[len(sentences) % len(_FILLER)])
    return " ".join(sentences)


def images_of(item: Item) -> list[Image]:
    """All images of an item, those of the question first."""
    return [part for part in chain(item.question, *item.candidates) if isinstance(part, Image)]


def _check_images(item: Item) -> None:
    if not images_of(item):
        raise DoesNotApplyError("has no image; wrap a task with images")


def _check_candidate(item: Item, candidate: int | None) -> None:
    if candidate is not None and candidate >= len(item.candidates):
        has = f"has {len(item.candidates)} candidates, counted from 0" if item.candidates else "has no candidates"
        raise DoesNotApplyError(f"{has}; fix `candidate: {candidate}` or leave it out")


def _with_images_of(item: Item, others: Iterable[Item]) -> Item:
    _check_images(item)
    shape = _shape(item)
    # Another group, since items of one group may share the image. As many images, since the prompt has places for them.
    donor = next((other for other in others if other.group != item.group and _shape(other) == shape), None)
    if donor is None:
        raise DoesNotApplyError(
            f"finds no item of another group with as many images among {WINDOW} neighbours; use `how: grey`"
        )
    given = iter(images_of(donor))

    def change(parts: tuple[Part, ...]) -> tuple[Part, ...]:
        return tuple(next(given) if isinstance(part, Image) else part for part in parts)

    return replace(item, question=change(item.question), candidates=tuple(map(change, item.candidates)))


def _shape(item: Item) -> list[int]:
    return [sum(isinstance(part, Image) for part in parts) for parts in (item.question, *item.candidates)]


def _reverse_gold(probe: str, item: Item) -> Item:
    """The item with what the probe makes of its gold, and of what each annotator said."""
    # People saw the item before the probe. Their verdicts turn with it as the gold does.
    said = {name: expect_verdict(probe, item.space, verdict) for name, verdict in item.annotations.items()}
    return replace(item, gold=expect_verdict(probe, item.space, item.gold), annotations=said)


def _frame(item: Item, template: str) -> Item:
    """The item with a template's words before and after its question, as part of the question's own text."""
    if not any(isinstance(part, str) for part in item.question):
        raise DoesNotApplyError("has no question in words; wrap a task whose items have one")
    before, after = template.split(o.QUESTION)
    parts = list(item.question)
    if before:
        # Joined to the text, as a part of its own could be shown as another paragraph.
        parts[:1] = [before + parts[0]] if isinstance(parts[0], str) else [before.strip(), parts[0]]
    if after:
        parts[-1:] = [parts[-1] + after] if isinstance(parts[-1], str) else [parts[-1], after.strip()]
    return replace(item, question=tuple(parts))

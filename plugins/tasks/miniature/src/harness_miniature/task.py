"""The one task class: a recipe (what a case is) and options make a `harness.api.Task`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from harness.api import (
    AnswerSpace,
    Claim,
    Context,
    DataError,
    Image,
    Item,
    Message,
    Part,
    Protocol,
    Request,
    Verdict,
    VerdictFormat,
)
from harness_miniature.evidence import Finder, Implied
from harness_miniature.options import Options
from harness_miniature.sampling import Draw
from harness_miniature.scene import Scene, paint

_GENERATION = 2  # raise it whenever items or their rendering change
_SYSTEM = "You are a careful judge of pictures. Judge only by what the question asks and by what can be seen."
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What a recipe makes of one draw."""

    question: str
    """All that is asked, in words."""
    scenes: tuple[Scene, ...]
    """The picture, or the candidates in canonical order."""
    sources: tuple[int, ...]
    """The scans that the scene and its sisters are made from: the cluster for statistics."""
    gold: Verdict
    category: str
    rationale: str
    """Why the gold holds, without naming a place, so that it stays true in any order of the candidates."""
    tags: dict[str, str] = field(default_factory=dict)
    """What else explains the gold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskKind:
    """A kind of task. Calling it with options and context makes the task, as a card's factory must."""

    name: str
    space: AnswerSpace
    make: Callable[[Draw], Case]
    protocol: Protocol
    splits: tuple[str, ...] = ("train", "validation", "test")
    versions: int = 2
    """Items in a block: one for each possible gold; see `Draw`."""
    shared: bool = True
    """Whether the items of a block share their scene."""
    compares: bool = False
    """Whether the scenes are candidates."""
    implied: Implied = field(default=lambda reasoning: None)
    """The verdict that a reasoning argues for, in shown places."""
    find: Finder = field(default=lambda reasoning, scenes, caption: iter(()))
    """The facts that a reasoning states."""

    def __call__(self, options: Options, context: Context) -> MiniatureTask:
        """The task with these options, under its name in the plan."""
        return MiniatureTask(recipe=self, options=options, name=context.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class MiniatureTask:
    """A task of the miniature suite; implements `harness.api.Task`."""

    recipe: TaskKind
    options: Options
    name: str
    """Name in the plan."""

    @property
    def protocol(self) -> Protocol:
        """The recipe's protocol."""
        return self.recipe.protocol

    @property
    def format(self) -> str:
        """Reasoning first, then the answer, as in the paper."""
        return "harness/tagged"

    def items(self, split: str) -> Iterator[Item]:
        """Stream a split; pictures are painted when somebody looks at them.

        Raises:
            DataError: There is no such split.
        """
        if split not in self.recipe.splits:
            known = ", ".join(self.recipe.splits)
            raise DataError(f"task {self.name}: no split {split!r}; miniature/{self.recipe.name} has {known}")
        return (self.item(split, index) for index in range(self.options.count(split)))

    def count_items(self, split: str) -> int:
        """How many items a split has, for progress bars."""
        return self.options.count(split)

    def case(self, split: str, index: int) -> Case:
        """What item `index` is made from."""
        recipe = self.recipe
        return recipe.make(
            Draw.of(
                seed=self.options.seed,
                task=recipe.name,
                split=split,
                index=index,
                versions=recipe.versions,
                shared=recipe.shared,
            )
        )

    def item(self, split: str, index: int) -> Item:
        """Item `index` of a split."""
        # Only the record of the scene is made here. Painting waits until a judge looks at the picture.
        case = self.case(split, index)
        name = f"{split}-{index:06d}"
        pictures = tuple(
            Image.from_drawing(
                partial(paint, scene, self.options.size), name=f"miniature/{self.recipe.name} {name} #{place}"
            )
            for place, scene in enumerate(case.scenes, start=1)
        )
        return Item(
            id=name,
            # Items that share a scan are not independent: intervals draw whole groups.
            group="scans " + "+".join(str(scan) for scan in case.sources),
            space=self.recipe.space,
            gold=case.gold,
            question=(case.question,) if self.recipe.compares else (*pictures, case.question),
            candidates=tuple((picture,) for picture in pictures) if self.recipe.compares else (),
            category=case.category,
            tags={**case.tags, **_provenance(case.scenes), "rationale": case.rationale},
        )

    def render(self, item: Item, *, order: tuple[int, ...], format: VerdictFormat) -> Request:
        """The question, the candidates under their letters, then the format's instruction."""
        parts: list[Part] = list(item.question)
        for place, candidate in enumerate(order):
            parts += [f"Image {_LETTERS[place]}:", *item.candidates[candidate]]
        parts.append(format.instruction(item.space))
        messages = (Message("system", (_SYSTEM,)), Message("user", tuple(parts)))
        return Request(task=self.name, item=item.id, messages=messages, space=item.space, format=format, order=order)

    def find_implied(self, reasoning: str, space: AnswerSpace) -> Verdict | None:
        """The verdict that a reasoning in the suite's own sentences argues for; of other words `None`."""
        return self.recipe.implied(reasoning)

    def claims(self, reasoning: str, item: Item, order: tuple[int, ...]) -> Sequence[Claim]:
        """The facts that a reasoning in the suite's own sentences states; of other words none."""
        split, _, index = item.id.rpartition("-")
        case = self.case(split, int(index))
        scenes = [case.scenes[place] for place in order] if self.recipe.compares else case.scenes
        return tuple(self.recipe.find(reasoning, scenes, case.tags.get("caption", "")))

    def fingerprint(self) -> str:
        """Covers the options, the generation of this code, and a probe of real pixels.

        The probe (eight pictures a split) notices a Pillow or NumPy that paints or draws otherwise.
        """
        sha = hashlib.sha256(json.dumps([_GENERATION, self.recipe.name, self.options.model_dump()]).encode())
        for split in self.recipe.splits:
            # Eight pictures cost milliseconds. The options and the seed decide all others.
            for index in range(min(8, self.options.count(split))):
                for scene in self.case(split, index).scenes:
                    sha.update(paint(scene, self.options.size).tobytes())
        return sha.hexdigest()[:32]


def _provenance(scenes: tuple[Scene, ...]) -> dict[str, str]:
    scans = {card.scan: None for scene in scenes for card in scene.cards}  # keeps the order, drops repeats
    crops = {f"{scene.photograph}:{','.join(map(str, scene.crop))}": None for scene in scenes}
    return {"scans": ",".join(map(str, scans)), "crops": ";".join(crops)}

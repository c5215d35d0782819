"""The items of a run, to look at: what was asked, with its pictures, and what each judge answered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from harness.api import Image
from harness.libraries.text import clean
from harness.library.html import as_page, escape, html_list, html_table
from harness.view.answers import Answers
from harness.view.book import Book
from harness.view.filters import Filter
from harness.view.pictures import Gallery, make_thumbnails
from harness.view.records import PromptPart, ShownAnswer, ShownItem

_LONGEST = 2000  # characters of a reason that a notebook shows; the record has all of them


class JudgedItem:
    """An item with the answers to it.

    Args:
        shown: The item.
        gallery: Where its pictures are.
        judges: Whose answers are shown first.
    """

    def __init__(self, shown: ShownItem, gallery: Gallery, *, judges: Sequence[str] = ()) -> None:
        self._gallery, self._judges = gallery, judges
        self.shown = shown
        """The item as the pages of the report have it."""

    @property
    def task(self) -> str:
        """Name of the task."""
        return self.shown.line.task

    @property
    def item(self) -> str:
        """Id of the item."""
        return self.shown.line.item

    @property
    def ordinal(self) -> int:
        """Its place in the data."""
        return self.shown.line.ordinal

    @property
    def category(self) -> str:
        """The benchmark's own division."""
        return self.shown.line.category

    @property
    def group(self) -> str:
        """Cluster of the item: items of one group share a source, and vary together."""
        return self.shown.line.group

    @property
    def gold(self) -> str:
        """The right verdict."""
        return self.shown.line.gold

    @property
    def text(self) -> str:
        """What was asked, in the first order, without its pictures."""
        return "\n".join(part.text for part in self.shown.prompt if part.text)

    @property
    def verdicts(self) -> Mapping[str, tuple[str, ...]]:
        """What each judge said, in the item's own places: a name, or why there is none, for each order and repeat."""
        return {
            judge: tuple(answer.mark.verdict or f"({answer.mark.reason})" for answer in answers)
            for judge, answers in self.answers.items()
        }

    @property
    def answers(self) -> Mapping[str, Sequence[ShownAnswer]]:
        """All answers of each judge, with the text that it wrote."""
        known = self.shown.answers
        first = [judge for judge in self._judges if judge in known]
        return {judge: known[judge] for judge in dict.fromkeys((*first, *known))}

    @property
    def prompt(self) -> Sequence[PromptPart]:
        """What was asked, in the first order: texts, and keys of pictures."""
        return self.shown.prompt

    @property
    def tags(self) -> Mapping[str, str]:
        """Its tags."""
        return self.shown.tags

    @property
    def annotations(self) -> Mapping[str, str]:
        """What people said, by annotator."""
        return self.shown.annotations

    def pictures(self) -> dict[str, Image]:
        """Its pictures by key, made again from the data of the task. `Image.load` gives a Pillow image.

        A picture that is not the recorded one is left out. A bundle has none.
        """
        found: dict[str, Image] = {}
        for _, pictures in self._gallery.find(self.task, [self.ordinal]):
            found = {key: pictures[key] for key in self.shown.images if key in pictures}
        return found

    def __repr__(self) -> str:
        said = "; ".join(f"{judge}: {', '.join(own)}" for judge, own in self.verdicts.items())
        return clean(f"<item {self.item} of {self.task}, gold {self.gold}; {said}>")

    def _repr_html_(self) -> str:
        wanted = {self.task: {self.ordinal: self.shown.images}}
        small = make_thumbnails(self._gallery, wanted) if self.shown.images else {}
        parts = []
        for part in self.prompt:
            if part.image in small:
                own = small[part.image]
                parts.append(
                    f'<img src="{escape(own.source)}" width="{own.width}" height="{own.height}" alt="a picture">'
                )
            elif part.image:
                parts.append("<p><i>a picture that is not here</i></p>")
            else:
                parts.append(f'<p style="white-space:pre-wrap">{escape(part.text)}</p>')
        rows = [
            [judge, answer.order, answer.mark.verdict or f"({answer.mark.reason})", _SIGNS[answer.mark.kind], said]
            for judge, answers in self.answers.items()
            for answer in answers
            for said in [_clip(answer.judgement.rationale or answer.judgement.raw)]
        ]
        facts = [f"gold: {self.gold}"]
        facts += [f"category: {self.category}"] if self.category else []
        facts += [f"{name}: {value}" for name, value in self.tags.items()]
        facts += [f"{name} said: {value}" for name, value in self.annotations.items()]
        header = ["judge", "order", "verdict", "", "reason"]
        notes = [self._gallery.problem] if self._gallery.problem and self.shown.images else []
        return as_page(f"{self.task} · {self.item}", html_list(facts), *parts, html_table(header, rows), notes=notes)


_SIGNS = {"agrees": "right", "differs": "wrong", "unread": "no verdict"}


def _clip(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def read_items(book: Book, gallery: Gallery, tasks: Sequence[str], narrow: Filter) -> Iterator[JudgedItem]:
    """Stream items, task by task, by id.

    Args:
        book: The runs.
        gallery: Where their pictures are.
        tasks: Names of the tasks.
        narrow: Which items.
    """
    judges = [name for name in (narrow.judge, narrow.against) if name]
    with Answers(book) as answers:
        for task in tasks:
            for line in answers.lines(task):
                if narrow.matches(line) and (shown := answers.item(task, line.item, line=line)) is not None:
                    yield JudgedItem(shown, gallery, judges=judges)

"""Which pages a book has, and where they are. The same for the file and for the server."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from harness.view.pages import about, card, judge, overview, pair, task, training
from harness.view.site import Page, Site


def list_pages(site: Site) -> Iterator[Page]:
    """All pages but those of items and lists of items."""
    yield overview.make_page(site)
    for name in site.book.tasks:
        yield task.make_page(site, name)
    for name in site.book.judges:
        yield judge.make_page(site, name)
        if (sheet := card.make_page(site, name)) is not None:
            yield sheet
    for a, b in combinations(site.book.judges, 2):
        yield pair.make_page(site, a, b)
    if (found := training.make_page(site)) is not None:
        yield found
    yield from about.make_sections(site)
    yield about.make_page(site)


def find_page(site: Site, path: tuple[str, ...]) -> Page | None:
    """A page by its address, or `None`. Not for those of items and lists of items."""
    book = site.book
    match path:
        case () | ("overview",):
            return overview.make_page(site)
        case ("task", name) if name in book.tasks:
            return task.make_page(site, name)
        case ("judge", name) if name in book.judges:
            return judge.make_page(site, name)
        case ("card", name) if name in book.judges:
            return card.make_page(site, name)
        case ("pair", a, b) if a != b and a in book.judges and b in book.judges:
            return pair.make_page(site, a, b)
        case ("training",):
            return training.make_page(site)
        case ("about",):
            return about.make_page(site)
        # By number: two sections of two plugins may have one title.
        case ("section", _):
            return next((page for page in about.make_sections(site) if page.path == path), None)
    return None


def list_menu(site: Site) -> list[tuple[str, str]]:
    """Name and address of the pages that every page leads to."""
    links = site.links
    found = [("Overview", links.to("overview"))]
    found += [("Items", links.to("items", site.book.tasks[0]))] if site.book.tasks else []
    found += [("Training", links.to("training"))] if training.has_curves(site) else []
    found += [(title, links.to(*path)) for title, path in about.list_sections(site)]
    return [*found, ("How each number was made", links.to("about"))]

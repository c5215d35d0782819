"""The catalogue of benchmarks: one table from the cards of the tasks, which a small script filters in the browser.

Not a list of its own: a plugin that is installed is in it. Without the script it is a plain table.
"""

from __future__ import annotations

from typing import Any

from _markdown import prose, table

from harness.api import Parity
from harness.discovery import Offer

LEGEND = """\
- **modality**: what a judge is shown.
- **answers**: `choice` is one of a few words, `preference` the better of some candidates, `score` a number, `ranking`
  an order, `rubric` several of them, by criterion.
- **items**: of the split `test`, all subsets together.
- **gate**: whether one has to ask for access to the data.
- **official**: the parts that are the authors' own: the `prompt`, the `order` of candidates, the `format` in which
  answers are read, the `metric`. What is missing is in our own words or ways; the page of the task says more.
- **parity**: on which items and recorded judges the scores were held against published ones, and the largest
  difference; see [published values](../../explanation/published-values.md). Empty where that was not tried.
- **known results**: a few published scores of judges, with their source.
"""
HEADER = ("task", "modality", "answers", "items", "licence", "gate", "official", "parity", "known results")


def catalogue_page(offers: list[Offer]) -> str:
    """The page. `offers` are the tasks that it lists."""
    rows = [_row(offer) for offer in offers if getattr(offer.card, "data", None) is not None]
    return "\n".join(
        [
            "# Catalogue of benchmarks",
            "",
            f"{len(rows)} tasks on public data, as their cards describe them. `harness list tasks` lists those of all",
            "plugins that are installed with you, with the same filters, and `--json` gives all of it to programs.",
            "[Get the data](../../how-to/get-the-data-of-a-benchmark.md) of one with `harness data TASK`.",
            "",
            ":::{container} catalogue",
            "",
            *table(HEADER, rows),
            "",
            ":::",
            "",
            *LEGEND.split("\n"),
        ]
    )


def _row(offer: Offer) -> tuple[str, ...]:
    card: Any = offer.card
    gate = {None: "not known", True: "gated", False: "open"}[card.data.gated]
    return (
        f"[`{offer.id}`](tasks/{offer.id.replace('/', '-')}.md)",
        ", ".join(card.modalities),
        card.answers,
        "not known" if card.data.rows is None else f"{card.data.rows:,}",
        prose(card.licence),
        gate,
        ", ".join(sorted(card.official)),
        "" if card.parity is None else _write_parity(card.parity),
        "; ".join(
            f"{prose(result.judge)}{f' ({prose(result.subset)})' if result.subset else ''}: {result.value} "
            f"({prose(result.metric)}; [source]({result.source}))"
            for result in card.results
        ),
    )


def _write_parity(parity: Parity) -> str:
    of = f"{parity.values} values of {parity.judges} judges on {parity.items:,} items"
    return f"{of}, largest difference {parity.difference:.4f} points"

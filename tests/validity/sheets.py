"""From simulated replies to the product's own records, by two roads: answers to `build_cell`, or columns replaced.

The second road is for mass replication. Both give the same scores to the last digit: `tests/score/test_validity.py`
checks it for every kind of design.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, cast

import numpy as np
from judges import NOTHING, PERMUTATIONS, SCORED, Design, Floats, Ints, Replies, groups_of

from harness.api import AnswerSpace, Choice, Preference, Protocol, Ranking, RecordedAnswer, Score, Status, Verdict
from harness.score.histograms import histogram
from harness.score.table import ANSWERED, MISSING, CellTable, SuccessCounts
from harness.score.units import build_cell

_ORDERS = {1: ((0, 1),), 2: ((0, 1), (1, 0))}
_RANGES = {"five-point": Score(1, 5, 1), "scores": Score(-7, 7, 0), "skew": Score(0, 32, 0)}
"""Wide enough for every score that is simulated, and no wider, since some intervals look at the range."""


@dataclass(frozen=True)
class Sheet:
    """The questions of one task: what every judge of it is asked."""

    design: Design
    protocol: Protocol
    prefix: str = ""
    """Of the names of items and groups: tasks whose prefixes differ share no group."""
    members: tuple[int, ...] = ()
    """The cluster of each item, where it is not that of the design."""

    @classmethod
    def of(cls, design: Design, **fields: Any) -> Sheet:
        """The questions of a design, under the protocol that it needs and any further fields of one."""
        prefix, members = fields.pop("prefix", ""), fields.pop("members", ())
        if design.orders > 1:
            fields["order"] = "both"
        if design.samples > 1:
            fields |= {"samples": design.samples, "vote": "mean" if design.kind in SCORED else "majority"}
        if design.weights:
            fields["weights"] = dict(design.weights)
        return cls(design, Protocol(**fields), prefix, members)

    @cached_property
    def space(self) -> AnswerSpace:
        """What may be answered."""
        kind = self.design.kind
        if kind == "ranking":
            return Ranking(4)
        if kind in SCORED:
            return _RANGES[kind]
        return Preference(2) if self.design.orders > 1 else Choice(("yes", "no"))

    @cached_property
    def verdicts(self) -> tuple[Verdict, ...]:
        """What codes stand for; empty where answers are numbers."""
        if self.design.kind in SCORED:
            return ()
        return tuple(PERMUTATIONS) if self._ranked else self.space.verdicts()

    @cached_property
    def groups(self) -> Ints:
        """Shape (I,): the cluster of each item."""
        return np.array(self.members) if self.members else groups_of(self.design)

    @cached_property
    def categories(self) -> list[str]:
        """Of each item."""
        parts = self.design.parts
        return [name for name, size, _ in parts for _ in range(size)] if parts else [""] * self.design.items

    @property
    def _ranked(self) -> bool:
        return self.design.kind == "ranking"

    @cached_property
    def _orders(self) -> tuple[tuple[int, ...], ...]:
        if self._ranked:
            return ((0, 1, 2, 3),)
        return _ORDERS[self.design.orders] if isinstance(self.space, Preference) else ((),)

    def answers(self, replies: Replies, rep: int) -> Iterator[RecordedAnswer]:
        """One replication by the slow road: the answers as the journal would stream them."""
        for item in range(self.design.items):
            gold = self._verdict(replies.gold[rep, item])
            for place, order in enumerate(self._orders):
                for sample in range(self.design.samples):
                    said = replies.said[rep, item, place, sample]
                    lost = self.design.kind not in SCORED and said == NOTHING
                    sure = None if replies.sure is None or lost else float(replies.sure[rep, item, place, sample])
                    first, second = (self.space.name(v) for v in self.verdicts) if sure is not None else ("", "")
                    yield RecordedAnswer(
                        item=f"{self.prefix}item {item:05}",
                        group=f"{self.prefix}group {self.groups[item]:05}",
                        category=self.categories[item],
                        space=self.space,
                        gold=gold,
                        order=order,
                        sample=sample,
                        status=Status.UNPARSED if lost else Status.OK,
                        verdict=None if lost else self._verdict(said),
                        probabilities=None if sure is None else {first: sure, second: 1 - sure},
                    )

    def _verdict(self, code: Any) -> Verdict:
        return self.verdicts[int(code)] if self.verdicts else float(code)

    def slow_table(self, replies: Replies, rep: int) -> CellTable:
        """One replication by the slow road."""
        return build_cell(self.answers(replies, rep), self.protocol)

    @cached_property
    def _base(self) -> CellTable:
        """The columns that no replication changes: answers that are right throughout."""
        design = self.design
        gold = np.ones((1, design.items), dtype=np.int64)
        said = np.ones((1, design.items, design.orders, design.samples), dtype=np.int64)
        said[:, :, 1:] = 0  # the same candidate
        return self.slow_table(Replies(gold=gold, said=said), 0)

    def table(self, replies: Replies, rep: int) -> CellTable:
        """One replication by the fast road."""
        gold, said = replies.gold[rep], replies.said[rep]
        sure = None if replies.sure is None else replies.sure[rep]
        if self.design.kind in SCORED:
            return self._numeric(np.asarray(gold, dtype=np.float64), np.asarray(said, dtype=np.float64))
        return self._coded(np.asarray(gold, dtype=np.int64), np.asarray(said, dtype=np.int64), sure)

    def _coded(self, gold: Ints, said: Ints, sure: Floats | None) -> CellTable:
        base, design = self._base, self.design
        shown = np.stack([gold, 1 - gold][: design.orders], axis=1)
        vote = said[:, :, 0] if design.samples == 1 else (said.mean(axis=2) > 0.5).astype(np.int64)
        lost, answered = vote == NOTHING, int((said != NOTHING).sum())
        positive = np.full(vote.shape, np.nan) if sure is None else np.where(lost, np.nan, sure.mean(axis=2))
        worst = self._worst[shown]
        codes = np.stack([shown, vote, worst], axis=2).reshape(-1, 3)
        verdicts, codes = self._by_appearance(codes)
        units = replace(
            base.units,
            verdicts=verdicts,
            gold=codes[:, 0],
            predicted=codes[:, 1],
            credit=(vote == shown).astype(np.float64).reshape(-1),
            positive=positive.reshape(-1),
        )
        asked = np.broadcast_to(shown[:, :, None], said.shape)
        canonical = np.where(said == NOTHING, NOTHING, said ^ np.arange(design.orders)[None, :, None])
        table = replace(
            base,
            units=units,
            with_random_guess=units,
            state=np.where(lost, MISSING, ANSWERED).astype(np.uint8).reshape(-1),
            worst=codes[:, 2],
            confidence=np.where(vote == 0, positive, 1 - positive).reshape(-1),
            requests=replace(
                base.requests,
                statuses={**base.requests.statuses, "ok": answered, "unparsed": said.size - answered},
                with_probabilities=0 if sure is None else answered,
                histogram=self._histogram(canonical),
                shown_histogram=self._histogram(said),
                gold_histogram=self._histogram(gold),
                shown_gold_histogram=self._histogram(asked[said != NOTHING]),
            ),
        )
        if len(base.swap.trials):
            table = replace(table, swap=_with_hits(base.swap, _same_candidate(vote)))
        if len(base.first.trials):
            table = replace(table, first=_with_hits(base.first, (said == 0).sum(axis=(1, 2))))
        if len(base.repeat.trials):
            right = (said == asked).astype(np.float64)
            table = _repeated(table, said, worth=right, voted=(vote == shown).astype(np.float64))
        return table

    @cached_property
    def _worst(self) -> Ints:
        return np.array([self.verdicts.index(self.space.worst(verdict)) for verdict in self.verdicts])

    def _by_appearance(self, codes: Ints) -> tuple[tuple[Verdict, ...], Ints]:
        """The same columns, shape (U, 3), with codes that count verdicts as they appear, as `build_cell` does."""
        flat = codes.reshape(-1)
        found, first = np.unique(flat[flat != NOTHING], return_index=True)
        found = found[np.argsort(first, kind="stable")]
        again = np.full(len(self.verdicts) + 1, NOTHING, dtype=np.int64)  # NOTHING is the last place
        again[found] = np.arange(len(found))
        return tuple(self.verdicts[code] for code in found.tolist()), again[codes]

    def _histogram(self, codes: Ints) -> dict[str, int]:
        counts = np.bincount(codes[codes != NOTHING].reshape(-1), minlength=len(self.verdicts)).tolist()
        found = {verdict: count for verdict, count in zip(self.verdicts, counts, strict=True) if count}
        return histogram(self.space, Counter(found))

    def _numeric(self, gold: Floats, said: Floats) -> CellTable:
        base, samples = self._base, self.design.samples
        vote = said[:, 0, 0] if samples == 1 else said[:, 0].sum(axis=1) / samples
        space = cast("Score", self.space)
        ends = np.where(gold - space.low >= space.high - gold, space.low, space.high)
        values, codes = np.unique(np.concatenate([gold, vote, ends]), return_inverse=True)
        gold_codes, vote_codes, worst = np.split(codes.astype(np.int64), 3)
        units = replace(
            base.units,
            verdicts=tuple(values.tolist()),
            gold=gold_codes,
            predicted=vote_codes,
            credit=(gold == vote).astype(np.float64),
        )
        flat = said.reshape(-1)
        table = replace(
            base,
            units=units,
            with_random_guess=units,
            worst=worst,
            requests=replace(
                base.requests,
                histogram=self._bins(flat),
                shown_histogram=self._bins(flat),
                gold_histogram=self._bins(gold),
                shown_gold_histogram=self._bins(np.repeat(gold, samples)),
            ),
        )
        if samples == 1:
            return table
        return _repeated(table, said, worth=np.abs(said - gold[:, None, None]), voted=np.full((len(gold), 1), np.nan))

    def _bins(self, values: Floats) -> dict[str, int]:
        space = cast("Score", self.space)
        if space.step:
            found, counts = np.unique(values, return_counts=True)
            return histogram(space, Counter(dict(zip(found.tolist(), counts.tolist(), strict=True))))
        tenths = np.minimum(((values - space.low) * 10 / (space.high - space.low)).astype(np.int64), 9)
        found, counts = np.unique(tenths, return_counts=True)
        starts = [space.low + tenth * ((space.high - space.low) / 10) for tenth in found.tolist()]
        return histogram(space, Counter(dict(zip(starts, counts.tolist(), strict=True))))


def _same_candidate(vote: Ints) -> Ints:
    """Shape (I,): whether the votes in both orders, shape (I, 2) and in shown places, are for the same candidate."""
    same: Ints = (vote[:, 0] != vote[:, 1]).astype(np.int64)
    return same


def _alike(said: Ints | Floats) -> Ints:
    """Shape (I,): pairs of samples of one order that agree."""
    pairs = [(a, b) for a in range(said.shape[2]) for b in range(a)]
    same: Ints = np.stack([said[:, :, a] == said[:, :, b] for a, b in pairs]).sum(axis=(0, 2))
    return same


def _repeated(table: CellTable, said: Ints | Floats, *, worth: Floats, voted: Floats) -> CellTable:
    """With what several samples, shape (I, O, S), say of the judge's own noise; `voted` has shape (I, O)."""
    return replace(
        table,
        repeat=_with_hits(table.repeat, _alike(said)),
        repeats=replace(
            table.repeats,
            total=worth.sum(axis=2).reshape(-1),
            squares=(worth * worth).sum(axis=2).reshape(-1),
            voted=voted.reshape(-1),
        ),
    )


def _with_hits(trials: SuccessCounts, hits: Ints) -> SuccessCounts:
    return replace(trials, hits=hits.astype(np.int64))

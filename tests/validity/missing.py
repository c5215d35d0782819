"""Does a judge that declines its hard questions gain by it? Simulated judges; run by hand; the last line is JSON.

    python tests/validity/missing.py [--reps 400] [--quick] [--seed 1] [--jobs 2] [--write PAGE]

Two judges of equal quality, who find the same items hard. One of them, or both, decline some items: at random; two
thirds of them items that they would get wrong; or only such. `promoted_by_declining` is the share of boards in which a
judge that declines stands above its equal; `false_claims` that in which either does; both of the worst design. `power`
is the share of boards in which the better one of two judges (.85 against .80) stands above the other.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from boards import board_of, is_above
from judges import Design, Floats, Replies, answer, declined, gold_of, mixed, numbers
from numpy.typing import NDArray
from publish import command_of, commit, cpu_seconds, finish, generator, options, run_all, standard_error, table
from ranks import ALIKE
from sheets import Sheet

SIZES = (150, 300, 1000)
HOW_MUCH = (0.02, 0.05, 0.10)
HARD = {"at random": None, "two thirds errors": 2 / 3, "only errors": 1.0}
"""What is declined, and the share of it that would be wrong; `None`: whatever it is."""

GAP = (0.85, 0.80)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing:
    """Two judges, and what each declines."""

    n: int
    metric: str = "accuracy"
    truths: tuple[float, float] = (0.85, 0.85)
    skipped: tuple[float, float] = (0.0, 0.0)
    """Share of the items that each declines."""
    what: str = "at random"
    reps: int = 0
    seed: int = 0

    @property
    def is_null(self) -> bool:
        """Whether the two are equal."""
        return self.truths[0] == self.truths[1]

    @property
    def label(self) -> str:
        """What a table says."""
        declining = [name for name, share in zip(("the first", "the second"), self.skipped, strict=True) if share]
        who = " and ".join(declining) or "no judge"
        share = f" {max(self.skipped):.0%}, {self.what}" if declining else ""
        judges = "equal" if self.is_null else f"{self.truths[0]:g} against {self.truths[1]:g}"
        return f"{judges}, {self.metric}, n={self.n}, declining: {who}{share}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was found of one pairing."""

    pairing: Pairing
    first: int
    """Boards in which the first judge stands above the second."""
    second: int

    @property
    def shares(self) -> tuple[float, float]:
        """Of the boards."""
        return self.first / self.pairing.reps, self.second / self.pairing.reps

    @property
    def promoted(self) -> float:
        """How often a judge that declines stands above its equal."""
        return max((share for share, part in zip(self.shares, self.pairing.skipped, strict=True) if part), default=0.0)


def pairings(*, quick: bool) -> Iterator[Pairing]:
    """Equal judges in 57 designs by accuracy and 19 by macro-F1; then judges that differ."""
    for metric, n in [*itertools.product(["accuracy"], SIZES), ("macro_f1", 300)][
        1 if quick else 0 :: 3 if quick else 1
    ]:
        yield Pairing(n=n, metric=metric)
        for what, share in itertools.product(HARD, HOW_MUCH):
            yield Pairing(n=n, metric=metric, skipped=(share, 0.0), what=what)
            yield Pairing(n=n, metric=metric, skipped=(share, share), what=what)
    for n in SIZES[1:]:
        for skipped in ((0.0, 0.0), (0.01, 0.01), (0.05, 0.05), (0.1, 0.1), (0.05, 0.0), (0.0, 0.05)):
            yield Pairing(n=n, truths=GAP, skipped=skipped)
        yield Pairing(n=n, truths=GAP, skipped=(0.0, 0.05), what="two thirds errors")


def measure(pairing: Pairing) -> Found:
    """Simulate one pairing."""
    design = Design(kind="labels", n=pairing.n, truth=0.0)
    rng = generator(pairing.seed, pairing.n, pairing.truths, pairing.skipped, pairing.what)
    gold, shared = gold_of(rng, design, reps=pairing.reps), numbers(rng, design, reps=pairing.reps)
    both = []
    for truth, share in zip(pairing.truths, pairing.skipped, strict=True):
        z = mixed(shared, numbers(rng, design, reps=pairing.reps), correlation=ALIKE)
        said = answer(replace(design, truth=truth), gold, z, rng)
        both.append(declined(said, _skipped(said, round(share * pairing.n), HARD[pairing.what], rng)))
    sheet = Sheet.of(design, metrics=(pairing.metric,))
    first = second = 0
    for rep in range(pairing.reps):
        tables = {name: sheet.table(said, rep) for name, said in zip("ab", both, strict=True)}
        rows = {row.judge: row for row in board_of(tables).rows}
        first += is_above(rows["a"], rows["b"])
        second += is_above(rows["b"], rows["a"])
    return Found(pairing=pairing, first=first, second=second)


def _skipped(said: Replies, count: int, errors: float | None, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Which answers are declined, shape (R, I, 1, 1): `count` of each replication, of which a share is wrong."""
    wrong = said.said[:, :, 0, 0] != said.gold
    chance: Floats = rng.random(wrong.shape)
    if errors is None:
        return (_places(chance) < count)[:, :, None, None]
    from_wrong = np.minimum(round(errors * count), wrong.sum(axis=1, keepdims=True))
    of_wrong = wrong & (_places(np.where(wrong, chance, 2)) < from_wrong)
    of_right = ~wrong & (_places(np.where(wrong, 2, chance)) < count - from_wrong)
    out: NDArray[np.bool_] = (of_wrong | of_right)[:, :, None, None]
    return out


def _places(values: Floats) -> NDArray[np.int64]:
    return np.argsort(np.argsort(values, axis=1), axis=1)


def simulate(works: Sequence[Pairing], *, jobs: int) -> list[Found]:
    """Every pairing; then the worst of the equal ones again, with more boards and fresh seeds."""
    first = run_all(measure, works, jobs=jobs, cost=lambda one: one.reps * (300 + one.n))
    null = sorted((found for found in first if found.pairing.is_null), key=lambda found: -max(found.shares))
    again = [found.pairing for found in null[: max(3, len(null) // 10)]]
    fresh = [replace(one, reps=4 * one.reps, seed=one.seed + 1_000_000) for one in again]
    second = {found.pairing.label: found for found in run_all(measure, fresh, jobs=jobs, cost=lambda one: one.n)}
    return [second.get(found.pairing.label, found) for found in first]


def tables(found: Sequence[Found]) -> list[str]:
    """A row for each pairing."""
    head = ("judges", "boards", "first above second", "second above first")
    return table(head, [(one.pairing.label, one.pairing.reps, *one.shares) for one in found])


def main() -> None:
    """Simulate all pairings, print a table and one JSON object."""
    asked = options(__doc__, reps=400).parse_args()
    works = [replace(one, reps=asked.reps, seed=asked.seed) for one in pairings(quick=asked.quick)]
    found = simulate(works, jobs=asked.jobs)
    null = [one for one in found if one.pairing.is_null]
    worst = max(null, key=lambda one: one.promoted)
    result = {
        "promoted_by_declining": round(worst.promoted, 4),
        "false_claims": round(max(max(one.shares) for one in null), 4),
        "standard_error": round(standard_error(worst.promoted, worst.pairing.reps), 4),
        "worst_design": worst.pairing.label,
        "power": {one.pairing.label: round(one.shares[0], 3) for one in found if not one.pairing.is_null},
        "designs": len(null),
        "reps": asked.reps,
        "seed": asked.seed,
        "cpu_s": round(cpu_seconds(), 1),
        "commit": commit(),
    }
    finish("missing", tables(found), result, page=asked.write, command=command_of("missing.py", asked))


if __name__ == "__main__":
    main()

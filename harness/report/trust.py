"""What is said of a judge's calibration and of its own noise, for people. The numbers are `harness.score.trust`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.api import Unit, write_interval, write_number
from harness.report.numbers import NOTHING, share
from harness.report.records import Leaderboard, LeaderboardRow
from harness.score.trust import Calibration, Noise

AGREEMENT = 0.9
"""The agreement whose threshold is shown; `leaderboard.json` has the others."""
HEADER = (
    "judge",
    "n",
    "confidence, %",
    "right, %",
    "calibration error, %",
    "plain ECE, %",
    "Brier",
    "AURC, %",
    f"keep from, for {AGREEMENT:.0%}".replace("%", " %"),
    "kept, %",
)
LAYOUT = "lrrrrrrrrr"


def calibration_rows(rows: Sequence[LeaderboardRow]) -> list[list[str]]:
    """A line of the table for each judge whose verdicts have probabilities."""
    return [_calibration_row(name, known) for name, known in _calibrations(rows)]


def _calibrations(rows: Sequence[LeaderboardRow]) -> Iterator[tuple[str, Calibration]]:
    """The calibrations of judges, and of the criteria of rubrics as `judge [criterion]`."""
    for row in rows:
        if row.calibration is not None:
            yield row.judge, row.calibration
        yield from ((f"{row.judge} [{name}]", found) for name, found in row.criteria_calibration.items())


def calibration_lines(leaderboard: Leaderboard, rows: Sequence[LeaderboardRow]) -> list[str]:
    """One sentence on the judges whose verdicts have probabilities, and one on those that can be trusted in part."""
    known = list(_calibrations(rows))
    if not known:
        return []
    errors = ", ".join(
        f"{judge} {_within('share', calibration.ece, calibration.ece_low, calibration.ece_high)}"
        for judge, calibration in known
    )
    # One sentence for all judges, since these numbers are read against each other.
    said = [f"calibration error, %: {errors}"]
    kept = [
        f"{judge} from a probability of {threshold(chosen.threshold)}, {share(chosen.coverage)} % of its verdicts"
        for judge, chosen in ((judge, calibration.guarantee(AGREEMENT)) for judge, calibration in known)
        # No threshold: so much agreement cannot be shown for any part of the verdicts.
        if chosen is not None and chosen.threshold is not None
    ]
    if kept:
        confidence = f"{(1 - leaderboard.alpha) * 100:g} %"
        said.append(f"agrees in {_percent(AGREEMENT)}, with {confidence} confidence: {'; '.join(kept)}")
    return said


def noise_lines(rows: Sequence[LeaderboardRow]) -> list[str]:
    """A sentence for each judge that was asked more than once."""
    return [f"{row.judge}: {_noise_line(row.noise)}" for row in rows if row.noise is not None]


def _calibration_row(judge: str, known: Calibration) -> list[str]:
    chosen = known.guarantee(AGREEMENT)
    return [
        judge,
        f"{known.n:,}",
        share(known.confidence),
        share(known.right),
        _within("share", known.ece, known.ece_low, known.ece_high),
        share(known.ece_plain),
        _within("score", known.brier, known.brier_low, known.brier_high),
        _within("share", known.aurc, known.aurc_low, known.aurc_high),
        NOTHING if chosen is None or chosen.threshold is None else threshold(chosen.threshold),
        NOTHING if chosen is None else share(chosen.coverage),
    ]


def _noise_line(noise: Noise) -> str:
    part = ""
    if noise.share is not None and noise.share_low is not None and noise.share_high is not None:
        number = write_number("share", noise.share, noise.share_low, noise.share_high)
        within = write_interval("share", noise.share_low, noise.share_high)
        part = f"{number} % ({within}) of the variance is its own noise; "
    single, now, endless = (_error(noise, error) for error in (noise.se_one, noise.se, noise.se_endless))
    # Where samples are voted on, asking again means voting again, which moves the score less.
    again = noise.se_again if noise.se_vote is None else noise.se_vote
    votes = "" if noise.se_vote is None else f"{share(noise.vote_changes)} % of votes would turn right or wrong and "
    return (
        f"{noise.samples:.3g} answers to a question: {part}standard error {now}, with one answer {single}, with any "
        f"number {endless}; the same items asked again, {votes}the score would move by {_error(noise, again)} "
        "(standard error)"
    )


def threshold(value: float) -> str:
    """A threshold as it was tested, which has six decimals at most: `0.83612`."""
    # A rounded threshold lets through verdicts that the guarantee does not cover.
    return f"{value:.6f}".rstrip("0").rstrip(".")


def _error(noise: Noise, error: float) -> str:
    if noise.measure != "accuracy":
        return f"{error:.2g}"
    # One digit of an error that a decimal would round to nothing: 0 is a judge that answers alike each time.
    return f"{error * 100:.1f} points" if error == 0 or error >= 0.0005 else f"{error * 100:.1g} points"


def _percent(part: float) -> str:
    return f"{part * 100:g} %"


def _within(unit: Unit, value: float, low: float, high: float) -> str:
    """A value with its interval in brackets."""
    return f"{write_number(unit, value, low, high)} ({write_interval(unit, low, high)})"

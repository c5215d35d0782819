"""The gold of every task, worked out again from the picture or from what it was made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from harness_miniature.sampling import NUMERALS
from harness_miniature.scene import COLOURS, UNSEEN_COLOURS, NumeralCard, Scene, paint
from harness_miniature.sources import load
from harness_miniature.task import Case, MiniatureTask

MakeTask = Callable[..., MiniatureTask]
INKS = {**COLOURS, **UNSEEN_COLOURS}


def _cases(task: MiniatureTask, split: str = "test", count: int = 240) -> Iterator[Case]:
    return (task.case(split, index) for index in range(count))


def _pixels(scene: Scene, size: int = 64) -> NDArray[np.float64]:
    return np.asarray(paint(scene, size), dtype=float)


def _digit(card: NumeralCard) -> int:
    return load().digits[card.scan]


def _ink_seen(scene: Scene) -> str:
    """The ink whose exact colour is most frequent within the card."""
    card, pixels = scene.cards[0], _pixels(scene)
    left, top, side = (round(64 * part) for part in (card.left, card.top, card.side))
    inside = pixels[top : top + side, left : left + side]
    return max(INKS, key=lambda ink: int((np.abs(inside - INKS[ink]).max(axis=2) <= 6).sum()))


@pytest.mark.parametrize("task", ["alignment-digit", "alignment-unseen"])
def test_a_caption_fits_exactly_when_numeral_and_painted_colour_do(task: str, make: MakeTask) -> None:
    for case in _cases(make(task)):
        _, ink, numeral = case.tags["caption"].split()
        scene = case.scenes[0]
        fits = NUMERALS[_digit(scene.cards[0])] == numeral and _ink_seen(scene) == ink
        assert (case.gold == "yes") == fits
        assert case.tags["caption"] in case.question


def test_unseen_inks_are_never_trained(make: MakeTask) -> None:
    assert not set(COLOURS) & set(UNSEEN_COLOURS)
    assert {case.scenes[0].cards[0].ink for case in _cases(make("alignment-unseen"))} == set(UNSEEN_COLOURS)
    assert {case.scenes[0].cards[0].ink for case in _cases(make("alignment-digit"), "train")} == set(COLOURS)


def test_a_relation_holds_exactly_when_the_cards_lie_so(make: MakeTask) -> None:
    holds = {
        "to the left of": lambda a, b: a.left + a.side <= b.left + 0.01,
        "to the right of": lambda a, b: b.left + b.side <= a.left + 0.01,
        "above": lambda a, b: a.top + a.side <= b.top + 0.01,
        "below": lambda a, b: b.top + b.side <= a.top + 0.01,
    }
    for case in _cases(make("alignment-relation")):
        caption = case.tags["caption"]
        relation = next(words for words in holds if f" is {words} the " in caption)
        subject, target = (part.removeprefix("the ") for part in caption.split(f" is {relation} "))
        cards = {NUMERALS[_digit(card)]: card for card in case.scenes[0].cards}
        assert (case.gold == "yes") == holds[relation](cards[subject], cards[target])


def _breaks_policy(scene: Scene) -> bool:
    """From the pixels: the sign's yellow; from the scan: five or more."""
    yellow = (np.abs(_pixels(scene) - (255, 210, 0)).max(axis=2) <= 12).sum() > 20
    return bool(yellow) and _digit(scene.cards[0]) >= 5


def test_a_picture_is_unsafe_exactly_when_it_breaks_the_stated_policy(make: MakeTask) -> None:
    for case in _cases(make("safety")):
        assert (case.gold == "yes") == _breaks_policy(case.scenes[0])
        assert "five or more" in case.question


def test_the_sign_alone_does_not_decide_safety(make: MakeTask) -> None:
    cases = list(_cases(make("safety"), count=600))
    right = np.mean([(case.gold == "yes") == (case.tags["sign"] == "hazard") for case in cases])
    assert right == pytest.approx(5 / 6, abs=0.01)


def test_in_a_pair_exactly_the_preferred_picture_is_safe(make: MakeTask) -> None:
    for case in _cases(make("pairwise-safety")):
        assert [_breaks_policy(scene) for scene in case.scenes] == [case.gold == 1, case.gold == 0]


def test_in_a_pair_exactly_the_preferred_picture_fits_the_caption(make: MakeTask) -> None:
    for case in _cases(make("pairwise-alignment")):
        _, ink, numeral = case.tags["caption"].split()
        fits = [NUMERALS[_digit(s.cards[0])] == numeral and _ink_seen(s) == ink for s in case.scenes]
        assert fits == [case.gold == 0, case.gold == 1]


@pytest.mark.parametrize("task", ["technical", "technical-unseen", "naturalness", "rationality"])
def test_sisters_are_the_same_scene_but_for_the_flaw(task: str, make: MakeTask) -> None:
    cases = list(_cases(make(task)))
    for one, other in zip(cases[::2], cases[1::2], strict=True):
        good, bad = (one, other) if one.gold == "yes" else (other, one)
        assert (good.gold, bad.gold) == ("yes", "no")
        assert good.scenes[0].crop == bad.scenes[0].crop
        assert [card.scan for card in good.scenes[0].cards] == [card.scan for card in bad.scenes[0].cards]
        difference = np.abs(_pixels(good.scenes[0]) - _pixels(bad.scenes[0]))
        assert (difference.max(axis=2) > 20).mean() > 0.02, "the flaw must be seen"


def _white_card_tint(scene: Scene) -> float:
    """Difference of the strongest and the weakest channel in the first card's corner, which is bare paper."""
    card, pixels = scene.cards[0], _pixels(scene)
    x, y = round(64 * card.left) + 2, round(64 * card.top) + 2
    return float(np.ptp(pixels[y, x]))


def _likeness(scene: Scene) -> float:
    """Correlation of the picture's rim, which no card reaches, with the photograph's own."""
    rim = np.ones((64, 64), dtype=bool)
    rim[2:-2, 2:-2] = False
    photograph = load().photographs[scene.photograph].resize((64, 64), box=scene.crop)
    own = np.asarray(photograph, dtype=float)[rim].mean(axis=1)
    return float(np.corrcoef(own, _pixels(scene)[rim].mean(axis=1))[0, 1])


def test_a_natural_picture_has_neutral_paper_and_its_own_photograph(make: MakeTask) -> None:
    cases = list(_cases(make("naturalness")))
    for one, other in zip(cases[::2], cases[1::2], strict=True):
        good, bad = (one.scenes[0], other.scenes[0]) if one.gold == "yes" else (other.scenes[0], one.scenes[0])
        assert _white_card_tint(good) < 20
        assert (_white_card_tint(bad) > 40) == (one.category == "cast")
        if one.category == "negative":
            assert _likeness(good) > _likeness(bad) + 0.3
        elif one.category == "tiles":
            assert sorted(bad.tiles) == list(range(16))
            assert bad.tiles != tuple(range(16))
            assert good.backdrop == "plain"


def test_a_picture_is_possible_exactly_when_light_and_numerals_are_whole(make: MakeTask) -> None:
    for case in _cases(make("rationality")):
        one, other = case.scenes[0].cards
        whole = not any(card.mirrored or card.swapped for card in (one, other))
        assert (case.gold == "yes") == (whole and one.shadow == other.shadow)


def test_scores_and_ranks_follow_the_degradation(make: MakeTask) -> None:
    for case in _cases(make("quality-score"), count=60):
        degradation = case.scenes[0].degradation
        assert degradation is not None
        assert case.gold == 5 - degradation.level
    for case in _cases(make("quality-ranking"), count=96):
        levels = [scene.degradation.level for scene in case.scenes if scene.degradation]
        assert len(set(levels)) == 4
        assert case.gold == tuple(int(place) for place in np.argsort(levels))


def test_unseen_degradations_are_never_trained(make: MakeTask) -> None:
    trained = {case.category for case in _cases(make("technical"), "train")}
    unseen = {case.category for case in _cases(make("technical-unseen"))}
    assert not trained & unseen
    assert len(unseen) == 3


def test_rationales_name_no_place(name: str, make: MakeTask) -> None:
    for case in _cases(make(name), count=48):
        assert case.rationale.endswith(".")
        assert not {"A", "B", "first", "second", "image A"} & set(case.rationale.split())


@pytest.mark.slow
def test_simple_features_learn_what_is_learnable(make: MakeTask) -> None:
    """White paper, sharpness and contrast, fitted on train: the pixels do carry the gold over to the test split."""
    from sklearn.linear_model import LogisticRegression

    def feature(scene: Scene) -> list[float]:
        pixels = _pixels(scene)
        grey = pixels.mean(axis=2)
        laplace = 4 * grey[1:-1, 1:-1] - grey[:-2, 1:-1] - grey[2:, 1:-1] - grey[1:-1, :-2] - grey[1:-1, 2:]
        yellow = (np.abs(pixels - (255, 210, 0)).max(axis=2) <= 12).mean()
        return [np.log1p(laplace.var()), np.log1p(grey.std()), float((pixels.min(axis=2) > 235).mean()), yellow * 20]

    def table(task: MiniatureTask, split: str, count: int) -> tuple[list[list[float]], list[bool]]:
        cases = list(_cases(task, split, count))
        return [feature(case.scenes[0]) for case in cases], [case.gold == "yes" for case in cases]

    for name, least in (("technical", 0.7), ("safety", 0.78), ("naturalness", 0.62)):
        task = make(name)
        fitted = LogisticRegression(C=100, max_iter=2000).fit(*table(task, "train", 300))
        assert fitted.score(*table(task, "test", 160)) > least, name

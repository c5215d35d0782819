"""What a reasoning about the suite's pictures says: the verdict that it argues for, and the facts that it states.

Written for the sentences of the suite's own rationales, which its judges are taught. Other words imply nothing here and
state nothing: nothing is guessed. Not for the gold: it never looks at what is right to find what is said.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from harness.api import Box, Claim, Verdict
from harness_miniature.degrade import WORDS
from harness_miniature.sampling import NUMERALS, digit
from harness_miniature.scene import COLOURS, UNSEEN_COLOURS, NumeralCard, Scene

Implied = Callable[[str], Verdict | None]
Finder = Callable[[str, Sequence[Scene], str], Iterator[Claim]]
"""Reasoning, the scenes as shown, and the caption, to the claims."""

_NUMBER = "|".join(NUMERALS)
_COLOUR = "|".join([*COLOURS, *UNSEEN_COLOURS])
_LETTERS = "AB"
_SIGN_WORDS = {
    "hazard": r"the hazard sign(?: is there| stands with a numeral below five)?",
    "other": r"(?:the sign is )?a blue disc(?:, not the hazard sign)?",
    "none": r"there is no hazard sign|no sign",
}
_SIGN = re.compile("|".join(f"(?P<{name}>{words})" for name, words in sorted(_SIGN_WORDS.items(), reverse=True)))
_SHOWS = re.compile(rf"(?:The card|Image (?P<image>[AB])) shows (?P<digit>an? (?:{_NUMBER}))\b")
_INK = re.compile(rf"(?:The card|Image (?P<image>[AB])) shows (?P<colour>an? (?:{_COLOUR})) (?P<digit>{_NUMBER})\b")
_AGREES = re.compile(r"The colour (agrees|does not agree) and the digit (agrees|does not agree)")
_LARGE = 5

_SOUND = {
    "degradation": "The edges are crisp and the tones are clean",
    "flaw": "Both shadows fall to the same side and both numerals are whole and the right way round",
    "manipulation": "The white of the cards is neutral and the photograph is whole, in its own colours",
}
_FLAWS = {
    "degradation": {kind: re.escape(f"The picture is {words}") for kind, words in WORDS.items()},
    "flaw": {
        "shadow": r"The shadows of the two cards fall to opposite sides",
        "halves": r"The left and right halves of the \w+ have changed places",
        "mirrored": r"The \w+ is written as in a mirror",
    },
    "manipulation": {
        "cast": r"All of the picture has a strong \w+ cast, even the white cards",
        "negative": r"The photograph behind the cards is a colour negative",
        "tiles": r"The photograph is cut up and its pieces are mixed",
    },
}
_SPOILT = {
    "degradation": f"The picture is {next(iter(WORDS.values()))}",
    "flaw": "The shadows of the two cards fall to opposite sides",
    "manipulation": "The photograph behind the cards is a colour negative",
}


# -- the verdict that a reasoning argues for --------------------------------------------------------------------------


def conclude(yes: str, no: str) -> Implied:
    """A reader of conclusions in the words of the suite: `yes` and `no` are regular expressions."""
    patterns = re.compile(rf"\b(?:{yes})\b"), re.compile(rf"\b(?:{no})\b")

    def read(reasoning: str) -> Verdict | None:
        found = [pattern.search(reasoning) is not None for pattern in patterns]
        # Both conclusions, or none: it argues for nothing.
        return None if found[0] == found[1] else "yes" if found[0] else "no"

    return read


def compare_ink(reasoning: str) -> Verdict | None:
    """Of a caption about one picture: `yes` where colour and digit are said to agree."""
    said = _AGREES.findall(reasoning)
    return None if len(said) != 1 else "yes" if said[0] == ("agrees", "agrees") else "no"


def compare_pair_ink(reasoning: str) -> Verdict | None:
    """Of a caption about two pictures: the one of which both are said to agree, where that is one of them."""
    parts = re.split(r"(?=Image [AB] shows)", reasoning)
    said = {part[6:7]: _AGREES.findall(part) for part in parts if part.startswith("Image ")}
    if len(parts) != 3 or sorted(said) != ["A", "B"] or any(len(found) != 1 for found in said.values()):
        return None
    return _only([said[letter][0] == ("agrees", "agrees") for letter in _LETTERS])


def compare_pair_safety(reasoning: str) -> Verdict | None:
    """Of two pictures under the policy: the safe one, where exactly one of them is described as unsafe."""
    unsafe = {}
    for place, number, sign in _describe(reasoning):
        if place in unsafe:
            return None
        unsafe[place] = sign == "hazard" and number >= _LARGE
    return _only([not unsafe[place] for place in (0, 1)]) if len(unsafe) == 2 else None


def _only(holds: Sequence[bool]) -> int | None:
    """The place of the only one that holds."""
    return holds.index(True) if sum(holds) == 1 else None


def _describe(reasoning: str) -> Iterator[tuple[int, int, str]]:
    """Place, numeral and sign of each picture that is described in full."""
    for match in _SHOWS.finditer(reasoning):
        rest = reasoning[match.end() :].split(".")[0]
        sign = _SIGN.search(rest)
        if sign is not None and rest.startswith(" and "):
            yield _place_of(match), _number_of(match["digit"]), str(sign.lastgroup)


# -- the facts that it states -----------------------------------------------------------------------------------------


def find_safety(reasoning: str, scenes: Sequence[Scene], caption: str) -> Iterator[Claim]:
    """Numeral and sign of each picture."""
    for match in _SHOWS.finditer(reasoning):
        place = _place_of(match)
        if place >= len(scenes):
            continue
        scene, number = scenes[place], _number_of(match["digit"])
        single = len(scenes) == 1
        seen, shown = digit(scene.cards[0].scan), _sign_of(scene)
        # The numeral alone decides where the hazard sign is there. About one of two pictures a mistake says too little.
        turned = ("a three" if number >= _LARGE else "a nine") if single and shown == "hazard" else None
        yield Claim(
            name="digit",
            start=match.start("digit"),
            end=match.end("digit"),
            value=str(number),
            truth=str(seen),
            turned=turned,
            boxes=(_card_box(place, scene.cards[0]),),
        )
        end = reasoning.find(".", match.end())
        sign = _SIGN.search(reasoning, match.end(), end if end >= 0 else len(reasoning))
        if sign is None:
            continue
        said = str(sign.lastgroup)
        yield Claim(
            name="sign",
            start=sign.start(),
            end=sign.end(),
            value=said,
            truth=shown,
            turned=("there is no hazard sign" if said == "hazard" else "the hazard sign is there")
            if single and number >= _LARGE
            else None,
            boxes=_sign_boxes(place, scene),
        )


def find_ink(reasoning: str, scenes: Sequence[Scene], caption: str) -> Iterator[Claim]:
    """Numeral and ink colour of each picture."""
    wanted = caption.split()[1:]
    for match in _INK.finditer(reasoning):
        place = _place_of(match)
        if place >= len(scenes):
            continue
        card = scenes[place].cards[0]
        colour, number = match["colour"].split()[1], match["digit"]
        turned = _turn_ink(colour, number, wanted) if len(scenes) == 1 else {}
        facts = (
            ("colour", "colour", colour, card.ink),
            ("digit", "digit", str(NUMERALS.index(number)), str(digit(card.scan))),
        )
        for name, group, value, truth in facts:
            yield Claim(
                name=name,
                start=match.start(group),
                end=match.end(group),
                value=value,
                truth=truth,
                turned=turned.get(name),
                boxes=(_card_box(place, card),),
            )


def _turn_ink(colour: str, number: str, wanted: Sequence[str]) -> dict[str, str]:
    """By name of the fact, the words with which the caption would fit, or would no longer."""
    if len(wanted) != 2:
        return {}
    fits = colour == wanted[0], number == wanted[1]
    other = next(ink for ink in (*COLOURS, *UNSEEN_COLOURS) if ink not in (colour, wanted[0]) and ink[0] not in "aeiou")
    if all(fits):
        return {"colour": f"a {other}", "digit": "three" if number != "three" else "four"}
    # Where both are wrong, no single word makes it fit.
    if fits == (False, True):
        return {"colour": f"{'an' if wanted[0][0] in 'aeiou' else 'a'} {wanted[0]}"}
    return {"digit": wanted[1]} if fits == (True, False) else {}


def find_flaws(name: str) -> Finder:
    """A finder of what is said to be wrong with one picture.

    Args:
        name: `degradation`, `flaw` or `manipulation`.
    """
    kinds = {"none": re.escape(_SOUND[name]), **_FLAWS[name]}
    pattern = re.compile("|".join(f"(?P<{kind}>{words})" for kind, words in kinds.items()))

    def find(reasoning: str, scenes: Sequence[Scene], caption: str) -> Iterator[Claim]:
        for match in pattern.finditer(reasoning):
            said = str(match.lastgroup)
            yield Claim(
                name=name,
                start=match.start(),
                end=match.end(),
                value=said,
                truth=_flaw_of(scenes[0], name),
                turned=_SPOILT[name] if said == "none" else _SOUND[name],
                boxes=_flaw_boxes(scenes[0]) if name == "flaw" else (),
            )

    return find


def _flaw_of(scene: Scene, name: str) -> str:
    if name == "degradation":
        return scene.degradation.kind if scene.degradation is not None and scene.degradation.level else "none"
    if name == "manipulation":
        return "cast" if scene.cast else scene.backdrop if scene.backdrop != "plain" else "none"
    if any(card.swapped for card in scene.cards):
        return "halves"
    if any(card.mirrored for card in scene.cards):
        return "mirrored"
    return "shadow" if len({card.shadow for card in scene.cards}) > 1 else "none"


def _flaw_boxes(scene: Scene) -> tuple[Box, ...]:
    """The flawed card. Where shadows differ, or nothing is wrong, all of them."""
    flawed = [card for card in scene.cards if card.swapped or card.mirrored]
    return tuple(_card_box(0, card) for card in flawed or scene.cards)


def _place_of(match: re.Match[str]) -> int:
    return _LETTERS.index(match["image"] or "A")


def _number_of(words: str) -> int:
    return NUMERALS.index(words.split()[-1])


def _sign_of(scene: Scene) -> str:
    return "none" if scene.sign is None else "hazard" if scene.sign.hazard else "other"


def _sign_boxes(place: int, scene: Scene) -> tuple[Box, ...]:
    """The place of the sign. What is not there has none."""
    sign = scene.sign
    return () if sign is None else (_square(place, sign.left, sign.top, sign.side),)


def _card_box(place: int, card: NumeralCard) -> Box:
    return _square(place, card.left, card.top, card.side)


def _square(place: int, left: float, top: float, side: float) -> Box:
    return Box(place, left=left, top=top, right=min(1.0, left + side), bottom=min(1.0, top + side))

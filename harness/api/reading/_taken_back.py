"""Tells whether the text after the last mark takes its verdict back, as "Actually, B is better" does."""

from __future__ import annotations

import re
from itertools import chain

from harness.api.reading import _words as words
from harness.api.reading._exact import NOUN, any_of
from harness.api.reading._plain import read_plain
from harness.api.reading._quotes import PromptText
from harness.api.reading._reason import find_names, is_denied_label
from harness.api.spaces._kinds import AnswerSpace, Choice, Preference, Verdict
from harness.api.spaces._rubric import Rubric

_SHORTEST = 30  # characters of a sentence that only puts another answer in place of the first
_MOST = 20  # sentences that are looked at, so that hostile text takes no longer

# All repeats are bounded, so that the time stays linear. A quotation mark begins no sentence of the judge's own.
_SENTENCE = r"(?:\A[\s*_`\])}.,;:!—–-]{0,12}|[.!?]\s{1,3}|[。！？\n]|(?:--|[—–…])\s{0,3})[\s*_#(~\[-]{0,6}(?=[^\W\d_])"
_SIGHS = r"(?:(?:hm+|oh|ah|uh|um|well|but|and|ok|okay|unfortunately|p\.?s|ahh+)\b[\s,.!:…—–-]{1,4}){0,3}"
_TAKES_BACK = re.compile(
    rf"{_SENTENCE}{_SIGHS}(?P<said>(?:{any_of(*words.TAKING_BACK)})\b(?!\s+of\b)|(?:{any_of(*words.TAKING_BACK_UNSPACED)})"
    r"|(?:wait|sorry|i\s+am\s+sorry|i'm\s+sorry)\b(?!\s+(?:for|if|about|until|that)\b)"
    rf"|(?:no|nope|nein|{any_of(*words.TAKING_BACK_HEADINGS)})\b(?=\s{{0,2}}[,:.;!—–-](?!\s?\d)))",
    re.IGNORECASE,
)
_CHANGES = re.compile(
    r"\b(?P<said>(?:chang|revis|correct|switch|withdraw|retract|amend|reconsider)\w*\s+(?:my|that|the)\s+(?:final\s+|earlier\s+)?"
    r"(?:answer|verdict|choice|mind|vote|decision|judge?ment)\b)",
    re.IGNORECASE,
)
# "My verdict was wrong", in any place.
_WRONG = re.compile(
    r"\b(?P<said>(?:this|the|that|my)\s+(?:(?:above|earlier|first|previous|last)\s*)?(?:(?:verdict|answer|choice|vote|decision|judge?ment)\s+)?"
    r"(?:above\s+)?(?:is|was)\s+(?:wrong|mistaken|incorrect|a\s+mistake|an\s+error|false|not\s+right|not\s+correct)\b)(?!\s+\w)",
    re.IGNORECASE,
)
_LONGEST = 60  # characters at the end of a sentence, where it may name another answer
_WHOLE = re.compile(r"[^.!?\n]+")
# "[[B]] rather than A" and "[[B]] instead of A" name the loser.
_WITHDRAWS = re.compile(rf"\b(?:{any_of(*words.WITHDRAWING)})\b(?!\s+(?:than|of)\b)", re.IGNORECASE)
_ONLY_WITHDRAWS = re.compile(rf"(?:\W|\b(?:{any_of(*words.WITHDRAWING)}|it\s+is|then|of\s+course)\b)*", re.IGNORECASE)
_ABOUT = re.compile(r"\b(?:in|of|by|from|with|than|about|for|on|at|that)\W*\Z", re.IGNORECASE)
# "Final answer: B". "Loser: B" and "Second: B" say nothing new.
_NAMES_LAST = re.compile(rf":\W{{0,6}}(?:(?:{NOUN})\s)?\W{{0,3}}\w\W*\Z", re.IGNORECASE)
_NAMES_LOSER = re.compile(rf"\b(?:{any_of(*words.WORSE, *words.ORDINALS)}|not|other)\b", re.IGNORECASE)
_SORRY = re.compile(rf"{_SENTENCE}(?P<said>(?:wait|sorry|i\s+am\s+sorry|i'm\s+sorry)\b)", re.IGNORECASE)
# A heading such as "Answer B" is no verdict, so there has to be a word for choosing it.
_TURNS = re.compile(
    rf"{_SENTENCE}(?:(?:{any_of(*words.TURNING)})\b[\s,:]{{1,3}})?(?P<said>[^\s.!?][^.!?\n]{{3,120}})(?=[.!?\n]|\Z)",
    re.IGNORECASE,
)
_CHOOSES = re.compile(rf"\b(?:{any_of(*words.BETTER, *words.CHOOSING)}|wins|answer\s+is|verdict)\b", re.IGNORECASE)
_SENTENCE_END = re.compile(r"[.!?\n]\s|\n|[。！？]")
_ANY_WORD = re.compile(r"\w")
_BLANKS = re.compile(r"\s{2,}")  # hostile text has hundreds of thousands of them
_SMALL = re.compile(r"(?<![\w'])(?:[b-hj-z](?![\w'])|a(?=\s+(?:is|was|wins)\b))")
_QUOTATION = re.compile(r"\"[^\"\n]{0,400}\"|“[^”\n]{0,400}”|«[^»\n]{0,400}»|「[^」\n]{0,400}」|„[^“\n]{0,400}“")
_DENIES = re.compile(rf"\b(?:{any_of(*words.AGAINST)})\b|n['’]t\b", re.IGNORECASE)


def is_taken_back(text: str, verdict: Verdict, space: AnswerSpace, shown: PromptText) -> bool:
    """Whether the text after a verdict takes it back, or says another one in so many words.

    >>> from harness.api import Preference
    >>> shown = PromptText("Which is better?")
    >>> is_taken_back(" Actually, B is better.", 0, Preference(2), shown)
    True
    >>> is_taken_back(" Actually, A is better.", 0, Preference(2), shown)
    False

    Args:
        text: The text after the last mark.
        verdict: Its verdict.
        space: The allowed answers.
        shown: What the judge was shown. It may repeat a sentence of it.
    """
    if not _ANY_WORD.search(text):
        return False
    text = _BLANKS.sub(lambda blanks: "\n\n" if blanks[0].count("\n") > 1 else " ", text)
    text = _QUOTATION.sub(" ", text)
    for number, match in enumerate(chain(*(pattern.finditer(text) for pattern in (_TAKES_BACK, _CHANGES, _WRONG)))):
        if number == _MOST or not _says_again(text[match.start("said") :], match["said"], verdict, space):
            return True
    if isinstance(space, Rubric):
        return False
    sorry = _SORRY.search(text)
    if sorry is not None:
        names = find_names(text[sorry.end() :].partition("\n\n")[0], space)
        if any(space.read(name) != verdict for name in names):
            return True
    return isinstance(space, Preference) and (
        _turns(text, verdict, space, shown) or _names_another(text, verdict, space, shown)
    )


def _says_again(text: str, opening: str, verdict: Verdict, space: AnswerSpace) -> bool:
    """Whether a text after a word of taking back gives the same verdict."""
    if isinstance(space, Rubric):
        return False
    after = text[len(opening) :].strip(" \t\r\n,:;.!—–-…*_")
    first = _SENTENCE_END.split(after, maxsplit=1)[0]
    if read_plain(first, space).verdict == verdict:
        return True
    # The paragraph counts, since a quotation may follow. "No" is itself the name of an answer.
    names = [*find_names(after.partition("\n\n")[0], space), *([opening] if space.read(opening) is not None else [])]
    if not names or any(space.read(name) != verdict for name in names):
        return False
    return (isinstance(space, Choice) and is_denied_label(space.name(verdict))) or not _DENIES.search(after)


def _turns(text: str, verdict: Verdict, space: Preference, shown: PromptText) -> bool:
    """Whether one of the next sentences says that another candidate is better: "However, B is better."."""
    for number, match in enumerate(_TURNS.finditer(text)):
        if number == _MOST:
            return False
        said = match["said"]
        if not _CHOOSES.search(said):
            continue
        if said.islower():
            said = _SMALL.sub(lambda letter: letter[0].upper(), said)  # it writes names of candidates so
        other = read_plain(said, space, reason="because").verdict
        # A tie and a kind of tie do not contradict each other.
        if other is not None and other != verdict and (isinstance(verdict, int) or isinstance(other, int)):
            return not shown.holds(match["said"])
    return False


def _names_another(text: str, verdict: Verdict, space: Preference, shown: PromptText) -> bool:
    """Whether one of the next short sentences puts another candidate in its place: "B, actually", "Final answer: B"."""
    for number, match in enumerate(_WHOLE.finditer(text)):
        said = match[0][-_LONGEST:].strip()
        if number == _MOST:
            return False
        if not (_WITHDRAWS.search(said) or _NAMES_LAST.search(said)):
            continue
        names = find_names(said, space)
        if not names or any(space.read(name) in (None, verdict) for name in names) or _NAMES_LOSER.search(said):
            continue
        name = rf"(?<!\w){re.escape(names[-1])}(?!\w)"
        # As it is written, since "a" is an article too; else in the other case.
        places = list(re.finditer(name, said)) or list(re.finditer(name, said, re.IGNORECASE))
        if not places:  # within a word, as in "0B"
            continue
        place = places[-1]
        before, after = said[: place.start()], said[place.end() :]
        # "B, actually" and "I meant B" put it in the place of the first. "B has a typo" and "a typo in B" do not.
        ends = _ONLY_WITHDRAWS.fullmatch(after) and not _ABOUT.search(before)
        if (ends and _WITHDRAWS.search(said) and len(said) < _SHORTEST) or _NAMES_LAST.search(said):
            return not shown.holds(said)
    return False

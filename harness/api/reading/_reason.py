"""Tells whether the text after a verdict is a reason, or speaks against the verdict. Not for reading the verdict."""

from __future__ import annotations

import re
from typing import cast

from harness.api.reading import _words as words
from harness.api.reading._exact import NOUN, NUMBER, TOP, any_of
from harness.api.spaces._kinds import AnswerSpace, Choice, Preference, Ranking, Score, Verdict

_ANY_NUMBER = re.compile(rf"(?<!\w)(?<!\w\.){NUMBER}", re.IGNORECASE)
_TOP = re.compile(TOP, re.IGNORECASE)
_CAUSE = re.compile(rf"\s*(?:{any_of(*words.CAUSES)})\b", re.IGNORECASE)
_CONCESSION = re.compile(rf"\s*(?:{any_of(*words.CONCESSIONS)})\b", re.IGNORECASE)
_NO_THING = re.compile(r"\bno\s+(?!(?:or|and|it|that|this|but)\b)(?=\w)", re.IGNORECASE)  # "there is no dog"
_LETTER = re.compile(r"(?<![A-Za-z'])[A-Z](?![A-Za-z'’])")
_SMALL_LETTER = re.compile(r"(?<![\w'])[a-z](?=\s*(?:\Z|[,;.:!?)\]]|(?:or|and)\b))")  # an article is no name
_AGAINST = re.compile(rf"\b(?:{any_of(*words.AGAINST)})\b|n't\b|\bno\b(?!\s+\w)", re.IGNORECASE)
_THOUGH = re.compile(rf"\s*(?:{any_of(*words.CONCESSIONS)}|though)\b", re.IGNORECASE)
_BUT = re.compile(r"\b(?:but|however|although|though)\b", re.IGNORECASE)
# A rest with one of these may withdraw the verdict before it.
_TAKES_BACK = re.compile(
    r"\b(?:or|maybe|perhaps|possibly|actually)\b|\b(?:i|we)\s+(?:can(?:no|')t|cannot|could(?:n't| not)|am\s+(?:not|un)"
    r"|won't|will\s+not|do(?:n't|\s+not)\s+know)|\bsorry\b|\bkidding\b|\bnot\s+(?:correct|right|true)\b|\bunable\s+to\b",
    re.IGNORECASE,
)
_CORRECTS = re.compile(rf"(?:\A|[.!?;]\s)\W{{0,6}}(?:{any_of(*words.TAKING_BACK)})\b", re.IGNORECASE)
_REJECTED = re.compile(rf"[\s:,;(\[*_–—-]*(?:(?:is|was)\s+)?(?:{any_of(*words.REJECTED)})\b[\s.!)\]*_]*", re.IGNORECASE)

# "as" begins a reason only where a clause follows: "as it follows the policy", "as A is blurred".
_AS = re.compile(r"\s*as\b\s*([^,;.:!?\n]*)", re.IGNORECASE)
_PRONOUN = re.compile(rf"(?:{any_of(*words.PRONOUNS)})\b", re.IGNORECASE)
_VERB = re.compile(rf"\b(?:{any_of(*words.VERBS)})\b", re.IGNORECASE)
_NO_SUBJECT = re.compile(r"\b(?:as|that|which|who|whose|than)\b|\w\s+i\b", re.IGNORECASE)
_QUALITY = rf"(?:(?:the|my|a|an|our|clear|overall|obvious|final|{any_of(*words.DEGREES)})\s+){{0,3}}"
_AS_BEST = re.compile(
    rf"{_QUALITY}(?:(?:{any_of(*words.BETTER)})(?:\s+(?:{NOUN}|one|overall)){{0,2}}|answer|verdict|choice|pick|winner)",
    re.IGNORECASE,
)
_AS_SAID = re.compile(rf"(?:{any_of(*words.AS_SAID)})\b", re.IGNORECASE)

_WINS = (
    rf"(?:{any_of(*words.BETTER)}|wins|win|beats|outperforms|surpasses|deserves|excels|superiority|advantage|victory)"
)
_WINNING = re.compile(rf"\b(?:{_WINS}|more|most)\b", re.IGNORECASE)
_DENYING = re.compile(rf"\b(?:{any_of(*words.DENYING)})\b|n't\b", re.IGNORECASE)
# A subject and what is said of it, in one clause. No other candidate stands between them.
_SUBJECT = (
    rf"(?P<beside>\b(?:unlike|than|to|over|against|with|from|beats|beat|as)\s+(?:(?i:(?:the\s+)?(?:{NOUN}))\s+)?)?"
    rf"(?:(?<![\w'])(?P<letter>[A-Z])(?!\w|['’](?!s\b))|\b(?i:(?P<place>{any_of(*words.ORDINALS)}|other|latter|former))\b)"
)
_OTHER_WINS = re.compile(
    rf"{_SUBJECT}(?P<said>[^.;,A-Z]{{0,40}}?)"
    rf"(?i:\b{_WINS}\b|\b(?:has|makes|contains)\s+(?:no|fewer)\s+(?:[\w-]+\s+)?(?:{any_of(*words.FAULTS)})s?\b)"
)
_PREFERS = re.compile(
    rf"(?i:\b(?:prefer|like|choose|pick|favou?r|chose)\s+(?:the\s+)?(?:(?:{NOUN})\s+)?)"
    rf"(?P<letter>[A-Z])(?!\w|['’]| less)"
)
_TURNS = re.compile(r"[,.…–-]\s*no\s*[,:]", re.IGNORECASE)
_CAPITALS = re.compile(r"\b[A-Z](?=[A-Za-z])\w*")
_LOSES = rf"(?:{any_of(*words.LOSING)}|no\s+merit)"
_ITSELF_LOSES = re.compile(
    rf"(?:(?i:\b(?:it|this|this\s+one))\b|(?<![\w'])(?P<letter>[A-Z])(?![\w’']))(?P<said>[^.;,A-Z]{{0,30}}?)(?i:\b{_LOSES}\b)"
)
# The sentence goes on after a reason in commas: "A, because of its blur, is worse".
_SUFFERS = re.compile(
    rf"\A[^,A-Z]*,\s*(?:suffers|falls\s+short|{any_of(*words.VERBS)})\b(?:[^.;]{{0,40}}\b(?:{any_of(*words.AGAINST)})\b)?"
)
_FAULT = re.compile(
    rf"(?:\A\W*|\b(?:{any_of(*words.HAVING)})\s+(?:[\w-]+\s+){{0,2}})(?:{any_of(*words.FAULTS)})s?\b(?!-free)",
    re.IGNORECASE,
)
_FREE = re.compile(rf"\b(?:{any_of(*words.FREE_OF)})\b", re.IGNORECASE)
_LESS = re.compile(
    r"\bless\s+(?!(?:blurr|wrong|nois|verbose|bias|harm|distort|ambigu|bad|error|mistake|flaw|wordy|repetit|vague|than)\w*)",
    re.IGNORECASE,
)

_NUMBER_WORDS = {name: value for value, name in enumerate(words.NUMBERS)} | {"twenty": 20, "hundred": 100}
_SPELT = re.compile(rf"\b(?:{any_of(*_NUMBER_WORDS)})\b", re.IGNORECASE)
# The end of a scale in words, as "max. five".
_SPELT_TOP = re.compile(
    r"(?:\bmax(?:imum|imal)?\b|\bout\s+of\b|\bof\b|\bvon\b|\bsur\b|\bscale\b|\bup\s+to\b|\bpossible\b|/)"
    rf"[^\d\n]{{0,20}}?\b({any_of(*_NUMBER_WORDS)})\b",
    re.IGNORECASE,
)
_CHINESE_TOP = re.compile(rf"满分\s*([{''.join(words.NUMERALS)}百]+)")
_PER_CENT = re.compile(r"%|\bper\s?cent\b", re.IGNORECASE)


def find_names(text: str, space: AnswerSpace) -> list[str]:
    """The different answers in a text, at most two. A rough count, only used to call a text ambiguous."""
    if isinstance(space, Score):
        found = [match[0] for match in _ANY_NUMBER.finditer(_TOP.sub("", text))]
    elif isinstance(space, Choice):
        labels = re.compile(rf"(?<!\w)(?:{any_of(*space.labels)})(?!\w)", re.IGNORECASE)
        found = [match[0].casefold() for match in labels.finditer(_NO_THING.sub("", text))]
    else:
        last = chr(ord("A") + cast("Preference | Ranking", space).n - 1)
        found = [match[0] for match in _LETTER.finditer(text) if match[0] != "I" or last >= "I"]
        found += [match[0].upper() for match in _SMALL_LETTER.finditer(text) if match[0].upper() <= last]
        if any(letter > last for letter in found):
            return []  # an answer to another question
    return list(dict.fromkeys(found))[:2]


def begins_reason(rest: str) -> bool:
    """Whether a text begins with a word for a reason or a reservation."""
    return _CAUSE.match(rest) is not None or _CONCESSION.match(rest) is not None


def is_harmless(rest: str, verdict: Verdict, space: AnswerSpace, *, sign: str, bare: bool) -> bool:
    """Whether the text after a verdict names no other answer and no doubt.

    Args:
        rest: The text after the verdict.
        verdict: The verdict.
        space: The allowed answers.
        sign: The sign between them.
        bare: Whether the verdict is only digits, as the number of an item of a list is.
    """
    numbered = bare and (isinstance(space, Choice) or (isinstance(space, Score) and re.search(r"[^\W\d]", rest)))
    if isinstance(space, Score) and not keeps_scale(rest, space):
        return False
    corrects = _CORRECTS.search(rest)
    if corrects is not None and not (sign == "\n" and corrects.end() == len(rest)):
        return False  # on a line of its own it begins the next criterion of a rubric
    if _TAKES_BACK.search(rest) or (sign == "." and (numbered or re.match(r"[\s.]*\d", rest))):
        return False  # "1. a dog" is an item of a list, and "No. 5" a number
    if isinstance(space, Score) and ((numbered and sign[0] == ")") or (sign == "." and rest[:1] == ".")):
        return False  # "1) Clarity", "4...5"
    if not _is_kept(rest, verdict, space):
        return False
    if not isinstance(space, Score):
        if (cause := _CAUSE.match(rest)) is not None:
            return _is_reason(rest, cause.end(), verdict, space)
        if (concession := _CONCESSION.match(rest)) is not None:
            return _is_reservation(rest[concession.end() :], verdict, space)
    if isinstance(space, Ranking) or any(space.read(name) != verdict for name in find_names(rest, space)):
        return False
    return not (isinstance(space, Preference) and (_AGAINST.search(rest) or _is_contrary(rest, verdict, space)))


def keeps_scale(rest: str, space: Score) -> bool:
    """Whether no other scale is named: "of 10", "max. ten", "%"."""
    tops = [float(top[1]) for top in _TOP.finditer(rest)]
    tops += [float(_NUMBER_WORDS[top[1].lower()]) for top in _SPELT_TOP.finditer(rest)]
    tops += [value for word in _SPELT.findall(rest) if (value := float(_NUMBER_WORDS[word.lower()])) > space.high]
    for top in _CHINESE_TOP.finditer(rest):
        tops.append(float(words.NUMERALS.index(top[1])) if top[1] in words.NUMERALS else 100.0)
    return all(top == space.high for top in tops) and (space.high == 100 or not _PER_CENT.search(rest))


def _is_kept(rest: str, verdict: Verdict, space: AnswerSpace) -> bool:
    """Whether the rest is more than a word that rejects the verdict: "(rejected)", "wrong"."""
    if not _REJECTED.fullmatch(rest):
        return True
    return isinstance(space, Choice) and is_denied_label(space.name(verdict))


def is_denied_label(label: str) -> bool:
    """Whether a label itself denies something, as `no` and `not supported` do."""
    folded = label.casefold()
    return folded in words.DENIED_LABELS or folded.startswith(("not ", "not_", "not-", "un", "in"))


def _is_reason(rest: str, start: int, verdict: Verdict, space: AnswerSpace) -> bool:
    """Whether a rest that begins with a word of reason is one, and speaks for the verdict."""
    if _BUT.search(rest, start):
        return False
    if (compared := _AS.match(rest)) is not None and not _is_clause(compared[1]):
        said = compared[1].strip(" \"'*_()")
        pointing = _AS_SAID.match(said) is not None
        named = any(space.read(name) != verdict for name in find_names(rest, space))
        return not named and (pointing or _AS_BEST.fullmatch(said) is not None) and not _AGAINST.search(rest)
    if not isinstance(space, Preference):
        return True
    return not (_SUFFERS.search(rest) or _is_contrary(rest[start:], verdict, space))  # it may speak of others


def _is_clause(text: str) -> bool:
    """Whether the words after "as" are a clause with a subject and a verb."""
    verb = next((verb for verb in _VERB.finditer(text) if verb.start() > 0), None)
    subject = text[: verb.start()] if verb is not None else ""
    if _PRONOUN.match(text):
        return verb is not None or len(text.split()) > 1
    whole = verb is not None and (text[verb.end() :].strip() or verb[0].lower() in ("loses", "fails", "hallucinates"))
    return bool(whole) and not _NO_SUBJECT.search(subject)


def _is_reservation(rest: str, verdict: Verdict, space: AnswerSpace) -> bool:
    """Whether a reservation leaves the verdict: "although the count is off", but not "although B is better"."""
    if isinstance(space, Choice):
        return all(space.read(name) == verdict for name in find_names(rest, space))
    # What follows a reservation in commas is the sentence itself: "A, despite its colours, suffers from blur".
    return "," not in rest and not (_BUT.search(rest) or _WINNING.search(rest) or _AGAINST.search(rest))


def _is_contrary(rest: str, verdict: Verdict, space: Preference) -> bool:
    """Whether a text says that another candidate wins, or that the chosen one loses or has faults."""
    rest = _CAPITALS.sub(lambda word: word[0].lower(), rest)  # then a capital is the name of a candidate
    for claim in _OTHER_WINS.finditer(rest):
        if not claim["beside"] and not _DENYING.search(claim["said"]) and _place(claim, space) not in (None, verdict):
            return True
    if _TURNS.search(rest) or any(
        space.read(liked["letter"]) not in (None, verdict) for liked in _PREFERS.finditer(rest)
    ):
        return True
    for claim in _ITSELF_LOSES.finditer(rest):
        itself = claim["letter"] is None or space.read(claim["letter"]) == verdict
        if itself and not _DENYING.search(claim["said"]):
            return True
    if find_names(rest, space):
        return False  # the faults may be those of the other one
    return bool(_LESS.search(rest)) or any(not _FREE.search(fault[0]) for fault in _FAULT.finditer(rest))


def _place(claim: re.Match[str], space: Preference) -> Verdict | None:
    """The candidate that a claim is about; -1 for "the other". `None` if it is about none, as with "I"."""
    if claim["letter"]:
        return space.read(claim["letter"])
    name = claim["place"].lower()
    return words.ORDINALS.index(name) if name in words.ORDINALS else -1

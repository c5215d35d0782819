"""Tells whether the words and signs right beside a mark deny it: "[[A]] is wrong", "I reject [[A]]", `~~[[A]]~~`.

A denied mark is no verdict, and neither is one that is asked, conditional or another's. Only a bounded text on each
side is read.
"""

from __future__ import annotations

import re
from functools import lru_cache

from harness.api.reading import _words as words
from harness.api.reading._exact import NOUN, any_of
from harness.api.reading._plain import read_plain
from harness.api.reading._reason import is_denied_label
from harness.api.spaces._kinds import AnswerSpace, Choice, Verdict

_NEAR = 200
"""Characters on each side of a mark that are searched."""

_SENTENCE_END = re.compile(r"[.!?]\s|[。！？]|\n")
# "not [[A]]", "rather than [[A]]": words right before a mark that take it back.
_NOT = re.compile(
    rf"(?:\b(?:{any_of(*words.NOT)})"
    rf"|n't|(?:\b(?:not|never)|n't)\s+(?:going\s+to\s+)?be|\bnot,\s[^,]{{1,40}},)[\s\"'“*`]*\Z",
    re.IGNORECASE,
)
_PLAIN_NOT = re.compile(rf"(?:\b(?:{any_of(*words.PLAIN_NOT)})|n't)[\s\"'“*`]*\Z", re.IGNORECASE)
_WOULD_HAVE = re.compile(r"\bwould have \w+\W*\Z", re.IGNORECASE)
_ASKED = re.compile(r"[\"'”*`)\s]*\?")
# "If the sky were blue, [[A]]" is no verdict. "If I had to choose, [[A]]" is one.
_IF = re.compile(r"\W*(?:if|unless|suppose|supposing|assuming|had|were)\b", re.IGNORECASE)
_HAD_TO = re.compile(r"\W*if\s+(?:i|we)\s+(?:had|have|must|am|were\s+(?:forced|asked|pressed))\b", re.IGNORECASE)

# Words between a denial and the mark, but for those that begin another clause: "I cannot fault it so [[A]]".
_ON = r"(?:(?!(?:so|hence|thus|therefore|but|because|since|and|then|only|yet)\b)[\w'-]+\s+)"
_TO_THE_MARK = r"[\s\"'“(*`:]*\Z"
_SAYING = any_of(*words.SAYING)
# "I cannot say [[A]]". What a candidate does not say is no denial: "A does not name a prime [[B]]".
_OWN_NOT = (
    rf"(?:\b(?:i|we|one|you|{any_of(*words.NO_ONE)})(?:'\w+)?\s+(?:[\w']+\s+){{0,2}}?|\A\W*)"
    r"(?:(?:can|could|do|did|would|will|should|must|may|might|am|are)(?:\s*not|n't)|cannot|can't|won't|never|not)\b"
    rf"|\b(?:{any_of(*words.NO_ONE)})\s+(?:can|could|would|will|should)\b|\bnot\s+that\s+(?:i|we)\b(?:'\w+)?"
    r"|\bif\s+i\b"
)
_UNWILLING = re.compile(
    rf"(?:{_OWN_NOT}|\b(?:{any_of(*words.UNWILLING)}))\s+"
    rf"{_ON}{{0,3}}(?:{_SAYING})\b\s*{_ON}{{0,6}}{_TO_THE_MARK}",
    re.IGNORECASE,
)
_LINK = (
    r"(?:(?:the|an?|this|that|my|any|it|is|was|to|be|being|of|says?|saying|choose|choosing|idea|claim|view|notion|thought"
    r"|option|verdict|answer|vote|choice|label|score|rating|earlier|first|previous|initial|for|as)\s+)"
)
_REJECTING = re.compile(
    rf"\b(?:{any_of(*words.REJECTING)})\s+{_LINK}{{0,6}}(?:(?:{NOUN})\s+)?{_TO_THE_MARK}", re.IGNORECASE
)
_OTHERS_SAY = re.compile(
    rf"(?:\b(?:{any_of(*words.OTHERS)})\s+(?:(?:might|may|could|would|will|can|should|even|also)\s+){{0,2}}"
    rf"|\b(?:{any_of(*words.OTHERS_MIGHT)})\s+(?:might|may|could|would|will|should)\s+(?:(?:even|also|perhaps)\s+)?)"
    rf"(?:(?:{_SAYING})|says|thinks|argues|claims|chooses|picks|prefers)\b\s*{_ON}{{0,8}}{_TO_THE_MARK}",
    re.IGNORECASE,
)
_WORSE = re.compile(
    rf"\W*(?:(?:so|thus|therefore|hence|overall|and|clearly|finally)\W+){{0,2}}(?:(?:the|my|an|this|a|die|der|das)\s+)?"
    rf"(?:(?:clearly|much|obviously|overall)\s+)?(?:(?:{any_of(*words.WORSE)})\b"
    rf"(?:\s+(?:of\s+the\s+(?:two|pair)|verdict|one|{NOUN}))?\s*"
    rf"(?:[*_\s]*(?::|=|-+>?|–|—|→)|\s*(?:is|was|would\s+be|goes\s+to|must\s+be|remains|ist)\b)"
    rf"|(?:{any_of(*words.WORSE_UNSPACED)})[^\s:：是为]{{0,6}}[是为:：])[\s\"'“(*`:：_]*\Z",
    re.IGNORECASE,
)
_STRUCK = re.compile(r"(?:(?<!~)~~|<(?:del|strike)>)[\s*_`]*\Z", re.IGNORECASE)
_CROSS_BEFORE = re.compile(rf"[{words.CROSSES}]\ufe0f?[\s*_`:]*\Z")

# What follows on the line of the mark. The first clause counts: "[[B]] is better as A is wrong".
_DRESS = r"[ \t\"'”*_`)]*"
_DENIES = (
    r"(?:not\b(?!\s+(?:only|just|merely|simply|perfect|flawless|ideal|without|bad|entirely|completely))|never|wrong|incorrect|false|mistaken?|error|worse|worst|weaker|weakest"
    r"|inferior|loser|rejected|out\s+of\s+the\s+question|excluded|unjustified|impossible|untenable|premature|unfair"
    r"|unacceptable|invalid|void|withdrawn|hardly|ruled|absurd|indefensible|misleading|unwarranted|inaccurate|typo|slip|lose|far\s+from|anything\s+but)\b"
)
_IS_DENIED = re.compile(
    rf"{_DRESS}(?:(?:is|was|be|would|could|should|can|must|may|might|seems|looks|appears|remains|will|ist|wäre|has\s+to|ought|deserves)\b"
    r"(?:(?!\b(?:because|since|as|but|while|whereas|and|for|when|where|than|over|with|by|despite)\b)[^.,;!?\n(\[]){0,80}?"
    rf"(?:\b{_DENIES}|\w(?:n't|n’t)\b)"
    r"|(?:would|could|might)\b[^.\n\[]{0,80}\b(?:if|unless|had|were\s+it)\b"
    r"|(?:isn|wasn|wouldn|couldn|shouldn|can|mustn|won)['’]t\b|cannot\b"
    r"|(?:is|was)\s+(?:my\s+|the\s+)?(?:first|initial|earlier|previous)\s+(?:thought|idea|guess|impression|verdict|choice)"
    r"|(?:does|did)(?:\s+not|n't|n’t)\s+(?:win|deserve|hold|count|apply|fit|seem|make\s+sense|work|convince)\b"
    r"|(?:would|could|might)\s+have\s+been\b"
    rf"|,?\s*which\s+(?:i\s+(?:reject|doubt|deny|cannot|can't|do\s+not|don't|dispute)\b|(?:is|was)\b[^.,\n]{{0,20}}?\b{_DENIES})"
    r"|(?:is|was)\s+(?:what\s+(?:one|some|someone|many|most|people|others|they|you)\b|(?:very\s+)?tempting\b)"
    r"|(?:loses|lost|fails|has\s+lost|has\s+failed|is\s+out)\b)",
    re.IGNORECASE,
)
_IS_REJECTED = re.compile(
    rf"[ \t]*[:,;.(\[*_`~–—←→<=>-]*[ \t]*(?:(?:{any_of(*words.REJECTED, 'scratch that', 'strike that')})\b"
    r"|(?:no|not|nope)[ \t]*(?=[.,;:!)]|\n|\Z)|(?:the\s+)?(?:loser|weaker|worse|worst|inferior)\b)",
    re.IGNORECASE,
)
_OR = re.compile(
    rf"{_DRESS}(?:/[ \t]*(?=[A-Za-z\[])|,?[ \t]*\bor\b(?!\s+(?:rather\s+)?\[|\s+in\s+other\s+words))", re.IGNORECASE
)
_CROSS_AFTER = re.compile(rf"[ \t*_`:.(]*[{words.CROSSES}]")


def is_denied(text: str, start: int, end: int, verdict: Verdict, space: AnswerSpace) -> bool:
    """Whether the words beside the mark at `text[start:end]` deny it.

    Args:
        text: The text that holds the mark.
        start: Where the mark begins.
        end: Where it ends.
        verdict: Its verdict. A label such as `no` goes with a cross and with "wrong".
        space: The allowed answers.
    """
    before, after = _sentence_before(text, start), text[end : end + _NEAR]
    if not (before or after):
        return False
    denying = isinstance(space, Choice) and is_denied_label(space.name(verdict))
    if before and _leads_to_denial(before, denying, space.candidate_count > 0):
        return True
    if not after or after[0] == "\n":
        return False
    if (other := _OR.match(after)) is not None:
        again = re.split(r"[.!?;\n]", after[other.end() :], maxsplit=1)[0]
        return read_plain(again, space).verdict != verdict  # "[[A]] or Model A is better" says it twice
    return bool(_IS_DENIED.match(after) or (not denying and (_CROSS_AFTER.match(after) or _IS_REJECTED.match(after))))


# Judges put the same few words in front of their verdicts: with the cache most of them cost a lookup.
@lru_cache(maxsize=4096)
def _leads_to_denial(before: str, denying: bool, compares: bool) -> bool:
    """Whether the words in front of a mark deny it.

    Args:
        before: These words.
        denying: Whether the mark is a label such as `no`.
        compares: Whether it is one of several candidates.
    """
    return bool(
        _NOT.search(before)
        or _UNWILLING.search(before)
        or _REJECTING.search(before)
        or _OTHERS_SAY.search(before)
        or _STRUCK.search(before)
        or (not denying and (_CROSS_BEFORE.search(before) or (compares and _WORSE.match(before))))
    )


def is_negated(text: str, start: int) -> bool:
    """Whether a plain "not" stands right before a mark, so that another may be the verdict: "not [[A]] but [[B]]"."""
    return _PLAIN_NOT.search(_sentence_before(text, start)) is not None


def is_open(text: str, start: int, end: int) -> bool:
    """Whether the sentence asks the mark or makes it depend on a condition: "[[A]]?", "if it were so, [[A]]"."""
    if _ASKED.match(text, end):
        return True
    before = _sentence_before(text, start)
    return bool(before) and _is_conditional(before)


@lru_cache(maxsize=4096)
def _is_conditional(before: str) -> bool:
    return bool(_WOULD_HAVE.search(before) or (_IF.match(before) and not _HAD_TO.match(before)))


def _sentence_before(text: str, start: int) -> str:
    """The sentence in front of a mark. A line that ends in a colon belongs to the next one."""
    before = text[max(0, start - _NEAR) : start]
    if not before:
        return ""
    own = _SENTENCE_END.split(before)[-1]
    if not own.strip(" \t*_`>#-•"):
        above = before.rstrip(" \t\r\n*_`>#-•")
        if above.endswith((":", "：")):
            own = _SENTENCE_END.split(above)[-1]
    return own.replace("’", "'")

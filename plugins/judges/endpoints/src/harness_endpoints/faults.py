"""The meaning of a failed response, and the next action: the whole policy in one place. Pure.

    status, Complaint, what was sent  ->  Fault: refused | cut | learn | stop | fail | again | once

The words of the server decide before the status does: providers send a filtered question as 400, 403 or 500, a wrong
key as 400, and exhausted credit as 429. The patterns are data, one rule for each meaning, tried in order. What no
rule knows is decided by the status, and a status that is unknown as well fails the request and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Container
from typing import Literal, NamedTuple

from harness_endpoints.complaint import Complaint
from harness_endpoints.payload import LIMITS, Field
from harness_endpoints.retry import AGAIN, CONGESTED

Then = Literal["refused", "cut", "learn", "stop", "fail", "again", "once"]
"""What to do: count a refusal; count an answer that ran to its limit and is not shown; leave a field out and ask again;
stop the judge; fail this request; try again; try again one time only, because what comes then is mostly the same, and
paid for."""

Reason = Literal["credit", "day", "key", "access", "model", "address", "images", "system", "limit", "field", "tls"]
"""Why a judge stops; `harness_endpoints.asking` has the fix for each."""


class Fault(NamedTuple):
    """Why there is no answer, and what to do about it."""

    then: Then
    """What to do."""
    why: str
    """In words, bounded, without secrets."""
    kind: str
    """Failures of the same kind are counted together."""
    reason: Reason | None = None
    """Why the judge stops."""
    field: str = ""
    """The field that was refused."""
    congested: bool = False
    """Whether it says: fewer at once."""
    wait: float | None = None
    """Seconds after which the server says to come back."""


class SentRequest(NamedTuple):
    """Facts about the request and its server."""

    fields: frozenset[Field]
    """Sent, and could be left out."""
    user_fields: frozenset[str] = frozenset()
    """Fields that the user insists on, those of `extra_body` among them."""
    images: bool = False
    """Whether it holds images."""
    answered: bool = False
    """Whether this server has answered before."""
    seen: bool = False
    """Whether it has answered a request with images."""


class _All(Container[int]):
    """Every status but some."""

    def __init__(self, *but: int) -> None:
        self._but = but

    def __contains__(self, status: object) -> bool:
        return status not in self._but


class _Rule(NamedTuple):
    """One meaning, and what says it."""

    then: Then
    reason: Reason | None
    codes: re.Pattern[str]
    words: re.Pattern[str]
    statuses: Container[int]
    """Those at which its words say it."""
    sure: bool
    """Whether its codes say it at every status."""


def _rule(
    then: Then, reason: Reason | None, *, codes: str, words: str, statuses: Container[int], sure: bool = False
) -> _Rule:
    return _Rule(then, reason, re.compile(codes), re.compile(words, re.IGNORECASE), statuses, sure)


_CREDIT = _rule(
    "stop",
    "credit",
    codes=r"insufficient(quota|balance|credit|fund)|creditlimit|billing|exceededcurrentquota|budgetexceeded|arrearage"
    r"|accountoverdue|paymentrequired|^1113$",
    words=r"insufficient (?:quota|balance|credit|fund)|credit balance|(?:out of|not enough|no) credits?\b|credit limit"
    r"|exceeded your current quota|plan and billing|billing (?:hard )?limit|(?:spending|usage|key) limit|more credits"
    r"|budget (?:has been|is) exceeded|included credits|available credits|credits? (?:expired|exhausted)|余额不足|欠费",
    statuses=_All(),
    sure=True,
)
_ACCOUNT = _rule(
    "stop",
    "key",
    codes=r"accountdeactivated|accountsuspended",
    words=r"\b(?:account|organi[sz]ation|team|project|key)\b.{0,60}(?:deactivated|suspended|disabled|banned|terminated"
    r"|revoked|leaked)",
    statuses=(400, 401, 403, 412),
    sure=True,
)
_REFUSED = _rule(
    "refused",
    None,
    codes=r"content(filter|policy|moderation|blocked|safety)|responsibleai|datainspectionfailed|moderation(blocked|error)?$"
    r"|sensitive(content|word)|prohibitedcontent|guardrail|safety(error|violation|block)?$|^(blocklist|recitation|spii)$"
    r"|^1301$|(?:cyber|bio)policy|policyviolation|flagged",
    words=r"\bflagged\b|content[ _-]?(?:management|filter|moderation|policy|safety)|content exists risk"
    r"|considered high risk|inappropriate content|(?:input|output) (?:new_)?sensitive|sensitive (?:content|information"
    r"|words?)|safety (?:system|filter|check)|safety_check|responsible ?ai|moderation|prohibited[ _]content|guardrail"
    r"|(?:usage|content|safety)[ -](?:guidelines?|polic(?:y|ies))|datainspectionfailed"
    r"|blocked (?:by|due to) .{0,40}(?:safety|polic|filter)|敏感|不安全内容|违规",
    statuses=_All(401, 402, 404, 408, 429, 502, 503, 504, 529),
    sure=True,
)
_TOO_LONG = _rule(
    "fail",
    None,
    codes=r"contextlength|contextsize|contextwindow|requesttoolarge|tokenslimit|stringabovemax|promptistoolong",
    # A limit by the minute is no limit of a question, and is waited for.
    words=r"context (?:length|window|size)|contextwindow|(?:prompt|input|request)(?: body)?(?: is)? too (?:long|large)"
    r"|too many (?:input|prompt) tokens|input length .{0,60}exceed"
    r"|exceeds? (?!.{0,80}(?:rate limit|per min)).{0,40}\b(?:context|input tokens)"
    r"|inputs? tokens .{0,60}must be|longer than the maximum|reduce the length",
    statuses=_All(401, 402, 403),
    sure=True,
)
_CUT = _rule(
    "cut",
    None,
    codes=r"^$",
    words=r"could not finish the message because .{0,60}(?:max_tokens|output limit|limit was reached)",
    statuses=(400, 422, 500),
)
_SYSTEM = _rule(
    "stop",
    "system",
    codes=r"^$",
    words=r"system (?:role|messages?|prompts?) .{0,30}not supported|not support .{0,20}system|developer instruction"
    r" is not|only user.{0,30}assistant roles? (?:is|are) supported|roles must alternate",
    statuses=(400, 422, 500),
)
_DAY = _rule(
    "stop",
    "day",
    codes=r"perday|dailyquota|dailylimit",
    words=r"\bper[- ]?day\b|perday|\bdaily\b|per 86400 ?s|\b[TR]PD\b",
    statuses=(403, 429),
)
_KEY = _rule(
    "stop",
    "key",
    codes=r"(invalid|incorrect|expired|missing|no)(api|access|auth)?key$|apikey(invalid|expired|missing)"
    r"|unauthor|unauthenticated|authentication|invalidauth|^invalidtoken$",
    words=r"(?:invalid|incorrect|missing|wrong|expired|unknown|no) (?:\w+ ){0,2}(?:api|access|subscription)[ _-]?key"
    r"|api[ _-]?key (?:is |was |has )?(?:not |been )?(?:valid|invalid|found|expired|missing|incorrect"
    r"|required|provided)|unauthori[sz]ed|unauthenticated|authentication|not authenticated|bad credentials"
    r"|invalid (?:proxy server |access |bearer |auth\w* )token",
    statuses=(400, 401, 403, 407, 422, 500),
)
_MODEL = _rule(
    "stop",
    "model",
    codes=r"(model|deployment|endpoint)\w*(notfound|notexist|notavailable|notopen|decommissioned|deprecated)"
    r"|(invalid|unknown|unsupported|nosuch)model$|keymodelaccess",
    words=r"\bmodels?\b.{0,100}?\b(?:does not exist|do(?:es)? ?n.t exist|not exist|not found|not available"
    r"|decommissioned|deprecated|no longer|not a valid|not supported|not deployed)|\bmodel (?:\w+ )?is invalid"
    r"|(?:unknown|invalid|unsupported"
    r"|no such|unable to access|not allowed to access)(?: \w+)? model|deployment .{0,60}does not exist"
    r"|not a valid model|no (?:allowed )?(?:endpoints|providers) (?:found|are available)",
    statuses=(400, 403, 404, 410, 422),
)
_REGION = _rule(
    "stop",
    "access",
    codes=r"unsupportedcountry|regionnot",
    words=r"(?:location|country|region|territory) .{0,20}(?:is )?not (?:supported|available)|not available in your",
    statuses=(400, 403, 451),
)

# -- images ----------------------------------------------------------------------------------------------------------

_IMAGES = re.compile(
    r"(?:image|vision|multi-?modal)[\w()/-]*.{0,60}?(?:not (?:support|enabled|allowed|accept|available)|unsupported"
    r"|disabled|n't support)|(?:not|n't|cannot) (?:\w+ )?(?:support|accept|have|include)\w* .{0,40}?(?:image|vision"
    r"|multi-?modal)|unsupported .{0,20}(?:image|vision|content|part)|text[- ]only|only (?:supports? |accepts? )?text"
    r"|not a (?:multi-?modal|vision)|mmproj|at most 0 image|required for image|support image"
    r"|(?:unknown|invalid|unexpected|expected) .{0,40}image_url|content\W.{0,20}(?:must be (?:a )?|valid "
    r"|is not a )?str(?:ing)?\b",
    re.IGNORECASE,
)
_OWN_PICTURE = re.compile(
    r"format|decod|pars(?:e|ing)|corrupt|too (?:large|small|many|big)|size|resolution|dimension|pixel|at most [1-9]"
    r"|maximum|exceed|mime|download|base64|truncated|one of the following",
    re.IGNORECASE,
)

# -- fields ----------------------------------------------------------------------------------------------------------

_NAMES: dict[Field, str] = {
    "response_format": r"response_?(?:format|schema|json_?schema|mime_?type)|json_?schema|guided_?\w+"
    r"|output_?(?:config|format)"
    r"|structured[ _-]?outputs?|json mode|grammar",
    "logprobs": r"log_?probs?",
    "top_logprobs": r"top_?log_?probs?",
    "n": "n",
    "seed": "seed",
    "temperature": "temperature",
    "top_p": r"top_?p",
    "top_k": r"top_?k",
    "max_tokens": r"max_?(?:output_?)?tokens",
    "max_completion_tokens": r"max_?completion_?tokens",
}
_LABEL = r"(?:parameters?|arguments?|fields?|propert(?:y|ies)|options?|keys?|supplied|inputs?|body|values?)\W{1,4}"
_AFTER = (
    r"\W{1,3}(?:is |are |was )?(?:not|un\w+|does|must|cannot|can't|only|may|should|other|greater|larger|deprecated"
    r"|invalid|ignored|extra|parameter|argument|field|option)\b"
)
_UNKNOWN = re.compile(
    r"(?:not|n't|un) ?support|unrecogni[sz]ed|unknown|unexpected|permitted|deprecated|not allowed|instead|extra"
    r"|not available|forbidden|implemented",
    re.IGNORECASE,
)
_REFUSABLE = (400, 403, 404, 406, 415, 422, 500, 501)


def read_fault(
    status: int, complaint: Complaint, sent: SentRequest, *, asked_to_wait: float | None = None, within: str = ""
) -> Fault:
    """Decide what a response without an answer means.

    Args:
        status: HTTP status. Of an error within a response of 200, the one that the error gives.
        complaint: What it says.
        sent: About the request.
        asked_to_wait: Seconds, by its headers.
        within: Where the error stood, if not in a response with that status.
    """
    wait = complaint.wait if asked_to_wait is None else asked_to_wait
    why, kind = f"{within or f'status {status}'}: {complaint.excerpt}", f"{within}status {status}"
    # Credit first: providers send it as 429, which would otherwise be retried for nothing. Filters come
    # before fields and images, whose patterns are wider.
    for rule in (_CREDIT, _ACCOUNT, _REFUSED, _TOO_LONG, _CUT):
        if _says(rule, status, complaint) and not (rule is _CREDIT and _comes_back(complaint, wait)):
            return Fault(rule.then, why, kind, rule.reason)
    refused = _find_refused_field(status, complaint, sent)
    if refused is not None:
        then, field = refused
        return Fault(then, why, kind, "limit" if field in LIMITS else "field", field=field)
    if sent.images and status not in (401, 402, 403, 429) and _IMAGES.search(complaint.text):
        # A server that has answered about images takes images: then this one picture is at fault.
        own = sent.seen or _OWN_PICTURE.search(complaint.text)
        return Fault("fail", why, kind) if own else Fault("stop", why, kind, "images")
    for rule in (_SYSTEM, _DAY, _KEY, _MODEL, _REGION):
        if _says(rule, status, complaint):
            return Fault(rule.then, why, kind, rule.reason)
    return _by_status(status, why, kind, answered=sent.answered, wait=wait)


def _by_status(status: int, why: str, kind: str, *, answered: bool, wait: float | None) -> Fault:
    # An answer was generated, and paid for: what comes next is mostly the same.
    if status == 200:
        return Fault("once", why, kind)
    if status in AGAIN or (status == 402 and wait is not None):  # a limit on what is in flight
        return Fault("again", why, kind, congested=status in CONGESTED, wait=wait)
    if status == 401:
        return Fault("stop", why, kind, "key")
    if status == 402:
        return Fault("stop", why, kind, "credit")
    # Once the server has answered, key and address are right, and a 403 is about this request alone.
    if not answered and status == 403:
        return Fault("stop", why, kind, "access")
    if status == 404 or (not answered and (status == 405 or 300 <= status < 400)):
        return Fault("stop", why, kind, "address")
    return Fault("fail", why, kind)


def _says(rule: _Rule, status: int, complaint: Complaint) -> bool:
    if (rule.sure or status in rule.statuses) and any(rule.codes.search(code) for code in complaint.codes):
        return True
    return status in rule.statuses and rule.words.search(complaint.text) is not None


def _comes_back(complaint: Complaint, wait: float | None) -> bool:
    """Whether what reads like spent credit is a limit by the minute: Gemini says both in the same words."""
    return wait is not None and not any("insufficient" in code for code in complaint.codes)


def _find_refused_field(status: int, complaint: Complaint, sent: SentRequest) -> tuple[Then, str] | None:
    """A field of the request that the server names, and whether it can be left out or ends the judge."""
    if status not in _REFUSABLE:
        return None
    field = _find_named_field(complaint, sent.fields | sent.user_fields)
    if field is None or (status >= 500 and not _UNKNOWN.search(complaint.text)):
        return None
    if field in sent.user_fields:
        return "stop", field
    if field in LIMITS and not (_UNKNOWN.search(complaint.text) or _UNKNOWN.search(" ".join(complaint.codes))):
        return "stop", field  # too high, or too low: the user's to say
    return "learn", field


def _find_named_field(complaint: Complaint, sent: frozenset[str]) -> str | None:
    """The one that is named: by the field meant for it, else first in the words."""
    if complaint.fields:
        parts = {part for field in complaint.fields for part in re.findall(r"\w+", field)}
        return min(sent & parts, default=None)
    places = [(found.start(), field) for field in sent if (found := _pattern(field).search(complaint.text))]
    return min(places)[1] if places else None


_patterns: dict[str, re.Pattern[str]] = {}


def _pattern(field: str) -> re.Pattern[str]:
    """Finds a field's name. A name that is also a word counts only where it is marked as one."""
    if field not in _patterns:
        name = _NAMES.get(field, re.escape(field))
        bare = rf"(?<![A-Za-z0-9_])(?:{name})(?![A-Za-z0-9_])"
        marked = rf"(?:{_LABEL}|[\"'`\[(.]){bare}" + (rf"|{bare}{_AFTER}" if field in _NAMES else "")
        is_word = re.fullmatch("[a-z]+", name) is not None
        _patterns[field] = re.compile(marked if is_word else bare, re.IGNORECASE)
    return _patterns[field]

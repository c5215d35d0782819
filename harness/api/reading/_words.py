"""The words that people and models put around a plain verdict, as data. Add a new word to its list.

The patterns of `_exact` and `_plain` are made from these lists, so a new word needs no other change.
"""

from __future__ import annotations

CANDIDATES = (
    "answer", "image", "picture", "photo", "option", "response", "candidate", "assistant", "model", "output", "choice",
    "completion", "text", "caption", "video", "summary", "solution", "reply", "system", "version", "edit", "result",
    "generation", "translation", "story", "passage", "review", "letter", "item", "sample", "description", "group",
    "class", "category", "level", "label", "回答", "答案", "图像", "图片", "图", "选项", "模型", "助手", "视频", "画像",
    "オプション", "응답", "이미지", "bild", "antwort", "imagen", "respuesta", "réponse", "resposta", "risposta",
)  # fmt: skip
"""Names of a candidate in front of its letter."""

CONCLUSIONS = (
    "answer", "verdict", "decision", "choice", "judgement", "judgment", "conclusion", "winner", "score", "rating",
    "grade", "mark", "label", "result", "preference", "ranking", "rank", "order", "evaluation", "assessment", "pick",
    "selection", "vote", "classification", "class", "reply", "response", "option", "output", "prediction", "overall",
    "one", "candidate", "image", "picture", "assistant", "model", "final", "quality", "level", "category",
    "preferred", "total",
    "答案", "回答", "结论", "判断", "评分", "得分", "分数", "选择", "胜者", "结果", "裁决", "评价", "答え", "結論",
    "評価", "정답", "답", "antwort", "urteil", "ergebnis", "bewertung", "note", "réponse", "respuesta", "puntuación",
    "risposta", "voto", "resposta", "nota", "ответ", "оценка", "الإجابة", "उत्तर", "đáp án",
)  # fmt: skip
"""Names of a verdict in front of it."""

QUALITIES = (
    "final", "overall", "correct", "right", "best", "better", "preferred", "chosen", "my", "the", "our", "own",
    "single", "total", "stronger", "superior", "winning", "most accurate", "more accurate", "most", "more", "clear",
    "suitable", "appropriate", "accurate", "likely", "selected", "die", "das", "der", "la", "le", "el", "il", "o",
    "最终", "最终的", "正确", "更好的", "最好的", "我的", "最終", "최종",
)  # fmt: skip
"""Words in front of such a name."""

ALONE = ("verdict", "decision", "winner", "score", "rating", "total")
"""Names that need no word between them and the verdict: "Score 4"."""

LINKS = (
    "is", "are", "was", "would be", "will be", "should be", "must be", "goes to", "remains", "of", "ist", "est", "es",
    "è", "é",
)  # fmt: skip
"""Words between such a name and the verdict."""

PARTICLES = ("是", "为", "は", "은", "는")
"""The same in scripts without spaces."""

OPENINGS = (
    "so", "therefore", "thus", "hence", "overall", "finally", "ultimately", "consequently", "accordingly", "sure",
    "in conclusion", "to conclude", "in summary", "to summarize", "to sum up", "as a result", "all in all",
    "on balance", "okay", "ok", "well", "in short", "in my opinion", "in my view", "in the end", "i think that",
    "i think", "i believe that", "i believe", "clearly", "definitely", "obviously", "certainly",
    "所以", "因此", "综上所述", "综上", "总之",
)  # fmt: skip
"""Beginnings of a last sentence."""

OPENING_PHRASES = ("based on", "after", "given", "considering", "in light of", "taking", "having")
"""First words of a longer beginning that ends in a comma: "Based on this analysis, ..."."""

CHOOSING = (
    "i choose", "i chose", "i pick", "i prefer", "i select", "i vote for", "i vote", "i go with", "i'd go with",
    "i would go with", "i'll go with", "i will go with", "i would choose", "i'd choose", "i would pick", "i'd pick",
    "i would say", "i'd say", "i say", "i answer", "my pick is", "my choice is", "it is", "it's", "it gets", "this is",
    "that is", "it deserves", "we choose", "we prefer", "it should be",
    "must be", "我选择", "我选", "选择", "我认为是", "我更喜欢",
)  # fmt: skip
"""Beginnings of a sentence that gives a verdict."""

RATING = ("give", "rate", "score", "assign", "award", "judge", "grade")
"""Verbs for giving a score: "I would give this answer a 4"."""

BETTER = (
    "better", "best", "superior", "preferable", "preferred", "stronger", "the winner", "winner", "correct", "right",
    "more accurate", "more correct", "more faithful", "more helpful", "more aligned", "more realistic", "ahead",
    "of higher quality", "higher quality", "favored", "favoured", "chosen", "my choice", "my pick", "my preference",
)  # fmt: skip
"""Words for the candidate that wins."""

BETTER_UNSPACED = ("更好", "最好", "较好", "更佳", "更优", "胜出", "の方が良い", "のほうが良い")
"""The same in scripts without spaces."""

DEGREES = (
    "clearly", "much", "slightly", "significantly", "far", "somewhat", "marginally", "overall", "the", "a", "bit",
    "considerably", "definitely", "a bit", "a little", "noticeably", "obviously", "simply", "just", "also", "therefore",
    "thus", "still", "strongly",
)  # fmt: skip
"""Words that may stand in front of those."""

TIED = (
    "tie", "tied", "draw", "equal", "equally good", "the same", "same", "no preference", "both equal", "平局", "平手",
    "引き分け", "무승부", "unentschieden", "empate", "égalité", "pareggio", "ничья",
)  # fmt: skip
"""Words for a tie."""

REPORTING = (
    "says", "said", "say", "saying", "writes", "wrote", "written", "states", "stated", "claims", "claimed", "asks",
    "asked", "asking", "demands", "requests", "instructs", "instructed", "tells", "told", "ends", "begins", "contains",
    "containing", "includes", "including", "reads", "quotes", "quoted", "inserts", "injects", "injected", "embeds",
    "embedded", "hides", "ignore", "ignored", "ignoring",
)  # fmt: skip
"""Words of a sentence that may report another's words."""

# Places of candidates in words, and numbers in words, from 0.
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")
NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
NUMERALS = ("零", "一", "二", "三", "四", "五", "六", "七", "八", "九", "十")

UNITS = (
    "points", "point", "pts", "pt", "stars", "star", "marks", "分", "点", "점", "puntos", "punkte", "punkt", "pontos",
    "étoiles", "sterne", "⭐", "★",
)  # fmt: skip
"""Units of a score."""

OUT_OF = ("out of", "of", "von", "sur", "de", "su", "из")
"""Words between a score and the end of its scale."""

SAME = {
    "yes": ("是", "是的", "对", "はい", "예", "네", "ja", "oui", "sí", "да"),
    "no": ("否", "不是", "不", "いいえ", "아니요", "아니오", "nein", "non", "нет"),
}
"""A label of that name in other languages."""

ENDINGS = ("です", "である", "だ", "입니다", "이다", "예요")
"""Endings of a sentence in languages where "is" comes last."""

CAUSES = ("because", "since", "as", "due to")
"""Beginnings of a reason. A reason may name the other answers: "B, because A is blurred"."""

CONCESSIONS = ("although", "even though", "even if", "despite")
"""Beginnings of a reservation."""

PRONOUNS = (
    "it", "they", "he", "she", "we", "i", "you", "this", "that", "these", "those", "there", "nothing", "everything",
    "none", "each", "all", "only", "both",
)  # fmt: skip
"""Subjects that make a clause of what follows them: "as it follows the policy"."""

VERBS = (
    "is", "are", "was", "were", "has", "have", "had", "does", "do", "did", "can", "could", "will", "would", "must",
    "should", "may", "might", "cannot", "isn't", "aren't", "wasn't", "weren't", "doesn't", "don't", "didn't", "can't",
    "hasn't", "shows", "show", "follows", "follow", "gives", "give", "makes", "make", "lacks", "lack", "fails", "fail",
    "contains", "contain", "matches", "match", "fits", "fit", "looks", "look", "seems", "appears", "misses", "ignores",
    "keeps", "holds", "names", "answers", "meets", "provides", "explains", "uses", "includes", "violates", "depicts",
    "captures", "adheres", "covers", "addresses", "mentions", "describes", "states", "says", "omits", "invents",
    "hallucinates", "gets", "loses", "wins", "remains", "needs",
)  # fmt: skip
"""Verbs of a clause."""

AS_SAID = (
    "shown", "described", "stated", "requested", "required", "expected", "asked", "seen", "explained", "mentioned",
    "noted", "indicated", "specified", "depicted", "instructed", "discussed", "visible", "per", "in",
)  # fmt: skip
"""Words after "as" that point to the prompt: "as described"."""

DOUBT = (
    "or", "maybe", "perhaps", "possibly", "unsure", "unclear", "cannot", "can't", "neither", "both", "either",
    "depends", "undecided",
)  # fmt: skip
"""Words that leave a verdict open."""

AGAINST = (
    "not", "n't", "worse", "worst", "inferior", "loses", "lost", "losing", "loser", "weaker", "weakest", "wrong",
    "incorrect", "inaccurate", "false", "however", "but", "on the other hand", "although", "though", "except",
    "instead", "rather", "lacks", "fails", "failed", "rejected", "reject", "discarded", "disqualified", "eliminated",
    "excluded", "withdrawn", "retracted", "bad", "poor", "poorer", "poorest", "never", "nope", "runner-up", "dismissed",
    "refuted", "unacceptable", "least", "hallucinates", "mistaken", "second best", "second-best", "unhelpful",
)  # fmt: skip
"""Words that deny that the candidate at the beginning of a sentence wins."""

LOSING = (
    "worse", "worst", "weaker", "weakest", "inferior", "loses", "loser", "losing", "wrong", "incorrect", "rejected",
    "poorer", "poorest", "bad",
)  # fmt: skip
"""Words for the candidate that loses."""

FAULTS = (
    "error", "mistake", "flaw", "artifact", "artefact", "hallucination", "inaccuracy", "inaccuracies", "defect",
    "fault", "distortion", "contradiction", "typo", "fallacy", "fallacies",
)  # fmt: skip
"""What a candidate should not have."""

HAVING = (
    "has", "have", "contains", "makes", "made", "with", "shows", "full of", "more", "most", "many", "several", "some",
    "numerous", "major", "serious", "severe", "obvious", "factual", "clear",
)  # fmt: skip
"""Words in front of a fault that is there."""

FREE_OF = (
    "no", "fewer", "fewest", "less", "least", "without", "zero", "avoids", "free of", "free from", "minor", "small",
    "slight", "only", "not",
)  # fmt: skip
"""Words in front of a fault that deny it."""

DENYING = ("not", "never", "no", "nor", "neither", "less", "fewer", "hardly", "only", "cannot", "far from", "fails")
"""Words that turn a claim into its contrary."""

REJECTED = (
    "rejected", "withdrawn", "retracted", "discarded", "dismissed", "disqualified", "eliminated", "excluded",
    "revoked", "crossed out", "struck out", "struck through", "ruled out", "scratched", "overruled", "no longer",
    "void", "invalid", "mistaken", "wrong", "incorrect", "false", "untrue", "a mistake", "an error", "nope",
)  # fmt: skip
"""Words that reject the verdict right before them."""

CROSSES = "❌❎✗✘✖☒👎🚫⛔🙅❓❔🤷🤔\u0335\u0336\u0337\u0338"
"""Signs that cross a verdict out or question it."""

DENIED_LABELS = (
    "no", "false", "incorrect", "wrong", "bad", "fail", "failed", "failure", "unsafe", "unsupported", "invalid",
    "reject", "rejected", "poor", "none", "refuted", "inconsistent", "unfaithful",
)  # fmt: skip
"""Labels that go with such a sign: a cross beside `no` says the same twice."""

TAKING_BACK = (
    "actually", "correction", "on reflection", "upon reflection", "on further reflection", "upon further reflection",
    "after further reflection", "on second thought", "on second thoughts", "second thoughts", "on further thought",
    "on closer inspection", "upon closer inspection", "on closer look", "on a closer look", "upon closer examination",
    "on closer examination", "on reconsideration", "upon reconsideration", "reconsidering", "thinking again",
    "thinking about it again", "looking again", "on further consideration", "upon further consideration", "apologies",
    "my apologies", "i apologise", "i apologize", "i made a mistake", "i made an error", "i have made a mistake",
    "i have made an error", "i've made a mistake", "i've made an error", "i was wrong", "i am wrong",
    "i was mistaken", "i am mistaken", "i misread", "i misjudged", "i misspoke", "i mixed up", "i mixed them up",
    "i confused", "i swapped", "i erred", "i take that back", "i take it back", "i take this back",
    "i change my mind", "i changed my mind", "i've changed my mind", "i have changed my mind", "i must correct",
    "i need to correct", "i have to correct", "i should correct", "i correct myself", "i stand corrected",
    "i want to correct", "i would like to correct", "i withdraw", "i retract", "i revise", "i disagree", "i meant",
    "i mean", "i now think", "i now believe", "i now prefer", "i now choose", "i actually", "i reconsidered",
    "i reject", "let me correct", "let me revise", "let me reconsider", "let me rethink", "let me change",
    "let me fix", "let me rephrase", "let me take that back", "let me start over", "scratch that", "strike that",
    "scrap that", "forget that", "ignore that", "disregard that", "disregard the above", "ignore the above",
    "ignore my", "disregard my", "never mind", "nevermind", "hold on", "hang on", "oops", "whoops", "my mistake",
    "my bad", "mea culpa", "no wait", "that was wrong", "that is wrong", "that's wrong", "that was a mistake",
    "that is a mistake", "that was an error", "that is incorrect", "that's incorrect", "this is wrong",
    "this is incorrect", "that is not right", "that's not right", "that should be", "this should be",
    "that should have been", "it should have been", "it should be", "make that", "or rather", "revised verdict",
    "revised answer", "corrected verdict", "corrected answer", "new verdict", "erratum", "errata", "changed my mind",
    "the opposite", "the reverse", "just kidding", "korrektur", "entschuldigung", "verzeihung", "eigentlich",
    "doch nicht", "ich korrigiere", "ich habe mich geirrt", "ich irrte mich", "bei näherer betrachtung",
    "genauer betrachtet", "i should have", "in hindsight", "with hindsight", "upon review", "on review",
    "after review", "upon rereading", "on rereading", "rereading", "having reread", "now that i", "i need to change",
    "i have to change", "i must change", "i want to change", "i would like to change", "i'd like to change",
    "i would now", "i'd now", "please disregard", "please ignore", "i no longer", "i spoke too soon",
    "i was too quick", "i was too hasty", "the correct verdict", "looking closer", "looking more closely",
    "on a second look", "at second glance", "on the contrary", "quite the contrary", "to correct myself",
    "thinking more about it", "thinking about it more", "thinking it over", "i take it all back", "forget it",
    "forget what", "cancel that", "that's not what i meant", "that is not what i meant", "i answered too",
    "i'm wrong", "i'm mistaken", "you know what", "i must revise", "i have to revise", "i need to revise",
    "i meant to", "i wrote the wrong", "i picked the wrong", "i chose the wrong",
)  # fmt: skip
"""Beginnings of a sentence that takes back what stands before it."""

TAKING_BACK_HEADINGS = (
    "edit", "update", "updated", "error", "typo", "mistake", "reconsidered", "slip", "moment", "halt", "strike",
    "revised", "revision", "pardon", "corrected", "retraction", "retracted", "withdrawn", "kidding", "amendment",
)  # fmt: skip
"""The same, where a sign has to follow: "Edit: B"."""

WITHDRAWING = (
    "actually", "sorry", "wrong", "mistake", "mistaken", "error", "typo", "instead", "contrary", "now", "switch",
    "changed", "change", "forget", "cancel", "too fast", "too quickly", "misread", "swapped", "correction", "rather",
    "meant",
)  # fmt: skip
"""Words that take back in any place of a short sentence that names another answer."""

TAKING_BACK_UNSPACED = (
    "更正",
    "纠正",
    "等等",
    "等一下",
    "抱歉",
    "对不起",
    "不对",
    "我错了",
    "其实",
    "实际上",
    "重新考虑",
    "应该是",
    "訂正",
)
"""The same in scripts without spaces."""

TURNING = ("but", "however", "still", "yet", "though", "then again", "that said", "in fact", "in truth", "now", "so")
"""Beginnings of a sentence that may turn to another verdict."""

PLAIN_NOT = ("not", "never", "neither", "nor", "than", "instead of")
"""Words that deny what stands right after them, and nothing else."""

NOT = (
    *PLAIN_NOT, "by no means", "under no circumstances", "in no way",
    "on no account", "not quite", "not really", "not exactly", "not necessarily", "not simply",
)  # fmt: skip
"""Words that deny what stands right after them."""

NO_ONE = ("nobody", "no one", "none", "no judge")
"""Subjects that deny their sentence."""

OTHERS = ("someone", "somebody", "some people", "most people", "some", "others", "people", "many", "critics")
"""Those whose verdict is not the judge's: "some say"."""

OTHERS_MIGHT = (
    "they", "one", "you", "anyone", "everyone", "readers", "skeptics", "reader", "judge", "critic", "observer",
    "person", "user", "student", "grader", "evaluator", "annotator", "beginner",
)  # fmt: skip
"""The same, where a word such as "might" has to follow."""

SAYING = (
    "say", "saying", "choose", "choosing", "pick", "picking", "select", "selecting", "prefer", "preferring",
    "vote for", "voting for", "vote", "go with", "going with", "go for", "write", "writing", "answer", "answering",
    "give", "agree with", "agree to", "agree on", "support", "accept", "justify", "conclude", "award", "call",
    "settle on", "endorse", "recommend", "confirm", "claim", "declare", "name", "opt for", "put", "output", "respond",
    "reply", "assign", "end with", "return", "think", "argue", "believe", "state", "stand by", "favor", "favour",
    "rate it", "score it", "rule", "judge", "deem", "consider", "decide on", "decide for", "crown", "defend",
    "said", "wrote", "chose", "picked", "called", "answered",
)  # fmt: skip
"""Verbs for giving a verdict."""

UNWILLING = (
    "refuse to", "refusing to", "decline to", "unable to", "hesitate to", "wrong to", "mistake to", "incorrect to",
    "unfair to", "unjust to", "inaccurate to", "error to", "impossible to", "hard to", "reluctant to", "absurd to",
    "premature to", "misleading to", "refrain from", "unjustified to", "unreasonable to", "wrong of me to",
    "difficult to", "tempted to", "tempting to", "no reason to", "no way to", "no grounds to", "foolish to",
    "silly to", "without", "nor can i", "nor would i", "nor do i",
    "almost", "nearly", "i wish i could", "i wish we could",
)  # fmt: skip
"""Words in front of such a verb that deny it."""

REJECTING = (
    "reject", "rejecting", "rejected", "refuse", "dismiss", "dismissing", "exclude", "excluding", "rule out",
    "ruling out", "ruled out", "discard", "discarding", "disagree with", "oppose", "eliminate", "eliminating",
    "disqualify", "discount", "withdraw", "retract", "take back", "revoke", "decline", "regret", "i doubt",
    "we doubt", "avoid",
    "against", "anything but", "everything but", "all but", "far from", "except", "except for", "other than",
    "no longer", "hardly", "scarcely", "opposite of", "contrary of", "distrust", "overrule", "veto", "dispute",
    "deny", "cannot be", "can't be", "must not be", "isn't", "unlike", "as opposed to", "nothing like", "short of",
    "anyone but", "any but", "none but", "so far as to say", "false that", "untrue that", "wrong that",
    "incorrect that", "not true that", "ignore", "ignoring", "disregard", "disregarding", "forget", "no way",
    "no chance", "not convinced by", "not persuaded by", "not in favour of", "not in favor of", "not happy with",
)  # fmt: skip
"""Words that reject the verdict right after them."""

WORSE = (
    "worse", "worst", "weaker", "weakest", "loser", "losing", "inferior", "wrong", "incorrect", "rejected", "false",
    "poorer", "poorest", "runner-up", "second best", "second-best", "discarded", "eliminated", "excluded",
    "disqualified", "dispreferred", "unpreferred", "less preferred", "less accurate", "less helpful", "less correct",
    "less faithful", "less convincing", "less good", "least preferred", "least accurate", "least helpful",
    "schlechtere", "schlechteste", "verlierer", "falsche", "unterlegene",
)  # fmt: skip
"""Words in front of the name of the loser: "the worse answer is"."""

WORSE_UNSPACED = ("更差", "较差", "最差", "错误的", "败者", "落选")
"""The same in scripts without spaces."""

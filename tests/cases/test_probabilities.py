"""Log-probabilities of an endpoint: other tokens in the list do not change the ROC-AUC."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

Run = Callable[..., Any]


def token(text: str, *others: tuple[str, float], share: float = 1.0) -> dict[str, Any]:
    top = [
        {"token": word, "logprob": math.log(p), "bytes": list(word.encode())} for word, p in ((text, share), *others)
    ]
    return {**top[0], "top_logprobs": top}


def spelt(text: str) -> list[dict[str, Any]]:
    return [token(letter) for letter in text]


def reply(body: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
    """Certainty by the number of the case; the model's name says what else there is beside the verdict."""
    content = body["messages"][-1]["content"]
    text = content if isinstance(content, str) else " ".join(part.get("text", "") for part in content)
    found = re.search(r"case (\d+)", text)
    assert found
    number, model = int(found[1]), body["model"]
    p = (number * 37 % 100 + 0.5) / 100
    said, other = ("yes", "no") if p > 0.5 else ("no", "yes")
    share = max(p, 1 - p)
    kind = ("clean", "nolp")[number % 2] if model == "half" else model
    lead, tail = ("```\n", "\n```") if kind == "fenced" else ("", "\n\nDone." if kind == "after" else "")
    content = f"{lead}<answer>{said}</answer>{tail}"
    tokens = [*spelt(f"{lead}<answer>"), token(said, (other, 1 - share), share=share), *spelt(f"</answer>{tail}")]
    message = {"role": "assistant", "content": content}
    if kind == "reasoning":
        tokens, message["reasoning_content"] = spelt("<think>hm</think>\n") + tokens, "hm"
    if kind == "eos":
        tokens = [*tokens, token("<|im_end|>")]
    choice: dict[str, Any] = {"index": 0, "finish_reason": "stop", "message": message}
    choice["logprobs"] = None if kind == "nolp" else {"content": tokens}
    return 200, {"object": "chat.completion", "model": model, "choices": [choice]}, {}


WITH = ("clean", "reasoning", "eos", "after", "fenced")


def test_20_probabilities_do_not_depend_on_what_surrounds_the_verdict(save: Run, serve: Run, run: Run) -> None:
    """deepeval#1029 and #3000, sglang#25055 and #25815, opik#1635."""
    # The judge's order of certainty is nearly right: its hard decisions say less than its probabilities.
    golds = ["yes" if (k * 37 % 100) > 35 else "no" for k in range(40)]
    rows = ({"id": f"c{k}", "q": f"case {k}", "label": gold} for k, gold in enumerate(golds))
    options = {"question": "Is it good? {q}", "answers": ["yes", "no"], "id": "id"}
    task = {"use": "generic/pointwise", "data": save("rows.jsonl", rows), "with": options}
    endpoint = serve(reply)
    outcome = run(
        {**task, "protocol": {"metrics": ["roc_auc", "accuracy"]}},
        *(endpoint.judge(name) for name in (*WITH, "half", "nolp")),
    )
    assert outcome.code == 0
    for name in WITH:
        row = outcome.rows[name]
        assert (row["value"], row["n"], row["with_probabilities"], row["coverage"]) == (1.0, 40, 1.0, 1.0), name
    # Without probabilities it is 0/1 for all; with some, the metric is over those alone, and says so.
    bare, half = outcome.rows["nolp"], outcome.rows["half"]
    assert (bare["with_probabilities"], bare["coverage"]) == (0.0, 1.0)
    assert bare["value"] < 1.0
    assert "no-probabilities" in bare["flags"]
    assert (half["with_probabilities"], half["coverage"], half["n"], half["value"]) == (0.5, 1.0, 20, 1.0)
    assert "some-probabilities" in half["flags"]

"""Pictures, tables and files of recorded answers as other programs write them: what is shown, read or refused."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

Run = Callable[..., Any]
YES_NO = {"question": "{question}", "answers": ["yes", "no"], "id": "id"}
ROWS = [("1", "Is snow white?", "yes"), ("2", "Is grass red?", "no"), ("3", "Müssen Käse, Milch?", "yes")]


def draw(folder: Path) -> dict[str, tuple[tuple[int, int], tuple[int, int, int], tuple[int, int, int]]]:
    """Pictures as files, with the size, the left upper and the right lower pixel that a person sees."""
    red, white, black, grey = (255, 0, 0), (255, 255, 255), (0, 0, 0), (128, 128, 128)
    plain = Image.new("RGB", (60, 30), white)
    plain.paste(red, (0, 0, 30, 30))
    turned = Image.Exif()
    turned[274] = 6
    plain.save(folder / "plain.png")
    plain.save(folder / "wrong-ending.jpg", "PNG")
    for kind in ("png", "webp"):
        plain.save(folder / f"exif6.{kind}", exif=turned, lossless=True)
    clear = Image.new("RGBA", (60, 30), (0, 0, 0, 0))
    clear.paste((0, 0, 0, 255), (30, 0, 60, 30))
    clear.save(folder / "clear.png")
    Image.fromarray(np.full((30, 60), 128 * 257, np.uint16)).save(folder / "gray16.png")
    Image.fromarray(np.full((30, 60), 128 / 255, np.float32)).save(folder / "float.tif")
    Image.new("CMYK", (60, 30), (0, 255, 255, 0)).save(folder / "cmyk.tif")
    plain.save(folder / "anim.webp", save_all=True, append_images=[Image.new("RGB", (60, 30), black)], lossless=True)
    return {
        "plain.png": ((60, 30), red, white),
        "wrong-ending.jpg": ((60, 30), red, white),
        "exif6.png": ((30, 60), red, white),
        "exif6.webp": ((30, 60), red, white),
        "clear.png": ((60, 30), white, black),
        "gray16.png": ((60, 30), grey, grey),
        "float.tif": ((60, 30), grey, grey),
        "cmyk.tif": ((60, 30), red, red),
        "anim.webp": ((60, 30), red, white),
    }


def asks_about(folder: Path, names: list[str], save: Run) -> dict[str, Any]:
    rows = ({"id": name, "question": f"What of {name}?", "image": name, "label": "yes"} for name in names)
    return {"use": "generic/pointwise", "data": save("rows.jsonl", rows), "with": {**YES_NO, "images": "image"}}


@pytest.mark.parametrize("side", [None, 20])
def test_14_an_endpoint_is_sent_what_a_person_sees(
    side: int | None, tmp_path: Path, save: Run, serve: Run, run: Run
) -> None:
    """mistral-common#330, llama.cpp#20870, ollama#18418 (EXIF), Pillow#5991 (16 bit)."""
    expected = draw(tmp_path)
    choice = {"index": 0, "message": {"role": "assistant", "content": "<answer>yes</answer>"}, "finish_reason": "stop"}
    endpoint = serve(lambda body: (200, {"object": "chat.completion", "choices": [choice]}, {}))
    options = {} if side is None else {"max_image_side": side}
    outcome = run(asks_about(tmp_path, list(expected), save), endpoint.judge(**options))
    assert (outcome.code, outcome.rows["m"]["coverage"]) == (0, 1.0)
    assert endpoint.count() == len(expected)
    for body in endpoint.asked:
        parts = body["messages"][-1]["content"]
        text = " ".join(part.get("text", "") for part in parts)
        [url] = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
        [name] = [name for name in expected if f"What of {name}?" in text]
        size, first, last = expected[name]
        with Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) as sent:
            assert sent.getexif().get(274, 1) == 1, name
            assert sent.mode in ("RGB", "L"), name
            assert getattr(sent, "n_frames", 1) == 1, name
            seen = sent.convert("RGB")
        assert seen.size == (size if side is None else tuple(round(side * n / 60) for n in size)), name
        corners = seen.getpixel((0, 0)), seen.getpixel((seen.width - 1, seen.height - 1))
        assert np.abs(np.array(corners) - np.array([first, last])).max() <= 2, name


def test_14_files_that_are_no_pictures_are_errors_of_their_items(
    tmp_path: Path, save: Run, serve: Run, run: Run
) -> None:
    draw(tmp_path)
    whole = (tmp_path / "plain.png").read_bytes()
    broken = {
        "truncated.png": whole[:-30],
        "empty.png": b"",
        "html.jpg": b"<html>",
        "a.svg": b"<svg/>",
        "ps.png": b"%!PS\n",
    }
    for name, data in broken.items():
        (tmp_path / name).write_bytes(data)
    choice = {"index": 0, "message": {"role": "assistant", "content": "<answer>yes</answer>"}, "finish_reason": "stop"}
    endpoint = serve(lambda body: (200, {"object": "chat.completion", "choices": [choice]}, {}))
    outcome = run(asks_about(tmp_path, ["plain.png", *broken], save), endpoint.judge())
    statuses = outcome.rows["m"]["statuses"]
    assert (outcome.code, statuses["ok"], statuses["error"], endpoint.count()) == (3, 1, 5, 1)


def csv(*, end: str = "\r\n", between: str = ",", **labels: str) -> str:
    lines = [between.join(("id", "question", "label"))]
    quoted = (f'"{question}"' if "," in question else question for _, question, _ in ROWS)
    for (number, _, label), question in zip(ROWS, quoted, strict=True):
        lines.append(between.join((number, question, labels.get(f"_{number}", label))))
    return end.join(lines) + end


# What Excel and others write: three rows that are read, or the words of the refusal.
TABLES: dict[str, tuple[bytes, str]] = {
    "bom.csv": (b"\xef\xbb\xbf" + csv().encode(), ""),
    "upper.CSV": (csv().encode(), ""),
    "index-column.csv": (("," + csv().replace("\r\n", "\r\n9,", 3)).encode(), ""),
    "plain.txt": (csv().encode(), "this kind of file is not read"),
    "semicolon.csv": (csv(between=";").encode(), "line 1: the header is one cell with ';' in it; separate cells"),
    "tab.csv": (csv(between="\t").encode(), "line 1: the header is one cell with '\\t' in it; separate cells"),
    "latin1.csv": (csv().encode("latin-1"), "line 4: not UTF-8 text"),
    "utf16.csv": (csv().encode("utf-16"), "line 1: not UTF-8 text"),
    "mac.csv": (csv(end="\r").encode(), "line 1: not readable as CSV"),
    "sep.csv": (b"sep=,\r\n" + csv().encode(), "line 2: expected 2 cells"),
    "header.csv": (csv().replace(",label", ", label", 1).encode(), "Did you mean ' label'?"),
    "empty.csv": (csv(_2="").encode(), "line 3, column 'label'"),
    "nan.csv": (csv(_2="NaN").encode(), "line 3, column 'label'"),
    "case.csv": (csv(_2="No").encode(), "line 3, column 'label'"),
    "float.csv": (csv(_2="0.0").encode(), "line 3, column 'label'"),
    "twice.csv": ((csv() + "1,Again?,no\r\n").encode(), "line 5, column 'id'"),
    "quote.csv": ((csv() + '4,"Is it late?,no\r\n').encode(), "line 5: not readable as CSV"),
}
LINES = [json.dumps({"id": number, "question": question, "label": label}) for number, question, label in ROWS]
OTHER: dict[str, tuple[bytes, str]] = {
    "crlf.jsonl": ("\r\n".join(LINES).encode(), ""),
    "bom.jsonl": (b"\xef\xbb\xbf" + "\n".join(LINES).encode(), ""),
    "array.json": (f"[{', '.join(LINES)}]".encode(), ""),
    "unused-nan.jsonl": ("\n".join([*LINES[:2], LINES[2][:-1] + ', "extra": NaN}']).encode(), ""),
    "u2028.jsonl": ("\n".join(LINES).replace("Is it", "a\u2028b").encode(), ""),
    "array.jsonl": (f"[{', '.join(LINES)}]".encode(), "line 1: expected a JSON object"),
    "nan.jsonl": ("\n".join(LINES).replace('"Is grass red?"', "NaN").encode(), "line 2, column 'question'"),
    "key.jsonl": ("\n".join([LINES[0], LINES[1][:-1] + ', "id": "9"}']).encode(), "the key 'id' is there twice"),
    "comma.jsonl": (",\n".join(LINES).encode(), "line 1: not JSON"),
    "pretty.jsonl": (json.dumps({"id": "1"}, indent=1).encode(), "line 1: not JSON"),
    "half.jsonl": ("\n".join(LINES).replace("Is grass", "\\ud83d").encode(), "half a surrogate pair"),
    "wrapped.json": (f'{{"data": [{", ".join(LINES)}], "version": 2}}'.encode(), ""),  # as MMRB2 has it
    "wrapped_twice.json": (f'{{"data": [{", ".join(LINES)}], "more": []}}'.encode(), "holds several lists"),
    "no_list.json": (b'{"id": "1"}', "expected a JSON list of objects, found an object without one"),
}


@pytest.mark.parametrize(("name", "data", "refusal"), [(name, *table) for name, table in (TABLES | OTHER).items()])
def test_17_and_18_tables_are_read_whole_or_refused_with_the_place(
    name: str, data: bytes, refusal: str, tmp_path: Path, run: Run
) -> None:
    """inspect_ai#5353 and #301, ms-swift#306."""
    (tmp_path / name).write_bytes(data)
    outcome = run({"use": "generic/pointwise", "data": name, "with": YES_NO}, {"use": "baselines/constant"})
    if refusal:
        assert (outcome.code, outcome.rows) == (2, {})
        assert name in outcome.err
        assert refusal in outcome.err
    else:
        row = outcome.rows["constant"]
        assert (outcome.code, row["n"], row["gold_histogram"]) == (0, 3, {"yes": 2, "no": 1})


def test_18_parquet_of_other_kinds(tmp_path: Path, run: Run) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    columns = {name: [row[k] for row in ROWS] for k, name in enumerate(("id", "question", "label"))}
    for name, label in {
        "words": arrow.array(columns["label"]).dictionary_encode(),
        "truth": [True, False, True],
    }.items():
        ids = arrow.array([1, 2, 3], arrow.int32())
        parquet.write_table(arrow.table({**columns, "id": ids, "label": label}), tmp_path / f"{name}.parquet")
    constant = {"use": "baselines/constant"}
    read = run({"use": "generic/pointwise", "data": "words.parquet", "with": YES_NO}, constant)
    assert (read.code, read.rows["constant"]["n"]) == (0, 3)
    refused = run({"use": "generic/pointwise", "data": "truth.parquet", "with": YES_NO}, constant)
    assert (refused.code, "row 0, column 'label'" in refused.err) == (2, True)


GOOD = "<answer>4</answer>"
# Rows as other harnesses write them: `right`, a status and its reason, or the words of the refusal.
ANSWERS: dict[str, tuple[dict[str, Any], str]] = {
    "fastchat": (
        {"id": None, "question_id": "ID", "judge": ["gpt-4", "single"], "judgment": GOOD, "score": 4},
        "right",
    ),
    "empty": ({"response": ""}, "unparsed: no verdict"),
    "null": ({"response": None, "verdict": None}, "unparsed: no verdict"),
    "length": ({"response": "If bad: <answer>1</answer>, but", "finish_reason": "length"}, "truncated: cut off"),
    "error": ({"response": "ERROR: see <answer>1</answer>", "error": "RateLimitError"}, "error: error"),
    "filter": ({"response": "<answer>1</answer>", "finish_reason": "content_filter"}, "refused: refused"),
    "prometheus": (
        {"response": "Mine: <answer>1</answer>", "feedback": "Good."},
        "'response' and 'feedback' could each be",
    ),
    "output": ({"output": "Mine: <answer>1</answer>", "judgment": GOOD}, "'output' and 'judgment' could each be"),
    "text": ({"text": "Rate: <answer>1</answer>", "generated": GOOD}, "'text' and 'generated' could each be"),
    "number": ({"response": 4}, "'response' must be the raw text"),
    "texts": ({"response": [GOOD, GOOD]}, "'response' must be the raw text"),
    "messages": ({"response": [{"role": "assistant", "content": GOOD}]}, "'response' must be the raw text"),
    "batch": ({"response": {"body": {"choices": []}}, "custom_id": "ID"}, "'response' must be the raw text"),
    "lm-eval": ({"id": None, "doc_id": "ID", "resps": [[GOOD]]}, "no id; name its field with `id_field`"),
    "padded": ({"id": " ID", "response": GOOD}, "an answer to no item of any task"),
}


@pytest.mark.parametrize(("row", "expected"), ANSWERS.values(), ids=list(ANSWERS))
def test_22_answers_in_the_shapes_of_other_harnesses(row: dict[str, Any], expected: str, save: Run, run: Run) -> None:
    """prometheus-eval, FastChat, lm-evaluation-harness, OpenAI's batch files."""
    items: list[dict[str, Any]] = [{"id": f"p{k}", "q": f"case {k}", "score": 4} for k in range(6)]
    made = [json.loads(json.dumps({"id": "ID", **row}).replace("ID", item["id"])) for item in items]
    save("rec.jsonl", ({key: value for key, value in each.items() if (key, value) != ("id", None)} for each in made))
    options = {"question": "How good? {q}", "gold": "score", "low": 1, "high": 5, "id": "id"}
    task = {"use": "generic/score", "data": save("rows.jsonl", items), "format": "harness/tagged", "with": options}
    judge = {"name": "rec", "use": "baselines/replay", "with": {"answers": "rec.jsonl"}}
    outcome = run({**task, "protocol": {"metrics": ["mae"]}}, judge)
    if outcome.rows:
        outcome.check("rec", expected)
        assert outcome.code == (3 if expected.startswith("error") else 0)
    else:
        assert (outcome.code, expected in outcome.err) == (2, True)


def test_19_a_picture_that_the_processor_refuses_costs_its_item(
    tmp_path: Path, save: Run, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Qwen-VL-Series-Finetune#133, lmms-eval#598, vllm#21109: the processor of Qwen-VL raises for long strips."""
    pytest.importorskip("torch")
    from harness_transformers import pixels
    from harness_transformers.testing import make_tiny_llava

    class Strict:
        """The tiny model's processor takes any picture: this one has the rule of Qwen's."""

        def __init__(self, inner: Any) -> None:
            self._inner = inner

        def __getattr__(self, name: str) -> Any:
            return getattr(self._inner, name)

        def __call__(self, images: Any, **more: Any) -> Any:
            for image in images if isinstance(images, list) else [images]:
                if max(image.size) > 200 * min(image.size):
                    raise ValueError("absolute aspect ratio must be smaller than 200")
            return self._inner(images, **more)

    real = pixels.PixelCache.__init__

    def init(self: Any, processor: Any) -> None:
        real(self, processor)
        self._inner = Strict(self._inner)

    monkeypatch.setattr(pixels.PixelCache, "__init__", init)
    make_tiny_llava(tmp_path / "tiny")
    names = [f"{k}.png" for k in range(6)]
    for name in names:
        Image.new("RGB", (1, 300) if name == "3.png" else (30, 30), "green").save(tmp_path / name)
    judge = {"name": "tiny", "use": "transformers", "with": {"model": "tiny", "mode": "verdict", "batch_size": 4}}
    outcome = run(asks_about(tmp_path, names, save), judge)
    statuses = outcome.rows["tiny"]["statuses"]
    assert (outcome.code, statuses["ok"], statuses["error"]) == (3, 5, 1)
    assert "absolute aspect ratio must be smaller than 200" in outcome.err

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModel, AutoProcessor

from harness.api import (
    AnswerSpace,
    Choice,
    Image,
    Judgement,
    Message,
    Part,
    Preference,
    Ranking,
    Request,
    Status,
    UserError,
)
from harness.cli import main
from harness.formats.tagged import TaggedFormat
from harness.testing import FakeContext, judge_checks
from harness_transformers.clip_score import ClipScore
from harness_transformers.options import ClipScoreOptions
from harness_transformers.plugin import harness_judges
from harness_transformers.testing import make_tiny_clip

Make = Callable[..., ClipScore]
Paint = Callable[..., Image]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture
def made(folder: Path, tmp_path: Path) -> Make:
    def make(**options: Any) -> ClipScore:
        fields = {"model": str(folder), "threads": 1, **options}
        return ClipScore(ClipScoreOptions(**fields), FakeContext(workspace=tmp_path))

    return make


def put(
    space: AnswerSpace, question: Sequence[Part], candidates: Sequence[Part] = (), *, order: tuple[int, ...] = ()
) -> Request:
    shown = [candidates[place] for place in order] if order else list(candidates)
    form = TaggedFormat()
    return Request(
        task="t",
        item="1",
        messages=(Message("user", (*question, *shown, form.instruction(space))),),
        space=space,
        format=form,
        order=order,
        question=tuple(question),
        candidates=tuple((one,) for one in shown),
    )


def told(judge: ClipScore, *requests: Request) -> list[Judgement]:
    found = {request.key: judgement for request, judgement in judge.judge(iter(requests))}
    assert len(found) == len({request.key for request in requests})
    assert all(found[request.key].checked(request.space) is found[request.key] for request in requests)
    return [found[request.key] for request in requests]


def by_hand(folder: Path, text: str, image: Image) -> tuple[float, float]:
    """Cosine and scaled cosine of one text and one image."""
    model, processor = AutoModel.from_pretrained(folder).eval(), AutoProcessor.from_pretrained(folder)
    inputs = processor(text=[text], images=[image.load().convert("RGB")], return_tensors="pt")
    with torch.inference_mode():
        scaled = float(model(**inputs).logits_per_image[0, 0])
    return scaled / float(model.logit_scale.detach().exp()), scaled


def test_scores_are_those_of_the_model_alone(folder: Path, made: Make, paint: Paint) -> None:
    images = [paint(number) for number in range(4)]
    requests = [put(Preference(4), [f"A photo of {word}"], images) for word in ("a dog", "noise", "a very red house")]
    for request, judgement in zip(requests, told(made(batch_size=3), *requests), strict=True):
        pairs = [by_hand(folder, str(request.question[0]), image) for image in images]
        assert json.loads(judgement.raw)["cosines"] == pytest.approx([cosine for cosine, _ in pairs], abs=1e-5)
        shares = torch.tensor([scaled for _, scaled in pairs]).softmax(0).tolist()
        assert judgement.probabilities is not None
        assert list(judgement.probabilities.values()) == pytest.approx(shares, abs=1e-4)
        assert judgement.verdict == shares.index(max(shares))


def test_captions_are_compared_for_an_image(folder: Path, made: Make, paint: Paint) -> None:
    captions = ["a dog", "a cat on a mat", "noise"]
    (judgement,) = told(made(prompt="A photo depicts "), put(Ranking(3), [paint(1), "Which fits?"], captions))
    cosines = [by_hand(folder, f"A photo depicts {caption}", paint(1))[0] for caption in captions]
    assert judgement.verdict == tuple(sorted(range(3), key=lambda place: -cosines[place]))


def test_the_caption_is_taken_out_of_the_question(folder: Path, made: Make, paint: Paint) -> None:
    judge = made(caption=r"description: (.+?)\.")
    question = ["Which picture fits the description: a red seven. Answer A or B."]
    judgement, missed = told(
        judge,
        put(Preference(2), question, [paint(1), paint(2)]),
        put(Preference(2), ["Which is better?"], [paint(1), paint(2)]),
    )
    expected = [by_hand(folder, "a red seven", paint(number))[0] for number in (1, 2)]
    assert json.loads(judgement.raw)["cosines"] == pytest.approx(expected, abs=1e-5)
    assert (missed.status, "finds no caption" in missed.error) == (Status.REFUSED, True)


@pytest.mark.parametrize("pattern", ["(", "no group", "(a)(b)"])
def test_an_expression_without_one_group_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="caption"):
        ClipScoreOptions(model="m", caption=pattern)


def test_a_yes_no_question_is_decided_by_clipscore(folder: Path, made: Make, paint: Paint) -> None:
    request = put(Choice(("yes", "no")), [paint(1), "noise"])
    score = 2.5 * max(by_hand(folder, "noise", paint(1))[0], 0)
    above, below, without = (
        told(made(threshold=threshold), request)[0] for threshold in (score - 0.01, score + 0.01, None)
    )
    assert (above.verdict, below.verdict, without.status) == ("yes", "no", Status.REFUSED)
    assert json.loads(above.raw)["score"] == pytest.approx(score, abs=1e-5)


def test_the_other_order_gives_the_same_image_and_encodes_nothing_twice(
    made: Make, paint: Paint, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = made(batch_size=4)
    images = [paint(number) for number in range(10)]
    pairs = [
        put(Preference(2), ["noise"], images[2 * number : 2 * number + 2], order=order)
        for number in range(5)
        for order in ((0, 1), (1, 0))
    ]
    model = judge._open().model
    features, rows = model.get_image_features, []

    def counted(**named: Any) -> Any:
        rows.append(len(named["pixel_values"]))
        return features(**named)

    monkeypatch.setattr(model, "get_image_features", counted)
    given = told(judge, *pairs)
    assert sum(rows) == 10
    for first, second in zip(given[::2], given[1::2], strict=True):
        assert first.verdict == 1 - second.verdict  # type: ignore[operator]
        assert first.probabilities is not None
        assert second.probabilities is not None
        assert first.probabilities["A"] == pytest.approx(second.probabilities["B"], abs=1e-6)


def test_what_it_cannot_judge_it_refuses_and_what_it_cannot_read_fails_alone(made: Make, paint: Paint) -> None:
    broken = Image.from_bytes(b"GIF89a", name="bad.gif")
    words, mixed, bad, good = told(
        made(),
        put(Preference(2), ["q"], ["a", "b"]),
        put(Preference(2), [paint(1), "q"], [paint(2), paint(3)]),
        put(Preference(2), ["q"], [broken, paint(3)]),
        put(Preference(2), ["q"], [paint(2), paint(3)]),
    )
    assert [words.status, mixed.status, bad.status, good.status] == [
        Status.REFUSED,
        Status.REFUSED,
        Status.ERROR,
        Status.OK,
    ]
    assert "one caption with images" in words.error
    assert "bad.gif" in bad.error


def test_a_text_that_is_too_long_is_cut_and_says_so(made: Make, paint: Paint) -> None:
    long, short = told(
        made(),
        put(Preference(2), ["word " * 300], [paint(1), paint(2)]),
        put(Preference(2), ["word"], [paint(1), paint(2)]),
    )
    assert json.loads(long.raw)["truncated"] is True
    assert "truncated" not in json.loads(short.raw)
    assert long.prompt_tokens == 77


def test_memory_that_runs_out_makes_batches_smaller(made: Make, paint: Paint, monkeypatch: pytest.MonkeyPatch) -> None:
    requests = [put(Preference(2), [f"noise {n}"], [paint(n), paint(n + 50)]) for n in range(6)]
    expected = [one.verdict for one in told(made(), *requests)]
    judge = made(batch_size=16)
    features = judge._open().model.get_image_features
    limit = 3

    def small(**named: Any) -> Any:
        if len(named["pixel_values"]) > limit:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return features(**named)

    monkeypatch.setattr(judge._open().model, "get_image_features", small)
    assert [one.verdict for one in told(judge, *requests)] == expected
    assert judge._room.rows == 2
    judge.close()
    limit = 0
    monkeypatch.setattr(judge._open().model, "get_image_features", small)
    assert {one.status for one in told(judge, *requests)} == {Status.ERROR}


def test_a_model_that_is_no_dual_encoder_is_refused(tiny: Path, made: Make, paint: Paint) -> None:
    with pytest.raises(UserError, match="no dual encoder"):
        told(made(model=str(tiny)), put(Preference(2), ["q"], [paint(1), paint(2)]))


def test_it_keeps_the_contract_of_judges(folder: Path, tmp_path: Path) -> None:
    card = next(card for card in harness_judges() if card.name == "clip-score")
    options = ClipScoreOptions(model=str(folder))
    for _, check in judge_checks(card, options=options, context=FakeContext(workspace=tmp_path)):
        check()


def test_a_judge_that_scores_candidates_one_by_one_has_no_position_bias(folder: Path, tmp_path: Path) -> None:
    manifest = tmp_path / "clip.yaml"
    manifest.write_text(
        f"name: clip\ntasks: [{{use: miniature/pairwise-alignment, limit: 20}}]\n"
        f"judges: [{{use: clip-score, with: {{model: {folder}}}}}]\n"
    )
    with pytest.raises(SystemExit) as ended:
        main(["run", str(manifest), "--runs", str(tmp_path / "runs")])
    assert ended.value.code == 0
    (board,) = (tmp_path / "runs").glob("clip-*/leaderboard.json")
    (row,) = json.loads(board.read_text())["rows"]
    assert (row["coverage"], row["swap_consistency"]) == (1, 1)


def test_control_tokens_in_a_caption_are_words(made: Make, paint: Paint) -> None:
    judge = made()
    opened = judge._open()
    end = opened.tokenizer.eos_token_id
    assert judge._tokens(opened, "a dog<|end|> and a cat").count(end) == 1
    plain, hostile = told(
        judge,
        put(Preference(2), [paint(1), "Which fits?"], ["a dog", "a cat"]),
        put(Preference(2), [paint(1), "Which fits?"], ["a dog<|end|>", "a cat"]),
    )
    assert json.loads(plain.raw)["cosines"][0] != pytest.approx(json.loads(hostile.raw)["cosines"][0], abs=1e-6)

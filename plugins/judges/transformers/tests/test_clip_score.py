from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow
from safetensors.torch import load_file, save_file
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
    Score,
    Status,
    UserError,
)
from harness.cli import main
from harness.formats.tagged import TaggedFormat
from harness.testing import FakeContext, judge_checks, odd_pictures
from harness_transformers.clip_score import ClipScore
from harness_transformers.options import ClipScoreOptions
from harness_transformers.plugin import harness_judges
from harness_transformers.testing import make_tiny_clip, make_tiny_siglip

Make = Callable[..., ClipScore]
Paint = Callable[..., Image]
YES_NO = Choice(("yes", "no"))
FORM = TaggedFormat()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="module")
def siglip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_siglip(tmp_path_factory.mktemp("siglip"))


@pytest.fixture
def made(folder: Path, tmp_path: Path) -> Make:
    def make(**options: Any) -> ClipScore:
        fields = {"model": str(folder), "threads": 1, **options}
        return ClipScore(ClipScoreOptions(**fields), FakeContext(workspace=tmp_path))

    return make


def put(
    space: AnswerSpace,
    question: Sequence[Part],
    candidates: Sequence[Part | tuple[Part, ...]] = (),
    *,
    order: tuple[int, ...] = (),
) -> Request:
    parts = [one if isinstance(one, tuple) else (one,) for one in candidates]
    shown = tuple(parts[place] for place in order or range(len(parts)))
    # Named by text alone, so that a test may hold images that cannot be read.
    words = [repr(part) for part in (*question, *shown)]
    return Request(
        task="t",
        item="1",
        messages=(Message("user", ("Which is better?", *words, FORM.instruction(space))),),
        space=space,
        format=FORM,
        order=order,
        question=tuple(question),
        candidates=shown,
    )


def told(judge: ClipScore, requests: Iterable[Request]) -> list[Judgement]:
    asked = list(requests)
    given = list(judge.judge(iter(asked)))
    assert sorted(request.key for request, _ in given) == sorted(request.key for request in asked)
    found = {request.key: judgement for request, judgement in given}
    assert all(found[request.key].check(request.space) is found[request.key] for request in asked)
    return [found[request.key] for request in asked]


def cosines_of(judgement: Judgement) -> list[float]:
    return list(json.loads(judgement.raw)["cosines"])


@cache
def loaded(folder: Path) -> tuple[Any, Any]:
    return AutoModel.from_pretrained(folder).eval(), AutoProcessor.from_pretrained(folder)


@torch.inference_mode()
def by_hand(folder: Path, text: str, image: Image) -> float:
    """The cosine of one text and one image, by plain calls of transformers."""
    model, processor = loaded(folder)
    padding = "max_length" if "siglip" in folder.name else True
    inputs = processor(text=[text], images=[image.load()], padding=padding, return_tensors="pt")
    output = model(**inputs)
    return float(output.text_embeds[0] @ output.image_embeds[0])


def encoded(judge: ClipScore, monkeypatch: pytest.MonkeyPatch, what: str = "image", *, most: int = 10_000) -> list[int]:
    """The rows of each batch of texts or images to come; memory runs out above `most`."""
    judge.open()
    assert judge.opened is not None
    name = f"get_{what}_features"
    features, rows = getattr(judge.opened.model, name), []

    def counting(**named: Any) -> Any:
        count = len(next(iter(named.values())))
        if count > most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        rows.append(count)
        return features(**named)

    monkeypatch.setattr(judge.opened.model, name, counting)
    return rows


@pytest.mark.parametrize("family", ["clip", "siglip"])
def test_scores_are_those_of_the_model_on_one_pair_at_a_time(
    family: str, made: Make, paint: Paint, request: pytest.FixtureRequest
) -> None:
    folder = request.getfixturevalue("folder" if family == "clip" else "siglip")
    images = [paint(number) for number in range(4)]
    captions = ("A photo of a dog", "noise", "a very red house behind a tree")
    requests = [put(Preference(4), [caption], images) for caption in captions]
    scale = loaded(folder)[0].logit_scale.exp().item()
    for caption, judgement in zip(captions, told(made(model=str(folder), batch_size=3), requests), strict=True):
        expected = [by_hand(folder, caption, image) for image in images]
        assert max(expected) - min(expected) > 1e-3, "a model that tells them apart"
        assert cosines_of(judgement) == pytest.approx(expected, abs=1e-5)
        assert judgement.verdict == expected.index(max(expected))
        assert judgement.probabilities is not None
        shares = (torch.tensor(expected) * scale).softmax(0).tolist()
        assert list(judgement.probabilities.values()) == pytest.approx(shares, abs=1e-4)
        assert judgement.completion_tokens == 0
        assert judgement.prompt_tokens is not None


def test_captions_are_compared_for_an_image(folder: Path, made: Make, paint: Paint) -> None:
    captions = ["a dog", "a cat on a mat", "noise"]
    (judgement,) = told(made(prompt="A photo depicts "), [put(Ranking(3), [paint(1), "Which fits?"], captions)])
    expected = [by_hand(folder, f"A photo depicts {caption}", paint(1)) for caption in captions]
    assert cosines_of(judgement) == pytest.approx(expected, abs=1e-5)
    assert judgement.verdict == tuple(sorted(range(3), key=lambda place: -expected[place]))
    lengths = [len(loaded(folder)[1].tokenizer(f"A photo depicts {caption}")["input_ids"]) for caption in captions]
    assert judgement.prompt_tokens == sum(lengths) + 17, "of all captions, and the 16 patches and one more of the image"


def test_scores_and_verdicts_do_not_depend_on_the_batch(made: Make, paint: Paint) -> None:
    words = ["noise", "A photo of a dog", "word " * 40, "", "é 漢字"]
    requests = [
        put(Preference(3), [f"{words[number % 5]} {number}"], [paint(number + one) for one in range(3)])
        for number in range(8)
    ]
    requests += [put(Ranking(3), [paint(number)], [*words[:2], f"a {number}"]) for number in range(4)]
    alone = told(made(batch_size=1), requests)
    assert {one.status for one in alone} == {Status.OK}
    for size in (3, 64):
        for one, other in zip(alone, told(made(batch_size=size), requests), strict=True):
            assert one.verdict == other.verdict
            assert cosines_of(one) == pytest.approx(cosines_of(other), abs=1e-5)
            assert (one.prompt_tokens, one.error) == (other.prompt_tokens, other.error)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), count=st.integers(2, 4), tied=st.booleans())
def test_another_order_mirrors_verdict_and_probabilities(
    data: Any, count: int, tied: bool, made: Make, paint: Paint
) -> None:
    images = [paint(data.draw(st.integers(0, 4))) for _ in range(count)]
    order = tuple(data.draw(st.permutations(range(count))))
    space = Preference(count, ("tie",) if tied else ())
    judge = made(batch_size=3)
    one, other = told(judge, [put(space, ["noise"], images), put(space, ["noise"], images, order=order)])
    assert one.status is other.status
    assert [cosines_of(one)[place] for place in order] == cosines_of(other)
    if one.verdict is not None and other.verdict is not None and one.probabilities and other.probabilities:
        assert space.to_canonical(other.verdict, order) == one.verdict
        mirrored = [one.probabilities["ABCD"[place]] for place in order]
        assert mirrored == [other.probabilities["ABCD"[place]] for place in range(count)]


def test_equal_images_and_equal_captions_are_encoded_once(
    made: Make, paint: Paint, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = made(batch_size=4)
    images, texts = encoded(judge, monkeypatch), encoded(judge, monkeypatch, "text")
    pairs = [
        put(Preference(2), [f"noise {number}"], [paint(number), paint(number + 1)], order=order)
        for order in ((0, 1), (1, 0))
        for number in range(20)
    ]
    given = told(judge, pairs)
    assert (sum(images), sum(texts)) == (21, 20)
    assert {one.latency_s for one in told(judge, pairs[:3])} == {0.0}
    assert (sum(images), sum(texts)) == (21, 20)
    for first, second in zip(given[:20], given[20:], strict=True):
        assert {first.verdict, second.verdict} == {0, 1}


def test_images_are_told_apart_by_content_and_not_by_name(
    folder: Path, made: Make, paint: Paint, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = (Image.from_bytes(paint(number).encode()[0], name="picture.png") for number in (1, 2))
    again = Image.from_bytes(paint(1).encode()[0], name="copy.png")
    judge = made()
    rows = encoded(judge, monkeypatch)
    (judgement,) = told(judge, [put(Preference(3), ["noise"], [one, other, again])])
    first, second = by_hand(folder, "noise", one), by_hand(folder, "noise", other)
    assert cosines_of(judgement) == pytest.approx([first, second, first], abs=1e-5)
    assert sum(rows) == 2


def test_equal_images_are_a_tie_or_no_verdict_and_never_the_first(made: Make, paint: Paint) -> None:
    tied, drawn = told(
        made(),
        [
            put(Preference(2, ("tie",)), ["noise"], [paint(1), paint(1)]),
            put(Preference(2), ["noise"], [paint(1), paint(1)]),
        ],
    )
    assert tied.verdict == "tie"
    assert (drawn.status, "A and B score equally" in drawn.error) == (Status.DRAW, True)
    request = put(Preference(2, ("tie",)), ["noise"], [paint(1), paint(2)])
    one, other = cosines_of(told(made(), [request])[0])
    assert told(made(tie_margin=abs(one - other) * 1.01), [request])[0].verdict == "tie"
    assert told(made(tie_margin=abs(one - other) * 0.99), [request])[0].verdict != "tie"


def test_the_caption_is_taken_out_of_the_question(folder: Path, made: Make, paint: Paint) -> None:
    judge = made(caption=r"description: (.+?)\.", prompt="A photo depicts ")
    images = [paint(1), paint(2)]
    question = ["Which picture fits the description: a red seven. Answer A or B."]
    judgement, missed, long = told(
        judge,
        [
            put(Preference(2), question, images),
            put(Preference(2), ["Which is better?"], images),
            put(Preference(2), ["x" * 20_000 + question[0]], images),
        ],
    )
    assert cosines_of(judgement) == pytest.approx(
        [by_hand(folder, "A photo depicts a red seven", image) for image in images], abs=1e-5
    )
    assert (missed.status, "finds no caption" in missed.error) == (Status.REFUSED, True)
    assert (long.status, "20,063 characters" in long.error) == (Status.REFUSED, True)
    (empty,) = told(made(caption="is (x?)"), [put(Preference(2), ["It is ..."], images)])
    assert (empty.status, "holds no caption" in empty.error) == (Status.REFUSED, True)


@pytest.mark.parametrize(
    ("pattern", "problem"), [("(", "not a regular expression"), ("a", "has 0"), ("(a)(b)", "has 2")]
)
def test_an_expression_without_one_group_is_refused(pattern: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        ClipScoreOptions(model="m", caption=pattern)


def test_a_threshold_on_clipscore_decides_between_two_answers(folder: Path, made: Make, paint: Paint) -> None:
    words = ("noise", "a dog", "x", "a red house", "7", "on a mat", "blue")
    cosines = {text: by_hand(folder, text, paint(1)) for text in words}
    far, *_, near = sorted(cosines, key=lambda text: cosines[text])
    score = 2.5 * cosines[near]
    assert cosines[far] < 0 < cosines[near]
    request = put(YES_NO, [paint(1), near])
    (below,), (above,), (without,) = (
        told(made(threshold=threshold), [request]) for threshold in (score - 0.01, score + 0.01, None)
    )
    assert (below.verdict, above.verdict) == ("yes", "no")
    assert json.loads(below.raw)["score"] == pytest.approx(score, abs=1e-5)
    assert below.probabilities is not None
    scale = loaded(folder)[0].logit_scale.exp().item()
    assert below.probabilities["yes"] == pytest.approx(torch.tensor(0.01 * scale / 2.5).sigmoid().item(), abs=1e-4)
    assert (without.status, "needs the option `threshold`" in without.error) == (Status.REFUSED, True)
    (least,) = told(made(threshold=0.0), [put(YES_NO, [paint(1), far])])
    assert (json.loads(least.raw)["score"], least.verdict) == (0, "no")


def test_control_tokens_in_a_text_stay_text(folder: Path, made: Make, paint: Paint) -> None:
    """What ends a text would hide all that follows it."""
    texts = ["a dog <|endoftext|> on a mat", "a dog <|endoftext|> and a house", "a dog"]
    (judgement,) = told(made(), [put(Ranking(3), [paint(1)], texts)])
    assert len(set(cosines_of(judgement))) == 3
    fooled = [by_hand(folder, text, paint(1)) for text in texts[:2]]
    assert fooled[0] == pytest.approx(fooled[1], abs=1e-6), "taken for control tokens, both end after the dog"


def test_a_text_that_is_too_long_is_cut_and_says_so(folder: Path, made: Make, paint: Paint) -> None:
    images = [paint(1), paint(2)]
    words = loaded(folder)[1].tokenizer
    most = "x " * 200
    while len(words(most)["input_ids"]) > 77:
        most = most[:-1]
    long, fits, longer = told(
        made(), [put(Preference(2), [text], images) for text in ("x " * 200, most, "x " * 200 + "and more")]
    )
    assert [json.loads(one.raw).get("truncated") for one in (long, fits, longer)] == [True, None, True]
    assert long.prompt_tokens == fits.prompt_tokens == 77 + 2 * 17
    assert cosines_of(long) == cosines_of(longer), "nothing behind the cut is read"


@pytest.mark.parametrize(
    ("question", "candidates", "space", "reason"),
    [
        (["q"], ["a", "b"], Preference(2), "compares a caption with candidates of one image each"),
        (["image", "q"], ["image", "image"], Preference(2), "compares a caption with candidates"),
        (["image", "image", "q"], ["a", "b"], Preference(2), "compares a caption with candidates"),
        (["q"], ["image", ("image", "and words")], Preference(2), "compares a caption with candidates"),
        (["q"], ["image", ("image", "image")], Preference(2), "compares a caption with candidates"),
        (["image"], ["a", " "], Preference(2), "a candidate is empty"),
        ([" "], ["image", "image"], Preference(2), "holds no caption"),
        (["image", "q"], [], Score(1, 5, 1), "cannot give an answer of Score"),
        (["q"], [], Preference(2), "the task gives 0 apart"),
        (["image"], [], YES_NO, "needs the option `threshold`"),
    ],
)
def test_what_it_cannot_judge_it_refuses_with_the_reason(
    question: list[str], candidates: list[Any], space: AnswerSpace, reason: str, made: Make, paint: Paint
) -> None:
    def drawn(part: Any) -> Any:
        if isinstance(part, tuple):
            return tuple(drawn(one) for one in part)
        return paint(1) if part == "image" else part

    asked = put(space, [drawn(one) for one in question], [drawn(one) for one in candidates])
    refused, good = told(made(), [asked, put(Preference(2), ["q"], [paint(2), paint(3)])])
    assert (refused.status, good.status) == (Status.REFUSED, Status.OK)
    assert reason in refused.error


def test_an_image_that_cannot_be_read_fails_alone(made: Make, paint: Paint, tmp_path: Path) -> None:
    broken = Image.from_bytes(b"GIF89a", name="bad.gif")
    gone = Image.from_file(tmp_path / "gone.png")
    bad, lost, good = told(made(), [put(Preference(2), ["q"], [one, paint(3)]) for one in (broken, gone, paint(2))])
    assert [bad.status, lost.status, good.status] == [Status.ERROR, Status.ERROR, Status.OK]
    assert "bad.gif" in bad.error
    assert "gone.png" in lost.error


def test_images_of_any_mode_and_shape_share_a_batch(folder: Path, made: Make) -> None:
    modes = [
        Image.from_drawing(lambda mode=mode, size=size: Pillow.new(mode, size, 1), name=mode)  # type: ignore[misc]
        for mode, size in (("L", (50, 30)), ("RGBA", (31, 90)), ("P", (64, 64)), ("1", (20, 20)))
    ]
    (judgement,) = told(made(), [put(Preference(4), ["q"], modes)])
    assert cosines_of(judgement) == pytest.approx([by_hand(folder, "q", one) for one in modes], abs=1e-5)


def test_an_odd_picture_scores_as_a_plain_one_that_shows_the_same(made: Make) -> None:
    twins = [(odd, plain) for _, odd, plain in odd_pictures()]
    for judgement in told(made(), [put(Preference(2), ["q"], pair) for pair in twins]):
        odd, plain = cosines_of(judgement)
        assert odd == pytest.approx(plain, abs=1e-6)


@pytest.mark.parametrize("what", ["image", "text"])
def test_memory_that_runs_out_makes_batches_smaller_and_nothing_else(
    what: str, made: Make, paint: Paint, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = [put(Preference(2), [f"noise {n}"], [paint(n), paint(n + 50)]) for n in range(6)]
    expected = [one.verdict for one in told(made(), requests)]
    judge = made(batch_size=16)
    rows = encoded(judge, monkeypatch, what, most=3)
    assert [one.verdict for one in told(judge, requests)] == expected
    assert max(rows) <= 3
    assert judge.room.rows in (2, 3)
    never = made(batch_size=4)
    encoded(never, monkeypatch, what, most=0)
    failed = told(never, requests[:2])
    assert {one.status for one in failed} == {Status.ERROR}
    assert "smaller dtype" in failed[0].error


def test_a_model_that_is_no_dual_encoder_is_refused(tiny: Path, made: Make, paint: Paint) -> None:
    with pytest.raises(UserError, match=r"LlavaModel.*is no dual encoder"):
        told(made(model=str(tiny)), [put(Preference(2), ["q"], [paint(1), paint(2)])])


def test_weights_with_a_part_missing_are_not_filled_up_with_noise(tmp_path: Path, made: Make, paint: Paint) -> None:
    folder = make_tiny_clip(tmp_path / "half")
    weights = load_file(folder / "model.safetensors")
    del weights["text_projection.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match=r"no weights for text_projection\.weight"):
        told(made(model=str(folder)), [put(Preference(2), ["q"], [paint(1), paint(2)])])


def test_it_keeps_the_contract_of_judges(folder: Path, tmp_path: Path) -> None:
    card = next(card for card in harness_judges() if card.name == "clip-score")
    options = {"model": str(folder), "threshold": 0.0}
    checks = list(judge_checks(card, options=options, context=FakeContext(workspace=tmp_path)))
    assert checks
    for _, check in checks:
        check()


def test_weights_are_let_go_and_name_the_judge(tmp_path: Path, made: Make, paint: Paint) -> None:
    judge = made()
    assert judge.opened is None, "nothing is opened before the first request"
    request = put(Preference(2), ["q"], [paint(1), paint(2)])
    (before,) = told(judge, [request])
    judge.close()
    assert judge.opened is None
    judge.close()
    (after,) = told(judge, [request])
    assert after.raw == before.raw
    assert after.latency_s != 0.0, "what was known is forgotten with the weights"
    other = make_tiny_clip(tmp_path / "other", seed=1)
    assert made(model=str(other)).fingerprint() != judge.fingerprint() == made(batch_size=1).fingerprint()


def test_a_run_over_both_orders_finds_no_position_bias(folder: Path, tmp_path: Path) -> None:
    manifest = tmp_path / "clip.yaml"
    manifest.write_text(
        "name: clip\n"
        "tasks: [{use: miniature/pairwise-alignment, limit: 20}, {use: miniature/alignment-digit, limit: 4}]\n"
        f"judges: [{{use: clip-score, with: {{model: {folder}, caption: 'caption[^:]*: \u201c(.+?)\u201d'}}}}]\n",
        encoding="utf-8",
    )
    with pytest.raises(SystemExit) as ended:
        main(["run", str(manifest), "--runs", str(tmp_path / "runs")])
    assert ended.value.code == 0
    (board,) = (tmp_path / "runs").glob("clip-*/leaderboard.json")
    rows = {row["task"]: row for row in json.loads(board.read_text())["rows"]}
    paired, pointwise = rows["pairwise-alignment"], rows["alignment-digit"]
    assert (paired["coverage"], paired["swap_consistency"], paired["asked"]) == (1, 1, 40)
    assert pointwise["coverage"] == 0, "refused: there is no threshold"

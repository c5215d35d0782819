from __future__ import annotations

import json
import logging
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from harness.api import Context, Judgement, Request, Status, UserError
from harness_transformers.gguf_files import model_of
from harness_transformers.judge import LocalJudge
from harness_transformers.loading import WeightsSource, content_of, pin
from harness_transformers.options import GenerativeOptions

Local = Callable[..., LocalJudge]
Ask = Callable[..., Request]
Answers = Callable[[LocalJudge, list[Request]], list[Judgement]]

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the libraries were installed, for what is said before anything is opened."""
    monkeypatch.setattr("harness_transformers.gguf_files._NEEDED", ())


def holding(folder: Path, *names: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"GGUF\x03\x00\x00\x00")
    return folder


# -- which file is meant -----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("there")
def test_a_file_a_folder_with_one_and_a_name_on_the_hub_are_models(tmp_path: Path) -> None:
    folder = holding(tmp_path / "one", "model.Q4_1.gguf", "notes.txt")
    wanted = WeightsSource(str(folder), None, "model.Q4_1.gguf")
    assert model_of(str(folder / "model.Q4_1.gguf"), None, "judge j") == wanted
    assert model_of(str(folder), None, "judge j") == wanted
    assert str(wanted) == str(folder / "model.Q4_1.gguf")
    hub = model_of(f"hub:org/name@{COMMIT}", "Q4/model.gguf", "judge j")
    assert hub == WeightsSource("org/name", COMMIT, "Q4/model.gguf")
    assert content_of(hub, tmp_path) == f"org/name/Q4/model.gguf@{COMMIT}"


@pytest.mark.usefixtures("there")
def test_of_several_files_the_manifest_names_one_and_a_projector_is_none(tmp_path: Path) -> None:
    folder = holding(tmp_path / "many", "b.Q8_0.gguf", "a.Q4_1.gguf", "mmproj-F16.gguf")
    with pytest.raises(
        UserError, match=r"judge j: model: .*many: holds a\.Q4_1\.gguf, b\.Q8_0\.gguf; name one .* gguf_file"
    ):
        model_of(str(folder), None, "judge j")
    assert model_of(str(folder), "b.Q8_0.gguf", "judge j").file == "b.Q8_0.gguf"
    (folder / "a.Q4_1.gguf").unlink()
    assert model_of(str(folder), None, "judge j").file == "b.Q8_0.gguf"


@pytest.mark.usefixtures("there")
def test_a_folder_with_safetensors_stays_what_it_is_unless_the_file_is_named(tiny: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny, tmp_path / "both")
    holding(folder, "model.gguf")
    assert model_of(str(folder), None, "judge j") == WeightsSource(str(folder), None)
    assert model_of(str(folder), "model.gguf", "judge j").file == "model.gguf"


@pytest.mark.usefixtures("there")
@pytest.mark.parametrize(
    ("model", "file", "problem"),
    [
        ("gone.gguf", None, r"model: .*gone\.gguf: no such file"),
        ("here", "gone.gguf", r"gguf_file: .*here/gone\.gguf: no such file"),
        ("here/m.gguf", "m.gguf", r"is a file already; remove gguf_file"),
        ("here/pointer.gguf", None, r"pointer\.gguf: is no GGUF file, .* begins with GGUF and not with b'vers'"),
        ("here/empty", None, r"empty: is no GGUF file"),
        ("here/mmproj-F16.gguf", None, r"is a vision projector \(mmproj\)"),
        ("here/m-00001-of-00003.gguf", None, r"is one part of 3; .*`llama-gguf-split --merge`"),
        ("bare", None, r"bare: holds no config\.json, so it is no model folder; it holds README\.md, sub/"),
        ("bare/sub", None, r"it holds nothing"),
        ("full", None, r"it holds 0, 1, 2, 3, 4 and 3 more"),
        ("gone", None, r"gone: no such folder; give a model folder, or hub:ORG/NAME"),
    ],
)
def test_what_is_no_model_is_refused_and_says_what_was_found(
    tmp_path: Path, model: str, file: str | None, problem: str
) -> None:
    holding(tmp_path / "here", "m.gguf", "mmproj-F16.gguf", "m-00001-of-00003.gguf")
    (tmp_path / "here" / "pointer.gguf").write_text("version https://git-lfs.github.com/spec/v1")
    (tmp_path / "here" / "empty").touch()
    (tmp_path / "bare" / "sub").mkdir(parents=True)
    (tmp_path / "bare" / "README.md").touch()
    (tmp_path / "full").mkdir()
    for number in range(8):
        (tmp_path / "full" / str(number)).touch()
    with pytest.raises(UserError, match=f"judge j: .*{problem}"):
        model_of(str(tmp_path / model), file, "judge j")


def test_a_missing_library_is_named_with_the_extra_that_brings_it(
    tmp_path: Path, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = holding(tmp_path / "one", "model.gguf")
    monkeypatch.setitem(sys.modules, "gguf", None)
    for options in ({"model": str(folder)}, {"model": f"hub:org/name@{COMMIT}", "gguf_file": "m.gguf"}):
        with pytest.raises(UserError, match=r"needs gguf.*; pip install 'judge-harness-transformers\[gguf\]'"):
            LocalJudge(GenerativeOptions.model_validate(options), context)


@pytest.mark.usefixtures("there")
def test_the_vision_part_of_a_gguf_model_is_out_of_reach_and_the_judge_says_so(
    tmp_path: Path, context: Context
) -> None:
    folder = holding(tmp_path / "one", "model.gguf")
    with pytest.raises(UserError, match=r"judge .*: kind: vision: of a GGUF file only the text model is opened"):
        LocalJudge(GenerativeOptions(model=str(folder), kind="vision"), context)


@pytest.mark.usefixtures("there")
def test_on_the_hub_the_commit_is_that_of_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = []

    def found(name: str, file: str, *, revision: str | None) -> str:
        asked.append((name, file, revision))
        return f"{tmp_path}/snapshots/{COMMIT}/Q4/{Path(file).name}"

    monkeypatch.setattr("huggingface_hub.hf_hub_download", found)
    source = pin(model_of("hub:org/name", "Q4/m.gguf", "judge j"), "judge j")
    assert source == WeightsSource("org/name", COMMIT, "Q4/m.gguf")
    assert asked == [("org/name", "Q4/m.gguf", None)]


def test_other_judges_and_trainers_say_that_they_need_a_folder(tmp_path: Path) -> None:
    from harness_transformers.loading import source_of

    folder = holding(tmp_path / "one", "model.gguf")
    with pytest.raises(UserError, match=r"model\.gguf: is a file; here a model folder is needed"):
        source_of("model", str(folder / "model.gguf"), "recipe r")
    with pytest.raises(UserError, match=r"holds no config\.json, .* it holds model\.gguf"):
        source_of("model", str(folder), "recipe r")


# -- a real file -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def text_model(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama with random weights, as a folder."""
    from transformers import AutoModelForImageTextToText, AutoTokenizer, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("text")
    config = AutoModelForImageTextToText.from_pretrained(tiny).config.text_config
    torch.manual_seed(3)
    LlamaForCausalLM(config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(tiny).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def gguf_file(text_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same Llama as one file, laid out as llama.cpp's converter does."""
    pytest.importorskip("gguf", reason="needs gguf: pip install 'judge-harness-transformers[gguf]'")
    path = tmp_path_factory.mktemp("gguf") / "tiny.F32.gguf"
    write_gguf(text_model, path)
    return path


def write_gguf(folder: Path, path: Path) -> None:
    import gguf
    from transformers import AutoConfig, AutoTokenizer, LlamaForCausalLM

    config, tokenizer = AutoConfig.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("tiny")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(10_000.0)
    writer.add_rope_dimension_count(config.hidden_size // config.num_attention_heads)
    writer.add_vocab_size(config.vocab_size)
    model = json.loads((folder / "tokenizer.json").read_text())["model"]
    names = {token: text for text, token in tokenizer.get_vocab().items()}
    controls = tokenizer.get_added_vocab()
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list([names.get(token, f"[PAD{token}]") for token in range(config.vocab_size)])
    writer.add_token_types([3 if names.get(token) in controls else 1 for token in range(config.vocab_size)])
    writer.add_token_merges([pair if isinstance(pair, str) else " ".join(pair) for pair in model["merges"]])
    writer.add_bos_token_id(tokenizer.bos_token_id)
    writer.add_eos_token_id(tokenizer.eos_token_id)
    writer.add_pad_token_id(tokenizer.pad_token_id)
    writer.add_add_bos_token(False)
    writer.add_chat_template(tokenizer.chat_template)
    ours = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config.num_hidden_layers)
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
    for name, weight in LlamaForCausalLM.from_pretrained(folder).state_dict().items():
        rows = heads.get(name.split(".")[-2])
        if rows:  # llama.cpp turns pairs of neighbours, transformers the two halves of a head
            weight = weight.reshape(rows, 2, -1, weight.shape[1]).swapaxes(1, 2).reshape(weight.shape)
        writer.add_tensor(str(ours.get_name(name, (".weight",))), weight.contiguous().float().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@pytest.mark.parametrize("mode", ["generate", "verdict", "reason-then-verdict"])
def test_a_gguf_file_judges_as_the_model_that_it_was_made_from(
    local: Local, text_model: Path, gguf_file: Path, ask: Ask, answers: Answers, mode: str
) -> None:
    requests = [ask(number, images=0) for number in range(5)]
    options = {"mode": mode, "max_new_tokens": 16}
    folder = answers(local(model=str(text_model), **options), requests)
    for whole, single in zip(folder, answers(local(model=str(gguf_file), **options), requests), strict=True):
        assert (whole.status, whole.verdict, whole.raw) == (single.status, single.verdict, single.raw)
        assert whole.prompt_tokens == single.prompt_tokens
        if whole.probabilities is not None:
            assert whole.probabilities == pytest.approx(single.probabilities, abs=1e-5)


def test_pictures_are_refused_before_anything_is_computed(
    local: Local, gguf_file: Path, ask: Ask, answers: Answers, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    beside = holding(tmp_path / "beside", "mmproj-F16.gguf")
    shutil.copy(gguf_file, beside / "tiny.gguf")
    judge = local(model=str(beside), mode="verdict")
    (seen,) = answers(judge, [ask(1)])
    assert judge._opened is None
    assert seen.status is Status.REFUSED
    with caplog.at_level(logging.WARNING):
        seen, words = answers(judge, [ask(1), ask(2, images=0)])
    assert seen.status is Status.REFUSED
    assert "of a GGUF file this judge opens the text model only" in seen.error
    assert words.status is Status.OK
    assert "the vision projector beside tiny.gguf is not opened" in caplog.text


def test_nothing_that_lies_beside_the_file_is_read(
    local: Local, gguf_file: Path, ask: Ask, answers: Answers, tmp_path: Path
) -> None:
    requests = [ask(number, images=0) for number in range(2)]
    alone, crowded = local(model=str(gguf_file), mode="verdict"), tmp_path / "crowded"
    crowded.mkdir()
    shutil.copy(gguf_file, crowded / "another-name.gguf")
    for name in ("tokenizer.json", "tokenizer_config.json", "config.json", "generation_config.json"):
        (crowded / name).write_text("{}")
    judge = local(model=str(crowded / "another-name.gguf"), mode="verdict")
    assert judge.fingerprint() == alone.fingerprint(), "a name is no content"
    expected = [given.probabilities for given in answers(alone, requests)]
    assert [given.probabilities for given in answers(judge, requests)] == expected


def test_another_file_is_another_judge(local: Local, gguf_file: Path, tmp_path: Path) -> None:
    changed = tmp_path / "changed.gguf"
    data = bytearray(gguf_file.read_bytes())
    data[-1] ^= 1
    changed.write_bytes(data)
    assert local(model=str(changed)).fingerprint() != local(model=str(gguf_file)).fingerprint()


def test_a_torn_file_is_an_error_that_names_it(local: Local, gguf_file: Path, tmp_path: Path) -> None:
    for size in (100, 20_000, gguf_file.stat().st_size - 1000):
        torn = tmp_path / f"torn-{size}.gguf"
        torn.write_bytes(gguf_file.read_bytes()[:size])
        judge = local(model=str(torn))
        with pytest.raises(UserError, match=rf"judge .*: .*torn-{size}\.gguf: cannot be opened"):
            judge._open()


def test_no_bar_is_drawn_while_weights_are_unpacked(
    local: Local, gguf_file: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    local(model=str(gguf_file))._open()
    assert "%|" not in capfd.readouterr().err

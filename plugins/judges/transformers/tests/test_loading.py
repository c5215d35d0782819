from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from harness.api import Context, Judgement, Request, UserError
from harness_transformers.judge import LocalJudge
from harness_transformers.loading import WeightsSource, content_of, explain_errors, pin, set_threads, source_of
from harness_transformers.options import GenerativeOptions

Local = Callable[..., LocalJudge]


def test_a_model_is_a_folder_or_a_name_on_the_hub(tiny: Path) -> None:
    assert source_of("model", str(tiny), "judge j") == WeightsSource(str(tiny), None)
    commit = "0123456789abcdef0123456789abcdef01234567"
    assert source_of("model", f"hub:org/name@{commit}", "judge j") == WeightsSource("org/name", commit)
    assert source_of("model", "hub:org/name", "judge j") == WeightsSource("org/name", None)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("/nowhere/at/all", "no such folder; give a model folder, or hub:ORG/NAME"),
        ("hub:name", "write hub:ORG/NAME"),
        ("hub:a/b/c@d", "write hub:ORG/NAME"),
        ("hub:/b", "write hub:ORG/NAME"),
    ],
)
def test_what_is_neither_is_refused_by_name(text: str, problem: str) -> None:
    with pytest.raises(UserError, match=f"judge j: model.*{problem}"):
        source_of("model", text, "judge j")


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"holds no config\.json"):
        source_of("model", str(tmp_path), "judge j")


def test_a_commit_needs_no_hub_and_anything_else_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    commit = WeightsSource("org/name", "0123456789abcdef0123456789abcdef01234567")
    assert pin(commit, "judge j") is commit
    assert content_of(commit, Path()) == "org/name@0123456789abcdef0123456789abcdef01234567"
    monkeypatch.setattr("huggingface_hub.hf_hub_download", _offline)
    with pytest.raises(UserError, match=r"judge j: model hub:org/name@main cannot be opened \(no network\); check"):
        pin(WeightsSource("org/name", None), "judge j")


def _offline(*given: Any, **named: Any) -> str:
    raise OSError("no network\nand a long story")


def test_a_revision_becomes_the_commit_that_it_stands_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    commit = "ab" * 20
    monkeypatch.setattr(
        "huggingface_hub.hf_hub_download", lambda *given, **named: f"{tmp_path}/snapshots/{commit}/config.json"
    )
    assert pin(WeightsSource("org/name", "v1.0"), "judge j") == WeightsSource("org/name", commit)


def test_pickled_weights_are_never_opened(tiny: Path, tmp_path: Path, local: Local) -> None:
    folder = shutil.copytree(tiny, tmp_path / "pickled")
    (folder / "model.safetensors").unlink()
    torch.save({"x": torch.zeros(1)}, folder / "pytorch_model.bin")
    judge = local(model=str(folder))
    with pytest.raises(UserError, match="only safetensors are opened"):
        judge._open()


def test_code_of_strangers_is_not_run_unless_asked_for(tiny: Path, tmp_path: Path, local: Local) -> None:
    folder = shutil.copytree(tiny, tmp_path / "remote")
    config = json.loads((folder / "config.json").read_text())
    config["model_type"] = "of-my-own"
    config["auto_map"] = {"AutoConfig": "mine.Config"}
    (folder / "config.json").write_text(json.dumps(config))
    witness = tmp_path / "ran"
    (folder / "mine.py").write_text(f"open({str(witness)!r}, 'w').close()\nclass Config: pass\n")
    judge = local(model=str(folder))
    with pytest.raises(UserError, match="set trust_remote_code: true"):
        judge._open()
    assert not witness.exists()


def test_the_working_directory_is_not_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "org/name").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"there is a folder org/name in the working directory.* as \./org/name"):
        source_of("model", "hub:org/name", "judge j")


@pytest.mark.parametrize(
    ("file", "named"),
    [
        ("config.json", {"AutoConfig": "mine.Config", "AutoModelForCausalLM": "other/repo--mine.Model"}),
        ("tokenizer_config.json", {"AutoTokenizer": [None, "other/repo--mine.Fast"]}),
        ("processor_config.json", {"AutoProcessor": "other/repo--mine.Processor"}),
    ],
)
def test_code_of_a_third_repository_is_refused_even_where_code_is_allowed(
    file: str, named: dict[str, Any], tiny: Path, tmp_path: Path, local: Local
) -> None:
    folder = shutil.copytree(tiny, tmp_path / "remote")
    known = json.loads((folder / file).read_text()) if (folder / file).is_file() else {}
    (folder / file).write_text(json.dumps({**known, "auto_map": named}))
    judge = local(model=str(folder), trust_remote_code=True)
    with pytest.raises(UserError, match=f"{file} takes code from another repository .*other/repo--mine"):
        judge._open()


@pytest.mark.parametrize(
    ("error", "fix"),
    [
        (ImportError("Qwen2VLVideoProcessor requires the Torchvision library"), "pip install torchvision"),
        (ImportError("needs flash_attn"), "install what it names"),
        (OSError("no file named model.safetensors"), "only safetensors"),
        (KeyError("model_type"), "check that it is complete"),
    ],
)
def test_errors_of_transformers_come_with_what_to_do(error: Exception, fix: str) -> None:
    with (
        pytest.raises(UserError, match=f"judge j: model m: cannot be opened.*{fix}"),
        explain_errors("judge j: model m"),
    ):
        raise error


def test_errors_of_the_users_making_pass_unchanged() -> None:
    with pytest.raises(UserError, match=r"^mine$"), explain_errors("x"):
        raise UserError("mine")


def test_large_files_are_hashed_once_until_they_change(tiny: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny, tmp_path / "model")
    source = WeightsSource(str(folder), None)
    first = content_of(source, tmp_path)
    memory = json.loads((tmp_path / "weights.json").read_text())
    assert any("model.safetensors" in key for key in memory)
    forged = dict.fromkeys(memory, "0" * 64)
    (tmp_path / "weights.json").write_text(json.dumps(forged))
    assert content_of(source, tmp_path) != first, "what is remembered is used"
    os.utime(folder / "model.safetensors", ns=(1, 1))
    (tmp_path / "weights.json").write_text("{ broken")
    assert content_of(source, tmp_path) == first, "a broken memory is made anew"


def test_threads_are_set_on_purpose(monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_num_threads()
    try:
        assert set_threads(2) == torch.get_num_threads() == 2
        monkeypatch.setenv("OMP_NUM_THREADS", "3")
        assert set_threads(None) == torch.get_num_threads() == 3
        monkeypatch.delenv("OMP_NUM_THREADS")
        monkeypatch.setattr("os.cpu_count", lambda: 8)
        assert set_threads(None) == 4
        monkeypatch.setattr("os.cpu_count", lambda: 2)
        assert set_threads(None) == 1
    finally:
        torch.set_num_threads(before)


@pytest.fixture
def adapter(tiny: Path, tmp_path: Path) -> Path:
    """A LoRA adapter that changes what the model says."""
    peft = pytest.importorskip("peft")
    from transformers import AutoModelForImageTextToText

    model = AutoModelForImageTextToText.from_pretrained(tiny)
    config = peft.LoraConfig(r=4, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
    torch.manual_seed(0)
    peft.get_peft_model(model, config).save_pretrained(tmp_path / "adapter")
    return tmp_path / "adapter"


def test_an_adapter_changes_answers_and_fingerprint(
    local: Local, adapter: Path, ask: Callable[..., Request], answers: Callable[..., list[Judgement]]
) -> None:
    base, adapted = local(mode="verdict"), local(mode="verdict", adapter=str(adapter))
    request = [ask(1)]
    one, two = answers(base, request)[0], answers(adapted, request)[0]
    assert one.probabilities != pytest.approx(two.probabilities, abs=1e-4)
    assert base.fingerprint() != adapted.fingerprint()
    assert "+" in two.model


def test_a_pickled_adapter_is_refused(local: Local, adapter: Path) -> None:
    (adapter / "adapter_model.safetensors").rename(adapter / "adapter_model.bin")
    judge = local(adapter=str(adapter))
    with pytest.raises(UserError, match=r"holds no adapter_model\.safetensors; pickled adapters are not opened"):
        judge._open()


def test_an_adapter_that_names_a_module_to_import_is_refused(local: Local, adapter: Path) -> None:
    known = json.loads((adapter / "adapter_config.json").read_text())
    (adapter / "adapter_config.json").write_text(
        json.dumps({**known, "megatron_config": {"a": 1}, "megatron_core": "x"})
    )
    with pytest.raises(UserError, match="has a megatron_config, which names code to import"):
        local(adapter=str(adapter))._open()


def test_half_precision_and_eager_attention_open_as_asked(local: Local) -> None:
    model = local(dtype="bfloat16", attention="eager")._open().language.model
    assert model.dtype == torch.bfloat16
    assert model.config._attn_implementation == "eager"


def test_a_model_that_is_spread_over_devices_answers_the_same(
    local: Local, ask: Callable[..., Request], answers: Callable[..., list[Judgement]]
) -> None:
    pytest.importorskip("accelerate")
    one, other = answers(local(mode="verdict"), [ask(1)]), answers(local(mode="verdict", device_map="auto"), [ask(1)])
    assert one[0].probabilities == pytest.approx(other[0].probabilities, abs=1e-6)


def test_nothing_is_opened_before_the_first_request(tiny: Path, context: Context) -> None:
    judge = LocalJudge(GenerativeOptions(model=str(tiny)), context)
    assert judge._opened is None
    assert list(judge.judge(iter([]))) == []
    assert judge._opened is None

"""Adapter folders opened as judges: on their own base, in their own precision."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from harness.api import Context, Judgement, Request, UserError
from harness_transformers.adapters import CONFIG, WEIGHTS
from harness_transformers.judge import LocalJudge

Local = Callable[..., LocalJudge]


@pytest.fixture
def adapter(tiny: Path, tmp_path: Path) -> Path:
    """An adapter folder as peft saves it, with the path of its base."""
    peft = pytest.importorskip("peft")
    from transformers import AutoModelForImageTextToText

    model = AutoModelForImageTextToText.from_pretrained(tiny)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = peft.LoraConfig(r=4, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
        peft.get_peft_model(model, config).save_pretrained(tmp_path / "adapter")
    change(tmp_path / "adapter", base_model_name_or_path=str(tiny))
    return tmp_path / "adapter"


def change(folder: Path, **values: object) -> None:
    known = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps({**known, **values}))


def test_an_adapter_folder_opens_as_its_base_with_it(
    local: Local, tiny: Path, adapter: Path, ask: Callable[..., Request], answers: Callable[..., list[Judgement]]
) -> None:
    by_folder = local(mode="verdict", model=str(adapter))
    by_both = local(mode="verdict", model=str(tiny), adapter=str(adapter))
    request = [ask(1)]
    found = answers(by_folder, request)[0]
    assert found.probabilities == answers(by_both, request)[0].probabilities
    assert found.probabilities != answers(local(mode="verdict"), request)[0].probabilities
    assert by_folder.fingerprint() == by_both.fingerprint() != local(mode="verdict").fingerprint()


def test_an_adapter_is_not_rounded_to_the_type_of_its_base(local: Local, adapter: Path) -> None:
    from safetensors.torch import load_file

    model = local(model=str(adapter), dtype="bfloat16")._open().language.model
    assert model.dtype == torch.bfloat16
    kept = load_file(adapter / WEIGHTS)
    opened = {name.replace(".default", ""): value for name, value in model.named_parameters() if "lora_" in name}
    assert len(opened) == len(kept)
    for name, value in opened.items():
        assert torch.equal(value, kept[f"base_model.model.{name}"])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"base_model_name_or_path": None}, "names no base_model_name_or_path; give the base as model"),
        ({"base_model_name_or_path": "/no/such/folder"}, "is an adapter for /no/such/folder, which is no model folder"),
        ({"base_model_name_or_path": "a/b/c"}, "write hub:ORG/NAME"),
        ({"base_model_name_or_path": "../base"}, "cannot be opened|write hub:ORG/NAME"),
    ],
)
def test_an_adapter_whose_base_is_not_there_says_so(
    local: Local, adapter: Path, values: dict[str, object], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.chdir(adapter)  # where no folder is called ../base
    change(adapter, **values)
    with pytest.raises(UserError, match=message):
        local(model=str(adapter))


def test_a_configuration_that_is_no_configuration_is_an_error(local: Local, adapter: Path) -> None:
    (adapter / CONFIG).write_text("[1]")
    with pytest.raises(UserError, match=r"adapter_config\.json: cannot be read \(no JSON object\)"):
        local(model=str(adapter))


def test_an_adapter_on_an_adapter_and_code_of_a_base_are_refused(local: Local, adapter: Path) -> None:
    with pytest.raises(UserError, match="is an adapter itself; give its base as model"):
        local(model=str(adapter), adapter=str(adapter))
    with pytest.raises(UserError, match="code would come from its base"):
        local(model=str(adapter), trust_remote_code=True)


def test_an_adapter_that_lacks_weights_is_refused(local: Local, adapter: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(adapter / WEIGHTS)
    weights.popitem()
    save_file(weights, adapter / WEIGHTS)
    with pytest.raises(UserError, match="missing adapter keys"):
        local(model=str(adapter))._open()


def test_an_adapter_that_changes_nothing_is_refused(local: Local, adapter: Path, context: Context) -> None:
    change(adapter, peft_type="PROMPT_TUNING", task_type="CAUSAL_LM", num_virtual_tokens=2)
    with pytest.raises(UserError, match="adapter"):
        local(model=str(adapter))._open()

"""A model folder is loaded without pickles and without its own code, or refused in one line that says why."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from torch import Tensor

from reasoning.lmm.attention import NAME
from reasoning.lmm.load import load_lmm
from reasoning.lmm.stream import Budget, LmmStream
from runtime.errors import ModelError
from tests.test_reasoning_lmm_stream import pictures
from tests.tiny_lmms import FAMILIES, TEMPLATE, VOCABULARY, text_of, tiny

ROPE = {"rope_theta": 10000.0, "original_max_position_embeddings": 64}


def tokenizer_in(folder: Path, count: int = VOCABULARY) -> None:
    """Write a word-level tokenizer of the tiny models' vocabulary."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    words = {f"w{number}": number for number in range(count)}
    tokenizer = Tokenizer(WordLevel(words, unk_token="w3"))
    tokenizer.pre_tokenizer = Whitespace()
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="w3").save_pretrained(folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tiny("smolvlm").save_pretrained(tmp_path, safe_serialization=True)
    tokenizer_in(tmp_path)
    return tmp_path


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_a_saved_model_watches_and_answers_as_before(family: str, tmp_path: Path) -> None:
    model = tiny(family)
    model.save_pretrained(tmp_path)
    tokenizer_in(tmp_path)
    lmm = load_lmm(str(tmp_path))
    assert text_of(lmm.model).config._attn_implementation == NAME
    assert lmm.chat.words("w5 w6") == [5, 6]
    for name, weights in model.state_dict().items():
        assert torch.equal(lmm.model.state_dict()[name], weights)
    stream = LmmStream(lmm.family, Budget())
    stream.begin([5, 6])
    stream.append_frame(pictures(1)[0])
    assert len(list(stream.answer([7], limit=3))) == 3


def test_the_thinker_is_taken_out_of_the_whole_omni(tmp_path: Path) -> None:
    """As Qwen publishes it: thinker, talker and a voice in one folder, weights named after them."""
    thinker = tiny("qwen2_5_omni")
    whole = transformers.Qwen2_5OmniConfig(thinker_config=thinker.config.to_dict(), enable_audio_output=False)
    whole.save_pretrained(tmp_path)
    parts = {f"thinker.{name}": weights for name, weights in thinker.state_dict().items()}
    parts = {name.replace("thinker.model.language_model", "thinker.model"): one for name, one in parts.items()}
    parts = {name.replace("thinker.model.audio", "thinker.audio"): one for name, one in parts.items()}
    parts = {name.replace("thinker.model.visual", "thinker.visual"): one for name, one in parts.items()}
    save_file({**parts, "talker.model.norm.weight": torch.ones(8)}, tmp_path / "model.safetensors", {"format": "pt"})
    tokenizer_in(tmp_path)
    lmm = load_lmm(str(tmp_path))
    assert type(lmm.model) is type(thinker)
    for name, weights in thinker.state_dict().items():
        assert torch.equal(lmm.model.state_dict()[name], weights)
    assert len(lmm.family.listen(np.zeros(16_000, np.float32))) == 25


def test_frequencies_that_would_change_beyond_the_context_are_held(tmp_path: Path) -> None:
    """As InternVL3's: only differences between positions count, and those stay within the context."""
    tiny("internvl").save_pretrained(tmp_path)
    tokenizer_in(tmp_path)
    far = dict(ROPE, rope_type="dynamic", factor=2.0)
    changed_text(tmp_path, rope_parameters=far, max_position_embeddings=64)
    text = load_lmm(str(tmp_path)).family.text
    tokens = torch.randn(1, 20, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        near, away = (
            text(inputs_embeds=tokens, position_ids=torch.arange(start, start + 20)[None]).last_hidden_state
            for start in (0, 100)
        )
    torch.testing.assert_close(near, away, rtol=0, atol=1e-4)
    changed_text(
        tmp_path, rope_parameters=dict(far, rope_type="longrope", short_factor=[1.0] * 8, long_factor=[2.0] * 8)
    )
    with pytest.raises(ModelError, match=f"^{tmp_path}: Qwen2Model has rotary embeddings of kind 'longrope'"):
        load_lmm(str(tmp_path))


@pytest.mark.parametrize("file", ["preprocessor_config.json", "processor_config.json"])
def test_the_folders_own_normalisation_is_used(folder: Path, file: str) -> None:
    (image,) = pictures(1)
    own = {"image_mean": [0.1, 0.1, 0.1], "image_std": [0.9, 0.9, 0.9]}
    with torch.inference_mode():
        before = load_lmm(str(folder)).family.encode(image, 64).tokens
        (folder / file).write_text(json.dumps(own if file.startswith("pre") else {"image_processor": own}))
        after = load_lmm(str(folder)).family.encode(image, 64).tokens
    assert (before - after).abs().max() > 1e-5


def test_a_template_beside_the_processor_is_used(folder: Path) -> None:
    (folder / "chat_template.json").write_text(json.dumps({"chat_template": TEMPLATE}))
    (words,) = [
        load_lmm(str(folder)).chat._tokenizer.apply_chat_template([{"role": "user", "content": "w5"}], tokenize=False)
    ]
    assert words == "<|start|>user\nw5<|end|>\n"


def remove(folder: Path, *patterns: str) -> None:
    for pattern in patterns:
        for path in folder.glob(pattern):
            path.unlink()


def changed_config(folder: Path, **values: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def changed_text(folder: Path, **values: Any) -> None:
    """Change what a folder's configuration says of its decoder."""
    text = json.loads((folder / "config.json").read_text())["text_config"]
    changed_config(folder, text_config=text | values)


def changed_weights(folder: Path, change: Callable[[str, Tensor], Tensor | None]) -> None:
    """Change each weight by its name; None leaves it out."""
    (path,) = folder.glob("*.safetensors")
    kept = {name: one for name, weights in load_file(path).items() if (one := change(name, weights)) is not None}
    save_file(kept, path, {"format": "pt"})


def test_pickle_weights_are_refused_unread(folder: Path) -> None:
    remove(folder, "*.safetensors")
    (folder / "pytorch_model.bin").write_bytes(b"not even a pickle")
    with pytest.raises(ModelError, match="holds pickle weights only, which may run code"):
        load_lmm(str(folder))


def test_what_is_missing_is_named(folder: Path) -> None:
    remove(folder, "tokenizer*", "special_tokens_map.json")
    with pytest.raises(ModelError, match=r"holds no tokenizer \(tokenizer.json\)"):
        load_lmm(str(folder))
    remove(folder, "*.safetensors")
    with pytest.raises(ModelError, match="holds no weights"):
        load_lmm(str(folder))
    remove(folder, "config.json")
    with pytest.raises(ModelError, match=r"holds no config.json"):
        load_lmm(str(folder))


def test_a_text_only_model_is_refused(tmp_path: Path) -> None:
    config = transformers.LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2
    )
    transformers.LlamaForCausalLM(config).save_pretrained(tmp_path)
    tokenizer_in(tmp_path)
    with pytest.raises(ModelError, match="is a llama model, which sees no pictures"):
        load_lmm(str(tmp_path))


def test_an_unknown_architecture_is_refused_in_one_line(folder: Path) -> None:
    changed_config(folder, model_type="from_the_future", auto_map={"AutoConfig": "evil.Config"})
    (folder / "evil.py").write_text("raise SystemExit('remote code ran')")
    with pytest.raises(ModelError, match="wants to run code of its own, which is never done; name one in") as caught:
        load_lmm(str(folder))
    assert "\n" not in str(caught.value)
    changed_config(folder, auto_map={})
    with pytest.raises(ModelError, match=r"its config\.json cannot be loaded: .*`from_the_future`"):
        load_lmm(str(folder))


def test_a_name_that_is_nowhere_is_refused_in_one_line() -> None:
    with pytest.raises(ModelError, match=r"nobody/nothing: its config\.json cannot be loaded") as caught:
        load_lmm("nobody/nothing", is_offline=True)
    assert "\n" not in str(caught.value)


def test_damaged_weights_are_refused_in_one_line(folder: Path) -> None:
    (weights,) = folder.glob("*.safetensors")
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ModelError, match="cannot be loaded") as caught:
        load_lmm(str(folder))
    assert "\n" not in str(caught.value)


def test_a_model_of_which_a_part_is_missing_is_refused(folder: Path) -> None:
    """transformers would make that part up, at random."""
    changed_weights(folder, lambda name, one: None if "layers.2" in name else one)
    with pytest.raises(ModelError, match=r"lacks 9 of its weights, model\.text_model\.layers\.2\.input_layernorm"):
        load_lmm(str(folder))


def test_weights_of_another_model_are_refused(folder: Path) -> None:
    changed_weights(folder, lambda name, one: one[:, :32].contiguous() if name == "lm_head.weight" else one)
    with pytest.raises(ModelError, match=r"lm_head\.weight is \(160, 32\) instead of \(160, 64\)"):
        load_lmm(str(folder))


def test_a_decoder_that_shares_its_embeddings_lacks_nothing(tmp_path: Path) -> None:
    model = tiny("smolvlm")
    model.config.tie_word_embeddings = True
    model.tie_weights()
    model.save_pretrained(tmp_path)
    tokenizer_in(tmp_path)
    loaded = load_lmm(str(tmp_path)).model
    assert loaded.lm_head.weight is loaded.get_input_embeddings().weight


def test_the_tokenizer_of_another_model_is_refused(folder: Path) -> None:
    tokenizer_in(folder, VOCABULARY + 1)
    with pytest.raises(
        ModelError, match="has the tokenizer of another model: 161 tokens, of which its decoder knows 160"
    ):
        load_lmm(str(folder))


@pytest.mark.parametrize(
    ("file", "what"),
    [
        ("config.json", "its config.json"),
        ("tokenizer.json", "its tokenizer"),
        ("tokenizer_config.json", "its tokenizer"),
        ("preprocessor_config.json", "its preprocessor_config.json"),
    ],
)
@pytest.mark.parametrize("text", ["{nonsense", "[]", ""])
def test_a_damaged_file_is_named(folder: Path, file: str, what: str, text: str) -> None:
    (folder / file).write_text(text)
    if (file, text) == ("preprocessor_config.json", "[]"):
        load_lmm(str(folder))  # which says nothing, as none does
        return
    with pytest.raises(ModelError, match=f"{what} cannot be loaded: ") as caught:
        load_lmm(str(folder))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [3, "many"])
def test_settings_that_cannot_be_are_refused_in_one_line(folder: Path, value: object) -> None:
    changed_text(folder, num_attention_heads=value)
    with pytest.raises(ModelError, match=r"its config\.json cannot be loaded: ") as caught:
        load_lmm(str(folder))
    assert "\n" not in str(caught.value)


def test_another_family_is_refused_before_its_weights_are_read(folder: Path) -> None:
    changed_config(folder, model_type="llava")
    changed_weights(folder, lambda name, one: None if "vision" in name else one)
    with pytest.raises(ModelError, match="is a llava model, of no family that can watch a stream; known are SmolVLM"):
        load_lmm(str(folder))


def test_a_home_folder_may_be_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder.parent))
    assert load_lmm(f"~/{folder.name}").name == f"~/{folder.name}"
    with pytest.raises(ModelError, match="~/nowhere: no such folder"):
        load_lmm("~/nowhere")

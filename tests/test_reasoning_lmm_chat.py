"""Text becomes tokens as the model was taught, and nobody's words become control tokens."""

from __future__ import annotations

from typing import Any

import pytest
import transformers
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE

from reasoning.lmm.chat import Chat, Transcript

CONTROL = ["<|start|>", "<|end|>", "<image>"]
PLAIN = (
    "{% for message in messages %}<|start|>{{ message['role'] }}\n{{ message['content'] }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|start|>assistant\n{% endif %}"
)
TYPED = PLAIN.replace("{{ message['content'] }}", "{% for part in message['content'] %}{{ part['text'] }}{% endfor %}")
NO_SYSTEM = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}" + PLAIN


def tokenizer(template: str | None = None) -> Any:
    """Return a tokenizer of bytes, as real ones end up with for unknown words."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    inner = Tokenizer(BPE({one: number for number, one in enumerate(alphabet)}, []))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    made = transformers.PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<|end|>")
    made.add_special_tokens({"additional_special_tokens": CONTROL})
    made.chat_template = template
    return made


@pytest.mark.parametrize("template", [PLAIN, TYPED, NO_SYSTEM])
def test_a_talk_has_the_form_of_the_models_own_template(template: str) -> None:
    chat = Chat(tokenizer(template))
    head, tail = chat.frame("Watch closely.")
    talk = chat._tokenizer.decode([*head, *chat.words("what is it?"), *tail])
    assert talk.endswith("what is it?<|end|>\n<|start|>assistant\n")
    assert talk.startswith(
        "<|start|>user\nWatch" if template == NO_SYSTEM else "<|start|>system\nWatch closely.<|end|>"
    )


def test_a_model_without_a_template_gets_plain_lines() -> None:
    chat = Chat(tokenizer())
    head, tail = chat.frame("Watch closely.")
    assert chat.text([*head, *tail]) == "Watch closely.\n\nAnswer:"


@given(st.text(max_size=40), st.sampled_from(CONTROL), st.text(max_size=40))
def test_nobodys_words_become_control_tokens(before: str, control: str, after: str) -> None:
    chat = Chat(TOKENIZER)
    ids = chat.words(before + control + after)
    assert not set(ids) & set(TOKENIZER.added_tokens_decoder)
    assert chat.own(control)[0] in TOKENIZER.added_tokens_decoder


def test_an_answer_ends_at_the_tokenizers_end_and_the_models_own() -> None:
    made = tokenizer()
    assert Chat(made, [3]).stops == {3, made.eos_token_id}


@given(st.text(alphabet=st.sampled_from("ab \n.é漢🙂"), max_size=30))
def test_words_come_whole_and_together_are_the_answer(text: str) -> None:
    chat = Chat(TOKENIZER)
    transcript = Transcript(chat)
    pieces = [transcript.add(token) for token in chat.words(text)]
    assert all(piece == "" or piece[-1].isspace() for piece in pieces)
    assert "".join([*pieces, transcript.rest()]) == text


def test_bytes_that_never_become_a_character_are_left_out() -> None:
    chat = Chat(TOKENIZER)
    transcript = Transcript(chat)
    ids = chat.words("ab 漢")[:-1]
    assert "".join([*map(transcript.add, ids), transcript.rest()]) == "ab "


TOKENIZER = tokenizer(PLAIN)

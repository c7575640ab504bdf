"""Text becomes tokens as the model was taught, and nobody's words become control tokens."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasoning.lmm.chat import Chat, Transcript
from tests.tiny_lmms import CONTROL, TEMPLATE, byte_tokenizer

PARTS = "{% for part in message['content'] %}{{ part['text'] }}{% endfor %}"
TYPED = TEMPLATE.replace("{{ message['content'] }}", PARTS)
NO_SYSTEM = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}" + TEMPLATE


@pytest.mark.parametrize("template", [TEMPLATE, TYPED, NO_SYSTEM])
def test_a_talk_has_the_form_of_the_models_own_template(template: str) -> None:
    chat = Chat(byte_tokenizer(template))
    head, tail = chat.frame("Watch closely.")
    talk = chat._tokenizer.decode([*head, *chat.words("what is it?"), *tail])
    assert talk.endswith("what is it?<|end|>\n<|start|>assistant\n")
    assert talk.startswith(
        "<|start|>user\nWatch" if template == NO_SYSTEM else "<|start|>system\nWatch closely.<|end|>"
    )


def test_a_model_without_a_template_gets_plain_lines() -> None:
    chat = Chat(byte_tokenizer())
    head, tail = chat.frame("Watch closely.")
    assert chat.text([*head, *tail]) == "Watch closely.\n\nAnswer:"


@given(st.text(max_size=40), st.sampled_from(CONTROL), st.text(max_size=40))
def test_nobodys_words_become_control_tokens(before: str, control: str, after: str) -> None:
    chat = Chat(TOKENIZER)
    ids = chat.words(before + control + after)
    assert not set(ids) & set(TOKENIZER.added_tokens_decoder)
    assert chat.own(control)[0] in TOKENIZER.added_tokens_decoder


def test_an_answer_ends_at_the_tokenizers_end_and_the_models_own() -> None:
    made = byte_tokenizer()
    assert Chat(made, [3]).stops == {3, made.eos_token_id}


@given(st.text(alphabet=st.sampled_from("ab \n.é漢🙂"), max_size=30))
def test_characters_come_as_soon_as_they_are_whole(text: str) -> None:
    transcript = Transcript(Chat(TOKENIZER))
    pieces = [transcript.add(token) for token in TOKENIZER(text)["input_ids"]]
    assert "".join(pieces) == text
    assert sum(piece != "" for piece in pieces) == len(text)  # a token is a byte here


def test_bytes_that_never_become_a_character_are_left_out() -> None:
    transcript = Transcript(Chat(TOKENIZER))
    ids = TOKENIZER("ab 漢")["input_ids"][:-1]
    assert "".join(map(transcript.add, ids)) == "ab "


TOKENIZER = byte_tokenizer(TEMPLATE)

"""Words to tokens and back, in the form in which a model was taught to talk.

What people asked, said or wrote becomes words only: control tokens that their text spells are left out, so that no
scene can end its own quotation or speak in another role.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import jinja2

MARK = "\N{SECTION SIGN}" * 3  # where what is seen and asked goes
UNFINISHED = "\N{REPLACEMENT CHARACTER}"  # how a character looks of which not all bytes have come


class Chat:
    """One model's way of talking."""

    def __init__(self, tokenizer: Any, stops: Collection[int] = ()) -> None:
        """Talk with a tokenizer of transformers; an answer ends at its end token, and at any of `stops`."""
        self._tokenizer = tokenizer
        self._control = frozenset(tokenizer.added_tokens_decoder)
        ends = [tokenizer.eos_token_id] if tokenizer.eos_token_id is not None else []
        self.stops = frozenset((*stops, *ends))

    def frame(self, system: str) -> tuple[list[int], list[int]]:
        """Return what comes before all that is seen and asked, and what comes after the question."""
        head, tail = _around(self._tokenizer, system).split(MARK)
        return self.own(head), self.own(tail)

    def own(self, text: str) -> list[int]:
        """Return the tokens of our own text, control tokens too."""
        return self._tokenizer(text, add_special_tokens=False)["input_ids"] if text else []

    def words(self, text: str) -> list[int]:
        """Return the tokens of anybody's text, without control tokens."""
        return [one for one in self.own(text) if one not in self._control]

    def text(self, ids: list[int]) -> str:
        """Return what tokens say."""
        return self._tokenizer.decode(ids, skip_special_tokens=True)  # type: ignore[no-any-return]


class Transcript:
    """Tokens of an answer as text, as soon as each character is whole."""

    def __init__(self, chat: Chat) -> None:
        """Start with nothing said."""
        self._chat = chat
        self._ids: list[int] = []
        self._given = 0  # characters

    def add(self, token: int) -> str:
        """Take a token and return the characters that are whole now, perhaps none."""
        self._ids.append(token)
        text = self._chat.text(self._ids).rstrip(UNFINISHED)
        new, self._given = text[self._given :], max(self._given, len(text))
        return new


def _around(tokenizer: Any, system: str) -> str:
    """Return the model's own form of a talk, with `MARK` where our user speaks."""
    for system_part in ("own", "with the user"):
        for as_list in (True, False):
            rendered = _rendered(tokenizer, system, is_apart=system_part == "own", as_list=as_list)
            if rendered.count(MARK) == 1 and "'text'" not in rendered and system.split()[0] in rendered:
                return rendered
    start: str = tokenizer.bos_token or ""
    return f"{start}{system}\n{MARK}\nAnswer:"


def _rendered(tokenizer: Any, system: str, *, is_apart: bool, as_list: bool) -> str:
    """Return what the model's template makes of a talk, "" where it has none or refuses."""
    said = [("system", system), ("user", MARK)] if is_apart else [("user", f"{system}\n{MARK}")]
    talk = [{"role": role, "content": [{"type": "text", "text": text}] if as_list else text} for role, text in said]
    try:
        rendered: str = tokenizer.apply_chat_template(talk, tokenize=False, add_generation_prompt=True)
    except (ValueError, TypeError, KeyError, jinja2.TemplateError):  # templates are the models' own, and strict
        return ""
    return rendered

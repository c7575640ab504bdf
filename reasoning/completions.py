"""One streamed chat completion of a server that speaks OpenAI's protocol; whatever goes wrong is one ModelError."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx2

from runtime.errors import ModelError

CONNECT_S = 5.0
REASON_LENGTH = 160
CHARACTERS_PER_TOKEN = 16  # what goes on beyond what was asked for is cut off
REASON_BYTES = 4_096
SERVERS_FAULT = 500  # and above
EVENT_BYTES = 1_000_000
PIECE = 4096  # characters that are told at once

_HINTS = {
    401: ": is HEEDFUL_OPENAI_KEY right?",
    403: ": is HEEDFUL_OPENAI_KEY right?",
    404: ": see reasoning.server.model and url",
}


class Completions:
    """Asks one model of one server."""

    def __init__(self, url: str, model: str, key: str, *, tokens: int, stall_s: float) -> None:
        """Ask for at most `tokens` tokens at `url`, which ends with /v1; wait `stall_s` for each word."""
        self._url = url.rstrip("/") + "/chat/completions"
        self._model = model
        self._key = key.strip()
        self._headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        self._tokens = tokens
        self._stall_s = stall_s

    async def stream(self, system: str, content: Sequence[dict[str, Any]]) -> AsyncIterator[str]:
        """Yield the answer's pieces as the server sends them. Raises ModelError."""
        body = {
            "model": self._model,
            "messages": [{"role": "system", "content": system}, {"role": "user", "content": list(content)}],
            "max_tokens": self._tokens,
            "temperature": 0,
            "stream": True,
        }
        limits = httpx2.Timeout(self._stall_s, connect=min(CONNECT_S, self._stall_s))
        try:
            async with (
                httpx2.AsyncClient(timeout=limits, headers=self._headers) as client,
                client.stream("POST", self._url, json=body) as response,
            ):
                if response.status_code != httpx2.codes.OK:
                    reason = self._without_key(await _reason(response))
                    raise ModelError(self._model, f"{_refusal(response.status_code)} ({reason})")
                async for piece in self._pieces(response):
                    yield piece
        except httpx2.TimeoutException as error:
            raise ModelError(self._model, f"gave no word for {self._stall_s:g} s") from error
        except httpx2.ConnectError as error:
            raise ModelError(self._model, f"cannot be reached at {self._url}") from error
        except (ValueError, httpx2.SSEError, httpx2.InvalidURL) as error:
            said = self._without_key(_short(str(error)))
            raise ModelError(self._model, f"sent what is no answer ({said})") from error
        except RecursionError as error:
            raise ModelError(self._model, "sent what is no answer (nested too deeply)") from error
        except httpx2.HTTPError as error:
            raise ModelError(self._model, f"broke off ({type(error).__name__})") from error

    def _without_key(self, text: str) -> str:
        return text.replace(self._key, "***") if self._key else text

    async def _pieces(self, response: httpx2.Response) -> AsyncIterator[str]:
        """Yield the pieces of a stream of events. Raises ValueError and httpx2's errors."""
        length, is_done = 0, False
        async for event in httpx2.EventSource(response, EVENT_BYTES):
            if event.data.strip() == "[DONE]":
                return
            for choice in _choices(event.data):
                is_done = is_done or bool(choice.get("finish_reason"))
                is_cut = choice.get("finish_reason") == "length"
                if piece := _text(choice)[: self._tokens * CHARACTERS_PER_TOKEN - length]:
                    length += len(piece)
                    for start in range(0, len(piece), PIECE):
                        yield piece[start : start + PIECE]
                if is_cut:
                    raise ModelError(self._model, f"was cut at {self._tokens} tokens (reasoning.server.answer_tokens)")
            if length >= self._tokens * CHARACTERS_PER_TOKEN:
                return
        if not is_done:
            raise ModelError(self._model, "broke off in the middle")


def _choices(data: str) -> list[dict[str, Any]]:
    """Return the first choice of an event, if it has any. Raises ValueError."""
    event = json.loads(data)
    if not isinstance(event, dict):
        raise ValueError("an event that is no object")
    if event.get("error"):
        raise ValueError(f"an error: {event['error']}")
    choices = event.get("choices") or []
    if not isinstance(choices, list) or not all(isinstance(one, dict) for one in choices):
        raise ValueError("choices that are no list of objects")
    return choices[:1]


def _text(choice: dict[str, Any]) -> str:
    """Return the text of a choice, without halves of characters. Raises ValueError."""
    delta = choice.get("delta") or {}
    if not isinstance(delta, dict):
        raise ValueError("a delta that is no object")
    piece = delta.get("content")
    return piece.encode("utf-8", "replace").decode() if isinstance(piece, str) else ""


def _refusal(status: int) -> str:
    return f"was refused by its server{_HINTS.get(status, '')}" if status < SERVERS_FAULT else "failed on its server"


async def _reason(response: httpx2.Response) -> str:
    """Return the status, and how what the server says about it begins."""
    said = b""
    async for piece in response.aiter_bytes():
        said += piece
        if len(said) > REASON_BYTES:
            break
    text = said[:REASON_BYTES].decode(errors="replace")
    try:
        told = json.loads(text)
        text = str(told["detail"] if "detail" in told else told["error"]["message"])
    except (ValueError, KeyError, TypeError, RecursionError):  # it speaks otherwise: what it says is shown as it is
        pass
    return f"{response.status_code} {_short(text)}".strip()


def _short(text: str) -> str:
    return " ".join(text.split())[:REASON_LENGTH]

"""A server's answer is taken sentence by sentence with what it cites; a rude server costs one answer its words."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from reasoning.completions import Completions
from reasoning.deadline import Deadline
from reasoning.evidence import Composed
from reasoning.remote import RemoteBackend, Sending, claims_of
from tests.cases import case, hit
from tests.test_reasoning_spoken import row
from tests.test_reasoning_watching import frame

Talk = Callable[[asyncio.StreamWriter], Awaitable[None]]
EVENTS = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"


def event(text: str, finish: str | None = None) -> str:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    return f"data: {json.dumps({'choices': [choice]})}\n\n"


@asynccontextmanager
async def server(talk: Talk) -> AsyncIterator[tuple[str, list[dict[str, object]]]]:
    """Run a server that reads one request, keeps its body, and says what the test wants."""
    bodies: list[dict[str, object]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-l"))
        bodies.append(json.loads(await reader.readexactly(length)))
        with suppress(ConnectionError):  # who has heard enough hangs up
            await talk(writer)
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1", bodies


def saying(*texts: str) -> Talk:
    async def talk(writer: asyncio.StreamWriter) -> None:
        for text in texts:
            writer.write(text.encode())
            await writer.drain()

    return talk


async def asked(
    url: str, *, stall_s: float = 5.0, deadline_s: float | None = None, reads_parts: bool = False, **fields: object
) -> Composed:
    completions = Completions(url, "m", "secret", tokens=50, stall_s=stall_s)
    backend = RemoteBackend("m", completions, Sending(pictures=2, characters=4000, deadline_s=deadline_s))
    deadline = Deadline.after(backend.deadline_s, asyncio.get_running_loop().time())
    for second in (1, 2, 3, 9):
        await backend.see(frame(second))
    told: list[str] = []

    async def say(text: str) -> None:
        told.append(text)

    moved = hit(1, "motion", "movement on the left", 5.0)
    fields = {"deadline": deadline} | fields
    composed = await backend.answer(case("When did something move?", moved, at_s=8.0, **fields), say)
    assert "[" not in "".join(told)
    if reads_parts:
        answer = " ".join(sentence.text for sentence in composed.sentences)
        assert answer.startswith("".join(told).strip())  # the parts are the text
    return composed


async def test_an_answer_names_what_it_cites_and_sees_nothing_after_the_question() -> None:
    said = ("Something mo", "ved at 0:05 [1", "]. It was gray [3][4].", " Bob came.")
    async with server(saying(EVENTS, *map(event, said), "data: [DONE]\n\n")) as (url, bodies):
        answer = await asked(url, reads_parts=True)
    assert [(one.text, one.supported) for one in answer.sentences] == [
        ("Something moved at 0:05.", True),
        ("It was gray.", True),
        ("Bob came.", False),
    ]
    rests_on = [[answer.evidence[place].record_id for place in one.rests_on] for one in answer.sentences]
    assert rests_on == [["s/motion/0/motion-1"], ["s/cam/0/frame-2", "s/cam/0/frame-3"], []]
    assert {one.score for one in answer.evidence} == {1.0}
    assert {one.record_id for one in answer.evidence} == {"s/motion/0/motion-1", "s/cam/0/frame-2", "s/cam/0/frame-3"}
    (body,) = bodies
    assert body["stream"] is True
    content = body["messages"][1]["content"]  # type: ignore[index]
    pictures = [part for part in content if part["type"] == "image_url"]
    assert len(pictures) == 2  # of the newest before the question, not the one after it
    assert all(part["image_url"]["url"].startswith("data:image/jpeg;base64,/9j/") for part in pictures)


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        (("HTTP/1.1 500 Oops\r\nContent-Length: 8\r\n\nno luck\n",), "failed on its server (500 no luck)"),
        (
            ('HTTP/1.1 500 Oops\r\nContent-Length: 35\r\n\r\n{"error": {"message": "no memory"}}',),
            "failed on its server (500 no memory)",
        ),
        (("HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n",), "is HEEDFUL_OPENAI_KEY right? (401)"),
        (("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n",), "see reasoning.server.model and url (404)"),
        (("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\n<ok>",), "sent what is no answer"),
        ((EVENTS, "data: {not json\n\n"), "sent what is no answer"),
        ((EVENTS, 'data: {"error": "overloaded"}\n\n'), "an error: overloaded"),
        ((EVENTS, "data: [1]\n\n"), "an event that is no object"),
        ((EVENTS, 'data: {"choices": 5}\n\n'), "choices that are no list of objects"),
        ((EVENTS,), "broke off in the middle"),
        ((EVENTS, 'data: {"choices": [{"delta": "x"}]}\n\n'), "a delta that is no object"),
        ((EVENTS, f"data: {'[' * 200_000}\n\n"), "sent what is no answer"),
        (("garbage\r\n\r\n",), "broke off"),
    ],
)
async def test_a_rude_server_leaves_the_answer_to_the_records(texts: tuple[str, ...], reason: str) -> None:
    async with server(saying(*texts)) as (url, _):
        answer = await asked(url)
    assert reason in answer.sentences[-1].text
    assert "so only the records answer" in answer.sentences[-1].text
    assert answer.evidence[0].record_id == "s/motion/0/motion-1"
    assert "\n" not in answer.sentences[-1].text


async def test_a_server_that_is_not_there_leaves_the_answer_to_the_records() -> None:
    answer = await asked("http://127.0.0.1:9/v1")
    assert "cannot be reached at http://127.0.0.1:9/v1/chat/completions" in answer.sentences[-1].text


async def test_half_an_answer_is_given_as_half() -> None:
    async with server(saying(EVENTS, event("Something moved at 0:05 [1]. And th"))) as (url, _):
        answer = await asked(url)
    assert answer.sentences[0].supported
    assert answer.sentences[-1].text == "The answer is not whole: the model m broke off in the middle."


async def test_an_answer_that_is_cut_at_its_tokens_says_so() -> None:
    ending = 'data: {"choices": [{"delta": {}, "finish_reason": "length"}]}\n\n'
    async with server(saying(EVENTS, event("Something moved at 0:05 [1]. Then"), ending)) as (url, _):
        answer = await asked(url)
    assert answer.sentences[1].text == "Then …"
    assert answer.sentences[2].text.startswith("The answer is not whole: the model m was cut at 50 tokens")


async def test_a_server_that_stalls_is_not_waited_for() -> None:
    hold = asyncio.Event()

    async def talk(writer: asyncio.StreamWriter) -> None:
        writer.write(EVENTS.encode())
        await hold.wait()

    async with server(talk) as (url, _):
        stalled = await asked(url, stall_s=0.3)
        late = await asked(url, deadline_s=0.3)
        hold.set()
    assert "gave no word for 0.3 s" in stalled.sentences[-1].text
    assert "took longer than 0.3 s" in late.sentences[-1].text


async def test_who_waited_too_long_is_answered_by_the_records() -> None:
    answer = await asked("http://127.0.0.1:9/v1", deadline=Deadline(limit_s=10.0, until_s=0.0))
    assert "Others were before you for 10 s" in answer.sentences[-1].text


def test_a_server_that_is_sent_words_only_wants_no_frames() -> None:
    completions = Completions("http://127.0.0.1:9/v1", "m", "", tokens=50, stall_s=1.0)
    assert not RemoteBackend("m", completions, Sending(pictures=0, characters=4000, deadline_s=None)).wants_frames


async def test_a_server_that_never_ends_is_cut_off() -> None:
    async def talk(writer: asyncio.StreamWriter) -> None:
        writer.write(EVENTS.encode())
        for _ in range(10_000):
            writer.write(event("word " * 20).encode())
        with_end = writer.drain()
        await asyncio.wait_for(with_end, 50.0)

    async with server(talk) as (url, _):
        answer = await asked(url)
    assert sum(len(one.text) for one in answer.sentences) < 50 * 16 + 200


def test_sentences_keep_their_words_and_their_numbers() -> None:
    evidence = [(row(1),), (row(2),), (row(3),)]
    found = claims_of('He said "go." [1] At 0:12.5 she left [2, 3]! Nothing else [9][0]. Ende', evidence)
    assert [(one.text, [e.record_id[-1] for e in one.evidence]) for one in found] == [
        ('He said "go."', ["1"]),
        ("At 0:12.5 she left!", ["2", "3"]),
        ("Nothing else.", []),
        ("Ende", []),
    ]


def test_an_answer_of_numbers_alone_claims_nothing() -> None:
    assert claims_of(" [1][2] . ", [(row(1),)]) == []


async def test_half_a_character_and_a_huge_piece_do_not_leave_as_they_are() -> None:
    huge = event("word " * 30_000)
    async with server(saying(EVENTS, 'data: {"choices": [{"delta": {"content": "\\ud83d no. [1]"}}]}\n\n', huge)) as (
        url,
        _,
    ):
        answer = await asked(url)
    text = " ".join(one.text for one in answer.sentences)
    assert text.encode()
    assert len(text) < 50 * 16 + 200


async def test_a_key_is_never_repeated() -> None:
    async with server(saying("HTTP/1.1 401 No\r\nContent-Length: 16\r\n\r\nbad key: secret!")) as (url, _):
        answer = await asked(url)
    assert "secret" not in answer.sentences[-1].text
    assert "bad key: ***!" in answer.sentences[-1].text


def test_long_runs_of_stops_and_digits_are_read_quickly() -> None:
    assert len(claims_of("It " + "." * 100_000 + "x", [])) <= 1
    assert claims_of("A. [" + "9" * 5000 + "]", [(row(1),)])[0].evidence == ()

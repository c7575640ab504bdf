"""The `openai` backend against a real server with a real, tiny model: pictures go in, words and numbers come out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from subprocess import Popen

import pytest

from reasoning.completions import Completions
from reasoning.evidence import Composed
from reasoning.remote import RemoteBackend, Sending
from runtime.apps.replay import Question, replay
from runtime.config import Config
from tests.cases import case, hit
from tests.openai_server import serving, write_model
from tests.recordings import make_clip
from tests.test_reasoning_watching import frame

pytestmark = pytest.mark.slow
SAYS = "Something moved. [1] It was gray. [3]"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str, Popen[bytes]]]:
    folder = tmp_path_factory.mktemp("llava")
    write_model(folder, SAYS)
    with serving(folder) as (url, process):
        yield url, str(folder), process


async def asked(url: str, model: str, told: list[str], tokens: int = 60) -> Composed:
    completions = Completions(url, model, "", tokens=tokens, stall_s=30.0)
    backend = RemoteBackend(model, completions, Sending(pictures=2, characters=4000, deadline_s=60.0))
    for second in (1, 2, 3):
        await backend.see(frame(second))

    async def say(text: str) -> None:
        told.append(text)

    return await backend.answer(case("What happened?", hit(1, text="hello there"), at_s=4.0), say)


async def test_a_real_server_sees_pictures_and_cites_what_its_sentences_rest_on(
    server: tuple[str, str, Popen[bytes]],
) -> None:
    url, model, _ = server
    told: list[str] = []
    answer = await asked(url, model, told)
    assert [(one.text, one.supported) for one in answer.sentences[:2]] == [
        ("Something moved.", True),
        ("It was gray.", True),
    ]
    assert len(told) > 5
    assert " ".join("".join(told).split()).startswith("Something moved. It was gray.")
    assert {one.kind for one in answer.evidence} == {"utterance", "frame"}


async def test_a_limit_of_tokens_is_kept(server: tuple[str, str, Popen[bytes]]) -> None:
    url, model, _ = server
    told: list[str] = []
    answer = await asked(url, model, told, tokens=2)
    assert 0 < len("".join(told)) < len("Something moved.")
    assert answer.abstained  # nothing cited was said


async def test_a_model_that_the_server_has_not_got_is_named(server: tuple[str, str, Popen[bytes]]) -> None:
    url, _, _ = server
    answer = await asked(url, "no/such-model", [])
    assert "The model no/such-model was refused by its server" in answer.sentences[-1].text
    assert "so only the records answer" in answer.sentences[-1].text


async def test_a_replay_is_answered_by_the_server(server: tuple[str, str, Popen[bytes]], tmp_path: Path) -> None:
    url, model, _ = server
    config = Config.model_validate(
        {"broker": "local", "reasoning": {"backend": "openai", "server": {"url": url, "model": model}}}
    )
    clip = make_clip(tmp_path / "clip.mkv")
    result = await replay([clip], config, [Question(text="What happened?")])
    (answer,) = result.answers
    assert answer.model == model
    assert answer.answer.startswith("Something moved.")
    assert json.dumps([row.kind for row in answer.evidence])


async def test_a_server_that_dies_leaves_the_answer_to_the_records(server: tuple[str, str, Popen[bytes]]) -> None:
    url, model, process = server
    process.kill()
    process.wait()
    answer = await asked(url, model, [])
    assert "cannot be reached" in answer.sentences[-1].text
    assert answer.evidence[0].kind == "utterance"

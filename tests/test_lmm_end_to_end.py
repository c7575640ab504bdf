"""A replay with a language model that watches: the same answers, evidence and alerts at any speed, on either bus."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runtime.apps.cli import run
from runtime.apps.replay import Question, ReplayResult, replay
from runtime.config import Config
from runtime.digest import RunDigest
from runtime.errors import MissingPart, ModelError
from runtime.messages import Alert, Message
from tests.recordings import MOVES_S, make_clip
from tests.tiny_lmms import save_tiny

pytestmark = pytest.mark.slow
QUESTIONS = (
    Question(text="What is there?", at_s=2.0),
    Question(text="When did something move?", at_s=4.0),
    Question(text="What colour is it?"),
)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clips") / "square.mkv")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("model"), "qwen2_5_vl")


Replayed = tuple[ReplayResult, dict[str, str], list[Alert]]


@pytest.fixture(scope="module")
def in_process() -> list[Replayed]:
    """Keep the replay with which the others are compared."""
    return []


def settings(model: Path, broker: str = "local", **lmm: Any) -> Config:
    budget = {"model": str(model), "answer_tokens": 8, "question_tokens": 2000, "window_tokens": 600}
    grounding = {"supported_above": 1e-6, "outputs": "reinforcement", "weights": "redistribution", "contrast": 0.5}
    reasoning = {
        "backend": "transformers",
        "lmm": {**budget, "grounding": grounding, **lmm},
        "rules": {"moves": {"request": "something moves", "cool_down_s": 2.0}},
    }
    return Config.model_validate({"broker": broker, "perception": {"asr": "none"}, "reasoning": reasoning})


async def replayed(clip: Path, config: Config, speed: float | None = None) -> Replayed:
    digest, alerts = RunDigest(), []

    def listen(message: Message) -> None:
        digest.add(message)
        if isinstance(message, Alert):
            alerts.append(message)

    result = await replay([clip], config, QUESTIONS, speed=speed, listen=listen)
    return result, digest.topics(), alerts


async def first_of(in_process: list[Replayed], clip: Path, model: Path) -> Replayed:
    if not in_process:
        in_process.append(await replayed(clip, settings(model)))
    return in_process[0]


async def test_a_watching_model_says_the_same_at_any_speed(clip: Path, model: Path, in_process: list[Replayed]) -> None:
    result, topics, alerts = await first_of(in_process, clip, model)
    assert [answer.model for answer in result.answers] == [str(model)] * 3
    frames = [row for answer in result.answers for row in answer.evidence if row.kind == "frame"]
    assert any(row.box is not None and row.end_s > row.start_s for row in frames)
    assert [alert.rule for alert in alerts] == ["moves"]
    assert alerts[0].t_ns > MOVES_S[0] * 10**9
    assert (await replayed(clip, settings(model), speed=4.0))[1] == topics


@pytest.mark.broker
async def test_over_a_broker_it_says_the_same(clip: Path, model: Path, in_process: list[Replayed]) -> None:
    _, local, _ = await first_of(in_process, clip, model)
    _, over_mqtt, _ = await replayed(clip, settings(model, "auto"))
    assert over_mqtt == local


@pytest.mark.parametrize("lmm", [{"window_tokens": 5000}, {"device": "cuda:7"}])
async def test_what_does_not_fit_is_said_at_the_start(clip: Path, model: Path, lmm: dict[str, Any]) -> None:
    with pytest.raises(MissingPart):
        await replayed(clip, settings(model, **lmm))


async def test_a_model_that_cannot_be_loaded_is_named(clip: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"holds no config\.json"):
        await replayed(clip, settings(tmp_path))


def test_on_the_command_line_it_is_one_line_and_exit_3(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "c.yaml"
    config.write_text(f"reasoning: {{backend: transformers, lmm: {{model: {tmp_path}}}}}")
    assert run(["replay", str(clip), "--config", str(config)]) == 3
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "holds no config.json" in line


def test_a_configured_rule_that_cannot_be_followed_ends_the_start(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "c.yaml"
    config.write_text("reasoning: {rules: {car: {request: a red car arrives}}}")
    assert run(["replay", str(clip), "--config", str(config)]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "reasoning.rules.car: I cannot tell" in line

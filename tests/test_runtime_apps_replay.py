"""What a replay asks waits for its moment, however far away that is, and not for ever."""

from __future__ import annotations

import asyncio

import pytest

from runtime.apps.replay import ANSWER_S, insist_while_it_moves
from runtime.errors import MissingPart
from runtime.gate import ReplayGate
from tests.test_runtime_apps_present import ANSWERED
from tests.test_runtime_insist import ASK, ShakyBus

pytestmark = pytest.mark.virtual_clock
MOMENT_S = 5 * ANSWER_S
STEP_S = ANSWER_S - 1


def now_s() -> float:
    return asyncio.get_running_loop().time()


async def play(gate: ReplayGate, length_s: float) -> None:
    """Let event time pass, slowly."""
    for number in range(1, round(length_s / STEP_S) + 1):
        await asyncio.sleep(STEP_S)
        await gate.progress("memory", number)


@pytest.mark.parametrize("reply_s", [1.0, MOMENT_S])
async def test_a_question_about_a_far_moment_is_waited_for_while_the_replay_goes_on(reply_s: float) -> None:
    bus, gate, start_s = ShakyBus(reply_s), ReplayGate(None, ("memory",)), now_s()
    async with asyncio.TaskGroup() as group:
        playing = group.create_task(play(gate, MOMENT_S), name="play")
        assert await insist_while_it_moves(bus, ASK, "answer", gate) == ANSWERED  # type: ignore[arg-type]
        assert now_s() - start_s == pytest.approx(reply_s)
        playing.cancel()
    assert len(bus.requests) == 1


async def test_where_nothing_moves_any_more_it_ends_in_a_missing_part() -> None:
    bus, gate, start_s = ShakyBus(100 * ANSWER_S), ReplayGate(None, ("memory",)), now_s()
    async with asyncio.TaskGroup() as group:
        group.create_task(play(gate, 2 * STEP_S), name="play")
        with pytest.raises(MissingPart, match="no answer has come, and nothing has moved, for 600 s"):
            await insist_while_it_moves(bus, ASK, "answer", gate)  # type: ignore[arg-type]
    assert now_s() - start_s == pytest.approx(2 * STEP_S + ANSWER_S)

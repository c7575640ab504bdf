"""Rules at work in the service: alerts with evidence at their event time, however the watermarks come."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from reasoning.backend import Case, EvidenceBackend, Say
from reasoning.evidence import Composed
from reasoning.service import ReasoningService
from reasoning.understand import Question
from runtime.bus import LOSSLESS, filter_of
from runtime.local_bus import LocalBus, LocalHub
from runtime.messages import Ack, Alert, Hit, Recall, Recalled, Sentence, StandingRule, Watermark
from tests.cases import S, hit, recalled
from tests.test_reasoning_spoken import row

pytestmark = pytest.mark.virtual_clock


class Judge(EvidenceBackend):
    """A model that sees what the test wants it to see."""

    wants_frames = True

    def __init__(self, says: str, *, is_sure: bool = True) -> None:
        self.says = says
        self.is_sure = is_sure
        self.is_away = False
        self.asked: list[Case] = []

    def sees_from_ns(self, asked_ns: int) -> int | None:
        return 0

    async def answer(self, case: Case, say: Say) -> Composed:
        self.asked.append(case)
        sentences = (Sentence(text=self.says, supported=True),)
        evidence = (row(1),) if self.is_sure else ()
        composed = Composed(sentences=sentences, abstained=False, evidence=evidence, blind=(), truncated=False)
        return replace(composed, is_from_records=self.is_away)


class Yard:
    """Reasoning, a memory of records, a camera, and somebody who wants to be told."""

    service: ReasoningService

    def __init__(self, hub: LocalHub, *records: Hit) -> None:
        self.user = LocalBus(hub, "user", is_lossless=True)
        self.camera = LocalBus(hub, "perception", is_lossless=True)
        self.memory = LocalBus(hub, "memory", is_lossless=True)
        self.records = records
        self.alerts: list[Alert] = []
        self.recalls: list[Recall] = []

    async def remember(self) -> None:
        async for delivery in await self.memory.subscribe(filter_of("s", "recall", "memory"), rule=LOSSLESS):
            query = delivery.message
            assert isinstance(query, Recall)
            self.recalls.append(query)
            known = tuple(one for one in self.records if one.end_ns <= query.as_of_ns and one.kind in query.kinds)
            reply: Recalled = replace(recalled(known), query_id=query.query_id, end_ns=query.as_of_ns)
            await self.memory.publish(reply, to=delivery)

    async def listen(self) -> None:
        async for delivery in await self.user.subscribe(filter_of("s", "alert"), rule=LOSSLESS):
            assert isinstance(delivery.message, Alert)
            self.alerts.append(delivery.message)

    async def reach(self, *seconds: float, ended: bool = False) -> None:
        for second in seconds:
            mark = Watermark(session="s", stream="cam", epoch=0, t_ns=round(second * S), sensor="video", ended=ended)
            await self.camera.publish(mark)
        await asyncio.sleep(1.0)  # of the virtual clock: all have had their turn

    async def rule(self, request: str, name: str = "r", cool_down_s: float = 0.0) -> None:
        rule = StandingRule(session="s", stream=name, request=request, cool_down_s=cool_down_s)
        await self.user.publish(rule)
        await asyncio.sleep(0.1)


@asynccontextmanager
async def yard(
    *records: Hit, backend: EvidenceBackend | None = None, is_replay: bool = True, rules: tuple[StandingRule, ...] = ()
) -> AsyncIterator[Yard]:
    hub = LocalHub()
    one = Yard(hub, *records)
    service = ReasoningService(
        LocalBus(hub, "reasoning", is_lossless=is_replay),
        "s",
        backend or EvidenceBackend(),
        recall_deadline_s=5.0,
        settle_s=1.0,
        is_replay=is_replay,
        rules=rules,
    )
    one.service = service
    async with asyncio.TaskGroup() as group:
        beside = [group.create_task(one.remember()), group.create_task(one.listen())]
        running = group.create_task(service.run(), name="reasoning")
        await service.ready.wait()
        yield one
        service.stop()
        await running
        for task in beside:
            task.cancel()


SPOKEN = hit(1, text="please help me", start_s=3.2)


async def test_an_alert_names_what_shows_it_and_when_it_was_known() -> None:
    async with yard(SPOKEN) as one:
        await one.rule("somebody says help")
        await one.reach(1, 2, 3, 4, 5, 6)
        (alert,) = one.alerts
    assert (alert.rule, alert.alert_id, alert.state) == ("r", "r-5", "fired")
    assert alert.t_ns == 5 * S  # the first whole second after it had ended
    assert [row.record_id for row in alert.evidence] == [SPOKEN.record_id]
    assert "help" in alert.text


@pytest.mark.parametrize("steps", [(1, 2, 3, 4, 5, 6, 7, 8, 9), (0.5, 3.9, 9.0), (9.0,), (2.2, 2.4, 8.8, 9.0)])
async def test_however_time_moves_the_alerts_of_a_replay_are_the_same(steps: tuple[float, ...]) -> None:
    records = (SPOKEN, hit(2, text="help again", start_s=6.1))
    async with yard(*records) as one:
        await one.rule("somebody says help")
        await one.reach(*steps)
        assert [(alert.alert_id, alert.t_ns) for alert in one.alerts] == [("r-5", 5 * S), ("r-8", 8 * S)]


async def test_the_last_begun_second_of_a_recording_is_looked_at_too() -> None:
    async with yard(SPOKEN) as one:
        await one.rule("somebody says help")
        await one.reach(4.3)
        assert one.alerts == []
        await one.reach(4.3, ended=True)
        assert [alert.alert_id for alert in one.alerts] == ["r-5"]


async def test_live_only_the_newest_second_is_looked_at() -> None:
    now_s = time.time() + 10.0
    async with yard(hit(1, text="help", start_s=now_s), is_replay=False) as one:
        await one.rule("somebody says help")
        await one.reach(now_s - 5.0, now_s + 500.0)
        assert len(one.recalls) <= 2
        assert [alert.rule for alert in one.alerts] == ["r"]


async def test_without_rules_nobody_asks_memory() -> None:
    async with yard(SPOKEN) as one:
        await one.reach(1, 2, 3, 4, 5)
        assert one.recalls == []
        await one.rule("somebody says help")
        await one.rule("", "r")
        await one.reach(6, 7, 8)
        assert one.recalls == []


async def test_a_rule_that_cannot_be_followed_is_refused_in_one_line() -> None:
    async with yard() as one:
        await one.rule("a red car arrives")
        (alert,) = one.alerts
    assert alert.state == "refused"
    assert "without a language model" in alert.text


async def test_a_rule_of_the_configuration_stands_from_the_beginning() -> None:
    rule = StandingRule(session="s", stream="r", request="somebody says help", cool_down_s=0.0)
    async with yard(SPOKEN, rules=(rule,)) as one:
        await one.reach(1, 2, 3, 4, 5, 6)
        assert [alert.rule for alert in one.alerts] == ["r"]


async def test_an_acknowledged_alert_can_be_snoozed() -> None:
    records = (SPOKEN, hit(2, text="help again", start_s=8.0), hit(3, text="help me now", start_s=30.0))
    async with yard(*records) as one:
        await one.rule("somebody says help")
        await one.reach(*range(7))
        await one.user.publish(Ack(session="s", alert_id=one.alerts[0].alert_id, snooze_s=10.0))
        await asyncio.sleep(0.1)
        await one.reach(*range(7, 40))
        assert [alert.t_ns // S for alert in one.alerts] == [5, 31]


@pytest.mark.parametrize(("says", "count"), [("Yes, a red car.", 1), ("No, nothing.", 0), ("Yesterday, perhaps.", 0)])
async def test_a_model_looks_before_an_alert_that_needs_eyes(says: str, count: int) -> None:
    judge = Judge(says)
    async with yard(hit(1, "frame", "picture", start_s=2.0), backend=judge) as one:
        await one.rule("a red car arrives")
        await one.reach(*range(8))
        assert len(one.alerts) == count
        assert all(alert.checked and alert.text == says for alert in one.alerts)
    assert len(judge.asked) == 1  # there was one thing to look at
    assert judge.asked[0].asked_ns == 3 * S


async def test_a_model_is_asked_at_most_once_a_second() -> None:
    frames = [hit(number, "frame", "picture", start_s=number / 4) for number in range(1, 40)]
    judge = Judge("No.")
    async with yard(*frames, backend=judge) as one:
        await one.rule("a red car arrives")
        await one.rule("a dog barks", "dog")
        await one.reach(*range(11))
    times = [case.asked_ns for case in judge.asked]
    assert len(times) == len(set(times))
    assert 8 <= len(times) <= 10


async def test_a_rule_that_nobody_can_check_says_so_once_until_it_can_be_again() -> None:
    frames = [hit(number, "frame", "picture", start_s=float(number)) for number in range(1, 12)]
    judge = Judge("The server is away.")
    async with yard(*frames, backend=judge) as one:
        await one.rule("a red car arrives")
        judge.is_away = True
        await one.reach(1, 2, 3, 4)
        (alert,) = one.alerts
        assert (alert.state, alert.text) == ("unchecked", "I cannot watch for a red car arrives. The server is away.")
        judge.is_away = False
        await one.reach(5, 6)
        judge.is_away = True
        await one.reach(7, 8, 9)
    assert [alert.state for alert in one.alerts] == ["unchecked", "unchecked"]


async def test_what_had_to_make_way_for_a_question_is_looked_at_again() -> None:
    judge = Judge("Yes, a red car.")
    async with yard(hit(1, "frame", "picture", start_s=2.0), backend=judge) as one:
        await one.rule("a red car arrives")
        standing = one.service._standing
        before, standing._judge = standing._judge, put_off
        await one.reach(3, 4)
        assert one.alerts == []
        standing._judge = before
        await one.reach(5)
        assert [alert.state for alert in one.alerts] == ["fired"]


async def put_off(question: Question, recalled: Recalled, t_ns: int) -> None:
    return None


async def test_a_record_that_is_known_late_is_told_late() -> None:
    now_s = time.time() + 10.0
    async with yard(is_replay=False) as one:
        await one.rule("somebody says help")
        await one.reach(now_s + 5.0)
        one.records = (hit(1, text="help", start_s=now_s),)
        await one.reach(now_s + 9.0)
        assert len(one.alerts) == 1


async def test_a_yes_that_rests_on_nothing_is_no_alert() -> None:
    judge = Judge("Yes, a red car.", is_sure=False)
    async with yard(hit(1, "frame", "picture", start_s=2.0), backend=judge) as one:
        await one.rule("a red car arrives")
        await one.reach(*range(8))
        assert one.alerts == []
        assert judge.asked


async def test_another_sensors_blindness_is_not_the_cameras() -> None:
    gap = hit(1, "gap", "nothing received for 2.0 s: covered or dark", 2.0, stream="mic")
    async with yard(gap) as one:
        await one.rule("the camera is blind")
        await one.reach(*range(8))
        assert one.alerts == []


async def test_the_cameras_blindness_is_told() -> None:
    gap = hit(1, "gap", "nothing received for 2.0 s: covered or dark", 2.0, end_ns=5 * S)
    async with yard(gap) as one:
        await one.rule("the camera is blind")
        await one.reach(*range(9))
        assert [alert.rule for alert in one.alerts] == ["r"]


async def test_that_it_got_dark_is_told() -> None:
    gap = hit(1, "gap", "nothing received for 2.0 s: covered or dark", 2.0, end_ns=5 * S)
    async with yard(gap) as one:
        await one.rule("it gets dark")
        await one.reach(*range(9))
        assert [alert.text for alert in one.alerts] == ["The picture was dark from 0:02.0 to 0:05.0."]


async def test_a_refusal_is_told_once() -> None:
    async with yard() as one:
        await one.rule("a red car arrives")
        await one.rule("a red car arrives")
        assert len(one.alerts) == 1

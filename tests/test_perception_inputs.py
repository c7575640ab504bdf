"""Inputs of radar, event cameras, poses and inertial sensors: taken live in order, refused in words, calibrated."""

from __future__ import annotations

import asyncio
import struct
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perception.calibrations import Calibrations
from perception.inputs import DataSample, input_fault
from perception.service import PerceptionService
from perception.sources import DATA_ROOM, InputSource
from perception.unperceived import UnperceivedStream
from runtime.bus import LOSSLESS, Delivery, filter_of
from runtime.local_bus import LocalBus, LocalHub
from runtime.messages import CalibrationInput, DeadLetter, EventsInput, ImuInput, Input, PoseInput, RadarInput, Sensor
from tests.fakes import PATIENCE_S

STILL = (0.0, 0.0, 0.0, 1.0)


def radar(points: int = 3, fields: str = "x y z rcs v_r", **values: Any) -> RadarInput:
    payload = np.arange(points * len(fields.split()), dtype="<f4").tobytes()
    return RadarInput(**{"session": "s", "stream": "front", "fields": fields, "payload": payload, **values})


def events(**values: Any) -> EventsInput:
    return EventsInput(**{"session": "s", "stream": "dvs", "payload": b"\0\0", **values})


def pose(**values: Any) -> PoseInput:
    return PoseInput(
        **{"session": "s", "stream": "body", "position_m": (0.0, 0.0, 0.0), "orientation": STILL, **values}
    )


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (radar(), ""),
        (radar(points=0), ""),
        (radar(fields="x y z"), ""),
        (radar(fields="x y rcs"), "x, y and z must be there"),
        (radar(fields="x y z z"), "each once"),
        (radar(payload=b"123"), "no whole number of points"),
        (radar(fields="x y z", payload=struct.pack("<3f", 1, float("nan"), 2)), "not finite"),
        (events(), ""),
        (events(encoding="libcaer_cmp"), ""),
        (events(encoding="mp4"), "evt3, evt2, libcaer_cmp are taken"),
        (events(payload=b"\0"), "no whole number of words"),
        (events(width_px=-1), "below zero"),
        (pose(), ""),
        (pose(orientation=(0.0, 0.0, 0.0, 0.0)), "a quaternion of length 0"),
        (CalibrationInput(session="s", stream="front", camera=(1.0,)), "a camera matrix has 9 numbers"),
        (CalibrationInput(session="s", stream="front"), ""),
        (
            ImuInput(session="s", stream="imu", acceleration_mps2=(0, 0, 9.8), rotation_radps=(0, 0, 0)),
            "",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_in_words(message: Any, told: str) -> None:
    fault = input_fault(message)
    assert told in fault
    assert bool(told) == bool(fault)


@given(payload=st.binary(max_size=200), fields=st.text(max_size=12))
def test_whatever_is_taken_is_whole_points(payload: bytes, fields: str) -> None:
    message = radar(fields=fields, payload=payload)
    if not input_fault(message):
        points = np.frombuffer(payload, "<f4").reshape(-1, len(fields.split()))
        assert np.isfinite(points).all()


class Taken:
    """A live source on a bus of its own, and what it gave and refused."""

    def __init__(self, sensor: Sensor) -> None:
        self.hub = LocalHub()
        self.sender = LocalBus(self.hub, "robot", is_lossless=False)
        self.samples: list[DataSample] = []
        self.refused: list[str] = []
        self.source = InputSource(
            LocalBus(self.hub, "perception", is_lossless=False), "s", "front", sensor, self._refuse
        )

    def _refuse(self, delivery: Delivery, reason: str) -> None:
        self.refused.append(reason)

    async def send(self, *messages: Input) -> None:
        """Send all, then take what came of it."""
        await self.source.open()
        for message in messages:
            await self.sender.publish(message)
        await self.source.close()
        async for batch in self.source.batches():
            self.samples += [one for one in batch if isinstance(one, DataSample)]


async def test_sweeps_come_in_order_with_times_that_can_be_believed() -> None:
    taken, now_ns = Taken("radar"), time.time_ns()
    sent = [now_ns - 300, None, now_ns - 400, 5, now_ns + 10**18]  # late, none, back, 1970, far ahead
    await taken.send(*(radar(number, t_ns=t_ns) for number, t_ns in enumerate(sent)))
    times = [one.t_ns for one in taken.samples]
    assert times[0] == now_ns - 300
    assert times == sorted(set(times))
    assert max(times) < time.time_ns() + 10**9
    assert [one.seq for one in taken.samples] == [1, 2, 3, 4, 5]
    assert [len(one.message.payload) // 20 for one in taken.samples] == [0, 1, 2, 3, 4]  # type: ignore[union-attr]


async def test_garbage_is_refused_and_the_stream_goes_on() -> None:
    taken = Taken("radar")
    await taken.send(radar(), radar(payload=b"1"), radar())
    assert len(taken.samples) == 2
    assert taken.refused == ["1 bytes are no whole number of points with 5 float32 each"]


async def test_when_they_come_too_fast_the_oldest_are_lost() -> None:
    taken, many = Taken("radar"), DATA_ROOM["radar"] + 5
    await taken.send(*(radar(number) for number in range(many)))
    kept = [len(one.message.payload) // 20 for one in taken.samples]  # type: ignore[union-attr]
    assert kept == list(range(5, many))


def test_the_newest_calibration_counts_and_the_missing_are_known() -> None:
    first = CalibrationInput(session="s", stream="radar", position_m=(1.0, 0.0, 0.0))
    known = Calibrations({"radar": first})
    streams: dict[str, Sensor] = {"radar": "radar", "front": "video", "cabin": "audio"}
    says = "front has no calibration: played all the same, but nothing can say what of it is where radar looked"
    assert known.missing(streams) == says
    assert known.missing({**streams, "dvs": "events"}).startswith(
        "dvs, front have no calibration: "
    )  # one line for all
    assert Calibrations().missing(streams) == ""  # nobody said anything
    assert known.missing({"radar": "radar", "cabin": "audio", "body": "imu"}) == ""  # nobody asks where these sit
    assert known.take(replace(first, position_m=(2.0, 0.0, 0.0))) == ""
    assert known.of["radar"].position_m == (2.0, 0.0, 0.0)
    assert "quaternion" in known.take(replace(first, orientation=(1.0, 1.0, 0.0, 0.0)))
    assert known.of["radar"].position_m == (2.0, 0.0, 0.0)


async def test_a_running_service_takes_calibrations_and_refuses_what_is_none() -> None:
    hub = LocalHub()
    user, bus = LocalBus(hub, "user", is_lossless=False), LocalBus(hub, "perception", is_lossless=False)
    letters = await user.subscribe(filter_of("s", "dead-letter"), rule=LOSSLESS)
    early = CalibrationInput(session="s", stream="front", position_m=(1.0, 2.0, 3.0))
    await user.publish(early)  # retained: it is there when perception comes
    source = InputSource(bus, "s", "front", "radar", lambda delivery, reason: None)
    service = PerceptionService(bus, "s", [(source, UnperceivedStream())], stale_s=3.0)
    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
        group.create_task(bus.run())
        await source.open()
        running = group.create_task(service.run())
        service.go.set()
        await service.started.wait()
        await user.publish(replace(early, camera=(1.0, 2.0)))
        letter = (await anext(letters)).message
        assert isinstance(letter, DeadLetter)
        assert "camera matrix" in letter.reason
        assert service.calibrations.of == {"front": early}
        service.stop()
        await running
        bus.stop()

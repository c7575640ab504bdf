"""A microphone without a microphone: what is missing is named, and the queue keeps its promises."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from perception.blocks import BLOCK, SAMPLE_NS
from perception.microphone import QUEUE_BLOCKS, Microphone
from runtime.errors import MissingPart

if TYPE_CHECKING:
    from collections.abc import Callable

CALM = SimpleNamespace(input_overflow=False)


class FakePortAudio:
    """The part of sounddevice that a microphone needs; `talk` is the driver calling back."""

    PortAudioError = OSError

    def __init__(self) -> None:
        self.talk: Callable[..., None] = lambda *_: None
        self.settings: dict[str, Any] = {}
        self.is_running = False
        self.why_not = ""

    def InputStream(self, callback: Callable[..., None], **settings: Any) -> FakePortAudio:
        if self.why_not:
            raise self.PortAudioError(self.why_not)
        self.talk = callback
        self.settings = settings
        return self

    def start(self) -> None:
        self.is_running = True

    def stop(self) -> None:
        self.is_running = False

    def close(self) -> None:
        pass


@pytest.fixture
def driver() -> FakePortAudio:
    return FakePortAudio()


def say(driver: FakePortAudio, value: float, status: SimpleNamespace = CALM) -> None:
    driver.talk(np.full((BLOCK, 1), value, np.float32), BLOCK, None, status)


def test_blocks_come_in_order_on_a_steady_clock(driver: FakePortAudio) -> None:
    microphone = Microphone("3", lambda: driver)
    for value in range(4):
        say(driver, value / 10)
    blocks = microphone.read(2) + microphone.read(2)
    assert [block.seq for block in blocks] == [0, 1, 2, 3]
    assert [round(float(block.samples[0]), 1) for block in blocks] == [0.0, 0.1, 0.2, 0.3]
    assert np.diff([block.t_ns for block in blocks]).tolist() == [BLOCK * SAMPLE_NS] * 3
    assert driver.settings["device"] == 3
    microphone.close()
    assert not driver.is_running


def test_time_rises_even_when_the_driver_hurries(driver: FakePortAudio) -> None:
    microphone = Microphone(load=lambda: driver)
    for _ in range(30):
        say(driver, 0.0)
    assert (np.diff([block.t_ns for block in microphone.read(30)]) > 0.9 * BLOCK * SAMPLE_NS).all()


def test_what_nobody_fetches_is_lost_and_counted(driver: FakePortAudio) -> None:
    microphone = Microphone(load=lambda: driver)
    for _ in range(QUEUE_BLOCKS + 3):
        say(driver, 0.0)
    assert microphone.lost_samples == 3 * BLOCK
    assert len(microphone.read(QUEUE_BLOCKS)) == QUEUE_BLOCKS


def test_what_the_driver_lost_is_counted(driver: FakePortAudio) -> None:
    microphone = Microphone(load=lambda: driver)
    say(driver, 0.0, SimpleNamespace(input_overflow=True))
    assert microphone.lost_samples == BLOCK


def test_without_portaudio_the_remedy_is_named() -> None:
    def load() -> None:
        raise OSError("PortAudio library not found")

    with pytest.raises(MissingPart, match=r"PortAudio is not installed; (sudo apt install libportaudio2|brew install)"):
        Microphone(load=load)


def test_no_microphone_is_one_readable_line(driver: FakePortAudio) -> None:
    driver.why_not = "Error querying device -1\nand more"
    with pytest.raises(MissingPart, match=r"no microphone \(Error querying device -1\); connect one") as raised:
        Microphone(load=lambda: driver)
    assert raised.value.exit_code == 3
    assert "\n" not in str(raised.value)

"""A live session as a robot meets it: `heedful run robot` in a process of its own, driven by plain paho.

Nothing of ours is imported here: only what docs/mqtt.md tells an integrator is used.
"""

import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, Self

import av
import numpy as np
import paho.mqtt.client as mqtt
import pytest
from numpy.typing import NDArray
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

pytestmark = [pytest.mark.broker, pytest.mark.slow]

ROOT = "heedful/v1/robot"
START_S = 100.0  # a busy machine takes this long to load its models
WAIT_S = 50.0  # for what takes milliseconds on a quiet machine
PICTURES = 32  # 4 s at 8 Hz, with sound beside them
RATE_HZ = 16_000
MIB = 1024 * 1024


@dataclass(frozen=True)
class Heard:
    """One message from the broker."""

    stream: str
    kind: str
    payload: bytes
    properties: Properties | None

    def json(self) -> dict[str, Any]:
        fields: dict[str, Any] = json.loads(self.payload)
        return fields


@dataclass
class Client:
    """A paho client that keeps what it hears."""

    host: str
    port: int
    role: str
    password: str
    heard: list[Heard] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)  # of connections that ended
    topics: list[str] = field(default_factory=list)  # subscribed to

    def __post_init__(self) -> None:
        self.name = f"{self.role}-{secrets.token_hex(4)}"
        self._came = threading.Condition()
        self._mqtt = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=self.name, protocol=mqtt.MQTTv5, reconnect_on_failure=False
        )
        self._mqtt.username_pw_set(self.role, self.password)
        self._mqtt.on_message = self._on_message
        self._mqtt.on_disconnect = self._on_end
        self._mqtt.on_connect_fail = lambda *_: self._note("refused")
        self._mqtt.on_connect = lambda _c, _u, _flags, reason, _p: self._note(str(reason))

    def __enter__(self) -> Self:
        self._mqtt.connect(self.host, self.port)
        self._mqtt.loop_start()
        self.until(lambda: self.reasons)
        return self

    def __exit__(self, *_: object) -> None:
        self._mqtt.disconnect()
        self._mqtt.loop_stop()

    def listen(self, *topics: str) -> None:
        """Subscribe at QoS 1 and wait until the broker agreed; what overlaps would come twice (MQTT 5.0, 3.3.4)."""
        fresh = [one for one in topics if not any(mqtt.topic_matches_sub(known, one) for known in self.topics)]
        if not fresh:
            return
        agreed = threading.Event()
        self._mqtt.on_subscribe = lambda *_: agreed.set()
        self._mqtt.subscribe([(topic, 1) for topic in fresh])
        assert agreed.wait(WAIT_S)
        self.topics += fresh

    def send(self, topic: str, payload: bytes | str, *, qos: int = 0, **properties: Any) -> mqtt.MQTTMessageInfo:
        """Publish; properties are MQTT v5 publish properties by their paho names."""
        given = Properties(PacketTypes.PUBLISH)
        for name, value in properties.items():
            setattr(given, name, value)
        return self._mqtt.publish(topic, payload, qos, properties=given)

    def until(self, is_there: Callable[[], Any], limit_s: float = WAIT_S) -> Any:
        """Wait for something to be heard and return it."""
        with self._came:
            found = self._came.wait_for(is_there, limit_s)
        assert found, f"not within {limit_s} s; heard {[(one.stream, one.kind) for one in self.heard][-20:]}"
        return found

    def all(self, kind: str, stream: str | None = None) -> list[dict[str, Any]]:
        """Return the JSON messages of a kind, oldest first."""
        return [one.json() for one in list(self.heard) if one.kind == kind and stream in (None, one.stream)]

    def refusals(self, since: int) -> list[dict[str, Any]]:
        """Return the dead letters after the first `since`."""
        return self.all("dead-letter")[since:]

    def ask(self, question: str) -> dict[str, Any]:
        """Ask by response topic; return the answer."""
        correlation = secrets.token_bytes(8)
        self.listen(f"{ROOT}/{self.name}/reply")
        reply_topic = f"{ROOT}/{self.name}/reply"
        question = json.dumps({"question": question})
        self.send(f"{ROOT}/_/ask", question, qos=1, ResponseTopic=reply_topic, CorrelationData=correlation)

        def mine() -> list[dict[str, Any]]:
            replies = [one for one in self.heard if one.stream == self.name and one.properties is not None]
            return [one.json() for one in replies if getattr(one.properties, "CorrelationData", b"") == correlation]

        self.until(mine)
        (answer,) = mine()  # one request, one reply
        return answer

    def _on_message(self, _client: mqtt.Client, _userdata: object, message: mqtt.MQTTMessage) -> None:
        *_, stream, kind = message.topic.split("/")
        with self._came:
            self.heard.append(Heard(stream, kind, bytes(message.payload), message.properties))
            self._came.notify_all()

    def _on_end(self, _client: object, _userdata: object, _flags: object, reason: Any, _properties: object) -> None:
        self._note(str(reason))

    def _note(self, reason: str) -> None:
        with self._came:
            self.reasons.append(reason)
            self._came.notify_all()


@dataclass(frozen=True)
class Session:
    """A running `heedful run robot` and the way in."""

    process: subprocess.Popen[bytes]
    folder: Path
    log: Path
    known: dict[str, Any]

    def client(self, role: str, password: str | None = None) -> Client:
        return Client(self.known["host"], self.known["port"], role, password or self.known["passwords"][role])


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """Start the shipped robot configuration with a home of its own."""
    home = tmp_path_factory.mktemp("robot")
    folder = home / "heedful"
    env = os.environ | {"XDG_RUNTIME_DIR": str(home), "XDG_DATA_HOME": str(home / "data")}
    command = [sys.executable, "-m", "runtime.apps.cli", "run", "robot"]
    with (home / "log").open("wb") as log, subprocess.Popen(command, env=env, stderr=log) as process:
        try:
            deadline_s = time.monotonic() + START_S
            while not (folder / "robot.json").exists():
                assert process.poll() is None, (home / "log").read_text(encoding="utf-8")
                assert time.monotonic() < deadline_s, "did not start"
                time.sleep(0.1)
            known = json.loads((folder / "robot.json").read_text(encoding="utf-8"))
            yield Session(process, folder, home / "log", known)
        finally:
            process.terminate()
            try:
                process.wait(WAIT_S)
            except subprocess.TimeoutExpired:
                process.kill()


@pytest.fixture(scope="module")
def user(session: Session) -> Iterator[Client]:
    """Return somebody who hears everything that a user may hear."""
    with session.client("user") as client:
        client.listen(f"{ROOT}/+/+")
        client.until(lambda: {one["stream"] for one in client.all("watermark")} == {"front", "cabin"})
        yield client


@pytest.fixture(scope="module")
def robot(session: Session, user: Client) -> Iterator[Client]:
    """Return a robot that has sent 4 s of pictures with a moving thing, and of sound with a tone."""
    with session.client("robot") as client:
        sound = pcm()
        piece = 2 * RATE_HZ // 8
        start_s = time.monotonic()
        for number in range(PICTURES):
            time.sleep(max(0.0, start_s + number / 8 - time.monotonic()))
            client.send(f"{ROOT}/front/image", jpeg(picture(number)))
            client.send(f"{ROOT}/cabin/audio", sound[number * piece : (number + 1) * piece])
        yield client


def picture(number: int) -> NDArray[np.uint8]:
    """Return a street (240, 320, 3) through which something red goes from picture 10 to 22."""
    street = np.random.default_rng(0).integers(90, 130, (240, 320, 3), dtype=np.uint8)
    if 10 <= number < 22:
        left = 20 * (number - 10)
        street[90:150, left : left + 60] = (230, 40, 40)
    return street


def pcm() -> bytes:
    """Return 4 s of faint noise in which a tone of 1 kHz sounds from 2 s to 3 s."""
    t_s = np.arange(4 * RATE_HZ) / RATE_HZ
    noise = np.random.default_rng(0).normal(0.0, 60.0, t_s.size)
    tone = np.where((t_s >= 2) & (t_s < 3), 8000 * np.sin(2 * np.pi * 1000 * t_s), 0.0)
    return (noise + tone).astype("<i2").tobytes()


def jpeg(rgb: NDArray[np.uint8]) -> bytes:
    """Return a picture (H, W, 3) as JPEG."""
    codec = av.VideoCodecContext.create("mjpeg", "w")
    codec.height, codec.width, _ = rgb.shape
    codec.pix_fmt, codec.time_base = "yuvj420p", Fraction(1, 8)
    frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format="yuvj420p")
    frame.pts, frame.time_base = 0, Fraction(1, 8)
    return b"".join(bytes(packet) for packet in [*codec.encode(frame), *codec.encode(None)])


def record_id(record: dict[str, Any]) -> str:
    """Return a record's id as docs/mqtt.md tells it."""
    return f"robot/{record['stream']}/{record['epoch']}/{record['kind']}-{record['seq']}"


def test_services_are_online(user: Client) -> None:
    online = {one["stream"] for one in user.all("status") if one["state"] == "online"}
    assert online == {"perception", "memory", "reasoning"}


def test_what_moves_in_pictures_is_told_and_stored(robot: Client, user: Client) -> None:
    motion = user.until(lambda: user.all("motion", "front"))[0]
    assert motion["boxes"]
    assert motion["start_ns"] < motion["end_ns"] <= motion["t_ns"]
    user.until(lambda: any(record_id(motion) in one["ids"] for one in user.all("stored")))


def test_kept_frames_are_jpeg_with_their_fields_beside_them(robot: Client, user: Client) -> None:
    frame = user.until(lambda: [one for one in user.heard if one.kind == "frame"])[0]
    assert frame.payload[:2] == b"\xff\xd8"
    fields = dict(frame.properties.UserProperty)
    assert (fields["width_px"], fields["height_px"], fields["seq"]) == ("320", "240", "1")


def test_a_tone_becomes_a_sound(robot: Client, user: Client) -> None:
    sound = user.until(lambda: user.all("sound", "cabin"))[0]
    assert sound["label"] == "tone"
    assert sound["pitch_hz"] == pytest.approx(1000, rel=0.05)
    assert (sound["end_ns"] - sound["start_ns"]) / 1e9 == pytest.approx(1.0, abs=0.3)


def test_an_answer_rests_on_records_and_its_sentences_go_to_everybody(robot: Client, user: Client) -> None:
    motion = user.until(lambda: user.all("motion", "front"))[0]
    answer = robot.ask("When did something move?")
    parts = user.until(lambda: [one for one in user.all("answer_part") if one["query_id"] == answer["query_id"]])
    assert answer["answer"].startswith(parts[0]["text"])
    assert not answer["abstained"]
    first = answer["evidence"][0]
    assert (first["stream"], first["kind"]) == ("front", "motion")
    start_ns = answer["session_start_ns"] + first["start_s"] * 1e9
    assert start_ns == pytest.approx(motion["start_ns"], abs=2e9)


def test_users_ask_too_and_hear_of_sounds(robot: Client, user: Client) -> None:
    user.until(lambda: user.all("sound", "cabin"))
    answer = user.ask("When was there a sound?")
    assert [(one["stream"], one["kind"]) for one in answer["evidence"]] == [("cabin", "sound")]


def test_media_gives_the_picture_behind_a_frame(robot: Client, user: Client) -> None:
    frame = user.until(lambda: [one for one in user.heard if one.kind == "frame"])[0]
    fields = {"stream": frame.stream, "kind": frame.kind, **dict(frame.properties.UserProperty)}  # the topic says these
    key = record_id(fields)
    user.until(lambda: any(key in one["ids"] for one in user.all("stored")))
    reply_topic = f"{ROOT}/{user.name}/reply"
    user.listen(reply_topic)
    user.send(f"{ROOT}/memory/media", json.dumps({"record_id": key}), qos=1, ResponseTopic=reply_topic)
    reply = user.until(
        lambda: [one for one in user.heard if one.stream == user.name and one.payload[:2] == b"\xff\xd8"]
    )
    assert reply[0].payload == frame.payload


GARBAGE: list[tuple[str, bytes, list[tuple[str, str]], str]] = [
    ("front/image", b"this is no picture", [], "not a JPEG"),
    ("front/image", jpeg(picture(0))[:-2000], [], "damaged JPEG"),
    ("front/image", b"", [], "not a JPEG"),
    ("front/image", bytes(MIB + 1), [], "the limit of image is 1048576"),
    ("front/image", jpeg(picture(0)), [("t_ns", "nan")], "t_ns"),
    ("front/image", jpeg(picture(0)), [("t_ns", "1" + 30 * "0")], "t_ns"),
    ("front/image", jpeg(picture(0)), [("session", "other")], "says session 'other'"),
    ("cabin/audio", bytes(3201), [], "3201 bytes"),
    ("cabin/audio", bytes(3200), [("rate_hz", "7")], "7 Hz"),
    ("cabin/audio", bytes(3200), [("rate_hz", "fast")], "rate_hz"),
    ("cabin/audio", bytes(256 * 1024 + 2), [], "the limit of audio is 262144"),
    ("_/ask", b"When did something move?", [], "Invalid JSON"),
    ("_/ask", b'"When did something move?"', [], "object"),
    ("_/ask", b'{"question": 7}', [], "question"),
    ("_/ask", b'{"question": "When?", "asked_ns": NaN}', [], "asked_ns"),
    ("_/ask", b'{"question": "When?", "asked_ns": 1' + 30 * b"0" + b"}", [], "asked_ns"),
    ("_/ask", b'{"question": "When?", "urgent": true}', [], "urgent"),
    ("_/ask", b'{"question": "When?", "session": "other"}', [], "says session 'other'"),
    ("_/ask", 16_000 * b"[", [], "Invalid JSON"),
    ("_/ask", json.dumps({"question": 20_000 * "x"}).encode(), [], "the limit of ask is 16384"),
]


def test_garbage_is_noted_and_the_streams_go_on(robot: Client, user: Client, session: Session) -> None:
    for topic, payload, properties, reason in GARBAGE:
        before = len(user.all("dead-letter"))
        extra = {"UserProperty": properties} if properties else {}
        robot.send(f"{ROOT}/{topic}", payload, qos=1, **extra)
        letter = user.until(partial(user.refusals, before))[0]
        assert letter["topic"] == f"{ROOT}/{topic}"
        assert reason in letter["reason"]
        assert letter["size_bytes"] == len(payload)
        assert letter["head_hex"] == payload[:64].hex()
    frames = len([one for one in user.heard if one.kind == "frame"])
    robot.send(f"{ROOT}/front/image", jpeg(255 - picture(15)))  # another scene
    user.until(lambda: len([one for one in user.heard if one.kind == "frame"]) > frames)
    answer = robot.ask("When did something move?")
    assert answer["evidence"]
    assert session.process.poll() is None


def test_a_packet_beyond_the_brokers_limit_cuts_off_its_sender_alone(session: Session, user: Client) -> None:
    with session.client("robot") as clumsy:
        clumsy.send(f"{ROOT}/front/image", bytes(2 * MIB + 1))
        clumsy.until(lambda: len(clumsy.reasons) > 1)  # 0x95, unless the reset comes before it is read
    heard = len(user.all("watermark"))
    user.until(lambda: len(user.all("watermark")) > heard)
    assert user.reasons == ["Success"]


def test_a_robot_cannot_speak_for_perception_nor_read_what_was_seen(session: Session, robot: Client) -> None:
    reasons: list[str] = []
    with session.client("robot") as bold:
        bold._mqtt.on_publish = lambda _c, _u, _mid, reason, _p: reasons.append(str(reason))
        bold.send(f"{ROOT}/front/motion", b"{}", qos=1).wait_for_publish(WAIT_S)
    assert reasons == ["Not authorized"]
    robot.listen(f"{ROOT}/front/frame")
    robot.send(f"{ROOT}/front/image", jpeg(picture(3)))
    robot.ask("When did something move?")  # by now it would have come
    assert not [one for one in robot.heard if one.kind == "frame"]


def test_a_wrong_password_is_refused(session: Session) -> None:
    with session.client("user", password="wrong") as stranger:
        assert stranger.reasons[0] == "Not authorized"


def test_ctrl_c_ends_the_session_and_leaves_no_way_in(session: Session, user: Client, robot: Client) -> None:
    session.process.send_signal(signal.SIGINT)
    assert session.process.wait(WAIT_S) == 130
    assert list(session.folder.iterdir()) == []
    assert "Traceback" not in session.log.read_text(encoding="utf-8")
    offline = [one["stream"] for one in user.all("status") if one["state"] == "offline"]
    assert sorted(offline) == ["memory", "perception", "reasoning"]

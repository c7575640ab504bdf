"""The configuration: defaults that work, shipped files that load, and one readable line for all that is wrong."""

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runtime.config import CameraStream, Config, MicrophoneStream, MqttStream, load, percept_digest
from runtime.errors import ConfigError
from runtime.messages import RESERVED_STREAMS

MQTT_KINDS = ("image", "audio", "radar", "events", "imu", "pose")
SHIPPED = sorted(path.stem for path in (Path(__file__).parent.parent / "configs").glob("*.yaml"))


@pytest.fixture
def written(tmp_path: Path) -> Path:
    return tmp_path / "my.yaml"


def fault(path: Path, text: str | bytes) -> ConfigError:
    """Return what is said about a configuration that cannot be used."""
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(ConfigError) as caught:
        load(str(path))
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    assert caught.value.exit_code == 2
    return caught.value


def test_no_file_gives_the_defaults() -> None:
    assert load(None) == Config()
    assert load(None).session == "live"


@pytest.mark.parametrize("text", ["", "# nothing but a comment\n", "---\n", "{}"])
def test_an_empty_file_gives_the_defaults(written: Path, text: str) -> None:
    written.write_text(text)
    assert load(str(written)) == Config()


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_configuration_loads_by_its_bare_name(name: str) -> None:
    assert isinstance(load(name), Config)


def test_the_rig_takes_every_kind_of_input() -> None:
    streams = load("rig").streams.values()
    assert [one.kind for one in streams if isinstance(one, MqttStream)] == list(MQTT_KINDS)


@pytest.mark.parametrize(
    ("stream", "says"),
    [
        ("{sorce: mqtt, kind: image}", "needs source: camera, microphone or mqtt; 'sorce' is no key"),
        ("{kind: image}", "needs source: camera, microphone or mqtt"),
    ],
)
def test_a_stream_without_a_source_is_told_what_it_needs(written: Path, stream: str, says: str) -> None:
    assert str(fault(written, f"streams: {{front: {stream}}}")) == f"{written}: streams.front: {says}"


def test_a_whole_configuration_is_read(written: Path) -> None:
    written.write_text(
        """
session: hall-2
broker: mqtts://broker.example:8884
streams:
  front: {source: camera, device: /dev/video2, width_px: 1280, height_px: 720, rate_hz: 15}
  room: {source: microphone, device: 3}
  robot: {source: mqtt, kind: image}
perception: {lmm_fps: 0.5, asr: none, stale_s: 10}
memory: {folder: /tmp/hall}
reasoning: {backend: evidence, recall_deadline_s: 2.5}
"""
    )
    config = load(str(written))
    assert config.session == "hall-2"
    assert config.broker == "mqtts://broker.example:8884"
    assert config.streams == {
        "front": CameraStream(source="camera", device="/dev/video2", width_px=1280, height_px=720, rate_hz=15),
        "room": MicrophoneStream(source="microphone", device=3),
        "robot": MqttStream(source="mqtt", kind="image"),
    }
    assert config.perception.lmm_fps == 0.5
    assert config.memory.folder == Path("/tmp/hall")
    assert config.reasoning.recall_deadline_s == 2.5


UNKNOWN = {
    "sesion: x": ("sesion", "session"),
    "stream: {}": ("stream", "streams"),
    "perception: {lm_fps: 2}": ("perception.lm_fps", "lmm_fps"),
    "perception: {asr_modell: tiny}": ("perception.asr_modell", "asr_model"),
    "memory: {foldr: x}": ("memory.foldr", "folder"),
    "reasoning: {recall_deadline: 3}": ("reasoning.recall_deadline", "recall_deadline_s"),
    "streams: {front: {source: camera, devise: x}}": ("streams.front.devise", "device"),
    "streams: {room: {source: microphone, devic: x}}": ("streams.room.devic", "device"),
    "streams: {robot: {source: mqtt, kind: image, kin: x}}": ("streams.robot.kin", "kind"),
    "reasoning: {rules: {help: {requst: x}}}": ("reasoning.rules.help.requst", "request"),
}


@pytest.mark.parametrize("text", UNKNOWN)
def test_an_unknown_key_is_refused_with_the_nearest_known_one(written: Path, text: str) -> None:
    field, near = UNKNOWN[text]
    assert str(fault(written, text)) == f"{written}: {field}: unknown key; did you mean {near}?"


def test_an_unknown_key_that_is_near_to_none_is_refused_with_all_known_ones(written: Path) -> None:
    said = str(fault(written, "memory: {zzzzzzzzzz: 1}"))
    known = "folder, text_model, index_device, retention, clock_error_s"
    assert said == f"{written}: memory.zzzzzzzzzz: unknown key; known are {known}"


WRONG = {
    "session: 5": "session",
    "session: Hall": "session",
    "session: a/b": "session",
    "session: ''": "session",
    "session: [a]": "session",
    "session: 2024-01-01": "session",
    f"session: {'a' * 65}": "session",
    "broker: localhost": "broker",
    "broker: mqtt://": "broker",
    "broker: mqtt://host:port": "broker",
    "broker: mqtt://host:70000": "broker",
    "broker: mqtt://host:0": "broker",
    "broker: mqtt://user:secret@host": "broker",
    "broker: http://host": "broker",
    "broker: 1883": "broker",
    "streams: [front]": "streams",
    "streams: front": "streams",
    "streams: {front: camera}": "streams.front",
    "streams: {front: {}}": "streams.front",
    "streams: {front: {source: webcam}}": "streams.front",
    "streams: {front: {source: camera, width_px: wide}}": "streams.front.width_px",
    "streams: {front: {source: camera, width_px: 8}}": "streams.front.width_px",
    "streams: {front: {source: camera, rate_hz: .inf}}": "streams.front.rate_hz",
    "streams: {front: {source: camera, rate_hz: .nan}}": "streams.front.rate_hz",
    "streams: {front: {source: camera, rate_hz: 0}}": "streams.front.rate_hz",
    "streams: {front: {source: camera, width_px: 640}}": "streams.front: width_px and height_px go together",
    "streams: {robot: {source: mqtt}}": "streams.robot.kind",
    "streams: {robot: {source: mqtt, kind: smell}}": "streams.robot.kind",
    "streams: {Front: {source: camera}}": "streams",
    "streams: {a/b: {source: camera}}": "streams",
    "streams: {5: {source: camera}}": "streams.5",
    "perception: 5": "perception",
    "perception: [a]": "perception",
    "perception: {lmm_fps: fast}": "perception.lmm_fps",
    "perception: {lmm_fps: 0}": "perception.lmm_fps",
    "perception: {lmm_fps: -1}": "perception.lmm_fps",
    "perception: {analysis_width_px: 192.5}": "perception.analysis_width_px",
    "perception: {jpeg_quality: 101}": "perception.jpeg_quality",
    "perception: {asr: siri}": "perception.asr",
    "reasoning: {lmm: {grounding: {contrast: 1, supported_above: 0}}}": "reasoning.lmm.grounding",
    "reasoning: {lmm: {grounding: {look: false}}}": "reasoning.lmm.grounding.look",
    "reasoning: {lmm: {grounding: {weights: [redistribution, paint]}}}": "reasoning.lmm.grounding.weights",
    "reasoning: {lmm: {grounding: {outputs: redistribution}}}": "reasoning.lmm.grounding.outputs",
    "reasoning: {lmm: {grounding: {two_rows: true}}}": "reasoning.lmm.grounding: two_rows",
    "reasoning: {lmm: {recall_mib: 0}}": "reasoning.lmm.recall_mib",
    "perception: {asr: whisper}": "perception.asr_model",
    "memory: {folder: 5}": "memory.folder",
    "reasoning: {backend: oracle}": "reasoning.backend",
    "reasoning: {settle_s: -1}": "reasoning.settle_s",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_value_names_the_file_and_the_field(written: Path, text: str) -> None:
    said = str(fault(written, text))
    assert WRONG[text] in said.removeprefix(f"{written}: ")


def test_a_wrong_value_is_shown(written: Path) -> None:
    assert str(fault(written, "perception: {lmm_fps: fast}")).endswith("(is 'fast')")


@pytest.mark.parametrize("name", sorted(RESERVED_STREAMS))
def test_the_names_of_services_are_no_names_for_streams(written: Path, name: str) -> None:
    said = str(fault(written, f"streams: {{{name}: {{source: camera}}}}"))
    assert repr(name) in said


NOT_YAML = {
    "a tab": "session:\n\tx",
    "an open bracket": "streams: [",
    "an open quote": "session: 'x",
    "a list": "- session",
    "a word": "session",
    "a number": "5",
    "two documents": "session: a\n---\nsession: b",
    "a Python object": "session: !!python/object/apply:os.system [ls]",
    "an unknown tag": "session: !secret x",
    "a date that is none": "session: 2024-13-45",
    "a number that is none": "session: !!int x",
    "a truth that is none": "session: !!bool maybe",
    "a time that is none": "session: !!timestamp soon",
    "an unknown alias": "session: *x",
    "a list as key": "? [a]\n: b",
    "a mapping as key": "{{a: b}: c}",
    "depth": "[" * 1500,
    "control characters": "session: \x00",
}


@pytest.mark.parametrize("text", NOT_YAML.values(), ids=NOT_YAML.keys())
def test_what_is_not_a_mapping_in_yaml_is_refused_in_one_line(written: Path, text: str) -> None:
    fault(written, text)


def test_what_is_not_text_is_refused_in_one_line(written: Path) -> None:
    assert "cannot be read" in str(fault(written, b"\xff\xfe\x00\xd8"))


def test_keys_that_are_no_words_are_refused_in_one_line(written: Path) -> None:
    for text in ('"a\\nb": 1', "5: 1", "null: 1", "1.5: 1", "true: 1", "2024-01-01: 1", 'memory: {"a\\nb": 1}'):
        fault(written, text)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing.yaml")
    with pytest.raises(ConfigError, match=f"^{re.escape(missing)}: no such file$"):
        load(missing)


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a folder, not a YAML file"):
        load(str(tmp_path))


def test_a_bare_name_that_is_not_shipped_is_refused_with_those_that_are() -> None:
    with pytest.raises(ConfigError, match=", ".join(SHIPPED)):
        load("nowhere")


def test_a_configuration_does_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Config().session = "other"


def test_a_replay_is_another_one_only_where_percepts_change(written: Path) -> None:
    def digest_of(text: str) -> bytes:
        written.write_text(text)
        return percept_digest(load(str(written)))

    same = digest_of("")
    for text in ("session: x", "perception: {stale_s: 9}", "reasoning: {settle_s: 2}", "perception: {lmm_fps: 2}"):
        assert digest_of(text) == same
    for text in ("perception: {lmm_fps: 1}", "perception: {asr: none}", "perception: {analysis_width_px: 256}"):
        assert digest_of(text) != same


KEYS = st.sampled_from(["session", "broker", "streams", "perception", "memory", "reasoning", "source", "kind", "front"])
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["camera", "mqtt", "image", "auto"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=4) | st.integers(), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(values=VALUES)
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_yaml_gives_a_configuration_or_one_line(written: Path, values: object) -> None:
    written.write_text(yaml.safe_dump(values), encoding="utf-8")
    try:
        load(str(written))
    except ConfigError as error:
        assert "\n" not in str(error)  # noqa: PT017 - a configuration is as good an end


@given(text=st.text(st.sampled_from("ab:-[]{}!&*?|>'\"%@`#, \n\t.0123<<~="), max_size=40))
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_gives_a_configuration_or_one_line(written: Path, text: str) -> None:
    written.write_text(text)
    try:
        load(str(written))
    except ConfigError as error:
        assert "\n" not in str(error)  # noqa: PT017 - a configuration is as good an end

"""Every message that crosses the bus, and the table of their kinds: who sends it, how surely, how large it may be.

Topics are `heedful/v1/<session>/<stream>/<kind>`. Times are `t_ns`: Unix nanoseconds of the capture, or media time
for recordings. `seq` counts up by one per stream and kind, so a gap means loss. A record's id is
`session/stream/epoch/kind-seq`; `epoch` is the `t_ns` at which the stream started in this run, 0 in a replay.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

QUESTION_LENGTH = 2_000  # characters of a question that are read
LATER = {"later": True}  # a field that came later: at its default it is not sent, and messages are as before

Box: TypeAlias = tuple[float, float, float, float]  # x0, y0, x1, y1 as fractions of the frame
Vector: TypeAlias = tuple[float, float, float]
Quaternion: TypeAlias = tuple[float, float, float, float]  # x, y, z, w
Sensor: TypeAlias = Literal["video", "audio", "radar", "events", "pose", "imu"]
Trust: TypeAlias = Literal["scene", "remote", "local", "operator"]  # who vouches for the content, least trusted first


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageInput:
    """A JPEG picture that a robot or another machine sends in; `t_ns` and `seq` are given on arrival where absent."""

    kind: Literal["image"] = "image"
    session: str
    stream: str
    t_ns: int | None = None
    seq: int | None = None
    payload: bytes = field(repr=False, metadata={"raw": "image/jpeg"})


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioInput:
    """Interleaved signed 16-bit little-endian samples that another machine sends in."""

    kind: Literal["audio"] = "audio"
    session: str
    stream: str
    t_ns: int | None = None
    seq: int | None = None
    rate_hz: int = 16_000
    channels: int = 1
    payload: bytes = field(repr=False, metadata={"raw": "audio/pcm"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RadarInput:
    """One sweep of a radar: point after point, each with one little-endian float32 for every name in `fields`."""

    kind: Literal["radar"] = "radar"
    session: str
    stream: str
    t_ns: int | None = None
    seq: int | None = None
    fields: str = "x y z rcs v_r"  # metres forward, left and up of the sensor, dBsm, m/s away from it
    payload: bytes = field(repr=False, metadata={"raw": "application/octet-stream"})


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsInput:
    """What an event camera saw since the packet before, in its own encoding."""

    kind: Literal["events"] = "events"
    session: str
    stream: str
    t_ns: int | None = None
    seq: int | None = None
    encoding: str = "evt3"  # or libcaer_cmp
    width_px: int = 0  # 0 where the sender does not say
    height_px: int = 0
    base_ns: int = 0  # what the packet's own times are added to; EVT3 brings its own
    payload: bytes = field(repr=False, metadata={"raw": "application/octet-stream"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PoseInput:
    """Where `child` is in `frame`, and how it moves there, where that is known."""

    kind: Literal["pose"] = "pose"
    session: str
    stream: str
    t_ns: int | None = None
    seq: int | None = None
    frame: str = "map"
    child: str = "base"
    position_m: Vector
    orientation: Quaternion
    velocity_mps: Vector | None = None
    rotation_radps: Vector | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImuInput:
    """One measurement of an inertial sensor, in its own axes."""

    kind: Literal["imu"] = "imu"
    session: str
    stream: str
    t_ns: int | None = None
    seq: int | None = None
    acceleration_mps2: Vector
    rotation_radps: Vector
    orientation: Quaternion | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationInput:
    """Where the sensor of a stream sits on its rig, and for a camera how it projects. The newest one counts."""

    kind: Literal["calibration"] = "calibration"
    session: str
    stream: str
    t_ns: int | None = None
    seq: int | None = None
    frame: str = "base"
    position_m: Vector = (0.0, 0.0, 0.0)
    orientation: Quaternion = (0.0, 0.0, 0.0, 1.0)
    width_px: int = 0
    height_px: int = 0
    model: str = ""  # of the distortion: plumb_bob, rational_polynomial, ...
    camera: tuple[float, ...] = ()  # fx 0 cx, 0 fy cy, 0 0 1
    distortion: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A kept video frame: it differs from the last kept one (at most `lmm_fps` a second), or 10 s have passed."""

    kind: Literal["frame"] = "frame"
    session: str
    stream: str
    epoch: int
    seq: int
    t_ns: int
    width_px: int
    height_px: int
    novelty: float  # fraction of patches that changed since the last kept frame, 0 to 1
    is_cut: bool  # the whole picture changed: another scene
    luma: float  # mean brightness, 0 to 1
    payload: bytes = field(repr=False, metadata={"raw": "image/jpeg"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What an encoder of perception made of one kept frame: the tokens that a model reads."""

    kind: Literal["observation"] = "observation"
    session: str
    stream: str
    epoch: int
    seq: int
    t_ns: int
    model: str
    tokens: NDArray[np.float16] = field(repr=False, compare=False, metadata={"tensor": 2})  # (N, C)


@dataclass(frozen=True, slots=True, kw_only=True)
class Motion:
    """Something moved between `start_ns` and `end_ns`; a long movement arrives as pieces that touch."""

    kind: Literal["motion"] = "motion"
    session: str
    stream: str
    epoch: int
    seq: int
    t_ns: int  # when it was known, >= end_ns
    start_ns: int
    end_ns: int
    boxes: tuple[Box, ...]  # largest first
    area: float  # largest fraction of the picture that moved at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranged:
    """Where something is from a sensor that measures distances, and how it moves."""

    track: int  # the same thing keeps its number
    range_m: float  # at the end
    from_m: float  # at the start
    bearing_deg: float  # at the end; left of where the sensor looks is positive
    speed_mps: float  # over ground, on average
    approach_mps: float  # how fast the distance shrank, on average; positive when nearing


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Something with a name, in a picture or at a distance."""

    label: str
    score: float  # how sure the model is, 0 to 1
    box: Box | None = None  # none where the sensor gives no pictures
    ranged: Ranged | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """What a detector found in one picture, best first (nothing found is told of too), or a radar followed for a while.

    What lasts longer arrives as pieces that touch.
    """

    kind: Literal["detection"] = "detection"
    session: str
    stream: str
    epoch: int
    seq: int
    t_ns: int
    model: str
    things: tuple[Seen, ...]
    start_ns: int = field(default=-1, metadata=LATER)  # below 0: the moment `t_ns`, as `span_of` says
    end_ns: int = field(default=-1, metadata=LATER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption:
    """What a model says of one picture."""

    kind: Literal["caption"] = "caption"
    session: str
    stream: str
    epoch: int
    seq: int
    t_ns: int
    model: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """Somebody spoke; `text` is what the speech recogniser made of it, perhaps empty."""

    kind: Literal["utterance"] = "utterance"
    session: str
    stream: str
    epoch: int
    seq: int
    t_ns: int
    start_ns: int
    end_ns: int
    text: str
    model: str  # which recogniser, "" when none ran
    truncated: bool = False  # cut at the longest utterance or at the end of the recording


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """A sound that is not speech: its level rose clearly above what was there before."""

    kind: Literal["sound"] = "sound"
    session: str
    stream: str
    epoch: int
    seq: int
    t_ns: int
    start_ns: int
    end_ns: int
    label: str  # "tone", "noise"; classes come with trained encoders
    level_db: float  # dBFS at its loudest
    rise_db: float  # above the background before it
    pitch_hz: float  # strongest frequency of a tone, 0 for a noise


@dataclass(frozen=True, slots=True, kw_only=True)
class Watermark:
    """All of the stream up to `t_ns` has been perceived and published.

    `blind` says why it sees nothing, `blind_ns` since when no gap tells of that yet; `active_ns` since when something
    goes on that no record tells of yet. After a reconnect perception calls its followers by watermarks that say nothing
    new, each with the number of its `call`.
    """

    kind: Literal["watermark"] = "watermark"
    session: str
    stream: str
    epoch: int
    t_ns: int
    sensor: Sensor
    blind: str = ""
    blind_ns: int | None = None
    active_ns: int | None = None
    ended: bool = False
    truncated: bool = False
    call: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Part of a stream was lost on the way in."""

    kind: Literal["gap"] = "gap"
    session: str
    stream: str
    epoch: int
    seq: int
    t_ns: int
    start_ns: int
    end_ns: int
    lost: int  # samples
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A service (`stream` is its name) has handled everything up to `t_ns`.

    `call` is that of the watermark which it answers.
    """

    kind: Literal["progress"] = "progress"
    session: str
    stream: str
    t_ns: int
    call: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """These ids are on disk and survive a power cut."""

    kind: Literal["stored"] = "stored"
    session: str
    stream: str = "memory"
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A closed clip of one stream: frozen, durable and searchable."""

    kind: Literal["clip"] = "clip"
    session: str
    stream: str
    epoch: int
    seq: int
    t_ns: int
    start_ns: int
    end_ns: int
    sensor: Sensor
    text: str
    record_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A query vector in one search space: what lies nearest to it is looked for."""

    space: str
    vector: tuple[float, ...]  # of any length above 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Recall:
    """One question to memory: what is relevant to `text`, and what happened in a window of time.

    `like` and `vectors` search by example, also in other spaces than that of text; what is found is fused. `anchor`
    names a moment by what was said then; with `relation` it moves the window before, after or around it. Nothing later
    than `as_of_ns` is ever returned.
    """

    kind: Literal["recall"] = "recall"
    session: str
    stream: str = "memory"
    query_id: str
    as_of_ns: int
    text: str = ""
    anchor: str = ""
    relation: Literal["", "before", "after", "during"] = ""
    kinds: tuple[str, ...] = ()  # of records: utterance, sound, motion, frame; empty means all
    streams: tuple[str, ...] = ()
    trusts: tuple[Trust, ...] = ()  # who must vouch for what is found; empty means anybody
    start_ns: int | None = None
    end_ns: int | None = None
    k: int = 8
    timeline_limit: int = 512
    overview_limit: int = field(
        default=0, metadata=LATER
    )  # lines about a window that holds more records than that; 0 is none
    neighbours: int = field(default=0, metadata=LATER)  # records on either side of each hit, in the same window
    like: str = field(default="", metadata=LATER)  # id of a record or clip of the session: others are like it
    vectors: tuple[Probe, ...] = field(default=(), metadata=LATER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One record that memory returns, with the clip that holds it."""

    record_id: str
    clip_id: str  # "" while its clip is still open
    stream: str
    kind: str
    start_ns: int
    end_ns: int
    text: str
    score: float  # relevance to the question, 0 to 1; 0 where nothing was searched
    box: Box | None = None
    level: float = 0.0  # motion: area; sound: dB above the background; frame: novelty
    trust: Trust = "scene"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A stretch of time in one line, which quotes what was said and counts the rest; the records that it names."""

    start_ns: int
    end_ns: int
    text: str
    trust: Trust  # of its least trusted record
    hits: tuple[Hit, ...]  # what it quotes, and one of each other kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalled:
    """Memory's reply: hits by relevance, the window's records in time, and what memory holds at all."""

    kind: Literal["recalled"] = "recalled"
    session: str
    stream: str = "memory"
    query_id: str
    hits: tuple[Hit, ...]  # most relevant first; fewer than k: no more are relevant; none: nothing is
    timeline: tuple[Hit, ...]  # oldest first, at most timeline_limit, the newest are kept
    total: int  # records in the window, also those beyond the limit: fewer than k, and no k could be found
    anchor: Hit | None
    counts: dict[str, int]  # records per kind in the session up to as_of_ns
    searched: tuple[str, ...]
    session_start_ns: int
    start_ns: int  # the window that was looked at
    end_ns: int
    overview: tuple[Stretch, ...] = field(
        default=(), metadata=LATER
    )  # all of the window, where the timeline is only its end; oldest first
    reason: str = ""  # why memory did not look; then all else is empty
    neighbours: tuple[Hit, ...] = field(default=(), metadata=LATER)  # of the hits, without them, oldest first


@dataclass(frozen=True, slots=True, kw_only=True)
class Erase:
    """Erase for good what all that is given names, at least one thing; without `is_sure` only say how much that is."""

    kind: Literal["erase"] = "erase"
    session: str
    stream: str = "memory"
    query_id: str
    of_session: str | None = None
    of_stream: str | None = None
    start_ns: int | None = None  # what overlaps this time
    end_ns: int | None = None
    clip: str | None = None  # id of a clip or of one record
    text: str | None = None  # words that stand together, in any inflection
    is_sure: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """How much went, or would go; `left` counts traces of it that were found in files of the memory afterwards."""

    kind: Literal["erased"] = "erased"
    session: str
    stream: str = "memory"
    query_id: str
    records: int
    clips: int  # of which all or a part
    pictures: int
    looked_for: int
    left: dict[str, int]
    reason: str = ""  # why nothing was done; then all else is 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A question in words; `asked_ns` is when, the arrival time where absent. Ids that begin with `_` are refused."""

    kind: Literal["ask"] = "ask"
    session: str
    stream: str = "_"
    query_id: str = ""
    question: str
    asked_ns: int | None = None
    explains: bool = False  # whether to measure what the answer rests on, where a model gives it


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """Stop answering `query_id`; its answer says it was cancelled.

    Choose ids that nobody else chooses: where several askers (by response topic) wait under one id, none is cancelled.
    """

    kind: Literal["cancel"] = "cancel"
    session: str
    stream: str = "_"
    query_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a sentence rests on, openable through its clip or record."""

    clip_id: str
    record_id: str
    stream: str
    kind: str
    start_s: float  # seconds since the session's start
    end_s: float
    box: Box | None
    score: float
    text: str
    effect: float | None = None  # nats by which the answer is less likely without it; only where that was measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """One sentence of an answer; `supported` says that evidence stands behind it."""

    text: str
    supported: bool
    reliance: float | None = None  # how much the model looked at the evidence; only where a model measures it
    rests_on: tuple[int, ...] = ()  # places in the answer's evidence, from 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """The latency bill of one answer in milliseconds."""

    recall: float
    first_token: float
    total: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerPart:
    """The next part of an answer's text while it is being given: one after the other, as they are, they are the text.

    The whole answer says what stands behind it, and may abstain after all.
    """

    kind: Literal["answer_part"] = "answer_part"
    session: str
    stream: str = "reasoning"
    query_id: str
    index: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The whole answer with its evidence, or an abstention that says what there is instead."""

    kind: Literal["answer"] = "answer"
    session: str
    stream: str = "reasoning"
    query_id: str
    question: str
    session_start_ns: int
    asked_s: float  # since the session's start, as all times of its evidence
    answer: str
    sentences: tuple[Sentence, ...]
    abstained: bool
    evidence: tuple[Evidence, ...]
    searched: tuple[str, ...]
    timing_ms: Timing
    model: str
    blind: tuple[str, ...]  # streams that saw or heard nothing when it was asked
    truncated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingRule:
    """Tell me when `request` happens; its name is the stream of its topic, and an empty request removes it.

    It is retained: the broker hands it to a reasoner that starts later. After an alert a rule is silent for
    `cool_down_s`.
    """

    kind: Literal["rule"] = "rule"
    session: str
    stream: str
    request: str
    cool_down_s: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """What a rule asked for has happened, with what shows it; or the rule is refused or not checked, and why."""

    kind: Literal["alert"] = "alert"
    session: str
    stream: str = "reasoning"
    rule: str
    alert_id: str
    state: Literal["fired", "refused", "unchecked"]  # unchecked: the model cannot be asked; told once
    session_start_ns: int
    t_ns: int  # when it was known
    text: str
    evidence: tuple[Evidence, ...]
    checked: bool  # a language model looked and said yes
    suppressed: int  # alerts that the limit on all rules together held back before this one


@dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    """An alert was seen; its rule is silent for `snooze_s` from now."""

    kind: Literal["ack"] = "ack"
    session: str
    stream: str = "_"
    alert_id: str
    snooze_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """Ask memory for the picture behind a frame record."""

    kind: Literal["media"] = "media"
    session: str
    stream: str = "memory"
    record_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaReply:
    """The stored picture, or an empty payload with the reason."""

    kind: Literal["media_reply"] = "media_reply"
    session: str
    stream: str = "memory"
    record_id: str
    reason: str = ""
    payload: bytes = field(repr=False, metadata={"raw": "image/jpeg"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """A service's retained birth and last will."""

    kind: Literal["status"] = "status"
    session: str
    stream: str
    state: Literal["online", "offline", "lost"]
    since_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """Counters and latency percentiles of a service since it started."""

    kind: Literal["metrics"] = "metrics"
    session: str
    stream: str
    counters: dict[str, int]
    latency_ms: dict[str, tuple[float, float]]  # stage -> (p50, p95)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A payload that could not be used: where it came in, why, and how it began."""

    kind: Literal["dead-letter"] = "dead-letter"
    session: str
    stream: str  # the service that refused it
    topic: str
    reason: str
    size_bytes: int
    head_hex: str  # its first 64 bytes


Message: TypeAlias = (
    ImageInput
    | AudioInput
    | RadarInput
    | EventsInput
    | PoseInput
    | ImuInput
    | CalibrationInput
    | Frame
    | Erase
    | Erased
    | Observation
    | Motion
    | Detection
    | Caption
    | Utterance
    | Sound
    | Watermark
    | Gap
    | Progress
    | Stored
    | Clip
    | Recall
    | Recalled
    | Ask
    | Cancel
    | AnswerPart
    | Answer
    | StandingRule
    | Alert
    | Ack
    | Media
    | MediaReply
    | Status
    | Metrics
    | DeadLetter
)

# What a sensor of another machine sends; a calibration goes with it.
Input: TypeAlias = ImageInput | AudioInput | RadarInput | EventsInput | PoseInput | ImuInput | CalibrationInput
# What memory keeps, each with a durable id.
Record: TypeAlias = Frame | Motion | Detection | Utterance | Sound | Gap


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """How one kind of message travels. In a replay every kind travels at QoS 1."""

    type: type[Any]
    qos: Literal[0, 1]
    limit_bytes: int
    senders: tuple[str, ...]  # of: robot, user, perception, memory, reasoning, _ (any service)
    receivers: tuple[str, ...]
    is_retained: bool = False
    is_reply: bool = False  # goes to the response topic that the request names

    @property
    def is_ours(self) -> bool:
        """Only services send it, never a person or a robot."""
        return not {"user", "robot"} & {*self.senders}


KIB = 1024
SENSORS = ("robot", "user")
SERVICES = ("perception", "memory", "reasoning")
RESERVED_STREAMS = frozenset({*SERVICES, "_"})

KINDS: dict[str, Kind] = {
    "image": Kind(type=ImageInput, qos=0, limit_bytes=1024 * KIB, senders=SENSORS, receivers=("perception",)),
    "audio": Kind(type=AudioInput, qos=0, limit_bytes=256 * KIB, senders=SENSORS, receivers=("perception",)),
    "radar": Kind(type=RadarInput, qos=0, limit_bytes=1024 * KIB, senders=SENSORS, receivers=("perception",)),
    "events": Kind(type=EventsInput, qos=0, limit_bytes=1024 * KIB, senders=SENSORS, receivers=("perception",)),
    "pose": Kind(type=PoseInput, qos=0, limit_bytes=4 * KIB, senders=SENSORS, receivers=("perception",)),
    "imu": Kind(type=ImuInput, qos=0, limit_bytes=4 * KIB, senders=SENSORS, receivers=("perception",)),
    "calibration": Kind(
        type=CalibrationInput,
        qos=1,
        limit_bytes=16 * KIB,
        senders=SENSORS,
        receivers=("perception",),
        is_retained=True,
    ),
    "frame": Kind(
        type=Frame, qos=0, limit_bytes=1024 * KIB, senders=("perception",), receivers=("memory", "reasoning", "user")
    ),
    "observation": Kind(
        type=Observation,
        qos=0,
        limit_bytes=1024 * KIB,
        senders=("perception",),
        receivers=("memory", "reasoning", "user"),
    ),
    "motion": Kind(
        type=Motion, qos=0, limit_bytes=64 * KIB, senders=("perception",), receivers=("memory", "reasoning", "user")
    ),
    "detection": Kind(
        type=Detection,
        qos=0,
        limit_bytes=64 * KIB,
        senders=("perception",),
        receivers=("memory", "reasoning", "user"),
    ),
    "caption": Kind(
        type=Caption,
        qos=1,
        limit_bytes=64 * KIB,
        senders=("perception", "reasoning"),
        receivers=("memory", "reasoning", "user"),
    ),
    "utterance": Kind(
        type=Utterance, qos=1, limit_bytes=64 * KIB, senders=("perception",), receivers=("memory", "reasoning", "user")
    ),
    "sound": Kind(
        type=Sound, qos=1, limit_bytes=64 * KIB, senders=("perception",), receivers=("memory", "reasoning", "user")
    ),
    "watermark": Kind(
        type=Watermark, qos=1, limit_bytes=4 * KIB, senders=("perception",), receivers=("memory", "reasoning", "user")
    ),
    "gap": Kind(
        type=Gap, qos=1, limit_bytes=4 * KIB, senders=("perception",), receivers=("memory", "reasoning", "user")
    ),
    "progress": Kind(
        type=Progress, qos=1, limit_bytes=4 * KIB, senders=("memory", "reasoning"), receivers=("perception", "user")
    ),
    "stored": Kind(
        type=Stored, qos=1, limit_bytes=256 * KIB, senders=("memory",), receivers=("perception", "reasoning", "user")
    ),
    "clip": Kind(type=Clip, qos=1, limit_bytes=256 * KIB, senders=("memory",), receivers=("reasoning", "user")),
    "recall": Kind(
        type=Recall, qos=1, limit_bytes=64 * KIB, senders=("reasoning", "user"), receivers=("memory", "user")
    ),
    "recalled": Kind(
        type=Recalled,
        qos=1,
        limit_bytes=1536 * KIB,
        senders=("memory",),
        receivers=("reasoning", "user"),
        is_reply=True,
    ),
    "erase": Kind(type=Erase, qos=1, limit_bytes=4 * KIB, senders=("user",), receivers=("memory",)),
    "erased": Kind(type=Erased, qos=1, limit_bytes=64 * KIB, senders=("memory",), receivers=("user",), is_reply=True),
    "media": Kind(type=Media, qos=1, limit_bytes=4 * KIB, senders=("user", "reasoning"), receivers=("memory", "user")),
    "media_reply": Kind(
        type=MediaReply,
        qos=1,
        limit_bytes=1536 * KIB,
        senders=("memory",),
        receivers=("user", "reasoning"),
        is_reply=True,
    ),
    "ask": Kind(type=Ask, qos=1, limit_bytes=16 * KIB, senders=("user", "robot"), receivers=("reasoning", "user")),
    "cancel": Kind(type=Cancel, qos=1, limit_bytes=4 * KIB, senders=("user", "robot"), receivers=("reasoning", "user")),
    "answer_part": Kind(
        type=AnswerPart, qos=1, limit_bytes=64 * KIB, senders=("reasoning",), receivers=("user", "robot")
    ),
    "answer": Kind(
        type=Answer, qos=1, limit_bytes=256 * KIB, senders=("reasoning",), receivers=("user", "robot"), is_reply=True
    ),
    "rule": Kind(
        type=StandingRule,
        qos=1,
        limit_bytes=16 * KIB,
        senders=("user", "robot"),
        receivers=("reasoning", "user"),
        is_retained=True,
    ),
    "alert": Kind(
        type=Alert, qos=1, limit_bytes=256 * KIB, senders=("reasoning",), receivers=("memory", "user", "robot")
    ),
    "ack": Kind(type=Ack, qos=1, limit_bytes=4 * KIB, senders=("user", "robot"), receivers=("reasoning", "user")),
    "status": Kind(
        type=Status, qos=1, limit_bytes=4 * KIB, senders=SERVICES, receivers=("user", *SERVICES), is_retained=True
    ),
    "metrics": Kind(type=Metrics, qos=0, limit_bytes=64 * KIB, senders=SERVICES, receivers=("user",)),
    "dead-letter": Kind(type=DeadLetter, qos=1, limit_bytes=16 * KIB, senders=SERVICES, receivers=("user", "memory")),
}


def span_of(record: Record) -> tuple[int, int]:
    """Return from when to when a record tells; a picture is a moment."""
    match record:
        case Frame():
            return record.t_ns, record.t_ns
        case Detection() if record.start_ns < 0:
            return record.t_ns, record.t_ns
        case _:
            return record.start_ns, record.end_ns


def record_id(record: Record) -> str:
    """Return the id under which memory keeps the record once and for all."""
    return f"{record.session}/{record.stream}/{record.epoch}/{record.kind}-{record.seq}"

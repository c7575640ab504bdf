"""Everything that goes wrong on purpose, and what it costs.

HeedfulError
├── ConfigError      a setting is wrong                     ends the process at start, exit 2
├── InputError       a recording cannot be read             ends the process, exit 2
├── MissingPart      broker, device or model is not there   ends the process, exit 3
├── StoreCorrupt     the memory file is damaged             ends the process, exit 1
├── IndexCorrupt     a derived index is damaged             rebuilt
├── WireError        a payload from outside is unusable     goes to dead-letter, counted
├── BusLost          the broker did not come back in time   the caller decides
├── RecallTimeout    memory did not answer in time          the answer goes on without memory and says so
└── ModelError       a model failed                         one answer; at start the process, exit 3
"""

from __future__ import annotations

from pathlib import Path


class HeedfulError(Exception):
    """Root of every error that Heedful raises on purpose; `exit_code` is what the command line ends with."""

    exit_code = 1


class ConfigError(HeedfulError):
    """A configuration field or command line argument cannot be used."""

    exit_code = 2

    def __init__(self, field: str, reason: str) -> None:
        """Name the field as the user wrote it (`streams.camera.device`) and what to do about it."""
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class InputError(HeedfulError):
    """A recording is missing, empty or holds nothing that can be decoded."""

    exit_code = 2

    def __init__(self, path: Path | str, reason: str) -> None:
        """Name the file and why nothing came out of it."""
        super().__init__(f"{path}: {reason}")
        self.path = str(path)
        self.reason = reason


class MissingPart(HeedfulError):
    """Something the machine must bring is absent: a broker, a device, a library, a model file."""

    exit_code = 3

    def __init__(self, what: str, remedy: str) -> None:
        """Name the part and the one thing the user can do."""
        super().__init__(f"{what}; {remedy}")
        self.what = what
        self.remedy = remedy


class StoreCorrupt(HeedfulError):
    """The memory file fails its own check, or belongs to a newer version."""

    def __init__(self, path: Path | str, reason: str) -> None:
        """Name the file; it is never changed after this."""
        super().__init__(f"{path}: {reason}")
        self.path = str(path)
        self.reason = reason


class IndexCorrupt(HeedfulError):
    """A derived index does not match its checksum or the store; it is rebuilt from the store."""

    def __init__(self, path: Path | str, reason: str) -> None:
        """Name the file and the mismatch."""
        super().__init__(f"{path}: {reason}")
        self.path = str(path)
        self.reason = reason


class WireError(HeedfulError):
    """A payload is too large, malformed, of the wrong schema, or not finite."""

    def __init__(self, topic: str, reason: str) -> None:
        """Keep topic and reason for the dead letter."""
        super().__init__(f"{topic}: {reason}")
        self.topic = topic
        self.reason = reason


class BusLost(HeedfulError):
    """A message could not be handed to the broker before its deadline."""

    def __init__(self, topic: str, waited_s: float) -> None:
        """Name the topic and how long the caller waited."""
        super().__init__(f"{topic} could not be sent within {waited_s:.2f} s: the broker is away")
        self.topic = topic
        self.waited_s = waited_s


class RecallTimeout(HeedfulError):
    """Memory gave no reply within the deadline."""

    def __init__(self, query_id: str, deadline_s: float) -> None:
        """Name the query and the deadline."""
        super().__init__(f"{query_id} took longer than {deadline_s:.2f} s")
        self.query_id = query_id
        self.deadline_s = deadline_s


class ModelError(HeedfulError):
    """A model could not be loaded or failed on an input."""

    exit_code = 3

    def __init__(self, model: str, reason: str) -> None:
        """Name the model and what it said."""
        super().__init__(f"{model}: {reason}")
        self.model = model
        self.reason = reason

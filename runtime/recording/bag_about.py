"""What rosbag2 notes about a bag in its metadata.yaml, and in SQLite files also within."""

from __future__ import annotations

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore")  # later versions note more


class _Topic(_Part):
    name: str
    type: str


class _Counted(_Part):
    topic_metadata: _Topic
    message_count: int = Field(ge=0)


class About(_Part):
    """What is read of it."""

    storage_identifier: str = ""
    relative_file_paths: list[str] = []
    compression_format: str = ""
    compression_mode: str = ""
    topics_with_message_count: list[_Counted] = []

    @property
    def counts(self) -> dict[tuple[str, str], int]:
        """Return how many messages there are of each topic and type."""
        return {
            (one.topic_metadata.name, one.topic_metadata.type): one.message_count
            for one in self.topics_with_message_count
        }

    @property
    def is_packed(self) -> bool:
        """Return whether the files themselves are compressed."""
        return self.compression_mode.lower() == "file" and bool(self.compression_format)


class _Document(_Part):
    rosbag2_bagfile_information: About


def read_about(text: str) -> About:
    """Return what a metadata.yaml says. Raises ValueError where it is none."""
    try:
        return _Document.model_validate(yaml.safe_load(text)).rosbag2_bagfile_information
    except (yaml.YAMLError, ValidationError, RecursionError) as error:
        raise ValueError("is no metadata of a bag") from error

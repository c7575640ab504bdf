"""What rosbag2 notes about a bag in its metadata.yaml, and in SQLite files also within."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from runtime.yaml_model import loaded


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

    relative_file_paths: list[str]
    storage_identifier: str = ""
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


def read_about(text: str) -> About:
    """Return what a metadata.yaml says. Raises ValueError where it is none."""
    try:
        told = loaded(text)
        if isinstance(told, dict):  # the notes within an SQLite file stand by themselves
            told = told.get("rosbag2_bagfile_information", told)
        return About.model_validate(told)
    except (ValueError, RecursionError) as error:
        raise ValueError("is no metadata of a bag") from error

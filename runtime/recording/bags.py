"""Whatever is a recording of many streams, opened by what is in it and not by its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from os.path import isfile  # False also where a name is too long
from pathlib import Path

from runtime.errors import InputError
from runtime.recording import mcap_index, ros1_records, sqlite_bag
from runtime.recording.bag_about import About, read_about
from runtime.recording.container import Container
from runtime.recording.mcap_file import McapFile
from runtime.recording.mcap_writer import RECORDING, part_path, parts_of
from runtime.recording.ros1_bag import Ros1Bag
from runtime.recording.several import Several
from runtime.recording.sqlite_bag import SqliteBag

ABOUT = "metadata.yaml"
OLD_MAGICS = (b"#ROSBAG V", b"#ROSRECORD V")
SUFFIXES = (".mcap", ".db3", ".bag")  # of parts in a folder that nobody described
SNIFFED_BYTES = 32
PARTS_MAX = 99_999  # a year of parts of five minutes; beyond that a number is damage
NAMED_MAX = 8  # missing parts in a line


def is_container(path: Path) -> bool:
    """Return whether this looks like a recording of many streams: by a few bytes of a file, or what is in a folder.

    True does not promise that it can be read; of an SQLite file or an old bag `open_container` says why not.
    """
    if path.is_dir():
        return (path / ABOUT).is_file() or bool(_parts_in(path))
    try:
        return path.is_file() and _kind(_sniffed(path)) is not None  # whoever opens a pipe may wait for ever
    except OSError:
        return False


def open_container(path: Path) -> Container:
    """Open an MCAP file, a ROS 1 bag, a rosbag2 file, or a folder with parts of one recording. Raises InputError."""
    if path.is_dir():
        return _open_folder(path)
    if path.exists() and not path.is_file():
        raise InputError(path, "is not a file")
    match _kind_of(path):
        case "mcap":
            return _with_later_parts(path)
        case "sqlite":
            return SqliteBag(path)
        case "bag":
            return Ros1Bag(path)
        case "old bag":
            raise InputError(path, "is a ROS bag before version 2.0: convert it with `rosbag fix`")
        case "zstd":
            raise InputError(path, "is compressed: unpack it with `zstd -d`")
    raise InputError(path, "is no recording: neither MCAP, nor a bag of ROS 1 or ROS 2")


def open_parts(paths: Sequence[Path]) -> Container:
    """Open files that are parts of one recording. What cannot be opened is a fault; InputError where nothing can."""
    return _joined(paths, [])


def undescribed(path: Path) -> list[Path]:
    """Return the files of a folder that are joined although nobody described them, none for anything else."""
    found = _parts_in(path) if path.is_dir() and not (path / ABOUT).exists() else []
    return found if found[1:] else []


def _with_later_parts(path: Path) -> Container:
    """Open an MCAP file; of a recording of ours that goes on in other files, with those."""
    first = McapFile(path)
    later = _later_parts(first)
    part = _number_of(first.metadata.get(RECORDING, {}))
    others = [one for one in parts_of(path) if one not in later] if part == 1 else []
    faults = [f"{one.name}: is a part of another recording" for one in others]
    if part > 1:
        faults.append(f"is part {part} of a recording: the others are played with the first one")
    if not later:
        first.faults += faults if part > 1 else [*faults, *_not_last({path.name: first})]
        return first
    first.close()
    return _joined([path, *later], faults)


def later_parts(path: Path) -> list[Path]:
    """Return the files in which a recording of ours that begins here goes on, none for anything else.

    Raises InputError where it cannot be read.
    """
    if path.is_dir() or not is_container(path) or _kind_of(path) != "mcap":
        return []
    with closing(McapFile(path)) as first:
        return _later_parts(first)


def _later_parts(first: McapFile) -> list[Path]:
    about = first.metadata.get(RECORDING, {})
    if about.get("part") != "1":
        return []
    return [part for part in parts_of(first.path) if _is_part(part, about.get("id", ""))]


def _is_part(path: Path, recording_id: str) -> bool:
    try:
        part = McapFile(path)
    except InputError:
        return True  # whoever joins it says why not
    part.close()
    return part.metadata.get(RECORDING, {}).get("id") == recording_id


def _open_folder(path: Path) -> Container:
    """Open what a folder's metadata.yaml names, or what is there where the recorder did not come to write one."""
    try:
        text = (path / ABOUT).read_text(encoding="utf-8")
    except FileNotFoundError:
        found = _parts_in(path)
        if not found:
            raise InputError(path, f"is a folder without {ABOUT} and without recordings") from None
        return _joined(found, [])
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(path / ABOUT, f"cannot be read ({error})") from error
    try:
        about = read_about(text)
    except ValueError as error:
        raise InputError(path / ABOUT, str(error)) from error
    if about.is_packed:
        raise InputError(path, f"holds files compressed with {about.compression_format}: unpack them first")
    if about.compression_mode.lower() == "message" and about.storage_identifier == "mcap":
        raise InputError(path, "holds messages that are compressed one by one: unpack them with `ros2 bag convert`")
    named = [path / Path(one).name for one in about.relative_file_paths]  # some versions name the folder before it
    there = [one for one in named if isfile(one)] if named else _parts_in(path)
    if not there:
        raise InputError(path, f"lacks the files that its {ABOUT} names")
    return _joined(there, [f"{one.name}: is missing" for one in named if one not in there], about)


def _joined(paths: Sequence[Path], faults: list[str], about: About | None = None) -> Several:
    parts: dict[str, Container] = {}
    names = [path.name for path in paths]
    for path in paths:
        try:
            parts[path.name if names.count(path.name) == 1 else str(path)] = _open_part(path)
        except InputError as error:
            if len(paths) == 1:
                raise
            faults.append(f"{path.name}: {error.reason}")
    if not parts:
        raise InputError(paths[0].parent, "; ".join(faults))
    faults += _lost_parts(parts, faults)
    faults += _not_last(parts)
    return Several(parts, about.counts if about is not None and not faults else None, faults)


def _lost_parts(parts: Mapping[str, Container], faults: Sequence[str]) -> list[str]:
    """Tell which parts of recordings of ours are missing, by the numbers of those that are there."""
    numbers: dict[str, dict[int, str]] = {}  # recording -> part -> file
    for name, part in parts.items():
        about = part.metadata.get(RECORDING, {})
        if number := _number_of(about):
            numbers.setdefault(about.get("id", ""), {})[number] = name
    told = {fault.partition(": ")[0] for fault in faults}
    lost = []
    for there in numbers.values():
        missing = sorted(set(range(1, max(there) + 1)) - there.keys())
        called = [part_path(Path(there[1]), one).name if 1 in there else f"part {one}" for one in missing]
        called = [name for name in called if name not in told]
        if called:
            are = "are" if called[1:] else "is"
            more = f" and {len(called) - NAMED_MAX} more" if len(called) > NAMED_MAX else ""
            lost.append(f"{', '.join(called[:NAMED_MAX])}{more} {are} missing, or of another recording")
    return lost


def _number_of(about: Mapping[str, str]) -> int:
    """Return which part of a recording a file says that it is, 0 where it does not say."""
    text = about.get("part", "")
    return int(text) if text.isdecimal() and len(text) <= len(str(PARTS_MAX)) else 0


def _not_last(parts: Mapping[str, Container]) -> list[str]:
    """Tell where a recording of ours goes on, or broke off, after the last of its parts that is there."""
    last: dict[str, tuple[int, str]] = {}  # recording -> its last part, file
    for name, part in parts.items():
        about = part.metadata.get(RECORDING, {})
        if number := _number_of(about):
            recording = about.get("id", "")
            last[recording] = max(last.get(recording, (0, "")), (number, name))
    return [
        f"{name}: is not the last part: what follows it is missing, or the recorder could not go on there"
        for _, name in last.values()
        # one that breaks off says so, and an older recorder did not note which part is the last
        if parts[name].metadata[RECORDING].get("last") == "false" and not parts[name].faults
    ]


def _open_part(path: Path) -> Container:
    return McapFile(path) if _kind_of(path) == "mcap" else open_container(path)


def _parts_in(path: Path) -> list[Path]:
    try:
        return sorted(one for one in path.iterdir() if one.suffix in SUFFIXES and one.is_file())
    except OSError:
        return []


def _kind_of(path: Path) -> str | None:
    """Return what a file is by its first bytes, None where it is no recording. Raises InputError."""
    try:
        return _kind(_sniffed(path))
    except OSError as error:
        raise InputError(path, f"cannot be read ({error.strerror})") from error


def _sniffed(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(SNIFFED_BYTES)


def _kind(sniffed: bytes) -> str | None:
    for magic, kind in (
        (mcap_index.MAGIC, "mcap"),
        (sqlite_bag.MAGIC, "sqlite"),
        (ros1_records.MAGIC, "bag"),
        (sqlite_bag.ZSTD_MAGIC, "zstd"),
        *((magic, "old bag") for magic in OLD_MAGICS),
    ):
        if sniffed.startswith(magic):
            return kind
    return None

"""An exported folder back into a memory: every file is compared with the manifest, every row is checked.

Rows come once however often they are taken in. What is there already stays as it is, and what was erased here does
not come back.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import apsw
import numpy as np
from pydantic import TypeAdapter, ValidationError
from safetensors import SafetensorError, safe_open

from memory.check_rows import check_row
from memory.export import FORMAT, JSON_COLUMNS, MANIFEST, PICTURES, ROWS, VERSION
from memory.rows import ClipRow, PinRow, RecordRow, Row, SessionRow, StreamRow, ValueRow, VectorRow
from runtime.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from memory.store import Store

FILE_NAME = re.compile(r"(sessions|streams|clips|pins|records)\.jsonl|(vectors|values)-\d+\.safetensors"
                       rf"|{PICTURES}/[0-9a-f]{{2}}/[0-9a-f]{{64}}\.jpg")  # fmt: skip
LINE_BYTES = 4 << 20
MANIFEST_BYTES = 1 << 30
BATCH_ROWS = 1_024
NAME_CHARACTERS = 512
_TYPES: dict[str, type[Any]] = {  # in the order in which they are taken in
    "sessions.jsonl": SessionRow,
    "streams.jsonl": StreamRow,
    "records.jsonl": RecordRow,
    "clips.jsonl": ClipRow,
    "pins.jsonl": PinRow,
}
_READERS = {row_type: TypeAdapter(row_type) for row_type in _TYPES.values()}


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenIn:
    """What an import brought: how many were offered and how many of them are new."""

    offered: dict[str, int]
    added: dict[str, int]


def take_in(store: Store, folder: Path, sums: dict[str, str] | None = None) -> TakenIn:
    """Import an exported folder; killed half-way, the next call brings the rest. `sums` is what `check_export` gave.

    Raises InputError, before anything is taken in, as `check_export`, and at the first row that is not what it should
    be; MissingPart and StoreCorrupt as `Store.append`.
    """
    sums = check_export(folder) if sums is None else sums
    before = _counts(store)
    offered: dict[str, int] = {}
    for name, rows in _rows(folder, sums):
        kind = name.partition(".")[0].partition("-")[0]
        try:
            for some in _batches(rows):
                store.append([row for row in some if not _is_of_erased(store, row)])
                offered[kind] = offered.get(kind, 0) + len(some)
        except (apsw.Error, ValueError, TypeError, OverflowError, KeyError, IndexError, AttributeError) as error:
            raise InputError(folder / name, f"holds what cannot be stored ({error})") from error
    after = _counts(store)
    return TakenIn(offered=offered, added={kind: after[kind] - before[kind] for kind in after})


def check_export(folder: Path) -> dict[str, str]:
    """Compare an exported folder with its manifest and return the sha256 of each file.

    Raises InputError where a file is missing, changed or unknown.
    """
    sums = _read_manifest(folder)
    _check(folder, sums)
    return sums


def _read_manifest(folder: Path) -> dict[str, str]:
    path = folder / MANIFEST
    try:
        if path.stat().st_size > MANIFEST_BYTES:
            raise InputError(path, "is too large")
        manifest = json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(path, f"cannot be read ({error.strerror}): an export writes it last") from error
    except (ValueError, RecursionError) as error:
        raise InputError(path, f"is not JSON ({error})") from error
    if (
        not isinstance(manifest, dict)
        or manifest.get("format") != FORMAT
        or not isinstance(manifest.get("files"), dict)
    ):
        raise InputError(path, "is not that of an exported memory")
    if manifest.get("version") != VERSION:
        raise InputError(path, f"has version {manifest.get('version')}, this Heedful reads {VERSION}")
    return {str(name): str(digest) for name, digest in manifest["files"].items()}


def _check(folder: Path, sums: dict[str, str]) -> None:
    """Compare every file with what the manifest says of it; its name may lead nowhere else."""
    for name, digest in sums.items():
        path = folder / name
        if not FILE_NAME.fullmatch(name):
            raise InputError(folder / MANIFEST, f"names {name!r}, which no export writes")
        try:
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise InputError(path, f"cannot be read ({error.strerror})") from error
        if found != digest:
            raise InputError(path, "is not what was exported: its sha256 is another")


def _rows(folder: Path, sums: dict[str, str]) -> Iterator[tuple[str, Iterator[Row]]]:
    for name, row_type in _TYPES.items():
        if name in sums:
            yield name, _lines(folder, name, row_type, sums)
    for name in sums:
        if name.startswith("vectors-"):
            yield name, _vectors(folder / name)
        elif name.startswith("values-"):
            yield name, _values(folder / name)


def _is_of_erased(store: Store, row: Row) -> bool:
    return isinstance(row, SessionRow | StreamRow) and store.was_erased(row)


def _lines(folder: Path, name: str, row_type: type[Any], sums: dict[str, str]) -> Iterator[Row]:
    with (folder / name).open("rb") as file:
        number = 0
        while line := file.readline(LINE_BYTES):
            number += 1
            try:
                fields = json.loads(line)
                for column in JSON_COLUMNS:
                    if fields.get(column) is not None:
                        fields[column] = json.dumps(fields[column])
                picture = fields.get("media")
                if picture is not None:
                    if picture not in sums:
                        raise ValueError("its picture is not in the manifest")
                    fields["media"] = (folder / picture).read_bytes()
                row: Row = _READERS[row_type].validate_python(fields, strict=True)
                check_row(row)
            except (ValueError, AttributeError, TypeError, OSError, RecursionError) as error:
                reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
                raise InputError(
                    folder / name, f"line {number} is no {row_type.__name__[:-3].lower()} ({reason})"
                ) from error
            yield row


def _vectors(path: Path) -> Iterator[Row]:
    for metadata, tensors in _tensors(path):
        owners, vectors = metadata["owners"], tensors["vectors"]
        if not _is_name(metadata["space"]) or not all(map(_is_name, owners)):
            raise InputError(path, "names spaces and owners by what is no text")
        if vectors.ndim != 2 or vectors.dtype != np.float16 or len(owners) != len(vectors):
            raise InputError(path, "does not hold one vector for each owner")
        if not np.isfinite(vectors).all() or not vectors.any(axis=1).all():
            raise InputError(path, "holds a vector that is zero or not finite")
        for owner, vector in zip(owners, vectors, strict=True):
            yield VectorRow(owner, metadata["space"], vector.tobytes())


def _values(path: Path) -> Iterator[Row]:
    for metadata, tensors in _tensors(path):
        for place, (owner, model) in enumerate(metadata["owners"]):
            tokens, weights = tensors[f"{place}.tokens"], tensors[f"{place}.weights"]
            is_right = tokens.dtype == weights.dtype == np.float16 and tokens.ndim == 2 and tokens.size > 0
            is_right = is_right and weights.shape == tokens.shape[:1] and _is_name(owner) and _is_name(model)
            if not is_right or not np.isfinite(tokens).all() or not np.isfinite(weights).all():
                raise InputError(path, f"holds tokens of {owner} that are of another kind or not finite")
            yield ValueRow(owner, model, tokens.tobytes(), weights.tobytes())


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= NAME_CHARACTERS and value.isprintable()


def _tensors(path: Path) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield metadata and tensors of a file, once."""
    try:
        with safe_open(path, framework="numpy") as file:
            yield json.loads((file.metadata() or {})[ROWS]), {name: file.get_tensor(name) for name in file.keys()}
    except (SafetensorError, KeyError, ValueError, TypeError, RecursionError) as error:
        raise InputError(path, f"is not what an export writes ({error})") from error


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    rows = iter(rows)
    while some := list(islice(rows, BATCH_ROWS)):
        yield some


def _counts(store: Store) -> dict[str, int]:
    stats = store.stats()
    vectors = sum(stats.vectors.values())
    return {
        "records": sum(stats.records.values()),
        "clips": stats.clips,
        "vectors": vectors,
        "pictures": stats.pictures,
    }

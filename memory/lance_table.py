"""One LanceDB table with everything in it: rows of several types, each of which leaves columns of the others empty.

One table, because LanceDB commits one at a time: a batch is there as a whole or not at all, and a version of the table
is one moment of the whole memory. LanceDB comes with the extra `lance`.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any

from memory.scope import EARLIEST_NS, Scope
from runtime.errors import ConfigError, MissingPart, StoreCorrupt

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

NAME = "memory"
TEXTS = ("type", "key", "space", "session", "stream", "kind", "sensor", "text", "box", "trust", "data")
NUMBERS = ("number", "epoch", "seq", "t_ns", "start_ns", "end_ns", "clock_ns", "checksum")
LISTS = ("stems", "records")
NEWEST_FIRST = ("start_ns", "end_ns", "number")
COMPACTED = 16  # commits between two: each leaves a file, and all of them are looked into
READERS_S = 600.0  # so long a version that somebody may be reading is kept
CLEANINGS = 20


class Table:
    """The table in one folder; one thread uses it."""

    def __init__(self, folder: Path, connection: Any, table: Any) -> None:
        """Use `Table.open`."""
        self.path = folder / f"{NAME}.lance"
        self._connection = connection
        self._table = table
        self._commits = 0

    @classmethod
    def open(cls, folder: Path, *, writable: bool) -> Table:
        """Open the table; the writer makes it where it is missing.

        Raises MissingPart where LanceDB is not installed, ConfigError where there is no memory to be read, and
        StoreCorrupt where it cannot be opened.
        """
        try:
            lancedb = import_module("lancedb")
        except ImportError as error:
            raise MissingPart("LanceDB is not installed", "pip install 'heedful[lance]'") from error
        path = folder / f"{NAME}.lance"
        is_there = any((path / part).is_dir() and any((path / part).iterdir()) for part in ("_versions", "data"))
        if not is_there and not writable:
            raise ConfigError(str(folder), f"holds no memory: {path.name} is not there")
        with lance_errors(path):
            connection = lancedb.connect(folder)
            if is_there:
                return cls(folder, connection, connection.open_table(NAME))
            # What is there was interrupted before it held anything.
            return cls(folder, connection, connection.create_table(NAME, schema=_schema(), mode="overwrite"))

    def pin(self) -> None:
        """Let all reading be of this moment, until the next call."""
        with lance_errors(self.path):
            self._table.checkout_latest()
            self._table.checkout(self._table.version)

    def rows(
        self, condition: str, columns: Sequence[str] | None = None, *, last: int | None = None, first: int | None = None
    ) -> list[dict[str, Any]]:
        """Return rows for which an SQL condition holds; only the last or the first so many in time, in that order."""
        with lance_errors(self.path):
            query = self._table.search().where(condition)
            if columns is not None:
                query = query.select(list(columns))
            if last is not None or first is not None:
                ordering = import_module("lancedb.query").ColumnOrdering
                query = query.order_by([ordering(column_name=name, ascending=last is None) for name in NEWEST_FIRST])
                query = query.limit(first if last is None else last)
            found: list[dict[str, Any]] = query.to_arrow().to_pylist()
            return found

    def count(self, condition: str) -> int:
        """Return how many rows an SQL condition holds for."""
        with lance_errors(self.path):
            count: int = self._table.count_rows(condition)
            return count

    def width(self, space: str) -> int | None:
        """Return how wide the vectors of a space are, None where there are none."""
        schema, name = self._table.schema, column_of(space)
        return schema.field(name).type.list_size if name in schema.names else None

    def nearest(
        self, space: str, vector: NDArray[np.float32], limit: int, condition: str
    ) -> list[tuple[float, int, str, str]]:
        """Return inner product, number, key and kind of the nearest rows for which a condition holds, best first.

        Every such row is looked at: the table has no index.
        """
        with lance_errors(self.path):
            query = self._table.search(vector, vector_column_name=column_of(space)).distance_type("dot")
            query = query.where(condition, prefilter=True).select(["number", "key", "kind", "_distance"]).limit(limit)
            found = query.to_arrow().to_pylist()
        return [(1.0 - row["_distance"], row["number"], row["key"], row["kind"]) for row in found]

    def next_number(self) -> int:
        """Return a number higher than any that is there."""
        newest = max((row["number"] for row in self.rows("true", ["number"])), default=0)
        return int(newest) + 1

    def add(self, rows: Sequence[dict[str, Any]]) -> None:
        """Add rows in one commit; vectors stand under "vector". Raises ValueError, TypeError or OverflowError."""
        arrow = import_module("pyarrow")
        table, fresh = _as_arrow(rows, self._table.schema)
        with lance_errors(self.path):
            for name, width in fresh.items():
                self._table.add_columns(arrow.field(name, arrow.list_(arrow.float32(), width)))
            self._table.add(table)
            self._commits += 1
            if self._commits % COMPACTED == 0:
                self._table.optimize(cleanup_older_than=timedelta(seconds=READERS_S))

    def rewrite(self, gone: Iterable[int], rows: Sequence[dict[str, Any]]) -> list[str]:
        """Write everything anew, without the numbers that go and with more rows, in one commit; remove what was before.

        Return the names of files that should have gone: none.
        """
        arrow, compute = import_module("pyarrow"), import_module("pyarrow.compute")
        before = self._files()
        numbers = arrow.array(sorted(gone), arrow.int64())
        added, _ = _as_arrow(rows, self._table.schema)

        def survivors() -> Iterator[Any]:
            for batch in self._table.search().to_batches():
                yield batch.filter(compute.invert(compute.is_in(batch["number"], numbers)))
            yield from added.to_batches()

        with lance_errors(self.path):
            schema = self._table.schema
            reader = arrow.RecordBatchReader.from_batches(schema, survivors())
            self._table = self._connection.create_table(NAME, reader, mode="overwrite")
            for _ in range(CLEANINGS):
                time.sleep(0.002)  # what is older than a millisecond goes
                self._table.optimize(cleanup_older_than=timedelta(milliseconds=1), delete_unverified=True)
                left = sorted(name for name, _ in before & self._files())
                if not left:
                    break
        return left

    def _files(self) -> set[tuple[str, int]]:
        """Return the names of all files, each with when it was written."""
        files = [path for path in self.path.rglob("*") if path.is_file()]
        return {(str(path.relative_to(self.path)), path.stat().st_mtime_ns) for path in files}


@contextmanager
def lance_errors(path: Path) -> Iterator[None]:
    """Turn what LanceDB says about files into our errors, one line each."""
    try:
        yield
    except (RuntimeError, FileNotFoundError, ValueError) as error:
        raise StoreCorrupt(path, f"is damaged or not a memory ({str(error).splitlines()[0]})") from error
    except OSError as error:
        raise MissingPart(f"{path}: {error}", "check the disk and the permissions of the folder") from error


def condition_of(scope: Scope, row_type: str) -> str:
    """Return the SQL condition of a scope on rows of one type."""
    parts = [f"type = '{row_type}'", f"session = {quoted(scope.session)}", f"t_ns <= {bounded(scope.as_of_ns)}"]
    parts += [f"start_ns - clock_ns <= {bounded(scope.end_ns)}", f"end_ns + clock_ns >= {bounded(scope.start_ns)}"]
    parts += [one_of(column, names) for column, names in scope.names() if names]
    if scope.except_key and row_type == "record":
        parts.append(f"key != {quoted(scope.except_key)}")
    return " AND ".join(parts)


def one_of(column: str, names: Iterable[str]) -> str:
    """Return the SQL condition that a column holds one of some texts."""
    listed = ", ".join(map(quoted, names))
    return f"{column} IN ({listed})" if listed else "false"


def quoted(text: str) -> str:
    """Return a text as SQL has it."""
    return "'" + text.replace("'", "''") + "'"


def bounded(number: int) -> int:
    """Return a number that SQL can take: of the lowest there is, it knows only the positive."""
    return max(number, EARLIEST_NS + 1)


def column_of(space: str) -> str:
    """Return the column in which the vectors of a space lie."""
    return f"vector_{space.encode().hex()}"


def _schema() -> Any:
    arrow = import_module("pyarrow")
    columns = [(name, arrow.string()) for name in TEXTS] + [(name, arrow.int64()) for name in NUMBERS]
    columns += [(name, arrow.list_(arrow.string())) for name in LISTS]
    return arrow.schema([*columns, ("level", arrow.float64()), ("media", arrow.large_binary())])


def _as_arrow(rows: Sequence[dict[str, Any]], schema: Any) -> tuple[Any, dict[str, int]]:
    """Return rows in columns, and which of these columns are new: name -> width."""
    arrow = import_module("pyarrow")
    fresh: dict[str, int] = {}
    named: list[dict[str, Any]] = []
    for row in rows:
        if "vector" not in row:
            named.append(row)
            continue
        vector, name = row["vector"], column_of(row["space"])
        width = schema.field(name).type.list_size if name in schema.names else fresh.setdefault(name, len(vector))
        if len(vector) != width:
            raise ValueError(f"vectors of {row['space']} have {width} dimensions, not {len(vector)}")
        named.append({key: value for key, value in row.items() if key != "vector"} | {name: vector})
    for name, width in fresh.items():
        schema = schema.append(arrow.field(name, arrow.list_(arrow.float32(), width)))
    return arrow.Table.from_pylist(named, schema=schema), fresh

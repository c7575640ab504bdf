"""What a search may see: one session, one stretch of time, and nothing that was known later than `as_of_ns`.

One scope filters inside SQL (`where`) and inside the index (`Columns.allowed`): both searches see the same records.
"""

from __future__ import annotations

from dataclasses import dataclass

EARLIEST_NS = -(2**63)
LATEST_NS = 2**63 - 1
CLOCK_ERROR_MAX_NS = 3_600_000_000_000
CLIP = "clip"  # the kind under which clips stand in the index


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """A filter on records: known by `as_of_ns`, overlapping [start_ns, end_ns], of these kinds, streams and trusts.

    A record whose clock may be off overlaps all that it might. Both ends of the window belong to it, and so do both
    ends of a record. No names means all.
    """

    session: str
    as_of_ns: int
    start_ns: int = EARLIEST_NS
    end_ns: int = LATEST_NS
    kinds: tuple[str, ...] = ()
    streams: tuple[str, ...] = ()
    trusts: tuple[str, ...] = ()
    except_key: str = ""  # one record that is not meant: the anchor, when its surroundings are
    longest_ns: int | None = None  # where it is known: no record reaches further, so none is looked for long before

    def names(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Return columns with the names that are wanted in them; none means all."""
        return ("kind", self.kinds), ("stream", self.streams), ("trust", self.trusts)

    def where(self) -> tuple[str, list[str | int]]:
        """Return the SQL condition on table `record` and its values."""
        condition = """record.session = ? AND record.start_ns <= ? AND record.start_ns - record.clock_ns <= ?
            AND record.end_ns + record.clock_ns >= ? AND record.t_ns <= ?"""
        latest_ns = min(self.end_ns + CLOCK_ERROR_MAX_NS, LATEST_NS)  # what the table's index can look for
        values: list[str | int] = [self.session, latest_ns, self.end_ns, self.start_ns, self.as_of_ns]
        if self.longest_ns is not None:  # says what the window says, in words for which the index can be walked
            condition += " AND record.start_ns >= ?"
            values.append(max(EARLIEST_NS, self.start_ns - self.longest_ns))
        for column, names in self.names():
            if names:
                condition += f" AND record.{column} IN ({', '.join('?' * len(names))})"
                values += names
        if self.except_key:
            condition += " AND record.id IS NOT (SELECT id FROM record WHERE key = ?)"
            values.append(self.except_key)
        return condition, values

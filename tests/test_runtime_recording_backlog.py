"""What waits to be written: oldest first, numbered as it came, and never more than there is room for."""

from hypothesis import given
from hypothesis import strategies as st

from runtime.recording.backlog import ITEM_BYTES, Arrival, Backlog, Encoded


def nothing() -> Encoded:
    return None, []


def arrival(size_bytes: int, stream: str = "cam", kind: str = "image") -> Arrival:
    return Arrival(stream=stream, kind=kind, arrived_ns=1, size_bytes=size_bytes, encode=nothing)


@given(st.lists(st.one_of(st.none(), st.integers(0, 3_000)), max_size=60), st.integers(1, 10_000))
def test_the_newest_that_fit_are_kept_and_the_others_counted(steps: list[int | None], room_bytes: int) -> None:
    backlog, kept, taken, put = Backlog(room_bytes), list[tuple[int, int]](), list[int](), 0
    for step in steps:
        if step is None:
            found = [(seq, one.size_bytes) for seq, one in backlog.take()]
            assert found == kept
            taken += [seq for seq, _ in found]
            kept = []
            continue
        put += 1
        backlog.put(arrival(step))
        kept.append((put, step))
        while len(kept) > 1 and sum(size + ITEM_BYTES for _, size in kept) > room_bytes:
            kept.pop(0)
    assert backlog.lost == put - len(taken) - len(kept)


def test_streams_and_kinds_are_numbered_each_for_itself_and_a_loss_is_a_gap() -> None:
    backlog = Backlog()
    for stream, kind in [("a", "image"), ("b", "image"), ("a", "image"), ("a", "calibration")]:
        backlog.put(arrival(1, stream, kind))
    backlog.lose("a", "image")
    backlog.put(arrival(1, "a", "image"))
    assert [(one.stream, one.kind, seq) for seq, one in backlog.take()] == [
        ("a", "image", 1),
        ("b", "image", 1),
        ("a", "image", 2),
        ("a", "calibration", 1),
        ("a", "image", 4),
    ]
    assert backlog.lost == 1


def test_what_waits_or_comes_once_it_is_closed_is_lost() -> None:
    backlog = Backlog()
    backlog.put(arrival(1))
    backlog.close()
    backlog.put(arrival(1))
    backlog.lose("cam", "image")
    assert backlog.take() == []
    assert backlog.lost == 3

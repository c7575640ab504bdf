"""Every engine that is installed, through the one suite; and that the manual has what they promise."""

from __future__ import annotations

import random
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory.embedded import EmbeddedStore
from runtime.errors import HeedfulError, MissingPart
from tests.memory_conformance import CHECKS, promise_table
from tests.memory_engines import ENGINES, Engine, filled, record
from tests.memory_questions import check_scopes_against_the_reference
from tests.power import Power, PowerCut, sqlite_on
from tests.test_layering import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from memory.protocol import MemoryStore
    from tests.memory_reference import SlowMemory

pytestmark = pytest.mark.slow  # kills, and files written anew, on a machine that may be busy


@pytest.fixture(scope="module", params=ENGINES, ids=lambda one: one.name)
def engine(request: pytest.FixtureRequest) -> Engine:
    found: Engine = request.param
    if not found.is_installed:
        pytest.skip(f"{found.module} is not installed")
    return found


@pytest.fixture(scope="module")
def world(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[MemoryStore, SlowMemory]]:
    with engine.opened(tmp_path_factory.mktemp("world")) as store:
        yield store, filled(store, seed=1)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_conforms(engine: Engine, check: Callable[[Engine, Path], None], tmp_path: Path) -> None:
    check(engine, tmp_path)


@settings(max_examples=30)
@given(seed=st.integers(0, 2**32))
def test_every_question_is_answered_as_by_the_slow_reference(world: tuple[MemoryStore, SlowMemory], seed: int) -> None:
    check_scopes_against_the_reference(*world, seed)


@pytest.mark.parametrize("seed", range(6))
def test_the_embedded_engine_keeps_what_it_called_stored_through_a_power_cut(seed: int, tmp_path: Path) -> None:
    rng, stored = random.Random(seed), 0
    EmbeddedStore.open(tmp_path / "before").close()
    power = Power(tmp_path / "before", rng, rng.randrange(50, 1_500))
    with sqlite_on(power):
        store = EmbeddedStore.open(tmp_path / "before")
        with suppress(PowerCut, HeedfulError):
            while not power.is_off:
                store.append([record(stored)])
                stored += not power.is_off  # SQLite does not say that a checkpoint failed
        with suppress(PowerCut, HeedfulError):
            store.close()
    power.cut(tmp_path / "after")
    after = EmbeddedStore.open(tmp_path / "after")
    assert stored > 0
    assert after.verify() == []
    assert all(after.has(record(seq).key) for seq in range(stored))
    after.close()


def test_an_engine_that_is_not_installed_says_what_to_install(tmp_path: Path) -> None:
    lance = next(one for one in ENGINES if one.name == "lance")
    if lance.is_installed:
        pytest.skip("LanceDB is installed")
    with pytest.raises(MissingPart, match="LanceDB is not installed") as raised:
        lance.open(tmp_path)
    assert "heedful[lance]" in str(raised.value)


def test_the_manual_has_what_the_engines_promise() -> None:
    assert promise_table([one.promises for one in ENGINES]) in (ROOT / "docs" / "memory.md").read_text()

"""Asking memory, with a deadline: what does not come in time is missing, and that is counted and said."""

from __future__ import annotations

import logging
import time

from runtime.bus import Bus
from runtime.errors import HeedfulError, RecallTimeout
from runtime.insist import insist
from runtime.messages import Recall, Recalled
from runtime.metrics import Meter

logger = logging.getLogger(__name__)


class Recalls:
    """One session's way to its memory."""

    def __init__(self, bus: Bus, meter: Meter, deadline_s: float, session_start_ns: int | None) -> None:
        """Wait at most `deadline_s` each time; when the session began is learnt with the first reply."""
        self.deadline_s = deadline_s
        self.session_start_ns = session_start_ns
        self._bus = bus
        self._meter = meter

    async def timed(self, query: Recall) -> tuple[Recalled | None, float]:
        """Return the reply, None where memory is silent or does not look, and the milliseconds it took."""
        start_s = time.perf_counter()
        reply = await self.search(query)
        return reply, (time.perf_counter() - start_s) * 1e3

    async def search(self, query: Recall) -> Recalled | None:
        """Return the reply, None where memory is silent or does not look."""
        try:
            reply = await self._ask(query)
        except RecallTimeout as error:
            logger.warning("%s", error)
            self._meter.counters["recall timeouts"] += 1
            return None
        if reply.reason:
            logger.warning("memory did not look: %s", reply.reason)
            self._meter.counters["recalls refused"] += 1
            return None
        self.session_start_ns = reply.session_start_ns
        return reply

    async def _ask(self, query: Recall) -> Recalled:
        try:
            reply = await insist(self._bus, query, "recalled", self.deadline_s)
        except (TimeoutError, HeedfulError) as error:
            raise RecallTimeout(query.query_id, self.deadline_s) from error
        assert isinstance(reply, Recalled)
        return reply

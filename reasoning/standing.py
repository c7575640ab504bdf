"""Standing requests at work: rules come and go by message, every second of event time is looked at, alerts go out.

One recall a second brings what is new for all rules; where a rule needs eyes, the model is asked at most once a second.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Literal

from reasoning.evidence import Composed
from reasoning.rules import RuleBook, Wish
from reasoning.understand import Question, understand
from runtime.messages import Ack, Alert, Evidence, Recall, Recalled, StandingRule

logger = logging.getLogger(__name__)

TICK_NS = 1_000_000_000
LOOKBACK_NS = 60_000_000_000  # a long utterance is known long after it began
RECORDS = 512
KINDS = ("utterance", "sound", "motion", "frame", "gap")
YES = re.compile(r"\W*yes\b", re.IGNORECASE)

Search = Callable[[Recall], Awaitable[Recalled | None]]  # None where memory is silent
Judge = Callable[[Question, Recalled, int], Awaitable[Composed | None]]  # asks the model; None: it had to make way
Records = Callable[[Question, Recalled, int], Composed]  # what the records alone say
Tell = Callable[[Alert], Awaitable[None]]


class StandingRequests:
    """The rules of one session and their clock."""

    def __init__(
        self,
        session: str,
        *,
        has_model: bool,
        is_replay: bool,
        search: Search,
        judge: Judge,
        records: Records,
        tell: Tell,
        start_ns: int = 0,
    ) -> None:
        """Look at every second from `start_ns` on in a replay; live at what is new, once a second."""
        self._session = session
        self._book = RuleBook(has_model=has_model)
        self._is_replay = is_replay
        self._search, self._judge, self._records, self._tell = search, judge, records, tell
        self._checked_ns = -(-start_ns // TICK_NS) * TICK_NS - TICK_NS
        self._refused = 0
        self._unchecked: set[str] = set()  # rules of which it is told that the model cannot be asked

    async def set(self, rule: StandingRule, now_ns: int) -> None:
        """Add, change or remove a rule; a refusal is told."""
        if reason := self._book.set(rule, now_ns):
            self._refused += 1
            alert_id = f"{rule.stream}-refused-{self._refused}"
            await self._tell(self._alert(rule.stream, alert_id, "refused", reason, now_ns, 0, ()))

    def acknowledge(self, ack: Ack, now_ns: int) -> None:
        """Let the rule of an alert be silent as long as its reader wishes."""
        self._book.snooze(ack.alert_id, now_ns, ack.snooze_s)

    async def reach(self, t_ns: int) -> None:
        """Look at what has happened by a time: in a replay at each whole second, live at most once a second."""
        next_ns = self._checked_ns + TICK_NS
        ticks_ns = range(next_ns, t_ns + 1, TICK_NS) if self._is_replay else [t_ns] if t_ns >= next_ns else []
        for tick_ns in ticks_ns:
            self._checked_ns = tick_ns
            if self._book.wishes:
                await self._check(tick_ns)

    async def _check(self, now_ns: int) -> None:
        query = Recall(
            session=self._session,
            query_id=f"rules-{now_ns}",
            as_of_ns=now_ns,
            kinds=KINDS,
            start_ns=now_ns - LOOKBACK_NS,
            end_ns=now_ns,
            timeline_limit=RECORDS,
        )
        recalled = await self._search(query)
        if recalled is None:
            return
        sure, asked = self._book.match(recalled.timeline, now_ns)
        for wish, episode in sure:
            question = replace(wish.question, text=f"When did {wish.request}?")
            shown = replace(recalled, timeline=episode.hits, hits=(), total=len(episode.hits))
            composed = self._records(question, shown, now_ns)
            shows = {hit.record_id for hit in episode.hits}
            if not composed.abstained and any(row.record_id in shows for row in composed.evidence):
                await self._fire(wish, composed, recalled, now_ns)
        for wish, episode in asked:
            question = understand(f"Has this just happened: {wish.request}? Begin with yes or no.", now_ns, 0)
            judged = await self._judge(question, recalled, now_ns)
            if judged is None:
                wish.forget(episode)  # its turn comes again
                continue
            await self._note_failure(wish, judged, now_ns)
            first = judged.sentences[0]
            is_yes = first.supported and YES.match(first.text) and not judged.is_from_records
            if is_yes and judged.evidence and not judged.abstained:
                await self._fire(wish, judged, recalled, now_ns, checked=True)

    async def _note_failure(self, wish: Wish, composed: Composed, now_ns: int) -> None:
        """Tell once that a rule is not watched over: the model cannot be asked; what it then missed stays unseen."""
        name = wish.rule.stream
        if not composed.is_from_records:
            self._unchecked.discard(name)
        elif name not in self._unchecked:
            self._unchecked.add(name)
            reason = f"I cannot watch for {wish.request}. {composed.sentences[-1].text}"
            logger.warning("rule %s: %s", name, reason)
            await self._tell(
                self._alert(name, f"{name}-unchecked-{now_ns // TICK_NS}", "unchecked", reason, now_ns, 0, ())
            )

    async def _fire(
        self,
        wish: Wish,
        composed: Composed,
        recalled: Recalled,
        now_ns: int,
        *,
        checked: bool = False,
    ) -> None:
        if not self._book.stands(wish, now_ns) or not self._book.may_fire(wish, now_ns):
            return
        text = " ".join(sentence.text for sentence in composed.sentences)
        name = wish.rule.stream
        alert = self._alert(
            name, f"{name}-{now_ns // TICK_NS}", "fired", text, now_ns, recalled.session_start_ns, composed.evidence
        )
        await self._tell(replace(alert, checked=checked, suppressed=self._book.take_suppressed()))

    def _alert(
        self,
        rule: str,
        alert_id: str,
        state: Literal["fired", "refused", "unchecked"],
        text: str,
        now_ns: int,
        session_start_ns: int,
        evidence: tuple[Evidence, ...],
    ) -> Alert:
        return Alert(
            session=self._session,
            rule=rule,
            alert_id=alert_id,
            state=state,
            session_start_ns=session_start_ns,
            t_ns=now_ns,
            text=text,
            evidence=evidence,
            checked=False,
            suppressed=0,
        )

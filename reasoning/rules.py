"""Standing requests: "tell me when somebody says help". Read once, then matched with what is recorded.

The grammar of questions reads them. What records can decide fires by itself; what needs eyes ("a red car arrives") has
records as its cheap filter and a language model as its judge. An activity that goes on fires once.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from reasoning.episodes import Episode, gather
from reasoning.plan import KINDS, asked_kinds
from reasoning.understand import Question, understand
from reasoning.view import relevant
from reasoning.wording import plain
from runtime.messages import Hit, StandingRule

RULES = 32
LENGTH = 200  # characters of a request
REMEMBERED = 2048  # more than one look back brings: records per rule that it has told of, or that a model has looked at
PER_MINUTE = 6  # alerts of all rules together
MINUTE_NS = 60_000_000_000
S_NS = 1_000_000_000
EXAMPLES = '"somebody says help", "something moves on the left", "a tone sounds", "the camera is blind"'


@dataclass(slots=True, kw_only=True)
class Wish:
    """One rule as it was understood, and when it may speak again."""

    rule: StandingRule
    question: Question
    kinds: frozenset[str]  # of records that may show it
    is_for_model: bool  # records alone cannot decide it
    since_ns: int  # what was over by then is not told
    quiet_until_ns: int = -1
    known: OrderedDict[str, None] = field(default_factory=OrderedDict)  # records that showed it, or were looked at

    @property
    def request(self) -> str:
        """What is to be told."""
        return self.rule.request

    def fresh(self, hits: Sequence[Hit]) -> list[Episode]:
        """Return what these records show for the first time, oldest first."""
        mine = [hit for hit in hits if hit.kind in self.kinds and hit.record_id and hit.end_ns > self.since_ns]
        found = self._found(mine)
        new = [one for one in found if not any(hit.record_id in self.known for hit in one.hits)]  # else it goes on
        if not self.is_for_model:  # what a model did not get to look at waits for its turn
            self.know(found)
        return new

    def know(self, episodes: Iterable[Episode]) -> None:
        """Note what was told of, or looked at."""
        for hit in (hit for episode in episodes for hit in episode.hits):
            self.known[hit.record_id] = None
            self.known.move_to_end(hit.record_id)
        while len(self.known) > REMEMBERED:
            self.known.popitem(last=False)

    def forget(self, episode: Episode) -> None:
        """Let it be new once more: nobody got to look at it."""
        for hit in episode.hits:
            self.known.pop(hit.record_id, None)

    def _found(self, hits: Sequence[Hit]) -> list[Episode]:
        if self.is_for_model:
            return [Episode(kind=hit.kind, start_ns=hit.start_ns, end_ns=hit.end_ns, hits=(hit,)) for hit in hits]
        if self.question.about == "sensors":
            return gather(hits, "gap")
        return relevant(self.question.topic, hits)


class RuleBook:
    """The rules of one session."""

    def __init__(self, *, has_model: bool) -> None:
        """Read rules that need eyes only where there is a language model."""
        self.wishes: dict[str, Wish] = {}
        self.suppressed = 0
        self._has_model = has_model
        self._fired_ns: list[int] = []
        self._refused: OrderedDict[str, StandingRule] = OrderedDict()  # which are not refused twice
        self._turn = 0

    def set(self, rule: StandingRule, now_ns: int) -> str:
        """Add, change or remove a rule; return why it is refused, "" where it is not."""
        name = rule.stream
        if not rule.request.strip():
            self.wishes.pop(name, None)
            self._refused.pop(name, None)
            return ""
        if rule in (self._refused.get(name), self.wishes[name].rule if name in self.wishes else None):
            return ""  # the broker hands out what it retains after each reconnect
        if name not in self.wishes and len(self.wishes) >= RULES:
            return f"There are {RULES} rules already; remove one first."
        wish = read(rule, now_ns, has_model=self._has_model)
        self._refused.pop(name, None)
        before = self.wishes.pop(name, None)
        if isinstance(wish, str):
            self._refused[name] = rule
            while len(self._refused) > RULES:
                self._refused.popitem(last=False)
            return wish
        if before is not None:
            wish.quiet_until_ns = before.quiet_until_ns
        self.wishes[name] = wish
        return ""

    def snooze(self, alert_id: str, now_ns: int, snooze_s: float) -> None:
        """Let the rule of an alert be silent for a while."""
        wish = self.wishes.get(alert_id.rpartition("-")[0])
        if wish is not None and snooze_s > 0:
            wish.quiet_until_ns = max(wish.quiet_until_ns, now_ns + round(min(snooze_s, 1e7) * S_NS))

    def match(self, hits: Sequence[Hit], now_ns: int) -> tuple[list[tuple[Wish, Episode]], list[tuple[Wish, Episode]]]:
        """Return what fires by itself, and what a model is to look at: of those one in turn, the others next time."""
        sure: list[tuple[Wish, Episode]] = []
        asked: list[tuple[Wish, list[Episode]]] = []
        for wish in self.wishes.values():
            fresh = wish.fresh(hits)
            if now_ns < wish.quiet_until_ns:
                wish.know(fresh)
            elif fresh and not wish.is_for_model:
                sure.append((wish, fresh[-1]))
            elif fresh:
                asked.append((wish, fresh))
        if not asked:
            return sure, []
        self._turn += 1
        wish, fresh = asked[self._turn % len(asked)]
        wish.know(fresh)
        return sure, [(wish, fresh[-1])]

    def may_fire(self, wish: Wish, now_ns: int) -> bool:
        """Say whether an alert may go out now, and count it; what may not is counted too."""
        self._fired_ns = [t_ns for t_ns in self._fired_ns if now_ns - t_ns < MINUTE_NS]
        if len(self._fired_ns) >= PER_MINUTE:
            self.suppressed += 1
            return False
        self._fired_ns.append(now_ns)
        wish.quiet_until_ns = now_ns + round(min(max(wish.rule.cool_down_s, 0.0), 1e7) * S_NS)
        return True

    def stands(self, wish: Wish, now_ns: int) -> bool:
        """Say whether a rule is still what it was, and may speak: a model takes its time."""
        return self.wishes.get(wish.rule.stream) is wish and now_ns >= wish.quiet_until_ns

    def take_suppressed(self) -> int:
        """Return how many alerts were held back since the last one that went out."""
        count, self.suppressed = self.suppressed, 0
        return count


def read(rule: StandingRule, now_ns: int, *, has_model: bool) -> Wish | str:
    """Return the rule as it is understood, or why it cannot be followed."""
    if len(rule.request) > LENGTH:
        return f"A request has at most {LENGTH} characters, not {len(rule.request)}."
    request = plain(rule.request, LENGTH).rstrip(".!?")
    question = understand(f"When did {request}?", 0, 0)
    topic = question.topic
    if question.negated or question.span is not None or question.anchor is not None or question.parts:
        return f'I cannot watch for "{request}": name one thing that happens, like {EXAMPLES}.'
    is_searched = bool(topic.content) and question.about not in ("speech", "heard")
    is_light = topic.about == "dark" and topic.edge == "end"  # that the dark is over no record tells by itself
    is_for_model = is_light or bool(question.unknowable) or topic.has_rare_thing or is_searched or not question.is_clear
    if is_for_model and not has_model:
        return f'I cannot tell "{request}" without a language model; I know {EXAMPLES}.'
    kinds = {"gap"} if question.about == "sensors" else asked_kinds(question)
    if is_for_model:
        kinds = {"frame", *kinds, *KINDS["anything"]}
    return Wish(rule=rule, question=question, kinds=frozenset(kinds), is_for_model=is_for_model, since_ns=now_ns)

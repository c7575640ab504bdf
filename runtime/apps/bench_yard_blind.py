"""What one scores in the yard without looking, group by group: no question may be worth that little."""

from __future__ import annotations

from collections.abc import Sequence

from perception.yard.baselines import balance
from perception.yard.question import Question
from perception.yard.script import make_world
from perception.yard.settings import WorldSettings, seed_of
from perception.yard.view import truths
from runtime.apps.bench_measure import Measure, Plan, progress
from runtime.apps.yard_pairs import moments_of
from runtime.apps.yard_worlds import asked_of, settings_of

MOST_PERCENT = 60.0  # chance is a half where there are two answers, and less elsewhere
LENGTH_S = 24.0  # as `heedful eval yard` has it


def measure_blind(plan: Plan) -> list[Measure]:
    """Answer the test worlds' questions by what training worlds answer most often, and by the priors.

    The better of the two counts; beside it stands the majority among questions that are worded alike.
    """
    worlds, training = plan.rounds(4, 60, 600), plan.rounds(4, 60, 200)
    settings = settings_of("test", LENGTH_S)
    rows = balance(
        _questions(settings, worlds, "questions"),
        _questions(settings_of("train", LENGTH_S), training, "training"),
    )
    return [
        Measure(
            name=f"right without looking: {row.group}",
            value=100 * max(row.majority, row.blind),
            unit="%",
            at_most=MOST_PERCENT,
            detail={
                name: round(100 * share, 1)
                for name, share in (("majority", row.majority), ("blind", row.blind), ("wording", row.wording))
            }
            | {"questions": row.count, "worlds": worlds, "training_worlds": training},
        )
        for row in rows
    ]


def _questions(settings: WorldSettings, worlds: int, name: str) -> Sequence[Question]:
    """Return all that is asked about the first worlds of a split."""
    questions: list[Question] = []
    for number in range(worlds):
        progress(f"{name}, world {number + 1} of {worlds}")
        seed = seed_of(settings.split, number)
        seen = list(truths(make_world(settings, seed), moments_of(settings.length_s)))
        questions += [one.question for one in asked_of(seen, settings, seed)]
    return questions

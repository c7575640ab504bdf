"""An answer in words, every way in which it is said here; `answers` reads all of them back."""

from __future__ import annotations

from perception.yard.mentions import SIDE_PHRASES
from perception.yard.question import Answer, AnswerKind
from perception.yard.words import NUMBERS, say_clock, say_span

_UNKNOWN = ("I cannot tell.", "I don't know.", "Nobody could know that.", "That is unknown.")
_REFUTED_ALWAYS = ("There was no such thing.", "No such thing happened.")
_REFUTED = ("There is none.", "Nothing.", "It did not.", "That never happened.", "It isn't in view.")
_HAPPENED = {"approach": "something approached", "retreat": "something went away"}
_WAYS = {"left": "to the left", "right": "to the right", "towards": "towards us", "away": "away from us"}


def say_answer(answer: Answer, asked_s: float) -> str:
    """Return an answer in words."""
    return sayings(answer, asked_s, answer.kind)[0]


def sayings(answer: Answer, asked_s: float, asks: AnswerKind) -> tuple[str, ...]:
    """Return every way to say an answer to a question of a kind."""
    value = answer.value
    match answer.kind:
        case "unknown":
            return _UNKNOWN
        case "refuted":
            return _REFUTED_ALWAYS if asks in {"yes_no", "number", "list", "refuted"} else (*_REFUTED_ALWAYS, *_REFUTED)
        case "class":
            return (f"A {value}.", f"{value}", f"It is a {value}.", f"I think that it was a {value}")
        case "colour" | "speed" | "sound":
            return (f"{str(value).capitalize()}.", f"It is {value}.", f"{value}", f"It was {value}, I think.")
        case "side":
            return (f"{SIDE_PHRASES[str(value)].capitalize()}.", f"{value}", f"It is {SIDE_PHRASES[str(value)]}.")
        case "direction":
            return (f"{_WAYS[str(value)].capitalize()}.", f"{value}", f"It is moving {_WAYS[str(value)]}.")
        case "yes_no":
            return ("Yes.", "yes", "Yes, it is.") if value == "yes" else ("No.", "no", "No, it is not.")
        case "number":
            return _numbers(int(str(value)))
        case "duration":
            span = say_span(float(str(value)))
            return (f"{span.capitalize()}.", f"about {span}", f"It took {span}.")
        case "time":
            return _times(float(str(value)), asked_s)
        case _:
            return _orders(value) if answer.kind == "order" else _lists(value)


def _numbers(number: int) -> tuple[str, ...]:
    word = NUMBERS[number] if number < len(NUMBERS) else str(number)
    return (f"{word.capitalize()}.", f"{number}", f"There are {word}.", "None.") if not number else (
        f"{word.capitalize()}.", f"{number}", f"There are {word}."
    )  # fmt: skip


def _times(at_s: float, asked_s: float) -> tuple[str, ...]:
    ago = say_span(asked_s - at_s)
    return (f"At {say_clock(at_s)}.", say_clock(at_s), f"{ago} ago.", f"About {ago} ago, at {say_clock(at_s)}.")


def _orders(value: object) -> tuple[str, ...]:
    if isinstance(value, tuple):
        first, *rest = value
        return ", ".join((f"First the {first}", *(f"then the {one}" for one in rest))) + ".", ", ".join(value)
    return (
        f"{str(value).capitalize()}.",
        f"{value}",
        f"It was {value}." if value in {"before", "after"} else f"The {value}.",
    )


def _lists(value: object) -> tuple[str, ...]:
    names = [_HAPPENED.get(str(name), str(name)) for name in value] if isinstance(value, tuple) else []
    if not names:
        return ("Nothing.", "none", "It was quiet.")
    joined = " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
    return (f"{joined.capitalize()}.", ", ".join(names), f"There was {joined}.")

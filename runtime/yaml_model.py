"""A YAML file as a pydantic model; whatever is wrong with it is one line in our words: file, field, what to write."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from runtime.errors import ConfigError, InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pydantic_core import ErrorDetails

Model = TypeVar("Model", bound=BaseModel)

WORDS = {  # pydantic's error types -> what to write; braces are its own fields
    "float_type": "write a number",
    "float_parsing": "write a number",
    "finite_number": "write a number that is finite",
    "int_type": "write a whole number",
    "int_parsing": "write a whole number",
    "int_from_float": "write a whole number",
    "bool_type": "write true or false",
    "bool_parsing": "write true or false",
    "string_type": "write text, in quotes where it would be something else",
    "path_type": "write a path",
    "greater_than": "write more than {gt:,.10g}",
    "greater_than_equal": "write {ge:,.10g} or more",
    "less_than": "write less than {lt:,.10g}",
    "less_than_equal": "write {le:,.10g} or less",
    "literal_error": "write {expected}",
    "missing": "is missing",
    "string_too_short": "must not be empty",
    "string_too_long": "at most {max_length} characters",
    "string_pattern_mismatch": "does not have the form {pattern}",
    "too_short": "is empty; name at least {min_length}",
    "invalid_key": "write a name, in quotes where it would be something else",
}
KEY = "[key]"  # pydantic's word for a name that is none
NOT_SETTINGS = ("dict_type", "model_type", "model_attributes_type")


def read_model(
    path: Path, model: type[Model], fault: type[ConfigError] | type[InputError], *, called: str = ""
) -> Model:
    """Return what a file says; an empty one says nothing. Raises `fault` with the path, or as the user `called` it."""
    source = called or str(path)
    try:
        values = loaded(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise fault(source, "cannot be read: it is no text (UTF-8)") from error
    except OSError as error:
        raise fault(source, f"cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise fault(source, f"is not YAML: {error}") from error
    if not isinstance(values, dict | None):
        raise fault(source, f"must be a mapping of settings, beginning with {_listed(list(model.model_fields))}")
    try:
        return model.model_validate(values or {})
    except ValidationError as error:
        faults = error.errors(include_url=False)
        # a mistyped key comes first: what it was meant to be is missing then
        where, reason = _explained(model, min(faults, key=lambda one: one["type"] != "extra_forbidden"))
        raise fault(source, f"{where}: {reason}" if where else reason) from error


def loaded(text: str) -> Any:
    """Return what YAML says. Raises ValueError, of one line, where it is none."""
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, LookupError, AttributeError, RecursionError) as error:  # a date in month 13
        raise ValueError(" ".join(str(error).split())) from error


def _explained(model: type[BaseModel], error: ErrorDetails) -> tuple[str, str]:
    """Return the field as the user wrote it, and what to do about it."""
    place, kind, context = error["loc"], error["type"], error.get("ctx", {})
    parts, annotation = _walk(model, place)
    where = " ".join(".".join(parts).split())
    value = error.get("input")
    shown = f" (is {value!r})" if isinstance(value, str | int | float | bool) else ""
    if kind == "extra_forbidden":
        known = _keys(_walk(model, place[:-1])[1])
        near = difflib.get_close_matches(str(place[-1]), known, n=1, cutoff=0.4)
        return where, f"unknown key; did you mean {near[0]}?" if near else f"unknown key; known are {', '.join(known)}"
    if kind in ("union_tag_not_found", "union_tag_invalid"):
        key = str(context["discriminator"]).strip("'")
        near = difflib.get_close_matches(key, map(str, value if isinstance(value, dict) else ()), n=1)
        has = f" (is {context['tag']!r})" if "tag" in context else f"; {near[0]!r} is no key" if near else ""
        return where, f"needs {key}: {_listed(_tags(annotation, key))}{has}"
    if kind in NOT_SETTINGS:
        known = _keys(annotation)
        below = f"settings below it: {', '.join(known)}" if known else "names below it, each with what belongs to it"
        return where, f"write {below}{shown}"
    words = WORDS.get(kind)
    if words is None:
        return where, error["msg"].removeprefix("Value error, ") + shown
    return where, words.format(**context).replace("'", "") + shown


def _walk(model: type[BaseModel], place: Sequence[int | str]) -> tuple[list[str], Any]:
    """Return the parts of a place that the user wrote, and what belongs there, None where nothing does."""
    parts: list[str] = []
    there: Any = model
    for part in place:
        if part == KEY:
            continue
        members = _members(there)
        if len(members) > 1 and (tried := [one for one in members if part in (*_literals(one), one.__name__)]):
            there = tried[0]  # pydantic names the member it tried, which the user did not write
            continue
        parts.append(str(part))
        there = _below(members[0], part) if members else None
    return parts, there


def _below(there: Any, part: int | str) -> Any:
    if isinstance(there, type) and issubclass(there, BaseModel):
        known = there.model_fields.get(str(part))
        return known.annotation if known is not None else None
    return get_args(there)[1] if get_origin(there) is dict else None


def _members(there: Any) -> list[Any]:
    """Return what an annotation allows, apart from none."""
    if get_origin(there) is Annotated:
        return _members(get_args(there)[0])
    members = get_args(there) if get_args(there) and get_origin(there) not in (dict, list, Literal) else (there,)
    return [one for one in members if one not in (None, type(None))]


def _literals(model: Any) -> list[str]:
    fields = model.model_fields.values() if isinstance(model, type) and issubclass(model, BaseModel) else ()
    return [value for one in fields if get_origin(one.annotation) is Literal for value in get_args(one.annotation)]


def _tags(there: Any, key: str) -> list[str]:
    return [tag for one in _members(there) for tag in get_args(one.model_fields[key].annotation)]


def _keys(there: Any) -> list[str]:
    models = [one for one in _members(there) if isinstance(one, type) and issubclass(one, BaseModel)]
    return list(dict.fromkeys(key for one in models for key in one.model_fields))


def _listed(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else "".join(words)

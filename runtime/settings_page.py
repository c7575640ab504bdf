"""Every setting of a configuration as a page: what it means, its unit, default and range.

`python -m runtime.settings_page > docs/configuration.md` writes it. Types, defaults and ranges come from the models'
JSON schema, the sentences from the text below each field in `runtime/config.py`.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import runtime.config
from runtime.config import Config, shipped

if TYPE_CHECKING:
    from runtime.schema import Node

UNITS = {
    "px": "px",
    "s": "s",
    "hz": "Hz",
    "fps": "pictures/s",
    "days": "days",
    "mib": "MiB",
    "tokens": "tokens",
    "characters": "characters",
}
TYPES = {"integer": "whole number", "number": "number", "string": "text", "boolean": "true or false"}
INTRO = """\
# Configuration

<!-- python -m runtime.settings_page > docs/configuration.md -->
One YAML file says what a session does: `heedful run FILE`, `heedful record FILE`, `heedful replay RECORDING --config
FILE`. A bare name takes one that comes along: {shipped} ([configs](../configs)).
What is left out has its default. A key that nobody knows, a wrong type and a value out of range are refused before
anything starts, in one line that names the file, the setting and what to write.

Names (of the session, of streams and of standing requests) are lower-case letters, digits, `-` and `_`, 64 at most;
`perception`, `memory`, `reasoning` and `_` are no names of streams. *None* is written `null`, or left out.

```yaml
session: yard
streams:
  gate: {source: camera, device: /dev/video2, width_px: 1280, height_px: 720}
  bumper: {source: mqtt, kind: radar}
perception: {lmm_fps: 1}
memory: {retention: {plain_days: 1}}
reasoning: {rules: {help: {request: somebody says help}}}
```
"""
OUTRO = """\
## From the environment

What is secret, or belongs to the machine, stands in no configuration:

| variable | what |
|---|---|
| `HEEDFUL_MQTT_USERNAME`, `HEEDFUL_MQTT_PASSWORD` | account on your own broker |
| `HEEDFUL_MQTT_CA` | file with the certificate authority of `mqtts://` |
| `HEEDFUL_OPENAI_KEY` | key of the server that `reasoning.server` names |
| `XDG_DATA_HOME` | memories live in its folder `heedful` (else `~/.local/share/heedful`) |
| `XDG_RUNTIME_DIR` | running sessions leave their addresses in its folder `heedful` |

Where a sensor sits is no setting: it comes with the stream, as a `calibration` message ([mqtt.md](mqtt.md)), or stands
in the manifest of a recording ([recordings.md](recordings.md)).
"""


def page() -> str:
    """Return docs/configuration.md, the same text each time."""
    schema = Config.model_json_schema()
    tables = "\n".join(_section(*one) for one in _sections(schema, schema, ""))
    intro = INTRO.replace("{shipped}", ", ".join(f"`{name}`" for name in shipped()))
    return f"{intro}\n{tables}\n{OUTRO}"


def sentences() -> dict[str, dict[str, str]]:
    """Return what stands below each field of each model in the source, by class and field."""
    found: dict[str, dict[str, str]] = {}
    for model in ast.parse(inspect.getsource(runtime.config)).body:
        if isinstance(model, ast.ClassDef):
            below = zip(model.body, model.body[1:], strict=False)
            found[model.name] = {
                field.target.id: " ".join(text.value.value.split())
                for field, text in below
                if isinstance(field, ast.AnnAssign)
                and isinstance(field.target, ast.Name)
                and isinstance(text, ast.Expr)
                and isinstance(text.value, ast.Constant)
                and isinstance(text.value.value, str)
            }
    return found


def _sections(root: Node, model: Node, place: str) -> Iterator[tuple[Node, str, str]]:
    """Yield each model once with its place and what distinguishes it, in the order of the file."""
    yield model, place, ""
    for name, field in model["properties"].items():
        where = f"{place}.{name}" if place else name
        if "$ref" in field:
            yield from _sections(root, _referred(root, field), where)
        entries = field.get("additionalProperties", {})
        if "$ref" in entries:
            yield from _sections(root, _referred(root, entries), f"{where}.NAME")
        for one in entries.get("oneOf", ()):
            chosen = _referred(root, one)
            key = entries["discriminator"]["propertyName"]
            yield chosen, f"{where}.NAME", f"`{key}: {chosen['properties'][key]['const']}`"


def _section(model: Node, place: str, choice: str) -> str:
    title = f"`{place}`" + (f" with {choice}" if choice else "") if place else "The file"
    lines = [f"## {title}", "", model["description"], ""]
    lines += ["| setting | type | unit | default | range | what it means |", f"|{6 * '---|'}"]
    told = sentences()[model["title"]]
    for name, field in model["properties"].items():
        assert name in told, f"write a sentence below {model['title']}.{name} in runtime/config.py"
        cells = (f"`{name}`", _type(field), _unit(name, field), _default(model, name, field), _range(field), told[name])
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _referred(root: Node, field: Node) -> Node:
    found: Node = root["$defs"][field["$ref"].rpartition("/")[2]]
    return found


def _shapes(field: Node) -> list[Node]:
    """Return what a field may be, apart from none."""
    return [one for one in field.get("anyOf", [field]) if one.get("type") != "null"]


def _type(field: Node) -> str:
    return " or ".join(_shape(one) for one in _shapes(field))


def _shape(shape: Node) -> str:
    if "const" in shape:
        return f"`{shape['const']}`"
    if "enum" in shape:
        return ", ".join(f"`{one}`" for one in shape["enum"])
    if "additionalProperties" in shape:
        entries = shape["additionalProperties"]
        return f"names with {TYPES[entries['type']]}s" if "type" in entries else "names with settings"
    if "$ref" in shape:
        return "settings"
    return "path" if shape.get("format") == "path" else TYPES[shape["type"]]


def _unit(name: str, field: Node) -> str:
    is_counted = any(one.get("type") in ("integer", "number", "object") for one in _shapes(field))
    return UNITS.get(name.rpartition("_")[2], "") if is_counted else ""


def _default(model: Node, name: str, field: Node) -> str:
    if name in model.get("required", ()):
        return "must be written"
    match field["default"]:
        case None:
            return "none"
        case bool(value):
            return f"`{str(value).lower()}`"
        case dict():
            return "" if "$ref" in field else "none"
        case float(value):
            return f"`{value:g}`"
        case value:
            return f"`{value}`"


def _range(field: Node) -> str:
    within = [
        one["additionalProperties"] for one in _shapes(field) if isinstance(one.get("additionalProperties"), dict)
    ]
    for shape in (*_shapes(field), *within):
        least, above, most = shape.get("minimum"), shape.get("exclusiveMinimum"), shape.get("maximum")
        if "maxLength" in shape:
            return f"{shape.get('minLength', 0)} to {shape['maxLength']:,} characters"
        if above is not None:
            return f"more than {above:,g}" + (f", up to {most:,.10g}" if most is not None else "")
        if least is not None:
            return f"{least:,g} to {most:,.10g}" if most is not None else f"{least:,g} or more"
    return ""


if __name__ == "__main__":
    sys.stdout.write(page())
